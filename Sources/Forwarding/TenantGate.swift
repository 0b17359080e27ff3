internal import Domain
internal import Foundation
internal import NIOConcurrencyHelpers
internal import Synchronization

/// Lets a bounded number of each tenant's calls through at a time, and lets as many wait: one tenant's hanging org
/// costs the others nothing.
///
/// Lines that nobody uses are let go, so memory follows the tenants that are busy and not all that there are.
final class TenantGate: Sendable {
    private struct Shard {
        var lines: [CustomerID: TenantLine] = [:]
        /// With so many lines the idle ones are let go.
        var sweepCount = TenantGate.shardLinesMin
    }

    /// 64 shards: loops rarely meet at the same one.
    static let shardCount = 64
    /// 32 lines of a shard are kept, idle or not.
    static let shardLinesMin = 32

    let limits: ForwardingLimits
    private let shards: [NIOLockedValueBox<Shard>]

    init(limits: ForwardingLimits) {
        // Invariant: settings refuse a concurrency below 1; with none no call would ever run.
        precondition(
            (1...TenantGateMachine.concurrencyMax).contains(limits.tenantConcurrency),
            "A tenant may make at least one call at a time")
        self.limits = limits
        self.shards = (0..<Self.shardCount).map { _ in NIOLockedValueBox(Shard()) }
    }

    /// As many calls of a tenant may wait as may run.
    convenience init(concurrency: Int) {
        var limits = ForwardingLimits()
        limits.tenantConcurrency = concurrency
        self.init(limits: limits)
    }

    /// The tenant's line: the same for all who hold it at one time, so whoever is in it must hold it.
    func line(of tenant: CustomerID) -> TenantLine {
        // The last byte of an id is random.
        shards[Int(tenant.rawValue.uuid.15) % Self.shardCount].withLockedValue { shard in
            if let line = shard.lines[tenant] { return line }
            if shard.lines.count >= shard.sweepCount { Self.sweep(&shard) }
            let line = TenantLine(concurrency: limits.tenantConcurrency)
            shard.lines[tenant] = line
            return line
        }
    }

    /// How many lines are kept.
    var lineCount: Int { shards.reduce(0) { $0 + $1.withLockedValue { $0.lines.count } } }

    /// Lets go of the lines that nobody else holds. New holders come through the shard's lock alone, so none comes now.
    private static func sweep(_ shard: inout Shard) {
        var idle: [CustomerID] = []
        var index = shard.lines.startIndex
        while index != shard.lines.endIndex {
            if isKnownUniquelyReferenced(&shard.lines.values[index]) { idle.append(shard.lines.keys[index]) }
            shard.lines.formIndex(after: &index)
        }
        for tenant in idle { shard.lines[tenant] = nil }
        shard.sweepCount = max(shardLinesMin, shard.lines.count * 2)
    }
}

/// The line of one tenant's calls at the gate.
///
/// Entering and leaving is one atomic operation while nobody waits. Who waits is called in the order of coming, by
/// whoever leaves. Any thread may call anything.
final class TenantLine: Sendable {
    /// A call that waits for its turn.
    struct Ticket: Hashable, Sendable {
        fileprivate let number: UInt64
    }

    enum Entry: Equatable, Sendable {
        /// The call has a place: ``leave()`` must follow.
        case entered
        /// `whenTurn` is called when the call has a place, unless it is abandoned before.
        case queued(Ticket)
        /// As many run and wait as may.
        case refused
    }

    private let concurrency: Int
    private let meter = RateMeter()
    /// ``TenantGateMachine``'s word. How many wait changes only under the lock of `queue`, together with it.
    private let word = Atomic<UInt64>(TenantGateMachine.emptyWord)
    private let queue = NIOLockedValueBox(NumberedQueue<@Sendable (Ticket) -> Void>())

    init(concurrency: Int) {
        self.concurrency = concurrency
    }

    /// How many run and wait now.
    var state: TenantGateMachine {
        TenantGateMachine(concurrency: concurrency, word: word.load(ordering: .acquiring))
    }

    /// Takes one call of the tenant's access keys from their allowance; where it is used up, the nanoseconds until
    /// there is one again.
    func admit(_ rate: CallRate, at now: UInt64) -> UInt64? {
        meter.admit(rate, at: now)
    }

    /// Takes a place if one is free, without a lock; then ``leave()`` must follow.
    func tryEnter() -> Bool {
        change { machine in machine.enter() == .entered }
    }

    /// Takes a place, or a place in the queue.
    ///
    /// - Parameter whenTurn: Called once, on the thread of whoever leaves, and maybe before this function has returned.
    ///   It should hop to the caller's event loop and do no more.
    func enter(whenTurn: @escaping @Sendable (Ticket) -> Void) -> Entry {
        if tryEnter() { return .entered }
        return queue.withLockedValue { queue in
            var result = TenantGateMachine.EnterResult.refused
            _ = change { machine in
                result = machine.enter()
                return result != .refused
            }
            switch result {
            case .entered: return .entered
            case .queued: return .queued(Ticket(number: queue.append(whenTurn)))
            case .refused: return .refused
            }
        }
    }

    /// Gives a place back: to the oldest who waits, if any.
    func leave() {
        // Where somebody waits, the queue must change with the word.
        if change({ machine in machine.waiting == 0 && machine.leave() == .freed }) { return }
        let next = queue.withLockedValue { queue -> (number: UInt64, element: @Sendable (Ticket) -> Void)? in
            var result = TenantGateMachine.LeaveResult.wasEmpty
            _ = change { machine in
                result = machine.leave()
                return result != .wasEmpty
            }
            return result == .passedOn ? queue.popFirst() : nil
        }
        if let next { next.element(Ticket(number: next.number)) }
    }

    /// Gives a place in the queue up. `true`: the call is out. `false`: it has its place already, so ``leave()`` must
    /// follow.
    func abandon(_ ticket: Ticket) -> Bool {
        queue.withLockedValue { queue in
            guard queue.remove(ticket.number) != nil else { return false }
            _ = change { machine in
                machine.abandon()
                return true
            }
            return true
        }
    }

    /// Changes the word as the machine says, again where another thread was faster; `false` where it says no.
    private func change(_ step: (inout TenantGateMachine) -> Bool) -> Bool {
        var current = word.load(ordering: .relaxed)
        while true {
            var machine = TenantGateMachine(concurrency: concurrency, word: current)
            guard step(&machine) else { return false }
            let (isDone, found) = word.weakCompareExchange(
                expected: current, desired: machine.word, ordering: .acquiringAndReleasing)
            if isDone { return true }
            current = found
        }
    }
}
