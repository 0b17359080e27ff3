internal import Metrics

/// Counters and timers by route class and status class: bounded, made once, and found by counting.
struct ForwardingMetrics: Sendable {
    /// What a call's record counts.
    struct Sample: Sendable {
        var route = PathTemplate.RouteClass.other
        /// The answer's status; `0` where there is none.
        var status = 0
        /// From the request's head to the end of the answer.
        var nanoseconds: Int64 = 0
        /// Until Salesforce's answer began; `nil` where it was not asked.
        var upstreamNanoseconds: Int64?
        var isReplayed = false
        var bytesIn = 0
        var bytesOut = 0
    }

    private struct Series: Sendable {
        let requests: Counter
        let duration: Timer
    }

    private static let statusClasses = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"]

    /// By route class, and for each by status class.
    private let series: [Series]
    /// By route class.
    private let upstream: [Timer]
    private let replays: Counter
    private let bytesIn: Counter
    private let bytesOut: Counter

    init(metrics: any MetricsFactory = MetricsSystem.factory) {
        self.series = PathTemplate.RouteClass.allCases.flatMap { route in
            Self.statusClasses.map { status in
                let dimensions = [("route", route.rawValue), ("status", status)]
                return Series(
                    requests: Counter(label: "forwarding_requests_total", dimensions: dimensions, factory: metrics),
                    duration: Timer(
                        label: "forwarding_request_duration_seconds", dimensions: dimensions, factory: metrics))
            }
        }
        self.upstream = PathTemplate.RouteClass.allCases.map { route in
            Timer(
                label: "forwarding_upstream_duration_seconds", dimensions: [("route", route.rawValue)],
                factory: metrics)
        }
        self.replays = Counter(label: "forwarding_replays_total", factory: metrics)
        let bytes = "forwarding_bytes_total"
        self.bytesIn = Counter(label: bytes, dimensions: [("direction", "in")], factory: metrics)
        self.bytesOut = Counter(label: bytes, dimensions: [("direction", "out")], factory: metrics)
    }

    func record(_ sample: Sample) {
        let statusClass = (100..<600).contains(sample.status) ? sample.status / 100 : 0
        let series = series[sample.route.index * Self.statusClasses.count + statusClass]
        series.requests.increment()
        series.duration.recordNanoseconds(sample.nanoseconds)
        if let nanoseconds = sample.upstreamNanoseconds {
            upstream[sample.route.index].recordNanoseconds(nanoseconds)
        }
    }

    /// Counts what samples have together.
    func record(replays: Int, bytesIn: Int, bytesOut: Int) {
        if replays > 0 { self.replays.increment(by: replays) }
        if bytesIn > 0 { self.bytesIn.increment(by: bytesIn) }
        if bytesOut > 0 { self.bytesOut.increment(by: bytesOut) }
    }
}

/// What one event loop has to count, kept back a while and then counted in one go: so loops seldom write to the
/// counters that they share, which costs more than the counting.
///
/// Its owner drains it from time to time, and when the loop ends.
struct ForwardingMetricsBatch {
    /// 256 samples, 16 KiB.
    static let samplesMax = 256

    private let metrics: ForwardingMetrics
    private var samples: [ForwardingMetrics.Sample] = []

    init(_ metrics: ForwardingMetrics) {
        self.metrics = metrics
        samples.reserveCapacity(Self.samplesMax)
    }

    mutating func record(_ sample: ForwardingMetrics.Sample) {
        samples.append(sample)
        if samples.count >= Self.samplesMax { drain() }
    }

    /// Counts what was kept back.
    mutating func drain() {
        var (replays, bytesIn, bytesOut) = (0, 0, 0)
        for sample in samples {
            metrics.record(sample)
            if sample.isReplayed { replays += 1 }
            bytesIn += sample.bytesIn
            bytesOut += sample.bytesOut
        }
        metrics.record(replays: replays, bytesIn: bytesIn, bytesOut: bytesOut)
        samples.removeAll(keepingCapacity: true)
    }
}
