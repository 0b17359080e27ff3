import Forwarding
import GatewayTesting
import Logging
import Testing

/// What can't be understood is answered in plain text, told of once, and ends the connection.
@Suite(.timeLimit(.minutes(5))) struct PlainRefusalTests {
    struct Case: Sendable, CustomStringConvertible {
        let description: String
        let request: String
        let statusLine: String
        let code: String
    }

    private static let host = "Host: axonify.formation.localhost:8080\r\n\r\n"

    private static let cases = [
        Case(
            description: "two lengths",
            request: "POST /services/x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n" + host,
            statusLine: "HTTP/1.1 400 Bad Request", code: "BAD_REQUEST"),
        Case(
            description: "no host", request: "GET /services/x HTTP/1.1\r\n\r\n",
            statusLine: "HTTP/1.1 400 Bad Request", code: "BAD_REQUEST"),
        Case(
            description: "a user in the host", request: "GET / HTTP/1.1\r\nHost: x@axonify.formation.localhost\r\n\r\n",
            statusLine: "HTTP/1.1 400 Bad Request", code: "BAD_REQUEST"),
        Case(
            description: "two names in the host", request: "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
            statusLine: "HTTP/1.1 400 Bad Request", code: "BAD_REQUEST"),
        Case(
            description: "no number in the port",
            request: "GET / HTTP/1.1\r\nHost: axonify.formation.localhost:80a\r\n\r\n",
            statusLine: "HTTP/1.1 400 Bad Request", code: "BAD_REQUEST"),
        Case(
            description: "a long target",
            request: "GET /services/\(String(repeating: "x", count: 17 * 1024)) HTTP/1.1\r\n" + host,
            statusLine: "HTTP/1.1 414 URI Too Long", code: "TARGET_TOO_LONG"),
        Case(
            description: "a large header",
            request: "GET /services/x HTTP/1.1\r\nX: \(String(repeating: "x", count: 33 * 1024))\r\n" + host,
            statusLine: "HTTP/1.1 431 Request Header Fields Too Large", code: "HEADERS_TOO_LARGE"),
        Case(
            description: "another version", request: "GET /services/x HTTP/2.0\r\n" + host,
            statusLine: "HTTP/1.1 505 HTTP Version Not Supported", code: "VERSION_NOT_SUPPORTED"),
    ]

    /// The status line has its reason phrase, and the log a line with the id of the answer.
    @Test(arguments: cases) func aRefusalIsToldOf(what: Case) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(what.request)
            let statusLine = try await client.read(through: "\r\n").dropLast(2)
            #expect(String(decoding: statusLine, as: UTF8.self) == what.statusLine)
            let rest = String(decoding: try await client.readToEnd(), as: UTF8.self)
            #expect(rest.contains("X-Request-Id: test-request\r\n"))
            let lines = world.log.lines.filter { $0.message == "forwarded call" }
            #expect(lines.count == 1)
            #expect(lines.first?.metadata["path"] == ":unread")
            #expect(lines.first?.metadata["error"] == .string(what.code))
            #expect(lines.first?.metadata["request_id"] == "test-request")
        }
    }

    /// The gateway's own answers to calls have their reason phrase too.
    @Test func refusedCalls() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.bare("GET", "/services/data"))
            let statusLine = try await client.read(through: "\r\n").dropLast(2)
            #expect(String(decoding: statusLine, as: UTF8.self) == "HTTP/1.1 401 Unauthorized")
        }
    }
}
