import Dispatch
import Foundation
import Logging
import Metrics
import NIOConcurrencyHelpers
import Testing

@testable import Telemetry

/// Lines in batches: the same lines, none lost unless it is counted, and nobody waits.
@Suite(.timeLimit(.minutes(5))) struct BatchedLineLogTests {
    private static let factory = PrometheusMetricsFactory()
    private static let second: Int64 = 1_000_000_000

    private static func makeLog(
        _ sink: LogSink, format: LogFormat = .logfmt, minimumLevel: Logger.Level = .info, shardCount: Int = 1,
        shardByteCountMax: Int = BatchedLineLog.shardByteCountMax, metrics: PrometheusMetricsFactory = factory
    ) -> BatchedLineLog {
        BatchedLineLog(
            format: format, label: "formation.test", minimumLevel: minimumLevel, message: "forwarded call",
            shardCount: shardCount, shardByteCountMax: shardByteCountMax, sink: sink, metrics: metrics)
    }

    // MARK: - Shape

    private static let texts = [
        "", "plain", "two words", "a=b", "\"quoted\"", "back\\slash", "line\nend\r\t",
        "\u{0}\u{1B}\u{7F}\u{85}\u{2028}",
        "✓é", String(repeating: "x", count: 3_999), String(repeating: "x", count: 4_001),
        String(repeating: "\n", count: 5_000), "x\u{1F600}", "/services/data/v62.0/sobjects/Account/:id",
    ]

    /// Byte by byte the line that the ordinary logger writes of the same event.
    @Test(arguments: LogFormat.allCases, texts)
    func linesAreTheLoggersOwn(format: LogFormat, text: String) {
        let lines = Lines()
        let log = Self.makeLog(lines.sink, format: format)
        let id = UUID(uuid: (0xA0, 0x1B, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xFF))
        log.append(at: epoch.unixNanoseconds, shard: 0) { fields in
            fields.add("a", text)
            fields.add("b", bytes: Array(text.utf8).span)
            fields.add("duration_ms", 1_234)
            fields.add("least", Int.min)
            fields.add("most", Int.max)
            fields.add("none", 0)
            fields.add("user", id)
        }
        log.flush()
        let expected = LineFormatter(format: format).line(
            time: epoch, level: .info, label: "formation.test", message: "forwarded call",
            metadata: [
                "a": "\(text)", "b": "\(text)", "duration_ms": "1234", "least": "\(Int.min)", "most": "\(Int.max)",
                "none": "0", "user": "\(id.uuidString.lowercased())",
            ])
        #expect(lines.text == String(decoding: expected, as: UTF8.self))
    }

    /// As it was documented, without the code that both share.
    @Test func linesAreAsDocumented() {
        let lines = Lines()
        let log = Self.makeLog(lines.sink)
        log.append(at: epoch.unixNanoseconds, shard: 0) { fields in
            fields.add("method", "GET")
            fields.add("status", 200)
        }
        log.flush()
        #expect(
            lines.text == "ts=2023-11-14T22:13:20.125Z level=info logger=formation.test msg=\"forwarded call\""
                + " method=GET status=200\n")
    }

    /// Bytes that are no text are shown as far as they go, and don't end the line.
    @Test(arguments: LogFormat.allCases)
    func hostileBytesAreHarmless(format: LogFormat) {
        let lines = Lines()
        let log = Self.makeLog(lines.sink, format: format)
        log.append(at: 0, shard: 0) { $0.add("a", bytes: [0xFF, 0x0A, 0x61, 0xC3, 0xE2, 0x80, 0xA8].span) }
        log.flush()
        #expect(lines.all.count == 1)
        #expect(lines.text.unicodeScalars.filter { $0 == "\n" || $0 == "\u{2028}" }.count == 1)
        #expect(lines.text.contains("\\na"))
    }

    /// A line that is too long is cut, as the logger's.
    @Test(arguments: LogFormat.allCases)
    func longLinesAreCut(format: LogFormat) {
        let lines = Lines()
        let log = Self.makeLog(lines.sink, format: format)
        let text = String(repeating: "y", count: 3_900)
        log.append(at: epoch.unixNanoseconds, shard: 0) { fields in
            fields.add("a", text)
            fields.add("b", text)
            fields.add("c", text)
            fields.add("d", 5)
        }
        log.append(at: epoch.unixNanoseconds, shard: 0) { $0.add("e", "whole") }
        log.flush()
        let formatter = LineFormatter(format: format)
        let expected =
            formatter.line(
                time: epoch, level: .info, label: "formation.test", message: "forwarded call",
                metadata: ["a": "\(text)", "b": "\(text)", "c": "\(text)", "d": "5"])
            + formatter.line(
                time: epoch, level: .info, label: "formation.test", message: "forwarded call",
                metadata: ["e": "whole"])
        #expect(lines.text == String(decoding: expected, as: UTF8.self))
        #expect(lines.text.contains("truncated"))
    }

    /// Times are as Foundation writes them, on leap days, at the ends of years, and before 1970.
    @Test(arguments: [
        0, 0.001, 951_782_399.999, 951_782_400, 951_868_800.5, 1_709_164_800.25, 4_107_542_400, 1_735_689_599.999,
        -0.001, -1, -2_208_988_800, 1_700_000_000.007, 9_000_000_000,
    ])
    func timesAreFoundations(seconds: TimeInterval) {
        // Half a millisecond keeps Foundation's own rounding away from the edge.
        let time = Date(timeIntervalSince1970: seconds + 0.0005)
        var bytes: [UInt8] = []
        var timestamp = Timestamp()
        timestamp.append(time.unixNanoseconds, to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
        #expect(bytes.count == Timestamp.byteCount)
    }

    /// A remembered second is not used for another.
    @Test func secondsChange() {
        var bytes: [UInt8] = []
        var timestamp = Timestamp()
        for time in [Self.second, Self.second + 999_999_999, 2 * Self.second, Self.second] {
            timestamp.append(time, to: &bytes)
        }
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == "1970-01-01T00:00:01.000Z1970-01-01T00:00:01.999Z1970-01-01T00:00:02.000Z1970-01-01T00:00:01.000Z")
    }

    /// Times that no calendar shows don't stop anything.
    @Test(arguments: [-1e300, -1e10, 1e10, 1e300, .infinity, -.infinity, .nan])
    func oddTimesAreHarmless(seconds: TimeInterval) {
        var bytes: [UInt8] = []
        var timestamp = Timestamp()
        timestamp.append(Date(timeIntervalSince1970: seconds).unixNanoseconds, to: &bytes)
        #expect(bytes.count == Timestamp.byteCount)
    }

    /// With a higher `LOG_LEVEL` nothing is written.
    @Test func levelCounts() {
        let lines = Lines()
        let log = Self.makeLog(lines.sink, minimumLevel: .warning)
        log.append(at: 0, shard: 0) { $0.add("a", 1) }
        log.flush()
        #expect(lines.all.isEmpty)
    }

    // MARK: - Batches

    /// Nothing is written before its time, and then all at once.
    @Test func linesAreBatched() {
        let lines = Lines()
        let log = Self.makeLog(lines.sink, shardCount: 2)
        for number in 0..<100 { log.append(at: 0, shard: number) { $0.add("n", number) } }
        #expect(lines.all.isEmpty)
        log.flush()
        #expect(lines.all.count == 2)
        #expect(lines.text.split(separator: "\n").count == 100)
        log.flush()
        #expect(lines.all.count == 2)
    }

    /// What does not fit is dropped and counted, and one line says how many; then all is well again.
    @Test func tooManyLinesAreCounted() {
        let (lines, metrics) = (Lines(), PrometheusMetricsFactory())
        let log = Self.makeLog(lines.sink, shardByteCountMax: 1_000, metrics: metrics)
        for number in 0..<100 { log.append(at: Self.second, shard: 0) { $0.add("n", number) } }
        log.flush()
        let written = lines.text.split(separator: "\n")
        let kept = written.count - 1
        #expect((1...15).contains(kept))
        #expect(
            written.last.map(String.init)
                == "ts=1970-01-01T00:00:01.000Z level=warning logger=formation.test msg=\"log lines dropped\""
                + " count=\(100 - kept)")
        #expect(metrics.render().contains("log_lines_dropped_total \(100 - kept)\n"))
        log.append(at: 0, shard: 0) { $0.add("n", 100) }
        log.flush()
        #expect(lines.text.hasSuffix(" n=100\n"))
    }

    /// While a batch can't be written, appending goes on; all of it is written when it can.
    @Test func aSlowReaderHoldsUpNobody() async throws {
        let (lines, isWriting, mayWrite) = (Lines(), DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
        let log = Self.makeLog(
            LogSink { bytes in
                isWriting.signal()
                mayWrite.wait()
                lines.sink(bytes)
            })
        let running = Task { await log.run() }
        log.append(at: 0, shard: 0) { $0.add("n", 0) }
        await wait(for: isWriting)
        for number in 1..<1_000 { log.append(at: 0, shard: 0) { $0.add("n", number) } }
        for _ in 0..<1_000 { mayWrite.signal() }
        running.cancel()
        await running.value
        let numbers = lines.text.split(separator: "\n").compactMap { $0.split(separator: "=").last.flatMap { Int($0) } }
        #expect(numbers == Array(0..<1_000))
    }

    /// Stopping writes what is left, and ends the run.
    @Test func stoppingWritesTheRest() async {
        let lines = Lines()
        let log = Self.makeLog(lines.sink, shardCount: 3)
        for number in 0..<30 { log.append(at: 0, shard: number) { $0.add("n", number) } }
        let running = Task { await log.run() }
        running.cancel()
        await running.value
        #expect(lines.text.split(separator: "\n").count == 30)
    }

    /// Threads that append at once lose nothing; each shard's lines stay in order and whole.
    @Test func threadsLoseNothing() async {
        let lines = Lines()
        let log = Self.makeLog(lines.sink, shardCount: 4, shardByteCountMax: .max)
        let running = Task { await log.run() }
        await withTaskGroup(of: Void.self) { group in
            for shard in 0..<4 {
                group.addTask {
                    for number in 0..<5_000 {
                        log.append(at: 0, shard: shard) { fields in
                            fields.add("n", number)
                            fields.add("shard", shard)
                        }
                    }
                }
            }
        }
        running.cancel()
        await running.value
        var next = [0, 0, 0, 0]
        let whole =
            /ts=1970-01-01T00:00:00.000Z level=info logger=formation.test msg="forwarded call" n=(\d+) shard=(\d)/
        for line in lines.text.split(separator: "\n") {
            guard let match = line.wholeMatch(of: whole), let shard = Int(match.2), let number = Int(match.1) else {
                Issue.record("not whole: \(line)")
                return
            }
            #expect(number == next[shard])
            next[shard] += 1
        }
        #expect(next == [5_000, 5_000, 5_000, 5_000])
    }

    /// Waits on a thread of its own, which may block.
    private func wait(for semaphore: DispatchSemaphore) async {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                semaphore.wait()
                continuation.resume()
            }
        }
    }
}
