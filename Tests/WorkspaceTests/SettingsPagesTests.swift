import Access
import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Hummingbird
import Testing

@testable import Workspace

/// `/settings/*`: who sees what, people, sessions, audit log and billing.
@Suite struct SettingsPagesTests {
    private static let forAdmins: [SettingsPage] = [.people, .audit, .billing]

    /// `/settings` leads to the first page.
    @Test func startLeadsToTheFirstPage() async throws {
        let scene = try await Scene()
        let response = try await scene.open("/settings", try await scene.cookie())
        #expect(response.status == .seeOther)
        #expect(response.headers[.location] == "/settings/config")
    }

    /// An admin sees every page: one heading of the first rank, its place in the navigation, labels, a strict policy.
    @Test(arguments: SettingsPage.allCases) func adminsSeeEveryPage(page: SettingsPage) async throws {
        let scene = try await Scene()
        let response = try await scene.open(page.path, try await scene.cookie())
        #expect(response.status == .ok)
        #expect(response.headers[.cacheControl] == "no-store")
        let text = try await response.text()
        for once in [
            "<h1>\(page.title)</h1>", "<main id=\"main\"", "<title>\(page.title) · Axonify", "href=\"#main\"",
        ] {
            #expect(text.count(of: once) == 1, "\(once)")
        }
        #expect(text.contains("<a href=\"\(page.path)\" aria-current=\"page\">\(page.title)</a>"))
        for other in SettingsPage.allCases { #expect(text.contains("<a href=\"\(other.path)\"")) }
        #expect(!text.contains("{{"))
        #expect(!text.contains("style="))
        #expect(!text.contains(" onclick"))
        let policy = try #require(response.headers[.contentSecurityPolicy])
        #expect(policy.hasPrefix("default-src 'none'; script-src 'self'; style-src 'self';"))
        #expect(!policy.contains("unsafe"))
        let inputs = text.count(of: "<textarea") + text.count(of: "<select") + text.count(of: "<input")
        #expect(inputs - text.count(of: "type=\"hidden\"") == text.count(of: "<label"))
        let ids = text.matches(of: /\sid="([^"]+)"/).map { String($0.1) }
        #expect(Set(ids).count == ids.count)
        for target in text.matches(of: /\s(?:for|aria-labelledby)="([^"]+)"/) {
            #expect(ids.contains(String(target.1)))
        }
    }

    /// Others see what concerns them, and are told of the rest in words.
    @Test(arguments: SettingsPage.allCases) func othersSeeTheirOwn(page: SettingsPage) async throws {
        let scene = try await Scene()
        let response = try await scene.open(page.path, try await scene.cookie(of: .ann))
        let text = try await response.text()
        guard Self.forAdmins.contains(page) else {
            #expect(response.status == .ok)
            for hidden in Self.forAdmins { #expect(!text.contains("href=\"\(hidden.path)\"")) }
            return
        }
        #expect(response.status == .forbidden)
        #expect(text.contains("Only an admin of this workspace may do that."))
    }

    /// Nobody is led to the sign-in and back; a form gets the sign-in page, since it can't be sent on.
    @Test(arguments: SettingsPage.allCases) func nobodySignsInFirst(page: SettingsPage) async throws {
        let scene = try await Scene()
        let response = try await scene.send(.get, page.path + "?from=a", headers: browserAccept)
        #expect(response.status == .seeOther)
        #expect(response.headers[.location] == "/auth/login?return_to=\(page.path)%3Ffrom%3Da")
        guard page.hasForms else {
            #expect(try await scene.submit(page.path, nil, [:]).status == .methodNotAllowed)
            return
        }
        let form = try await scene.submit(page.path, nil, ["action": "create"])
        #expect(form.status == .unauthorized)
        let text = try await form.text()
        #expect(text.contains("You are no longer signed in"))
        #expect(text.contains("href=\"/auth/login?return_to=\(page.path)\""))
    }

    /// Another site's form does nothing, whatever it says; an access key does not get in at all.
    @Test(arguments: SettingsPage.allCases.filter(\.hasForms))
    func strangersDoNothing(page: SettingsPage) async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        let origin = "http://other.formation.localhost:8080"
        let foreign = try await scene.submit(page.path, cookie, ["action": "create", "name": "x"], origin: origin)
        #expect(foreign.status == .forbidden)
        #expect(try await foreign.text().contains("This request came from another site"))
        let made = try await scene.submit(
            "/settings/keys", cookie, ["action": "create", "name": "x", "scope": "full", "days": "7"])
        let key = try #require(try await made.text().firstMatch(of: /00D\w{12}!fiq\.\w{43}/)).0
        let byKey = try await scene.send(.get, page.path, headers: [.authorization: "Bearer \(key)"])
        #expect(byKey.status == .forbidden)
    }

    /// What is no form of the page is refused.
    @Test(arguments: SettingsPage.allCases.filter(\.hasForms))
    func otherFormsAreRefused(page: SettingsPage) async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        #expect(try await scene.submit(page.path, cookie, ["action": "nothing"]).status == .badRequest)
        let json = scene.fetch(cookie, [.contentType: "application/json"])
        #expect(try await scene.send(.post, page.path, headers: json, body: "{}").status == .unsupportedMediaType)
        let large = String(repeating: "x", count: ConfigForm.bodyBytesMax)
        let refused = try await scene.submit(page.path, cookie, ["name": large])
        #expect(refused.status == .contentTooLarge)
    }

    // MARK: People

    /// Everybody is listed; a role and the right to sign in are changed, and the page says so.
    @Test func peopleAreManaged() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        let ann = try await scene.cookie(of: .ann)
        let id = "\(try await scene.userID(ann))"
        let listed = try await scene.open("/settings/people", susan).text()
        for shown in [
            "Ann McGovern", "ann@axonify.com", "1 Jan 2026, 00:00 UTC", "datetime=\"2026-01-01T00:00:00.000Z\"",
        ] {
            #expect(listed.contains(shown), "\(shown)")
        }
        let steps: [(KeyValuePairs<String, String>, SettingsDone, AuditAction)] = [
            (["user": id, "action": "role", "role": "csm"], .roleChanged, .userRoleChanged),
            (["user": id, "action": "disable"], .disabled, .userDisabled),
            (["user": id, "action": "enable"], .enabled, .userEnabled),
        ]
        for (fields, done, action) in steps {
            let answer = try await scene.submit("/settings/people", susan, fields)
            #expect(answer.status == .seeOther)
            let location = try #require(answer.headers[.location])
            #expect(location == "/settings/people?done=\(done.rawValue)")
            #expect(try await scene.open(location, susan).text().contains(done.words))
            #expect(scene.store.auditEvents.last?.action == action)
        }
        let user = try await scene.store.repositories.users.user(
            id: try await scene.userID(ann), in: scene.customer.id)
        #expect(user?.role == .csm)
        #expect(user?.disabledAt == nil)
    }

    /// The last admin stays one, and the page says why.
    @Test(arguments: ["role", "disable"]) func theLastAdminStays(action: String) async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        let id = "\(try await scene.userID(susan))"
        let refused = try await scene.submit(
            "/settings/people", susan, ["user": id, "action": action, "role": "ae"])
        #expect(refused.status == .conflict)
        let text = try await refused.text()
        #expect(text.contains("This is the last administrator who may sign in"))
        #expect(text.contains("<title>Error: People"))
        #expect(try await scene.open("/settings/people", susan).status == .ok)
    }

    /// Who gives away their own role is led to a page that they may see; others change nothing.
    @Test func ownRoleIsGivenAway() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        let ann = try await scene.cookie(of: .ann)
        let annID = "\(try await scene.userID(ann))"
        let susanID = "\(try await scene.userID(susan))"
        let mine: KeyValuePairs = ["user": annID, "action": "role", "role": "admin"]
        #expect(try await scene.submit("/settings/people", ann, mine).status == .forbidden)
        _ = try await scene.submit("/settings/people", susan, mine)
        let answer = try await scene.submit(
            "/settings/people", susan, ["user": susanID, "action": "role", "role": "am"])
        #expect(answer.headers[.location] == "/settings/config?done=role-changed")
        #expect(try await scene.open("/settings/people", susan).status == .forbidden)
        let nobody = "00000000-0000-4000-8000-000000000000"
        let missing = try await scene.submit("/settings/people", ann, ["user": nobody, "action": "disable"])
        #expect(missing.status == .notFound)
    }

    /// A long list comes in parts, which lead to one another both ways.
    @Test func peopleComeInParts() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        for number in 100..<220 {
            try await scene.store.repositories.users.create(
                scene.fixtures.makeUser(
                    in: scene.customer.id, email: "p\(number)@axonify.com", firstName: "P", lastName: "\(number)",
                    role: .ae))
        }
        var seen: [Substring] = []
        var path: String? = "/settings/people"
        var last = ""
        while let next = path {
            last = try await scene.open(next, susan).text()
            seen += last.matches(of: /<dd>(p[0-9]{3}@axonify\.com)<\/dd>/).map(\.1)
            path = last.firstMatch(of: /href="([^"]+)" rel="next"/).map { $0.1.unescaped }
        }
        #expect(seen.map(String.init) == (100..<220).map { "p\($0)@axonify.com" })
        var parts = 1
        while let previous = last.firstMatch(of: /href="([^"]+)" rel="prev"/) {
            last = try await scene.open(previous.1.unescaped, susan).text()
            parts += 1
        }
        #expect(parts == 3)
        #expect(last.contains("p100@axonify.com"))
    }

    /// A name is text, wherever it stands.
    @Test func namesAreEscaped() async throws {
        let scene = try await Scene(companyName: "<script>alert(1)</script>")
        let susan = try await scene.cookie()
        scene.store.updateUser(try await scene.userID(susan)) { $0.firstName = "<script>alert(2)</script>" }
        _ = try await scene.submit(
            "/settings/keys", susan,
            ["action": "create", "name": "<script>alert(3)</script>", "scope": "read", "days": "7"])
        _ = try await scene.send(
            .patch, "/api/config", headers: scene.fetch(susan, [.contentType: "application/json"]),
            body: #"{"fieldMappings":{"<script>alert(4)</script>":"\"><script>alert(5)</script>"}}"#)
        for page in SettingsPage.allCases {
            let text = try await scene.open(page.path + "?done=%3Cscript%3E", susan).text()
            #expect(!text.contains("<script>alert"), "\(page)")
            #expect(text.contains("&lt;script&gt;alert(1)"), "\(page)")
        }
        #expect(try await scene.open("/settings/people", susan).text().contains("&lt;script&gt;alert(2)"))
        #expect(try await scene.open("/settings/keys", susan).text().contains("&lt;script&gt;alert(3)"))
        #expect(try await scene.open("/settings/config", susan).text().contains("&lt;script&gt;alert(5)"))
    }

    // MARK: Sessions

    /// One's own browsers are listed, this one is marked, and another one is signed out.
    @Test func sessionsAreEnded() async throws {
        let scene = try await Scene()
        let here = try await scene.cookie(of: .ann)
        scene.clock.advance(by: 60)
        let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
        let there = try await scene.cookie(of: .ann, userAgent: firefox)
        let script = try await scene.cookie(of: .ann, userAgent: "<script>alert(1)</script>")
        _ = try await scene.cookie(of: .susan)
        let before = try await scene.open("/settings/sessions", here).text()
        #expect(before.contains("<h2>&lt;script&gt;alert(1)&lt;/script&gt;</h2>"))
        _ = try await scene.send(.post, "/auth/logout", headers: scene.fetch(script))
        let text = try await scene.open("/settings/sessions", here).text()
        #expect(text.contains("<h2>Firefox on Linux</h2>"))
        #expect(text.contains("<h2>Unknown browser <span class=\"tag\">This browser</span></h2>"))
        #expect(text.contains("Sign out there<span class=\"visually-hidden\">, Firefox on Linux, the session since"))
        #expect(text.count(of: "<dt>Since</dt>") == 2)
        #expect(text.count(of: "Last seen") == 2)
        #expect(text.count(of: "This browser") == 1)
        #expect(text.contains("action=\"/auth/logout?everywhere=true\""))
        let ids = text.matches(of: /name="session" value="([^"]+)"/).map { String($0.1) }
        #expect(ids.count == 1)
        let id = try #require(ids.first)
        let answer = try await scene.submit("/settings/sessions", here, ["action": "end", "session": id])
        #expect(answer.headers[.location] == "/settings/sessions?done=signed-out")
        #expect(try await scene.send(.get, "/api/me", headers: scene.fetch(there)).status == .unauthorized)
        #expect(try await scene.send(.get, "/api/me", headers: scene.fetch(here)).status == .ok)
        let again = try await scene.submit("/settings/sessions", here, ["action": "end", "session": id])
        #expect(again.status == .notFound)
    }

    // MARK: Audit log and billing

    /// Events are told in words, with names for ids, newest first, in parts.
    @Test func theAuditLogIsRead() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        let ann = try await scene.cookie(of: .ann)
        scene.clock.advance(by: 60)
        _ = try await scene.submit(
            "/settings/people", susan,
            ["user": "\(try await scene.userID(ann))", "action": "role", "role": "am"])
        let text = try await scene.open("/settings/audit", susan).text()
        for shown in [
            "<h2>A role was changed</h2>", "Susan McGovern, <time", "<dt>Person</dt><dd>Ann McGovern</dd>",
            "<dt>Before</dt><dd>Account executive</dd>", "<dt>After</dt><dd>Account manager</dd>", Scene.requestID,
        ] {
            #expect(text.contains(shown), "\(shown)")
        }
        #expect(text.firstMatch(of: /<h2>([^<]+)<\/h2>/)?.1 == "A role was changed")
        for number in 0..<60 {
            _ = try await scene.send(
                .patch, "/api/config", headers: scene.fetch(susan, [.contentType: "application/json"]),
                body: #"{"fieldMappings":{"region":"Region\#(number)__c"}}"#)
        }
        let first = try await scene.open("/settings/audit", susan).text()
        #expect(first.count(of: "<li class=\"card\">") == ListPosition.rows)
        let older = try #require(first.firstMatch(of: /href="([^"]+)" rel="next"/)).1.unescaped
        let second = try await scene.open(older, susan).text()
        #expect(second.contains("A role was changed"))
        #expect(second.contains("href=\"/settings/audit\" rel=\"prev\">Newer</a>"))
        #expect(try await scene.open("/settings/audit?from=x", susan).status == .badRequest)
    }

    /// Every action has words of its own, and so has everything that a form does.
    @Test func everythingHasWords() {
        #expect(Set(AuditAction.allCases.map(\.words)).count == AuditAction.allCases.count)
        #expect(Set(SettingsDone.allCases.map(\.words)).count == SettingsDone.allCases.count)
    }

    /// Plan, status and what it means.
    @Test func billingIsRead() async throws {
        let scene = try await Scene { customer in
            customer.subscriptionStatus = .trial
            customer.trialEndsAt = Fixtures.epoch.addingTimeInterval(60)
        }
        let susan = try await scene.cookie()
        let text = try await scene.open("/settings/billing", susan).text()
        for shown in [
            "<dd>Trial</dd>", "Everything works until the trial ends", "1 Jan 2026, 00:01 UTC", "your vendor",
        ] {
            #expect(text.contains(shown), "\(shown)")
        }
        scene.clock.advance(by: 61)
        #expect(try await scene.open("/settings/billing", susan).text().contains("The trial is over."))
    }
}
