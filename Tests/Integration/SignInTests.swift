import Foundation
import NIOHTTP1
import SalesforceSimulator
import Testing

/// Signing in with the tenant's own Salesforce, over sockets, with a real database (contract §2).
extension WorldTests {
    @Suite(.serialized) struct SignInTests {
        /// Two people of two tenants sign in, and their calls reach their own orgs as themselves.
        @Test func twoPeopleOnTwoTenants() async throws {
            try await World.run { world in
                let susan = world.browser()
                let hank = world.browser()
                let arrived = try await susan.signIn(world, "axonify", as: World.susan)
                #expect(arrived.status == 302)
                #expect(arrived.location == "/")
                try await hank.signIn(world, "globex", as: World.hank)

                let me = try await susan.call(world, "axonify", "/api/me").json()
                let user = try #require(me["user"] as? [String: Any])
                #expect(user["email"] as? String == World.susan)
                #expect(user["role"] as? String == "admin")
                #expect(user["fullName"] as? String == "Susan McGovern")
                #expect((me["customer"] as? [String: Any])?["subdomain"] as? String == "axonify")

                world.simulator.clearJournal()
                for (browser, tenant, org) in [(susan, "axonify", "Axonify"), (hank, "globex", "Globex")] {
                    let answer = try await browser.call(
                        world, tenant, "/services/data/v62.0/query?q=SELECT+Name+FROM+Organization")
                    #expect(answer.status == 200)
                    #expect(answer.body.contains(org))
                }
                let tokens = world.simulator.journal.compactMap { $0.header("Authorization") }
                #expect(tokens.count == 2)
                #expect(Set(tokens).count == 2)
                #expect(world.simulator.journal.allSatisfy { $0.header("Cookie") == nil })
            }
        }

        /// Somebody who was never provisioned is created; without the permission to modify all data, as an account
        /// executive.
        @Test func newPeopleAreCreated() async throws {
            try await World.run { world in
                try await world.browser().signIn(world, "axonify", as: World.susan)
                let alex = world.browser()
                try await alex.signIn(world, "axonify", as: World.alex)
                let user = try #require(
                    try await alex.call(world, "axonify", "/api/me").json()["user"] as? [String: Any])
                #expect(user["role"] as? String == "ae")
                #expect(user["salesforceProfile"] as? String == "Standard User")
            }
        }

        /// Before the provisioned admin's first sign-in nobody else gets in: the org is not pinned yet.
        @Test func nobodyBeforeTheAdmin() async throws {
            try await World.run { world in
                let alex = world.browser()
                let answer = try await alex.signIn(world, "axonify", as: World.alex)
                #expect(answer.status == 403)
                #expect(alex.cookie("formation_session", host: world.host("axonify")) == nil)
                // What Salesforce gave is given back.
                try await world.eventually { world.simulator.counters.revocations == 1 }
            }
        }

        /// Two tabs that sign in at the same time both arrive.
        @Test func twoTabs() async throws {
            try await World.run { world in
                let browser = world.browser()
                let first = try await browser.authorize(
                    world, start: world.url("axonify", "/auth/login?return_to=/first"), as: World.susan)
                let second = try await browser.authorize(
                    world, start: world.url("axonify", "/auth/login?return_to=/second"), as: World.susan)
                #expect(try await browser.send(.GET, first).location == "/first")
                #expect(try await browser.send(.GET, second).location == "/second")
            }
        }

        /// A callback is worth nothing in another browser, and nothing a second time.
        @Test func callbacksAreBoundAndUsedOnce() async throws {
            try await World.run { world in
                let browser = world.browser()
                let callback = try await browser.authorize(
                    world, start: world.url("axonify", "/auth/login"), as: World.susan)
                let stranger = world.browser()
                let refused = try await stranger.send(.GET, callback)
                #expect(refused.status >= 400)
                #expect(stranger.cookie("formation_session", host: world.host("axonify")) == nil)
                #expect(world.simulator.counters.codeExchanges == 0)
                #expect(try await browser.send(.GET, callback).status == 302)
                #expect(try await browser.send(.GET, callback).status >= 400)
                #expect(world.simulator.counters.codeExchanges == 1)
            }
        }

        /// A state of one tenant is worth nothing at another, even in the same browser with the cookie copied over.
        @Test func stateIsBoundToTheTenant() async throws {
            try await World.run { world in
                let browser = world.browser()
                let callback = try await browser.authorize(
                    world, start: world.url("axonify", "/auth/login"), as: World.susan)
                for (name, value) in browser.cookies[world.host("axonify")] ?? [:] {
                    browser.setCookie(name, value, host: world.host("globex"))
                }
                let moved = callback.replacing(world.host("axonify"), with: world.host("globex"))
                #expect(try await browser.send(.GET, moved).status >= 400)
                #expect(world.simulator.counters.codeExchanges == 0)
            }
        }

        /// A changed state, or none, is refused before anything is exchanged.
        @Test func forgedStates() async throws {
            try await World.run { world in
                let browser = world.browser()
                let callback = try await browser.authorize(
                    world, start: world.url("axonify", "/auth/login"), as: World.susan)
                for forged in [callback + "x", callback.replacing("state=", with: "other="), callback + "&state=x"] {
                    #expect(try await browser.send(.GET, forged).status >= 400)
                }
                #expect(world.simulator.counters.codeExchanges == 0)
            }
        }

        /// Saying no at Salesforce ends on a page that says so and offers another try.
        @Test func denied() async throws {
            try await World.run { world in
                let browser = world.browser()
                let callback = try await browser.authorize(
                    world, start: world.url("axonify", "/auth/login?return_to=/deals"), as: World.susan, deny: true)
                let page = try await browser.send(.GET, callback, headers: ["Accept": "text/html"])
                #expect((400..<500).contains(page.status))
                #expect(page.body.contains("Try again"))
                #expect(page.body.contains("/auth/login"))
                #expect(browser.cookie("formation_session", host: world.host("axonify")) == nil)
            }
        }

        /// What Salesforce answers is checked: signature, org, instance. Each failure is a page, no session and no
        /// grant.
        @Test(arguments: [
            SimulatedFault.Action.wrongSignature, .foreignInstanceURL("https://salesforce.com.evil.example"),
            .foreignInstanceURL("http://169.254.169.254"),
            .foreignIdentity("https://login.salesforce.com/id/00DGx000002Tq4LMAS/0055g00000ABCDEAA4"),
        ])
        func badTokenAnswers(action: SimulatedFault.Action) async throws {
            try await World.run { world in
                try await world.browser().signIn(world, "axonify", as: World.susan)
                world.simulator.add(SimulatedFault(action, pathPrefix: "/services/oauth2/token", count: 1))
                let browser = world.browser()
                let page = try await browser.signIn(world, "axonify", as: World.susan)
                #expect(page.status >= 400)
                #expect(page.body.contains("Try again"))
                #expect(browser.cookie("formation_session", host: world.host("axonify")) == nil)
                #expect(try await browser.call(world, "axonify", "/auth/session").status == 401)
            }
        }

        /// After sign-in, only paths of this host are gone to.
        @Test func openRedirects() async throws {
            let hostile = [
                "//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example/", "/%09/evil.example",
                "///evil.example", "javascript:alert(1)", "/\t/evil.example", "http:evil.example", "@evil.example",
                "//globex.formation.localhost/", "/\r\nLocation: https://evil.example", "",
            ]
            try await World.run { world in
                let browser = world.browser()
                for vector in hostile {
                    let arrived = try await browser.signIn(world, "axonify", as: World.susan, returnTo: vector)
                    #expect(arrived.status == 302)
                    let location = try #require(arrived.location)
                    let target = try #require(URL(string: location, relativeTo: arrived.url)).absoluteURL
                    #expect(target.host == world.host("axonify"), "\(vector) led to \(location)")
                }
                let good = try await browser.signIn(world, "axonify", as: World.susan, returnTo: "/deals?stage=1#top")
                #expect(good.location?.hasPrefix("/deals?stage=1") == true)
            }
        }

        /// Signing out ends the session everywhere, and as the last use of the grant revokes it at Salesforce.
        @Test func logOutRevokes() async throws {
            try await World.run { world in
                let browser = world.browser()
                let other = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                try await other.signIn(world, "axonify", as: World.susan)
                // The second sign-in replaces the grant of the first, which is revoked soon after.
                try await world.eventually { world.simulator.counters.revocations == 1 }
                #expect(try await browser.call(world, "axonify", "/auth/logout", method: .POST).status < 400)
                #expect(try await browser.call(world, "axonify", "/api/me").status == 401)
                // The other browser's session still uses the grant.
                #expect(try await other.call(world, "axonify", "/services/data/v62.0/limits").status == 200)
                #expect(try await other.call(world, "axonify", "/auth/logout", method: .POST).status < 400)
                #expect(try await other.call(world, "axonify", "/services/data/v62.0/limits").status == 401)
                try await world.eventually { world.simulator.counters.revocations == 2 }
            }
        }

        /// A cookie of one tenant opens nothing at another.
        @Test func cookiesStayWithTheirTenant() async throws {
            try await World.run { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                try await world.browser().signIn(world, "globex", as: World.hank)
                let cookie = try #require(browser.cookie("formation_session", host: world.host("axonify")))
                browser.setCookie("formation_session", cookie, host: world.host("globex"))
                #expect(try await browser.call(world, "globex", "/api/me").status == 401)
                #expect(try await browser.call(world, "globex", "/services/data/v62.0/limits").status == 401)
                #expect(try await browser.call(world, "axonify", "/api/me").status == 200)
            }
        }
    }
}
