internal import Domain
public import Foundation
public import Postgres
public import Secrets

/// What `formation db init` does: check, migrate, seed once. Safe to repeat, and to run twice at the same time.
///
/// Works as the login role that owns the schema. Explain what it throws with ``DatabaseProblem``.
public struct DatabaseInitializer: Sendable {
    /// A step that was done, for the person at the terminal.
    public enum Step: Sendable, Hashable, CustomStringConvertible {
        case connected(server: String)
        case dropped([String])
        case migrated(number: Int, name: String)
        case schemaUpToDate
        case rowSecurity(RowSecurityState)
        case keyOpens
        case seeded(subdomain: String, admin: String)
        case alreadySeeded

        public var description: String {
            switch self {
            case .connected(let server): "connected to PostgreSQL \(server)"
            case .dropped(let names):
                names.isEmpty ? "nothing to drop" : "dropped \(names.joined(separator: ", "))"
            case .migrated(let number, let name): "applied migration \(number): \(name)"
            case .schemaUpToDate: "the schema is up to date"
            case .rowSecurity(let state): "row-level security is \(state)"
            case .keyOpens: "ENCRYPTION_KEY opens what is stored"
            case .seeded(let subdomain, let admin): "seeded \(subdomain) with its configuration and admin \(admin)"
            case .alreadySeeded: "seeded before: nothing to do"
            }
        }
    }

    private let client: PostgresClient
    private let mode: RowSecurityMode
    private let keys: KeyRing
    private let seed: DatabaseSeed
    private let now: @Sendable () -> Date
    private let makeID: @Sendable () -> UUID

    /// An initializer for one database.
    public init(
        client: PostgresClient, rowSecurity mode: RowSecurityMode, keys: KeyRing, seed: DatabaseSeed,
        now: @escaping @Sendable () -> Date, makeID: @escaping @Sendable () -> UUID
    ) {
        self.client = client
        self.mode = mode
        self.keys = keys
        self.seed = seed
        self.now = now
        self.makeID = makeID
    }

    /// Checks the connection and, on a database with data, the key; migrates; seeds what was never seeded. With
    /// `force`, drops everything of ours first.
    ///
    /// - Throws: ``MigrationError``, `SealingError`, `PostgresError`, `RepositoryError`.
    public func run(force: Bool = false, progress: @Sendable (Step) -> Void = { _ in }) async throws {
        let version = try await client.query("select current_setting('server_version') as version").first
        progress(.connected(server: try version?.decode("version", as: String.self) ?? ""))
        if force { progress(.dropped(try await drop())) }
        let applied = try await Migrator(client: client).migrate(rowSecurity: mode) { migration in
            progress(.migrated(number: migration.number, name: migration.name))
        }
        if applied.isEmpty { progress(.schemaUpToDate) }
        let database = try await Database.open(client: client)
        progress(.rowSecurity(database.rowSecurity))
        if try await checkKey(database) { progress(.keyOpens) }
        let rows = try seed.rows(keys: keys, now: now(), makeID: makeID)
        if try await plant(rows) {
            progress(.seeded(subdomain: rows.customer.subdomain.label, admin: rows.admin.email))
        } else {
            progress(.alreadySeeded)
        }
    }

    /// Opens a stored data key, where there is one: a wrong `ENCRYPTION_KEY` is found out now and not at the first
    /// sign-in.
    private func checkKey(_ database: Database) async throws -> Bool {
        var isFound = false
        let customers = try await database.system(.operators)
            .query("select id, data_key from customers order by created_at, id limit 1")
        for row in customers {
            let id = try row.decode("id", as: CustomerID.self)
            _ = try keys.openDataKey(row.decode("data_key", as: Sealed.self), customer: id.rawValue)
            isFound = true
        }
        let platform = try await database.system(.platform).query("select data_key from platform_keys")
        for row in platform {
            _ = try keys.openDataKey(row.decode("data_key", as: Sealed.self), customer: nil)
            isFound = true
        }
        return isFound
    }

    /// Stores the seed unless it was ever stored; a deleted Axonify stays deleted. `false` where nothing was done.
    private func plant(_ rows: DatabaseSeed.Rows) async throws -> Bool {
        // As the login role: `seeds_applied` is nothing that the gateway at work needs.
        let settings = [
            SessionSetting("app.customer", rows.customer.id.description),
            SessionSetting("app.subdomain", rows.customer.subdomain.label),
        ]
        return try await client.withTransaction(settings: settings) { transaction in
            // Of two that run at once, the second waits here for the first, and then finds it recorded.
            let recorded = try await transaction.query(
                "insert into seeds_applied (name) values (\(DatabaseSeed.name)) on conflict (name) do nothing")
            guard recorded.affectedRows > 0 else { return false }
            let taken = try await transaction.query(
                "select 1 from customers where subdomain = \(rows.customer.subdomain)")
            guard taken.first == nil else { return false }
            try await transaction.query(rows.customer.insertion)
            try await transaction.query(rows.config.insertion)
            try await transaction.query(rows.admin.insertion)
            return true
        }
    }

    /// Drops our tables, types and functions; what they were. What others built on them makes it fail, not vanish.
    private func drop() async throws -> [String] {
        try await client.withTransaction(settings: Schema.lockSettings()) { transaction in
            try await Schema.waitForOtherMigrations(transaction)
            let tables = try await Self.existing(
                """
                select c.relname::text as name from pg_class c
                where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
                    and c.relname::text = any (\(Schema.protectedTables + Schema.bookkeepingTables)) order by 1
                """, transaction)
            let functions = try await Self.existing(
                """
                select p.proname::text as name from pg_proc p
                where p.pronamespace = current_schema()::regnamespace
                    and p.proname::text = any (\(Schema.functions)) order by 1
                """, transaction)
            let types = try await Self.existing(
                """
                select t.typname::text as name from pg_type t
                where t.typnamespace = current_schema()::regnamespace and t.typtype = 'e'
                    and t.typname::text = any (\(Schema.types)) order by 1
                """, transaction)
            try await Self.drop("table", tables, transaction)
            try await Self.drop("function", functions, transaction)
            try await Self.drop("type", types, transaction)
            return tables + functions + types
        }
    }

    private static func existing(_ sql: SQL, _ transaction: PostgresTransaction) async throws -> [String] {
        try await transaction.query(sql).map { try $0.decode("name", as: String.self) }
    }

    private static func drop(_ kind: StaticString, _ names: [String], _ transaction: PostgresTransaction) async throws {
        guard !names.isEmpty else { return }
        let list = names.map { "\(identifier: $0)" as SQL }.joined(separator: ", ")
        try await transaction.query("drop \(fragment: SQL(stringLiteral: kind)) \(fragment: list)")
    }
}
