import Crypto
import CryptoExtras
import Foundation
import NIOHTTP1
import Testing

@testable import SalesforceSimulator

@Suite struct AuthorizeTests {
    /// A person without a session is sent to the login page, then to consent, then back with code and state.
    @Test func personSignsInAndAllows() async throws {
        try await Harness.run { harness in
            let start = try await harness.send(.GET, Harness.login, Harness.authorize())
            #expect(start.status == 302)
            let consent = try #require(start.headers.first(name: "Location"))
            let toLogin = try await harness.send(.GET, Harness.login, consent)
            let login = try #require(toLogin.headers.first(name: "Location"))
            #expect(login.hasPrefix("/?ec=302&startURL="))
            let page = try await harness.send(.GET, Harness.login, login)
            #expect(page.status == 200)
            #expect(page.text.contains("Log in to Axonify"))
            #expect(page.text.contains("<label for=\"username\">"))
            #expect(!page.text.contains("<script"))

            let done = try await harness.approve(Harness.authorize())
            #expect(done.status == 302)
            let location = try #require(done.headers.first(name: "Location"))
            #expect(location.hasPrefix("\(Harness.callback)?code=aPrx"))
            #expect(location.contains("%3D%3D&state=s%20t%26te"))
        }
    }

    /// The consent page names the app, the person and what is asked for, with all that came from outside escaped.
    @Test func consentPageSaysWhatIsAsked() async throws {
        try await Harness.run({ $0.orgs[0].apps[0].name = "<b>Mine & yours</b>" }) { harness in
            let cookie = try await harness.logIn(Harness.susan)
            let first = try await harness.send(.GET, Harness.login, Harness.authorize(), headers: [("Cookie", cookie)])
            let page = try await harness.send(
                .GET, Harness.login, try #require(first.headers.first(name: "Location")), headers: [("Cookie", cookie)])
            #expect(page.text.contains("&lt;b&gt;Mine &amp; yours&lt;/b&gt;"))
            #expect(page.text.contains("Manage user data via APIs"))
            #expect(page.text.contains("Perform requests at any time"))
            #expect(page.text.contains(Harness.susan))
        }
    }

    /// "Deny" goes back with `access_denied` and the state, and leaves no code.
    @Test func denyingReturnsAccessDenied() async throws {
        try await Harness.run { harness in
            let reply = try await harness.approve(Harness.authorize(), button: "cancel")
            #expect(reply.locationFields["error"] == "access_denied")
            #expect(reply.locationFields["state"] == "s t&te")
            #expect(reply.locationFields["code"] == nil)
        }
    }

    /// A form of another session can't allow anything.
    @Test func consentNeedsTheFormOfItsOwnSession() async throws {
        try await Harness.run { harness in
            let cookie = try await harness.logIn(Harness.susan)
            let first = try await harness.send(.GET, Harness.login, Harness.authorize(), headers: [("Cookie", cookie)])
            let source = try #require(first.locationFields["source"])
            let reply = try await harness.post(
                Harness.login, SignInEndpoints.consentPath,
                form: [("source", source), ("save", "1"), ("token", "wrong")],
                headers: [("Cookie", cookie)])
            #expect(reply.status == 403)
        }
    }

    /// What is wrong with the client or its callback is shown, never redirected.
    @Test func clientErrorsAreShown() async throws {
        try await Harness.run { harness in
            for (changes, code) in [
                (["redirect_uri": "https://evil.example/"], "redirect_uri_mismatch"),
                (["redirect_uri": Harness.callback + "/"], "redirect_uri_mismatch"),
                (["client_id": "nobody"], "invalid_client_id"),
            ] {
                let reply = try await harness.send(.GET, Harness.login, Harness.authorize(changes.mapValues { $0 }))
                #expect(reply.status == 400)
                #expect(reply.text.contains(code))
                #expect(reply.headers.first(name: "Location") == nil)
            }
            let bare = try await harness.send(.GET, Harness.login, Harness.authorize(["code_challenge": nil]))
            #expect(bare.status == 400)
            #expect(bare.text.contains("missing%20required%20code%20challenge"))
            #expect(bare.headers.first(name: "Content-Type") == nil)
        }
    }

    /// A port of `*` in a registered callback stands for any port and for nothing else.
    @Test(arguments: [
        ("http://a.localhost:1234/cb", true), ("http://a.localhost:99999/cb", true), ("http://a.localhost/cb", true),
        ("http://a.localhost:123456/cb", false), ("http://a.localhost:/cb", false),
        ("http://a.localhost:1@evil.example/cb", false), ("http://a.localhost.evil.example/cb", false),
        ("http://a.localhost:1234/cb/", false),
    ])
    func wildcardPortOfCallback(uri: String, isAccepted: Bool) {
        let app = SimulatedApp(
            name: "", clientID: "", clientSecret: "", redirectURIs: ["http://a.localhost:*/cb"])
        #expect(app.accepts(redirectURI: uri) == isAccepted)
    }

    /// Other errors go to the callback with the state.
    @Test func requestErrorsAreRedirected() async throws {
        try await Harness.run { harness in
            for (changes, code) in [
                (["code_challenge_method": "plain"], "invalid_request"), (["scope": "api nonsense"], "invalid_scope"),
                (["response_type": "token"], "unsupported_response_type"),
                (["immediate": "true"], "immediate_unsuccessful"),
            ] {
                let reply = try await harness.send(.GET, Harness.login, Harness.authorize(changes.mapValues { $0 }))
                #expect(reply.locationFields["error"] == code)
                #expect(reply.locationFields["state"] == "s t&te")
            }
        }
    }

    /// A missing challenge method means S256.
    @Test func missingMethodIsS256() async throws {
        try await Harness.run { harness in
            let code = try await harness.code(Harness.authorize(["code_challenge_method": nil]))
            #expect(try await harness.exchange(code).status == 200)
        }
    }

    /// Who agreed once is not asked again, unless the app insists.
    @Test func approvalIsRemembered() async throws {
        try await Harness.run { harness in
            _ = try await harness.code()
            let cookie = try await harness.logIn(Harness.susan)
            let again = try await harness.send(.GET, Harness.login, Harness.authorize(), headers: [("Cookie", cookie)])
            #expect(again.locationFields["code"] != nil)
            for prompt in ["consent", "login"] {
                let asked = try await harness.send(
                    .GET, Harness.login, Harness.authorize(["prompt": prompt]), headers: [("Cookie", cookie)])
                #expect(try #require(asked.headers.first(name: "Location")).hasPrefix(SignInEndpoints.consentPath))
            }
        }
    }

    /// The generic login host finds the org by username; an org's own host takes its own people only.
    @Test func genericHostFindsTheOrg() async throws {
        try await Harness.run { harness in
            let reply = try await harness.approve(
                Harness.authorize(), username: Harness.hank, host: "login.salesforce.localhost")
            let code = try #require(reply.locationFields["code"])
            let tokens = try Harness.tokens(try await harness.exchange(code, host: "login.salesforce.localhost"))
            #expect(tokens.access.hasPrefix("00DGx000002Tq4L!"))
            #expect(
                tokens.body["instance_url"] == .string("http://globex.instance.salesforce.localhost:\(harness.port)"))
            let refused = try await harness.post(
                Harness.login, "/", form: [("un", Harness.hank), ("pw", SimulatorConfiguration.demoPassword)])
            #expect(refused.status == 200)
            #expect(refused.text.contains("Please check your username and password"))
        }
    }

    /// After signing in a browser is only ever sent on within its host.
    @Test(arguments: ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nX: y"])
    func loginDoesNotRedirectElsewhere(startURL: String) async throws {
        try await Harness.run { harness in
            let reply = try await harness.post(
                Harness.login, "/",
                form: [
                    ("un", Harness.susan), ("pw", SimulatorConfiguration.demoPassword), ("startURL", startURL),
                ])
            #expect(reply.headers.first(name: "Location") == "/home/home.jsp")
        }
    }

    /// An app that is blocked, not installed or not approved says so in Salesforce's three ways.
    @Test func barredAppsSaySo() async throws {
        try await Harness.run { harness in
            try harness.simulator.updateApp(Harness.axonifyClient, org: "Axonify") { $0.isBlocked = true }
            let cookie = try await harness.logIn(Harness.susan)
            func step() async throws -> Harness.Reply {
                try await harness.send(.GET, Harness.login, Harness.authorize(), headers: [("Cookie", cookie)])
            }
            #expect(try await step().locationFields["error"] == "OAUTH_APP_BLOCKED")
            try harness.simulator.updateApp(Harness.axonifyClient, org: "Axonify") {
                $0.isBlocked = false
                $0.usersMayApprove = false
            }
            #expect(try await step().locationFields["error"] == "OAUTH_APP_ACCESS_DENIED")
            try harness.simulator.updateApp(Harness.axonifyClient, org: "Axonify") { $0.isInstalled = false }
            let page = try await step()
            #expect(page.status == 400)
            #expect(page.text.contains("OAUTH_APPROVAL_ERROR_GENERIC"))
        }
    }
}

@Suite struct TokenTests {
    /// The token answer has Salesforce's fields, all text, with a signature that fits, and no `expires_in`.
    @Test func tokenAnswerIsSalesforces() async throws {
        try await Harness.run { harness in
            let reply = try await harness.exchange(try await harness.code())
            let tokens = try Harness.tokens(reply)
            #expect(reply.headers.first(name: "Cache-Control") == "no-cache, no-store")
            #expect(tokens.access.wholeMatch(of: /00DHp000001Fk7R![.\w]+/) != nil)
            #expect(tokens.refresh.hasPrefix("5Aep861"))
            #expect(tokens.body["expires_in"] == nil)
            #expect(tokens.body["token_type"] == "Bearer")
            #expect(tokens.body["scope"] == "api refresh_token openid")
            #expect(tokens.body["instance_url"] == .string("http://\(Harness.instance):\(harness.port)"))
            let id = try #require(tokens.body["id"]?.stringValue)
            #expect(id.hasPrefix("http://login.salesforce.localhost:\(harness.port)/id/00DHp000001Fk7RMAS/005"))
            let issued = try #require(tokens.body["issued_at"]?.stringValue)
            let key = SymmetricKey(data: Data(Harness.axonifySecret.utf8))
            let expected = Data(HMAC<SHA256>.authenticationCode(for: Data((id + issued).utf8), using: key))
            #expect(tokens.body["signature"] == .string(expected.base64EncodedString()))
        }
    }

    /// The id token is signed with the key that the key set names.
    @Test func identityTokenVerifies() async throws {
        try await Harness.run { harness in
            let code = try await harness.code(Harness.authorize(["nonce": "n-1"]))
            let tokens = try Harness.tokens(try await harness.exchange(code))
            let parts = try #require(tokens.body["id_token"]?.stringValue).split(separator: ".").map(String.init)
            let keys = try await harness.send(.GET, Harness.login, "/id/keys").json()
            let key = try #require(keys["keys"]?.arrayValue?.first)
            let publicKey = try _RSA.Signing.PublicKey(
                n: Self.bytes(key["n"]?.stringValue), e: Self.bytes(key["e"]?.stringValue))
            #expect(
                publicKey.isValidSignature(
                    _RSA.Signing.RSASignature(rawRepresentation: Self.bytes(parts[2])),
                    for: Data("\(parts[0]).\(parts[1])".utf8), padding: .insecurePKCS1v1_5))
            let claims = try JSONParser.parse(Self.bytes(parts[1]))
            #expect(claims["nonce"] == "n-1")
            #expect(claims["aud"] == .string(Harness.axonifyClient))
        }
    }

    private static func bytes(_ base64URL: String?) -> Data {
        var text = (base64URL ?? "").replacing("-", with: "+").replacing("_", with: "/")
        text += String(repeating: "=", count: (4 - text.count % 4) % 4)
        return Data(base64Encoded: text) ?? Data()
    }

    /// What is wrong with an exchange is answered with 400 and its row of the table; the code is then used up.
    @Test(
        arguments: [
            (["code_verifier": "wrong-verifier"], "invalid_request", "invalid code verifier"),
            (["code_verifier": nil], "invalid_grant", "missing code verifier"),
            (
                ["redirect_uri": "http://other.localhost/cb"], "redirect_uri_mismatch",
                "redirect_uri must match configuration"
            ),
            (["client_secret": "wrong"], "invalid_client", "invalid client credentials"),
            (["client_secret": nil], "invalid_client", "invalid client credentials"),
            (["client_id": "nobody"], "invalid_client_id", "client identifier invalid"),
            (["code": "aPrxNothing=="], "invalid_grant", "expired authorization code"),
            (["grant_type": "password"], "unsupported_grant_type", "grant type not supported"),
        ] as [([String: String?], String, String)])
    func wrongExchanges(changes: [String: String?], error: String, description: String) async throws {
        try await Harness.run { harness in
            let reply = try await harness.exchange(try await harness.code(), changes)
            #expect(reply.status == 400)
            #expect(try reply.json()["error"] == .string(error))
            #expect(try reply.json()["error_description"] == .string(description))
            #expect(reply.headers.first(name: "Cache-Control") == "no-cache, no-store")
            #expect(harness.simulator.counters.accessTokensIssued == 0)
        }
    }

    /// A code is good once, for fifteen minutes.
    @Test func codesAreOneTimeAndExpire() async throws {
        try await Harness.run { harness in
            let code = try await harness.code()
            #expect(try await harness.exchange(code).status == 200)
            let again = try await harness.exchange(code)
            #expect(try again.json()["error_description"] == "expired authorization code")
            let late = try await harness.code()
            harness.simulator.advance(by: .seconds(15 * 60))
            #expect(try await harness.exchange(late).json()["error_description"] == "expired authorization code")
        }
    }

    /// A code of one app is worthless to another app of the same org.
    @Test func codeIsBoundToItsClient() async throws {
        try await Harness.run({
            $0.orgs[0].apps.append(
                SimulatedApp(name: "Other", clientID: "other", clientSecret: "s", redirectURIs: [Harness.callback]))
        }) { harness in
            let reply = try await harness.exchange(
                try await harness.code(), ["client_id": "other", "client_secret": "s"])
            #expect(try reply.json()["error"] == "invalid_grant")
        }
    }

    /// Basic credentials count where the body has none; both secrets are live while one is being replaced.
    @Test func clientAuthentication() async throws {
        try await Harness.run({ $0.orgs[0].apps[0].previousClientSecret = "older" }) { harness in
            let tokens = try await harness.signIn()
            let basic = Data("\(Harness.axonifyClient):\(Harness.axonifySecret)".utf8).base64EncodedString()
            let reply = try await harness.post(
                Harness.login, "/services/oauth2/token",
                form: [("grant_type", "refresh_token"), ("refresh_token", tokens.refresh)],
                headers: [("Authorization", "Basic \(basic)")])
            let next = try Harness.tokens(reply)
            #expect(try await harness.refresh(next.refresh, ["client_secret": "older"]).status == 200)
        }
    }

    /// Of two live secrets, the one that is set signs, whichever was shown.
    @Test(arguments: SimulatedApp.SigningSecret.allCases)
    func eitherSecretSigns(signer: SimulatedApp.SigningSecret) async throws {
        try await Harness.run({
            $0.orgs[0].apps[0].previousClientSecret = "older"
            $0.orgs[0].apps[0].signingSecret = signer
        }) { harness in
            let secrets = ["shown": "older", "current": Harness.axonifySecret, "previous": "older"]
            let code = try await harness.code()
            let tokens = try Harness.tokens(try await harness.exchange(code, ["client_secret": "older"]))
            let id = try #require(tokens.body["id"]?.stringValue)
            let issued = try #require(tokens.body["issued_at"]?.stringValue)
            let key = SymmetricKey(data: Data(try #require(secrets[signer.rawValue]).utf8))
            let expected = Data(HMAC<SHA256>.authenticationCode(for: Data((id + issued).utf8), using: key))
            #expect(tokens.body["signature"] == .string(expected.base64EncodedString()))
        }
    }

    /// Token answers come as form or XML where asked.
    @Test func otherFormats() async throws {
        try await Harness.run { harness in
            let form = try await harness.exchange("nothing", ["format": "urlencoded"])
            #expect(form.text == "error=invalid_grant&error_description=expired%20authorization%20code")
            let xml = try await harness.exchange("nothing", ["format": "xml"])
            #expect(xml.text.contains("<OAuth><error>invalid_grant</error>"))
        }
    }

    /// Without the scope there is no refresh token.
    @Test func refreshTokenNeedsItsScope() async throws {
        try await Harness.run { harness in
            let code = try await harness.code(Harness.authorize(["scope": "api"]))
            let tokens = try Harness.tokens(try await harness.exchange(code))
            #expect(tokens.body["refresh_token"] == nil)
            #expect(tokens.body["id_token"] == nil)
        }
    }
}
