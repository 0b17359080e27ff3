import Forwarding
import GatewayTesting
import Logging
import Testing

/// What happens when one side does not keep its part.
@Suite(.timeLimit(.minutes(5))) struct FaultTests {
    private static let path = "/services/data/v62.0/x"

    /// An answer that broke off ends the client's connection, and never looks whole.
    @Test(arguments: [
        ("Content-Length: 10\r\n\r\nabc", false), ("Content-Length: 10\r\n\r\nabc", true),
        ("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", false),
        ("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true),
        ("Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n5\r\nde", false),
    ])
    func anAnswerThatBreaksOff(answer: String, byReset: Bool) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\n\(answer)")
            let head = try await client.readHead()
            #expect(head.status == 200)
            if byReset { await salesforce.reset() } else { await salesforce.close() }
            let rest = String(decoding: try await client.readToEnd(), as: UTF8.self)
            #expect(!rest.hasSuffix("0\r\n\r\n"))
            if head["Content-Length"] == ["10"] { #expect(rest.utf8.count < 10) }
        }
    }

    /// Nobody listens: 502, in Salesforce's shape.
    @Test func salesforceIsUnreachable() async throws {
        var options = WorldOptions()
        options.isUpstreamGone = true
        try await withWorld(options) { world in
            let answered = try await world.refusal(world.request("GET", Self.path))
            #expect(answered.status == 502)
            #expect(answered.text.contains("\"errorCode\":\"UPSTREAM_UNREACHABLE\""))
            #expect(answered["Proxy-Status"] == ["formation; error=destination_unavailable"])
        }
    }

    /// What Salesforce did instead of an answer: the answer's `Proxy-Status` and the log say it.
    @Test(arguments: [
        ("", "connection_terminated"), ("HTTP/1.1 200", "http_response_incomplete"),
        ("SSH-2.0-OpenSSH\r\n\r\n", "http_protocol_error"),
    ])
    func faultsHaveNames(sent: String, cause: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            // It can't be made again, and so not over another connection.
            try await client.send(world.request("POST", Self.path, ["Content-Length: 0"]))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send(sent)
            await salesforce.close()
            let answered = try await client.readResponse()
            #expect(answered.status == 502)
            #expect(answered["Proxy-Status"] == ["formation; error=\(cause)"])
            #expect(world.log.lines.last { $0.message == "forwarded call" }?.metadata["cause"] == .string(cause))
        }
    }

    /// No head within the limit: 504, and Salesforce's connection is given up.
    @Test(arguments: ["GET", "POST"]) func salesforceIsTooSlow(method: String) async throws {
        var options = WorldOptions()
        options.limits.upstreamHeadTimeout = .seconds(1)
        try await withWorld(options) { world in
            let client = try await world.connect()
            try await client.send(
                world.request(
                    method, Self.path, method == "POST" ? ["Content-Length: 2"] : [], body: method == "POST" ? "{}" : ""
                ))
            let salesforce = try await world.upstream.accept()
            let answered = try await client.readResponse()
            #expect(answered.status == 504)
            #expect(answered.text.contains("UPSTREAM_TIMEOUT"))
            try await salesforce.waitForEnd()
        }
    }

    /// What is no HTTP is not passed on.
    @Test(arguments: [
        "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
    ])
    func garbage(answer: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("POST", Self.path, ["Content-Length: 0"]))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send(answer)
            let answered = try await client.readResponse()
            #expect(answered.status == 502)
            #expect(answered.text.contains("UPSTREAM_UNREACHABLE"))
        }
    }

    /// A kept connection that Salesforce has closed meanwhile is not the caller's error, where the call may be
    /// repeated.
    @Test(arguments: ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"]) func aStaleConnectionIsTriedOnceMore(method: String)
        async throws
    {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let first = try await world.upstream.accept()
            _ = try await first.readRequest()
            try await first.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            _ = try await client.readResponse()
            let body = method == "PUT" ? "body" : ""
            try await client.send(
                world.request(method, Self.path, body.isEmpty ? [] : ["Content-Length: 4"], body: body))
            _ = try await first.readRequest()
            await first.close()
            let second = try await world.upstream.accept()
            #expect(try await second.readRequest().text == body)
            try await second.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Second: 1\r\n\r\n")
            #expect(try await client.readResponse(toHead: method == "HEAD")["X-Second"] == ["1"])
        }
    }

    /// What may have been executed is not repeated.
    @Test(arguments: ["POST", "PATCH"]) func whatMayHaveBeenExecutedIsNotRepeated(method: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request(method, Self.path, ["Content-Length: 4"], body: "body"))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            await salesforce.close()
            #expect(try await client.readResponse().status == 502)
            #expect(world.upstream.acceptedCount == 1)
        }
    }

    /// A GET that a header can make something else may have been executed as that.
    @Test func whatIsOverriddenIsNotRepeated() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path, ["X-HTTP-Method-Override: POST"]))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            await salesforce.close()
            #expect(try await client.readResponse().status == 502)
            #expect(world.upstream.acceptedCount == 1)
        }
    }

    /// It is once more, not for ever.
    @Test func aSecondClosedConnectionIsAnError() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            for _ in 0..<2 {
                let salesforce = try await world.upstream.accept()
                _ = try await salesforce.readRequest()
                await salesforce.close()
            }
            #expect(try await client.readResponse().status == 502)
            #expect(world.upstream.acceptedCount == 2)
        }
    }

    /// Where an answer has begun, the call was executed.
    @Test func abegunAnswerIsNotRepeated() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Le")
            await salesforce.close()
            #expect(try await client.readResponse().status == 502)
            #expect(world.upstream.acceptedCount == 1)
        }
    }

    /// An answer that comes before the end of the upload reaches the client whole, which may go on or give up.
    @Test(arguments: ["413 Payload Too Large", "200 OK", "500 Internal Server Error", "204 No Content"])
    func anAnswerBeforeTheEndOfTheUpload(status: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("POST", Self.path, ["Content-Length: 1000"], body: "begun"))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readHead()
            _ = try await salesforce.read(count: 5)
            try await salesforce.send(
                "HTTP/1.1 \(status)\r\n" + (status.hasPrefix("204") ? "\r\n" : "Content-Length: 6\r\n\r\nenough"))
            let answered = try await client.readResponse()
            #expect(answered.target == status.prefix(3))
            if !status.hasPrefix("204") { #expect(answered.text == "enough") }
            await client.close()
            try await salesforce.waitForEnd()
        }
    }

    /// After such an answer the connection is still in step: what is left of the upload is not taken for a request.
    @Test func theRestOfAnUploadIsNoRequest() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("POST", Self.path, ["Content-Length: 42"], body: "begun"))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readHead()
            try await salesforce.send("HTTP/1.1 413 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            #expect(try await client.readResponse().status == 413)
            try await client.send("GET /services/data/ HTTP/1.1\r\nHost: x")
            try await client.send(world.bare("GET", "/services/nothing"))
            #expect(try await client.readResponse().status == 404)
            #expect(world.upstream.acceptedCount == 1)
        }
    }

    /// How a client goes away.
    enum Leaving: CaseIterable, Sendable { case byReset, byClosing }

    /// A client that goes away before the answer: the call is given up.
    @Test(arguments: Leaving.allCases) func theClientLeavesBeforeTheAnswer(how: Leaving) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            switch how {
            case .byReset: await client.reset()
            case .byClosing: await client.close()
            }
            try await salesforce.waitForEnd()
        }
    }

    /// A client that goes away in the middle of an answer that does not go on: the call is given up.
    @Test(arguments: Leaving.allCases) func theClientLeavesInTheAnswer(how: Leaving) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun")
            _ = try await client.readHead()
            switch how {
            case .byReset: await client.reset()
            case .byClosing: await client.close()
            }
            try await salesforce.waitForEnd()
        }
    }

    /// A client that goes away in the middle of its upload: Salesforce never sees a body that looks whole.
    @Test(arguments: ["Content-Length: 1000", "Transfer-Encoding: chunked"], Leaving.allCases)
    func theClientLeavesInTheUpload(framing: String, how: Leaving) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(
                world.request("POST", Self.path, [framing], body: framing.hasPrefix("T") ? "5\r\nbegun\r\n" : "begun"))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readHead()
            _ = try await salesforce.read(through: "begun")
            switch how {
            case .byReset: await client.reset()
            case .byClosing: await client.close()
            }
            let rest = String(decoding: try await salesforce.readToEnd(), as: UTF8.self)
            #expect(!rest.contains("0\r\n"))
        }
    }

    /// A call may take so long and no longer; then both sides are told.
    @Test func theTotalTimeIsBounded() async throws {
        var options = WorldOptions()
        options.limits.totalTimeout = .seconds(8)
        try await withWorld(options) { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbegun")
            _ = try await client.readHead()
            #expect(try await client.readToEnd().count < 1000)
            try await salesforce.waitForEnd()
        }
    }
}
