import Domain
import Foundation
import GatewayTesting
import Postgres
import Secrets
import Storage
import Testing

/// `formation db dump`: a backup that row-level security does not empty.
@Suite("Database dump")
struct DatabaseDumpTests {
    /// What is dumped behind either wall is all there after a restore into another database, and works there.
    @Test(arguments: Wall.allCases)
    func restoresEveryRow(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            let (customer, admin) = try await test.fixtures.store(in: test.repositories)
            try await test.fill(customer, admin)
            let (other, user) = try await test.fixtures.store(in: test.repositories, subdomain: "other")
            try await test.fill(other, user)
            let file = FileManager.default.temporaryDirectory
                .appending(path: "formation-\(UUID().uuidString).dump").path
            defer { try? FileManager.default.removeItem(atPath: file) }

            let dump = DatabaseDump(url: Secret(test.url), file: file)
            try await Self.run(dump.program, dump.arguments, dump.environment.mapValues(\.exposed))

            // Not a second turn at the gate: all who hold one could wait for another.
            try await PostgresCluster.shared().withDatabase { empty in
                try await Self.run(
                    "pg_restore", ["--no-owner", "--exit-on-error", "--dbname=\(wall.url(empty))", file], [:])
                let restored = try await Self.counts(empty.superuserURL, test.protectedTables())
                let original = try await Self.counts(test.superuserURL, test.protectedTables())
                #expect(restored == original)
                #expect(restored.values.allSatisfy { $0 > 0 }, "each table had rows")

                try await withClient(wall.url(empty)) { client in
                    #expect(try await Migrator(client: client).migrate(rowSecurity: wall.mode).isEmpty)
                    let database = try await Database.open(client: client)
                    #expect(database.rowSecurity == wall.state)
                    let repositories = PostgresRepositories.make(database: database, listening: client)
                    #expect(try await repositories.customers.customer(id: customer.id) == customer)
                    let latest = try await repositories.changes.latest()
                    try await repositories.customers.noteRotation(customer.id, at: Fixtures.epoch)
                    #expect(
                        try await repositories.changes.changes(after: latest, limit: 10).count == 1, "triggers work")
                }
            }
        }
    }

    /// No password is among the arguments, which other users of the machine can see; it is in the environment.
    @Test(arguments: [
        ("postgres://me:p%40ss@host:5432/db?sslmode=require", "--dbname=postgres://me@host:5432/db?sslmode=require"),
        ("postgresql://me:p%40ss@a:1,b:2/db", "--dbname=postgresql://me@a:1,b:2/db"),
        ("postgres:///db?user=me&password=p%40ss&host=/tmp", "--dbname=postgres:///db?user=me&host=/tmp"),
        ("host=/tmp user=me password=p@ss dbname=db", "--dbname=host=/tmp user=me dbname=db"),
        ("host=/tmp password = 'p@\\ss' dbname=db", "--dbname=host=/tmp dbname=db"),
    ])
    func passwordIsNoArgument(_ url: String, _ expected: String) {
        let dump = DatabaseDump(url: Secret(url), file: "out.dump")
        #expect(dump.arguments.last == expected)
        #expect(dump.environment["PGPASSWORD"]?.exposed == "p@ss")
        #expect(!dump.arguments.joined().contains("p@ss") && !dump.arguments.joined().contains("p%40ss"))
    }

    /// Options of the URL are kept beside the one that makes rows visible, in place of which they would stand.
    @Test(arguments: [
        "postgres:///db?options=-c%20search_path%3Da&host=/tmp", "dbname=db options='-c search_path=a' host=/tmp",
    ])
    func optionsAreMerged(_ url: String) {
        let dump = DatabaseDump(url: Secret(url), file: "out.dump", sslMode: "require")
        #expect(dump.environment["PGOPTIONS"]?.exposed == "-c search_path=a -c app.scope=dump")
        #expect(dump.environment["PGSSLMODE"]?.exposed == "require")
        #expect(dump.arguments.last?.contains("options") == false)
    }

    private static func counts(_ url: String, _ tables: [String]) async throws -> [String: Int64] {
        try await withClient(url) { client in
            var counts: [String: Int64] = [:]
            for table in tables {
                counts[table] = try await value(client.query("select count(*) from \(identifier: table)"))
            }
            return counts
        }
    }

    private static func run(_ program: String, _ arguments: [String], _ environment: [String: String]) async throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = [program] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { _, own in own }
        let status = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do {
                try process.run()
            } catch {
                process.terminationHandler = nil
                continuation.resume(throwing: error)
            }
        }
        guard status == 0 else { throw ConformanceFailure("\(program) ended with \(status)") }
    }
}
