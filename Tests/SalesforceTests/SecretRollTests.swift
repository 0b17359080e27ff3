import Hummingbird
import NIOConcurrencyHelpers
import Salesforce
import Secrets
import Testing

/// Two secrets of one app, over the wire: which is shown when, and which may sign.
@Suite struct SecretRollTests {
    /// Signatures of `id` and `issuedAt`, computed with Python's hmac and hashlib.
    private static let signatures = [
        "old": "Q/K9G6V87DDJ/LftLR7nHfYAVglleZpUoFCpUyPvefk=", "new": "7cuQwXmwoKk9zoX+UucTFoJUP1dQ5SW5anp5g/DC3Fk=",
        "other": "taK5t4v4Mcb52/g3D+t/PdsbvCysVCPKASGY/j4QG0g=",
    ]

    private static func answer(_ request: Request, signedBy secret: String) -> Response {
        .json(
            """
            {"access_token":"00Dx!a","refresh_token":"5Aep","instance_url":"http://\(request.head.authority ?? "")",
            "issued_at":"1700000000123","id":"https://x/id/00Dx0000000BV7z/005x00000012Q9P","token_type":"Bearer",
            "signature":"\(signatures[secret] ?? "")"}
            """)
    }

    private static func refusal(_ error: String, _ description: String = "") -> Response {
        .json(#"{"error":"\#(error)","error_description":"\#(description)"}"#, status: .badRequest)
    }

    private static func client(_ server: TestServer, staged: String? = "new") throws -> OAuthClient {
        OAuthClient(
            login: try server.hosts.loginEndpoint(server.base), clientID: Secret("id"), clientSecret: Secret("old"),
            stagedSecret: staged.map { Secret($0) }, redirectURI: "https://a.example/auth/callback")
    }

    private static func refresh(_ server: TestServer, _ client: OAuthClient) async throws -> OAuthClient.Exchanged {
        try await client.withEitherSecret { client throws(SalesforceError) in
            try await server.client().refresh(Secret("5Aep861"), client: client, at: nil)
        }
    }

    /// Answers one request after another.
    private static func script(
        _ steps: [@Sendable (Request) async throws -> Response]
    ) -> @Sendable (Request) async throws -> Response {
        let next = NIOLockedValueBox(0)
        return { request in
            let index = next.withLockedValue { next in
                defer { next += 1 }
                return next
            }
            guard index < steps.count else { return refusal("one_request_too_many") }
            return try await steps[index](request)
        }
    }

    private static func form(_ secret: String) -> String {
        "grant_type=refresh_token&refresh_token=5Aep861&client_id=id&client_secret=\(secret)"
    }

    /// Where Salesforce refuses the one secret, the same refresh token is shown with the other, at once.
    @Test func stagedSecretIsTried() async throws {
        let steps = Self.script([
            { _ in Self.refusal("invalid_client", "invalid client credentials") },
            { Self.answer($0, signedBy: "new") },
        ])
        try await TestServer.run(steps) { server in
            let exchanged = try await Self.refresh(server, Self.client(server))
            #expect(exchanged.usedStagedSecret)
            #expect(exchanged.answer.refreshToken == Secret("5Aep"))
            for secret in ["old", "new"] { #expect(await server.nextRequest()?.body == Self.form(secret)) }
        }
    }

    /// A code too is shown again, with its verifier.
    @Test func stagedSecretIsTriedForACode() async throws {
        let steps = Self.script([{ _ in Self.refusal("invalid_client") }, { Self.answer($0, signedBy: "new") }])
        try await TestServer.run(steps) { server in
            let exchanged = try await Self.client(server).withEitherSecret { client throws(SalesforceError) in
                try await server.client().exchange(code: Secret("aPrx"), verifier: Secret("ver"), client: client)
            }
            #expect(exchanged.usedStagedSecret)
            for secret in ["old", "new"] {
                let body = try #require(await server.nextRequest()?.body)
                #expect(body.contains("code=aPrx&") && body.contains("code_verifier=ver&"))
                #expect(body.hasSuffix("client_secret=\(secret)"))
            }
        }
    }

    /// While the present secret works, the staged one is not shown to anybody.
    @Test func presentSecretComesFirst() async throws {
        try await TestServer.run(Self.script([{ Self.answer($0, signedBy: "old") }])) { server in
            let exchanged = try await Self.refresh(server, Self.client(server))
            #expect(!exchanged.usedStagedSecret)
            #expect(await server.nextRequest()?.body == Self.form("old"))
        }
    }

    /// Either of two live secrets may sign, whichever was shown; a third one may not, nor the staged one of nobody.
    @Test(arguments: [
        ("old", "new", true), ("new", "new", true), ("other", "new", false), ("new", nil, false), ("old", nil, true),
    ])
    func eitherSecretSigns(signer: String, staged: String?, isAccepted: Bool) async throws {
        try await TestServer.run(Self.script([{ Self.answer($0, signedBy: signer) }])) { server in
            let client = try Self.client(server, staged: staged)
            if isAccepted {
                let exchanged = try await Self.refresh(server, client)
                #expect(!exchanged.usedStagedSecret)
            } else {
                await #expect(throws: SalesforceError(.signatureMismatch, status: 200)) {
                    try await Self.refresh(server, client)
                }
            }
        }
    }

    /// An answer to the staged secret may be signed with the present one.
    @Test func presentSecretSignsForTheStagedOne() async throws {
        let steps = Self.script([{ _ in Self.refusal("invalid_client") }, { Self.answer($0, signedBy: "old") }])
        try await TestServer.run(steps) { server in
            let exchanged = try await Self.refresh(server, Self.client(server))
            #expect(exchanged.usedStagedSecret)
        }
    }

    /// After any other answer the token may be spent, or the secret is not the reason: it is not shown again.
    @Test(arguments: [
        ("invalid_client", "app must be installed into org", 400, SalesforceError.Code.appNotInstalled),
        ("invalid_client_id", "client identifier invalid", 400, .invalidClientID),
        ("invalid_grant", "expired access/refresh token", 400, .expiredToken),
        ("unknown", "", 400, .unknownError), ("invalid_client", "", 500, .badStatus),
        ("invalid_client", "", 503, .badStatus), ("invalid_client", "", 302, .redirected),
        ("invalid_client", "", 200, .malformedAnswer),
    ])
    func nothingElseIsTriedTwice(error: String, description: String, status: Int, code: SalesforceError.Code)
        async throws
    {
        let answer: @Sendable (Request) -> Response = { _ in
            .json(#"{"error":"\#(error)","error_description":"\#(description)"}"#, status: .init(code: status))
        }
        let steps = Self.script([answer, { Self.answer($0, signedBy: "new") }])
        try await TestServer.run(steps) { server in
            await #expect(throws: SalesforceError(code, status: status)) {
                try await Self.refresh(server, Self.client(server))
            }
        }
    }

    /// Without a staged secret, a refusal is a refusal.
    @Test func nothingIsStaged() async throws {
        let steps = Self.script([{ _ in Self.refusal("invalid_client") }, { Self.answer($0, signedBy: "old") }])
        try await TestServer.run(steps) { server in
            await #expect(throws: SalesforceError(.invalidClient, status: 400)) {
                try await Self.refresh(server, Self.client(server, staged: nil))
            }
        }
    }

    /// Both refused: each was shown once, and the refusal is the app's.
    @Test func bothAreRefused() async throws {
        let refuse: @Sendable (Request) -> Response = { _ in Self.refusal("invalid_client") }
        try await TestServer.run(Self.script([refuse, refuse, { Self.answer($0, signedBy: "old") }])) { server in
            await #expect(throws: SalesforceError(.invalidClient, status: 400)) {
                try await Self.refresh(server, Self.client(server))
            }
        }
    }

    /// What the second try leaves open is open: the token may be spent by it.
    @Test func secondTryMaySpend() async throws {
        let steps = Self.script([
            { _ in Self.refusal("invalid_client") },
            { _ in
                try await Task.sleep(for: .seconds(3600))
                return Response(status: .ok)
            },
        ])
        try await TestServer.run(steps) { server in
            var limits = SalesforceOAuthClient.Limits()
            limits.tokenTimeout = .seconds(2)
            let oauth = server.client(limits: limits)
            await #expect(throws: SalesforceError(.timeout, requestMayHaveBeenSent: true)) {
                try await Self.client(server).withEitherSecret { client throws(SalesforceError) in
                    try await oauth.refresh(Secret("5Aep861"), client: client, at: nil)
                }
            }
        }
    }
}
