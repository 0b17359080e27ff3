import Forwarding
import Foundation
import GatewayTesting
import Logging
import Metrics
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import Telemetry
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Calls never hold up the event loops that they run on.
@Suite(.serialized, .timeLimit(.minutes(5))) struct EventLoopStallTests {
    /// Loops of the gateway's alone: what the test's own sockets do is no stall of it.
    private static let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)

    /// Whether no stall may be long. How long one lasts is no fact on a machine that does other things meanwhile, so
    /// this is for `make soak`, or a quiet machine.
    private static let isStrict = ProcessInfo.processInfo.environment["FORMATION_WATCHDOG"] == "strict"

    private static let slowRounds = 3

    private static func watchdog(_ stalls: Stalls) -> EventLoopWatchdog {
        EventLoopWatchdog(
            loops: Array(group.makeIterator()), interval: EventLoopWatchdog.thoroughInterval,
            metrics: NOOPMetricsHandler.instance, onStall: stalls.add)
    }

    /// Under a mixed load beside slow clients each loop is sampled all the time; `FORMATION_WATCHDOG=strict` allows no
    /// stall above 20 ms.
    @Test func loadHoldsNoLoopUp() async throws {
        let slowCount = SlowClients.allowed(of: Self.isStrict ? 2_000 : 300)
        var options = SlowClients.options(count: slowCount)
        options.limits.tenantConcurrency += 100
        options.eventLoops = Self.group
        // Lines that a test keeps are the test's cost.
        let log = BatchedCallLog(
            format: .json, label: "calls", minimumLevel: .info, loops: 2, sink: LogSink { _ in })
        options.callLog = log
        let stalls = Stalls()
        let watchdog = Self.watchdog(stalls)
        try await withWorld(options) { world in
            async let _ = watchdog.run()
            async let _ = log.run()
            try await withSalesforce(of: world) {
                let slow = try await SlowClients.begin(slowCount, in: world)
                let load = MixedLoad(of: world, clients: 32, rounds: 2)
                async let trickling: Void = slow.goOn(rounds: Self.slowRounds)
                var runs = 0
                repeat {
                    try await load.run(runs)
                    runs += 1
                } while runs < (Self.isStrict ? 10 : 1) || watchdog.tickCounts.contains { $0 < 100 }
                try await trickling
                try await slow.finish(afterRounds: Self.slowRounds)
                #expect(world.oauth.refreshes > 0)
            }
        }
        guard Self.isStrict else { return }
        print("Ticks: \(watchdog.tickCounts); longest stalls: \(watchdog.longestStalls.compactMap { $0 })")
        #expect(stalls.all.isEmpty)
    }

    enum Fault: CaseIterable, Sendable { case computes, sleeps }

    /// A call that holds its loop up for 60 ms is found out, and so is what it did.
    @Test(arguments: Fault.allCases) func aCallThatHoldsItsLoopUpIsFound(fault: Fault) async throws {
        let isPlanted = NIOLockedValueBox(false)
        var options = WorldOptions()
        options.eventLoops = Self.group
        options.atEachCall = {
            let isTurn = isPlanted.withLockedValue { isPlanted in
                defer { isPlanted = false }
                return isPlanted
            }
            guard isTurn else { return }
            switch fault {
            case .computes:
                let end = Self.threadTime() + 60_000_000
                while Self.threadTime() < end {}
            case .sleeps:
                usleep(60_000)
            }
        }
        let stalls = Stalls()
        let watchdog = Self.watchdog(stalls)
        try await withWorld(options) { world in
            async let _ = watchdog.run()
            try await withSalesforce(of: world) {
                var runs = 0
                // A tick may come late to a loop, and miss most of what holds it up.
                while !stalls.all.contains(where: { Self.isOf($0, fault) }), runs < 50 {
                    isPlanted.withLockedValue { $0 = true }
                    try await MixedLoad(of: world, clients: 8, rounds: 1).run(runs)
                    runs += 1
                }
            }
        }
        #expect(stalls.all.contains { Self.isOf($0, fault) })
    }

    /// How long the thread has been on a core, in nanoseconds.
    private static func threadTime() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    private static func isOf(_ stall: EventLoopWatchdog.Stall, _ fault: Fault) -> Bool {
        guard stall.duration >= .milliseconds(40) else { return false }
        switch stall.cause {
        case .busy: return fault == .computes
        case .blocked: return fault == .sleeps
        case .unknown: return true
        }
    }

    /// Those above the threshold.
    private final class Stalls: Sendable {
        private let told = NIOLockedValueBox<[EventLoopWatchdog.Stall]>([])

        var all: [EventLoopWatchdog.Stall] { told.withLockedValue { $0 } }

        @Sendable func add(_ stall: EventLoopWatchdog.Stall) { told.withLockedValue { $0.append(stall) } }
    }
}
