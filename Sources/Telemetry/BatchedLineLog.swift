internal import Dispatch
public import Foundation
public import Logging
public import Metrics
internal import NIOConcurrencyHelpers
public import ServiceLifecycle
internal import Synchronization

/// A log of one kind of event that happens often, such as an answered request: its lines are put into buffers, and
/// written in batches by a thread of the log's own. Whoever appends never waits for the file.
///
/// The lines look as an ordinary logger's of the same event. They are not searched for secrets: only fields that can't
/// hold any may be added. Lines of one shard stay in order; those of different shards may change places within
/// ``flushInterval``.
///
/// Limits: a line is in the file after ``flushInterval``; a shard keeps ``shardByteCountMax``, and lines that come
/// while it is full are counted and dropped.
public final class BatchedLineLog: Service {
    /// 100 ms.
    public static let flushInterval: Duration = .milliseconds(100)
    /// 64 KiB of one shard are written without waiting for the interval: what a pipe takes at once.
    public static let flushByteCount = 64 * 1024
    /// 4 MiB of one shard, for readers that are slow for a while.
    public static let shardByteCountMax = 4 * 1024 * 1024
    /// How many lines were dropped.
    public static let droppedName = "log_lines_dropped_total"
    /// 128 KiB of a buffer stay when it was written.
    private static let keptByteCount = 128 * 1024

    private struct Shard {
        var fields: LineFields
        var timestamp = Timestamp()
        var droppedCount = 0
        var droppedAt: Int64 = 0
    }

    private let isEnabled: Bool
    private let minimumLevel: Logger.Level
    private let label: String
    private let formatter: LineFormatter
    private let byteCountMax: Int
    private let sink: LogSink
    private let dropped: Counter
    /// What each line has before and behind its time.
    private let head: (prefix: [UInt8], suffix: [UInt8])
    private let shards: [NIOLockedValueBox<Shard>]
    /// A buffer for each shard; held as long as something is written.
    private let spares: NIOLockedValueBox<[[UInt8]]>
    private let wake = DispatchSemaphore(value: 0)
    private let isStopping = Atomic(false)

    /// An empty log.
    ///
    /// - Parameters:
    ///   - label: The logger's name.
    ///   - level: The level of each line.
    ///   - minimumLevel: `LOG_LEVEL`: with a higher one nothing is written.
    ///   - message: What each line says.
    ///   - shardCount: As many buffers as threads append: one for each event loop.
    ///   - sink: Where lines go; called on the log's own thread, with whole lines, many at once.
    public init(
        format: LogFormat, label: String, level: Logger.Level = .info, minimumLevel: Logger.Level = .info,
        message: String, shardCount: Int, shardByteCountMax: Int = BatchedLineLog.shardByteCountMax, sink: LogSink,
        metrics: any MetricsFactory = MetricsSystem.factory
    ) {
        self.isEnabled = level >= minimumLevel
        self.minimumLevel = minimumLevel
        self.label = label
        self.formatter = LineFormatter(format: format)
        self.byteCountMax = shardByteCountMax
        self.sink = sink
        self.dropped = Counter(label: Self.droppedName, factory: metrics)
        self.head = formatter.head(level: level, label: label, message: message)
        let shard = Shard(fields: LineFields(LineWriter(format: format)))
        self.shards = (0..<max(1, shardCount)).map { _ in NIOLockedValueBox(shard) }
        self.spares = NIOLockedValueBox(Array(repeating: [], count: max(1, shardCount)))
    }

    /// Appends a line.
    ///
    /// - Parameters:
    ///   - nanoseconds: Since 1970.
    ///   - shard: Which buffer: the number of the event loop that calls.
    ///   - body: Adds the line's fields, sorted by name. It must not append another line.
    public func append(at nanoseconds: Int64, shard: Int, _ body: (inout LineFields) -> Void) {
        guard isEnabled else { return }
        let index = Int(UInt(bitPattern: shard) % UInt(shards.count))
        let isDue = shards[index].withLockedValue { shard in
            let before = shard.fields.writer.bytes.count
            guard before < byteCountMax else {
                shard.droppedCount += 1
                shard.droppedAt = nanoseconds
                return false
            }
            shard.fields.begin(head.prefix, nanoseconds, &shard.timestamp, head.suffix)
            body(&shard.fields)
            shard.fields.writer.end()
            return before < Self.flushByteCount && shard.fields.writer.bytes.count >= Self.flushByteCount
        }
        if isDue { wake.signal() }
    }

    /// Writes what was appended, on the calling thread, which waits for it.
    public func flush() {
        spares.withLockedValue { spares in
            for index in shards.indices {
                let (lost, lostAt) = shards[index].withLockedValue { shard in
                    defer { shard.droppedCount = 0 }
                    shard.fields.writer.exchange(&spares[index])
                    return (shard.droppedCount, shard.droppedAt)
                }
                if !spares[index].isEmpty {
                    sink(spares[index])
                    spares[index].removeAll(keepingCapacity: spares[index].capacity <= Self.keptByteCount)
                }
                if lost > 0 { tell(lost: lost, at: lostAt) }
            }
        }
    }

    /// Writes lines until it is told to stop; then those that are left.
    ///
    /// What is appended later is written by ``flush()`` alone: list the log before the services that append.
    public func run() async {
        await withTaskCancellationOrGracefulShutdownHandler {
            await withCheckedContinuation { continuation in
                Thread.detachNewThread {
                    Thread.current.name = "log"
                    self.writeUntilStopped()
                    continuation.resume()
                }
            }
        } onCancelOrGracefulShutdown: {
            self.isStopping.store(true, ordering: .releasing)
            self.wake.signal()
        }
    }

    private func writeUntilStopped() {
        let interval = Int(Self.flushInterval / .milliseconds(1))
        while !isStopping.load(ordering: .acquiring) {
            _ = wake.wait(timeout: .now() + .milliseconds(interval))
            flush()
        }
        flush()
    }

    private func tell(lost: Int, at nanoseconds: Int64) {
        dropped.increment(by: lost)
        guard minimumLevel <= .warning else { return }
        let time = Date(timeIntervalSince1970: Double(nanoseconds) / 1_000_000_000)
        sink(
            formatter.line(
                time: time, level: .warning, label: label, message: "log lines dropped",
                metadata: .fields([.count: "\(lost)"])))
    }
}

/// The fields of a line that is being written.
public struct LineFields: Sendable {
    var writer: LineWriter
    private var lastName: StaticString = ""

    init(_ writer: LineWriter) {
        self.writer = writer
    }

    mutating func begin(
        _ prefix: [UInt8], _ nanoseconds: Int64, _ timestamp: inout Timestamp, _ suffix: [UInt8]
    ) {
        lastName = ""
        writer.begin(prefix, nanoseconds, &timestamp, suffix)
    }

    /// Adds a text, of which at most 4,000 bytes are shown.
    public mutating func add(_ name: StaticString, _ value: String) {
        assert(isNext(name))
        writer.append(name, value)
    }

    /// Adds a text as it came over the wire; what is no UTF-8 is replaced.
    public mutating func add(_ name: StaticString, bytes value: Span<UInt8>) {
        assert(isNext(name))
        writer.append(name, value)
    }

    /// Adds a text of ours: visible ASCII without quotation marks, equals signs and backslashes.
    public mutating func add(_ name: StaticString, plain value: StaticString) {
        assert(isNext(name))
        writer.append(name, plain: value)
    }

    /// Adds a number.
    public mutating func add(_ name: StaticString, _ value: Int) {
        assert(isNext(name))
        writer.append(name, value)
    }

    /// Adds an id, in lower case.
    public mutating func add(_ name: StaticString, _ value: UUID) {
        assert(isNext(name))
        writer.append(name, value)
    }

    /// Adds a request's id.
    public mutating func add(_ name: StaticString, _ value: RequestID) {
        assert(isNext(name))
        writer.append(name, value)
    }

    /// Whether a name is plain, none of the line's own, and behind the last one.
    private mutating func isNext(_ name: StaticString) -> Bool {
        defer { lastName = name }
        return LineFormatter.fieldName(name.description) == name.description && lastName.description < name.description
    }
}
