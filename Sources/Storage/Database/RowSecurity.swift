internal import Postgres

/// What `DATABASE_ROW_SECURITY` asks for.
public enum RowSecurityMode: String, Sendable, Hashable, CaseIterable {
    /// Work as role `formation_app` where the login role may: owners keep their backups.
    case auto
    /// Force the policies on the tables' owner too: for a single owning role that can't have another (Heroku
    /// Essential).
    case force
}

/// How the second wall of architecture invariant 1 stands.
public enum RowSecurityState: Sendable, Hashable, CustomStringConvertible {
    /// The gateway works as role `formation_app`, which the policies hold for.
    case appRole
    /// The policies hold for the login role itself.
    case forced
    /// The login role sees every row. The first wall, the customer named in each statement, stands alone.
    case down(reason: String)

    public var description: String {
        switch self {
        case .appRole: "on, as role \(RowSecurity.role)"
        case .forced: "on, for the login role itself"
        case .down(let reason): "off: \(reason)"
        }
    }

    /// Whether a statement without its customer returns nothing.
    public var isUp: Bool {
        switch self {
        case .appRole, .forced: true
        case .down: false
        }
    }
}

/// Puts the second wall up, and looks at how it stands.
enum RowSecurity {
    /// The role that the gateway works as: no login, no power, and not the tables' owner.
    static let role = "formation_app"

    /// Finds out, as the login role of `client`, how the gateway can work.
    static func state(of client: PostgresClient) async throws -> RowSecurityState {
        if let asRole = try await look(client, settings: [SessionSetting("role", role)]),
            asRole.isComplete, asRole.isActive, asRole.mayRead
        {
            return .appRole
        }
        guard let asLogin = try await look(client, settings: []), asLogin.isComplete else {
            return .down(reason: "the schema is not complete; run: formation db migrate")
        }
        if asLogin.isActive { return .forced }
        if asLogin.bypasses {
            return .down(
                reason: "the login role bypasses row security and may not become role \(role);"
                    + " grant it that role, or log in as an ordinary one")
        }
        return .down(
            reason: "the login role owns the tables and may not become role \(role);"
                + " set DATABASE_ROW_SECURITY=force and run: formation db migrate")
    }

    private struct View {
        var isComplete: Bool
        var isActive: Bool
        var mayRead: Bool
        var bypasses: Bool
    }

    /// What the tables look like to a role; `nil` where the login role may not become it.
    private static func look(_ client: PostgresClient, settings: [SessionSetting]) async throws -> View? {
        do {
            let rows = try await client.query(
                """
                select count(*) as tables,
                    coalesce(bool_and(row_security_active(c.oid)), false) as active,
                    coalesce(bool_and(has_table_privilege(c.oid, 'select')), false) as readable,
                    (select rolsuper or rolbypassrls from pg_roles where rolname = current_user) as bypasses
                from pg_class c
                where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
                    and c.relname::text = any (\(Schema.protectedTables))
                """, settings: settings)
            guard let row = rows.first else { return nil }
            return try View(
                isComplete: row.decode("tables", as: Int64.self) == Int64(Schema.protectedTables.count),
                isActive: row.decode("active", as: Bool.self), mayRead: row.decode("readable", as: Bool.self),
                bypasses: row.decode("bypasses", as: Bool.self))
        } catch let error as PostgresError where isRefusal(error) {
            return nil
        }
    }

    /// Puts the wall up as `mode` asks, after the migrations. Repeating it changes nothing.
    static func arrange(_ mode: RowSecurityMode, on client: PostgresClient) async throws {
        if try await makeRole(on: client) { try await grantRights(on: client) }
        try await force(mode, on: client)
    }

    /// Makes the role where it is missing, and takes the right to become it. `false` where the login role may not.
    private static func makeRole(on client: PostgresClient) async throws -> Bool {
        if try await mayBecomeRole(client) { return true }
        let rows = try await client.query("select 1 as one from pg_roles where rolname = \(role)")
        if rows.first == nil {
            // Roles belong to the cluster: another database's migration can be making it at the same time (23505,
            // 42710).
            _ = try await attempt(
                "create role formation_app nologin nosuperuser nocreatedb nocreaterole noinherit nobypassrls",
                on: client)
        }
        if try await mayBecomeRole(client) { return true }
        _ = try await attempt("grant formation_app to current_user", on: client)
        return try await mayBecomeRole(client)
    }

    private static func mayBecomeRole(_ client: PostgresClient) async throws -> Bool {
        do {
            _ = try await client.query("select 1", settings: [SessionSetting("role", role)])
            return true
        } catch let error as PostgresError where isRefusal(error) {
            return false
        }
    }

    /// Runs a statement which this login role may not be allowed, or which another process can have run just now.
    private static func attempt(_ sql: SQL, on client: PostgresClient) async throws -> Bool {
        do {
            _ = try await client.query(sql)
            return true
        } catch let error as PostgresError where isRefusal(error) || isRace(error) {
            return false
        }
    }

    /// Not allowed; no such role.
    private static func isRefusal(_ error: PostgresError) -> Bool {
        ["42501", "22023", "42704", "0LP01"].contains(error.sqlState ?? "")
    }

    /// Somebody else did it first: unique violation, duplicate object, "tuple concurrently updated".
    private static func isRace(_ error: PostgresError) -> Bool {
        ["23505", "42710", "XX000"].contains(error.sqlState ?? "")
    }

    private static func grantRights(on client: PostgresClient) async throws {
        try await client.withTransaction(settings: Schema.lockSettings()) { transaction in
            try await Schema.waitForOtherMigrations(transaction)
            let rows = try await transaction.query("select current_schema()::text as name")
            let schema = try rows.first?.decode("name", as: String.self) ?? "public"
            try await transaction.query("grant usage on schema \(identifier: schema) to formation_app")
            try await transaction.query(
                """
                grant select, insert, update, delete
                on customers, users, customer_configs, oauth_tokens, sessions, access_keys to formation_app
                """)
            try await transaction.query("grant select, insert on audit_events to formation_app")
            try await transaction.query("grant select, insert, update on platform_keys to formation_app")
            try await transaction.query("grant select, insert, delete on changes to formation_app")
            try await transaction.query("grant select on schema_migrations to formation_app")
        }
    }

    /// Forces the policies on the owner, or stops it. Tables that are as they should be are not locked.
    private static func force(_ mode: RowSecurityMode, on client: PostgresClient) async throws {
        try await client.withTransaction(settings: Schema.lockSettings()) { transaction in
            try await Schema.waitForOtherMigrations(transaction)
            let rows = try await transaction.query(
                """
                select c.relname::text as name from pg_class c
                where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
                    and c.relname::text = any (\(Schema.protectedTables))
                    and c.relforcerowsecurity <> \(mode == .force)
                """)
            for row in rows {
                let table = try row.decode("name", as: String.self)
                switch mode {
                case .auto:
                    try await transaction.query("alter table \(identifier: table) no force row level security")
                case .force:
                    try await transaction.query("alter table \(identifier: table) force row level security")
                }
            }
        }
    }
}
