/// A bounded queue of work for one consumer, a service's `run()`.
struct WorkQueue<Work: Sendable>: Sendable {
    let stream: AsyncStream<Work>
    private let continuation: AsyncStream<Work>.Continuation

    /// A queue that refuses what is more than `capacity`.
    init(capacity: Int) {
        (stream, continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(capacity))
    }

    /// Whether the work was taken; `false` where the queue is full or closed.
    @discardableResult
    func submit(_ work: Work) -> Bool {
        switch continuation.yield(work) {
        case .enqueued: true
        case .dropped, .terminated: false
        @unknown default: false
        }
    }

    /// Takes nothing more; what is in it is still consumed.
    func close() {
        continuation.finish()
    }
}
