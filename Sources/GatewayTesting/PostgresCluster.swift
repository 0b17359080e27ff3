import Foundation
import Logging
import NIOConcurrencyHelpers
public import Postgres

/// A private PostgreSQL server for tests: a fresh cluster in a temporary directory, on a Unix socket and a free
/// loopback port, which goes away with the process that started it, however that ends.
///
/// Most tests share one (``shared()``) and take a database each (``withDatabase(_:)``); those that stop the server or
/// need another configuration start their own (``start(_:)``).
public actor PostgresCluster {
    /// What a cluster is like.
    public struct Options: Sendable {
        /// How logins over TCP prove themselves. The Unix socket always trusts.
        public enum Authentication: String, Sendable {
            case trust
            case scram = "scram-sha-256"
        }

        public var authentication: Authentication
        /// Files for TLS, readable by whoever runs the tests; they are copied.
        public var tls: TLSFiles?
        /// Lines of `postgresql.conf`.
        public var settings: [String: String]

        public init(
            authentication: Authentication = .trust, tls: TLSFiles? = nil, settings: [String: String] = [:]
        ) {
            self.authentication = authentication
            self.tls = tls
            self.settings = settings
        }
    }

    /// A certificate and its key, in PEM files.
    public struct TLSFiles: Sendable {
        public let certificate: String
        public let key: String

        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// A database of the cluster and the ways into it.
    public struct Database: Sendable {
        public let name: String
        /// The owner, over TCP: an ordinary role (no superuser, row-level security holds for it as for any owner).
        public let url: String
        /// The same over the Unix socket.
        public let socketURL: String
        /// The cluster's superuser on this database.
        public let superuserURL: String
        /// The owner's name, which is its password also.
        public let owner: String
    }

    /// The TCP port on 127.0.0.1.
    public nonisolated let port: Int
    /// The directory of the Unix socket.
    public nonisolated let socketDirectory: String
    private let supervisor: PostgresSupervisor
    private let options: Options
    private var databasesMade = 0

    // MARK: Starting

    private static let sharedCluster = NIOLockedValueBox<Task<PostgresCluster, any Error>?>(nil)

    /// The cluster that the tests of this process share; started at the first call. Nobody may stop it.
    public static func shared() async throws -> PostgresCluster {
        let task = self.sharedCluster.withLockedValue { shared in
            // Unstructured: every test awaits it; a test that gives up must not end the others' server.
            let task = shared ?? Task { try await PostgresCluster.start() }
            shared = task
            return task
        }
        return try await task.value
    }

    /// Starts a cluster of one's own. It ends when it is let go of, and at the latest with the process.
    public static func start(_ options: Options = Options()) async throws -> PostgresCluster {
        let supervisor = try PostgresSupervisor(options: options)
        try await supervisor.command("init")
        try await supervisor.command("start")
        return PostgresCluster(supervisor: supervisor, options: options)
    }

    private init(supervisor: PostgresSupervisor, options: Options) {
        self.supervisor = supervisor
        self.options = options
        self.port = supervisor.port
        self.socketDirectory = supervisor.socketDirectory
    }

    // MARK: Databases

    /// Makes an empty database, owned by a new ordinary login role.
    ///
    /// - Parameter ownerMayCreateRoles: Whether the owner has `createrole`.
    public func createDatabase(ownerMayCreateRoles: Bool = false) async throws -> Database {
        self.databasesMade += 1
        let name = "test_\(self.databasesMade)"
        let owner = "owner_\(self.databasesMade)"
        let right: SQL = ownerMayCreateRoles ? "createrole" : "nocreaterole"
        try await self.withSuperuser { client in
            try await client.query(
                """
                create role \(identifier: owner) login nosuperuser nobypassrls \(fragment: right) \
                password '\(fragment: SQL(unsafeSQL: owner))'
                """)
            try await client.query("create database \(identifier: name) owner \(identifier: owner)")
        }
        return Database(
            name: name, url: "postgres://\(owner):\(owner)@127.0.0.1:\(self.port)/\(name)",
            socketURL: "postgres:///\(name)?host=\(self.socketDirectory)&port=\(self.port)&user=\(owner)",
            superuserURL: self.superuserURL(database: name), owner: owner)
    }

    /// Runs a body with a new database, and drops it.
    @discardableResult
    public nonisolated func withDatabase<Result>(
        ownerMayCreateRoles: Bool = false, _ body: (Database) async throws -> Result
    ) async throws -> Result {
        let database = try await self.createDatabase(ownerMayCreateRoles: ownerMayCreateRoles)
        do {
            let result = try await body(database)
            try await self.drop(database)
            return result
        } catch {
            try? await self.drop(database)
            throw error
        }
    }

    /// Drops a database, and whoever uses it off it.
    public func drop(_ database: Database) async throws {
        try await self.withSuperuser { client in
            try await client.query("drop database if exists \(identifier: database.name) with (force)")
            try await client.query("drop role if exists \(identifier: database.owner)")
        }
    }

    /// The superuser's connection string, over the Unix socket.
    public nonisolated func superuserURL(database: String = "postgres") -> String {
        "postgres:///\(database)?host=\(self.socketDirectory)&port=\(self.port)&user=postgres&target_session_attrs=any"
    }

    /// Runs a body as superuser.
    @discardableResult
    public nonisolated func withSuperuser<Result>(
        database: String = "postgres", _ body: (PostgresClient) async throws -> Result
    ) async throws -> Result {
        let configuration = PostgresConfiguration(
            url: self.superuserURL(database: database), connections: 1, connectTimeout: .seconds(30),
            statementTimeout: nil)
        return try await PostgresClient.withClient(
            configuration: configuration, logger: Logger(label: "test.postgres"), body)
    }

    // MARK: Faults

    /// Ends the server processes of connections to a database, all or so many of them by chance; the number of them.
    @discardableResult
    public func killBackends(of database: Database, atMost count: Int? = nil) async throws -> Int {
        try await self.withSuperuser { client in
            try await client.query(
                """
                select pg_terminate_backend(pid) from (
                    select pid from pg_stat_activity
                    where datname = \(database.name) and pid <> pg_backend_pid() order by random() limit \(count)
                ) as chosen
                """
            ).count
        }
    }

    /// How many connections a database has, those of its superuser apart.
    public func backends(of database: Database) async throws -> Int {
        try await self.withSuperuser { client in
            try await client.query(
                "select 1 from pg_stat_activity where datname = \(database.name) and usename = \(database.owner)"
            ).count
        }
    }

    /// Gives a database's owner another password, as a platform does when it replaces credentials.
    public func changePassword(of database: Database, to password: String) async throws {
        try await self.withSuperuser { client in
            try await client.query(
                """
                alter role \(identifier: database.owner) \
                password '\(fragment: SQL(unsafeSQL: password))'
                """)
        }
    }

    /// Makes every connection, those that are there among them, read-only or not.
    public func setReadOnly(_ isReadOnly: Bool) async throws {
        try await self.withSuperuser { client in
            let value: SQL = isReadOnly ? "on" : "off"
            try await client.query("alter system set default_transaction_read_only = \(fragment: value)")
            try await client.query("select pg_reload_conf()")
        }
    }

    /// Stops the server, as an administrator would (fast).
    public func stop() async throws { try await self.supervisor.command("stop") }

    /// Starts the server again, on the same port with the same data.
    public func start() async throws { try await self.supervisor.command("start") }

    // MARK: Standbys

    /// Starts a standby: a copy that follows this server, read-only until it is promoted.
    public func startStandby() async throws -> PostgresCluster {
        let supervisor = try PostgresSupervisor(options: self.options)
        try await supervisor.command("copy \(self.socketDirectory) \(self.port)")
        try await supervisor.command("start")
        return PostgresCluster(supervisor: supervisor, options: self.options)
    }

    /// Makes a standby the primary.
    public func promote() async throws {
        try await self.withSuperuser { client in try await client.query("select pg_promote()") }
    }

    /// Makes a server that was stopped follow another one when it is started.
    public func follow(_ primary: PostgresCluster) async throws {
        try await self.supervisor.command("follow \(primary.socketDirectory) \(primary.port)")
    }

    /// Stops and starts the server.
    public func restart() async throws {
        try await self.stop()
        try await self.start()
    }
}

/// Why there is no cluster.
public struct PostgresClusterError: Error, CustomStringConvertible {
    public let description: String
}
