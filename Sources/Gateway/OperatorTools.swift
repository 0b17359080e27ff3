public import Access
internal import AsyncHTTPClient
internal import Domain
internal import Foundation
public import Logging
internal import Postgres
internal import Salesforce
internal import Secrets
public import Storage

/// What commands do with the database and with customers: one connection, one job, and an end.
///
/// Errors of the database come as `DatabaseProblem`, which says the cure.
public struct OperatorTools: Sendable {
    private let settings: Settings
    private let sources: Sources
    private let logger: Logger

    /// Tools for the database that the settings name.
    public init(settings: Settings, sources: Sources = .system, logger: Logger) {
        self.settings = settings
        self.sources = sources
        self.logger = logger
    }

    /// Lends the customers' administration.
    public func withAdministration<Result: Sendable>(
        _ body: @Sendable (CustomerAdministration) async throws -> Result
    ) async throws -> Result {
        let http = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: SalesforceOAuthClient.configuration(dnsOverride: settings.loopbackAddresses))
        do {
            let result = try await withDatabase { client in
                guard try await Migrator(client: client).status().isComplete else {
                    throw OperatorToolsError.notMigrated
                }
                let database = try await Database.open(client: client)
                let context = try AccessContext(
                    settings: settings, repositories: PostgresRepositories.make(database: database, listening: client),
                    http: http, sources: sources, logger: logger)
                return try await body(CustomerAdministration(context: context))
            }
            try await http.shutdown()
            return result
        } catch {
            try await http.shutdown()
            throw error
        }
    }

    /// `formation db init`: checks, migrates, seeds once; with `force` drops everything first.
    ///
    /// - Parameter confirmation: the database's name; a must for `force` where the database is on another machine.
    public func initializeDatabase(
        force: Bool, confirmation: String?, progress: @escaping @Sendable (DatabaseInitializer.Step) -> Void
    ) async throws {
        guard let keys = settings.keys else { throw Self.missing("ENCRYPTION_KEY") }
        if force { try checkForce(confirmation) }
        var seed = DatabaseSeed()
        if let url = settings.seed.instanceURL {
            do {
                seed.salesforceInstanceURL = try settings.salesforceHosts.loginEndpoint(url).description
            } catch {
                let problem = SettingsProblem(variable: "SEED_SALESFORCE_INSTANCE_URL", reason: error.description)
                throw SettingsError(problems: [problem])
            }
        }
        seed.salesforceClientID = settings.seed.clientID
        seed.salesforceClientSecret = settings.seed.clientSecret
        let initializerSeed = seed
        try await withDatabase { client in
            try await DatabaseInitializer(
                client: client, rowSecurity: settings.database.rowSecurity, keys: keys, seed: initializerSeed,
                now: sources.now, makeID: sources.makeID
            ).run(force: force, progress: progress)
        }
    }

    /// `formation db migrate`: brings the schema forward. Returns what was applied.
    public func migrate(progress: @escaping @Sendable (Migration) -> Void) async throws -> [Migration] {
        try await withDatabase { client in
            try await Migrator(client: client).migrate(
                rowSecurity: settings.database.rowSecurity, progress: progress)
        }
    }

    /// `formation db status`: what is applied, how the second wall stands, and which master keys are in use; `nil`
    /// where there is no table yet that could say so.
    public func status() async throws -> (schema: SchemaStatus, rowSecurity: RowSecurityState, keys: KeyInventory?) {
        try await withDatabase { client in
            let database = try await Database.open(client: client)
            return try await (
                Migrator(client: client).status(), database.rowSecurity,
                KeyInventory.found(in: database, keys: settings.keys)
            )
        }
    }

    /// `formation key rotate`: seals every data key anew, by `ENCRYPTION_KEY`.
    public func rotateKeys(
        progress: @escaping @Sendable (KeyRotation.Progress) -> Void
    ) async throws -> KeyRotation.Report {
        guard let keys = settings.keys else { throw Self.missing("ENCRYPTION_KEY") }
        return try await withDatabase { client in
            guard try await Migrator(client: client).status().isComplete else { throw OperatorToolsError.notMigrated }
            let repositories = try await PostgresRepositories.make(
                database: Database.open(client: client), listening: client)
            return try await KeyRotation(repository: repositories.dataKeys, keys: keys).run(progress: progress)
        }
    }

    /// How `formation db dump` runs `pg_dump`.
    public func dump(file: String) throws(SettingsError) -> DatabaseDump {
        guard let url = settings.database.directURL else { throw Self.missing("DATABASE_URL") }
        return DatabaseDump(url: url, file: file)
    }

    private func withDatabase<Result>(_ body: (PostgresClient) async throws -> Result) async throws -> Result {
        guard let url = settings.database.directURL?.exposed else { throw Self.missing("DATABASE_URL") }
        // Where nothing leads past a pooler, its rules hold here too.
        let isPooled = settings.database.directURL == settings.database.url
        let configuration = PostgresConfiguration(
            url: url, connections: 2, statementTimeout: nil,
            preparedStatements: !isPooled || settings.database.preparedStatements, applicationName: "formation")
        do {
            return try await PostgresClient.withClient(configuration: configuration, logger: logger) { client in
                // Its own error says why there is no connection; what a repository throws says less.
                try await client.query("select 1")
                return try await body(client)
            }
        } catch let error where error is PostgresError || error is RepositoryError || error is SealingError {
            throw DatabaseProblem(error, url: url)
        }
    }

    /// Everything in a database that other people may be using is not dropped by a slip of the hand.
    private func checkForce(_ confirmation: String?) throws {
        guard let url = settings.database.directURL?.exposed else { throw Self.missing("DATABASE_URL") }
        let address: PostgresAddress
        do {
            address = try PostgresAddress(url: url)
        } catch {
            throw DatabaseProblem(error, url: url)
        }
        let name = address.database ?? address.user ?? ""
        if let confirmation {
            guard confirmation == name else { throw OperatorToolsError.wrongConfirmation }
        } else if !address.isLocal {
            throw OperatorToolsError.confirmationNeeded(database: name)
        }
    }

    private static func missing(_ variable: String) -> SettingsError {
        SettingsError(problems: [SettingsProblem(variable: variable, reason: "is not set.")])
    }
}

extension KeyInventory {
    /// What a database says of the master keys; `nil` where its tables are not there yet.
    static func found(in database: Database, keys: KeyRing?) async throws -> KeyInventory? {
        try await database.masterKeyUses().map { KeyInventory(uses: $0, keys: keys) }
    }
}

/// Why a command refuses to go on.
public enum OperatorToolsError: Error, Sendable, Hashable, CustomStringConvertible {
    case notMigrated
    case confirmationNeeded(database: String)
    case wrongConfirmation

    public var description: String {
        switch self {
        case .notMigrated:
            "The database is not migrated. Run: formation db migrate"
        case .confirmationNeeded(let database):
            "--force drops everything, and this database is on another machine. If you mean it, repeat its name:"
                + " formation db init --force --confirm \(database)"
        case .wrongConfirmation:
            "--confirm does not name the database of DATABASE_URL. Nothing was dropped."
        }
    }
}
