import Forwarding
import GatewayTesting
import Testing

/// Connections that the control plane answers on.
@Suite(.timeLimit(.minutes(5))) struct ControlConnectionTests {
    private static let path = "/services/data/v62.0/x"

    /// Where the client says that a request is its last, the connection ends after the answer.
    @Test(arguments: ["Connection: close", "Connection: Close", "Connection: te, CLOSE"]) func theLast(
        header: String
    ) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.bare("GET", "/x"))
            #expect(try await client.readResponse().status == 418)
            try await client.send(world.bare("GET", "/x", [header]))
            #expect(try await client.readResponse().status == 418)
            #expect(try await client.readToEnd() == [])
        }
    }

    /// HTTP/1.0 closes unless it says otherwise.
    @Test func http10() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.bare("GET", "/x").replacing("HTTP/1.1", with: "HTTP/1.0"))
            let text = String(decoding: try await client.readToEnd(), as: UTF8.self)
            #expect(text.contains(" 418 "))
        }
    }

    /// A chunked body that two readers could read differently is refused, and nothing waits for its end.
    @Test(arguments: ["5 \r\nhello\r\n", "5;=\r\nhello\r\n", "5\nhello", "x\r\n"])
    func malformedChunks(body: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.bare("POST", "/echo", ["Transfer-Encoding: chunked"], body: body))
            #expect(try await client.readHead().status == 400)
            try await client.waitForEnd()
        }
    }

    /// An answer that comes before the end of the upload; what is left of it is no request.
    @Test(arguments: [10, 100_000]) func anEarlyAnswer(left: Int) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.bare("POST", "/early", ["Content-Length: \(left + 5)"], body: "begun"))
            #expect(try await client.readResponse().status == 418)
            try await client.send(String(repeating: "G", count: left))
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            #expect(try await client.readResponse().text == "ok")
        }
    }

    /// The rest of an upload that was answered is not read for ever.
    @Test func anEndlessUpload() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.bare("POST", "/early", ["Content-Length: 1000000000"], body: "begun"))
            #expect(try await client.readResponse().status == 418)
            let part = [UInt8](repeating: 0x47, count: 64 * 1024)
            // The gateway closes, and so a send fails.
            await #expect(throws: (any Error).self) { for _ in 0..<1000 { try await client.send(part) } }
        }
    }

    /// Answers come in the order of their requests, also where many of both planes are sent at once.
    @Test func manyInOrder() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            var requests = ""
            for number in 0..<60 {
                let text = "\(number + 10)"
                switch number % 3 {
                case 0: requests += world.bare("POST", "/echo", ["Content-Length: 2"], body: text)
                case 1:
                    requests += world.bare(
                        "POST", "/echo", ["Transfer-Encoding: chunked"], body: "2\r\n\(text)\r\n0\r\n\r\n")
                default: requests += world.request("PUT", Self.path, ["Content-Length: 2"], body: text)
                }
            }
            try await client.send(requests)
            async let answering: Void = {
                let salesforce = try await world.upstream.accept()
                for _ in 0..<20 {
                    let text = try await salesforce.readRequest().text
                    try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\(text)")
                }
            }()
            for number in 0..<60 {
                let answered = try await client.readResponse()
                #expect(answered.status == (number % 3 == 2 ? 200 : 418))
                #expect(answered.text == "\(number + 10)")
            }
            try await answering
        }
    }
}
