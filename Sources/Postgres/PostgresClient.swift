public import Logging
public import ServiceLifecycle

/// A client with a pool of connections to one database.
///
/// Each connection has a thread of its own, on which libpq may block; tasks never do. Threads start with the client and
/// connect when there is something to do, so that requests are served from the moment on at which it is made, whether
/// or not ``run()`` has been called. It ends when ``run()`` ends, or when it is let go of.
public final class PostgresClient: Service, Sendable {
    /// On top of the server's own `statement_timeout`, after which a silent server counts as gone.
    static let serverPatience: Duration = .seconds(10)

    let core: PoolCore

    /// Makes a client and starts its threads.
    public init(configuration: PostgresConfiguration, logger: Logger) {
        self.core = PoolCore(configuration: configuration, logger: logger)
        self.core.start()
    }

    deinit {
        self.core.stop()
    }

    // MARK: Life

    /// Waits for the end: at a graceful shutdown, takes nothing new and serves what it has; at cancellation, ends at
    /// once.
    public func run() async throws {
        let core = self.core
        await withTaskCancellationHandler {
            await withGracefulShutdownHandler {
                await core.ended()
            } onGracefulShutdown: {
                core.drain()
            }
        } onCancel: {
            core.stop()
        }
    }

    /// A client for the time of one body: for commands that do one thing and end.
    @discardableResult
    public static func withClient<Result>(
        configuration: PostgresConfiguration, logger: Logger, _ body: (PostgresClient) async throws -> Result
    ) async throws -> Result {
        let client = PostgresClient(configuration: configuration, logger: logger)
        do {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }

    private func close() async {
        self.core.drain()
        await self.core.ended()
    }

    /// Whether the connections are gone and none could be made since. `false` before the first one was made.
    public var isAway: Bool { self.core.isAway }

    // MARK: Requests

    /// Runs one statement, in a transaction of its own, with settings that hold for it alone.
    ///
    /// - Throws: ``PostgresError``; `CancellationError` where the task was cancelled. A statement that had been sent is
    ///   then cancelled at the server; whether it took effect is not known.
    @discardableResult
    public func query(_ sql: SQL, settings: [SessionSetting] = []) async throws -> PostgresRows {
        var statements: [Statement] = []
        if let statement = try self.statement(settings) { statements.append(statement) }
        statements.append(try sql.statement())
        let changesTimeout = settings.contains { $0.name == "statement_timeout" }
        let request = Request(.statements(statements), patience: changesTimeout ? nil : self.patience)
        let core = self.core
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if request.pending.start(continuation) { core.submit(.query(request)) }
            }
        } onCancel: {
            core.cancel(.query(request))
        }
    }

    /// Runs a body in a transaction, with settings that hold for all of it: committed if it returns, else rolled back.
    ///
    /// The body has a connection to itself. It must not wait for another request of the same client: with as many
    /// bodies as connections, all of them would.
    ///
    /// - Throws: What the body throws; ``PostgresError``, with ``PostgresError/Code/transactionAborted`` where the body
    ///   returned although a statement had failed; `CancellationError`.
    @discardableResult
    public func withTransaction<Result>(
        settings: [SessionSetting] = [], _ body: (PostgresTransaction) async throws -> Result
    ) async throws -> Result {
        var begin = [Statement(text: "begin")]
        if let statement = try self.statement(settings) { begin.append(statement) }
        let lease = try await self.lease()
        do {
            _ = try await lease.perform(Request(.statements(begin), patience: nil))
            let result = try await body(PostgresTransaction(lease: lease))
            let commit = Request(.statements([Statement(text: "commit")]), patience: self.patience)
            let rows = try await lease.performUncancelled(commit)
            // COMMIT of a failed transaction is no error to the server: it answers that it rolled back.
            guard rows.commandTag == "COMMIT" else { throw PostgresError(code: .transactionAborted) }
            lease.end()
            return result
        } catch {
            // The worker rolls back what is open when a lease ends.
            await lease.endAndWait()
            throw error
        }
    }

    private func statement(_ settings: [SessionSetting]) throws(PostgresError) -> Statement? {
        try SessionSetting.statement(settings, timeLimit: self.core.configuration.statementTimeout)
    }

    private func lease() async throws -> Lease {
        let pending = Pending<Lease>()
        let core = self.core
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if pending.start(continuation) { core.submit(.lease(pending)) }
            }
        } onCancel: {
            core.cancel(.lease(pending))
        }
    }

    /// Notifications on channels, on a connection of its own.
    ///
    /// - Parameter url: Another way to the same database, where the client's leads to a transaction pooler, which can't
    ///   listen.
    public func notifications(on channels: [String], url: String? = nil) -> PostgresNotifications {
        var configuration = self.core.configuration
        configuration.url = url ?? configuration.url
        // Listening needs no rights, and so no role.
        configuration.onConnect = []
        return PostgresNotifications(configuration: configuration, channels: channels, logger: self.core.logger)
    }

    private var patience: Duration? {
        self.core.configuration.statementTimeout.map { $0 + Self.serverPatience }
    }
}
