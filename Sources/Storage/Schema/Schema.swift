internal import Postgres

/// What the schema consists of, and how its changes are kept apart.
enum Schema {
    /// Tables that hold what belongs to a customer or is secret: each has row-level security.
    static let protectedTables = [
        "customers", "users", "customer_configs", "oauth_tokens", "sessions", "access_keys", "audit_events",
        "platform_keys", "changes",
    ]

    /// Tables about the schema itself: what was applied and seeded.
    static let bookkeepingTables = ["schema_migrations", "seeds_applied"]

    /// The enum types.
    static let types = ["subscription_tier", "subscription_status", "user_role", "access_key_scope"]

    /// The trigger functions.
    static let functions = [
        "formation_set_updated_at", "formation_record_change", "formation_record_customer_change",
    ]

    /// How long to wait for another process that migrates.
    static let advisoryLockWait = Duration.seconds(60)
    /// How long a migration's statement waits for a table's lock: a stuck one must not queue everybody else up.
    static let tableLockWait = Duration.seconds(5)
    /// How long one statement of a migration may take.
    static let statementLimit = Duration.seconds(600)

    /// The settings of a transaction that changes the schema, and waits so long for another that does.
    static func lockSettings(wait: Duration = advisoryLockWait) -> [SessionSetting] {
        [
            SessionSetting("lock_timeout", milliseconds(wait)),
            SessionSetting("statement_timeout", milliseconds(statementLimit)),
        ]
    }

    /// The number that all processes lock before they change the schema: "formati" in ASCII.
    static let advisoryLock: Int64 = 0x66_6f_72_6d_61_74_69

    /// Takes the lock of schema changes until the transaction ends.
    ///
    /// - Throws: ``MigrationError/busy`` where another process holds it for too long.
    static func waitForOtherMigrations(_ transaction: PostgresTransaction) async throws {
        do {
            try await transaction.query("select pg_advisory_xact_lock(\(advisoryLock)::bigint)")
        } catch let error as PostgresError where error.sqlState == "55P03" {
            throw MigrationError.busy
        }
        try await transaction.query("select set_config('lock_timeout', \(milliseconds(tableLockWait)), true)")
    }

    private static func milliseconds(_ duration: Duration) -> String {
        "\(Int((duration / .milliseconds(1)).rounded(.up)))ms"
    }
}
