import Foundation
import GatewayTesting
import NIOHTTP1
import SalesforceSimulator
import Secrets
import Testing

extension WorldTests {
    /// The `formation` command as a process: database commands, and a drain at SIGTERM (contract §4).
    @Suite(.serialized) struct ProcessTests {
        /// `db init` sets up and seeds once, safe to repeat; a deleted Axonify stays deleted; `--force` starts anew.
        @Test func databaseCommands() async throws {
            try await PostgresCluster.shared().withDatabase(ownerMayCreateRoles: true) { database in
                let environment = ["DATABASE_URL": database.url, "ENCRYPTION_KEY": KeyRing.generate().exposed]
                func run(_ arguments: String...) async throws -> FormationProcess.Output {
                    try await FormationProcess.run(arguments, environment: environment)
                }
                let before = try await run("db", "status")
                #expect(before.status == 1)
                #expect(before.stdout.contains("pending"))
                let early = try await run("customer", "list")
                #expect(early.status == 1)
                #expect(early.stderr.contains("formation db migrate"))

                let first = try await run("db", "init")
                #expect(first.status == 0, "\(first.stderr)")
                #expect(first.stdout.contains("seeded axonify"))
                let second = try await run("db", "init")
                #expect(second.status == 0)
                #expect(second.stdout.contains("seeded before"))
                let list = try await run("customer", "list")
                #expect(list.stdout.contains("axonify"))
                #expect(list.stdout.contains("enterprise"))
                let status = try await run("db", "status")
                #expect(status.status == 0)
                #expect(status.stdout.contains("row-level security: on"))

                #expect(try await run("customer", "delete", "axonify").status == 0)
                #expect(try await run("db", "init").status == 0)
                #expect(try await run("customer", "show", "axonify").status == 1)
                let forced = try await run("db", "init", "--force")
                #expect(forced.status == 0, "\(forced.stderr)")
                #expect(try await run("customer", "show", "axonify").status == 0)
                let wrong = try await run("db", "init", "--force", "--confirm", "another")
                #expect(wrong.status == 1)
            }
        }

        /// A key that did not seal the data is named, with the cure.
        @Test func wrongKey() async throws {
            try await PostgresCluster.shared().withDatabase(ownerMayCreateRoles: true) { database in
                var environment = ["DATABASE_URL": database.url, "ENCRYPTION_KEY": KeyRing.generate().exposed]
                let made = try await FormationProcess.run(["db", "init"], environment: environment)
                #expect(made.status == 0)
                environment["ENCRYPTION_KEY"] = KeyRing.generate().exposed
                let output = try await FormationProcess.run(["db", "init"], environment: environment)
                #expect(output.status == 1)
                #expect(output.stderr.contains("ENCRYPTION_KEYS_RETIRED"))
            }
        }

        /// A customer's life from the command line; secrets go in by stdin and never come out.
        @Test func customerCommands() async throws {
            try await PostgresCluster.shared().withDatabase(ownerMayCreateRoles: true) { database in
                let environment = ["DATABASE_URL": database.url, "ENCRYPTION_KEY": KeyRing.generate().exposed]
                func run(_ arguments: [String], stdin: String = "") async throws -> FormationProcess.Output {
                    try await FormationProcess.run(arguments, environment: environment, stdin: stdin)
                }
                #expect(try await run(["db", "migrate"]).status == 0)
                let create = [
                    "customer", "create", "--company", "Initech", "--subdomain", "initech", "--salesforce-url",
                ]
                #expect(try await run(create + ["https://evil.example"]).status == 1)
                let generic = try await run(create + ["https://login.salesforce.com"])
                #expect(generic.status == 1)
                #expect(generic.stderr.contains("--salesforce-org-id"))
                let made = try await run(
                    create + ["https://initech.my.salesforce.com", "--tier", "professional", "--admin-email", "a@b.c"])
                #expect(made.status == 0, "\(made.stderr)")
                #expect(made.stdout.contains("http://initech.formation.localhost:8080/auth/callback"))
                #expect(try await run(create + ["https://initech.my.salesforce.com"]).stderr.contains("taken"))
                let credentials = try await run(
                    ["customer", "credentials", "initech"], stdin: "canary-client-id\ncanary-client-secret\n")
                #expect(credentials.status == 0, "\(credentials.stderr)")
                #expect(try await run(["customer", "credentials", "initech"], stdin: "one\n").status == 64)
                try await stage { try await run($0, stdin: $1) }
                #expect(try await run(["customer", "suspend", "initech"]).status == 0)
                let show = try await run(["customer", "show", "initech"])
                #expect(show.stdout.contains("suspended"))
                #expect(!(show.stdout + show.stderr + credentials.stdout + credentials.stderr).contains("canary"))
                #expect(try await run(["customer", "resume", "initech"]).status == 0)
                #expect(try await run(["customer", "delete", "initech"]).status == 0)
                #expect(try await run(["customer", "delete", "initech"]).status == 1)
            }
        }

        /// A second secret, by `--stage`: what can be staged, what can't, and what is said of it.
        private func stage(_ run: ([String], String) async throws -> FormationProcess.Output) async throws {
            let command = ["customer", "credentials", "initech", "--stage"]
            for (stdin, status, words) in [
                ("", 64, "One line is needed"), ("canary-client-secret\n", 1, "is the one in use"),
                ("canary-client-id\n", 1, "This is the client id"), ("another\ncanary-2\n", 1, "not the customer's"),
                ("canary-2\n", 0, "Staged, sealed."), ("canary-client-id\ncanary-3\n", 0, "Staged, sealed."),
            ] as [(String, Int32, String)] {
                let output = try await run(command, stdin)
                #expect(output.status == status, "\(stdin)")
                #expect((output.stdout + output.stderr).contains(words), "\(output.stdout)\(output.stderr)")
                #expect(!(output.stdout + output.stderr).contains("canary"))
            }
            let staged = try await run(["customer", "show", "initech"], "")
            #expect(staged.stdout.contains("set, and a secret staged on 20"))
            #expect(!staged.stdout.contains("canary"))
            _ = try await run(Array(command.dropLast()), "canary-client-id\ncanary-client-secret\n")
            #expect(try await !run(["customer", "show", "initech"], "").stdout.contains("staged"))
        }

        /// What is not done when the time to shut down is over is cut off, and the log says so.
        @Test func cutsOff() async throws {
            try await World.run { world in
                try await withCallInFlight(world, environment: ["SHUTDOWN_SECONDS": "1"]) { call in
                    call.process.signal(SIGTERM)
                    let output = try await call.process.finish()
                    #expect(output.status == 0, "\(output.stdout)\(output.stderr)")
                    let lines = output.stdout.split(separator: "\n").filter { $0.contains("client_gone") }
                    #expect(lines.count == 1)
                    #expect(lines.first?.contains(CallInFlight.path) == true)
                    call.letGo()
                    let answer = try? await call.answer.value
                    #expect(answer == nil)
                }
            }
        }

        /// SIGTERM: what is in flight is answered, with `Connection: close`; nothing new is taken; exit 0.
        @Test func drains() async throws {
            try await World.run { world in
                try await withCallInFlight(world) { call in
                    call.process.signal(SIGTERM)
                    try await call.process.waitFor("Draining")
                    call.letGo()
                    let answer = try await call.answer.value
                    #expect(answer.status == 200)
                    #expect(answer.headers.first(name: "Connection")?.lowercased() == "close")
                    let output = try await call.process.finish()
                    #expect(output.status == 0, "\(output.stdout)\(output.stderr)")
                    await #expect(throws: (any Error).self) {
                        try await Browser(client: world.client).call(call.gateway, "axonify", "/healthz")
                    }
                }
            }
        }

        /// A gateway process, and a call through it that the simulator holds back.
        private struct CallInFlight {
            static let path = "/services/data/v62.0/limits"

            let process: FormationProcess
            /// The world as seen through that process.
            let gateway: World
            let answer: Task<Browser.Page, any Error>
            /// Lets the simulator answer.
            let letGo: () -> Void
        }

        private func withCallInFlight(
            _ world: World, environment: [String: String] = [:], _ body: (CallInFlight) async throws -> Void
        ) async throws {
            let browser = world.browser()
            try await browser.signIn(world, "axonify", as: World.susan)
            let cookie = try #require(browser.cookie("formation_session", host: world.host("axonify")))
            let port = try FreePort.find()
            let process = try FormationProcess(
                ["serve"], environment: world.environment(port: port).merging(environment) { $1 })
            try await process.waitFor("Ready.")
            let second = world.moved(to: port)
            let hold = world.simulator.add(SimulatedFault(.hold, pathPrefix: CallInFlight.path))
            let headers: HTTPHeaders = ["Cookie": "formation_session=\(cookie)", "Sec-Fetch-Site": "same-origin"]
            // Unstructured: the body awaits it; it ends with the body.
            let answer = Task {
                try await Browser(client: world.client).call(second, "axonify", CallInFlight.path, headers: headers)
            }
            defer { answer.cancel() }
            await world.simulator.waitUntilHeld(by: hold)
            try await body(
                CallInFlight(
                    process: process, gateway: second, answer: answer, letGo: { world.simulator.clear(hold) }))
        }
    }
}
