import NIOConcurrencyHelpers

/// The port that the simulator listens on, for those who wait until there is one.
final class BoundPort: Sendable {
    private enum State {
        /// Can transition to: bound, closed.
        case unbound(waiters: [Int: CheckedContinuation<Int, any Error>], next: Int)
        /// Can transition to: closed.
        case bound(Int)
        /// Can transition to: nothing.
        case closed
    }

    private let state = NIOLockedValueBox(State.unbound(waiters: [:], next: 0))

    /// The port, where it is known.
    var current: Int? {
        state.withLockedValue { state in
            switch state {
            case .bound(let port): port
            case .unbound, .closed: nil
            }
        }
    }

    func bind(_ port: Int) {
        let waiters = state.withLockedValue { state in
            switch state {
            case .unbound(let waiters, _):
                state = .bound(port)
                return Array(waiters.values)
            case .bound, .closed: return []
            }
        }
        for waiter in waiters { waiter.resume(returning: port) }
    }

    /// Ends every wait: the simulator has stopped, or could not start.
    func close() {
        let waiters = state.withLockedValue { state in
            defer { state = .closed }
            switch state {
            case .unbound(let waiters, _): return Array(waiters.values)
            case .bound, .closed: return []
            }
        }
        for waiter in waiters { waiter.resume(throwing: SimulatorError.notRunning) }
    }

    /// Waits until the port is bound; throws ``SimulatorError/notRunning`` where it never will be, or `CancellationError`.
    func value() async throws -> Int {
        let id = state.withLockedValue { state in
            guard case .unbound(let waiters, let next) = state else { return -1 }
            state = .unbound(waiters: waiters, next: next + 1)
            return next
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Int, any Error>? = state.withLockedValue { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    switch state {
                    case .bound(let port): return .success(port)
                    case .closed: return .failure(SimulatorError.notRunning)
                    case .unbound(var waiters, let next):
                        waiters[id] = continuation
                        state = .unbound(waiters: waiters, next: next)
                        return nil
                    }
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let waiter: CheckedContinuation<Int, any Error>? = state.withLockedValue { state in
                guard case .unbound(var waiters, let next) = state else { return nil }
                let waiter = waiters.removeValue(forKey: id)
                state = .unbound(waiters: waiters, next: next)
                return waiter
            }
            waiter?.resume(throwing: CancellationError())
        }
    }
}

/// What can be wrong with a use of the simulator.
public struct SimulatorError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What was wrong, in words.
    public var description: String

    /// The simulator has stopped, or could not start.
    public static let notRunning = SimulatorError(description: "The simulator is not running")

    static func unknown(_ kind: String, _ name: String) -> SimulatorError {
        SimulatorError(description: "No \(kind) is called \(name)")
    }
}
