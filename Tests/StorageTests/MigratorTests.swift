import Foundation
import GatewayTesting
import Postgres
import Storage
import Testing

/// Migrations go forward only, once each, and never half.
@Suite("Migrations")
struct MigratorTests {
    private static let first = Migration(
        number: 1, name: "one", sql: "create table one (id int); create table uno (id int)")
    private static let second = Migration(number: 2, name: "two", sql: "create table two (id int)")

    /// A new database gets everything, a migrated one nothing; the status says so.
    @Test(arguments: RowSecurityMode.allCases)
    func appliesWhatIsMissing(_ mode: RowSecurityMode) async throws {
        try await withEmptyDatabase { empty in
            try await withClient(empty.url) { client in
                let migrator = Migrator(client: client)
                #expect(try await !migrator.status().isComplete)
                #expect(try await migrator.status().entries.allSatisfy { $0.state == .pending })
                let applied = try await migrator.migrate(rowSecurity: mode)
                #expect(applied.map(\.number) == Migration.all.map(\.number))
                #expect(try await migrator.status().isComplete)
                #expect(try await migrator.migrate(rowSecurity: mode).isEmpty)
            }
        }
    }

    /// Numbers ascend without a gap, and names differ: what is added last comes last.
    @Test func numbersAscend() {
        #expect(Migration.all.map(\.number) == Array(1...Migration.all.count))
        #expect(Set(Migration.all.map(\.checksum)).count == Migration.all.count)
        #expect(Migration.all.allSatisfy { $0.checksum.count == 64 })
    }

    /// Processes that migrate at the same time apply each migration once, and all succeed.
    @Test func severalAtOnce() async throws {
        try await withEmptyDatabase { empty in
            try await withClient(empty.url) { client in
                let counts = try await withThrowingTaskGroup(of: Int.self) { group in
                    for _ in 1...4 {
                        group.addTask { try await Migrator(client: client).migrate(rowSecurity: .force).count }
                    }
                    return try await group.reduce(0, +)
                }
                #expect(counts == Migration.all.count)
                #expect(try await Database.open(client: client).rowSecurity == .forced)
            }
        }
    }

    /// While another process holds the lock for too long, the error says what is going on.
    @Test func anotherProcessIsNamed() async throws {
        try await withTestDatabase(.forced) { test in
            try await test.client.withTransaction { transaction in
                // The number that the migrator locks, as PostgreSQL shows it to whoever looks.
                try await transaction.query("select pg_advisory_xact_lock(\(Int64(0x66_6f_72_6d_61_74_69))::bigint)")
                let migrator = Migrator(client: test.client, lockWait: .milliseconds(50))
                await #expect(throws: MigrationError.busy) { try await migrator.migrate(rowSecurity: .force) }
            }
            #expect(MigrationError.busy.description.contains("Another process is migrating"))
        }
    }

    /// A migration that was changed after it was applied is refused by name, and the status shows it.
    @Test func changedMigrationIsRefused() async throws {
        try await withTestDatabase(.forced) { test in
            try await test.client.query("update schema_migrations set checksum = 'x' where number = 2")
            let migrator = Migrator(client: test.client)
            let status = try await migrator.status()
            #expect(!status.isComplete)
            #expect(status.entries.filter { $0.state == .changed }.map(\.number) == [2])
            let name = try #require(Migration.all.first { $0.number == 2 }).name
            await #expect(throws: MigrationError.changed(number: 2, name: name)) {
                try await migrator.migrate(rowSecurity: .force)
            }
        }
    }

    /// An old process accepts what a newer one applied.
    @Test func newerSchemaIsAccepted() async throws {
        try await withTestDatabase(.forced) { test in
            try await test.client.query(
                "insert into schema_migrations (number, name, checksum) values (9999, 'from the future', 'x')")
            let migrator = Migrator(client: test.client)
            let status = try await migrator.status()
            #expect(status.isComplete)
            let last = try #require(status.entries.last)
            #expect(last.number == 9999 && last.name == "from the future")
            #expect(try await migrator.migrate(rowSecurity: .force).isEmpty)
        }
    }

    /// A migration that fails leaves nothing of itself, and those before it stay.
    @Test func failedMigrationLeavesNothing() async throws {
        try await withEmptyDatabase { empty in
            try await withClient(empty.url) { client in
                let broken = Migration(
                    number: 2, name: "broken", sql: "create table half (id int); select no_such_function()")
                await #expect(throws: PostgresError.self) {
                    try await Migrator(client: client, migrations: [Self.first, broken]).migrate(rowSecurity: .auto)
                }
                #expect(try await Self.tables(client) == ["one", "schema_migrations", "uno"])
                let status = try await Migrator(client: client, migrations: [Self.first, Self.second]).status()
                #expect(status.entries.map(\.name) == ["one", "two"])
                #expect(status.entries.last?.state == .pending)
            }
        }
    }

    private static func tables(_ client: PostgresClient) async throws -> [String] {
        try await client.query(
            "select tablename::text as name from pg_tables where schemaname = current_schema() order by 1"
        ).map { try $0.decode("name", as: String.self) }
    }
}
