internal import Access
internal import Domain
internal import NIOConcurrencyHelpers

/// How many calls of each tenant run and wait, as a pure machine: one tenant's hanging org costs the others nothing.
struct TenantGateMachine {
    /// A call that waits for its turn.
    struct Ticket: Hashable, Sendable {
        let tenant: CustomerID
        let number: UInt64
    }

    enum EnterResult: Equatable {
        case entered
        case queued(Ticket)
        /// As many run and wait as may.
        case refused
    }

    enum LeaveResult: Equatable {
        /// The next in line has the place now.
        case passedOn(Ticket)
        case freed
    }

    enum AbandonResult: Equatable {
        case removed
        /// Too late: it has a place already.
        case hasEntered
    }

    private struct Line {
        var running = 0
        /// Oldest first.
        var waiting: [Ticket] = []
    }

    private let concurrency: Int
    private var lines: [CustomerID: Line] = [:]
    private var lastNumber: UInt64 = 0

    /// As many calls may wait as may run.
    init(concurrency: Int) {
        // Invariant: settings refuse a concurrency below 1; with none no call would ever run.
        precondition(concurrency > 0, "A tenant may make at least one call at a time")
        self.concurrency = concurrency
    }

    /// How many tenants have calls: none is kept in memory without one.
    var tenantCount: Int { lines.count }

    mutating func enter(_ tenant: CustomerID) -> EnterResult {
        var line = lines[tenant, default: Line()]
        defer { lines[tenant] = line }
        guard line.running >= concurrency else {
            line.running += 1
            return .entered
        }
        guard line.waiting.count < concurrency else { return .refused }
        lastNumber += 1
        let ticket = Ticket(tenant: tenant, number: lastNumber)
        line.waiting.append(ticket)
        return .queued(ticket)
    }

    mutating func leave(_ tenant: CustomerID) -> LeaveResult {
        guard var line = lines[tenant] else { return .freed }
        guard line.waiting.isEmpty else {
            let next = line.waiting.removeFirst()
            lines[tenant] = line
            return .passedOn(next)
        }
        line.running -= 1
        lines[tenant] = line.running > 0 ? line : nil
        return .freed
    }

    mutating func abandon(_ ticket: Ticket) -> AbandonResult {
        guard let index = lines[ticket.tenant]?.waiting.firstIndex(of: ticket) else { return .hasEntered }
        lines[ticket.tenant]?.waiting.remove(at: index)
        return .removed
    }
}

/// Lets a bounded number of each tenant's calls through at a time; as many wait for a bounded time.
final class TenantGate: Sendable {
    private struct State {
        var machine: TenantGateMachine
        var waiting: [TenantGateMachine.Ticket: CheckedContinuation<Bool, Never>] = [:]
        /// Decided before their caller began to wait.
        var decided: [TenantGateMachine.Ticket: Bool] = [:]
    }

    private let limits: ForwardingLimits
    private let state: NIOLockedValueBox<State>

    init(limits: ForwardingLimits) {
        self.limits = limits
        self.state = NIOLockedValueBox(State(machine: TenantGateMachine(concurrency: limits.tenantConcurrency)))
    }

    /// A place at the gate; given back once, at the latest when nobody holds it any more.
    final class Place: Sendable {
        private let gate: TenantGate
        private let tenant: CustomerID
        private let isHeld = NIOLockedValueBox(true)

        fileprivate init(gate: TenantGate, tenant: CustomerID) {
            self.gate = gate
            self.tenant = tenant
        }

        deinit { leave() }

        func leave() {
            let wasHeld = isHeld.withLockedValue { isHeld in
                defer { isHeld = false }
                return isHeld
            }
            if wasHeld { gate.leave(tenant) }
        }
    }

    /// Waits for a place.
    ///
    /// - Throws: `.unavailable(.overloaded)` where too many wait already, or the wait was too long.
    func enter(_ tenant: CustomerID) async throws(GatewayError) -> Place {
        let overloaded = GatewayError.unavailable(.overloaded, retryAfterSeconds: limits.overloadRetryAfterSeconds)
        switch state.withLockedValue({ $0.machine.enter(tenant) }) {
        case .entered:
            return Place(gate: self, tenant: tenant)
        case .refused:
            throw overloaded
        case .queued(let ticket):
            guard await hasEntered(ticket) else { throw overloaded }
            return Place(gate: self, tenant: tenant)
        }
    }

    private func hasEntered(_ ticket: TenantGateMachine.Ticket) async -> Bool {
        await withTaskGroup(of: Bool?.self) { group in
            group.addTask { await self.wait(ticket) }
            group.addTask { [wait = limits.tenantQueueWait] in
                try? await Task.sleep(for: wait)
                // Also when the caller is cancelled: then nobody would use the place.
                self.abandon(ticket)
                return nil
            }
            var result = false
            for await answer in group {
                guard let answer else { continue }
                result = answer
                group.cancelAll()
            }
            return result
        }
    }

    private func wait(_ ticket: TenantGateMachine.Ticket) async -> Bool {
        await withCheckedContinuation { continuation in
            let decision = state.withLockedValue { state -> Bool? in
                if let decision = state.decided.removeValue(forKey: ticket) { return decision }
                state.waiting[ticket] = continuation
                return nil
            }
            if let decision { continuation.resume(returning: decision) }
        }
    }

    private func abandon(_ ticket: TenantGateMachine.Ticket) {
        decide(ticket, hasEntered: false) { $0.abandon(ticket) == .removed }
    }

    private func leave(_ tenant: CustomerID) {
        guard case .passedOn(let next) = state.withLockedValue({ $0.machine.leave(tenant) }) else { return }
        decide(next, hasEntered: true) { _ in true }
    }

    private func decide(
        _ ticket: TenantGateMachine.Ticket, hasEntered: Bool, if applies: (inout TenantGateMachine) -> Bool
    ) {
        let waiting = state.withLockedValue { state -> CheckedContinuation<Bool, Never>? in
            guard applies(&state.machine) else { return nil }
            if let waiting = state.waiting.removeValue(forKey: ticket) { return waiting }
            state.decided[ticket] = hasEntered
            return nil
        }
        waiting?.resume(returning: hasEntered)
    }
}
