internal import Dispatch
internal import Foundation
public import Metrics
internal import NIOConcurrencyHelpers
public import NIOCore
public import ServiceLifecycle
internal import Synchronization

/// Measures how long event loops keep their work waiting: a thread of its own gives each loop a tick now and then, and
/// looks how late it runs.
///
/// A stall is the time from the tick's post to its run, without what the loop's thread spent waiting for a core: on a
/// machine with too much to do everything is late, and no handler of ours is to blame. What is left is callbacks that
/// computed (``Cause/busy``), or that waited in the kernel, for a lock, a disk, a pipe, a page (``Cause/blocked``).
///
/// It can't tell one long callback from many short ones of a turn; both hold up the others. Time that a hypervisor
/// takes away looks like one of both, as the kernel accounts for it. A stall between two ticks is missed: at a coarse
/// interval it is a sample, and only those longer than ``init(loops:interval:threshold:metrics:onStall:)``'s interval
/// are all seen. Elsewhere than on Linux the waiting for a core counts as stall, and the cause is unknown.
public final class EventLoopWatchdog: Service {
    /// Why a loop did not get to its tick.
    public enum Cause: String, Sendable {
        /// It computed, for at least half of the time.
        case busy
        /// It slept in the kernel.
        case blocked
        /// The system does not tell.
        case unknown
    }

    /// How late one tick was.
    public struct Stall: Equatable, Sendable {
        /// The loop's number.
        public let loop: Int
        /// Waiting for a core not included.
        public let duration: Duration
        /// From post to run.
        public let lateness: Duration
        /// What it did meanwhile.
        public let cause: Cause
    }

    /// 100 ms, for always.
    public static let interval: Duration = .milliseconds(100)
    /// 2 ms: no stall of ``threshold`` is missed.
    public static let thoroughInterval: Duration = .milliseconds(2)
    /// 20 ms: longer ones are told of.
    public static let threshold: Duration = .milliseconds(20)
    /// The histogram of all ticks' stalls.
    public static let metricName = "event_loop_stall_seconds"

    private struct State {
        var meter: (any ThreadMeter)?
        /// The reading at the post of a tick that has not run.
        var posted: ThreadReading?
        var isPending = false
        var longest: Stall?
        var tickCount = 0
    }

    private let loops: [any EventLoop]
    private let interval: Duration
    private let threshold: Duration
    private let makeMeter: @Sendable () -> any ThreadMeter
    private let onStall: @Sendable (Stall) -> Void
    private let timer: Timer
    private let states: [NIOLockedValueBox<State>]
    private let wake = DispatchSemaphore(value: 0)
    private let isStopping = Atomic(false)

    /// A watchdog over these loops.
    ///
    /// - Parameter onStall: Told of stalls above the threshold, on the loop that stalled: it must not block.
    public convenience init(
        loops: [any EventLoop], interval: Duration = EventLoopWatchdog.interval,
        threshold: Duration = EventLoopWatchdog.threshold, metrics: any MetricsFactory = MetricsSystem.factory,
        onStall: @escaping @Sendable (Stall) -> Void = { _ in }
    ) {
        self.init(
            loops: loops, interval: interval, threshold: threshold, metrics: metrics,
            makeMeter: { SystemThreadMeter() }, onStall: onStall)
    }

    init(
        loops: [any EventLoop], interval: Duration, threshold: Duration, metrics: any MetricsFactory,
        makeMeter: @escaping @Sendable () -> any ThreadMeter, onStall: @escaping @Sendable (Stall) -> Void
    ) {
        self.loops = loops
        self.interval = interval
        self.threshold = threshold
        self.makeMeter = makeMeter
        self.onStall = onStall
        self.timer = Timer(label: Self.metricName, factory: metrics)
        self.states = loops.map { _ in NIOLockedValueBox(State()) }
    }

    /// The longest stall of each loop so far; `nil` where none was measured yet. One that still lasts is not among
    /// them.
    public var longestStalls: [Stall?] { states.map { $0.withLockedValue(\.longest) } }

    /// How many ticks of each loop were measured.
    public var tickCounts: [Int] { states.map { $0.withLockedValue(\.tickCount) } }

    /// Watches until it is told to stop.
    public func run() async {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    Thread.current.name = "watchdog"
                    let nanoseconds = Int(self.interval / .nanoseconds(1))
                    while !self.isStopping.load(ordering: .acquiring) {
                        self.post()
                        _ = self.wake.wait(timeout: .now() + .nanoseconds(nanoseconds))
                    }
                    continuation.resume()
                }
            }
        } onCancelOrGracefulShutdown: {
            self.isStopping.store(true, ordering: .releasing)
            self.wake.signal()
        }
    }

    /// Gives a tick to each loop that has none.
    func post() {
        for (number, loop) in loops.enumerated() {
            let isFree = states[number].withLockedValue { state in
                guard !state.isPending else { return false }
                state.isPending = true
                state.posted = state.meter?.read()
                return true
            }
            if isFree { loop.execute { self.tick(number) } }
        }
    }

    private func tick(_ number: Int) {
        let stall = states[number].withLockedValue { state -> Stall? in
            state.isPending = false
            guard let posted = state.posted, let ran = state.meter?.read() else {
                // The first tick: a meter must be made on the thread that it is to read.
                state.meter = makeMeter()
                return nil
            }
            let stall = Stall(loop: number, posted: posted, ran: ran)
            state.tickCount += 1
            if stall.duration >= state.longest?.duration ?? .zero { state.longest = stall }
            return stall
        }
        guard let stall else { return }
        timer.recordNanoseconds(Int64(stall.duration / .nanoseconds(1)))
        if stall.duration > threshold { onStall(stall) }
    }
}

extension EventLoopWatchdog.Stall {
    init(loop: Int, posted: ThreadReading, ran: ThreadReading) {
        let lateness = max(0, ran.time - posted.time)
        // A wait that began before the post is counted when it ends, so it can be longer than the tick was late.
        let waited = zip(ran.inRunQueue, posted.inRunQueue).map { min(max(0, $0 - $1), lateness) }
        let duration = lateness - (waited ?? 0)
        self.loop = loop
        self.lateness = .nanoseconds(lateness)
        self.duration = .nanoseconds(duration)
        if waited != nil, let onCore = zip(ran.onCore, posted.onCore).map({ $0 - $1 }) {
            self.cause = onCore * 2 >= duration ? .busy : .blocked
        } else {
            self.cause = .unknown
        }
    }
}

/// Both values, where there are both.
private func zip(_ first: Int64?, _ second: Int64?) -> (Int64, Int64)? {
    guard let first, let second else { return nil }
    return (first, second)
}
