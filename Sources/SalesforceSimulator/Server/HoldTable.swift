import NIOConcurrencyHelpers

/// Requests that wait until a fault is cleared, and those who wait for requests to wait.
final class HoldTable: Sendable {
    private struct Watcher {
        var fault: SimulatedFault.ID
        var count: Int
        var continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var held: [SimulatedFault.ID: [Int: CheckedContinuation<Void, Never>]] = [:]
        var watchers: [Int: Watcher] = [:]
        var released: Set<SimulatedFault.ID> = []
        var isClosed = false
        var next = 0
    }

    private let state = NIOLockedValueBox(State())

    /// Waits until the fault is released or the task is cancelled.
    func wait(for fault: SimulatedFault.ID) async {
        let key = nextKey()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let resumed: [CheckedContinuation<Void, Never>] = state.withLockedValue { state in
                    if state.isClosed || state.released.contains(fault) || Task.isCancelled { return [continuation] }
                    state.held[fault, default: [:]][key] = continuation
                    let count = state.held[fault]?.count ?? 0
                    let satisfied = state.watchers.filter { $0.value.fault == fault && $0.value.count <= count }
                    for watcher in satisfied { state.watchers[watcher.key] = nil }
                    return satisfied.map(\.value.continuation)
                }
                for continuation in resumed { continuation.resume() }
            }
        } onCancel: {
            let held = state.withLockedValue { $0.held[fault]?.removeValue(forKey: key) }
            held?.resume()
        }
    }

    /// Waits until so many requests are held by the fault.
    func waitUntilHeld(_ count: Int, by fault: SimulatedFault.ID) async {
        let key = nextKey()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLockedValue { state in
                    if state.isClosed || Task.isCancelled || (state.held[fault]?.count ?? 0) >= count { return true }
                    state.watchers[key] = Watcher(fault: fault, count: count, continuation: continuation)
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            let watcher = state.withLockedValue { $0.watchers.removeValue(forKey: key) }
            watcher?.continuation.resume()
        }
    }

    /// Lets go of those whom a fault holds, now and later.
    func release(_ fault: SimulatedFault.ID) {
        let held = state.withLockedValue { state in
            state.released.insert(fault)
            return state.held.removeValue(forKey: fault).map { Array($0.values) } ?? []
        }
        for continuation in held { continuation.resume() }
    }

    /// Lets go of everybody, for good.
    func close() {
        let resumed = state.withLockedValue { state in
            state.isClosed = true
            let held = state.held.values.flatMap(\.values)
            let watchers = state.watchers.values.map(\.continuation)
            state.held = [:]
            state.watchers = [:]
            return held + watchers
        }
        for continuation in resumed { continuation.resume() }
    }

    private func nextKey() -> Int {
        state.withLockedValue { state in
            state.next += 1
            return state.next
        }
    }
}
