public import Foundation
public import Postgres

/// Brings the schema forward, and says how far it is.
///
/// Each migration runs in a transaction of its own under an advisory lock, so several processes may migrate at once. A
/// schema newer than the program is accepted: on a rolling release the old processes go on for minutes.
public struct Migrator: Sendable {
    private let client: PostgresClient
    private let migrations: [Migration]

    private let lockWait: Duration

    /// A migrator for a client that logs in as the schema's owner. It waits for `lockWait` where another process
    /// migrates.
    public init(
        client: PostgresClient, migrations: [Migration] = Migration.all, lockWait: Duration = .seconds(60)
    ) {
        self.client = client
        self.lockWait = lockWait
        self.migrations = migrations.sorted { $0.number < $1.number }
    }

    /// Applies what is missing, then puts row security up as `mode` asks. Returns what it applied.
    ///
    /// - Throws: ``MigrationError``; `PostgresError` (see ``DatabaseProblem``).
    public func migrate(
        rowSecurity mode: RowSecurityMode, progress: @Sendable (Migration) -> Void = { _ in }
    ) async throws -> [Migration] {
        var applied: [Migration] = []
        for migration in migrations where try await apply(migration) {
            applied.append(migration)
            progress(migration)
        }
        try await RowSecurity.arrange(mode, on: client)
        return applied
    }

    /// What is applied and what is not. Changes nothing.
    ///
    /// - Throws: `PostgresError` (see ``DatabaseProblem``).
    public func status() async throws -> SchemaStatus {
        let records = try await self.records()
        var entries = migrations.map { migration in
            let record = records[migration.number]
            let state: SchemaStatus.State =
                switch record {
                case .none: .pending
                case .some(let record) where record.checksum != migration.checksum: .changed
                case .some(let record): .applied(record.appliedAt)
                }
            return SchemaStatus.Entry(number: migration.number, name: migration.name, state: state)
        }
        let known = Set(migrations.map(\.number))
        entries += records.values.filter { !known.contains($0.number) }
            .map { SchemaStatus.Entry(number: $0.number, name: $0.name, state: .newer($0.appliedAt)) }
        return SchemaStatus(entries: entries.sorted { $0.number < $1.number })
    }

    private struct Record {
        var number: Int
        var name: String
        var checksum: String
        var appliedAt: Date
    }

    private func records() async throws -> [Int: Record] {
        do {
            let rows = try await client.query("select number, name, checksum, applied_at from schema_migrations")
            return try Dictionary(
                rows.map { row in
                    let record = try Record(
                        number: Int(row.decode("number", as: Int64.self)), name: row.decode("name", as: String.self),
                        checksum: row.decode("checksum", as: String.self),
                        appliedAt: row.decode("applied_at", as: Date.self))
                    return (record.number, record)
                }, uniquingKeysWith: { first, _ in first })
        } catch let error as PostgresError where error.sqlState == "42P01" {
            return [:]
        }
    }

    /// Applies one migration where it is missing. `false` where it was there.
    private func apply(_ migration: Migration) async throws -> Bool {
        try await client.withTransaction(settings: Schema.lockSettings(wait: lockWait)) { transaction in
            try await Schema.waitForOtherMigrations(transaction)
            try await Self.makeRecordTable(transaction)
            let rows = try await transaction.query(
                "select checksum from schema_migrations where number = \(Int64(migration.number))::bigint")
            if let row = rows.first {
                guard try row.decode("checksum", as: String.self) == migration.checksum else {
                    throw MigrationError.changed(number: migration.number, name: migration.name)
                }
                return false
            }
            try await transaction.execute(unsafeScript: migration.sql.description)
            try await transaction.query(
                """
                insert into schema_migrations (number, name, checksum)
                values (\(Int64(migration.number))::bigint, \(migration.name), \(migration.checksum))
                """)
            return true
        }
    }

    private static func makeRecordTable(_ transaction: PostgresTransaction) async throws {
        // Looked up first: `if not exists` would need the right to create even where the table is there.
        let rows = try await transaction.query("select to_regclass('schema_migrations')::text as name")
        guard try rows.first?.decode("name", as: String?.self) == nil else { return }
        try await transaction.query(
            """
            create table schema_migrations (
                number bigint not null primary key,
                name text not null,
                checksum text not null,
                applied_at timestamptz not null default now()
            )
            """)
    }
}

/// How far a schema is.
public struct SchemaStatus: Sendable, Hashable {
    /// One migration, of the program or of the database.
    public struct Entry: Sendable, Hashable {
        public let number: Int
        public let name: String
        public let state: State
    }

    /// How one migration stands.
    public enum State: Sendable, Hashable {
        case applied(Date)
        case pending
        /// Applied with another text than the program's.
        case changed
        /// Applied by a newer program; this one does not know it.
        case newer(Date)
    }

    /// All migrations that the program or the database knows, ascending.
    public let entries: [Entry]

    /// Whether the schema has all that this program needs.
    public var isComplete: Bool {
        entries.allSatisfy { entry in
            switch entry.state {
            case .applied, .newer: true
            case .pending, .changed: false
            }
        }
    }
}

/// Why a schema was not brought forward.
public enum MigrationError: Error, Equatable, CustomStringConvertible {
    /// Another process is at it, and did not finish in time.
    case busy
    /// A migration that was applied has another text in this program.
    case changed(number: Int, name: String)

    public var description: String {
        switch self {
        case .busy:
            "Another process is migrating this database and did not finish in time. Try again when it is done."
        case .changed(let number, let name):
            "Migration \(number) (\(name)) was applied with another text than this program has."
                + " Run the release that applied it, or, where the data may go, formation db init --force."
        }
    }
}
