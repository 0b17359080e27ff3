import Forwarding
import GatewayTesting
import NIOConcurrencyHelpers
import Testing

/// The last answer on a connection arrives whole, however it ends.
@Suite(.timeLimit(.minutes(5))) struct LastAnswerTests {
    private static let path = "/services/data/v62.0/x"
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    /// 16 MiB: more than all kernel buffers on the way hold.
    private static let count = 16 << 20

    /// How a client says that its request is the last.
    enum Last: CaseIterable, Sendable { case byHeader, byVersion, byHalfClose }

    /// A client that reads slowly gets all of it: what the socket has not taken yet is not thrown away.
    @Test(arguments: Last.allCases) func aSlowReader(last: Last) async throws {
        var options = WorldOptions()
        // On a busy machine the answer may rest for a while.
        options.limits.halfClosedTimeout = .seconds(50)
        try await withWorld(options) { world in
            let client = try await world.connect(bufferBytes: 32 * 1024)
            let request = world.request("GET", Self.path, last == .byHeader ? ["Connection: close"] : [])
            try await client.send(last == .byVersion ? request.replacing("HTTP/1.1", with: "HTTP/1.0") : request)
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.count)\r\n\r\n")
            let head = try await client.readHead()
            #expect(head["Connection"] == (last == .byHalfClose ? [] : ["close"]))
            if last == .byHalfClose { try await client.finishSending() }
            async let sending: Void = salesforce.send(Array(repeating: 7, count: Self.count))
            var received = 0
            while received < Self.count {
                let part = try await client.readAvailable()
                guard !part.isEmpty else { break }
                received += part.count
                // The gateway is the faster one.
                for _ in 0..<20 { await Task.yield() }
            }
            #expect(received == Self.count)
            try await sending
            #expect(try await client.waitForEnd() == false)
        }
    }

    /// A client that sends on, not knowing that the answer is the last, can read it all the same.
    @Test func aClientThatSendsOn() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            world.plane.drain()
            try await salesforce.send(Self.ok)
            try await salesforce.waitForEnd()
            // The gateway has closed its side by now; a closed socket would answer this by a reset.
            for _ in 0..<4 {
                try await client.send(world.request("GET", Self.path) + String(repeating: "x", count: 999))
            }
            let answered = try await client.readResponse()
            #expect(answered.text == "ok")
            #expect(answered["Connection"] == ["close"])
            #expect(try await client.waitForEnd() == false)
        }
    }

    /// Draining: what is in flight is answered, and each answer is the last on its connection.
    @Test func draining() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            let begun = try await world.connect()
            try await begun.send(world.request("GET", Self.path))
            let other = try await world.upstream.accept()
            _ = try await other.readRequest()
            try await other.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha")
            #expect(try await begun.readHead()["Connection"] == [])
            let idle = try await world.connect()
            try await idle.send(world.bare("GET", "/services/oauth2/token"))
            #expect(try await idle.readResponse()["Connection"] == [])
            let controlled = try await world.connect()
            try await controlled.send(world.bare("GET", "/x"))
            #expect(try await controlled.readResponse().status == 418)
            let halfway = try await world.connect()
            try await halfway.send("GET /services/data/v62.0/halfway HTTP/1.1\r\n")
            let halfwayToControl = try await world.connect()
            try await halfwayToControl.send("GET /halfway HTTP/1.1\r\n")
            // Each connection is known to the gateway, and what was sent on it is read.
            for _ in 0..<5 { _ = try await world.refusal(world.bare("GET", "/services/oauth2/token")) }

            world.plane.drain()
            await world.quiesce()
            #expect(try await idle.readToEnd() == [])
            #expect(try await controlled.readToEnd() == [])
            try await other.send("lf")
            #expect(try await begun.readToEnd() == Array("half".utf8))
            try await salesforce.send(Self.ok)
            let answered = try await client.readResponse()
            #expect(answered.text == "ok")
            #expect(answered["Connection"] == ["close"])
            #expect(try await client.readToEnd() == [])
            try await halfway.send("Host: axonify.formation.localhost:8080\r\n\r\n")
            #expect(try await halfway.readResponse().status == 401)
            #expect(try await halfway.readToEnd() == [])
            try await halfwayToControl.send("Host: axonify.formation.localhost:8080\r\n\r\n")
            #expect(try await halfwayToControl.readResponse().status == 418)
            #expect(try await halfwayToControl.readToEnd() == [])
        }
    }

    /// Requests that have come before the gateway is told to finish are answered, the last one with the news.
    @Test func whatHasComeIsAnswered() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(
                world.request("GET", Self.path + "/1") + world.request("GET", Self.path + "/2")
                    + world.request("GET", Self.path + "/3"))
            for number in 1...3 {
                // Salesforce's connections are not kept any more.
                let salesforce = try await world.upstream.accept()
                #expect(try await salesforce.readRequest().target == Self.path + "/\(number)")
                if number == 1 {
                    world.plane.drain()
                    await world.quiesce()
                }
                try await salesforce.send(Self.ok)
                #expect(try await client.readResponse()["Connection"] == (number == 3 ? ["close"] : []))
            }
            #expect(try await client.readToEnd() == [])
        }
    }

    /// HTTP/1.0 takes the end of a connection for the end of an answer: one that broke off ends by a reset.
    @Test(arguments: ["Transfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n", "\r\nbegun"])
    func http10SeesThatAnAnswerBrokeOff(answer: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path).replacing("HTTP/1.1", with: "HTTP/1.0"))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\n\(answer)")
            _ = try await client.read(through: "begun")
            await salesforce.reset()
            #expect(try await client.waitForEnd() == true)
        }
    }
}
