import Forwarding
import GatewayTesting
import Testing

/// Salesforce's side of faults, beyond `FaultTests`.
@Suite(.timeLimit(.minutes(5))) struct UpstreamFaultTests {
    private static let path = "/services/data/v62.0/x"
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    /// Provisional answers are passed over, but not without end.
    @Test(arguments: [(32, 200), (33, 502)]) func provisionalStorm(count: Int, status: Int) async throws {
        try await withWorld { world in
            let storm = String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: count)
            let (_, answered) = try await world.exchange(world.request("POST", Self.path), answer: storm + Self.ok)
            #expect(answered.status == status)
        }
    }

    /// A connection on which more came than was asked for is not used again.
    @Test(arguments: ["HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", "\r\n", "x"])
    func extraBytes(extra: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let first = try await world.upstream.accept()
            _ = try await first.readRequest()
            try await first.send(Self.ok + extra)
            #expect(try await client.readResponse().text == "ok")
            try await first.waitForEnd()
            try await client.send(world.request("GET", Self.path))
            let second = try await world.upstream.accept()
            _ = try await second.readRequest()
            try await second.send(Self.ok)
            #expect(try await client.readResponse().text == "ok")
        }
    }

    /// A body that ends with its connection is not whole where the connection broke.
    @Test func aCloseDelimitedAnswerThatBreaks() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbegun")
            _ = try await client.readHead()
            #expect(try await client.readChunk() == Array("begun".utf8))
            await salesforce.reset()
            #expect(try await client.readToEnd() == [])
        }
    }

    /// `Connection: close` of Salesforce ends its connection and not the client's.
    @Test func salesforceClosesAfterItsAnswer() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            for _ in 0..<2 {
                try await client.send(world.request("GET", Self.path))
                let salesforce = try await world.upstream.accept()
                _ = try await salesforce.readRequest()
                try await salesforce.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok")
                let answered = try await client.readResponse()
                #expect(answered.text == "ok")
                #expect(answered["Connection"] == [])
                try await salesforce.waitForEnd()
            }
        }
    }

    /// A head that comes byte by byte is read all the same.
    @Test func anAnswerByteByByte() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            for byte in "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8 {
                try await salesforce.send([byte])
            }
            #expect(try await client.readResponse().text == "abc")
        }
    }

    /// A head without end is no answer.
    @Test func anEndlessHead() async throws {
        try await withWorld { world in
            let (_, answered) = try await world.exchange(
                world.request("POST", Self.path),
                answer: "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 40 * 1024))
            #expect(answered.status == 502)
        }
    }
}
