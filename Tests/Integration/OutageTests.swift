import Access
import Foundation
import GatewayTesting
import NIOHTTP1
import Postgres
import SalesforceSimulator
import Testing

/// What people and operators see while the database is away, and afterwards (architecture invariant 6).
extension WorldTests {
    @Suite(.serialized, .timeLimit(.minutes(5))) struct OutageTests {
        /// Who is signed in works on without noticing. What needs the database says to try again shortly, ends nobody's
        /// session, and works when it is back. `/readyz` and the log say what is the matter, once.
        @Test func databaseStopped() async throws {
            let cluster = try await PostgresCluster.start()
            try await World.run(on: cluster) { world in
                let susan = try await world.signedIn("axonify", as: World.susan)
                let alex = try await world.signedIn("axonify", as: World.alex)
                let hank = world.browser()
                let callback = try await hank.authorize(
                    world, start: world.url("globex", "/auth/login"), as: World.hank)
                let refreshes = world.simulator.counters.refreshAttempts
                let endings = try await Traffic.run(world, [susan.person]) { traffic in
                    await traffic.wait(20)
                    try await cluster.stop()
                    try await world.eventually { try await world.readiness().body.contains("away") }
                    #expect(try await world.readiness().status == 200)

                    try world.simulator.expireAccessTokens(username: World.alex)
                    let refused = try await alex.person.call(world)
                    #expect(refused.status == 503)
                    #expect(refused.headers.first(name: "Retry-After") != nil)
                    #expect(refused.body.contains("SERVER_UNAVAILABLE"))
                    #expect(world.simulator.counters.refreshAttempts == refreshes)
                    let page = try await hank.send(.GET, callback, headers: ["Accept": "text/html"])
                    #expect(page.status == 503)
                    #expect(page.body.contains("Try again shortly"))

                    try await world.eventually { world.log.text.contains("The change feed can't be read") }
                    await traffic.wait(20)
                    try await cluster.start()
                    try await world.eventually { try await world.readiness().body.contains("reachable") }
                    await traffic.wait(20)
                }
                #expect(Set(endings.keys) == [200])
                // Once the refusal's few seconds are over.
                try await world.eventually { try await alex.person.call(world).status == 200 }
                #expect(world.simulator.counters.refreshTokenReuses == 0)
                #expect(try await hank.send(.GET, callback, headers: ["Accept": "text/html"]).status == 302)
                #expect(hank.cookie("formation_session", host: world.host("globex")) != nil)
                try await world.eventually { world.log.text.contains("The change feed is fresh again") }
                #expect(world.log.count(of: "warning The database is away") == 1)
                #expect(world.log.count(of: "warning The database is back") == 1)
                #expect(world.log.errors.isEmpty)
            }
        }

        /// What Salesforce gives while the database is away is stored when it is back, and the call that waited for it
        /// is answered.
        @Test func successorsAreKept() async throws {
            let cluster = try await PostgresCluster.start()
            try await World.run(on: cluster) { world in
                let person = try await world.signedIn("axonify", as: World.susan).person
                try world.simulator.expireAccessTokens()
                let hold = world.simulator.add(
                    SimulatedFault(.hold, moment: .after, pathPrefix: "/services/oauth2/token"))
                async let answer = person.call(world)
                await world.simulator.waitUntilHeld(by: hold)
                try await cluster.stop()
                world.simulator.clear(hold)
                try await world.eventually { world.log.text.contains("A refreshed token is not stored yet") }
                try await cluster.start()
                #expect(try await answer.status == 200)
                #expect(world.simulator.counters.refreshAttempts == 1)
                // The stored one is the one that the next refresh needs.
                try world.simulator.expireAccessTokens()
                #expect(try await person.call(world).status == 200)
                #expect(world.simulator.counters.refreshes == 2)
                #expect(world.simulator.counters.refreshTokenReuses == 0)
            }
        }

        /// Beyond `DATABASE_OUTAGE_SECONDS` nobody is served on what was last known; nobody's session ends by it.
        @Test func graceHasAnEnd() async throws {
            let cluster = try await PostgresCluster.start()
            try await World.run(on: cluster, environment: ["DATABASE_OUTAGE_SECONDS": "1"]) { world in
                let susan = try await world.signedIn("axonify", as: World.susan)
                #expect(try await susan.person.call(world).status == 200)
                try await cluster.stop()
                try await world.eventually { try await world.readiness().status == 503 }
                #expect(try await world.readiness().body.contains(#""status":"database_away","database":"away""#))
                let refused = try await susan.person.call(world)
                #expect(refused.status == 503)
                #expect(refused.headers.first(name: "Retry-After") != nil)

                // A process that starts now waits for it.
                let port = try FreePort.find()
                let process = try FormationProcess(["serve"], environment: world.environment(port: port))
                try await process.waitFor("The database can't be used yet.")
                #expect(try await world.moved(to: port).readiness().status == 503)
                try await cluster.start()
                try await process.waitFor("Ready.")
                #expect(try await susan.person.call(world.moved(to: port)).status == 200)
                process.signal(SIGTERM)
                #expect(try await process.finish().status == 0)

                try await world.eventually { try await world.readiness().status == 200 }
                #expect(try await susan.person.call(world).status == 200)
            }
        }

        /// Connections that the platform ends, again and again, are made anew; no call fails.
        @Test func connectionsKilled() async throws {
            let cluster = try await PostgresCluster.start()
            try await World.run(gateways: 2, on: cluster) { world in
                let susan = try await world.signedIn("axonify", as: World.susan)
                let hank = try await world.signedIn("globex", as: World.hank)
                var killed = 0
                let endings = try await Traffic.run(world, [susan.person, hank.person], gateways: [0, 1]) { traffic in
                    for _ in 0..<40 {
                        killed += try await cluster.killBackends(of: world.database)
                        await traffic.wait(20)
                    }
                    // Until each process has polled once more.
                    try await world.eventually { try await cluster.backends(of: world.database) >= 4 }
                }
                #expect(killed > 20)
                #expect(Set(endings.keys) == [200])
                let alex = try await world.signedIn("axonify", as: World.alex)
                #expect(try await alex.person.call(world, gateway: 1).status == 200)
            }
        }

        /// A password that was changed is said once, with the cure; who is signed in goes on, and a restart with the
        /// new one loses no session.
        @Test func passwordChanged() async throws {
            let cluster = try await PostgresCluster.start(.init(authentication: .scram))
            try await World.run(on: cluster) { world in
                let susan = try await world.signedIn("axonify", as: World.susan)
                try await world.everythingIsHeard(on: cluster)
                let endings = try await Traffic.run(world, [susan.person]) { traffic in
                    await traffic.wait(5)
                    try await cluster.changePassword(of: world.database, to: "canary")
                    try await cluster.killBackends(of: world.database)
                    try await world.eventually { world.log.text.contains("The change feed can't be read") }
                    await traffic.wait(5)
                }
                #expect(Set(endings.keys) == [200])
                #expect(world.log.errors.count == 1)
                let said = try #require(world.log.errors.first)
                #expect(said.contains("The database refuses new connections by DATABASE_URL"))
                #expect(said.contains("Set DATABASE_URL anew and restart"))

                let port = try FreePort.find()
                let url = world.database.url.replacing(":\(world.database.owner)@", with: ":canary@")
                let process = try FormationProcess(
                    ["serve"], environment: world.environment(port: port).merging(["DATABASE_URL": url]) { $1 })
                try await process.waitFor("Ready.")
                #expect(try await susan.person.call(world.moved(to: port)).status == 200)
                process.signal(SIGTERM)
                let output = try await process.finish()
                #expect(!(output.stdout + output.stderr + world.log.text).contains("canary"))

                try await cluster.changePassword(of: world.database, to: world.database.owner)
                try await world.eventually { try await world.readiness().body.contains("reachable") }
            }
        }

        /// A standby that takes over is found among the hosts of `DATABASE_URL`; the former primary, when it comes
        /// back, is passed over. Nobody's session ends, and no call fails.
        @Test func failover() async throws {
            let former = try await PostgresCluster.start()
            let next = try await former.startStandby()
            let hosts = "127.0.0.1:\(former.port),127.0.0.1:\(next.port)"
            try await World.run(
                on: former,
                variables: { ["DATABASE_URL": "postgres://\($0.owner):\($0.owner)@\(hosts)/\($0.name)"] }
            ) { world in
                let susan = try await world.signedIn("axonify", as: World.susan)
                let endings = try await Traffic.run(world, [susan.person]) { traffic in
                    await traffic.wait(20)
                    try await former.stop()
                    try await next.promote()
                    try await world.eventually { try await world.readiness().body.contains("reachable") }
                    await traffic.wait(20)
                    // What is new is written to the new primary.
                    let alex = try await world.signedIn("axonify", as: World.alex)
                    try world.simulator.expireAccessTokens()
                    #expect(try await alex.person.call(world).status == 200)

                    try await former.follow(next)
                    try await former.start()
                    try await next.killBackends(of: world.database)
                    let made = try await susan.browser.call(
                        world, "axonify", "/api/keys", method: .POST, body: #"{"name":"after","scope":"read"}"#)
                    #expect(made.status == 201)
                    await traffic.wait(20)
                }
                #expect(Set(endings.keys) == [200])
                #expect(world.simulator.counters.refreshTokenReuses == 0)
            }
        }
    }
}
