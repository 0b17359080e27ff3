import Logging

extension Connection {
    /// Connects, and runs what each new connection is to run.
    ///
    /// libpq ignores its own `connect_timeout` when it does not block, so the deadline is kept here. Resolving a name
    /// blocks this thread, and no other.
    ///
    /// - Parameter hostRotation: By how many places the list of hosts is turned, where there are several.
    static func open(
        _ configuration: PostgresConfiguration, hostRotation: Int, waker: Waker, logger: Logger,
        isStopping: @escaping () -> Bool
    ) throws(PostgresError) -> Connection {
        let options = ConnectionOptions.rotated(try ConnectionOptions.make(configuration), by: hostRotation)
        let libpq = try LibPQConnection(options: options, logger: logger)
        try Self.connect(libpq, within: configuration.connectTimeout, waker: waker, isStopping: isStopping)
        guard libpq.enterPipeline() else { throw PostgresError(code: .connectionLost) }
        let connection = Connection(
            libpq: libpq, waker: waker,
            cache: configuration.preparedStatements ? StatementCache(namePrefix: Self.namePrefix()) : nil,
            observer: configuration.observer, isStopping: isStopping)
        do throws(PostgresError) {
            var statements: [Statement] = []
            for sql in configuration.onConnect { statements.append(try sql.statement()) }
            try connection.setUp(statements, patience: configuration.connectTimeout)
        } catch {
            var error = error
            error.code = .onConnectFailed
            throw error
        }
        logger.debug("connected to PostgreSQL", metadata: ["server_process": "\(libpq.serverProcess)"])
        return connection
    }

    /// Unlike that of any other connection: behind a pooler that does not follow prepared statements, what goes by one
    /// of our names must never be another's statement.
    private static func namePrefix() -> String {
        "s" + String(UInt64.random(in: .min ... .max), radix: 36) + "_"
    }

    private static func connect(
        _ libpq: LibPQConnection, within timeout: Duration, waker: Waker, isStopping: () -> Bool
    ) throws(PostgresError) {
        let deadline = ContinuousClock.now + timeout
        // libpq: behave at first as if it had asked to write.
        var interest = Waker.Interest(descriptor: libpq.descriptor, reads: false, writes: true)
        while true {
            let event = waker.wait(for: interest, until: deadline)
            guard !isStopping() else { throw PostgresError(code: .shutDown) }
            guard event.isReady else {
                guard ContinuousClock.now < deadline else {
                    throw PostgresError(code: .connectTimeout, connectionProblem: .unreachable)
                }
                continue
            }
            switch libpq.continueConnecting() {
            case .connected: return
            case .failed: throw PostgresError(connectFailure: libpq.errorText)
            case .wantsToRead: interest = Waker.Interest(descriptor: libpq.descriptor)
            case .wantsToWrite:
                interest = Waker.Interest(descriptor: libpq.descriptor, reads: false, writes: true)
            }
        }
    }
}
