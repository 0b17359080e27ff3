import NIOConcurrencyHelpers
import Testing

@testable import Postgres

@Suite struct StatementCacheTests {
    private func key(_ text: String) -> StatementCache.Key { StatementCache.Key(text: text, types: []) }

    /// A statement is prepared once; the same text with other types is another statement.
    @Test func statementsAreKnownAfterTheFirstUse() {
        var cache = StatementCache(capacity: 4)
        #expect(cache.use(self.key("a"), mayEvict: true) == .prepare(name: "s1", evict: nil))
        #expect(cache.use(self.key("a"), mayEvict: true) == .known(name: "s1"))
        #expect(
            cache.use(StatementCache.Key(text: "a", types: [17]), mayEvict: true) == .prepare(name: "s2", evict: nil))
    }

    /// The least recently used one leaves, and its name never comes back.
    @Test func leastRecentlyUsedLeaves() {
        var cache = StatementCache(capacity: 2)
        _ = cache.use(self.key("a"), mayEvict: true)
        _ = cache.use(self.key("b"), mayEvict: true)
        _ = cache.use(self.key("a"), mayEvict: true)
        cache.beginBatch()
        #expect(cache.use(self.key("c"), mayEvict: true) == .prepare(name: "s3", evict: "s2"))
        #expect(cache.use(self.key("a"), mayEvict: true) == .known(name: "s1"))
        #expect(cache.count == 2)
    }

    /// What the present batch uses stays, and a transaction lets nothing go: the newcomer has no name then.
    @Test func nothingIsLetGoThatMayBeInUse() {
        var cache = StatementCache(capacity: 1)
        cache.beginBatch()
        _ = cache.use(self.key("a"), mayEvict: true)
        #expect(cache.use(self.key("b"), mayEvict: true) == .unnamed)
        cache.beginBatch()
        #expect(cache.use(self.key("b"), mayEvict: false) == .unnamed)
        #expect(cache.use(self.key("b"), mayEvict: true) == .prepare(name: "s2", evict: "s1"))
    }

    /// Only the entry that is meant is forgotten: by now, its text may go by another name.
    @Test func forgettingNeedsTheName() {
        var cache = StatementCache(capacity: 2)
        _ = cache.use(self.key("a"), mayEvict: true)
        cache.forget(self.key("a"), name: "s9")
        #expect(cache.count == 1)
        cache.forget(self.key("a"), name: "s1")
        #expect(cache.use(self.key("a"), mayEvict: true) == .prepare(name: "s2", evict: nil))
        #expect(cache.forgetAll() == ["s2"])
        #expect(cache.use(self.key("a"), mayEvict: true) == .prepare(name: "s3", evict: nil))
    }
}

@Suite struct OutageTests {
    private let error = PostgresError(code: .connectionFailed)
    private let start = ContinuousClock.now

    /// A client that was never connected tells its first failure at once; one that was waits out a short outage.
    @Test func patienceIsForThoseWhoWereConnected() {
        var outage = Outage()
        var told = [outage.attemptFailed(self.error, now: self.start)]
        outage.end()
        for passed in [Duration.zero, .milliseconds(999), .seconds(1)] {
            told.append(outage.attemptFailed(self.error, now: self.start + passed))
        }
        outage.end()
        told.append(outage.attemptFailed(self.error, now: self.start + .seconds(2)))
        #expect(told == [true, false, false, true, false])
    }

    /// Of an outage that lasts, each reason is told once, and then its end; of a short one nothing.
    @Test func outagesAreToldOnce() {
        let away = PostgresError(code: .connectionFailed, connectionProblem: .serverNotRunning)
        let starting = PostgresError(code: .connectionFailed, connectionProblem: .notAccepting)
        var outage = Outage()
        var news: [PostgresEvent?] = []
        let attempts = [(away, 0), (away, 999), (away, 1_000), (away, 2_000), (starting, 3_000), (away, 4_000)]
        for (error, passed) in attempts {
            let now = self.start + .milliseconds(passed)
            _ = outage.attemptFailed(error, now: now)
            news.append(outage.news(now: now))
        }
        #expect(news == [nil, nil, .cannotConnect(away), nil, .cannotConnect(starting), nil])
        outage.end()
        #expect(outage.news(now: self.start) == .connectedAgain)
        #expect(outage.news(now: self.start) == nil)
        _ = outage.attemptFailed(away, now: self.start)
        outage.end()
        #expect(outage.news(now: self.start) == nil)
    }

    /// What only an operator can cure is told at once.
    @Test func refusalsAreToldAtOnce() {
        let refused = PostgresError(code: .connectionFailed, connectionProblem: .passwordRefused)
        var outage = Outage()
        _ = outage.attemptFailed(refused, now: self.start)
        #expect(outage.news(now: self.start) == .cannotConnect(refused))
        #expect(outage.news(now: self.start) == nil)
    }

    /// After a host that was silent the next attempt begins with another; a refusal is libpq's to pass over.
    @Test func silenceTurnsTheHosts() {
        var outage = Outage()
        _ = outage.attemptFailed(self.error, now: self.start)
        #expect(outage.hostRotation == 0)
        _ = outage.attemptFailed(PostgresError(code: .connectTimeout), now: self.start)
        outage.end()
        #expect(outage.hostRotation == 1)
    }

    /// One tries at a time, after pauses that double up to a cap.
    @Test func pausesGrowToTheirCap() {
        var outage = Outage()
        #expect(outage.mayConnect(now: self.start) == .now)
        var now = self.start
        var pauses: [Duration] = []
        for _ in 0..<8 {
            _ = outage.attemptFailed(self.error, now: now)
            guard case .at(let next) = outage.mayConnect(now: now) else { break }
            pauses.append(next - now)
            now = next
            #expect(outage.mayConnect(now: now) == .now)
            #expect(outage.mayConnect(now: now) == .afterProbe)
        }
        #expect(pauses == [25, 50, 100, 200, 400, 800, 1_000, 1_000].map { .milliseconds($0) })
    }
}

@Suite struct PoolStateTests {
    private struct Item: Identifiable, Sendable, Equatable {
        let id: Int
    }

    private typealias Pool = PoolState<Item>
    private let now = ContinuousClock.now

    private func pool(workers: Int = 2, queueLimit: Int = 4) -> Pool {
        Pool(limits: .init(workers: workers, queueLimit: queueLimit, queueTimeout: .seconds(5)))
    }

    /// Makes workers connected and idle, the last one used last.
    private func connected(workers: Int, queueLimit: Int = 100) -> Pool {
        var pool = self.pool(workers: workers, queueLimit: queueLimit)
        for worker in 0..<workers {
            _ = pool.didConnect(worker: worker)
            _ = pool.next(worker: worker, now: self.now)
        }
        return pool
    }

    /// The queue takes so many and no more.
    @Test func queueIsBounded() {
        var pool = self.pool(queueLimit: 2)
        #expect(pool.submit(Item(id: 1), isLease: false, now: self.now) == .queued(wake: nil))
        #expect(pool.submit(Item(id: 2), isLease: false, now: self.now) == .queued(wake: nil))
        #expect(pool.submit(Item(id: 3), isLease: false, now: self.now) == .queueFull)
        #expect(pool.remove(id: 1) == Item(id: 1))
        #expect(pool.remove(id: 1) == nil)
        #expect(pool.submit(Item(id: 3), isLease: false, now: self.now) == .queued(wake: nil))
    }

    /// A connected worker is woken before one that would have to connect, and each for one request.
    @Test func connectedWorkersGoFirst() {
        var pool = self.pool(workers: 3)
        _ = pool.next(worker: 0, now: self.now)
        _ = pool.next(worker: 1, now: self.now)
        _ = pool.didConnect(worker: 2)
        _ = pool.next(worker: 2, now: self.now)
        #expect(pool.submit(Item(id: 1), isLease: false, now: self.now) == .queued(wake: 2))
        #expect(pool.submit(Item(id: 2), isLease: false, now: self.now) == .queued(wake: 1))
        #expect(pool.submit(Item(id: 3), isLease: false, now: self.now) == .queued(wake: 0))
        #expect(pool.submit(Item(id: 4), isLease: false, now: self.now) == .queued(wake: nil))
    }

    /// A worker takes its share of what waits, at most a batch, in order, and not beyond a lease.
    @Test func batchesAreShares() {
        var pool = self.connected(workers: 2)
        for id in 1...6 { _ = pool.submit(Item(id: id), isLease: id == 5, now: self.now) }
        #expect(pool.next(worker: 0, now: self.now).items == [1, 2, 3])
        #expect(pool.next(worker: 1, now: self.now).items == [4])
        guard case .lease(Item(id: 5)) = pool.next(worker: 0, now: self.now) else {
            Issue.record("the lease's turn")
            return
        }
        #expect(pool.next(worker: 1, now: self.now).items == [6])
        var long = self.connected(workers: 1)
        for id in 1...20 { _ = long.submit(Item(id: id), isLease: false, now: self.now) }
        let batch = long.next(worker: 0, now: self.now).items
        #expect(batch == Array(1...8))
    }

    /// What has waited too long is told why: all busy, or no connection.
    @Test func waitsAreBounded() {
        var pool = self.connected(workers: 1)
        _ = pool.submit(Item(id: 1), isLease: false, now: self.now)
        _ = pool.submit(Item(id: 2), isLease: false, now: self.now + .seconds(1))
        let early = pool.expire(now: self.now + .seconds(4))
        #expect(early.items.isEmpty && early.next == self.now + .seconds(5))
        let late = pool.expire(now: self.now + .seconds(5))
        #expect(late.items == [Item(id: 1)] && late.error.code == .queueTimeout)
        #expect(late.next == self.now + .seconds(6))
        pool.didDisconnect(worker: 0)
        #expect(pool.expire(now: self.now + .seconds(6)).error.code == .connectTimeout)
    }

    /// In an outage one worker tries; the others sleep until it has succeeded, and are then woken for what waits.
    @Test func oneWorkerProbes() {
        var pool = self.connected(workers: 3)
        for worker in 0..<3 { pool.didDisconnect(worker: worker) }
        let error = PostgresError(code: .connectionFailed, connectionProblem: .serverNotRunning)
        for id in 1...3 { _ = pool.submit(Item(id: id), isLease: false, now: self.now) }
        #expect(pool.didFailToConnect(error, now: self.now).isEmpty)
        #expect(pool.next(worker: 0, now: self.now).wakesAt == self.now + Outage.pauseFirst)
        let later = self.now + Outage.pauseFirst
        guard case .connect = pool.next(worker: 0, now: later) else {
            Issue.record("the pause is over")
            return
        }
        #expect(pool.next(worker: 1, now: later).isEndlessSleep)
        #expect(pool.next(worker: 2, now: later).isEndlessSleep)
        #expect(pool.didConnect(worker: 0).sorted() == [1, 2])
    }

    /// Who waits in a long outage is told its reason; not while another connection can serve.
    @Test func longOutagesAreTold() {
        var pool = self.connected(workers: 2)
        let error = PostgresError(code: .connectionFailed, connectionProblem: .serverNotRunning)
        pool.didDisconnect(worker: 0)
        _ = pool.submit(Item(id: 1), isLease: false, now: self.now)
        _ = pool.didFailToConnect(error, now: self.now)
        #expect(pool.didFailToConnect(error, now: self.now + .seconds(2)).isEmpty)
        pool.didDisconnect(worker: 1)
        #expect(pool.didFailToConnect(error, now: self.now + .seconds(3)) == [Item(id: 1)])
        #expect(pool.queuedCount == 0)
    }

    /// It is away when its last connection is gone, until there is one again; not before it had any.
    @Test func absenceIsKnown() {
        var pool = self.pool(workers: 2)
        #expect(!pool.isAway)
        _ = pool.didFailToConnect(PostgresError(code: .connectionFailed), now: self.now)
        #expect(!pool.isAway && pool.news(now: self.now + .seconds(2)) == nil)
        for worker in [0, 1] { _ = pool.didConnect(worker: worker) }
        pool.didDisconnect(worker: 0)
        #expect(!pool.isAway)
        pool.didDisconnect(worker: 1)
        #expect(pool.isAway)
        _ = pool.didConnect(worker: 0)
        #expect(!pool.isAway)
    }

    /// Draining refuses what is new, serves what waits, and then lets the workers go; stopping lets them go at once.
    @Test func endsInOrder() {
        var pool = self.connected(workers: 2)
        _ = pool.submit(Item(id: 1), isLease: false, now: self.now)
        #expect(pool.drain() == [0])
        #expect(pool.submit(Item(id: 2), isLease: false, now: self.now) == .shutDown)
        #expect(pool.next(worker: 1, now: self.now).items == [1])
        #expect(pool.next(worker: 0, now: self.now).isExit)
        #expect(pool.next(worker: 1, now: self.now).isExit)
        var stopped = self.connected(workers: 1)
        _ = stopped.submit(Item(id: 1), isLease: false, now: self.now)
        #expect(stopped.stop() == [Item(id: 1)])
        #expect(stopped.isStopped && stopped.next(worker: 0, now: self.now).isExit)
    }
}

extension PoolState.Task {
    fileprivate var items: [Item.ID]? {
        guard case .run(let items) = self else { return nil }
        return items.map(\.id)
    }

    fileprivate var wakesAt: ContinuousClock.Instant? {
        guard case .sleep(let until) = self else { return nil }
        return until
    }

    fileprivate var isEndlessSleep: Bool {
        guard case .sleep(nil) = self else { return false }
        return true
    }

    fileprivate var isExit: Bool {
        guard case .exit = self else { return false }
        return true
    }
}

@Suite struct NotificationBufferTests {
    /// Events leave in the order in which they came.
    @Test func keepsOrder() {
        var buffer = NotificationBuffer()
        let events: [PostgresNotificationEvent] = [
            .connected(isFirst: true), .notification(channel: "a", payload: "1"),
            .notification(channel: "a", payload: "2"),
        ]
        for event in events { buffer.push(event) }
        var popped: [PostgresNotificationEvent] = []
        while let event = buffer.pop() { popped.append(event) }
        #expect(popped == events)
    }

    /// Too many are replaced by the one event that says to read everything again.
    @Test func overflowSaysToReadAgain() {
        var buffer = NotificationBuffer()
        for number in 0...NotificationBuffer.eventsMax {
            buffer.push(.notification(channel: "a", payload: "\(number)"))
        }
        #expect(buffer.pop() == .connected(isFirst: false))
        #expect(buffer.pop() == nil)
        buffer.push(.notification(channel: "a", payload: "x"))
        #expect(buffer.pop() == .notification(channel: "a", payload: "x"))
    }
}

@Suite struct ArrayFormTests {
    /// A truncated or absurd array is refused, whatever its lengths claim.
    @Test func malformedArraysAreRefused() throws {
        guard case .binary(let whole) = ["a", "bc"].postgresValue else { return }
        for length in 0..<whole.count {
            let cell = PostgresCell(type: .textArray, bytes: whole[..<length], columnName: "c")
            #expect(throws: PostgresError.self) { try [String].decode(cell) }
        }
        let cell = PostgresCell(type: .textArray, bytes: whole[...], columnName: "c")
        #expect(try [String].decode(cell) == ["a", "bc"])
        var negative = whole
        negative[12] = 0xFF
        let broken = PostgresCell(type: .textArray, bytes: negative[...], columnName: "c")
        #expect(throws: PostgresError.self) { try [String].decode(broken) }
    }
}
