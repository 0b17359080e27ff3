import GatewayTesting
import Testing

/// Targets, methods and bodies arrive as they were sent.
@Suite(.timeLimit(.minutes(5))) struct ByteExactnessTests {
    static let targets =
        PathAdmissionTests.forwarded + [
            "/services/data/v62.0/query?q=SELECT+Id+FROM+Account+WHERE+Name+LIKE+'%25a%2Bb%27'",
            "/services/data/v62.0/query?q=a|b^c`d{e}[f]\"g<h>i\\j", "/services/data/v62.0/query?q=%2b%2B+%20%7C|",
            "/services/data/v62.0/query?q=%e2%82%ac&q=%E2%82%AC", "/services/data/v62.0/query?&&==&",
            "/services/data/|{}[]^`\"<>",
            "/services/data/!$&'()*+,=:@-._~", "/services/data/v62.0/sobjects/A/E__c/%21%24%26%27%28%29%2A%2B%2C",
            "/services/apexrest/a:b/c@d", "/services/data/v62.0/query?q=http://x/y?z",
            "/services/data/v62.0/query?q=~!@$%^&*()_+",
        ]

    /// The request target leaves byte for byte.
    @Test func theTargetIsUntouched() async throws {
        try await withWorld { world in
            for target in Self.targets {
                let (received, answered) = try await world.exchange(
                    world.request("GET", target), answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                #expect(received.startLine == "GET \(target) HTTP/1.1")
                #expect(answered.status == 200)
            }
        }
    }

    /// The method leaves as it came.
    @Test(arguments: ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY"])
    func theMethodIsUntouched(method: String) async throws {
        try await withWorld { world in
            let (received, _) = try await world.exchange(
                world.request(method, "/services/apexrest/x", ["Content-Length: 3"], body: "a\0b"),
                answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            #expect(received.startLine == "\(method) /services/apexrest/x HTTP/1.1")
            #expect(received.body == [0x61, 0, 0x62])
        }
    }

    /// Bodies of all byte values pass both ways, compressed ones untouched.
    @Test func bodiesAreUntouched() async throws {
        try await withWorld { world in
            let bytes = (0..<1024).map { UInt8(truncatingIfNeeded: $0) }
            let client = try await world.connect()
            try await client.send(
                world.request(
                    "POST", "/services/data/v62.0/x", ["Content-Encoding: gzip", "Content-Length: \(bytes.count)"]))
            try await client.send(bytes)
            let salesforce = try await world.upstream.accept()
            let received = try await salesforce.readRequest()
            #expect(received.body == bytes)
            #expect(received["Content-Encoding"] == ["gzip"])
            #expect(received["Content-Length"] == ["1024"])
            #expect(received["Transfer-Encoding"] == [])
            try await salesforce.send(
                "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: \(bytes.count)\r\n\r\n")
            try await salesforce.send(bytes)
            let answered = try await client.readResponse()
            #expect(answered.body == bytes)
            #expect(answered["Content-Encoding"] == ["gzip"])
            #expect(answered["Content-Length"] == ["1024"])
        }
    }

    /// Every status passes, also those that no registry knows. (The reason says nothing: RFC 9112 §4.)
    @Test(arguments: [
        "200 OK", "201 Created", "300 Multiple Choices", "404 Not Found", "412 Precondition Failed", "420 Gone Fishing",
        "500 Server Error", "503 X",
    ])
    func theStatusIsUntouched(status: String) async throws {
        try await withWorld { world in
            let (_, answered) = try await world.exchange(
                world.request("GET", "/services/data/v62.0/x"),
                answer: "HTTP/1.1 \(status)\r\nContent-Length: 1\r\n\r\nx")
            #expect(answered.target == status.prefix(3))
            #expect(answered.text == "x")
        }
    }
}
