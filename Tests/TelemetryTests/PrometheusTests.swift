import Metrics
import Testing

@testable import Telemetry

/// What Prometheus reads is what was counted, and never more than a bound.
@Suite struct PrometheusTests {
    private static let dropped =
        "# TYPE formation_metrics_series_dropped_total counter\nformation_metrics_series_dropped_total"

    /// Each kind under its type, sorted, with labels.
    @Test func kindsAreRendered() {
        let factory = PrometheusMetricsFactory(secondsBuckets: [0.1, 1], valueBuckets: [1, 4])
        Counter(label: "http.requests", dimensions: [("status", "200"), ("route", "/x")], factory: factory)
            .increment(by: 3)
        Counter(label: "http.requests", dimensions: [("status", "500"), ("route", "/x")], factory: factory).increment()
        FloatingPointCounter(label: "cost", factory: factory).increment(by: 0.5)
        Meter(label: "pool.size", factory: factory).set(7)
        Gauge(label: "queue", factory: factory).record(2.5)
        let timer = Timer(label: "latency", factory: factory)
        timer.recordMilliseconds(50)
        timer.recordMilliseconds(100)
        timer.recordSeconds(2)
        Recorder(label: "batch", factory: factory).record(4)
        #expect(
            factory.render() == """
                # TYPE batch histogram
                batch_bucket{le="1"} 0
                batch_bucket{le="4"} 1
                batch_bucket{le="+Inf"} 1
                batch_sum 4
                batch_count 1
                # TYPE cost_total counter
                cost_total 0.5
                # TYPE http_requests_total counter
                http_requests_total{route="/x",status="200"} 3
                http_requests_total{route="/x",status="500"} 1
                # TYPE latency_seconds histogram
                latency_seconds_bucket{le="0.1"} 2
                latency_seconds_bucket{le="1"} 2
                latency_seconds_bucket{le="+Inf"} 3
                latency_seconds_sum 2.15
                latency_seconds_count 3
                # TYPE pool_size gauge
                pool_size 7
                # TYPE queue gauge
                queue 2.5
                \(Self.dropped) 0

                """)
    }

    /// Two counters of one name and labels, in whatever order, are one series.
    @Test func sameSeriesIsShared() {
        let factory = PrometheusMetricsFactory()
        Counter(label: "c", dimensions: [("a", "1"), ("b", "2")], factory: factory).increment()
        Counter(label: "c", dimensions: [("b", "2"), ("a", "1")], factory: factory).increment()
        #expect(factory.render().contains("c_total{a=\"1\",b=\"2\"} 2\n"))
    }

    /// Names are reduced to what Prometheus takes, values escaped, and no value can begin a line.
    @Test func labelsAreEscaped() {
        let factory = PrometheusMetricsFactory()
        Counter(
            label: "9 a.b-c_total", dimensions: [("le", "x"), ("a b", "q\"\\\n\r"), ("__x", "1")], factory: factory
        ).increment()
        #expect(
            factory.render().contains(
                "_9_a_b_c_total{a_b=\"q\\\"\\\\\\n \",label___x=\"1\",label_le=\"x\"} 1\n"))
    }

    /// Long values are cut.
    @Test func labelValuesAreBounded() {
        let factory = PrometheusMetricsFactory()
        Counter(label: "c", dimensions: [("a", String(repeating: "x", count: 5_000))], factory: factory).increment()
        #expect(factory.render().utf8.count < 400)
    }

    /// Beyond the bound nothing is kept; how much was asked for is counted, and what is there goes on.
    @Test func seriesAreBounded() {
        let factory = PrometheusMetricsFactory(seriesMax: 10)
        let first = Counter(label: "c", dimensions: [("n", "0")], factory: factory)
        for index in 0..<25 {
            Counter(label: "c", dimensions: [("n", "\(index)")], factory: factory).increment()
        }
        first.increment()
        let text = factory.render()
        #expect(text.split(separator: "\n").filter { $0.hasPrefix("c_total{") }.count == 10)
        #expect(text.contains("c_total{n=\"0\"} 2\n"))
        #expect(text.contains("\(Self.dropped) 15\n"))
    }

    /// A name has one type; another one's series is dropped, not mixed in.
    @Test func nameHasOneType() {
        let factory = PrometheusMetricsFactory()
        Meter(label: "x", factory: factory).set(1)
        Recorder(label: "x", factory: factory).record(5)
        Counter(label: "y", factory: factory).increment()
        FloatingPointCounter(label: "y", factory: factory).increment(by: 1)
        let text = factory.render()
        #expect(text.contains("# TYPE x gauge\nx 1\n"))
        #expect(text.contains("y_total 1\n"))
        #expect(text.contains("\(Self.dropped) 2\n"))
    }

    /// A destroyed series gives its place back.
    @Test func destroyedSeriesIsGone() {
        let factory = PrometheusMetricsFactory(seriesMax: 1)
        let counter = Counter(label: "a", factory: factory)
        counter.increment()
        counter.destroy()
        Counter(label: "b", factory: factory).increment()
        #expect(!factory.render().contains("a_total"))
        #expect(factory.render().contains("b_total 1\n"))
    }

    /// Counters never fall and never trap; what is no number is not recorded.
    @Test func hostileNumbersAreHarmless() {
        let factory = PrometheusMetricsFactory(valueBuckets: [1])
        let counter = factory.makeCounter(label: "c", dimensions: [])
        counter.increment(by: .max)
        counter.increment(by: .max)
        counter.increment(by: -5)
        let parts = factory.makeFloatingPointCounter(label: "f", dimensions: [])
        parts.increment(by: .nan)
        parts.increment(by: .infinity)
        parts.increment(by: -1)
        let values = factory.makeRecorder(label: "h", dimensions: [], aggregate: true)
        values.record(Double.nan)
        values.record(-Double.infinity)
        values.record(Int64.max)
        factory.makeMeter(label: "g", dimensions: []).set(-Double.infinity)
        let text = factory.render()
        #expect(text.contains("c_total 9223372036854775807\n"))
        #expect(text.contains("f_total 0\n"))
        #expect(text.contains("h_count 1\n"))
        #expect(text.contains("g -Inf\n"))
    }

    /// Nothing is lost when many count at once.
    @Test func concurrentCountsAddUp() async {
        let factory = PrometheusMetricsFactory()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for _ in 0..<1_000 {
                        Counter(label: "c", factory: factory).increment()
                        Timer(label: "t", factory: factory).recordNanoseconds(1)
                    }
                }
            }
        }
        #expect(factory.render().contains("c_total 8000\n"))
        #expect(factory.render().contains("t_seconds_count 8000\n"))
    }
}
