import NIOConcurrencyHelpers

/// One caller's hold on one worker and its connection, for a transaction.
final class Lease: Sendable {
    /// Statements of one transaction run one after the other; more than these at once is a mistake of the caller's.
    static let waitingMax = 256

    private enum State {
        /// Can transition: `ended`.
        case active([Request])
        /// Its owner has left; the worker has not. Can transition: `released`.
        case ended(PostgresError, waiting: CheckedContinuation<Void, Never>?)
        /// The worker has left, and rolled back what was open. The end.
        case released(PostgresError)
    }

    private let state = NIOLockedValueBox(State.active([]))
    private let waker: Waker

    init(waker: Waker) {
        self.waker = waker
    }

    /// Runs a request on the leased connection.
    func perform(_ request: Request) async throws -> PostgresRows {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if request.pending.start(continuation) { self.submit(request) }
            }
        } onCancel: {
            _ = request.pending.cancel()
        }
    }

    /// Runs a request that must not be cut short by the caller's being cancelled: the end of a transaction.
    func performUncancelled(_ request: Request) async throws -> PostgresRows {
        try await withCheckedThrowingContinuation { continuation in
            if request.pending.start(continuation) { self.submit(request) }
        }
    }

    private func submit(_ request: Request) {
        let refusal = self.state.withLockedValue { state -> PostgresError? in
            switch state {
            case .active(var waiting):
                guard waiting.count < Self.waitingMax else { return PostgresError(code: .queueFull) }
                waiting.append(request)
                state = .active(waiting)
                return nil
            case .ended(let error, _), .released(let error):
                return error
            }
        }
        if let refusal {
            request.pending.finish(.failure(refusal))
        } else {
            self.waker.wake()
        }
    }

    /// Gives the worker back. What still waits is refused.
    func end(_ error: PostgresError = PostgresError(code: .transactionEnded)) {
        self.end(error, waiting: nil)
    }

    /// Gives the worker back, and returns when it has rolled back what was open: its locks are gone.
    func endAndWait() async {
        await withCheckedContinuation { continuation in
            self.end(PostgresError(code: .transactionEnded), waiting: continuation)
        }
    }

    private func end(_ error: PostgresError, waiting: CheckedContinuation<Void, Never>?) {
        let (refused, isReleased) = self.state.withLockedValue { state -> ([Request], Bool) in
            switch state {
            case .active(let requests):
                state = .ended(error, waiting: waiting)
                return (requests, false)
            case .ended(let first, let other):
                // Its owner waits at most once; the worker itself may have ended it before.
                state = .ended(first, waiting: other ?? waiting)
                return ([], false)
            case .released:
                return ([], true)
            }
        }
        for request in refused { request.pending.finish(.failure(error)) }
        if isReleased { waiting?.resume() } else { self.waker.wake() }
    }

    /// Notes that the worker has left.
    func released() {
        let waiting = self.state.withLockedValue { state -> CheckedContinuation<Void, Never>? in
            switch state {
            case .ended(let error, let waiting):
                state = .released(error)
                return waiting
            case .active, .released:
                return nil
            }
        }
        waiting?.resume()
    }

    enum Next {
        case request(Request)
        case wait
        case ended
    }

    /// What the worker is to do next.
    func next() -> Next {
        self.state.withLockedValue { state in
            switch state {
            case .active(var waiting):
                guard !waiting.isEmpty else { return .wait }
                let request = waiting.removeFirst()
                state = .active(waiting)
                return .request(request)
            case .ended, .released:
                return .ended
            }
        }
    }
}
