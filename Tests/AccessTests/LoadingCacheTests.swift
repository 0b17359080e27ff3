import Foundation
import GatewayTesting
import Synchronization
import Testing

@testable import Access

/// The cache that every room uses: bounded, one load per key, and nothing old after a drop.
@Suite struct LoadingCacheTests {
    private struct Row: Sendable {
        let number: Int
        let subject: UUID
    }

    private let now = Fixtures.epoch
    private let subject = SequentialIDs().next()

    private func cache(capacity: Int = 10) -> LoadingCache<String, Row> {
        LoadingCache(capacity: capacity, missingCapacity: 2, missingSeconds: 5, subjects: { [$0.subject] })
    }

    /// However many ask at once, one loads.
    @Test func oneLoad() async throws {
        let cache = cache()
        let gate = Gate()
        let loads = Counter()
        let numbers = try await withThrowingTaskGroup(of: Int?.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    try await cache.value(for: "a", at: now) {
                        loads.increment()
                        await gate.pass()
                        return Row(number: 1, subject: subject)
                    }?.number
                }
            }
            await gate.waitForArrivals()
            gate.open()
            return try await group.reduce(into: [Int?]()) { $0.append($1) }
        }
        #expect(numbers == Array(repeating: 1, count: 50))
        #expect(loads.count == 1)
    }

    /// A load during which its subject was dropped is not kept, and who asks after the drop does not join it.
    @Test func dropDuringLoad() async throws {
        let cache = cache()
        let gate = Gate()
        async let old = cache.value(for: "a", at: now) {
            await gate.pass()
            return Row(number: 1, subject: subject)
        }
        await gate.waitForArrivals()
        cache.drop(subject: subject)
        let new = try await cache.value(for: "a", at: now) { Row(number: 2, subject: subject) }
        #expect(new?.number == 2)
        gate.open()
        #expect(try await old?.number == 1)
        let kept = try await cache.value(for: "a", at: now) { Row(number: 3, subject: subject) }
        #expect(kept?.number == 2)
    }

    /// A failure is everybody's who waits, and is not remembered.
    @Test func failure() async throws {
        let cache = cache()
        let gate = Gate()
        let first = Task {
            try await cache.value(for: "a", at: now) {
                await gate.pass()
                throw Missing()
            }
        }
        await gate.waitForArrivals()
        let second = Task { try await cache.value(for: "a", at: now) { throw Missing() } }
        gate.open()
        await #expect(throws: Missing.self) { _ = try await first.value }
        await #expect(throws: Missing.self) { _ = try await second.value }
        #expect(try await cache.value(for: "a", at: now) { Row(number: 1, subject: subject) }?.number == 1)
    }

    /// Where the loading caller is cancelled, a waiting one loads for itself.
    @Test func cancelledLoader() async throws {
        let cache = cache()
        let gate = Gate()
        let first = Task {
            try await cache.value(for: "a", at: now) {
                await gate.pass()
                try Task.checkCancellation()
                return Row(number: 1, subject: subject)
            }
        }
        await gate.waitForArrivals()
        let second = Task { try await cache.value(for: "a", at: now) { Row(number: 2, subject: subject) } }
        first.cancel()
        gate.open()
        #expect(try await second.value?.number == 2)
    }

    /// What is not there is remembered for a while, and forgotten on demand.
    @Test func missing() async throws {
        let cache = cache()
        let loads = Counter()
        let ask = { (seconds: TimeInterval) in
            try await cache.value(for: "a", at: now + seconds) {
                loads.increment()
                return nil
            }
        }
        for seconds in [0, 1, 4.9, 5] { #expect(try await ask(seconds) == nil) }
        #expect(loads.count == 2)
        cache.dropMissing()
        _ = try await ask(6)
        #expect(loads.count == 3)
    }

    /// It holds no more than it may.
    @Test func bounded() async throws {
        let cache = cache(capacity: 8)
        for number in 0..<100 {
            _ = try await cache.value(for: "\(number)", at: now) { Row(number: number, subject: subject) }
        }
        #expect(cache.count == 8)
        cache.drop(subject: subject)
        #expect(cache.count == 0)
    }

    /// What is used stays, what is not goes first.
    @Test func usedEntriesStay() {
        var table = BoundedTable<String, Int>(capacity: 3)
        for (key, value) in [("a", 1), ("b", 2), ("c", 3)] { table.insert(value, for: key) }
        table.insert(4, for: "d")  // The first round takes all marks away, and a is the first without.
        #expect(table.value(for: "a") == nil)
        #expect(table.value(for: "b") == 2)
        table.insert(5, for: "e")
        #expect(table.value(for: "b") == 2)
        #expect(table.value(for: "c") == nil)
        #expect(table.count == 3)
        #expect(table.remove("b") == 2)
        table.insert(6, for: "f")
        #expect(table.count == 3)
    }
}

extension String: TableKey {}

/// Counts, from anywhere.
final class Counter: Sendable {
    private let value = Atomic(0)

    func increment() { value.add(1, ordering: .relaxed) }

    var count: Int { value.load(ordering: .relaxed) }
}
