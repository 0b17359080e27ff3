import Foundation
import GatewayTesting
import Logging
import Postgres

/// PgBouncer in transaction mode in front of a test's database: each transaction may get another connection.
final class Pooler: Sendable {
    /// Whether it is installed here.
    static var isInstalled: Bool { SupervisedProcess.find("pgbouncer") != nil }

    /// The database, through it.
    let url: String
    private let process: SupervisedProcess
    private let directory: URL

    /// Starts one, and waits until it lets somebody through.
    ///
    /// - Parameter connections: how many it has with the server.
    static func start(
        before database: PostgresCluster.Database, of cluster: PostgresCluster, connections: Int = 3
    ) async throws -> Pooler {
        let pooler = try Pooler(before: database, of: cluster, connections: connections)
        let logger = Logger(label: "pooler") { _ in SwiftLogNoOpLogHandler() }
        let configuration = PostgresConfiguration(url: pooler.url, connections: 1, preparedStatements: false)
        for _ in 0..<10_000 {
            do {
                try await PostgresClient.withClient(configuration: configuration, logger: logger) {
                    _ = try await $0.query("select 1")
                }
                return pooler
            } catch {
                try Task.checkCancellation()
            }
        }
        throw PoolerError(log: try String(contentsOf: pooler.directory.appending(path: "log"), encoding: .utf8))
    }

    private init(before database: PostgresCluster.Database, of cluster: PostgresCluster, connections: Int) throws {
        guard let executable = SupervisedProcess.find("pgbouncer") else { throw PoolerError(log: "not installed") }
        let port = try FreePort.find()
        self.url = "postgres://\(database.owner):\(database.owner)@127.0.0.1:\(port)/\(database.name)"
        self.directory = URL(filePath: "/tmp").appending(path: "formation-pooler-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let settings = """
            [databases]
            \(database.name) = host=\(cluster.socketDirectory) port=\(cluster.port)
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = \(port)
            unix_socket_dir =
            auth_type = trust
            auth_file = \(directory.path)/users
            pool_mode = transaction
            default_pool_size = \(connections)
            """
        try settings.write(to: directory.appending(path: "settings"), atomically: true, encoding: .utf8)
        try "\"\(database.owner)\" \"\(database.owner)\"\n".write(
            to: directory.appending(path: "users"), atomically: true, encoding: .utf8)
        // It refuses to run as root, as PostgreSQL does.
        let user = geteuid() == 0 ? ["-u", "postgres"] : []
        self.process = try SupervisedProcess(
            executable, arguments: user + ["\(directory.path)/settings"], log: directory.appending(path: "log"))
    }

    deinit {
        process.end()
        try? FileManager.default.removeItem(at: directory)
    }
}

/// PgBouncer did not start; with what it said.
struct PoolerError: Error, CustomStringConvertible {
    let log: String
    var description: String { "PgBouncer: \(log)" }
}
