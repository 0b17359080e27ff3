import Foundation
import NIOHTTP1
import Testing

@testable import SalesforceSimulator

@Suite struct RefreshTests {
    /// Rotation: every refresh answers with a new refresh token; using the old one ends the family and its sessions.
    @Test func rotationAndReuse() async throws {
        try await Harness.run { harness in
            let first = try await harness.signIn()
            let second = try Harness.tokens(try await harness.refresh(first.refresh))
            #expect(!second.refresh.isEmpty && second.refresh != first.refresh)
            #expect(try await harness.query("SELECT Id FROM Profile", token: second.access).status == 200)
            let reuse = try await harness.refresh(first.refresh)
            #expect(reuse.status == 400)
            #expect(try reuse.json()["error_description"] == "expired access/refresh token")
            #expect(try await harness.refresh(second.refresh).status == 400)
            #expect(try await harness.query("SELECT Id FROM Profile", token: second.access).status == 401)
            #expect(harness.simulator.counters.refreshTokenReuses == 1)
        }
    }

    /// Without rotation the answer has no refresh token, and the one in hand stays good.
    @Test func withoutRotation() async throws {
        try await Harness.run({ $0.orgs[0].apps[0].rotatesRefreshTokens = false }) { harness in
            let first = try await harness.signIn()
            for _ in 0..<2 {
                #expect(try Harness.tokens(try await harness.refresh(first.refresh)).body["refresh_token"] == nil)
            }
        }
    }

    /// Two refreshes of one token at once: the second is told that the first is being processed.
    @Test func concurrentRefreshIsRefused() async throws {
        try await Harness.run { harness in
            let tokens = try await harness.signIn()
            let hold = harness.simulator.add(
                SimulatedFault(.hold, moment: .during, pathPrefix: "/services/oauth2/token"))
            async let slow = harness.refresh(tokens.refresh)
            await harness.simulator.waitUntilHeld(by: hold)
            let other = try await harness.refresh(tokens.refresh)
            #expect(try other.json()["error"] == "invalid_grant")
            #expect(try other.json()["error_description"] == "token request is already being processed")
            harness.simulator.clear(hold)
            let won = try Harness.tokens(try await slow)
            #expect(try await harness.refresh(won.refresh).status == 200)
            #expect(harness.simulator.counters.refreshesRefusedAsConcurrent == 1)
        }
    }

    /// Of each grant it is known how often its tokens expired and were refreshed, and what a refresh token is worth.
    @Test func grantsAreAccountedFor() async throws {
        try await Harness.run { harness in
            let simulator = harness.simulator
            func grants() throws -> [SimulatedGrant] { try simulator.grants(of: Harness.susan) }
            let first = try await harness.signIn()
            #expect(simulator.standing(ofRefreshToken: first.refresh) == .living)
            try simulator.expireAccessTokens()
            try simulator.expireAccessTokens()
            #expect(try grants().map(\.expiries) == [1])
            let second = try Harness.tokens(try await harness.refresh(first.refresh))
            simulator.expire(accessToken: second.access)
            let third = try Harness.tokens(try await harness.refresh(second.refresh))
            #expect(simulator.standing(ofRefreshToken: first.refresh) == .spent(successors: 2))
            #expect(simulator.standing(ofRefreshToken: second.refresh) == .spent(successors: 1))
            #expect(simulator.standing(ofRefreshToken: third.refresh) == .living)
            #expect(simulator.standing(ofRefreshToken: "never issued") == .unknown)
            _ = try await harness.signIn()
            _ = try await harness.refresh(first.refresh)
            #expect(simulator.standing(ofRefreshToken: third.refresh) == .revoked)
            #expect(
                try grants() == [
                    SimulatedGrant(
                        isRevoked: true, expiries: 2, refreshAttempts: 3, refreshes: 2, refreshTokenReuses: 1),
                    SimulatedGrant(
                        isRevoked: false, expiries: 0, refreshAttempts: 0, refreshes: 0, refreshTokenReuses: 0),
                ])
        }
    }

    /// The sixth approval of an app by a person revokes the first.
    @Test func fiveApprovals() async throws {
        try await Harness.run { harness in
            var grants: [Harness.Tokens] = []
            for _ in 0..<6 { grants.append(try await harness.signIn()) }
            let other = try await harness.signIn(Harness.alex)
            #expect(try await harness.refresh(grants[0].refresh).status == 400)
            #expect(try await harness.query("SELECT Id FROM Profile", token: grants[0].access).status == 401)
            for tokens in grants.dropFirst() + [other] {
                #expect(try await harness.refresh(tokens.refresh).status == 200)
            }
            #expect(harness.simulator.counters.approvalsRevoked == 1)
        }
    }

    /// Each policy ends refresh tokens in its own way.
    @Test func refreshPolicies() async throws {
        try await Harness.run { harness in
            func set(_ policy: SimulatedApp.RefreshTokenPolicy) throws {
                try harness.simulator.updateApp(Harness.axonifyClient, org: "Axonify") {
                    $0.refreshTokenPolicy = policy
                }
            }
            try set(.inactivity(.seconds(100)))
            var tokens = try await harness.signIn()
            for _ in 0..<3 {
                harness.simulator.advance(by: .seconds(90))
                tokens = try Harness.tokens(try await harness.refresh(tokens.refresh))
            }
            harness.simulator.advance(by: .seconds(101))
            #expect(try await harness.refresh(tokens.refresh).status == 400)
            try set(.lifetime(.seconds(100)))
            tokens = try await harness.signIn()
            harness.simulator.advance(by: .seconds(90))
            tokens = try Harness.tokens(try await harness.refresh(tokens.refresh))
            harness.simulator.advance(by: .seconds(20))
            #expect(try await harness.refresh(tokens.refresh).status == 400)
        }
    }

    /// A deactivated person, a changed password, a locked org and a blocked app refuse a refresh in their words.
    @Test func refusedRefreshes() async throws {
        try await Harness.run({ $0.orgs[0].apps[0].rotatesRefreshTokens = false }) { harness in
            let tokens = try await harness.signIn()
            func outcome() async throws -> JSON? {
                try await harness.refresh(tokens.refresh).json()["error_description"]
            }
            try harness.simulator.updateUser(Harness.susan) { $0.isActive = false }
            #expect(try await outcome() == "authentication failure")
            try harness.simulator.updateUser(Harness.susan) { $0.isActive = true }
            try harness.simulator.setLocked(true, org: "Axonify")
            #expect(try await harness.refresh(tokens.refresh).json()["error"] == "inactive_org")
            try harness.simulator.setLocked(false, org: "Axonify")
            try harness.simulator.updateApp(Harness.axonifyClient, org: "Axonify") { $0.isBlocked = true }
            #expect(try await harness.refresh(tokens.refresh).json()["error"] == "invalid_app_access")
            try harness.simulator.updateApp(Harness.axonifyClient, org: "Axonify") { $0.isBlocked = false }
            #expect(try await harness.refresh(tokens.refresh).status == 200)
            try harness.simulator.updateUser(Harness.susan) { $0.password = "changed" }
            #expect(try await outcome() == "authentication failure")
        }
    }
}

@Suite struct SessionTests {
    /// A session lives on while it is used, and ends its timeout after the last call.
    @Test func sessionsSlide() async throws {
        try await Harness.run { harness in
            let tokens = try await harness.signIn()
            for _ in 0..<3 {
                harness.simulator.advance(by: .seconds(7_000))
                #expect(try await harness.query("SELECT Id FROM Profile", token: tokens.access).status == 200)
            }
            harness.simulator.advance(by: .seconds(7_200))
            let dead = try await harness.query("SELECT Id FROM Profile", token: tokens.access)
            #expect(dead.status == 401)
            #expect(dead.text == #"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#)
        }
    }

    /// Where activity counts past half of the timeout only, a token may die early.
    @Test func slidingPastHalfOnly() async throws {
        try await Harness.run({ $0.orgs[0].apps[0].slidesPastHalfOnly = true }) { harness in
            let tokens = try await harness.signIn()
            harness.simulator.advance(by: .seconds(3_000))
            #expect(try await harness.query("SELECT Id FROM Profile", token: tokens.access).status == 200)
            harness.simulator.advance(by: .seconds(4_200))
            #expect(try await harness.query("SELECT Id FROM Profile", token: tokens.access).status == 401)
        }
    }

    /// A dead session is XML for those who want XML, and both schemes count in any case.
    @Test func schemesAndFormats() async throws {
        try await Harness.run { harness in
            let tokens = try await harness.signIn()
            for scheme in ["Bearer", "bearer", "OAuth", "OAUTH"] {
                let reply = try await harness.send(
                    .GET, Harness.instance, "/services/data/v60.0/limits",
                    headers: [("Authorization", "\(scheme) \(tokens.access)")])
                #expect(reply.status == 200)
            }
            let xml = try await harness.send(
                .GET, Harness.instance, "/services/data/v60.0/limits",
                headers: [("Authorization", "Bearer nothing"), ("Accept", "application/xml")])
            #expect(xml.status == 401)
            #expect(xml.text.contains("<Errors><Error><errorCode>INVALID_SESSION_ID</errorCode>"))
            let missing = try await harness.send(.GET, Harness.instance, "/services/data/v60.0/limits")
            #expect(missing.status == 401)
        }
    }

    /// A token without the api scope is refused with words that no refresh cures.
    @Test func sessionWithoutAPI() async throws {
        try await Harness.run { harness in
            let code = try await harness.code(Harness.authorize(["scope": "openid"]))
            let tokens = try Harness.tokens(try await harness.exchange(code))
            let reply = try await harness.query("SELECT Id FROM Profile", token: tokens.access)
            #expect(reply.status == 401)
            #expect(reply.text.contains("This session is not valid for use with the REST API"))
        }
    }

    /// A token of one org is worthless at another.
    @Test func orgsDoNotMix() async throws {
        try await Harness.run { harness in
            let axonify = try await harness.signIn()
            let globex = try await harness.signInToGlobex()
            let wrong = try await harness.api(
                .GET, "/services/data/v60.0/limits", token: axonify.access, host: "globex.instance.salesforce.localhost"
            )
            #expect(wrong.status == 401)
            let right = try await harness.api(
                .GET, "/services/data/v60.0/query?q=SELECT+Name+FROM+Organization", token: globex.access,
                host: "globex.instance.salesforce.localhost")
            #expect(right.text.contains("Globex"))
            let userInfo = try await harness.api(
                .GET, "/services/oauth2/userinfo", token: axonify.access, host: "globex.instance.salesforce.localhost")
            #expect(userInfo.status == 403)
            #expect(userInfo.text == "Wrong_Org")
        }
    }

    /// Userinfo and identity tell who it is; a dead token is 403 with a text.
    @Test func userInfoAndIdentity() async throws {
        try await Harness.run { harness in
            let tokens = try await harness.signIn()
            let info = try await harness.api(.GET, "/services/oauth2/userinfo", token: tokens.access).json()
            #expect(info["preferred_username"] == .string(Harness.susan))
            #expect(info["organization_id"] == "00DHp000001Fk7RMAS")
            #expect(info["email_verified"] == true)
            let id = try #require(tokens.body["id"]?.stringValue)
            #expect(info["sub"] == .string(id))
            let path = try #require(id.firstRange(of: "/id/").map { String(id[$0.lowerBound...]) })
            let identity = try await harness.send(
                .GET, "login.salesforce.localhost", "\(path)?oauth_token=\(percentEncoded(tokens.access))")
            #expect(try identity.json()["username"] == .string(Harness.susan))
            harness.simulator.expire(accessToken: tokens.access)
            for target in ["/services/oauth2/userinfo", path] {
                let dead = try await harness.api(.GET, target, token: tokens.access)
                #expect(dead.status == 403)
                #expect(dead.text == "Bad_OAuth_Token")
            }
            #expect(
                try await harness.send(.GET, Harness.login, "/services/oauth2/userinfo").text == "Missing_OAuth_Token")
        }
    }

    /// Revoking a refresh token ends its access tokens too; revoking nothing is an error in form encoding.
    @Test func revocation() async throws {
        try await Harness.run { harness in
            let first = try await harness.signIn()
            let reply = try await harness.post(
                Harness.login, "/services/oauth2/revoke", form: [("token", first.refresh)])
            #expect(reply.status == 200 && reply.body.isEmpty)
            #expect(try await harness.query("SELECT Id FROM Profile", token: first.access).status == 401)
            #expect(try await harness.refresh(first.refresh).status == 400)
            let second = try await harness.signIn()
            let get = try await harness.send(
                .GET, Harness.login, "/services/oauth2/revoke?token=\(percentEncoded(second.access))")
            #expect(get.status == 200)
            #expect(try await harness.query("SELECT Id FROM Profile", token: second.access).status == 401)
            #expect(try await harness.refresh(second.refresh).status == 200)
            let again = try await harness.post(
                Harness.login, "/services/oauth2/revoke", form: [("token", second.access)])
            #expect(again.status == 400)
            #expect(FormFields(parsing: again.text)["error"] == "invalid_token")
            #expect(harness.simulator.counters.revocations == 2)
        }
    }

    /// Introspection alone tells when a token expires.
    @Test func introspection() async throws {
        try await Harness.run { harness in
            let tokens = try await harness.signIn()
            func introspect(_ token: String) async throws -> JSON {
                try await harness.post(
                    Harness.login, "/services/oauth2/introspect",
                    form: [
                        ("token", token), ("client_id", Harness.axonifyClient),
                        ("client_secret", Harness.axonifySecret),
                    ]
                ).json()
            }
            let active = try await introspect(tokens.access)
            #expect(active["active"] == true)
            #expect(try #require(active["exp"]?.intValue) - (try #require(active["iat"]?.intValue)) == 7_200)
            #expect(try await introspect(tokens.refresh)["token_type"] == "refresh_token")
            harness.simulator.expire(accessToken: tokens.access)
            #expect(try await introspect(tokens.access) == ["active": false])
        }
    }
}
