import Forwarding
import GatewayTesting
import Testing

/// Clients that are slow, old-fashioned, half gone or too large.
@Suite(.timeLimit(.minutes(5))) struct ClientFaultTests {
    private static let path = "/services/data/v62.0/x"

    /// A client that has closed its sending side, as `nc -N` does, gets the whole answer, however long it takes.
    @Test(arguments: ["1.1", "1.0"]) func aHalfClosedClientIsAnswered(version: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path).replacing("HTTP/1.1", with: "HTTP/\(version)"))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await client.finishSending()
            if version == "1.1" { #expect(try await client.readHead().startLine == "HTTP/1.1 100 Continue") }
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
            #expect(try await client.readHead().status == 200)
            #expect(try await client.read(count: 4) == Array("half".utf8))
            try await salesforce.send("half")
            #expect(try await client.readToEnd() == Array("half".utf8))
        }
    }

    /// A client of HTTP/1.0 gets the data of a chunked answer, and the end of the connection for its end.
    @Test func http10GetsNoChunks() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(
                world.request("GET", Self.path, ["Connection: keep-alive"]).replacing("HTTP/1.1", with: "HTTP/1.0"))
            let salesforce = try await world.upstream.accept()
            #expect(try await salesforce.readRequest().startLine == "GET \(Self.path) HTTP/1.1")
            try await salesforce.send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n")
            let head = try await client.readHead()
            #expect(head["Transfer-Encoding"] == [])
            #expect(head["Connection"] == ["close"])
            #expect(try await client.readToEnd() == Array("abcde".utf8))
        }
    }

    /// A client of HTTP/1.0 that asks for it keeps its connection where the answer has a length.
    @Test func http10MayKeepItsConnection() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            let salesforce = try await Self.ask(
                client, world, ["Connection: keep-alive"], answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            let answered = try await client.readResponse()
            #expect(answered["Connection"] == ["keep-alive"])
            #expect(answered.text == "ok")
            try await client.send(world.request("GET", Self.path).replacing("HTTP/1.1", with: "HTTP/1.0"))
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            #expect(try await client.readResponse()["Connection"] == ["close"])
            try await client.waitForEnd()
        }
    }

    private static func ask(
        _ client: RawConnection, _ world: World, _ headers: [String], answer: String
    ) async throws -> RawConnection {
        try await client.send(world.request("GET", path, headers).replacing("HTTP/1.1", with: "HTTP/1.0"))
        let salesforce = try await world.upstream.accept()
        _ = try await salesforce.readRequest()
        try await salesforce.send(answer)
        return salesforce
    }

    /// A head that does not come to its end is answered by 408, whatever trickles in.
    @Test func aSlowHeadIsCut() async throws {
        var options = WorldOptions()
        options.limits.clientHeadTimeout = .seconds(2)
        options.limits.tick = .milliseconds(20)
        try await withWorld(options) { world in
            let client = try await world.connect()
            try await client.send("GET \(Self.path) HTTP/1.1\r\nHost: axonify.formation.localhost\r\nX-Slow: ")
            let answered = try await client.readResponse()
            #expect(answered.status == 408)
            #expect(answered["Connection"] == ["close"])
            try await client.waitForEnd()
        }
    }

    /// A head that comes byte by byte, in time, is taken.
    @Test func aHeadByteByByte() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            // The middle in one piece: all tests at once leave each send to wait for its turn, and a head has 15 s.
            let bytes = Array(world.request("GET", Self.path).utf8)
            for byte in bytes.prefix(20) { try await client.send([byte]) }
            try await client.send(Array(bytes.dropFirst(20).dropLast(8)))
            for byte in bytes.suffix(8) { try await client.send([byte]) }
            let salesforce = try await world.upstream.accept()
            #expect(try await salesforce.readRequest().target == Self.path)
        }
    }

    /// A body that stalls is given up, and Salesforce's connection with it.
    @Test func aStalledUploadIsCut() async throws {
        var options = WorldOptions()
        options.limits.uploadStallTimeout = .seconds(4)
        options.limits.tick = .milliseconds(20)
        try await withWorld(options) { world in
            let client = try await world.connect()
            try await client.send(world.request("POST", Self.path, ["Content-Length: 10"], body: "abc"))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readHead()
            let answered = try await client.readResponse()
            #expect(answered.status == 408)
            #expect(answered.text.contains("REQUEST_TIMEOUT"))
            #expect(answered["Connection"] == ["close"])
            _ = try await salesforce.readToEnd()
        }
    }

    /// An idle connection is closed, before its first request and after one.
    @Test func idleConnectionsAreClosed() async throws {
        var options = WorldOptions()
        options.limits.clientIdleTimeout = .seconds(4)
        options.limits.tick = .milliseconds(20)
        try await withWorld(options) { world in
            let fresh = try await world.connect()
            try await fresh.waitForEnd()
            let used = try await world.connect()
            try await used.send(world.bare("GET", "/services/oauth2/token"))
            #expect(try await used.readResponse().status == 404)
            try await used.waitForEnd()
        }
    }

    /// What is too large is refused by the status that says so, and the connection ends.
    @Test(arguments: [
        (414, "GET /services/data/\(String(repeating: "x", count: 16 * 1024)) HTTP/1.1\r\nHost: x\r\n\r\n"),
        (431, "GET /services/data/ HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "x", count: 33 * 1024))\r\n\r\n"),
        (431, "GET /services/data/ HTTP/1.1\r\n" + String(repeating: "X: y\r\n", count: 201) + "\r\n"),
        (505, "GET /services/data/ HTTP/2.0\r\nHost: x\r\n\r\n"),
    ])
    func tooLarge(status: Int, request: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(request)
            let answered = try await client.readResponse()
            #expect(answered.status == status)
            #expect(answered["Connection"] == ["close"])
            #expect(answered["Proxy-Status"] == ["formation; error=http_request_error"])
            try await client.waitForEnd()
        }
    }

    /// A refusal reaches a client that is still sending, which the end of the connection alone would not grant.
    @Test func aRefusalIsReadWhole() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            let body = String(repeating: "x", count: 200_000)
            try await client.send(
                world.bare("POST", Self.path, ["Content-Length: \(1_000_000_000)"], body: body))
            let answered = try await client.readResponse()
            #expect(answered.status == 401)
            #expect(answered["Connection"] == ["close"])
            try await client.waitForEnd()
        }
    }

    /// A refusal to a client that waits for `100 Continue` ends the connection: nobody knows what it sends next.
    @Test func aRefusedExpectationEndsTheConnection() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.bare("POST", Self.path, ["Expect: 100-continue", "Content-Length: 4"]))
            let answered = try await client.readResponse()
            #expect(answered.status == 401)
            #expect(answered["Connection"] == ["close"])
            try await client.waitForEnd()
        }
    }

    /// Requests for both planes, bodies and all, are answered in their order and byte for byte.
    @Test func bothPlanesOnOneConnection() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(
                world.bare("POST", "/echo", ["Content-Length: 3"], body: "one")
                    + world.request("POST", Self.path, ["Transfer-Encoding: chunked"], body: "3\r\ntwo\r\n0\r\n\r\n")
                    + world.bare("POST", "/echo", ["Transfer-Encoding: chunked"], body: "5\r\nthree\r\n0\r\n\r\n")
                    + world.bare("GET", "/services/oauth2/token") + world.bare("GET", "/last"))
            #expect(try await client.readResponse().text == "one")
            let salesforce = try await world.upstream.accept()
            #expect(try await salesforce.readRequest().text == "two")
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n22")
            #expect(try await client.readResponse().text == "22")
            #expect(try await client.readResponse().text == "three")
            #expect(try await client.readResponse().status == 404)
            #expect(try await client.readResponse().status == 418)
        }
    }

    /// A body that came while its call waited goes on with it: for the asynchronous side, and for its turn.
    @Test(arguments: ["Content-Length: 4\r\n\r\nbody", "Transfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"])
    func aBodyThatCameWhileItsCallWaited(body: String) async throws {
        var options = WorldOptions()
        options.hasOneLoop = true
        options.limits.tenantConcurrency = 1
        try await withWorld(options) { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            // It waits for its turn, head and body.
            let waiting = try await world.connect()
            try await waiting.send(world.request("POST", Self.path).dropLast(1) + body)
            for _ in 0..<5 { _ = try await world.refusal(world.bare("GET", "/services/oauth2/token")) }
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            #expect(try await client.readResponse().status == 200)
            #expect(try await salesforce.readRequest().text == "body")
            try await salesforce.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            #expect(try await waiting.readResponse().status == 201)
            // A query that the warm way does not judge: the asynchronous side is asked, with a connection at hand.
            try await client.send(world.request("POST", Self.path + "?order=1").dropLast(1) + body)
            #expect(try await salesforce.readRequest().text == "body")
            try await salesforce.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            #expect(try await client.readResponse().status == 201)
        }
    }

    /// A last answer that its client reads slowly is sent whole before the connection ends.
    @Test func aLastAnswerIsSentWhole() async throws {
        try await withWorld { world in
            let client = try await world.connect(bufferBytes: 16 * 1024)
            try await client.send(world.request("GET", Self.path, ["Connection: close"]))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            let body = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            async let sending: Void = salesforce.send(
                Array("HTTP/1.1 200 OK\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body)
            let head = try await client.readHead()
            #expect(head["Connection"] == ["close"])
            #expect(try await client.readToEnd() == body)
            try await sending
        }
    }

    /// The control plane's last answer ends the connection too, however its client has said that it is the last.
    @Test(arguments: [("1.1", "Connection: Close"), ("1.1", "Connection: close"), ("1.0", "X: y")])
    func aLastControlAnswerEndsTheConnection(version: String, header: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(
                world.bare("GET", "/page", [header]).replacing("HTTP/1.1", with: "HTTP/\(version)"))
            #expect(try await client.readHead().status == 418)
            _ = try await client.readToEnd()
        }
    }

    /// One connection more than may be is closed; when another has ended, there is room again.
    @Test func connectionsAreBounded() async throws {
        var options = WorldOptions()
        options.limits.clientConnectionsMax = 2
        try await withWorld(options) { world in
            let first = try await world.connect()
            let second = try await world.connect()
            for client in [first, second] {
                try await client.send(world.bare("GET", "/services/oauth2/token"))
                #expect(try await client.readResponse().status == 404)
            }
            let third = try await world.connect()
            try await third.waitForEnd()
            await first.close()
            // Its end is noticed at its own pace.
            var answered: RawMessage?
            while answered == nil {
                let next = try await world.connect()
                try? await next.send(world.bare("GET", "/services/oauth2/token"))
                answered = try? await next.readResponse()
            }
            #expect(answered?.status == 404)
        }
    }
}
