public import Metrics
internal import NIOConcurrencyHelpers

/// A swift-metrics backend that holds its values in memory and renders them for Prometheus.
///
/// Counters become `…_total`, timers histograms in seconds, recorders histograms or gauges, meters gauges. The number
/// of series is bounded: a label with an unbounded value costs series, not memory without end.
///
/// Format: https://prometheus.io/docs/instrumenting/exposition_formats/ (text, version 0.0.4).
public struct PrometheusMetricsFactory: MetricsFactory {
    /// 2,000 series; a histogram counts as one.
    public static let seriesMax = 2_000
    /// 128 bytes of a label's value.
    static let labelValueByteCountMax = 128
    /// 16 labels.
    static let labelCountMax = 16
    /// How many series were asked for beyond ``seriesMax``, or under a name that means another type.
    public static let droppedName = "formation_metrics_series_dropped_total"
    /// The content type of ``render()``.
    public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// 1 ms to 30 s: from a cache's answer to a slow query at Salesforce.
    public static let secondsBuckets: [Double] = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ]
    /// Powers of four, 1 to 16 M: counts and bytes.
    public static let valueBuckets: [Double] = [
        1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216,
    ]

    private let registry: NIOLockedValueBox<Registry>
    private let seriesMax: Int
    private let secondsBuckets: [Double]
    private let valueBuckets: [Double]

    /// An empty registry.
    public init(
        seriesMax: Int = Self.seriesMax, secondsBuckets: [Double] = Self.secondsBuckets,
        valueBuckets: [Double] = Self.valueBuckets
    ) {
        self.registry = NIOLockedValueBox(Registry())
        self.seriesMax = seriesMax
        self.secondsBuckets = secondsBuckets.sorted()
        self.valueBuckets = valueBuckets.sorted()
    }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        make(SeriesName(label, suffix: "_total", dimensions), .counter) { CounterSeries() }
            ?? NOOPMetricsHandler.instance
    }

    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        make(SeriesName(label, suffix: "_total", dimensions), .counter) { FloatingPointCounterSeries() }
            ?? NOOPMetricsHandler.instance
    }

    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        make(SeriesName(label, suffix: "", dimensions), .gauge) { GaugeSeries() } ?? NOOPMetricsHandler.instance
    }

    public func makeRecorder(
        label: String, dimensions: [(String, String)], aggregate: Bool
    ) -> any RecorderHandler {
        let name = SeriesName(label, suffix: "", dimensions)
        if aggregate {
            return make(name, .histogram) { HistogramSeries(buckets: valueBuckets) } ?? NOOPMetricsHandler.instance
        }
        return make(name, .gauge) { GaugeSeries() } ?? NOOPMetricsHandler.instance
    }

    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        make(SeriesName(label, suffix: "_seconds", dimensions), .histogram) { HistogramSeries(buckets: secondsBuckets) }
            ?? NOOPMetricsHandler.instance
    }

    public func destroyCounter(_ handler: any CounterHandler) { destroy(handler) }
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) { destroy(handler) }
    public func destroyMeter(_ handler: any MeterHandler) { destroy(handler) }
    public func destroyRecorder(_ handler: any RecorderHandler) { destroy(handler) }
    public func destroyTimer(_ handler: any TimerHandler) { destroy(handler) }

    /// All series, sorted by name and labels, each family under its `# TYPE`.
    public func render() -> String {
        // Values are read outside of the registry's lock, so that rendering holds up nobody who makes a series.
        let (families, dropped) = registry.withLockedValue { ($0.families, $0.dropped) }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.render(name: name, labels: labels, into: &text)
            }
        }
        text += "# TYPE \(Self.droppedName) counter\n\(Self.droppedName) \(dropped)\n"
        return text
    }

    /// The series of this name, made where there is none; `nil` where there may be no more.
    private func make<Made: Series>(_ name: SeriesName, _ kind: SeriesKind, _ make: () -> Made) -> Made? {
        registry.withLockedValue { registry in
            if let existing = registry.families[name.family]?.series[name.labels] as? Made { return existing }
            guard registry.count < seriesMax, name.family != Self.droppedName,
                registry.families[name.family].map({ $0.kind == kind && $0.series[name.labels] == nil }) ?? true
            else {
                registry.dropped += 1
                return nil
            }
            let series = make()
            registry.families[name.family, default: Registry.Family(kind: kind)].series[name.labels] = series
            registry.names[ObjectIdentifier(series)] = name
            return series
        }
    }

    private func destroy(_ handler: AnyObject) {
        registry.withLockedValue { registry in
            guard let name = registry.names.removeValue(forKey: ObjectIdentifier(handler)) else { return }
            registry.families[name.family]?.series[name.labels] = nil
            if registry.families[name.family]?.series.isEmpty == true { registry.families[name.family] = nil }
        }
    }
}

private enum SeriesKind: String {
    case counter
    case gauge
    case histogram
}

private struct Registry {
    struct Family {
        let kind: SeriesKind
        /// By rendered labels.
        var series: [String: any Series] = [:]
    }

    var families: [String: Family] = [:]
    var names: [ObjectIdentifier: SeriesName] = [:]
    var dropped = 0

    var count: Int { names.count }
}

/// A family's name and the rendered labels of one of its series: `http_requests_total` and `route="/x",status="200"`.
private struct SeriesName {
    let family: String
    let labels: String

    init(_ label: String, suffix: String, _ dimensions: [(String, String)]) {
        let name = Self.plain(label, allowsColon: true)
        self.family = name.hasSuffix(suffix) ? name : name + suffix
        var values: [String: String] = [:]
        for (name, value) in dimensions.prefix(PrometheusMetricsFactory.labelCountMax) {
            var plain = Self.plain(name, allowsColon: false)
            // "le" is a histogram's own, and two underscores in front are Prometheus's.
            if plain == "le" || plain.hasPrefix("__") { plain = "label_" + plain }
            values[plain] = value
        }
        self.labels = values.sorted { $0.key < $1.key }
            .map { "\($0.key)=\"\(Self.escape($0.value))\"" }.joined(separator: ",")
    }

    private static func plain(_ name: String, allowsColon: Bool) -> String {
        let bytes = name.utf8.map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                byte
            case UInt8(ascii: ":") where allowsColon: byte
            case _: UInt8(ascii: "_")
            }
        }
        let text = String(decoding: bytes, as: UTF8.self)
        guard let first = text.first else { return "_" }
        return first.isNumber ? "_" + text : text
    }

    private static func escape(_ value: String) -> String {
        var escaped = ""
        for scalar in value.unicodeScalars {
            guard escaped.utf8.count < PrometheusMetricsFactory.labelValueByteCountMax else { break }
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\"": escaped += "\\\""
            case "\n": escaped += "\\n"
            case "\r": escaped += " "
            case _: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
