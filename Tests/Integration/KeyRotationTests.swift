import Domain
import Foundation
import GatewayTesting
import NIOHTTP1
import Postgres
import SalesforceSimulator
import Secrets
import Testing

extension WorldTests {
    /// `formation key rotate` against a database that gateways serve from.
    @Suite(.serialized) struct KeyRotationTests {
        private static let limits = "/services/data/v62.0/limits"

        /// A gateway with both keys serves on while everything is sealed anew, people who are new to it included; no
        /// cache is emptied; afterwards one that has the new key alone serves the same people.
        @Test func rotatesWhileServing() async throws {
            try await World.run { world in
                let headers = try await Self.signIn(world)
                let scene = try await RotationScene(world)
                let port = try FreePort.find()
                let gateway = try FormationProcess(["serve"], environment: scene.environment(port: port))
                try await gateway.waitFor("Ready.")
                let serving = world.moved(to: port)
                let changes = try await scene.customerChanges()
                #expect(try await serving.get("axonify", Self.limits, headers).status == 200)

                let rotation = try FormationProcess(["key", "rotate"], environment: scene.environment())
                try await scene.withRotationsHeld {
                    try await scene.waitUntilHeld()
                    try await Self.expectServing(serving, headers)
                }
                try await Self.expectServing(serving, headers)
                let output = try await rotation.finish()
                #expect(output.status == 0, "\(output.stdout)\(output.stderr)")
                // Axonify, Globex and the platform came before.
                let count = RotationScene.customers + 3
                #expect(output.stdout.contains("Sealed \(count) data keys anew."))
                #expect(output.stderr.contains("\(count) of \(count) data keys"))
                #expect(output.stdout.contains("no longer needed"))
                #expect(try await scene.sealed(by: scene.oldKey) == 0)
                #expect(try await scene.customerChanges() == changes)
                try await Self.expectServing(serving, headers)
                gateway.signal(SIGTERM)
                #expect(try await gateway.finish().status == 0)

                let lastPort = try FreePort.find()
                let last = try FormationProcess(["serve"], environment: scene.finalEnvironment(port: lastPort))
                try await last.waitFor("Ready.")
                try await Self.expectServing(world.moved(to: lastPort), headers)
                last.signal(SIGTERM)
                #expect(try await last.finish().status == 0)
            }
        }

        /// Killed half-way, it leaves whole batches; run again, it does what is left and no more.
        @Test func goesOnAfterKill() async throws {
            try await World.run { world in
                let scene = try await RotationScene(world)
                let count = RotationScene.customers + 3
                let killed = try FormationProcess(["key", "rotate"], environment: scene.environment())
                try await scene.withRotationsHeld {
                    try await scene.waitUntilHeld()
                    try await killed.waitFor("of \(count) data keys")
                    killed.signal(SIGKILL)
                    #expect(try await killed.finish().status == 128 + SIGKILL)
                    try await scene.endHeld()
                }
                // The platform's key and one batch.
                let done = try await scene.sealed(by: scene.newKey)
                #expect(done == 201)
                #expect(try await scene.sealed(by: scene.oldKey) == count - done)
                let status = try await FormationProcess.run(["db", "status"], environment: scene.environment())
                #expect(status.status == 0)
                #expect(status.stdout.contains("still needed"))
                let resumed = try await FormationProcess.run(["key", "rotate"], environment: scene.environment())
                #expect(resumed.status == 0, "\(resumed.stdout)\(resumed.stderr)")
                #expect(resumed.stdout.contains("Sealed \(count - done) data keys anew."))
                let again = try await FormationProcess.run(["key", "rotate"], environment: scene.environment())
                #expect(again.status == 0)
                #expect(again.stdout.contains("Nothing was sealed anew."))
            }
        }

        /// Two at once: both succeed, and each data key was sealed anew once.
        @Test func twoAtOnce() async throws {
            try await World.run { world in
                let scene = try await RotationScene(world)
                let changes = try await scene.customerChanges()
                let outputs = try await withThrowingTaskGroup(of: FormationProcess.Output.self) { group in
                    for _ in 0..<2 {
                        group.addTask {
                            try await FormationProcess.run(["key", "rotate"], environment: scene.environment())
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                var rewrapped = 0
                for output in outputs {
                    #expect(output.status == 0, "\(output.stdout)\(output.stderr)")
                    let match = output.stdout.firstMatch(of: /Sealed (\d+) data key/)
                    rewrapped += match.flatMap { Int($0.1) } ?? 0
                }
                #expect(rewrapped == RotationScene.customers + 3)
                #expect(try await scene.sealed(by: scene.oldKey) == 0)
                #expect(try await scene.customerChanges() == changes)
            }
        }

        /// A customer whose key nobody has: that tenant gets a 500 and the log names the key, others work; a rotation
        /// does the rest and names the key with the cure; so do `db status` and, without a key to compare, its name.
        @Test func unknownKeyIsNamed() async throws {
            try await World.run { world in
                let headers = try await Self.signIn(world)
                let stranger = try KeyRing(current: KeyRing.generate())
                try await world.seal("globex", by: stranger)
                let globex = try await world.get("globex", "/auth/session")
                #expect(globex.status == 500)
                #expect(try await world.get("globex", Self.limits, headers).status == 500)
                #expect(!globex.body.contains("\(stranger.currentKeyID)"))
                #expect(try await world.get("axonify", Self.limits, headers).status == 200)
                #expect(world.log.text.contains("sealed with key \(stranger.currentKeyID)"))

                let scene = try await RotationScene(world)
                let rotation = try await FormationProcess.run(["key", "rotate"], environment: scene.environment())
                #expect(rotation.status == 1)
                #expect(rotation.stdout.contains("Sealed \(RotationScene.customers + 2) data keys anew."))
                #expect(rotation.stderr.contains("1 customer sealed by key \(stranger.currentKeyID)"))
                #expect(rotation.stderr.contains("ENCRYPTION_KEYS_RETIRED"))
                let status = try await FormationProcess.run(["db", "status"], environment: scene.environment())
                #expect(status.stdout.contains("\(stranger.currentKeyID)  1 customer"))
                #expect(status.stdout.contains("not at hand"))
                var blind = scene.environment()
                blind["ENCRYPTION_KEY"] = ""
                blind["ENCRYPTION_KEYS_RETIRED"] = ""
                let named = try await FormationProcess.run(["db", "status"], environment: blind)
                #expect(named.status == 0, "\(named.stderr)")
                #expect(named.stdout.contains("\(stranger.currentKeyID)"))
                #expect(named.stdout.contains("ENCRYPTION_KEY is not set"))
                for output in [rotation, status, named] {
                    #expect(!(output.stdout + output.stderr).contains(scene.newKey.exposed))
                    #expect(!(output.stdout + output.stderr).contains(scene.oldKey.exposed))
                }
            }
        }

        /// Where the platform's own key does not open, the process starts, serves no tenant, and names the key.
        @Test func unknownPlatformKeyIsNamed() async throws {
            try await World.run { world in
                let sealing = try #require(world.environment(port: 0)["ENCRYPTION_KEY"])
                let former = try KeyRing(current: Secret(sealing)).currentKeyID
                let port = try FreePort.find()
                let environment = world.environment(port: port).merging(
                    ["ENCRYPTION_KEY": KeyRing.generate().exposed]) { $1 }
                let process = try FormationProcess(["serve"], environment: environment)
                try await process.waitFor("\(former)")
                let ready = try await world.moved(to: port).get("axonify", "/readyz")
                #expect(ready.status == 503)
                #expect(ready.body.contains("wrong_key"))
                process.signal(SIGTERM)
                #expect(try await process.finish().status == 0)
            }
        }

        /// A person's cookie, as headers.
        private static func signIn(_ world: World) async throws -> HTTPHeaders {
            let browser = world.browser()
            try await browser.signIn(world, "axonify", as: World.susan)
            let cookie = try #require(browser.cookie("formation_session", host: world.host("axonify")))
            return ["Cookie": "formation_session=\(cookie)", "Sec-Fetch-Site": "same-origin"]
        }

        /// Warm and cold tenants are served, and somebody can begin to sign in.
        private static func expectServing(_ world: World, _ headers: HTTPHeaders) async throws {
            for _ in 0..<20 {
                #expect(try await world.get("axonify", limits, headers).status == 200)
            }
            #expect(try await world.get("globex", "/auth/login").status == 302)
        }
    }
}

extension World {
    /// One request without a browser's memory.
    func get(_ tenant: String, _ path: String, _ headers: HTTPHeaders = [:]) async throws -> Browser.Page {
        try await browser().send(.GET, url(tenant, path), headers: headers)
    }

    /// Seals a customer's data key by a key of one's choice; what it sealed before is lost.
    func seal(_ subdomain: String, by ring: KeyRing) async throws {
        try await PostgresCluster.shared().withSuperuser(database: database.name) { client in
            let row = try await client.query("select id from customers where subdomain = \(subdomain)")[0]
            let id = try row.decode("id", as: UUID.self)
            let sealed = try ring.makeDataKey(customer: id).sealed.bytes
            try await client.query("update customers set data_key = \(sealed) where id = \(id)")
        }
    }
}
