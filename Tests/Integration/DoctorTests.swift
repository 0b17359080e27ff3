import Access
import Foundation
import Gateway
import GatewayTesting
import NIOConcurrencyHelpers
import Postgres
import SalesforceSimulator
import Secrets
import Testing

extension WorldTests {
    /// `formation doctor`: a line for each thing that a gateway needs, with the cure where it is not as it should be.
    @Suite(.serialized) struct DoctorTests {
        /// Everything stands: nothing but ticks, and exit code 0.
        @Test func everythingStands() async throws {
            try await World.run { world in
                let output = try await FormationProcess.run(["doctor"], environment: world.environment(port: 0))
                #expect(output.status == 0, "\(output.stdout)\(output.stderr)")
                let lines = output.stdout.split(separator: "\n").map(String.init)
                #expect(lines.allSatisfy { $0.hasPrefix("✓ ") }, "\(output.stdout)")
                for subject in [
                    "configuration", "database", "database tls", "clock", "notifications", "schema", "row security",
                    "key ", "platform key", "base url", "salesforce", "stripe",
                ] {
                    #expect(lines.contains { $0.hasPrefix("✓ \(subject)") }, "\(subject)")
                }
                // Each org's login host once.
                #expect(lines.filter { $0.contains("salesforce") && $0.contains("answers (") }.count == 2)
                #expect(output.stderr.isEmpty)
                Self.expectNoSecret(output, of: world)
            }
        }

        /// The frontend's directory is looked at, where there is one.
        @Test func theFrontend() async throws {
            try await World.run { world in
                let directory = FileManager.default.temporaryDirectory.appending(path: "doctor-\(UUID().uuidString)")
                try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
                defer { try? FileManager.default.removeItem(at: directory) }
                var environment = world.environment(port: 0)
                environment["FRONTEND_DIR"] = directory.path
                let empty = try await FormationProcess.run(["doctor"], environment: environment)
                #expect(empty.status == 1)
                Self.expectLine("✗ frontend: FRONTEND_DIR names a directory without an index.html.", in: empty)
                try Data("<!doctype html>".utf8).write(to: directory.appending(path: "index.html"))
                Self.expectLine(
                    "✓ frontend: FRONTEND_DIR has an index.html.",
                    in: try await FormationProcess.run(["doctor"], environment: environment))
            }
        }

        /// A certificate of the gateway's own is looked at: whether it can be served, and for how long.
        @Test func theCertificate() async throws {
            try await World.run { world in
                let directory = FileManager.default.temporaryDirectory.appending(path: "doctor-\(UUID().uuidString)")
                try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
                defer { try? FileManager.default.removeItem(at: directory) }
                let (certificate, key) = (
                    directory.appending(path: "c.pem").path, directory.appending(path: "k.pem").path
                )
                var environment = world.environment(port: 0)
                environment["BASE_URL"] = "https://\(World.baseDomain)"
                environment["TLS_CERTIFICATE"] = certificate
                environment["TLS_KEY"] = key
                func findings() async throws -> FormationProcess.Output {
                    try await FormationProcess.run(["doctor"], environment: environment)
                }
                for (variable, value) in [("TLS_CERTIFICATE", certificate), ("FRONTEND_DIR", "/nowhere/at/all")] {
                    var wrong = world.environment(port: 0)
                    if variable == "TLS_CERTIFICATE" { wrong = environment } else { wrong[variable] = value }
                    let refused = try await FormationProcess.run(["serve"], environment: wrong)
                    #expect(refused.status == 78, "\(refused.stderr)")
                    #expect(refused.stderr.contains(variable))
                }
                Self.expectLine(
                    "✗ tls: TLS_CERTIFICATE names a file that is not there or can't be read.", in: try await findings())
                for (days, line) in [
                    ("3", "! tls: the certificate ends on "), ("90", "✓ tls: the certificate is valid until "),
                ] {
                    try Self.makeCertificate(certificate, key: key, days: days)
                    Self.expectLine(line, in: try await findings())
                }
            }
        }

        /// What is wrong has a cross and a cure, and the rest is looked at all the same.
        @Test func troublesAreNamed() async throws {
            try await World.run { world in
                let stranger = try KeyRing(current: KeyRing.generate())
                try await world.seal("globex", by: stranger)
                try await world.database.asSuperuser(
                    "update customers set salesforce_instance_url = 'https://evil.example' where subdomain = 'globex'")
                var environment = world.environment(port: 0)
                let retired = KeyRing.generate()
                let retiredID = try KeyRing(current: retired).currentKeyID
                environment["ENCRYPTION_KEYS_RETIRED"] = retired.exposed
                environment["DATABASE_DIRECT_URL"] = try await PostgresCluster.shared().superuserURL()
                let port = try FreePort.find()
                environment["BASE_URL"] = "http://\(World.baseDomain):\(port)"
                let output = try await FormationProcess.run(["doctor"], environment: environment)
                #expect(output.status == 1)
                Self.expectLine("✗ key \(stranger.currentKeyID): seals 1 customer; not at hand", in: output)
                Self.expectLine(
                    "✓ key \(retiredID): seals nothing; in ENCRYPTION_KEYS_RETIRED",
                    in: output)
                Self.expectLine("✗ salesforce: the login host https://evil.example", in: output)
                Self.expectLine("✗ notifications: sent by DATABASE_URL do not arrive", in: output)
                Self.expectLine("! base url: ", in: output)
                Self.expectLine("✓ platform key: opens.", in: output)
                Self.expectNoSecret(output, of: world)
            }
        }

        /// Without a database, what needs none is looked at.
        @Test func databaseAway() async throws {
            let port = try FreePort.find()
            let output = try await FormationProcess.run(
                ["doctor"],
                environment: [
                    "DATABASE_URL": "postgres://u:canary@127.0.0.1:\(port)/d",
                    "ENCRYPTION_KEY": KeyRing.generate().exposed,
                    "BASE_URL": "http://\(World.baseDomain):\(port)",
                ])
            #expect(output.status == 1)
            Self.expectLine("✗ database: No PostgreSQL server is running at 127.0.0.1. Start it", in: output)
            Self.expectLine("! schema, keys: not looked at", in: output)
            Self.expectLine("! salesforce: not looked at", in: output)
            Self.expectLine("! base url: ", in: output)
            #expect(!(output.stdout + output.stderr).contains("canary"))
        }

        /// An empty database misses its schema; a plain owner without force has no second wall.
        @Test func emptyDatabase() async throws {
            try await PostgresCluster.shared().withDatabase { database in
                let environment = ["DATABASE_URL": database.url, "ENCRYPTION_KEY": KeyRing.generate().exposed]
                let empty = try await FormationProcess.run(["doctor"], environment: environment)
                #expect(empty.status == 1)
                Self.expectLine("✗ schema: ", in: empty)
                #expect(empty.stdout.contains("Run: formation db migrate"))
                Self.expectLine("! keys: not looked at", in: empty)
                #expect(try await FormationProcess.run(["db", "migrate"], environment: environment).status == 0)
                let migrated = try await FormationProcess.run(["doctor"], environment: environment)
                #expect(migrated.status == 0, "\(migrated.stdout)")
                Self.expectLine("! row security: off: ", in: migrated)
                Self.expectLine("✓ platform key: there is none yet", in: migrated)
                Self.expectLine("✓ salesforce: no customer yet.", in: migrated)
            }
        }

        /// A wrong configuration is named variable by variable, as by every command, with its exit code.
        @Test func wrongConfiguration() async throws {
            let output = try await FormationProcess.run(
                ["doctor"], environment: ["DATABASE_URL": "sesame", "ENCRYPTION_KEY": "sesame"])
            #expect(output.status == 78)
            Self.expectLine("✗ configuration: DATABASE_URL: ", in: output)
            Self.expectLine("✗ configuration: ENCRYPTION_KEY: ", in: output)
            Self.expectLine("! the rest: was not looked at.", in: output)
            #expect(!(output.stdout + output.stderr).contains("sesame"))
        }

        /// Clocks that are a minute apart are worth knowing, and so is an https that nobody speaks.
        @Test func clockAndCertificate() async throws {
            try await World.run { world in
                var settings = world.settings
                settings.origin = PublicOrigin(
                    isSecure: true, baseDomain: World.baseDomain, port: world.ports[0])
                let sources = Sources.system(now: { Date().addingTimeInterval(60) })
                let found = NIOLockedValueBox<[Finding]>([])
                let isWell = try await Doctor(settings: settings, sources: sources, logger: world.log.logger)
                    .examine { finding in found.withLockedValue { $0.append(finding) } }
                #expect(isWell)
                let doubts = found.withLockedValue { $0.filter { $0.grade == .doubtful } }
                #expect(doubts.map(\.subject) == ["clock", "trusted proxy hops", "base url"])
                #expect(doubts.first?.text.contains("60 s apart") == true)
                #expect(doubts.last?.text.hasSuffix("did not agree on TLS.") == true)
                #expect(doubts.last?.cure?.contains("*.\(World.baseDomain)") == true)
            }
        }

        private static func makeCertificate(_ path: String, key: String, days: String) throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [
                "openssl", "req", "-x509", "-days", days, "-subj", "/CN=*.\(World.baseDomain)", "-newkey", "ec",
                "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key, "-out", path,
            ]
            process.standardError = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }

        private static func expectLine(
            _ beginning: String, in output: FormationProcess.Output,
            sourceLocation: SourceLocation = #_sourceLocation
        ) {
            let lines = output.stdout.split(separator: "\n")
            #expect(
                lines.contains { $0.hasPrefix(beginning) }, "\(output.stdout)\(output.stderr)",
                sourceLocation: sourceLocation)
        }

        private static func expectNoSecret(_ output: FormationProcess.Output, of world: World) {
            let environment = world.environment(port: 0)
            for secret in [environment["ENCRYPTION_KEY"], ":\(world.database.owner)@"].compactMap({ $0 }) {
                #expect(!(output.stdout + output.stderr).contains(secret))
            }
        }
    }
}
