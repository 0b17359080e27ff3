import Hummingbird
import NIOCore
import Salesforce
import Secrets
import Testing

/// What goes over the wire, and what becomes of answers that end badly.
@Suite struct SalesforceOAuthClientTests {
    private static func client(_ server: TestServer, path: String = "", secret: String? = nil) throws -> OAuthClient {
        OAuthClient(
            login: try server.hosts.loginEndpoint(server.base + path), clientID: Secret("the+id"),
            clientSecret: secret.map { Secret($0) }, redirectURI: "https://a.example/auth/callback")
    }

    private static func tokenAnswer(_ server: String) -> String {
        """
        {"access_token":"00Dx!a","refresh_token":"5Aep","instance_url":"\(server)","issued_at":"1700000000123",
        "id":"https://x/id/00Dx0000000BV7z/005x00000012Q9P","token_type":"Bearer"}
        """
    }

    private static let answering: @Sendable (Request) async throws -> Response = { request in
        .json(tokenAnswer("http://\(request.head.authority ?? "")"))
    }

    /// The code goes out as it came in, with everything that must come with it, once, on a connection of its own.
    @Test func exchangeSendsTheForm() async throws {
        try await TestServer.run(Self.answering) { server in
            let answer = try await server.client().exchange(
                code: Secret("aPrx+/=="), verifier: Secret("v-e_r"), client: Self.client(server, path: "/site"))
            #expect(answer.refreshToken?.exposed == "5Aep")
            #expect(answer.instanceURL.description == server.base)
            let request = try #require(await server.nextRequest())
            #expect(request.method == "POST")
            #expect(request.target == "/site/services/oauth2/token")
            #expect(request.headers[.contentType] == "application/x-www-form-urlencoded")
            #expect(request.headers[.accept] == "application/json")
            #expect(request.headers[.connection] == "close")
            #expect(
                request.body == "grant_type=authorization_code&code=aPrx%2B%2F%3D%3D"
                    + "&redirect_uri=https%3A%2F%2Fa.example%2Fauth%2Fcallback&code_verifier=v-e_r&client_id=the%2Bid")
        }
    }

    /// With a secret it is sent, and the signature is asked for.
    @Test func refreshSendsTheSecret() async throws {
        try await TestServer.run(Self.answering) { server in
            await #expect(throws: SalesforceError(.signatureMismatch, status: 200)) {
                try await server.client().refresh(
                    Secret("5Aep86&1"), client: Self.client(server, secret: "s=1"), at: nil)
            }
            let request = try #require(await server.nextRequest())
            #expect(
                request.body
                    == "grant_type=refresh_token&refresh_token=5Aep86%261&client_id=the%2Bid&client_secret=s%3D1")
        }
    }

    /// Status and body of a refusal make the error.
    @Test func refusalIsRead() async throws {
        try await TestServer.run({ _ in
            .json(
                #"{"error_description":"token request is already being processed","error":"invalid_grant"}"#,
                status: .badRequest)
        }) { server in
            await #expect(throws: SalesforceError(.alreadyBeingProcessed, status: 400)) {
                try await server.client().refresh(Secret("x"), client: Self.client(server), at: nil)
            }
        }
    }

    /// A redirect would carry the secret elsewhere: it ends the call, and the other address is never asked.
    @Test(arguments: [301, 302, 303, 307, 308]) func redirectIsNotFollowed(status: Int) async throws {
        try await TestServer.run({ request in
            Response(status: .init(code: status), headers: [.location: "/elsewhere"])
        }) { server in
            await #expect(throws: SalesforceError(.redirected, status: status)) {
                try await server.client().refresh(Secret("x"), client: Self.client(server), at: nil)
            }
            await #expect(throws: SalesforceError(.redirected, status: status)) {
                try await server.client().userInfo(
                    instance: server.hosts.instance(server.base), accessToken: Secret("t"))
            }
            #expect(await server.nextRequest()?.target == "/services/oauth2/token")
            #expect(await server.nextRequest()?.target == "/services/oauth2/userinfo")
        }
    }

    /// A server that takes the form and says nothing: the token may be spent.
    @Test func silenceTimesOut() async throws {
        try await TestServer.run({ _ in
            try await Task.sleep(for: .seconds(3600))
            return Response(status: .ok)
        }) { server in
            var limits = SalesforceOAuthClient.Limits()
            limits.tokenTimeout = .seconds(2)
            await #expect(throws: SalesforceError(.timeout, requestMayHaveBeenSent: true)) {
                try await server.client(limits: limits).refresh(Secret("x"), client: Self.client(server), at: nil)
            }
        }
    }

    /// The limit holds for the body too: a server that sends the head and then drips can't hold a call for ever.
    @Test func unendingBodyTimesOut() async throws {
        try await TestServer.run({ _ in
            Response(
                status: .ok,
                body: ResponseBody { writer in
                    try await writer.write(ByteBuffer(string: "{"))
                    try await Task.sleep(for: .seconds(3600))
                    try await writer.finish(nil)
                })
        }) { server in
            var limits = SalesforceOAuthClient.Limits()
            limits.tokenTimeout = .seconds(2)
            await #expect(throws: SalesforceError(.timeout, requestMayHaveBeenSent: true)) {
                try await server.client(limits: limits).refresh(Secret("x"), client: Self.client(server), at: nil)
            }
        }
    }

    /// An answer that is cut short is not taken for a whole one, even where what came would read as one.
    @Test(arguments: [true, false]) func truncatedAnswerIsBrokenOff(hasLength: Bool) async throws {
        struct CutShort: Error {}
        try await TestServer.run({ request in
            let body = Self.tokenAnswer("http://\(request.head.authority ?? "")")
            return Response(
                status: .ok,
                body: ResponseBody(contentLength: hasLength ? body.utf8.count + 1 : nil) { writer in
                    try await writer.write(ByteBuffer(string: body))
                    throw CutShort()
                })
        }) { server in
            await #expect(throws: SalesforceError(.brokenOff, requestMayHaveBeenSent: true)) {
                try await server.client().refresh(Secret("x"), client: Self.client(server), at: nil)
            }
        }
    }

    /// 64 KiB are read and no more, with a length or without.
    @Test(arguments: [true, false]) func hugeAnswerIsTooLarge(hasLength: Bool) async throws {
        let count = 8 * 1024 * 1024
        try await TestServer.run({ _ in
            Response(
                status: .ok,
                body: ResponseBody(contentLength: hasLength ? count : nil) { writer in
                    for _ in 0..<(count / 65_536) {
                        try await writer.write(ByteBuffer(repeating: 0x20, count: 65_536))
                    }
                    try await writer.finish(nil)
                })
        }) { server in
            await #expect(throws: SalesforceError(.tooLarge)) {
                try await server.client().refresh(Secret("x"), client: Self.client(server), at: nil)
            }
        }
    }

    /// Nobody listens: provably nothing was sent.
    @Test func refusedConnectionHasSentNothing() async throws {
        let (ports, found) = AsyncStream<Int>.makeStream()
        try await TestServer.run(Self.answering) { found.yield($0.port) }
        var iterator = ports.makeAsyncIterator()
        let closed = try #require(await iterator.next())
        try await TestServer.run(Self.answering) { server in
            let hosts = try AllowedHosts(extra: ["127.0.0.1:\(closed)"])
            let client = OAuthClient(
                login: try hosts.loginEndpoint("http://127.0.0.1:\(closed)"), clientID: Secret("x"), clientSecret: nil,
                redirectURI: "")
            await #expect(throws: SalesforceError(.unreachable, requestMayHaveBeenSent: false)) {
                try await server.client().refresh(Secret("x"), client: client, at: nil)
            }
        }
    }

    /// No TLS: the connection is there, but nothing of the form was sent.
    @Test func failedHandshakeHasSentNothing() async throws {
        try await TestServer.run(Self.answering) { server in
            let client = OAuthClient(
                login: try server.hosts.loginEndpoint("https://127.0.0.1:\(server.port)"), clientID: Secret("x"),
                clientSecret: nil, redirectURI: "")
            let error = await #expect(throws: SalesforceError.self) {
                try await server.client().refresh(Secret("x"), client: client, at: nil)
            }
            #expect(error?.requestMayHaveBeenSent == false)
            #expect(error?.failureClass == .passing)
        }
    }

    /// A caller that is cancelled gets an answer at once; the exchange counts as sent if it was.
    @Test func cancelledCallEnds() async throws {
        try await TestServer.run({ _ in
            try await Task.sleep(for: .seconds(3600))
            return Response(status: .ok)
        }) { server in
            let client = try Self.client(server)
            let call = Task { () -> SalesforceError? in
                do throws(SalesforceError) {
                    _ = try await server.client().refresh(Secret("x"), client: client, at: nil)
                    return nil
                } catch {
                    return error
                }
            }
            _ = await server.nextRequest()
            call.cancel()
            #expect(await call.value == SalesforceError(.cancelled, requestMayHaveBeenSent: true))
        }
    }

    /// Revoking what is already gone is done.
    @Test(
        arguments: [
            (200, "", nil), (400, "error=invalid_token&error_description=gone", nil),
            (400, #"{"error":"unsupported_token_type","error_description":"this token type is not supported"}"#, nil),
            (400, #"{"error":"invalid_request"}"#, .invalidRequest), (503, "", .badStatus),
        ] as [(Int, String, SalesforceError.Code?)])
    func revocationIsDoneOrNot(status: Int, body: String, code: SalesforceError.Code?) async throws {
        try await TestServer.run({ _ in .json(body, status: .init(code: status)) }) { server in
            let login = try server.hosts.loginEndpoint(server.base)
            do throws(SalesforceError) {
                try await server.client().revoke(Secret("5Aep+"), login: login)
                #expect(code == nil)
            } catch {
                #expect(error.code == code)
            }
            let request = try #require(await server.nextRequest())
            #expect(request.target == "/services/oauth2/revoke")
            #expect(request.body == "token=5Aep%2B")
        }
    }

    /// Who somebody is; fields that we don't know or that are null are nothing to mind.
    @Test func userInfoIsRead() async throws {
        try await TestServer.run({ _ in
            .json(
                """
                {"sub":"https://x/id/00D/005","user_id":"005x00000012Q9PAAU","organization_id":"00Dx0000000BV7zEAK",
                "preferred_username":"susan@axonify.com","email":"susan@axonify.com.invalid","email_verified":true,
                "given_name":"Susan","family_name":null,"photos":{"picture":"https://x"}}
                """)
        }) { server in
            let info = try await server.client().userInfo(
                instance: server.hosts.instance(server.base), accessToken: Secret("00Dx!tok"))
            #expect(
                info
                    == UserInfo(
                        userID: "005x00000012Q9PAAU", organizationID: "00Dx0000000BV7zEAK",
                        preferredUsername: "susan@axonify.com", email: "susan@axonify.com.invalid", emailVerified: true,
                        givenName: "Susan", familyName: nil))
            let request = try #require(await server.nextRequest())
            #expect(request.method == "GET")
            #expect(request.target == "/services/oauth2/userinfo")
            #expect(request.headers[.authorization] == "Bearer 00Dx!tok")
        }
    }

    /// The profile comes from a query; one that the org hides is a profile without rights.
    @Test(arguments: [
        (
            200, #"{"records":[{"Profile":{"Name":"System Administrator","PermissionsModifyAllData":true}}]}"#,
            Profile(name: "System Administrator", modifiesAllData: true)
        ),
        (200, #"{"records":[{"Profile":{"Name":"Sales"}}]}"#, Profile(name: "Sales", modifiesAllData: false)),
        (200, #"{"records":[{"Profile":null}]}"#, Profile(name: nil, modifiesAllData: false)),
        (200, #"{"records":[]}"#, Profile(name: nil, modifiesAllData: false)),
        (
            400, #"[{"message":"No such column","errorCode":"INVALID_FIELD"}]"#,
            Profile(name: nil, modifiesAllData: false)
        ),
    ])
    func profileIsRead(status: Int, body: String, profile: Profile) async throws {
        try await TestServer.run({ _ in .json(body, status: .init(code: status)) }) { server in
            let instance = try server.hosts.instance(server.base)
            #expect(
                try await server.client().profile(
                    ofUser: "005x00000012Q9PAAU", instance: instance, accessToken: Secret("t")) == profile)
            #expect(
                await server.nextRequest()?.target
                    == "/services/data/v60.0/query?q=SELECT%20Profile.Name%2C%20Profile.PermissionsModifyAllData%20FROM"
                    + "%20User%20WHERE%20Id%20%3D%20%27005x00000012Q9PAAU%27")
        }
    }

    /// What is no user id never becomes part of a query.
    @Test(arguments: ["", "005x' OR Name != '", "00Dx0000000BV7zEAK", "005x00000012Q9é"])
    func otherIDsAreNotQueried(id: String) async throws {
        try await TestServer.run(Self.answering) { server in
            let instance = try server.hosts.instance(server.base)
            await #expect(throws: SalesforceError(.invalidRequest, requestMayHaveBeenSent: false)) {
                try await server.client().profile(ofUser: id, instance: instance, accessToken: Secret("t"))
            }
        }
    }

    /// No error tells a token, a code or a secret, however it is printed.
    @Test func errorsTellNoSecret() async throws {
        try await TestServer.run({ request in
            .json(#"{"error":"canary","error_description":"canary"}"#, status: .badRequest)
        }) {
            server in
            let error = await #expect(throws: SalesforceError.self) {
                try await server.client().exchange(
                    code: Secret("canary"), verifier: Secret("canary"), client: Self.client(server, secret: "canary"))
            }
            let told = try #require(error)
            #expect(!"\(told) \(String(reflecting: told)) \(told.metricLabel)".contains("canary"))
        }
    }
}
