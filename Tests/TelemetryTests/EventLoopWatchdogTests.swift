import Dispatch
import Foundation
import Metrics
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Testing

@testable import Telemetry

/// Stalls are measured, told apart from a machine that is busy, and told of.
@Suite(.timeLimit(.minutes(5))) struct EventLoopWatchdogTests {
    private typealias Stall = EventLoopWatchdog.Stall

    /// A thread's clocks, set by hand.
    private final class Meter: ThreadMeter {
        private let reading = NIOLockedValueBox(ThreadReading(time: 0, onCore: 0, inRunQueue: 0))

        func read() -> ThreadReading { reading.withLockedValue { $0 } }

        func pass(onCore: Int64 = 0, inRunQueue: Int64 = 0, asleep: Int64 = 0) {
            reading.withLockedValue { reading in
                reading.time += (onCore + inRunQueue + asleep) * 1_000_000
                reading.onCore = reading.onCore.map { $0 + onCore * 1_000_000 }
                reading.inRunQueue = reading.inRunQueue.map { $0 + inRunQueue * 1_000_000 }
            }
        }
    }

    private final class Kept: Sendable {
        private let stalls = NIOLockedValueBox<[EventLoopWatchdog.Stall]>([])
        var all: [EventLoopWatchdog.Stall] { stalls.withLockedValue { $0 } }
        @Sendable func add(_ stall: EventLoopWatchdog.Stall) { stalls.withLockedValue { $0.append(stall) } }
    }

    /// What is late for want of a core is no stall; what computes or sleeps is, and the cause is told.
    @Test(arguments: [
        (10, 0, 0, 10, EventLoopWatchdog.Cause.busy), (0, 30, 0, 0, .busy), (0, 0, 25, 25, .blocked),
        (5, 40, 1, 6, .busy), (1, 40, 5, 6, .blocked), (3, 0, 3, 6, .busy),
    ])
    func causesAreToldApart(
        onCore: Int64, inRunQueue: Int64, asleep: Int64, stalled: Int64, cause: EventLoopWatchdog.Cause
    ) {
        let meter = Meter()
        let posted = meter.read()
        meter.pass(onCore: onCore, inRunQueue: inRunQueue, asleep: asleep)
        let stall = Stall(loop: 0, posted: posted, ran: meter.read())
        #expect(stall.duration == .milliseconds(stalled))
        #expect(stall.lateness == .milliseconds(onCore + inRunQueue + asleep))
        #expect(stall.cause == cause)
    }

    /// Where the system says less, lateness is what is known.
    @Test func unknownClocksAreNoStallOfTheirOwn() {
        let posted = ThreadReading(time: 0, onCore: nil, inRunQueue: nil)
        let stall = Stall(loop: 0, posted: posted, ran: ThreadReading(time: 7_000_000, onCore: nil, inRunQueue: nil))
        #expect(stall.duration == .milliseconds(7))
        #expect(stall.cause == .unknown)
    }

    /// A wait that is longer than the tick was late, and clocks that go back, give no negative stall.
    @Test func stallsAreNeverNegative() {
        let posted = ThreadReading(time: 100, onCore: 100, inRunQueue: 0)
        #expect(Stall(loop: 0, posted: posted, ran: .init(time: 200, onCore: 150, inRunQueue: 900)).duration == .zero)
        #expect(Stall(loop: 0, posted: posted, ran: .init(time: 50, onCore: 50, inRunQueue: -5)).duration == .zero)
    }

    /// Each loop's ticks are measured on their own; the longest stays, all are counted, and long ones are told of.
    @Test func longStallsAreToldOf() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let loops = Array(group.makeIterator())
        let (meter, kept, metrics) = (Meter(), Kept(), PrometheusMetricsFactory())
        let watchdog = EventLoopWatchdog(
            loops: loops, interval: .seconds(1), threshold: .milliseconds(20), metrics: metrics, makeMeter: { meter },
            onStall: kept.add)
        func turn() async throws {
            for loop in loops { try await loop.submit {}.get() }
        }
        watchdog.post()
        try await turn()
        #expect(watchdog.longestStalls == [nil, nil])

        // The first loop is held until the tick waits behind, and the clock has gone on.
        for milliseconds in [15, 50, 30] as [Int64] {
            let (isHeld, mayGo) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
            loops[0].execute {
                isHeld.signal()
                mayGo.wait()
            }
            await onThread { isHeld.wait() }
            watchdog.post()
            // Both loops' ticks were posted; the second's may run before the clock goes on, and has no stall then.
            try await loops[1].submit {}.get()
            // A tick is still there: no second one is given.
            watchdog.post()
            try await loops[1].submit {}.get()
            meter.pass(asleep: milliseconds)
            mayGo.signal()
            try await turn()
        }
        #expect(kept.all.map(\.duration) == [.milliseconds(50), .milliseconds(30)])
        #expect(kept.all.allSatisfy { $0.loop == 0 && $0.cause == .blocked })
        #expect(watchdog.longestStalls[0]?.duration == .milliseconds(50))
        #expect(watchdog.longestStalls[1]?.duration == .zero)
        #expect(watchdog.tickCounts == [3, 6])
        #expect(metrics.render().contains("event_loop_stall_seconds_count 9\n"))
        try await group.shutdownGracefully()
    }

    /// With the system's own clocks: ticks come until it is stopped, and a loop that computes is found out.
    @Test func systemClocksMeasure() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let kept = Kept()
        let watchdog = EventLoopWatchdog(
            loops: [loop], interval: .milliseconds(1), threshold: .zero, metrics: PrometheusMetricsFactory(),
            onStall: kept.add)
        let running = Task { await watchdog.run() }
        // Computes until a tick was late by it: at least three ticks must be posted behind the work.
        var rounds = 0
        while kept.all.filter({ $0.duration >= .milliseconds(5) }).isEmpty, rounds < 1_000 {
            rounds += 1
            try await loop.submit {
                let start = SystemThreadMeter().read().time
                while SystemThreadMeter().read().time - start < 10_000_000 {}
            }.get()
        }
        running.cancel()
        await running.value
        let longest = try #require(watchdog.longestStalls[0])
        #expect(longest.duration >= .milliseconds(5))
        #expect(longest.lateness >= longest.duration)
        #if os(Linux)
            #expect(longest.cause != .unknown)
        #endif
        try await group.shutdownGracefully()
    }

    private func onThread(_ body: @escaping @Sendable () -> Void) async {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                body()
                continuation.resume()
            }
        }
    }
}
