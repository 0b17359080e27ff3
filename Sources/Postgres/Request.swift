/// What a connection is asked to do for one caller.
final class Request: Sendable {
    enum Work: Sendable {
        /// Statements of one implicit transaction; the last one's result is the answer.
        case statements([Statement])
        /// Statements as text, without parameters.
        case script(String)
    }

    let work: Work
    /// How long the server may take before it counts as gone; `nil` leaves that to TCP.
    let patience: Duration?
    let pending = Pending<PostgresRows>()

    init(_ work: Work, patience: Duration?) {
        self.work = work
        self.patience = patience
    }
}

/// What waits in the queue.
enum PoolItem: Identifiable, Sendable {
    case query(Request)
    case lease(Pending<Lease>)

    var id: ObjectIdentifier {
        switch self {
        case .query(let request): ObjectIdentifier(request)
        case .lease(let pending): ObjectIdentifier(pending)
        }
    }

    func fail(_ error: PostgresError) {
        switch self {
        case .query(let request): request.pending.finish(.failure(error))
        case .lease(let pending): pending.finish(.failure(error))
        }
    }

    func cancel() -> Pending<PostgresRows>.CancelResult {
        switch self {
        case .query(let request):
            return request.pending.cancel()
        case .lease(let pending):
            switch pending.cancel() {
            case .none: return .none
            case .dequeue: return .dequeue
            }
        }
    }
}
