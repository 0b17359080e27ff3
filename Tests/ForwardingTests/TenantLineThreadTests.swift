import Foundation
import NIOConcurrencyHelpers
import Synchronization
import Testing

@testable import Forwarding

/// The line at the gate between threads.
@Suite(.timeLimit(.minutes(2))) struct TenantLineThreadTests {
    private static let threads = 8
    private static let rounds = 20_000
    /// A lost turn shows after this time; nothing else takes so long.
    private static let lostAfter: DispatchTimeInterval = .seconds(60)

    private final class Tally: Sendable {
        let inside = Atomic<Int>(0)
        let insideMax = Atomic<Int>(0)
        let entered = Atomic<Int>(0)
        let waited = Atomic<Int>(0)
        let refused = Atomic<Int>(0)
        let abandoned = Atomic<Int>(0)
        let lost = Atomic<Int>(0)

        var endings: Int {
            entered.load(ordering: .relaxed) + waited.load(ordering: .relaxed) + refused.load(ordering: .relaxed)
                + abandoned.load(ordering: .relaxed)
        }

        func work(_ line: TenantLine, yields: Bool) {
            insideMax.max(inside.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue, ordering: .relaxed)
            if yields { sched_yield() }
            inside.wrappingSubtract(1, ordering: .sequentiallyConsistent)
            line.leave()
        }
    }

    /// Never more than may are inside; everybody gets in, is refused or gives up; at the end nobody is left.
    @Test(arguments: [1, 2, 3, 5])
    func nobodyIsLostAndNobodyIsTooMany(concurrency: Int) async {
        let (line, tally) = (TenantLine(concurrency: concurrency), Tally())
        await onThreads(Self.threads) { thread in
            var generator = SeededGenerator(seed: UInt64(thread) &+ 1)
            for _ in 0..<Self.rounds { Self.call(line, tally, &generator) }
        }
        #expect(tally.insideMax.load(ordering: .relaxed) <= concurrency)
        #expect(tally.lost.load(ordering: .relaxed) == 0)
        let waited = tally.waited.load(ordering: .relaxed)
        #expect(waited > 0, "nobody waited: the test says nothing")
        #expect(tally.endings == Self.threads * Self.rounds)
        #expect(line.state == TenantGateMachine(concurrency: concurrency))
    }

    private static func call(_ line: TenantLine, _ tally: Tally, _ generator: inout SeededGenerator) {
        let yields = Bool.random(using: &generator)
        let turn = DispatchSemaphore(value: 0)
        switch line.enter(whenTurn: { _ in turn.signal() }) {
        case .entered:
            tally.entered.wrappingAdd(1, ordering: .relaxed)
            tally.work(line, yields: yields)
        case .refused:
            tally.refused.wrappingAdd(1, ordering: .relaxed)
            sched_yield()
        case .queued(let ticket):
            if Int.random(in: 0..<4, using: &generator) == 0 {
                if yields { sched_yield() }
                if line.abandon(ticket) {
                    tally.abandoned.wrappingAdd(1, ordering: .relaxed)
                    return
                }
            }
            guard turn.wait(timeout: .now() + lostAfter) == .success else {
                tally.lost.wrappingAdd(1, ordering: .relaxed)
                return
            }
            tally.waited.wrappingAdd(1, ordering: .relaxed)
            tally.work(line, yields: yields)
        }
    }

    /// Threads that all ask for one tenant's line hold the same one, while idle lines are let go beside them.
    @Test func oneTenantHasOneLine() async {
        let gate = TenantGate(concurrency: 3)
        let tally = Tally()
        let tenants = (0..<200).map { number in
            // One shard for all.
            TenantGateTenant.id(number, shard: 0)
        }
        await onThreads(4) { thread in
            var generator = SeededGenerator(seed: UInt64(thread) &+ 100)
            for _ in 0..<5_000 {
                for _ in 0..<3 { _ = gate.line(of: tenants[Int.random(in: 1..<200, using: &generator)]) }
                Self.call(gate.line(of: tenants[0]), tally, &generator)
            }
        }
        #expect(tally.insideMax.load(ordering: .relaxed) <= 3)
        #expect(tally.lost.load(ordering: .relaxed) == 0)
        #expect(gate.line(of: tenants[0]).state == TenantGateMachine(concurrency: 3))
    }
}
