import Foundation
import Logging
import NIOConcurrencyHelpers

/// The pool's threads and what they share. The client is the handle on it; the threads keep it alive.
final class PoolCore: Sendable {
    private struct Shared {
        var pool: PoolState<PoolItem>
        /// The queue's clock sleeps without an end, and has to be woken for a request that must wait.
        var isClockStopped = false
        var workersRunning: Int
        var waitingForEnd: [CheckedContinuation<Void, Never>] = []
    }

    let configuration: PostgresConfiguration
    let logger: Logger
    private let shared: NIOLockedValueBox<Shared>
    private let wakers: [Waker]
    private let clockWaker = Waker()

    init(configuration: PostgresConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
        let workers = max(1, configuration.connections)
        let limits = PoolState<PoolItem>.Limits(
            workers: workers, queueLimit: configuration.queueLimit, queueTimeout: configuration.queueTimeout)
        self.shared = NIOLockedValueBox(Shared(pool: PoolState(limits: limits), workersRunning: workers))
        self.wakers = (0..<workers).map { _ in Waker() }
    }

    /// Starts the threads. Called once.
    func start() {
        for (id, waker) in self.wakers.enumerated() {
            Self.startThread(named: "postgres-\(id)") {
                Worker(id: id, waker: waker, core: self).run()
                self.workerEnded()
            }
        }
        Self.startThread(named: "postgres-clock") { self.runClock() }
    }

    static func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread(block: body)
        thread.name = name
        thread.start()
    }

    // MARK: Requests

    func submit(_ item: PoolItem) {
        let (result, wakesClock) = self.shared.withLockedValue { shared in
            let isLease: Bool =
                switch item {
                case .query: false
                case .lease: true
                }
            let result = shared.pool.submit(item, isLease: isLease, now: .now)
            return (result, result == .queued(wake: nil) && shared.isClockStopped)
        }
        switch result {
        case .queued(let worker):
            if let worker { self.wakers[worker].wake() }
        case .queueFull:
            item.fail(PostgresError(code: .queueFull))
        case .shutDown:
            item.fail(PostgresError(code: .shutDown))
        }
        if wakesClock { self.clockWaker.wake() }
    }

    func cancel(_ item: PoolItem) {
        switch item.cancel() {
        case .none: break
        case .dequeue: _ = self.shared.withLockedValue { $0.pool.remove(id: item.id) }
        }
    }

    /// How many requests wait for a connection.
    var queuedCount: Int { self.shared.withLockedValue { $0.pool.queuedCount } }

    // MARK: Workers

    func next(worker: Int) -> PoolState<PoolItem>.Task {
        let (task, wakesClock) = self.shared.withLockedValue { shared in
            let task = shared.pool.next(worker: worker, now: .now)
            let mayTakeLong =
                switch task {
                case .connect: true
                case .sleep(let until): until != nil
                case .run, .lease, .exit: false
                }
            return (task, mayTakeLong && shared.isClockStopped)
        }
        if wakesClock { self.clockWaker.wake() }
        return task
    }

    func didConnect(worker: Int) {
        let (woken, news) = self.shared.withLockedValue { shared in
            (shared.pool.didConnect(worker: worker), shared.pool.news(now: .now))
        }
        for other in woken { self.wakers[other].wake() }
        if let news { self.configuration.observer?(news) }
    }

    func didFailToConnect(_ error: PostgresError) {
        let (failed, news) = self.shared.withLockedValue { shared in
            (shared.pool.didFailToConnect(error, now: .now), shared.pool.news(now: .now))
        }
        for item in failed { item.fail(error) }
        if let news { self.configuration.observer?(news) }
    }

    /// Whether there is no connection any more, and no new one yet.
    var isAway: Bool { self.shared.withLockedValue { $0.pool.isAway } }

    /// By how many places the list of hosts is turned at the next attempt.
    var hostRotation: Int { self.shared.withLockedValue { $0.pool.hostRotation } }

    func didDisconnect(worker: Int) {
        self.shared.withLockedValue { $0.pool.didDisconnect(worker: worker) }
    }

    /// Whether work under way is to be given up.
    var isStopped: Bool { self.shared.withLockedValue { $0.pool.isStopped } }

    // MARK: The clock

    /// Refuses requests that have waited too long. A thread of its own, as all workers may be busy.
    private func runClock() {
        while true {
            let (expired, error, next, isOver) = self.shared.withLockedValue { shared in
                let (items, error, next) = shared.pool.expire(now: .now)
                shared.isClockStopped = next == nil
                return (items, error, next, shared.workersRunning == 0)
            }
            for item in expired { item.fail(error) }
            if isOver { return }
            _ = self.clockWaker.wait(until: next)
        }
    }

    // MARK: End

    /// Takes nothing new, and serves what waits.
    func drain() {
        for worker in self.shared.withLockedValue({ $0.pool.drain() }) { self.wakers[worker].wake() }
    }

    /// Gives up all work.
    func stop() {
        let items = self.shared.withLockedValue { $0.pool.stop() }
        for item in items { item.fail(PostgresError(code: .shutDown)) }
        for waker in self.wakers { waker.wake() }
    }

    private func workerEnded() {
        let waiting = self.shared.withLockedValue { shared in
            shared.workersRunning -= 1
            guard shared.workersRunning == 0 else { return [] as [CheckedContinuation<Void, Never>] }
            defer { shared.waitingForEnd.removeAll() }
            return shared.waitingForEnd
        }
        for continuation in waiting { continuation.resume() }
        self.clockWaker.wake()
    }

    /// Returns when all workers have ended.
    func ended() async {
        await withCheckedContinuation { continuation in
            let isOver = self.shared.withLockedValue { shared in
                guard shared.workersRunning > 0 else { return true }
                shared.waitingForEnd.append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }
}
