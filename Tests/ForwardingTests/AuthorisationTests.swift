import Access
import Domain
import Foundation
import GatewayTesting
import Testing

/// Who may make a call, and what the others are told.
@Suite(.timeLimit(.minutes(5))) struct AuthorisationTests {
    private static let path = "/services/data/v62.0/query?q=SELECT+Id+FROM+Account"

    /// A refusal has Salesforce's own shape and says that it is the gateway's.
    @Test func theShapeOfARefusal() async throws {
        try await withWorld { world in
            let answered = try await world.refusal(world.bare("GET", Self.path))
            #expect(answered.status == 401)
            #expect(answered["Content-Type"] == ["application/json"])
            #expect(answered["Cache-Control"] == ["no-store"])
            #expect(answered["X-Request-Id"] == ["test-request"])
            #expect(answered["X-Content-Type-Options"] == ["nosniff"])
            #expect(answered["Proxy-Status"] == ["formation; error=http_request_denied"])
            #expect(answered["WWW-Authenticate"] == ["Bearer realm=\"formation\""])
            let errors = try JSONDecoder().decode([[String: String]].self, from: Data(answered.body))
            #expect(errors.count == 1)
            #expect(errors.first?["errorCode"] == "INVALID_SESSION_ID")
            #expect(errors.first?["message"]?.isEmpty == false)
            #expect(Set(errors.first.map { Array($0.keys) } ?? []) == ["message", "errorCode"])
        }
    }

    /// A refusal of HEAD has the same head and no body, and the connection stays in step.
    @Test func aRefusalOfHead() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.bare("HEAD", Self.path) + world.bare("GET", Self.path))
            let head = try await client.readResponse(toHead: true)
            let get = try await client.readResponse()
            #expect(head.status == 401)
            #expect(head["Content-Length"] == get["Content-Length"])
            #expect(get.text.hasPrefix("[{"))
        }
    }

    /// A credential header is judged alone, even a wrong one: it never falls back to the cookie.
    @Test(arguments: [
        "Authorization: Bearer junk", "Authorization: Basic eDp5", "Authorization:", "X-SFDC-Session: junk",
        "Authorization: Bearer 00D5g000008fixt!fiq.0000000000000000000000000000000000000000000",
    ])
    func aWrongCredentialIsNoSession(header: String) async throws {
        try await withWorld { world in
            let answered = try await world.refusal(world.request("GET", Self.path, [header]))
            #expect(answered.status == 401)
            #expect(world.upstream.acceptedCount == 0)
        }
    }

    /// Two credentials, or one in the URL, are malformed.
    @Test func malformedCredentials() async throws {
        try await withWorld { world in
            let two = world.bare(
                "GET", Self.path, ["Authorization: Bearer \(world.key)", "Authorization: Bearer \(world.readKey)"])
            #expect([400, 401].contains(try await world.refusal(two).status))
            let inURL = try await world.refusal(
                world.bare("GET", "/services/data/v62.0/limits?oauth_token=\(world.key)"))
            #expect(inURL.status == 400)
            #expect(!inURL.text.contains(world.key))
            #expect(world.upstream.acceptedCount == 0)
        }
    }

    /// What another site can make a browser send runs nothing at Salesforce.
    @Test(arguments: [
        ("GET", path, ["Sec-Fetch-Site: cross-site"]), ("GET", path, ["Sec-Fetch-Site: same-site"]),
        ("POST", path, ["Sec-Fetch-Site: cross-site"]), ("POST", path, []), ("DELETE", path, []), ("PATCH", path, []),
        ("GET", path, ["Origin: http://evil.example"]), ("GET", path, ["Origin: null"]),
        ("POST", path, ["Origin: http://b.formation.localhost:8080"]), ("POST", path, ["Sec-Fetch-Site: none"]),
        ("OPTIONS", path, []), ("GET", "/services/data/v62.0/tooling/executeAnonymous?anonymousBody=x", []),
        ("GET", "/services/data/v62.0/tooling/executeAnonymous.json?anonymousBody=x", []),
        ("GET", "/services/data/v62.0/tooling/execute%41nonymous/?anonymousBody=x", ["Sec-Fetch-Site: none"]),
        ("GET", "/services/apexrest/x", []), ("HEAD", "/services/apexrest/x", ["Sec-Fetch-Site: none"]),
    ])
    func strangersRunNothing(method: String, target: String, headers: [String]) async throws {
        try await withWorld { world in
            let request = world.bare(method, target, ["Cookie: \(world.cookie)"] + headers)
            let answered = try await world.refusal(request, toHead: method == "HEAD")
            #expect(answered.status == 403)
            if method != "HEAD" { #expect(answered.text.contains("CROSS_ORIGIN_REQUEST")) }
            #expect(world.upstream.acceptedCount == 0)
        }
    }

    /// The tenant's own pages, and a person who opens a link to read, may call.
    @Test(arguments: [
        ("GET", ["Sec-Fetch-Site: same-origin"]), ("POST", ["Sec-Fetch-Site: same-origin"]),
        ("POST", ["Origin: http://axonify.formation.localhost:8080"]), ("GET", ["Sec-Fetch-Site: none"]), ("GET", []),
    ])
    func ownPagesMayCall(method: String, headers: [String]) async throws {
        try await withWorld { world in
            let (_, answered) = try await world.exchange(
                world.bare(method, Self.path, ["Cookie: \(world.cookie)", "Content-Length: 0"] + headers),
                answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            #expect(answered.status == 200)
        }
    }

    /// A key that reads, reads.
    @Test func aReadKeyReads() async throws {
        try await withWorld { world in
            let credential = "Authorization: Bearer \(world.readKey)"
            let (_, answered) = try await world.exchange(
                world.bare("GET", Self.path, [credential]), answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            #expect(answered.status == 200)
            let refused = [
                ("POST", "/services/data/v62.0/sobjects/Account"),
                ("DELETE", "/services/data/v62.0/sobjects/Account/001"),
                ("GET", "/services/data/v62.0/tooling/executeAnonymous?anonymousBody=x"),
                ("GET", "/services/apexrest/x"),
                ("GET", "/services/data/v62.0/composite/batch"),
            ]
            for (method, target) in refused {
                let answered = try await world.refusal(world.bare(method, target, [credential]))
                #expect(answered.status == 403)
                #expect(answered.text.contains("KEY_SCOPE"))
            }
            #expect(world.upstream.acceptedCount == 1)
        }
    }

    static let overrides = [
        "X-HTTP-Method-Override: DELETE", "x-http-method: PATCH", "X_Method.Override: PUT",
        "X-HTTP-Method-Override: GET", "X-HTTP-Method-Override:",
    ]

    /// A key that reads can't ask for another method by a header, and a GET that does is no GET to the cross-origin
    /// rule.
    @Test(arguments: overrides) func aHeaderMakesNoReadAnythingElse(line: String) async throws {
        try await withWorld { world in
            for credential in ["Authorization: Bearer \(world.readKey)", "X-SFDC-Session: \(world.readKey)"] {
                let answered = try await world.refusal(world.bare("GET", Self.path, [credential, line]))
                #expect(answered.status == 403)
                #expect(answered.text.contains("KEY_SCOPE"))
            }
            for site in [["Sec-Fetch-Site: none"], []] {
                let answered = try await world.refusal(
                    world.bare("GET", Self.path, ["Cookie: \(world.cookie)", line] + site))
                #expect(answered.status == 403)
                #expect(answered.text.contains("CROSS_ORIGIN_REQUEST"))
            }
            #expect(world.upstream.acceptedCount == 0)
        }
    }

    /// Whoever may write anyway, may say so by a header: it is passed on, and Salesforce decides.
    @Test(arguments: overrides, [true, false]) func whoMayWriteMayOverride(line: String, isByKey: Bool) async throws {
        try await withWorld { world in
            let name = try #require(line.split(separator: ":").first)
            let request =
                isByKey
                ? world.bare("POST", Self.path, ["Authorization: Bearer \(world.key)", line, "Content-Length: 0"])
                : world.request("GET", Self.path, [line])
            let (received, answered) = try await world.exchange(
                request, answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            #expect(answered.status == 200)
            #expect(received[String(name)].count == 1)
        }
    }

    struct CustomerCase: Sendable, CustomTestStringConvertible {
        let code: String
        let status: Int
        let change: @Sendable (inout Customer) -> Void
        var testDescription: String { code }
    }

    /// A tenant that may not be used is told why.
    @Test(arguments: [
        CustomerCase(code: "WORKSPACE_SUSPENDED", status: 403) { $0.suspendedAt = Fixtures.epoch },
        CustomerCase(code: "SUBSCRIPTION_INACTIVE", status: 402) { $0.subscriptionStatus = .cancelled },
        CustomerCase(code: "SALESFORCE_NOT_CONNECTED", status: 409) { $0.salesforceClientID = nil },
    ])
    func tenantsThatMayNotBeUsed(customer: CustomerCase) async throws {
        var options = WorldOptions()
        options.changesCustomer = customer.change
        try await withWorld(options) { world in
            let answered = try await world.refusal(world.request("GET", Self.path))
            #expect(answered.status == customer.status)
            #expect(answered.text.contains("\"errorCode\":\"\(customer.code)\""))
            #expect(world.upstream.acceptedCount == 0)
        }
    }

    /// What is not forwarded, and what is malformed, in the same shape, signed in or not.
    @Test(arguments: [
        ("/services/oauth2/token", 404, "NOT_FOUND"), ("/services/Soaps/u/62.0", 404, "NOT_FOUND"),
        ("/services/wsdl/x", 404, "NOT_FOUND"), ("/services/data/..%2foauth2/token", 400, "BAD_REQUEST"),
        ("/services/Soap/../oauth2/token", 400, "BAD_REQUEST"), ("/cometd/..%2fservices", 400, "BAD_REQUEST"),
        ("/services/data/%2e%2e/oauth2/token", 400, "BAD_REQUEST"), ("//services/data", 400, "BAD_REQUEST"),
        ("/services/data/v62.0/query?_HttpMethod=DELETE", 400, "BAD_REQUEST"),
    ])
    func whatIsNotForwarded(target: String, status: Int, code: String) async throws {
        try await withWorld { world in
            for request in [world.request("GET", target), world.bare("GET", target)] {
                let answered = try await world.refusal(request)
                #expect(answered.status == status)
                #expect(answered.text.contains("\"errorCode\":\"\(code)\""))
            }
            #expect(world.upstream.acceptedCount == 0)
        }
    }

    /// Bytes that no target may hold end in 400, and never at Salesforce.
    @Test(arguments: [
        "/services/data/\u{1}", "/services/data/\u{7f}", "/services/data/é", "/services/data/v62.0/query?q=a#b",
        "/services/data/\\", "/services/data/ x", "/services/data/\tx",
    ])
    func rawBytes(target: String) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", target))
            #expect(try await client.readHead().status == 400)
            #expect(world.upstream.acceptedCount == 0)
        }
    }
}
