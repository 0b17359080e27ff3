import Foundation
import GatewayTesting
import NIOHTTP1
import Postgres
import SalesforceSimulator
import Testing

extension WorldTests {
    /// Architecture invariant 3: no token, key, code, cookie or password reaches a log, an error or the database in
    /// clear.
    @Suite(.serialized) struct SecretsStaySecretTests {
        /// After a run of everything, neither a dump of the database nor the whole log, before redaction, holds a
        /// secret.
        @Test func canary() async throws {
            try await World.run(configure: { $0.orgs[0].apps[0].rotatesRefreshTokens = true }) { world in
                let browser = world.browser()
                let key = try await useEverything(world, browser)
                let secrets = Self.secrets(world, browser) + [("access key", key)]
                #expect(
                    Set(secrets.map(\.name)).isSuperset(of: [
                        "access token", "code", "refresh_token", "client_secret", "code_verifier", "state", "cookie",
                    ]))
                let dump = try await Self.dump(world.database)
                #expect(dump.contains("axonify"))
                let log = world.log.text
                #expect(log.contains("forwarded call"))
                for (name, secret) in secrets {
                    let hex = secret.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                    #expect(!dump.contains(secret), "the dump holds a \(name)")
                    #expect(!dump.contains(hex), "the dump holds a \(name) in hexadecimal")
                    #expect(!log.contains(secret), "the log holds a \(name)")
                }
                // Nor do our own answers hold what belongs to Salesforce.
                let pages = browser.received.joined()
                for (name, secret) in secrets where ["access token", "refresh_token", "client_secret"].contains(name) {
                    #expect(!pages.contains(secret), "an answer holds a \(name)")
                }
            }
        }

        /// A ciphertext of one tenant opens nothing at another, and the workspace says no more than that it can't work.
        @Test func ciphertextsStayWithTheirTenant() async throws {
            try await World.run { world in
                try await world.database.asSuperuser(
                    """
                    update customers a set salesforce_client_secret = b.salesforce_client_secret,
                        salesforce_client_id = b.salesforce_client_id
                    from customers b where a.subdomain = 'axonify' and b.subdomain = 'globex'
                    """)
                let browser = world.browser()
                try await world.eventually {
                    try await browser.send(.GET, world.url("axonify", "/auth/login")).status != 302
                }
                #expect(try await browser.send(.GET, world.url("globex", "/auth/login")).status == 302)
            }
        }

        /// Goes through sign-in, refresh, keys, errors and log-out; returns an access key.
        private func useEverything(_ world: World, _ browser: Browser) async throws -> String {
            try await browser.signIn(world, "axonify", as: World.susan)
            let limits = "/services/data/v62.0/limits"
            _ = try await browser.call(world, "axonify", limits)
            try world.simulator.expireAccessTokens()
            _ = try await browser.call(world, "axonify", limits)
            let made = try await browser.call(
                world, "axonify", "/api/keys", method: .POST, body: #"{"name":"nightly","scope":"full"}"#)
            let key = try #require(try made.json()["key"] as? String)
            _ = try await world.browser().call(world, "axonify", limits, headers: ["Authorization": "Bearer \(key)"])
            _ = try await world.browser().call(world, "globex", limits, headers: ["Authorization": "Bearer \(key)"])
            _ = try await world.browser().call(
                world, "axonify", limits + "?oauth_token=\(key)", headers: ["Authorization": "Bearer \(key)x"])
            world.simulator.add(SimulatedFault(.wrongSignature, pathPrefix: "/services/oauth2/token", count: 1))
            _ = try await world.browser().signIn(world, "axonify", as: World.susan)
            world.simulator.add(SimulatedFault(.drop, pathPrefix: "/services/oauth2/token", count: 1))
            _ = try await world.browser().signIn(world, "axonify", as: World.susan)
            let staged = "canary-of-a-staged-client-secret"
            try await world.stage(staged)
            try world.changeApp { $0.clientSecret = staged }
            let other = world.browser()
            #expect(try await other.signIn(world, "axonify", as: World.alex).status == 302)
            try world.simulator.revokeGrants(of: "Axonify", username: World.alex)
            _ = try await other.call(world, "axonify", limits)
            return key
        }

        /// Everything secret that went over the wire, by name.
        private static func secrets(_ world: World, _ browser: Browser) -> [(name: String, value: String)] {
            var found: [(String, String)] = []
            for entry in world.simulator.journal {
                if let token = entry.header("Authorization")?.split(separator: " ").last, token.count > 20 {
                    found.append(("access token", String(token)))
                }
                for pair
                    in (entry.bodyText.split(separator: "&") + entry.target.split(whereSeparator: { "?&".contains($0) }))
                {
                    let halves = pair.split(separator: "=", maxSplits: 1).map(String.init)
                    guard halves.count == 2, let value = halves[1].removingPercentEncoding, value.count >= 16,
                        ["code", "refresh_token", "client_secret", "code_verifier", "state"].contains(halves[0])
                    else { continue }
                    found.append((halves[0], value))
                }
            }
            for (name, value) in browser.cookies[world.host("axonify")] ?? [:] {
                found.append(("cookie", value))
                #expect(name.hasPrefix("formation_"))
            }
            return found
        }

        /// A plain-text dump, as a superuser sees it.
        private static func dump(_ database: PostgresCluster.Database) async throws -> String {
            let output = Collector()
            _ = try ChildProcess.start(
                "/usr/bin/env", arguments: ["pg_dump", "--dbname", database.superuserURL],
                environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? ""],
                stdin: FileHandle.nullDevice.fileDescriptor,
                stdout: output.pipe.fileHandleForWriting.fileDescriptor)
            output.start()
            return await output.text()
        }
    }
}

extension PostgresCluster.Database {
    /// Runs a statement past every wall.
    func asSuperuser(_ sql: StaticString) async throws {
        _ = try await PostgresCluster.shared().withSuperuser(database: name) {
            try await $0.query(SQL(stringLiteral: sql))
        }
    }
}
