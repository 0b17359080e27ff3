import Access
import Domain
import GatewayTesting
import Logging
import Testing

/// What is told of a call.
@Suite(.timeLimit(.minutes(5))) struct RecordTests {
    /// One line a call, with a template for its path, and never a query, a key or a token.
    @Test func oneLineACall() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            let target = "/services/data/v62.0/sobjects/Account/Ext__c/canary-key?q=canary-query"
            try await client.send(
                world.request("PATCH", target, ["Content-Length: 4", "X-Canary: canary-header"], body: "body"))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\ncanary-bytes")
            _ = try await client.readResponse()
            // The next answer on the same connection comes after the line of the first.
            try await client.send(world.bare("GET", "/services/oauth2/token?canary-query"))
            #expect(try await client.readResponse().status == 404)

            let lines = world.log.lines.filter { $0.message == "forwarded call" }
            let line = try #require(lines.first)
            #expect(line.level == .info)
            let expected: Logger.Metadata = [
                "method": "PATCH", "path": "/services/data/v62.0/sobjects/Account/Ext__c/:key", "status": "200",
                "bytes_in": "4", "bytes_out": "12", "tenant": "axonify", "user": "\(world.admin.id)",
                "request_id": "test-request", "ending": "forwarded", "duration_ms": "0", "upstream_ms": "0",
            ]
            #expect(line.metadata == expected)
            #expect(lines.last?.metadata["error"] == "NOT_FOUND")
            #expect(lines.last?.metadata["path"] == "/services/:other")
            #expect(lines.count == 2)

            let cookie = try #require(world.cookie.split(separator: "=").last)
            for line in world.log.lines {
                let text = "\(line.message) \(line.metadata)"
                for secret in ["canary", world.key, World.firstToken, String(cookie)] {
                    #expect(!text.contains(secret))
                }
            }
        }
    }

    /// A call that does not end well says how.
    @Test func endings() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", "/services/data/v62.0/limits"))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhalf")
            await salesforce.close()
            _ = try await client.readToEnd()
            let line = try #require(world.log.lines.first { $0.message == "forwarded call" })
            #expect(line.metadata["ending"] == "broken_off")
        }
    }
}
