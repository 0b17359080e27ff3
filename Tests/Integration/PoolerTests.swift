import Access
import Foundation
import GatewayTesting
import NIOConcurrencyHelpers
import NIOHTTP1
import Postgres
import SalesforceSimulator
import Testing

/// Behind PgBouncer in transaction mode, all is as without it (architecture invariant 5).
extension WorldTests {
    @Suite(.serialized, .timeLimit(.minutes(5)), .enabled(if: Pooler.isInstalled)) struct PoolerTests {
        private static let config = "/api/config"

        /// Two gateways work through the pooler: sign-in, calls, refresh, row security. What ends at one is over at the
        /// other: with a way past the pooler to listen on, and by polling alone.
        @Test(arguments: [true, false]) func worksThroughIt(listens: Bool) async throws {
            try await withPooledWorld(listens: listens) { world in
                let susan = try await world.signedIn("axonify", as: World.susan)
                let hank = try await world.signedIn("globex", as: World.hank)
                for gateway in [0, 1] {
                    #expect(try await susan.person.call(world, gateway: gateway).status == 200)
                    #expect(try await hank.person.call(world, gateway: gateway).status == 200)
                }
                try world.simulator.expireAccessTokens()
                let endings = try await Traffic.run(world, [susan.person, hank.person], gateways: [0, 1]) { traffic in
                    await traffic.wait(40)
                }
                #expect(Set(endings.keys) == [200])
                #expect(world.simulator.counters.refreshTokenReuses == 0)
                #expect(!world.log.text.contains("Row-level security is off"))

                try await endKey(of: susan, world)
                try await changeRole(of: susan, world)
                try await endSession(of: hank, world)
                #expect(try await world.withAdministration { try await $0.suspend("axonify") } == 0)
                try await world.eventually {
                    try await [401, 403].contains(susan.person.call(world, gateway: 1).status)
                }
                #expect(world.log.errors.isEmpty)
                #expect(world.log.count(of: "not listening") < 5)
            }
        }

        /// A pooler that does not follow prepared statements loses them: the log says what to set, and calls go on
        /// without.
        @Test func lostStatements() async throws {
            try await World.run { world in
                let susan = try await world.signedIn("axonify", as: World.susan)
                let cluster = try await PostgresCluster.shared()
                let pooler = try await Pooler.start(before: world.database, of: cluster, connections: 8)
                let port = try FreePort.find()
                let process = try FormationProcess(
                    ["serve"],
                    environment: world.environment(port: port).merging(["DATABASE_URL": pooler.url]) { $1 })
                try await process.waitFor("Ready.")
                let gateway = world.moved(to: port)
                let advice = "DATABASE_PREPARED_STATEMENTS=false"
                for _ in 0..<200 where !(await process.said()).contains(advice) {
                    // Until then a statement can be lost, and its call is told to come again.
                    let statuses = Set(try await read(32, susan.person, gateway).keys)
                    #expect(statuses.isSubset(of: [200, 503]))
                }
                #expect(try await read(32, susan.person, gateway) == [200: 32])
                process.signal(SIGTERM)
                #expect(try await process.finish().status == 0)
            }
        }

        // MARK: What ends

        private typealias Somebody = (browser: Browser, person: Traffic.Person)

        private func endKey(of somebody: Somebody, _ world: World) async throws {
            let made = try await somebody.browser.call(
                world, "axonify", "/api/keys", method: .POST, body: #"{"name":"export","scope":"read"}"#)
            let key = try made.json()
            let headers: HTTPHeaders = ["Authorization": "Bearer \(try #require(key["key"] as? String))"]
            func status() async throws -> Int {
                try await world.browser().call(world, "axonify", Traffic.path, gateway: 1, headers: headers).status
            }
            #expect(try await status() == 200)
            let path = "/api/keys/\(try #require(key["id"] as? String))"
            #expect(try await somebody.browser.call(world, "axonify", path, method: .DELETE).status == 204)
            try await world.eventually { try await status() == 401 }
        }

        private func changeRole(of somebody: Somebody, _ world: World) async throws {
            func patch() async throws -> Int {
                try await somebody.browser.call(
                    world, "axonify", Self.config, method: .PATCH, gateway: 1,
                    headers: ["Sec-Fetch-Site": "same-origin", "Content-Type": "application/merge-patch+json"],
                    body: "{}"
                ).status
            }
            #expect(try await patch() == 200)
            try await PostgresCluster.shared().withSuperuser(database: world.database.name) { admin in
                try await admin.query("update users set role = 'ae' where email = \(World.susan)")
            }
            try await world.eventually { try await patch() == 403 }
        }

        private func endSession(of somebody: Somebody, _ world: World) async throws {
            #expect(try await somebody.browser.call(world, "globex", "/auth/logout", method: .POST).status < 400)
            try await world.eventually { try await somebody.person.call(world, gateway: 1).status == 401 }
        }

        // MARK: Support

        /// How so many reads of the database at once ended.
        private func read(_ count: Int, _ person: Traffic.Person, _ world: World) async throws -> [Int: Int] {
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<count {
                    group.addTask { try await person.call(world, path: Self.config).status }
                }
                return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
            }
        }

        private func withPooledWorld(listens: Bool, _ body: (World) async throws -> Void) async throws {
            let cluster = try await PostgresCluster.shared()
            // Lives as long as the world.
            let pooler = NIOLockedValueBox<Pooler?>(nil)
            try await World.run(
                gateways: 2,
                variables: { database in
                    let started = try await Pooler.start(before: database, of: cluster)
                    pooler.withLockedValue { $0 = started }
                    var variables = ["DATABASE_URL": started.url, "DATABASE_PREPARED_STATEMENTS": "false"]
                    if listens { variables["DATABASE_DIRECT_URL"] = database.url }
                    return variables
                }, body)
            withExtendedLifetime(pooler) {}
        }
    }
}
