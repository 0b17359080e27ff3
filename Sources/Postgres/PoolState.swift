/// Who does what: the queue of requests, the workers that wait, the client's life. Pure; the caller wakes and answers.
///
/// A *worker* is a thread with at most one connection. Requests are served in order. Many statements may be given to
/// one worker at once, which sends them in one go; a lease (a transaction) is given alone.
struct PoolState<Item: Identifiable & Sendable> where Item.ID: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// The pool's limits.
    struct Limits: Sendable {
        var workers: Int
        var queueLimit: Int
        var queueTimeout: Duration
        /// How many statements go out in one pipeline, at most: the last waits for all before it.
        var batchMax = 8
    }

    private struct Queued {
        let item: Item
        let isLease: Bool
        let deadline: Instant
    }

    /// Can transition: `running` to `draining` to `stopped`, or `running` to `stopped`.
    private enum Phase {
        case running
        /// Nothing new is taken; what waits is served.
        case draining
        /// Workers leave as soon as they look.
        case stopped
    }

    let limits: Limits
    private var queue: [Queued] = []
    /// Last in, first out: the connection used last is the one most likely alive, and its server process is in the
    /// cache.
    private var idleConnected: [Int] = []
    private var idleDisconnected: [Int] = []
    private var connected: Set<Int> = []
    private var outage = Outage()
    private var phase = Phase.running

    init(limits: Limits) {
        self.limits = limits
    }

    var queuedCount: Int { self.queue.count }
    var connectedCount: Int { self.connected.count }
    /// Whether there is no connection any more, and no new one yet.
    var isAway: Bool { self.outage.wasEverConnected && self.connected.isEmpty }
    /// By how many places the list of hosts is turned at the next attempt.
    var hostRotation: Int { self.outage.hostRotation }
    var isStopped: Bool {
        switch self.phase {
        case .stopped: true
        case .running, .draining: false
        }
    }

    // MARK: Requests

    enum SubmitResult: Equatable {
        /// It waits; this worker is to be woken. Without one, the queue's clock may have to be.
        case queued(wake: Int?)
        case queueFull
        case shutDown
    }

    mutating func submit(_ item: Item, isLease: Bool, now: Instant) -> SubmitResult {
        switch self.phase {
        case .running: break
        case .draining, .stopped: return .shutDown
        }
        guard self.queue.count < self.limits.queueLimit else { return .queueFull }
        self.queue.append(Queued(item: item, isLease: isLease, deadline: now + self.limits.queueTimeout))
        return .queued(wake: self.idleConnected.popLast() ?? self.idleDisconnected.popLast())
    }

    /// Takes a request out of the queue; `nil` where it is no longer there.
    mutating func remove(id: Item.ID) -> Item? {
        guard let index = self.queue.firstIndex(where: { $0.item.id == id }) else { return nil }
        return self.queue.remove(at: index).item
    }

    /// Takes out what has waited too long, with the error that it is to be given.
    mutating func expire(now: Instant) -> (items: [Item], error: PostgresError, next: Instant?) {
        let count = self.queue.prefix { $0.deadline <= now }.count
        let items = self.queue[..<count].map(\.item)
        self.queue.removeFirst(count)
        return (items, self.waitError, self.queue.first?.deadline)
    }

    private var waitError: PostgresError {
        guard self.connected.isEmpty else { return PostgresError(code: .queueTimeout) }
        return self.outage.error ?? PostgresError(code: .connectTimeout, connectionProblem: .unreachable)
    }

    // MARK: Workers

    enum Task {
        case run([Item])
        case lease(Item)
        /// Open a connection, then ask again.
        case connect
        /// Wait until woken, or until then.
        case sleep(until: Instant?)
        case exit
    }

    /// What a worker is to do next.
    mutating func next(worker: Int, now: Instant) -> Task {
        self.idleConnected.removeAll { $0 == worker }
        self.idleDisconnected.removeAll { $0 == worker }
        switch self.phase {
        case .stopped:
            return .exit
        case .draining where self.queue.isEmpty:
            return .exit
        case .running, .draining:
            break
        }
        let isConnected = self.connected.contains(worker)
        guard let first = self.queue.first else {
            return self.sleep(worker, until: nil, now: now)
        }
        guard isConnected else {
            switch self.outage.mayConnect(now: now) {
            case .now: return .connect
            case .at(let instant): return self.sleep(worker, until: instant, now: now)
            case .afterProbe: return self.sleep(worker, until: nil, now: now)
            }
        }
        guard !first.isLease else { return .lease(self.queue.removeFirst().item) }
        let share = (self.queue.count + self.limits.workers - 1) / self.limits.workers
        let batch = self.queue.prefix(min(self.limits.batchMax, share)).prefix { !$0.isLease }
        self.queue.removeFirst(batch.count)
        return .run(batch.map(\.item))
    }

    private mutating func sleep(_ worker: Int, until instant: Instant?, now: Instant) -> Task {
        if self.connected.contains(worker) {
            self.idleConnected.append(worker)
        } else {
            self.idleDisconnected.append(worker)
        }
        switch self.phase {
        case .running, .stopped:
            return .sleep(until: instant)
        case .draining:
            // The queue may become empty by others' doing: look again, for the short time that this lasts.
            let look = now + Self.drainPause
            return .sleep(until: instant.map { min($0, look) } ?? look)
        }
    }

    private static var drainPause: Duration { .milliseconds(20) }

    /// Notes that a worker has a connection. The workers to wake: what the outage held back is theirs.
    mutating func didConnect(worker: Int) -> [Int] {
        self.connected.insert(worker)
        self.outage.end()
        let count = min(self.queue.count, self.idleDisconnected.count)
        let woken = Array(self.idleDisconnected.suffix(count))
        self.idleDisconnected.removeLast(count)
        return woken
    }

    /// Notes that a worker could not connect. The requests to fail, where nobody else is connected to serve them.
    mutating func didFailToConnect(_ error: PostgresError, now: Instant) -> [Item] {
        let isHopeless = self.outage.attemptFailed(error, now: now)
        guard isHopeless, self.connected.isEmpty else { return [] }
        defer { self.queue.removeAll() }
        return self.queue.map(\.item)
    }

    /// What an operator is to be told. A client that was never connected tells its callers alone.
    mutating func news(now: Instant) -> PostgresEvent? {
        self.outage.wasEverConnected ? self.outage.news(now: now) : nil
    }

    /// Notes that a worker's connection ended.
    mutating func didDisconnect(worker: Int) {
        self.connected.remove(worker)
        self.idleConnected.removeAll { $0 == worker }
    }

    // MARK: End

    /// Takes nothing new. The workers to wake.
    mutating func drain() -> [Int] {
        switch self.phase {
        case .running: self.phase = .draining
        case .draining, .stopped: return []
        }
        defer {
            self.idleConnected.removeAll()
            self.idleDisconnected.removeAll()
        }
        return self.idleConnected + self.idleDisconnected
    }

    /// Ends all. The requests to fail.
    mutating func stop() -> [Item] {
        self.phase = .stopped
        defer { self.queue.removeAll() }
        return self.queue.map(\.item)
    }
}
