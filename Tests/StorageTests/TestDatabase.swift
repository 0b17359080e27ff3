import Domain
import GatewayTesting
import Logging
import Postgres
import Secrets
import Storage
import Testing

/// The ways in which row-level security holds, and the one in which it does not.
enum Wall: CaseIterable, CustomTestStringConvertible {
    /// A superuser logs in and works as role `formation_app`.
    case appRole
    /// A plain owner of the tables, who may not have another role: the policies are forced on it.
    case forced
    /// A plain owner of the tables without force: the first wall, the customer named in each statement, stands alone.
    case down

    /// Those in which it holds.
    static let allCases: [Wall] = [.appRole, .forced]

    var mode: RowSecurityMode {
        switch self {
        case .appRole: .auto
        case .forced: .force
        case .down: .auto
        }
    }

    /// How the database says that it stands; `nil` where it says why it does not.
    var state: RowSecurityState? {
        switch self {
        case .appRole: .appRole
        case .forced: .forced
        case .down: nil
        }
    }

    var testDescription: String {
        switch self {
        case .appRole: "as role formation_app"
        case .forced: "as an owner under force"
        case .down: "without row-level security"
        }
    }

    func url(_ database: PostgresCluster.Database) -> String {
        switch self {
        case .appRole: database.superuserURL
        case .forced, .down: database.url
        }
    }
}

/// A migrated database behind one of the walls.
struct TestDatabase: Sendable {
    let wall: Wall
    let url: String
    /// Logs in as the login role.
    let client: PostgresClient
    let database: Database
    let repositories: Repositories
    let fixtures: Fixtures

    /// The settings with which the gateway's statements travel, without a scope.
    var roleSettings: [SessionSetting] {
        switch wall {
        case .appRole: [SessionSetting("role", "formation_app")]
        case .forced, .down: []
        }
    }

    /// Runs a statement as the gateway would if it forgot the scope.
    @discardableResult
    func withoutScope(_ sql: SQL) async throws -> PostgresRows {
        try await client.query(sql, settings: roleSettings)
    }

    /// The superuser's view, past every wall.
    func withSuperuser<Result>(_ body: (PostgresClient) async throws -> Result) async throws -> Result {
        try await withClient(superuserURL, body)
    }

    let superuserURL: String

    static let logger = Logger(label: "test.storage") { _ in SwiftLogNoOpLogHandler() }
}

/// Runs a body with a client of its own.
func withClient<Result>(_ url: String, _ body: (PostgresClient) async throws -> Result) async throws -> Result {
    try await PostgresClient.withClient(
        configuration: PostgresConfiguration(url: url, connectTimeout: .seconds(30), statementTimeout: .seconds(60)),
        logger: TestDatabase.logger, body)
}

/// Runs a body with a new empty database; a bounded number at once, or the server would run out of connections.
func withEmptyDatabase<Result>(
    _ body: (PostgresCluster.Database) async throws -> Result
) async throws -> Result {
    await DatabaseGate.shared.enter()
    do {
        let result = try await PostgresCluster.shared().withDatabase(body)
        await DatabaseGate.shared.leave()
        return result
    } catch {
        await DatabaseGate.shared.leave()
        throw error
    }
}

/// Lets so many tests have a database at the same time.
private actor DatabaseGate {
    static let shared = DatabaseGate(limit: 8)

    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(limit: Int) {
        self.free = limit
    }

    func enter() async {
        guard free == 0 else {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func leave() {
        guard waiting.isEmpty else {
            waiting.removeFirst().resume()
            return
        }
        free += 1
    }
}

/// Runs a body with a new migrated database behind a wall.
func withTestDatabase<Result>(
    _ wall: Wall, _ body: (TestDatabase) async throws -> Result
) async throws -> Result {
    try await withEmptyDatabase { empty in
        let url = wall.url(empty)
        return try await withClient(url) { client in
            _ = try await Migrator(client: client).migrate(rowSecurity: wall.mode)
            let database = try await Database.open(client: client)
            return try await body(
                TestDatabase(
                    wall: wall, url: url, client: client, database: database,
                    repositories: PostgresRepositories.make(database: database, listening: client),
                    fixtures: Fixtures(), superuserURL: empty.superuserURL))
        }
    }
}

/// The only value of the only column of the only row.
func value<Value: PostgresDecodable>(_ rows: PostgresRows, as type: Value.Type = Value.self) throws -> Value {
    guard let row = rows.first else { throw ConformanceFailure("no row") }
    return try row.decode(at: 0, as: Value.self)
}
