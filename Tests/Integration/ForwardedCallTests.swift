import Access
import Foundation
import NIOHTTP1
import SalesforceSimulator
import Testing

/// Forwarded calls end to end: refresh, replay, cross-origin rule, credentials (contract §2).
extension WorldTests {
    @Suite(.serialized) struct ForwardedCallTests {
        static let limits = "/services/data/v62.0/limits"

        /// A call on an expired token is answered by one refresh and one replay.
        @Test func refreshesOnExpiry() async throws {
            try await World.run { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                try world.simulator.expireAccessTokens()
                #expect(try await browser.call(world, "axonify", Self.limits).status == 200)
                #expect(world.simulator.counters.refreshes == 1)
            }
        }

        /// Sixty calls at once on an expired token make one refresh, with and without rotation.
        @Test(arguments: [true, false]) func sixtyCallsMakeOneRefresh(rotates: Bool) async throws {
            try await World.run(configure: { $0.orgs[0].apps[0].rotatesRefreshTokens = rotates }) { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                for round in 1...3 {
                    try world.simulator.expireAccessTokens()
                    #expect(try await statuses(of: 60, browser, world, gateways: [0]) == [200: 60])
                    #expect(world.simulator.counters.refreshAttempts == round)
                }
                #expect(world.simulator.counters.refreshTokenReuses == 0)
            }
        }

        /// Two processes that find the token expired at the same time refresh it once between them.
        @Test func twoGatewaysMakeOneRefresh() async throws {
            try await World.run(gateways: 2) { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                for gateway in [0, 1] {
                    #expect(try await browser.call(world, "axonify", Self.limits, gateway: gateway).status == 200)
                }
                for round in 1...3 {
                    try world.simulator.expireAccessTokens()
                    #expect(try await statuses(of: 60, browser, world, gateways: [0, 1]) == [200: 60])
                    #expect(world.simulator.counters.refreshAttempts == round)
                }
                #expect(world.simulator.counters.refreshTokenReuses == 0)
            }
        }

        /// A session that ends at one process is over at the other.
        @Test func endedSessionsAreGoneEverywhere() async throws {
            try await World.run(gateways: 2) { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                for gateway in [0, 1] {
                    #expect(try await browser.call(world, "axonify", Self.limits, gateway: gateway).status == 200)
                }
                let cookie = try #require(browser.cookie("formation_session", host: world.host("axonify")))
                #expect(try await browser.call(world, "axonify", "/auth/logout", method: .POST).status < 400)
                browser.setCookie("formation_session", cookie, host: world.host("axonify"))
                // The change feed carries it; each answer takes a round trip, so this ends soon after.
                var status = 200
                for _ in 0..<100_000 where status == 200 {
                    status = try await browser.call(world, "axonify", "/auth/session", gateway: 1).status
                }
                #expect(status == 401)
            }
        }

        /// A write on an expired token runs once: refused with 401 first, then replayed with the same body.
        @Test func writesAreReplayedOnce() async throws {
            try await World.run { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                try world.simulator.expireAccessTokens()
                world.simulator.clearJournal()
                let answer = try await browser.call(
                    world, "axonify", "/services/data/v62.0/sobjects/Account", method: .POST,
                    body: #"{"Name":"Replayed Once Ltd"}"#)
                #expect(answer.status == 201)
                let posts = world.simulator.journal.filter {
                    $0.method == "POST" && $0.path.hasSuffix("/sobjects/Account")
                }
                #expect(posts.map(\.status) == [401, 201])
                #expect(Set(posts.map(\.bodySHA256)).count == 1)
                let found = try await browser.call(
                    world, "axonify",
                    "/services/data/v62.0/query?q=SELECT+COUNT()+FROM+Account+WHERE+Name='Replayed+Once+Ltd'")
                #expect(try found.json()["totalSize"] as? Int == 1)
            }
        }

        /// A refresh that names a host that may not be called costs nobody the session: calls go on where they went, and
        /// the operator is told once, and again after each change of the customer: that the org rotates is noted here.
        @Test func foreignInstancesAreNotFollowed() async throws {
            try await World.run { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                world.simulator.add(
                    SimulatedFault(
                        .foreignInstanceURL("https://axonify.evil.example"), pathPrefix: "/services/oauth2/token"))
                for refreshes in 1...4 {
                    try world.simulator.expireAccessTokens()
                    #expect(try await browser.call(world, "axonify", Self.limits).status == 200)
                    #expect(world.simulator.counters.refreshes == refreshes)
                }
                #expect(world.simulator.counters.refreshTokenReuses == 0)
                #expect((1...2).contains(world.log.count(of: "axonify.evil.example")))
                #expect(world.log.text.contains("SALESFORCE_ALLOWED_HOSTS"))
            }
        }

        /// A revoked grant ends the session: 401, and one attempt at Salesforce however many calls there are.
        @Test func deadGrantsEndTheSession() async throws {
            try await World.run { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                try world.simulator.revokeGrants(of: "Axonify")
                #expect(try await statuses(of: 30, browser, world, gateways: [0]) == [401: 30])
                #expect(world.simulator.counters.refreshAttempts == 1)
                // A session of just now is left to the change feed to end: it could be newer than the death.
                try await world.eventually { try await browser.call(world, "axonify", "/api/me").status == 401 }
            }
        }

        /// Nothing that another page can make a browser send runs anything at Salesforce, by GET or otherwise.
        @Test func otherSitesCanRunNothing() async throws {
            try await World.run { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                world.simulator.clearJournal()
                let execute = "/services/data/v62.0/tooling/executeAnonymous/?anonymousBody=System.debug(1)%3B"
                let sibling = world.url("globex", "")
                let attempts: [(HTTPMethod, String, HTTPHeaders)] = [
                    // A link or image on another page.
                    (.GET, execute, ["Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"]),
                    (.GET, execute, ["Sec-Fetch-Site": "same-site"]),
                    // A bookmark, or a browser without fetch metadata.
                    (.GET, execute, ["Sec-Fetch-Site": "none"]), (.GET, execute, [:]),
                    (.GET, "/services/apexrest/wipe", [:]), (.HEAD, execute, [:]),
                    (.GET, Self.limits, ["Sec-Fetch-Site": "cross-site"]),
                    (.GET, Self.limits, ["Sec-Fetch-Site": "same-site"]),
                    (.GET, Self.limits, ["Origin": sibling]), (.GET, Self.limits, ["Origin": "null"]),
                    // Forms.
                    (.POST, "/services/data/v62.0/sobjects/Account", [:]),
                    (
                        .POST, "/services/data/v62.0/sobjects/Account",
                        ["Origin": sibling, "Sec-Fetch-Site": "same-site"]
                    ),
                    (.POST, "/services/data/v62.0/sobjects/Account", ["Origin": "https://evil.example"]),
                    (.POST, "/services/apexrest/wipe", ["Sec-Fetch-Site": "none"]),
                    (.DELETE, "/services/data/v62.0/sobjects/Account/001000000000001AAA", [:]),
                    (.POST, "/auth/logout", ["Origin": sibling, "Sec-Fetch-Site": "same-site"]),
                ]
                for (method, path, headers) in attempts {
                    let answer = try await browser.call(
                        world, "axonify", path, method: method, headers: headers,
                        body: method == .POST ? #"{"Name":"x"}"# : nil)
                    #expect(answer.status == 403, "\(method) \(path) \(headers)")
                }
                #expect(world.simulator.journal.isEmpty)
                #expect(world.simulator.counters.anonymousExecutions == 0)
                #expect(try await browser.call(world, "axonify", execute).status == 200)
                #expect(world.simulator.counters.anonymousExecutions == 1)
            }
        }

        /// A credential header is judged alone: a junk one never falls back to the cookie.
        @Test(arguments: [
            ["Authorization": "Bearer junk"], ["Authorization": "OAuth 00D000000000001!fiq.junk"],
            ["Authorization": "Basic dTpw"], ["Authorization": ""], ["X-SFDC-Session": "junk"],
            ["authorization": "bearer"],
        ])
        func junkCredentialsAreRefused(headers: [String: String]) async throws {
            try await World.run { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                world.simulator.clearJournal()
                var all = World.sameOrigin
                for (name, value) in headers { all.add(name: name, value: value) }
                let answer = try await browser.call(world, "axonify", Self.limits, headers: all)
                #expect(answer.status == 401)
                #expect(answer.body.contains("INVALID_SESSION_ID"))
                #expect(world.simulator.journal.isEmpty)
            }
        }

        /// A key works in each slot, never reaches Salesforce, and is over when it is ended; a read-only one only
        /// reads.
        @Test func accessKeys() async throws {
            try await World.run { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                let made = try await browser.call(
                    world, "axonify", "/api/keys", method: .POST, body: #"{"name":"nightly","scope":"full"}"#)
                #expect(made.status == 201)
                let full = try made.json()
                let key = try #require(full["key"] as? String)
                #expect(key.wholeMatch(of: /00D[A-Za-z0-9]{12}!fiq\.[A-Za-z0-9]{43}/) != nil)
                let script = world.browser()
                world.simulator.clearJournal()
                for scheme in ["Bearer", "oauth"] {
                    let headers: HTTPHeaders = ["Authorization": "\(scheme) \(key)"]
                    #expect(try await script.call(world, "axonify", Self.limits, headers: headers).status == 200)
                    #expect(try await script.call(world, "globex", Self.limits, headers: headers).status == 401)
                }
                let bulk = "/services/async/60.0/job"
                _ = try await script.call(
                    world, "axonify", bulk, method: .POST, headers: ["X-SFDC-Session": key], body: "{}")
                let job = try #require(world.simulator.journal.last { $0.path == bulk })
                #expect(job.header("X-SFDC-Session")?.hasPrefix("00D") == true)
                #expect(job.header("Authorization") == nil)
                #expect(!world.simulator.journal.contains { $0.headers.contains { $0.value.contains("fiq.") } })

                let readMade = try await browser.call(
                    world, "axonify", "/api/keys", method: .POST, body: #"{"name":"reader","scope":"read"}"#)
                let reader = try #require(try readMade.json()["key"] as? String)
                let bearer: HTTPHeaders = ["Authorization": "Bearer \(reader)"]
                #expect(try await script.call(world, "axonify", Self.limits, headers: bearer).status == 200)
                let write = try await script.call(
                    world, "axonify", "/services/data/v62.0/sobjects/Account", method: .POST, headers: bearer,
                    body: #"{"Name":"x"}"#)
                #expect(write.status == 403)
                #expect(write.body.contains("KEY_SCOPE"))

                let id = try #require(full["id"] as? String)
                #expect(try await browser.call(world, "axonify", "/api/keys/\(id)", method: .DELETE).status == 204)
                let ended = try await script.call(
                    world, "axonify", Self.limits, headers: ["Authorization": "Bearer \(key)"])
                #expect(ended.status == 401)
            }
        }

        /// An instance that moved is followed at the next refresh, within the allow-list and the same org.
        @Test func instancesThatMoveAreFollowed() async throws {
            try await World.run { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                try world.simulator.moveInstance(
                    of: "Axonify", to: "moved.salesforce.localhost", leaving: .sessionExpired)
                try world.simulator.expireAccessTokens()
                _ = try await browser.call(world, "axonify", Self.limits)
                world.simulator.clearJournal()
                #expect(try await browser.call(world, "axonify", Self.limits).status == 200)
                #expect(world.simulator.journal.allSatisfy { $0.host.hasPrefix("moved.salesforce.localhost") })
            }
        }

        /// A suspended workspace is closed at once, and says so in each caller's language.
        @Test func suspendedWorkspaces() async throws {
            try await World.run { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                #expect(try await world.withAdministration { try await $0.suspend("axonify") } == 0)
                var answer = try await browser.call(world, "axonify", Self.limits)
                for _ in 0..<100_000 where answer.status == 200 {
                    answer = try await browser.call(world, "axonify", Self.limits)
                }
                #expect(answer.status == 403 || answer.status == 401)
                try await world.withAdministration { try await $0.resume("axonify") }
            }
        }

        /// How many of `count` concurrent calls had which status.
        private func statuses(
            of count: Int, _ browser: Browser, _ world: World, gateways: [Int]
        ) async throws -> [Int: Int] {
            let cookie = try #require(browser.cookie("formation_session", host: world.host("axonify")))
            return try await withThrowingTaskGroup(of: Int.self) { group in
                for index in 0..<count {
                    let gateway = gateways[index % gateways.count]
                    group.addTask {
                        let headers: HTTPHeaders = [
                            "Cookie": "formation_session=\(cookie)", "Sec-Fetch-Site": "same-origin",
                        ]
                        return try await Browser(client: world.client).call(
                            world, "axonify", Self.limits, gateway: gateway, headers: headers
                        ).status
                    }
                }
                return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
        }
    }
}
