import Access
import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Hummingbird
import Testing

@testable import Workspace

@Suite struct SignInRouteTests {
    /// Signing in leads to the tenant's own Salesforce, with a cookie that only this host and no script gets.
    @Test func loginLeadsToSalesforce() async throws {
        let scene = try await Scene()
        let response = try await scene.send(.get, "/auth/login", headers: browserAccept)
        #expect(response.status == .found)
        let location = try #require(response.headers[.location])
        #expect(location.hasPrefix("https://axonify.my.salesforce.com/services/oauth2/authorize?"))
        #expect(response.headers[.cacheControl] == "no-store")
        let cookie = try #require(response.headers[.setCookie])
        for attribute in ["HttpOnly", "SameSite=Lax"] { #expect(cookie.contains(attribute)) }
        #expect(!cookie.contains("Domain"))
    }

    /// Coming back starts a session and leads to where the person wanted to go.
    @Test func callbackStartsASession() async throws {
        let scene = try await Scene()
        let response = try await scene.signIn(with: "code=susan", returnTo: "/reports?year=2026")
        #expect(response.status == .found)
        #expect(response.headers[.location] == "/reports?year=2026")
        let cookie = try #require(scene.sessionCookie(of: response))
        #expect(cookie.wholeMatch(of: /formation_session=[A-Za-z0-9_\-]{43}; .*/) != nil)
        for attribute in ["HttpOnly", "SameSite=Lax", "Path=/"] { #expect(cookie.contains(attribute)) }
        #expect(!cookie.contains("Domain"))
        #expect(!cookie.contains("Secure"))
    }

    /// Where `BASE_URL` is https, cookies are host-bound and never travel in the clear.
    @Test func secureCookiesAreHostBound() async throws {
        let scene = try await Scene(isSecure: true)
        let begun = try await scene.send(.get, "/auth/login")
        #expect(begun.headers[values: .setCookie].allSatisfy { $0.contains("Secure") && $0.hasPrefix("__Host-") })
        let done = try await scene.signIn(with: "code=susan")
        let cookie = try #require(scene.sessionCookie(of: done))
        #expect(cookie.hasPrefix("__Host-formation_session="))
        #expect(cookie.contains("Secure"))
        #expect(done.headers[.strictTransportSecurity] != nil)
    }

    /// A return address that is not a path on this host becomes the start page.
    @Test(arguments: [
        "//evil.example", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/%0d%0aSet-Cookie:x",
        "/\t/evil",
        "evil", "",
    ])
    func foreignReturnAddressesAreDropped(returnTo: String) async throws {
        let scene = try await Scene()
        let response = try await scene.signIn(with: "code=susan", returnTo: returnTo)
        #expect(response.status == .found)
        let location = try #require(response.headers[.location])
        #expect(location.hasPrefix("/") && !location.hasPrefix("//") && !location.hasPrefix("/\\"))
        #expect(!location.contains("\r") && !location.contains("\n") && !location.contains("\t"))
    }

    /// Each failure is a page in words with a way to try again, and says nothing that was in the address.
    @Test(arguments: [
        ("error=access_denied&error_description=CANARY", 403, "Access was not given"),
        ("code=mallory", 403, "Another Salesforce organization"),
        ("code=barred", 403, "Salesforce"), ("code=unsigned", 502, "could not be trusted"),
    ])
    func failuresArePages(query: String, status: Int, words: String) async throws {
        let scene = try await Scene()
        let response = try await scene.signIn(with: query, returnTo: "/reports")
        #expect(response.status.code == status)
        #expect(response.headers[.contentType] == "text/html; charset=utf-8")
        let text = try await response.text()
        #expect(text.contains(words))
        #expect(text.contains("href=\"/auth/login?return_to=/reports\""))
        #expect(text.contains(Scene.requestID))
        #expect(!text.contains("CANARY"))
        #expect(scene.sessionCookie(of: response) == nil)
        #expect(scene.store.auditEvents.contains { $0.action == .signInFailed })
    }

    /// A callback that this browser did not ask for is refused, as a page even where the client asks for JSON.
    @Test func foreignCallbackIsRefused() async throws {
        let scene = try await Scene()
        let response = try await scene.send(
            .get, "/auth/callback?code=susan&state=forged", headers: [.accept: "application/json"])
        #expect(response.status == .badRequest)
        #expect(try await response.text().contains("This sign-in is no longer open"))
        #expect(scene.sessionCookie(of: response) == nil)
    }

    /// Where nobody may sign in, the page says why, and offers no sign-in.
    @Test func obstaclesAreSaid() async throws {
        let suspended = try await Scene { $0.suspendedAt = Fixtures.epoch }
        let cancelled = try await Scene { $0.subscriptionStatus = .cancelled }
        let trial = try await Scene {
            $0.subscriptionStatus = .trial
            $0.trialEndsAt = Fixtures.epoch
        }
        let overdue = try await Scene {
            $0.subscriptionStatus = .pastDue
            $0.pastDueSince = Fixtures.epoch.addingTimeInterval(-31 * 24 * 60 * 60)
        }
        let bare = try await Scene(hasCredentials: false)
        for (scene, status, words) in [
            (suspended, 403, "suspended"), (cancelled, 402, "cancelled"),
            (trial, 402, "The trial of this workspace ended on 1 January 2026."),
            (overdue, 402, "Payment for this workspace is overdue since 1 December 2025."),
            (bare, 409, "The operator of this service must enter its client id and secret."),
        ] {
            let login = try await scene.send(.get, "/auth/login", headers: browserAccept)
            #expect(login.status.code == status)
            #expect(try await login.text().contains(words))
            let home = try await scene.send(.get, "/", headers: browserAccept)
            #expect(home.status == .ok)
            let text = try await home.text()
            #expect(text.contains(words))
            #expect(!text.contains("/auth/login"))
        }
    }

    /// Asking whether one is signed in does not keep one signed in.
    @Test func sessionCheckDoesNotExtend() async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        scene.clock.advance(by: 59 * 60)
        let alive = try await scene.send(.get, "/auth/session", headers: scene.fetch(cookie))
        #expect(alive.status == .ok)
        let members = try await scene.members(alive)
        #expect(Set(members.keys) == ["user", "customer", "expiresAt"])
        #expect(members["expiresAt"] == .string("2026-01-01T01:00:00.000Z"))
        scene.clock.advance(by: 61)
        let over = try await scene.send(.get, "/auth/session", headers: scene.fetch(cookie))
        #expect(over.status == .unauthorized)
        #expect(over.headers[.contentType] == "application/problem+json")
    }
}

@Suite struct LogoutTests {
    private let form: HTTPFields = [
        .accept: "text/html", .secFetchSite: "same-origin", .origin: Scene.origin,
        .contentType: "application/x-www-form-urlencoded",
    ]

    /// The page's button ends the session, drops the cookie and leads to the sign-in page.
    @Test func formEndsTheSession() async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        var headers = form
        headers[.cookie] = cookie
        let response = try await scene.send(.post, "/auth/logout", headers: headers)
        #expect(response.status == .seeOther)
        #expect(response.headers[.location] == "/")
        #expect(try #require(scene.sessionCookie(of: response)).contains("Max-Age=0"))
        let after = try await scene.send(.get, "/api/me", headers: scene.fetch(cookie))
        #expect(after.status == .unauthorized)
    }

    /// A script is answered without a page.
    @Test func scriptsGetNoContent() async throws {
        let scene = try await Scene()
        let response = try await scene.send(.post, "/auth/logout", headers: scene.fetch(try await scene.cookie()))
        #expect(response.status == .noContent)
        #expect(response.headers[.contentLength] == nil)
        #expect(scene.sessionCookie(of: response) != nil)
    }

    /// The last session's end revokes the grant at Salesforce; one that is not the last does not.
    @Test func lastLogoutRevokes() async throws {
        let scene = try await Scene()
        let first = try await scene.cookie()
        let second = try await scene.cookie()
        let before = await scene.salesforce.journal.revoked.count
        _ = try await scene.send(.post, "/auth/logout", headers: scene.fetch(first))
        #expect(await scene.salesforce.journal.revoked.count == before)
        _ = try await scene.send(.post, "/auth/logout", headers: scene.fetch(second))
        #expect(await scene.salesforce.journal.revoked.count == before + 1)
    }

    /// `everywhere=true` ends the other sessions too.
    @Test func everywhereEndsAll() async throws {
        let scene = try await Scene()
        let first = try await scene.cookie()
        let second = try await scene.cookie()
        _ = try await scene.send(.post, "/auth/logout?everywhere=true", headers: scene.fetch(first))
        #expect(try await scene.send(.get, "/api/me", headers: scene.fetch(second)).status == .unauthorized)
    }

    /// Another site can't sign anybody out, and is told nothing by a cookie.
    @Test(arguments: ["cross-site", "same-site", "none", nil])
    func otherSitesCannotSignOut(site: String?) async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        var headers: HTTPFields = [.cookie: cookie, .accept: "text/html"]
        headers[.secFetchSite] = site
        let response = try await scene.send(.post, "/auth/logout", headers: headers)
        #expect(response.status == .forbidden)
        #expect(response.headers[.setCookie] == nil)
        #expect(try await response.text().contains("another site"))
        #expect(try await scene.send(.get, "/api/me", headers: scene.fetch(cookie)).status == .ok)
    }

    /// Who is not signed in is signed out: the same answers, under the same rule.
    @Test func signedOutStaysSignedOut() async throws {
        let scene = try await Scene()
        #expect(try await scene.send(.post, "/auth/logout", headers: form).status == .seeOther)
        #expect(
            try await scene.send(.post, "/auth/logout", headers: [.secFetchSite: "same-origin"]).status == .noContent)
        #expect(
            try await scene.send(.post, "/auth/logout", headers: [.secFetchSite: "cross-site"]).status == .forbidden)
    }

    /// A link can't sign anybody out.
    @Test func logoutIsNoLink() async throws {
        let scene = try await Scene()
        let response = try await scene.send(.get, "/auth/logout", headers: browserAccept)
        #expect(response.status == .methodNotAllowed)
        #expect(response.headers[.allow] == "POST, OPTIONS")
    }
}
