public import Foundation
internal import NIOConcurrencyHelpers

/// Sleep without time: short pauses pass at once, long ones last until the test says so or the sleeper is cancelled.
public final class TestSleeper: Sendable {
    private struct Sleeper {
        let until: Date
        let continuation: CheckedContinuation<Void, Never>
    }

    private struct State {
        var lastID: UInt64 = 0
        var sleepers: [UInt64: Sleeper] = [:]
        var cancelled: Set<UInt64> = []
    }

    private let clock: TestClock
    private let passesUpTo: Duration
    private let state = NIOLockedValueBox(State())

    /// - Parameter passesUpTo: Pauses up to this long pass at once, without moving the clock.
    public init(clock: TestClock, passesUpTo: Duration = .seconds(1)) {
        self.clock = clock
        self.passesUpTo = passesUpTo
    }

    /// How many sleep.
    public var count: Int { state.withLockedValue { $0.sleepers.count } }

    /// Sleeps.
    ///
    /// - Throws: `CancellationError`.
    public func sleep(_ duration: Duration) async throws {
        try Task.checkCancellation()
        guard duration > passesUpTo else {
            await Task.yield()
            return
        }
        let until = clock.now.addingTimeInterval(duration / .seconds(1))
        let id = state.withLockedValue { state in
            state.lastID += 1
            return state.lastID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isCancelled = state.withLockedValue { state in
                    if state.cancelled.remove(id) != nil { return true }
                    state.sleepers[id] = Sleeper(until: until, continuation: continuation)
                    return false
                }
                if isCancelled { continuation.resume() }
            }
        } onCancel: {
            let sleeper = state.withLockedValue { state -> Sleeper? in
                if let sleeper = state.sleepers.removeValue(forKey: id) { return sleeper }
                state.cancelled.insert(id)
                return nil
            }
            sleeper?.continuation.resume()
        }
        try Task.checkCancellation()
    }

    /// Moves the clock and wakes who is due.
    public func advance(by seconds: TimeInterval) {
        clock.advance(by: seconds)
        let now = clock.now
        let due = state.withLockedValue { state in
            let due = state.sleepers.filter { $0.value.until <= now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values
        }
        for sleeper in due { sleeper.continuation.resume() }
    }
}
