import NIOConcurrencyHelpers
import SalesforceSimulator

/// Somebody's calls at a steady rate, as real traffic comes: whoever is slow to answer does not make it less.
enum PacedTraffic {
    /// How all calls ended.
    struct Outcome: Sendable {
        /// By status; 0 for calls without an answer.
        var endings: [Int: Int] = [:]
        /// From the moment when a call was due to the end of its answer.
        var durations: [Duration] = []

        /// The duration that so many of a hundred calls did not exceed.
        func percentile(_ percent: Double) -> Duration {
            let sorted = durations.sorted()
            guard !sorted.isEmpty else { return .zero }
            return sorted[min(sorted.count - 1, Int(Double(sorted.count) * percent / 100))]
        }
    }

    /// Calls until the body is done.
    static func run(
        _ world: World, _ person: Traffic.Person, perSecond: Int, _ body: () async throws -> Void
    ) async throws -> Outcome {
        for org in ["Axonify", "Globex"] { try world.simulator.setAPIRequests(used: 0, of: 1_000_000_000, org: org) }
        // As many callers as calls in a second: each has a second for its call before it would be late for the next.
        let outcome = NIOLockedValueBox(Outcome())
        let isOver = NIOLockedValueBox(false)
        let clock = ContinuousClock()
        let start = clock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<perSecond {
                group.addTask {
                    var due = start + .seconds(1) * caller / perSecond
                    while !isOver.withLockedValue({ $0 }) {
                        try await clock.sleep(until: due)
                        let status = try? await person.call(world).status
                        let duration = clock.now - due
                        outcome.withLockedValue {
                            $0.endings[status ?? 0, default: 0] += 1
                            $0.durations.append(duration)
                        }
                        due += .seconds(1)
                    }
                }
            }
            do {
                try await body()
            } catch {
                group.cancelAll()
                throw error
            }
            isOver.withLockedValue { $0 = true }
            try await group.waitForAll()
        }
        return outcome.withLockedValue { $0 }
    }
}
