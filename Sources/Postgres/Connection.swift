import Logging

/// One connection and what is known of it: the exchanges of requests and answers. Belongs to one thread.
final class Connection {
    /// A cancelled statement must be over in this time, or the connection is given up.
    static let cancelPatience: Duration = .seconds(5)
    /// A cancel request that came before its statement did nothing: it is repeated.
    static let cancelRepeat: Duration = .milliseconds(100)
    /// When so many prepared statements were gone that had been there, no more are prepared on this connection.
    static let vanishedMax = 3

    let libpq: LibPQConnection
    let waker: Waker
    private let observer: (@Sendable (PostgresEvent) -> Void)?
    private let isStopping: () -> Bool
    /// `nil` where no statement is kept.
    private var cache: StatementCache?
    /// How often the server had forgotten a statement.
    private var vanishedCount = 0
    /// Statements that are of no use any more, to be let go with the next batch.
    private var unwanted: [String] = []
    /// Once true, it is of no use any more.
    private(set) var isDead = false

    /// Takes a connection that libpq has made.
    init(
        libpq: LibPQConnection, waker: Waker, cache: StatementCache?, observer: (@Sendable (PostgresEvent) -> Void)?,
        isStopping: @escaping () -> Bool
    ) {
        self.libpq = libpq
        self.waker = waker
        self.cache = cache
        self.observer = observer
        self.isStopping = isStopping
    }

    // MARK: Idle

    var readInterest: Waker.Interest { Waker.Interest(descriptor: self.libpq.descriptor) }

    /// Whether it can be used, as far as can be told without asking the server: reads what the server sent unasked,
    /// among it that it ended the connection.
    func checkAlive() -> Bool {
        while !self.isDead, Waker.isReadable(self.libpq.descriptor) {
            // Parsing is what hands notices to their receiver.
            let isOpen = self.libpq.consumeInput()
            _ = self.libpq.isBusy
            if !isOpen || self.libpq.isBad || self.libpq.notices.sawFatal { self.isDead = true }
        }
        return !self.isDead
    }

    /// Gives the connection up.
    func kill() { self.isDead = true }

    // MARK: Requests

    /// Runs requests in one pipeline, each an implicit transaction of its own (outside a transaction), and answers
    /// them.
    ///
    /// - Parameter isLeased: Whether there is, or is to be, a transaction.
    func run(_ requests: [Request], isLeased: Bool) {
        let stale = self.runOnce(requests, isLeased: isLeased, mayRetry: !self.libpq.isInTransaction)
        // Without names: behind a pooler, what the first of them prepared may be gone again for the second.
        for request in stale { _ = self.runOnce([request], isLeased: isLeased, mayRetry: false, names: false) }
        self.dropNotifications()
    }

    /// What others listen for can come here, where a transaction pooler lends one connection to many; nobody reads it.
    private func dropNotifications() {
        while self.libpq.nextNotification() != nil {}
    }

    /// The requests that failed only because of what was prepared before, and had no effect.
    private func runOnce(_ requests: [Request], isLeased: Bool, mayRetry: Bool, names: Bool = true) -> [Request] {
        self.cache?.beginBatch()
        var exchanges: [Exchange] = []
        if !isLeased { exchanges += self.sendDeallocations() }
        self.libpq.notices.hidesText = false
        for request in requests {
            guard !self.isDead, request.pending.run(self.waker) else {
                // The connection has ended since, or its caller has left: it is told, if it was not.
                request.pending.finish(.failure(PostgresError(code: .connectionLost)))
                continue
            }
            switch request.work {
            case .script(let text):
                self.runScript(text, request)
            case .statements(let statements):
                exchanges.append(self.send(statements, of: request, isLeased: isLeased, names: names))
            }
        }
        var stale: [Request] = []
        for (index, exchange) in exchanges.enumerated() {
            let outcome = self.read(exchange, watch: Watch(exchanges[index...]))
            guard let request = exchange.request else { continue }
            // Of a lease there is one exchange, which may have begun a transaction before it failed. (With more
            // exchanges to come, libpq does not tell; but outside a lease each is a transaction of its own.)
            let isOver = !isLeased || !self.libpq.isInTransaction
            if case .failure(let error) = outcome, mayRetry, isOver, !self.isDead, Self.isStale(error) {
                stale.append(request)
            } else {
                request.pending.finish(outcome.map { PostgresRows($0) })
            }
        }
        return stale
    }

    /// Runs statements of the connection's own, before it serves requests.
    func setUp(_ statements: [Statement], patience: Duration) throws(PostgresError) {
        for statement in statements {
            var exchange = Exchange(request: nil, patience: patience)
            self.send(statement, name: "", isPrepared: false, in: &exchange, key: nil)
            if !self.isDead, !self.libpq.sendSync() { self.isDead = true }
            _ = try self.read(exchange, watch: Watch([exchange])).get()
        }
    }

    /// Ends a transaction that its owner left open. `false` where it could not.
    func rollBack() -> Bool {
        guard !self.isDead else { return false }
        guard self.libpq.isInTransaction else { return true }
        do throws(PostgresError) {
            try self.setUp([Statement(text: "rollback")], patience: Self.cancelPatience)
        } catch {
            return false
        }
        return !self.libpq.isInTransaction
    }

    // MARK: Sending

    /// What was sent up to one sync, and whose it is.
    struct Exchange {
        let request: Request?
        let patience: Duration?
        var steps: [Step] = []
        var hasParameters = false

        /// A message that the server answers.
        enum Step {
            case prepare(StatementCache.Key?, name: String)
            case execute(StatementCache.Key?, name: String)
        }
    }

    /// - Parameter names: Whether statements are prepared to be used again.
    private func send(_ statements: [Statement], of request: Request, isLeased: Bool, names: Bool) -> Exchange {
        var exchange = Exchange(request: request, patience: request.patience)
        for statement in statements {
            let key = statement.cacheKey
            switch names ? self.cache?.use(key, mayEvict: !isLeased) ?? .unnamed : .unnamed {
            case .known(let name):
                self.send(statement, name: name, isPrepared: true, in: &exchange, key: key)
            case .prepare(let name, let evicted):
                if let evicted { self.unwanted.append(evicted) }
                self.send(statement, name: name, isPrepared: false, in: &exchange, key: key)
            case .unnamed:
                self.send(statement, name: "", isPrepared: false, in: &exchange, key: nil)
            }
        }
        if !self.isDead, !self.libpq.sendSync() { self.isDead = true }
        return exchange
    }

    private func send(
        _ statement: Statement, name: String, isPrepared: Bool, in exchange: inout Exchange, key: StatementCache.Key?
    ) {
        guard !self.isDead else { return }
        if !statement.parameters.isEmpty {
            exchange.hasParameters = true
            self.libpq.notices.hidesText = true
        }
        if !isPrepared {
            guard self.libpq.sendPrepare(name: name, statement) else {
                self.isDead = true
                return
            }
            exchange.steps.append(.prepare(key, name: name))
        }
        guard self.libpq.sendExecute(name: name, statement.parameters) else {
            self.isDead = true
            return
        }
        exchange.steps.append(.execute(key, name: name))
    }

    /// Each in an implicit transaction of its own: one that fails fails alone.
    private func sendDeallocations() -> [Exchange] {
        defer { self.unwanted.removeAll() }
        return self.unwanted.map { name in
            var exchange = Exchange(request: nil, patience: nil)
            // The names are this module's own: a letter and a number.
            self.send(
                Statement(text: "deallocate \(name)"), name: "", isPrepared: false, in: &exchange, key: nil)
            if !self.isDead, !self.libpq.sendSync() { self.isDead = true }
            return exchange
        }
    }

    // MARK: Reading

    /// Reads the answers up to the sync.
    private func read(_ exchange: Exchange, watch: Watch) -> Result<PostgresResult, PostgresError> {
        var answer: PostgresResult?
        var failure: PostgresError?
        for step in exchange.steps {
            guard let result = self.nextResult(watch) else { return .failure(failure ?? self.lost) }
            switch result.status {
            case .rows, .done:
                answer = result
            case .pipelineAborted:
                if case .prepare(let key?, let name) = step { self.cache?.forget(key, name: name) }
            case .failed, .unsupported, .pipelineSync:
                let error = self.error(of: result, at: step, in: exchange)
                failure = failure ?? error
                self.noteFailure(error, at: step)
            }
            if self.isDead { return .failure(failure ?? self.lost) }
            guard self.endOfStep(watch) else { return .failure(failure ?? self.lost) }
        }
        guard let sync = self.nextResult(watch), case .pipelineSync = sync.status else {
            self.isDead = true
            return .failure(failure ?? self.lost)
        }
        if let failure { return .failure(failure) }
        return answer.map { .success($0) } ?? .failure(self.lost)
    }

    private func error(of result: PostgresResult, at step: Exchange.Step, in exchange: Exchange) -> PostgresError {
        guard case .failed = result.status else {
            // COPY would have to be answered to leave it: the connection is given up.
            self.isDead = true
            return PostgresError(code: .server, text: "a statement of a kind that this client does not speak")
        }
        let sawParameters =
            switch step {
            case .prepare: false
            case .execute: exchange.hasParameters
            }
        let error = result.error(sawParameters: sawParameters)
        // A server that has become read-only (25006) is not the one that was asked for: a new connection finds that.
        if result.isFatal || error.sqlState == "25006" { self.isDead = true }
        return error
    }

    private func noteFailure(_ error: PostgresError, at step: Exchange.Step) {
        switch step {
        case .prepare(let key?, let name):
            self.cache?.forget(key, name: name)
        case .execute(let key?, let name) where error.sqlState == "26000":
            self.cache?.forget(key, name: name)
            self.unwanted += self.cache?.forgetAll() ?? []
            self.noteVanished()
        case .execute(let key?, let name) where Self.isStale(error):
            self.cache?.forget(key, name: name)
            self.unwanted.append(name)
        case .prepare, .execute:
            break
        }
    }

    /// Behind a pooler that gives each transaction another connection, prepared statements are a lottery: no more then.
    private func noteVanished() {
        self.vanishedCount += 1
        guard self.vanishedCount == Self.vanishedMax else { return }
        self.cache = nil
        self.observer?(.preparedStatementsVanish)
    }

    /// Whether what was prepared no longer fits: the server forgot it (26000), a table changed its columns (0A000, from
    /// this one function; "cached plan must not change result type"), or its name was taken (42P05, behind a pooler).
    static func isStale(_ error: PostgresError) -> Bool {
        switch error.sqlState {
        case "26000", "42P05": true
        case "0A000": error.routine == "RevalidateCachedQuery"
        default: false
        }
    }

    /// The next result of the present step. `nil` where the connection ended.
    private func nextResult(_ watch: Watch) -> PostgresResult? {
        // On a dead connection libpq gives nil for ever; a live one gives nil at most between two results.
        for _ in 0..<3 {
            guard self.awaitInput(watch) else { break }
            if let result = self.libpq.nextResult() { return result }
            if self.libpq.isBad { break }
        }
        self.isDead = true
        return nil
    }

    /// Reads the nil that ends a step's results.
    private func endOfStep(_ watch: Watch) -> Bool {
        guard self.awaitInput(watch) else {
            self.isDead = true
            return false
        }
        if self.libpq.nextResult() == nil { return true }
        // A prepared statement is one command and has one result.
        self.isDead = true
        return false
    }

    private var lost: PostgresError {
        PostgresError(code: self.isStopping() ? .shutDown : .connectionLost)
    }

    // MARK: Scripts

    /// Runs a script, outside the pipeline, which can't carry one.
    private func runScript(_ text: String, _ request: Request) {
        guard self.libpq.exitPipeline(), self.libpq.sendScript(text) else {
            self.isDead = true
            request.pending.finish(.failure(self.lost))
            return
        }
        let exchange = Exchange(request: request, patience: request.patience)
        let watch = Watch([exchange])
        var answer: PostgresResult?
        var failure: PostgresError?
        while !self.isDead {
            guard self.awaitInput(watch) else {
                self.isDead = true
                break
            }
            guard let result = self.libpq.nextResult() else { break }
            switch result.status {
            case .rows, .done:
                answer = result
            case .failed, .unsupported, .pipelineSync, .pipelineAborted:
                failure = failure ?? self.error(of: result, at: .execute(nil, name: ""), in: exchange)
            }
        }
        if !self.isDead, !self.libpq.enterPipeline() { self.isDead = true }
        if let failure {
            request.pending.finish(.failure(failure))
        } else if let answer, !self.isDead {
            request.pending.finish(.success(PostgresRows(answer)))
        } else {
            request.pending.finish(.failure(self.lost))
        }
    }

    // MARK: Waiting

    /// What is watched while waiting for the server: the exchanges that it has yet to answer.
    private final class Watch {
        let exchanges: ArraySlice<Exchange>
        let deadline: ContinuousClock.Instant?
        var hasLooked = false
        var firstCancel: ContinuousClock.Instant?
        var nextCancel: ContinuousClock.Instant?

        init(_ exchanges: ArraySlice<Exchange>) {
            self.exchanges = exchanges
            self.deadline = exchanges.first?.patience.map { ContinuousClock.now + $0 }
        }

        var nextLook: ContinuousClock.Instant? {
            guard let nextCancel, let deadline else { return self.nextCancel ?? self.deadline }
            return min(nextCancel, deadline)
        }

        /// Whether there are callers, and all of them have left.
        var isUnwanted: Bool {
            var hasCallers = false
            for case let request? in self.exchanges.lazy.map(\.request) {
                guard request.pending.isCancelling else { return false }
                hasCallers = true
            }
            return hasCallers
        }
    }

    /// Waits until libpq has a result to give. `false` where the connection ended or is given up.
    private func awaitInput(_ watch: Watch) -> Bool {
        guard !self.isDead else { return false }
        while true {
            let flush = self.libpq.flush()
            guard self.libpq.isBusy else { return true }
            if case .failed = flush { return false }
            guard !self.libpq.isBad else { return false }
            if !watch.hasLooked {
                // Who left while an earlier statement ran has woken this thread then, and won't again.
                watch.hasLooked = true
                if watch.isUnwanted { guard self.look(at: watch) else { return false } }
            }
            var interest = self.readInterest
            if case .pending = flush { interest.writes = true }
            let event = self.waker.wait(for: interest, until: watch.nextLook)
            // What came before the end is still read: it says why.
            if event.isReady, !self.consumeInput() { return !self.libpq.isBusy }
            if event.wasWoken || !event.isReady {
                guard self.look(at: watch) else { return false }
            }
        }
    }

    /// Reads what has come. Twice where that was not enough: a TLS record may be larger than what libpq reads at once,
    /// and what is left of it is inside OpenSSL, where waiting for the descriptor does not see it.
    private func consumeInput() -> Bool {
        guard self.libpq.consumeInput() else { return false }
        return !self.libpq.isBusy || self.libpq.consumeInput()
    }

    /// Sees to callers that have left. `false` where the connection is to be given up.
    private func look(at watch: Watch) -> Bool {
        if self.isStopping() {
            self.libpq.cancel()
            return false
        }
        let now = ContinuousClock.now
        if let deadline = watch.deadline, deadline <= now { return false }
        guard watch.isUnwanted else {
            // A cancel request ends whatever runs: another caller's statement may be next. They need not wait, though.
            for exchange in watch.exchanges { exchange.request?.pending.abandonIfCancelling() }
            return true
        }
        if let first = watch.firstCancel, first + Self.cancelPatience <= now { return false }
        if watch.nextCancel.map({ $0 <= now }) ?? true {
            // On this thread, so that it can't hit a statement that is sent later.
            self.libpq.cancel()
            watch.firstCancel = watch.firstCancel ?? now
            watch.nextCancel = now + Self.cancelRepeat
        }
        return true
    }
}
