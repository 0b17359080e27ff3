internal import Foundation
internal import Metrics

/// Counters and timers by route class and status class: bounded, and made once.
struct ForwardingMetrics: Sendable {
    private struct Series: Sendable {
        let requests: Counter
        let duration: Metrics.Timer
    }

    private static let statusClasses = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"]

    private let series: [PathTemplate.RouteClass: [Series]]
    private let upstream: [PathTemplate.RouteClass: Metrics.Timer]
    private let replays = Counter(label: "forwarding_replays_total")
    private let bytesIn = Counter(label: "forwarding_bytes_total", dimensions: [("direction", "in")])
    private let bytesOut = Counter(label: "forwarding_bytes_total", dimensions: [("direction", "out")])

    init() {
        var series: [PathTemplate.RouteClass: [Series]] = [:]
        var upstream: [PathTemplate.RouteClass: Metrics.Timer] = [:]
        for route in PathTemplate.RouteClass.allCases {
            series[route] = Self.statusClasses.map { status in
                let dimensions = [("route", route.rawValue), ("status", status)]
                return Series(
                    requests: Counter(label: "forwarding_requests_total", dimensions: dimensions),
                    duration: Metrics.Timer(label: "forwarding_request_duration_seconds", dimensions: dimensions))
            }
            upstream[route] = Metrics.Timer(
                label: "forwarding_upstream_duration_seconds", dimensions: [("route", route.rawValue)])
        }
        self.series = series
        self.upstream = upstream
    }

    func record(
        route: PathTemplate.RouteClass, status: Int, seconds: TimeInterval, upstreamSeconds: TimeInterval?,
        isReplayed: Bool, bytesIn: Int, bytesOut: Int
    ) {
        let statusClass = (100..<600).contains(status) ? status / 100 : 0
        let series = series[route]?[statusClass]
        series?.requests.increment()
        series?.duration.recordSeconds(seconds)
        if let upstreamSeconds { upstream[route]?.recordSeconds(upstreamSeconds) }
        if isReplayed { replays.increment() }
        self.bytesIn.increment(by: bytesIn)
        self.bytesOut.increment(by: bytesOut)
    }
}
