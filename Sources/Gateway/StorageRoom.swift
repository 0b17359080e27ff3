internal import Domain
internal import Foundation
internal import Logging
internal import Postgres
internal import Secrets
internal import ServiceLifecycle
internal import Storage

/// The database clients of a process.
struct StorageRoom: Sendable {
    /// For queries; perhaps through a transaction pooler.
    let client: PostgresClient
    /// For `LISTEN` and migrations, past the pooler.
    let direct: PostgresClient

    var services: [any Service] { [client, direct] }

    init(settings: DatabaseSettings, logger: Logger) throws(SettingsError) {
        guard let url = settings.url, let directURL = settings.directURL else {
            throw SettingsError(problems: [SettingsProblem(variable: "DATABASE_URL", reason: "is not set.")])
        }
        let watch = DatabaseWatch(
            variable: "DATABASE_URL", url: url, outageSeconds: settings.outageSeconds, logger: logger)
        var pooled = Self.configuration(settings, url: url)
        pooled.observer = watch.note
        self.client = PostgresClient(configuration: pooled, logger: logger)
        var direct = Self.configuration(settings, url: directURL)
        if url != directURL {
            let listening = DatabaseWatch(
                variable: "DATABASE_DIRECT_URL", url: directURL, outageSeconds: settings.outageSeconds, logger: logger)
            direct.observer = listening.noteListening
        }
        direct.connections = 1
        // A migration may take longer than any request should.
        direct.statementTimeout = nil
        direct.preparedStatements = url != directURL || settings.preparedStatements
        self.direct = PostgresClient(configuration: direct, logger: logger)
    }

    /// Whether the schema has all that this program needs.
    func isMigrated() async throws -> Bool {
        try await Migrator(client: client).status().isComplete
    }

    /// The repositories, once the second wall was looked at.
    func open(logger: Logger) async throws -> (repositories: Repositories, maintenance: StorageMaintenance) {
        let database = try await Database.open(client: client)
        if !database.rowSecurity.isUp {
            logger.warning("Row-level security is \(database.rowSecurity)")
        }
        return (
            PostgresRepositories.make(database: database, listening: direct), StorageMaintenance(database: database)
        )
    }

    static func configuration(_ settings: DatabaseSettings, url: Secret<String>) -> PostgresConfiguration {
        PostgresConfiguration(
            url: url.exposed, connections: settings.connections, preparedStatements: settings.preparedStatements,
            applicationName: "formation")
    }
}
