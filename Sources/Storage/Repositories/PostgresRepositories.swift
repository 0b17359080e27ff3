public import Domain
public import Postgres

/// The repositories on PostgreSQL.
public enum PostgresRepositories {
    /// One of each. `listening` is the client for `LISTEN`, where the database's own sits behind a transaction pooler.
    public static func make(database: Database, listening: PostgresClient) -> Repositories {
        Repositories(
            customers: PostgresCustomerRepository(database: database),
            users: PostgresUserRepository(database: database),
            configs: PostgresCustomerConfigRepository(database: database),
            grants: PostgresGrantRepository(database: database),
            sessions: PostgresSessionRepository(database: database),
            accessKeys: PostgresAccessKeyRepository(database: database),
            audit: PostgresAuditRepository(database: database),
            platformKeys: PostgresPlatformKeyRepository(database: database),
            dataKeys: PostgresDataKeyRepository(database: database),
            changes: PostgresChangeRepository(database: database, listening: listening))
    }
}
