internal import ArgumentParser
internal import Foundation
internal import Gateway
internal import Secrets
internal import Storage

struct DatabaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "db", abstract: "The database: set up, migrate, look at, dump.",
        subcommands: [Init.self, Migrate.self, Status.self, Dump.self])

    struct Init: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Checks the connection, migrates, and seeds Axonify with its admin, once.",
            discussion: "Safe to repeat. What was seeded is recorded: a deleted Axonify stays deleted.")

        @Flag(help: "Drop everything first.") var force = false
        @Option(help: "The database's name: confirms --force where the database is on another machine.")
        var confirm: String?

        func validate() throws {
            if confirm != nil, !force { throw ValidationError("--confirm goes with --force.") }
        }

        func run() async throws {
            let (tools, _) = try await Operations.tools(requires: [.database, .encryptionKey])
            try await tools.initializeDatabase(force: force, confirmation: confirm) { Console.say("✓ \($0)") }
        }
    }

    struct Migrate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Brings the schema forward; several may run at once, and each waits its turn.")

        func run() async throws {
            let (tools, _) = try await Operations.tools(requires: .database)
            let applied = try await tools.migrate { Console.say("✓ applied migration \($0.number): \($0.name)") }
            if applied.isEmpty { Console.say("✓ the schema is up to date") }
        }
    }

    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says what is applied, and which master keys are in use.",
            discussion: "Exits with 1 where a migration is missing. Keys are compared with ENCRYPTION_KEY, if set.")

        func run() async throws {
            let (tools, _) = try await Operations.tools(requires: .database)
            let (schema, rowSecurity, keys) = try await tools.status()
            Console.say(Console.table(schema.entries.map { [String($0.number), $0.name, Self.words($0.state)] }))
            Console.say("row-level security: \(rowSecurity)")
            if let keys {
                Console.say("master keys:")
                Console.say(Describe.table(of: keys))
            }
            if !schema.isComplete { throw ExitCode(Console.failureExitCode) }
        }

        private static func words(_ state: SchemaStatus.State) -> String {
            switch state {
            case .applied(let date): "applied \(date.ISO8601Format())"
            case .pending: "pending: run formation db migrate"
            case .changed: "applied with another text than this program's"
            case .newer(let date): "applied \(date.ISO8601Format()) by a newer program"
            }
        }
    }

    struct Dump: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes a pg_dump archive that row-level security does not empty.",
            discussion: "Restore it with pg_restore --no-owner into an empty database, then run formation db migrate.")

        @Argument(help: "The file to write.") var file: String

        func run() async throws {
            let (tools, _) = try await Operations.tools(requires: .database)
            let dump = try tools.dump(file: file)
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = [dump.program] + dump.arguments
            process.environment = ProcessInfo.processInfo.environment.merging(dump.environment.mapValues(\.exposed)) {
                $1
            }
            Console.progress("Dumping …")
            let status = try await withCheckedThrowingContinuation { continuation in
                process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
                do {
                    try process.run()
                } catch {
                    continuation.resume(throwing: error)
                }
            }
            guard status == 0 else { throw ExitCode(Console.failureExitCode) }
            Console.say("Wrote \(file).")
        }
    }
}
