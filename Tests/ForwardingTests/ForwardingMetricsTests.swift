import Metrics
import Telemetry
import Testing

@testable import Forwarding

/// What is counted of a call stands under its own labels.
@Suite struct ForwardingMetricsTests {
    /// Route classes are found by counting.
    @Test func routesAreInOrder() {
        #expect(PathTemplate.RouteClass.allCases.map(\.index) == Array(PathTemplate.RouteClass.allCases.indices))
    }

    /// One call of each route and status class: each is counted once, under its own labels.
    @Test func callsAreCountedUnderTheirLabels() {
        let factory = PrometheusMetricsFactory()
        var batch = ForwardingMetricsBatch(ForwardingMetrics(metrics: factory))
        let statuses = [(0, "none"), (101, "1xx"), (204, "2xx"), (304, "3xx"), (404, "4xx"), (503, "5xx")]
        for route in PathTemplate.RouteClass.allCases {
            for (status, _) in statuses {
                batch.record(
                    .init(
                        route: route, status: status, nanoseconds: 20_000_000, upstreamNanoseconds: 3_000_000,
                        isReplayed: true, bytesIn: 2, bytesOut: 3))
            }
        }
        batch.record(.init(route: .query, status: 999, nanoseconds: 20_000_000))
        batch.drain()
        let text = factory.render()
        for route in PathTemplate.RouteClass.allCases {
            for (_, status) in statuses {
                let count = route == .query && status == "none" ? 2 : 1
                let labels = "route=\"\(route)\",status=\"\(status)\""
                #expect(text.contains("forwarding_requests_total{\(labels)} \(count)\n"))
                #expect(text.contains("forwarding_request_duration_seconds_bucket{\(labels),le=\"0.01\"} 0\n"))
                #expect(text.contains("forwarding_request_duration_seconds_bucket{\(labels),le=\"0.025\"} \(count)\n"))
            }
            #expect(text.contains("forwarding_upstream_duration_seconds_count{route=\"\(route)\"} 6\n"))
        }
        #expect(text.contains("forwarding_replays_total 66\n"))
        #expect(text.contains("forwarding_bytes_total{direction=\"in\"} 132\n"))
        #expect(text.contains("forwarding_bytes_total{direction=\"out\"} 198\n"))
    }

    /// A batch is counted when it is full, and when it is drained; nothing is counted twice.
    @Test func batchesAreCountedOnce() {
        let factory = PrometheusMetricsFactory()
        var batch = ForwardingMetricsBatch(ForwardingMetrics(metrics: factory))
        let line = "forwarding_requests_total{route=\"limits\",status=\"2xx\"}"
        for _ in 1..<ForwardingMetricsBatch.samplesMax { batch.record(.init(route: .limits, status: 200)) }
        #expect(factory.render().contains("\(line) 0\n"))
        batch.record(.init(route: .limits, status: 200))
        #expect(factory.render().contains("\(line) \(ForwardingMetricsBatch.samplesMax)\n"))
        batch.record(.init(route: .limits, status: 200))
        batch.drain()
        batch.drain()
        #expect(factory.render().contains("\(line) \(ForwardingMetricsBatch.samplesMax + 1)\n"))
    }
}
