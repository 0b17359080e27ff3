internal import Metrics
internal import NIOConcurrencyHelpers

/// One line of values over time, or, for a histogram, a group of them.
protocol Series: AnyObject, Sendable {
    /// Appends the series' lines.
    func render(name: String, labels: String, into text: inout String)
}

/// A count of whole things; it stays at its highest value rather than trap.
final class CounterSeries: CounterHandler, Series {
    private let value = NIOLockedValueBox<Int64>(0)

    func increment(by amount: Int64) {
        // Counters only grow: Prometheus takes a fall for a restart.
        guard amount > 0 else { return }
        value.withLockedValue { value in
            let (sum, isOver) = value.addingReportingOverflow(amount)
            value = isOver ? .max : sum
        }
    }

    func reset() { value.withLockedValue { $0 = 0 } }

    func render(name: String, labels: String, into text: inout String) {
        text += sample(name, labels, "\(value.withLockedValue { $0 })")
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
    private let state: NIOLockedValueBox<State>

    /// Takes the upper bounds, in ascending order; a bound belongs to its bucket.
    init(buckets: [Double]) {
        self.buckets = buckets
        self.state = NIOLockedValueBox(State(counts: Array(repeating: 0, count: buckets.count + 1), sum: 0))
    }

    func record(_ value: Int64) { record(Double(value)) }

    func record(_ value: Double) {
        guard value.isFinite else { return }
        let bucket = buckets.firstIndex { value <= $0 } ?? buckets.count
        state.withLockedValue { state in
            state.counts[bucket] += 1
            state.sum += value
        }
    }

    func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1_000_000_000) }

    func render(name: String, labels: String, into text: inout String) {
        let state = state.withLockedValue { $0 }
        let separator = labels.isEmpty ? "" : ","
        var count: UInt64 = 0
        for (bound, inBucket) in zip(buckets.map(number) + ["+Inf"], state.counts) {
            count += inBucket
            text += sample(name + "_bucket", labels + separator + "le=\"\(bound)\"", "\(count)")
        }
        text += sample(name + "_sum", labels, number(state.sum))
        text += sample(name + "_count", labels, "\(count)")
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
