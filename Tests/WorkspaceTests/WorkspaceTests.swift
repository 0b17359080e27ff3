import Access
import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Hummingbird
import Salesforce
import Testing

@testable import Workspace

@Suite struct HomeTests {
    /// Signed out: whose workspace it is, and the way in, without a script.
    @Test func signedOutShowsTheWayIn() async throws {
        let scene = try await Scene()
        let response = try await scene.send(.get, "/", headers: browserAccept)
        #expect(response.status == .ok)
        let text = try await response.text()
        #expect(text.contains("<title>Sign in · Axonify · FormationIQ</title>"))
        #expect(text.contains("Sign in to Axonify"))
        #expect(text.contains("<a class=\"button wide\" href=\"/auth/login\">Sign in with Salesforce</a>"))
        #expect(text.contains("axonify.my.salesforce.com"))
        #expect(!text.contains("<script"))
    }

    /// Signed in: who one is, which org, and the explorer.
    @Test func signedInShowsTheWorkspace() async throws {
        let scene = try await Scene()
        let response = try await scene.send(.get, "/", headers: scene.fetch(try await scene.cookie()))
        let text = try await response.text()
        for shown in [
            "<h1>Axonify</h1>", "Susan McGovern", "Administrator", "System Administrator", "axonify.my.salesforce.com",
            Fixtures.organizationID, "<label for=\"soql\">SOQL query</label>", "Run query", "Sign out", "<noscript>",
            "action=\"/auth/logout\"", "data-query-path=\"/services/data/v62.0/query\"",
            "data-record-origin=\"https://axonify.my.salesforce.com\"",
            "stay in this browser, for Susan McGovern alone",
        ] {
            #expect(text.contains(shown), "\(shown)")
        }
        let script = try #require(text.firstMatch(of: /<script src="([^"]+)" defer>/)).1
        #expect(try await scene.send(.get, String(script)).headers[.contentType] == "text/javascript; charset=utf-8")
    }

    /// A suspended workspace still says who one is, but offers nothing that would fail.
    @Test func suspendedWorkspaceHasNoExplorer() async throws {
        let scene = try await Scene { customer in
            customer.subscriptionStatus = .trial
            customer.trialEndsAt = Fixtures.epoch.addingTimeInterval(60)
        }
        let cookie = try await scene.cookie()
        scene.clock.advance(by: 61)
        let text = try await scene.send(.get, "/", headers: scene.fetch(cookie)).text()
        #expect(text.contains("Trial over"))
        #expect(text.contains("Susan McGovern"))
        #expect(!text.contains("id=\"explorer\""))
    }

    /// A company's name is shown as text, whatever it is.
    @Test func namesAreEscaped() async throws {
        let scene = try await Scene(companyName: "<script>alert(1)</script>")
        let cookie = try await scene.cookie()
        for headers in [browserAccept, scene.fetch(cookie)] {
            for path in ["/", "/nothing", "/auth/callback"] {
                var headers = headers
                headers[.accept] = "text/html"
                let text = try await scene.send(.get, path, headers: headers).text()
                #expect(!text.contains("<script>alert"))
                #expect(text.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
            }
        }
    }

    /// An unknown page is a page for people and problem details for programs.
    @Test func unknownPagesAreNotFound() async throws {
        let scene = try await Scene()
        let page = try await scene.send(.get, "/nothing", headers: browserAccept)
        #expect(page.status == .notFound)
        #expect(try await page.text().contains("<h1 id=\"heading\">Not found</h1>"))
        let data = try await scene.send(.get, "/nothing")
        #expect(data.status == .notFound)
        #expect(data.headers[.contentType] == "application/problem+json")
    }

    /// The Salesforce API version is a version.
    @Test(arguments: ["62.0", "v62", "v62.0/../x", "", "v6.0"])
    func otherVersionsAreRefused(version: String) async throws {
        let scene = try await Scene()
        let workspace = scene.workspace
        #expect(throws: WorkspaceError.notAnAPIVersion) {
            try Workspace(
                access: workspace.access, directory: workspace.directory, sessions: workspace.sessions,
                ledger: workspace.ledger, signIn: workspace.signIn, rule: workspace.rule, salesforceAPIVersion: version)
        }
    }
}

@Suite struct EveryAnswerTests {
    private static let paths = [
        "/", "/auth/login", "/auth/callback", "/auth/logout", "/auth/session", "/api/me", "/api/config", "/api/keys",
        "/api/keys/1", "/api/nothing", "/nothing", "/assets/nothing", "/settings", "/settings/config", "/settings/keys",
    ]
    private static let methods: [HTTPRequest.Method] = [.get, .head, .post, .put, .patch, .delete, .options]

    /// Every answer, an error too, carries the headers that keep it safe, and is not stored.
    @Test(arguments: [false, true])
    func everyAnswerIsSafe(isSecure: Bool) async throws {
        let scene = try await Scene(isSecure: isSecure)
        let cookie = try await scene.cookie()
        for path in Self.paths {
            for method in Self.methods {
                for headers in [scene.fetch(cookie), browserAccept, [:]] {
                    let response = try await scene.send(method, path, headers: headers)
                    let place: Comment = "\(method) \(path)"
                    #expect(response.headers[.requestID] == Scene.requestID, place)
                    #expect(response.headers[.xContentTypeOptions] == "nosniff", place)
                    #expect(response.headers[.referrerPolicy] == "same-origin", place)
                    #expect(response.headers[.crossOriginOpenerPolicy] == "same-origin", place)
                    #expect(response.headers[.cacheControl] == "no-store", place)
                    let policy = try #require(response.headers[.contentSecurityPolicy])
                    #expect(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), place)
                    #expect((response.headers[.strictTransportSecurity] != nil) == isSecure, place)
                    #expect(response.headers[.accessControlAllowOrigin] == nil, place)
                }
            }
        }
    }

    /// HEAD is answered as GET, without the body and with its length.
    @Test func headIsGetWithoutBody() async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        for path in [
            "/", "/api/me", "/api/config", "/auth/session", "/nothing", "/api/nothing", "/settings", "/settings/config",
        ] {
            let get = try await scene.send(.get, path, headers: scene.fetch(cookie))
            let head = try await scene.send(.head, path, headers: scene.fetch(cookie))
            #expect(head.status == get.status)
            #expect(head.headers == get.headers)
            #expect(head.headers[.contentLength] == String(try await get.bytes().count))
            #expect(try await head.bytes().isEmpty)
        }
    }

    /// A frontend of another origin may read answers, errors too; a stranger may not.
    @Test func frontendsMayReadAnswers() async throws {
        let scene = try await Scene(frontends: ["http://*.formation.localhost:5173"])
        let frontend = "http://axonify.formation.localhost:5173"
        let cookie = try await scene.cookie()
        for (path, status) in [("/api/me", 200), ("/api/nothing", 404)] {
            let response = try await scene.send(
                .get, path, headers: [.cookie: cookie, .origin: frontend, .secFetchSite: "same-site"])
            #expect(response.status.code == status)
            #expect(response.headers[.accessControlAllowOrigin] == frontend)
            #expect(response.headers[.accessControlAllowCredentials] == "true")
            #expect(response.headers[.vary]?.contains("Origin") == true)
        }
        let changed = try await scene.send(
            .patch, "/api/config",
            headers: [
                .cookie: cookie, .origin: frontend, .secFetchSite: "same-site", .contentType: "application/json",
            ], body: "{}")
        #expect(changed.status == .ok)
        let stranger = try await scene.send(
            .get, "/api/me", headers: [.cookie: cookie, .origin: "http://other.formation.localhost:5173"])
        #expect(stranger.headers[.accessControlAllowOrigin] == nil)
    }

    /// A preflight is answered without looking at credentials; a stranger's is refused.
    @Test func preflightsAreAnswered() async throws {
        let scene = try await Scene(frontends: ["http://*.formation.localhost:5173"])
        let allowed = try await scene.send(
            .options, "/api/config",
            headers: [
                .origin: "http://axonify.formation.localhost:5173", .accessControlRequestMethod: "PATCH",
                .accessControlRequestHeaders: "content-type",
            ])
        #expect(allowed.status == .noContent)
        #expect(allowed.headers[.accessControlAllowMethods] == "PATCH")
        let refused = try await scene.send(
            .options, "/api/config",
            headers: [.origin: "http://evil.example", .accessControlRequestMethod: "PATCH"])
        #expect(refused.status == .forbidden)
        #expect(refused.headers[.accessControlAllowOrigin] == nil)
    }

    /// No answer holds a secret: not the client's, not a token, not the cookie, outside the `Set-Cookie` that sets it.
    @Test func noAnswerHoldsASecret() async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        let value = try #require(cookie.split(separator: "=", maxSplits: 1).last)
        let secrets = [
            Fixtures.clientSecret, PretendSalesforce.canary, String(value), "SECRET-CODE", "SECRET-QUERY",
        ]
        for path in Self.paths {
            for method in Self.methods {
                for more in [browserAccept, [.accept: "application/json"]] {
                    var headers = more
                    headers[.cookie] = cookie
                    headers[.secFetchSite] = "same-origin"
                    guard path != "/auth/logout" else { continue }
                    let response = try await scene.send(
                        method, path + "?code=SECRET-CODE&error=SECRET-QUERY", headers: headers)
                    let all = try await response.text() + "\(response.headers)"
                    for secret in secrets { #expect(!all.contains(secret), "\(method) \(path)") }
                }
            }
        }
    }
}
