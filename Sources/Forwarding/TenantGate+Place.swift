internal import Access
internal import Domain
internal import NIOConcurrencyHelpers

extension TenantGate {
    /// A place at the gate; given back once, at the latest when nobody holds it any more.
    final class Place: Sendable {
        private let line: TenantLine
        private let isHeld = NIOLockedValueBox(true)

        fileprivate init(in line: TenantLine) {
            self.line = line
        }

        deinit { leave() }

        func leave() {
            let wasHeld = isHeld.withLockedValue { isHeld in
                defer { isHeld = false }
                return isHeld
            }
            if wasHeld { line.leave() }
        }
    }

    /// Waits for a place.
    ///
    /// - Throws: `.unavailable(.overloaded)` where too many wait already, or the wait was too long.
    func enter(_ tenant: CustomerID) async throws(GatewayError) -> Place {
        let line = line(of: tenant)
        if line.tryEnter() { return Place(in: line) }
        let turn = Turn()
        switch line.enter(whenTurn: { _ in turn.decide(true) }) {
        case .entered: return Place(in: line)
        case .refused: break
        case .queued(let ticket): if await hasEntered(line, ticket, turn) { return Place(in: line) }
        }
        throw GatewayError.unavailable(.overloaded, retryAfterSeconds: limits.overloadRetryAfterSeconds)
    }

    private func hasEntered(_ line: TenantLine, _ ticket: TenantLine.Ticket, _ turn: Turn) async -> Bool {
        await withTaskGroup(of: Bool?.self) { group in
            group.addTask { await turn.decision() }
            group.addTask { [wait = limits.tenantQueueWait] in
                try? await Task.sleep(for: wait)
                // Also when the caller is cancelled: then nobody would use the place.
                if line.abandon(ticket) { turn.decide(false) }
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
}

/// Whether a call got its place, for one who waits for it.
private final class Turn: Sendable {
    private enum State {
        case open
        case awaited(CheckedContinuation<Bool, Never>)
        case decided(Bool)
    }

    private let state = NIOLockedValueBox(State.open)

    func decide(_ hasEntered: Bool) {
        let awaiting = state.withLockedValue { state -> CheckedContinuation<Bool, Never>? in
            switch state {
            case .decided: return nil
            case .open:
                state = .decided(hasEntered)
                return nil
            case .awaited(let continuation):
                state = .decided(hasEntered)
                return continuation
            }
        }
        awaiting?.resume(returning: hasEntered)
    }

    /// To be called once.
    func decision() async -> Bool {
        await withCheckedContinuation { continuation in
            let decided = state.withLockedValue { state -> Bool? in
                switch state {
                case .decided(let decision): return decision
                case .open, .awaited:
                    state = .awaited(continuation)
                    return nil
                }
            }
            if let decided { continuation.resume(returning: decided) }
        }
    }
}
