import NIOConcurrencyHelpers

/// One caller that waits for one answer, and may stop waiting.
///
/// The caller's task, the canceller and the worker's thread meet here; whoever comes first decides, and the
/// continuation is resumed exactly once.
final class Pending<Answer: Sendable>: Sendable {
    typealias Continuation = CheckedContinuation<Answer, any Error>

    private enum State {
        /// Can transition: `waiting`, `cancelled`.
        case initial
        /// Queued. Can transition: `running`, `finished` (answered or cancelled).
        case waiting(Continuation)
        /// A worker has it. Can transition: `cancelling`, `finished`.
        case running(Continuation, Waker)
        /// Its caller has left; the worker is to see to it that the server stops. Can transition: `finished`.
        case cancelling(Continuation?)
        /// Cancelled before it was queued. The end.
        case cancelled
        /// The end.
        case finished
    }

    private let state = NIOLockedValueBox(State.initial)

    /// Notes who waits. `false` where it was cancelled before: the caller has been told.
    func start(_ continuation: Continuation) -> Bool {
        let isStarted = self.state.withLockedValue { state in
            switch state {
            case .initial:
                state = .waiting(continuation)
                return true
            case .cancelled:
                return false
            case .waiting, .running, .cancelling, .finished:
                // Invariant: a request is made for one call and submitted once, by the function that makes it.
                preconditionFailure("submitted twice")
            }
        }
        if !isStarted { continuation.resume(throwing: CancellationError()) }
        return isStarted
    }

    /// Notes that a worker takes it. `false` where nobody waits any more.
    func run(_ waker: Waker) -> Bool {
        self.state.withLockedValue { state in
            switch state {
            case .waiting(let continuation), .running(let continuation, _):
                state = .running(continuation, waker)
                return true
            case .initial, .cancelling, .cancelled, .finished:
                return false
            }
        }
    }

    /// Whether its caller has left.
    var isCancelling: Bool {
        self.state.withLockedValue { state in
            switch state {
            case .cancelling: true
            case .initial, .waiting, .running, .cancelled, .finished: false
            }
        }
    }

    enum CancelResult {
        case none
        /// It was queued, and has been answered.
        case dequeue
    }

    /// Its caller leaves. Where a worker has it, the answer comes from the server's being stopped.
    func cancel() -> CancelResult {
        let (left, waker, result) = self.state.withLockedValue { state -> (Continuation?, Waker?, CancelResult) in
            switch state {
            case .initial:
                state = .cancelled
                return (nil, nil, .none)
            case .waiting(let continuation):
                state = .finished
                return (continuation, nil, .dequeue)
            case .running(let continuation, let waker):
                state = .cancelling(continuation)
                return (nil, waker, .none)
            case .cancelling, .cancelled, .finished:
                return (nil, nil, .none)
            }
        }
        left?.resume(throwing: CancellationError())
        waker?.wake()
        return result
    }

    /// Lets a caller that has left go, though the server still works on it.
    func abandonIfCancelling() {
        let left = self.state.withLockedValue { state -> Continuation? in
            guard case .cancelling(let continuation) = state else { return nil }
            state = .cancelling(nil)
            return continuation
        }
        left?.resume(throwing: CancellationError())
    }

    /// Answers. An error for a caller that has left becomes `CancellationError`. `false` where nobody waits any more.
    @discardableResult
    func finish(_ answer: Result<Answer, PostgresError>) -> Bool {
        let (continuation, wasCancelling) = self.state.withLockedValue { state -> (Continuation?, Bool) in
            defer { state = .finished }
            switch state {
            case .waiting(let continuation), .running(let continuation, _): return (continuation, false)
            case .cancelling(let continuation): return (continuation, true)
            case .initial, .cancelled, .finished: return (nil, false)
            }
        }
        switch answer {
        case .success(let answer): continuation?.resume(returning: answer)
        case .failure where wasCancelling: continuation?.resume(throwing: CancellationError())
        case .failure(let error): continuation?.resume(throwing: error)
        }
        return continuation != nil
    }
}
