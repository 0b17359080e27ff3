import Forwarding
import GatewayTesting
import Testing

/// Clients that close their sending side after their last request, as `nc -N` does.
@Suite(.timeLimit(.minutes(5))) struct HalfCloseTests {
    private static let path = "/services/data/v62.0/x"
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    /// A body and the end right behind it: the call is made, though nothing is connected yet when the end comes.
    @Test(arguments: [4, 200_000], [true, false]) func aBodyAndTheEnd(count: Int, isChunked: Bool) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            let body = String(repeating: "b", count: count)
            try await client.send(
                world.request(
                    "POST", Self.path, [isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(count)"],
                    body: isChunked ? "\(String(count, radix: 16))\r\n\(body)\r\n0\r\n\r\n" : body))
            try await client.finishSending()
            let salesforce = try await world.upstream.accept()
            #expect(try await salesforce.readRequest().text == body)
            try await salesforce.send(Self.ok)
            var answered = try await client.readResponse()
            while answered.status == 100 { answered = try await client.readResponse() }
            #expect(answered.text == "ok")
            #expect(answered["Connection"] == ["close"])
            #expect(try await client.readToEnd() == [])
        }
    }

    /// All requests that came before the end are answered, whoever answers them, and then the connection ends.
    @Test func pipelinedRequestsAndTheEnd() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(
                world.request("GET", Self.path + "/1")
                    + world.bare("POST", "/echo", ["Content-Length: 4"], body: "echo")
                    + world.request("GET", Self.path + "/2") + world.bare("GET", "/last"))
            try await client.finishSending()
            let salesforce = try await world.upstream.accept()
            for number in 1...2 {
                #expect(try await salesforce.readRequest().target == Self.path + "/\(number)")
                try await salesforce.send(Self.ok)
                #expect(try await client.readResponse().text == "ok")
                #expect(try await client.readResponse().text == (number == 1 ? "echo" : ""))
            }
            #expect(try await client.readToEnd() == [])
        }
    }

    /// A request that the end cuts short is not made.
    @Test(arguments: ["GET /services/data/ HTTP/1.1\r\nHost: x\r\n", "GET /x HTTP/1.1\r\nHo"])
    func aHeadThatEnds(head: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.bare("GET", "/one") + head)
            try await client.finishSending()
            #expect(try await client.readResponse().status == 418)
            #expect(try await client.readToEnd() == [])
            #expect(world.upstream.acceptedCount == 0)
        }
    }

    /// A long answer goes on for as long as Salesforce sends it.
    @Test(arguments: ["1.1", "1.0"]) func aLongAnswer(version: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path).replacing("HTTP/1.1", with: "HTTP/\(version)"))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            #expect(try await client.readHead().status == 200)
            try await client.finishSending()
            for number in 0..<50 {
                let part = String(repeating: "\(number % 10)", count: 1 << 14)
                try await salesforce.send("4000\r\n\(part)\r\n")
                if version == "1.1" {
                    #expect(try await client.readChunk() == Array(part.utf8))
                } else {
                    #expect(try await client.read(count: part.utf8.count) == Array(part.utf8))
                }
            }
            try await salesforce.send("0\r\n\r\n")
            #expect(try await client.readToEnd() == (version == "1.1" ? Array("0\r\n\r\n".utf8) : []))
        }
    }

    /// An answer that came before the end of the upload is passed on whole to a client that sends no more of it.
    @Test func anEarlyAnswer() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("POST", Self.path, ["Content-Length: 100"], body: "begun"))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readHead()
            try await salesforce.send("HTTP/1.1 413 Too Large\r\nContent-Length: 10\r\n\r\nfirst")
            #expect(try await client.readHead().status == 413)
            try await client.finishSending()
            #expect(try await client.read(count: 5) == Array("first".utf8))
            try await salesforce.send("later")
            #expect(try await client.readToEnd() == Array("later".utf8))
        }
    }
}
