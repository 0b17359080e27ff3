internal import Foundation
internal import Metrics
internal import NIOConcurrencyHelpers
internal import Synchronization

/// One line of values over time, or, for a histogram, a group of them.
protocol Series: AnyObject, Sendable {
    /// Appends the series' lines.
    func render(name: String, labels: String, into text: inout String)
}

/// A count of whole things; it stays at its highest value rather than trap.
final class CounterSeries: CounterHandler, Series {
    private let cells = CounterCells()

    func increment(by amount: Int64) {
        // Counters only grow: Prometheus takes a fall for a restart.
        guard amount > 0 else { return }
        cells.add(UInt64(amount), to: Stripe.current)
    }

    func reset() { cells.reset() }

    func render(name: String, labels: String, into text: inout String) {
        text += sample(name, labels, "\(cells.sum)")
    }
}

/// A count in ``Stripe/count`` parts.
private struct CounterCells: ~Copyable {
    private static let valueMax = UInt64(Int64.max)

    private struct Cell: ~Copyable {
        let value = Atomic<UInt64>(0)
        /// Keeps the next cell off this one's cache line.
        let padding: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0)

        func add(_ amount: UInt64) {
            let sum = value.wrappingAdd(amount, ordering: .relaxed).newValue
            // Half of the range is left above it, so no other thread gets round before this is done.
            if sum > CounterCells.valueMax { value.store(CounterCells.valueMax, ordering: .relaxed) }
        }

        var count: UInt64 { min(value.load(ordering: .relaxed), CounterCells.valueMax) }
    }

    // Not an array: its elements would have to be objects, and be retained for each addition.
    private let first = Cell()
    private let second = Cell()
    private let third = Cell()
    private let fourth = Cell()
    private let fifth = Cell()
    private let sixth = Cell()
    private let seventh = Cell()
    private let eighth = Cell()

    func add(_ amount: UInt64, to stripe: Int) {
        switch stripe {
        case 0: first.add(amount)
        case 1: second.add(amount)
        case 2: third.add(amount)
        case 3: fourth.add(amount)
        case 4: fifth.add(amount)
        case 5: sixth.add(amount)
        case 6: seventh.add(amount)
        case _: eighth.add(amount)
        }
    }

    func reset() {
        first.value.store(0, ordering: .relaxed)
        second.value.store(0, ordering: .relaxed)
        third.value.store(0, ordering: .relaxed)
        fourth.value.store(0, ordering: .relaxed)
        fifth.value.store(0, ordering: .relaxed)
        sixth.value.store(0, ordering: .relaxed)
        seventh.value.store(0, ordering: .relaxed)
        eighth.value.store(0, ordering: .relaxed)
    }

    var sum: UInt64 {
        let counts = [
            first.count, second.count, third.count, fourth.count, fifth.count, sixth.count, seventh.count, eighth.count,
        ]
        return counts.reduce(0) { min(Self.valueMax, $0 + $1) }
    }
}

/// A count of parts of things.
final class FloatingPointCounterSeries: FloatingPointCounterHandler, Series {
    private let value = NIOLockedValueBox<Double>(0)

    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        value.withLockedValue { $0 += amount }
    }

    func reset() { value.withLockedValue { $0 = 0 } }

    func render(name: String, labels: String, into text: inout String) {
        text += sample(name, labels, number(value.withLockedValue { $0 }))
    }
}

/// A value that goes up and down.
final class GaugeSeries: MeterHandler, RecorderHandler, Series {
    private let value = NIOLockedValueBox<Double>(0)

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { self.value.withLockedValue { $0 = value } }
    func increment(by amount: Double) { value.withLockedValue { $0 += amount } }
    func decrement(by amount: Double) { value.withLockedValue { $0 -= amount } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }

    func render(name: String, labels: String, into text: inout String) {
        text += sample(name, labels, number(value.withLockedValue { $0 }))
    }
}

/// How many values fell below each of a few fixed bounds. As a timer it takes nanoseconds and tells seconds.
final class HistogramSeries: RecorderHandler, TimerHandler, Series {
    private struct State {
        /// One for each bound and one for what lies above them all.
        var counts: [UInt64]
        var sum: Double
    }

    private let buckets: [Double]
    /// A lock that nobody else wants costs less than an atomic operation for the bucket and one for the sum.
    private let stripes: [NIOLockedValueBox<State>]

    /// Takes the upper bounds, in ascending order; a bound belongs to its bucket.
    init(buckets: [Double]) {
        self.buckets = buckets
        self.stripes = (0..<Stripe.count).map { _ in
            NIOLockedValueBox(State(counts: Array(repeating: 0, count: buckets.count + 1), sum: 0))
        }
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard value.isFinite else { return }
        var bucket = 0
        while bucket < buckets.count, value > buckets[bucket] { bucket += 1 }
        stripes[Stripe.current].withLockedValue { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1_000_000_000) }

    func render(name: String, labels: String, into text: inout String) {
        var counts: [UInt64] = Array(repeating: 0, count: buckets.count + 1)
        var sum = 0.0
        for state in stripes.map({ $0.withLockedValue { $0 } }) {
            for (bucket, count) in state.counts.enumerated() { counts[bucket] += count }
            sum += state.sum
        }
        let separator = labels.isEmpty ? "" : ","
        var count: UInt64 = 0
        for (bound, inBucket) in zip(buckets.map(number) + ["+Inf"], counts) {
            count += inBucket
            text += sample(name + "_bucket", labels + separator + "le=\"\(bound)\"", "\(count)")
        }
        text += sample(name + "_sum", labels, number(sum))
        text += sample(name + "_count", labels, "\(count)")
    }
}

/// Series that are counted for each request are kept in parts, so that event loops don't wait for each other's cache
/// lines. A thread uses one part; two threads seldom the same.
private enum Stripe {
    /// 8 parts, a power of two.
    static let count = 8

    static var current: Int {
        #if canImport(Darwin)
            let thread = UInt(bitPattern: pthread_self())
        #else
            let thread = UInt(pthread_self())
        #endif
        // A thread's id is an address. Multiplied by the golden ratio, those of one row are spread out.
        return Int(truncatingIfNeeded: (UInt64(thread) >> 12 &* 0x9E37_79B9_7F4A_7C15) >> 61)
    }
}

private func sample(_ name: String, _ labels: String, _ value: String) -> String {
    labels.isEmpty ? "\(name) \(value)\n" : "\(name){\(labels)} \(value)\n"
}

/// A number as Prometheus reads it: whole ones without a fraction, and its own names for what is not finite.
private func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    if let whole = Int64(exactly: value) { return "\(whole)" }
    return "\(value)"
}
