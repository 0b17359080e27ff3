internal import NIOConcurrencyHelpers

/// Tells shielded work that the task around it was cancelled: to end soon, but not in the middle.
final class Shield: Sendable {
    private let flag = NIOLockedValueBox(false)

    var isCancelled: Bool { flag.withLockedValue { $0 } }

    fileprivate func cancel() {
        flag.withLockedValue { $0 = true }
    }
}

/// Runs work to its end though the task around it is cancelled, and waits for it.
///
/// For what must not be broken off half-way: between sending a refresh token and storing its successor.
func shielded<Result: Sendable>(_ work: @escaping @Sendable (Shield) async -> Result) async -> Result {
    let shield = Shield()
    // Unstructured: a child task would be cancelled with its parent; this one is waited for all the same.
    let task = Task { await work(shield) }
    return await withTaskCancellationHandler {
        await task.value
    } onCancel: {
        shield.cancel()
    }
}
