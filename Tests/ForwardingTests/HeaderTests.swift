import GatewayTesting
import Testing

/// The header table of the contract, line by line, as the wire shows it.
@Suite(.timeLimit(.minutes(5))) struct HeaderTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    /// What a client may say and Salesforce must not hear.
    static let neverTowardsSalesforce = [
        "Connection: x-secret-hop, keep-alive", "Keep-Alive: timeout=5", "TE: trailers", "Trailer: X-Sum",
        "Upgrade: websocket", "Proxy-Authorization: Basic eDp5", "Proxy-Connection: keep-alive", "Proxy-Anything: 1",
        "X-Secret-Hop: named by Connection", "Cookie2: $Version=1", "Origin: http://axonify.formation.localhost:8080",
        "Referer: http://axonify.formation.localhost:8080/page", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty",
        "Forwarded: for=1.2.3.4", "X-Forwarded-For: 1.2.3.4", "X-Forwarded-Host: evil.example",
        "X-Forwarded-Proto: https", "X-Forwarded-Anything: 1", "X-Request-Start: t=1", "Via: 1.1 vegur",
        "X_SFDC_Session: 00Dforged!x", "X.SFDC.Session: 00Dforged!x", "x_sfdc-session: 00Dforged!x",
        "X_Forwarded_For: 1.2.3.4", "X.Forwarded.User: admin", "Sec_Fetch_Site: same-origin",
        "X-Formation-Target: /services/oauth2/token", "X-Formation-Connection: 1", "X-Formation-Date: yesterday",
    ]

    /// Each such header is dropped.
    @Test(arguments: neverTowardsSalesforce) func isDroppedTowardsSalesforce(line: String) async throws {
        try await withWorld { world in
            let headers = [line, "Connection: x-secret-hop"].prefix(line.hasPrefix("Connection") ? 1 : 2)
            let (received, answered) = try await world.exchange(
                world.request("GET", "/services/data/v62.0/limits", Array(headers)), answer: Self.ok)
            #expect(answered.status == 200)
            let name = try #require(line.split(separator: ":").first)
            #expect(received[String(name)] == [])
            #expect(!received.head.lowercased().contains("x-secret-hop"))
        }
    }

    /// What passes as it is, name and value, in its order.
    @Test func everythingElsePassesTowardsSalesforce() async throws {
        let lines = [
            "Accept: application/json", "accept-encoding: gzip, deflate, br, zstd", "Accept-Language: de;q=0.8",
            "User-Agent: simple-salesforce/1.12", "Sforce-Call-Options: client=x, defaultNamespace=y",
            "Sforce-Query-Options: batchSize=200", "sforce-auto-assign: FALSE",
            "SForce-Duplicate-Rule-Header: allowSave=true",
            "Package-Version-ns: 1.0", "X-PrettyPrint: 1", "If-Match: \"a\"", "If-None-Match: W/\"b\", \"c\"",
            "If-Modified-Since: Tue, 10 Aug 2015 00:00:00 GMT", "Range: bytes=0-9", "X-Custom: one", "X-Custom: two",
            "x-sfdc-packageversion-clientPackage: 1.0", "Cache-Control: no-cache", "Pragma: no-cache", "DNT: 1",
            "X-Empty:", "X-Odd: a\tb  c", "Content-Type: application/json; charset=UTF-8",
            "X-Request-Id: the-clients-own",
            "Authorization-Info: x", "Set-Cookie: harmless", "Strict-Transport-Security: max-age=1", "Priority: u=1",
        ]
        try await withWorld { world in
            let (received, _) = try await world.exchange(
                world.request("GET", "/services/data/v62.0/limits", lines), answer: Self.ok)
            let passed = received.headers.filter { !["host", "authorization"].contains($0.name.lowercased()) }
            #expect(passed.map { "\($0.name):\($0.value.isEmpty ? "" : " ")\($0.value)" } == lines)
            #expect(received["Host"] == [world.instance])
            #expect(received["Authorization"] == ["Bearer \(World.firstToken)"])
        }
    }

    /// The real token stands where the client's credential stood, and nothing of the client's is left.
    @Test(arguments: [
        ("Authorization: Bearer", "Authorization", "Bearer "), ("authorization: bearer", "Authorization", "Bearer "),
        ("Authorization: OAuth", "Authorization", "OAuth "), ("AUTHORIZATION: oauth", "Authorization", "OAuth "),
        ("X-SFDC-Session:", "X-SFDC-Session", ""), ("x-sfdc-session:", "X-SFDC-Session", ""),
    ])
    func theTokenTakesTheSlot(header: String, slot: String, scheme: String) async throws {
        try await withWorld { world in
            let (received, _) = try await world.exchange(
                world.bare("GET", "/services/data/v62.0/limits", ["\(header) \(world.key)", "Cookie: other=1"]),
                answer: Self.ok)
            #expect(received[slot] == [scheme + World.firstToken])
            let other = slot == "Authorization" ? "X-SFDC-Session" : "Authorization"
            #expect(received[other] == [])
            #expect(!received.head.contains(world.key))
            #expect(received["Cookie"] == [])
        }
    }

    /// A header that we set can't be taken away by naming it in `Connection`.
    @Test func connectionCantRemoveWhatWeSet() async throws {
        try await withWorld { world in
            let (received, _) = try await world.exchange(
                world.bare(
                    "GET", "/services/data/v62.0/limits",
                    ["Authorization: Bearer \(world.key)", "Connection: authorization, host, x-sfdc-session"]),
                answer: Self.ok)
            #expect(received["Authorization"] == ["Bearer \(World.firstToken)"])
            #expect(received["Host"] == [world.instance])
        }
    }

    /// What Salesforce may say and the tenant's host must not.
    static let neverTowardsTheClient = [
        "Connection: X-Internal-Hop", "Keep-Alive: timeout=5", "Trailer: X-Sum", "Upgrade: h2c",
        "Proxy-Authenticate: Basic", "Proxy-Status: upstream; error=x",
        "Set-Cookie: BrowserId=x; domain=.salesforce.com",
        "Strict-Transport-Security: max-age=63072000; includeSubDomains", "Clear-Site-Data: \"cookies\"",
        "Alt-Svc: h3=\":443\"", "Service-Worker-Allowed: /", "Access-Control-Allow-Origin: *",
        "Access-Control-Allow-Credentials: true", "Access-Control-Expose-Headers: X", "Server-Timing: db;dur=1",
        "NEL: {}", "Report-To: {}", "Reporting-Endpoints: a=\"https://example.com\"",
        "X-Internal-Hop: named by Connection", "X-Formation-Date: x", "Set-Cookie2: x",
    ]

    /// Each such header is dropped.
    @Test(arguments: neverTowardsTheClient) func isDroppedTowardsTheClient(line: String) async throws {
        try await withWorld { world in
            let hop = line.hasPrefix("Connection") ? "" : "Connection: X-Internal-Hop\r\n"
            let (_, answered) = try await world.exchange(
                world.request("GET", "/services/data/v62.0/limits"),
                answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\(hop)\(line)\r\n\r\n{}")
            let name = try #require(line.split(separator: ":").first)
            // `Server-Timing` is the gateway's own word.
            #expect(answered[String(name)].filter { !$0.hasPrefix("gateway;") } == [])
            #expect(!answered.head.lowercased().contains("x-internal-hop"))
            #expect(answered.text == "{}")
        }
    }

    /// What passes as it is, `Date` and `Server` too, and what is set beside it.
    @Test func everythingElsePassesTowardsTheClient() async throws {
        let lines = [
            "Date: Tue, 10 Aug 2021 10:11:12 GMT", "Sforce-Limit-Info: api-usage=18/5000",
            "Content-Type: application/json;charset=UTF-8",
            "Cache-Control: no-cache,must-revalidate,max-age=0,no-store,private",
            "Vary: Accept-Encoding", "ETag: \"abc--gzip\"", "Last-Modified: Tue, 10 Aug 2021 10:11:12 GMT",
            "Expires: Thu, 01 Jan 1970 00:00:00 GMT", "server: sfdcedge", "x-sfdc-request-id: 1", "X-Robots-Tag: none",
            "Sforce-Locator: null", "Sforce-NumberOfRecords: 10", "Warning: 299 - \"deprecated\"", "X-Custom: one",
            "X-Custom: two", "WWW-Authenticate: Token", "Retry-After: 5",
            "Content-Disposition: attachment; filename=\"a\"",
        ]
        try await withWorld { world in
            let (_, answered) = try await world.exchange(
                world.request("GET", "/services/data/v62.0/limits"),
                answer: "HTTP/1.1 200 OK\r\n" + lines.joined(separator: "\r\n") + "\r\nContent-Length: 2\r\n\r\n{}")
            for line in lines {
                let parts = line.split(separator: ":", maxSplits: 1)
                let value = parts[1].drop { $0 == " " }
                #expect(answered[String(parts[0])].contains(String(value)), "\(line)")
            }
            #expect(answered["Date"] == ["Tue, 10 Aug 2021 10:11:12 GMT"])
            #expect(answered["X-Custom"] == ["one", "two"])
            #expect(answered["Proxy-Status"] == [])
        }
    }

    /// Every forwarded answer carries what makes it harmless on the tenant's origin, instead of what upstream said.
    @Test func theTenantsHostHasItsOwnWord() async throws {
        try await withWorld { world in
            let (_, answered) = try await world.exchange(
                world.request("GET", "/services/data/v62.0/limits"),
                answer: "HTTP/1.1 200 OK\r\nContent-Security-Policy: default-src *\r\nX-Content-Type-Options: x\r\n"
                    + "X-Request-Id: upstreams\r\nContent-Length: 0\r\n\r\n")
            #expect(answered["X-Content-Type-Options"] == ["nosniff"])
            #expect(answered["Content-Security-Policy"] == ["sandbox; default-src 'none'"])
            #expect(answered["X-Request-Id"] == ["test-request"])
        }
    }

    /// A redirect to the instance leads to the tenant's host; others stay, and none is followed.
    @Test(arguments: [
        ("http://INSTANCE/services/data/v62.0/x?y=%2B#z", "TENANT/services/data/v62.0/x?y=%2B#z"),
        ("HTTP://INSTANCE/a", "TENANT/a"), ("http://INSTANCE", "TENANT"), ("//INSTANCE/a", "TENANT/a"),
        ("http://INSTANCE?a=b", "TENANT?a=b"), ("/services/data/v62.0/x", "/services/data/v62.0/x"), ("x/y", "x/y"),
        ("https://INSTANCE/a", "https://INSTANCE/a"), ("http://evil.example/a", "http://evil.example/a"),
        ("http://axonify.my.localhost/a", "http://axonify.my.localhost/a"),
        ("http://INSTANCE.evil.example/a", "http://INSTANCE.evil.example/a"),
        ("http://user@INSTANCE/a", "http://user@INSTANCE/a"),
        ("https://other.my.salesforce.com/a", "https://other.my.salesforce.com/a"),
    ])
    func redirects(location: String, expected: String) async throws {
        try await withWorld { world in
            let named = { (text: String) in
                text.replacing("INSTANCE", with: world.instance).replacing("TENANT", with: World.tenantOrigin)
            }
            let (_, answered) = try await world.exchange(
                world.request("GET", "/services/data/v62.0/limits"),
                answer: "HTTP/1.1 302 Found\r\nLocation: \(named(location))\r\nContent-Length: 0\r\n\r\n")
            #expect(answered.status == 302)
            #expect(answered["Location"] == [named(expected)])
            #expect(world.upstream.acceptedCount == 1)
        }
    }

    /// A frontend of another origin may read answers, errors too; a stranger may not.
    @Test func frontendsMayRead() async throws {
        var options = WorldOptions()
        options.frontendOrigins = ["http://*.formation.localhost:5173"]
        try await withWorld(options) { world in
            let origin = "http://axonify.formation.localhost:5173"
            let headers = ["Cookie: \(world.cookie)", "Origin: \(origin)", "Sec-Fetch-Site: same-site"]
            let (received, answered) = try await world.exchange(
                world.bare("GET", "/services/data/v62.0/limits", headers),
                answer: "HTTP/1.1 200 OK\r\nSforce-Limit-Info: api-usage=1/2\r\nContent-Length: 0\r\n\r\n")
            #expect(received["Origin"] == [])
            #expect(answered["Access-Control-Allow-Origin"] == [origin])
            #expect(answered["Access-Control-Allow-Credentials"] == ["true"])
            #expect(answered["Access-Control-Expose-Headers"].joined().lowercased().contains("sforce-limit-info"))
            let refusal = try await world.refusal(world.bare("GET", "/services/data/", ["Origin: \(origin)"]))
            #expect(refusal.status == 401)
            #expect(refusal["Access-Control-Allow-Origin"] == [origin])
            let stranger = try await world.refusal(
                world.bare(
                    "GET", "/services/data/", ["Cookie: \(world.cookie)", "Origin: http://b.formation.localhost:5173"]))
            #expect(stranger.status == 403)
            #expect(stranger["Access-Control-Allow-Origin"] == [])
        }
    }

    /// A preflight is answered here, without a credential; a stranger's is refused.
    @Test func preflights() async throws {
        var options = WorldOptions()
        options.frontendOrigins = ["http://*.formation.localhost:5173"]
        try await withWorld(options) { world in
            let preflight = { (origin: String) in
                world.bare(
                    "OPTIONS", "/services/data/v62.0/sobjects/Account",
                    [
                        "Origin: \(origin)", "Access-Control-Request-Method: PATCH",
                        "Access-Control-Request-Headers: content-type,sforce-auto-assign",
                    ])
            }
            let answered = try await world.refusal(preflight("http://axonify.formation.localhost:5173"))
            #expect(answered.status == 204)
            #expect(answered["Access-Control-Allow-Methods"] == ["PATCH"])
            #expect(answered["Access-Control-Allow-Headers"].joined().contains("sforce-auto-assign"))
            #expect(answered["Access-Control-Allow-Credentials"] == ["true"])
            #expect(try await world.refusal(preflight("http://evil.example")).status == 403)
            #expect(world.upstream.acceptedCount == 0)
        }
    }
}
