import Forwarding
import GatewayTesting
import Testing

/// Requests and answers leave in order and whole, whether they go straight to the socket, through the channel, or partly
/// each way.
@Suite(.timeLimit(.minutes(2))) struct OutboxTests {
    private static let path = "/services/data/v62.0/x"

    /// A client that sends many requests before it reads: its socket takes answers until it is full, then parts of them,
    /// then none, and then all the rest.
    @Test func answersToAClientThatReadsLate() async throws {
        let count = 400
        try await withWorld { world in
            let client = try await world.connect(bufferBytes: 4 * 1024)
            async let sending: Void = {
                for number in 0..<count { try await client.send(world.request("GET", Self.path + "/\(number)")) }
            }()
            let salesforce = try await world.upstream.accept()
            async let answering: Void = {
                for number in 0..<count {
                    let target = try await salesforce.readRequest().target
                    #expect(target == Self.path + "/\(number)")
                    let body = Self.body(number)
                    try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
                }
            }()
            // Not before there is more on its way than all buffers between here and there hold.
            for number in 0..<count {
                if number == 0 { try await sending }
                #expect(try await client.readResponse().text == Self.body(number))
            }
            try await answering
        }
    }

    /// Requests with large heads, to an upstream that reads late.
    @Test func requestsToAnUpstreamThatReadsLate() async throws {
        try await withWorld { world in
            let filler = String(repeating: "f", count: 15_000)
            let body = String(repeating: "b", count: 3_000_000)
            let client = try await world.connect()
            let request = world.request(
                "PUT", Self.path, ["X-Filler: \(filler)", "Content-Length: \(body.utf8.count)"], body: body)
            async let sending: Void = client.send(request)
            let salesforce = try await world.upstream.accept()
            let received = try await salesforce.readRequest()
            #expect(received["X-Filler"] == [filler])
            #expect(received.text == body)
            try await sending
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            #expect(try await client.readResponse().text == "ok")
            try await client.send(world.request("GET", Self.path + "/next"))
            #expect(try await salesforce.readRequest().target == Self.path + "/next")
        }
    }

    private static func body(_ number: Int) -> String {
        String(repeating: "\(number),", count: 1 + number % 7 * 700)
    }
}
