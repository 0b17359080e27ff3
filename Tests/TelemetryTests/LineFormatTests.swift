import Foundation
import Logging
import Testing

@testable import Telemetry

/// One event is one line, whatever is in it.
@Suite struct LineFormatTests {
    private static func line(
        _ format: LogFormat, _ message: String, _ metadata: Logger.Metadata = [:]
    ) -> String {
        String(
            decoding: LineFormatter(format: format).line(
                time: epoch, level: .warning, label: "formation.test", message: message, metadata: metadata),
            as: UTF8.self)
    }

    /// The three formats of one event, names sorted.
    @Test func formatsAreAsDocumented() {
        let metadata: Logger.Metadata = ["status": "200", "a": "x y", "map": ["k": "v"], "list": ["1", "2"], "e": ""]
        #expect(
            Self.line(.logfmt, "Hello, \"world\"", metadata)
                == "ts=2023-11-14T22:13:20.125Z level=warning logger=formation.test msg=\"Hello, \\\"world\\\"\""
                + " a=\"x y\" e=\"\" list=1,2 map.k=v status=200\n")
        #expect(
            Self.line(.json, "Hello, \"world\"", metadata)
                == "{\"ts\":\"2023-11-14T22:13:20.125Z\",\"level\":\"warning\",\"logger\":\"formation.test\","
                + "\"msg\":\"Hello, \\\"world\\\"\",\"a\":\"x y\",\"e\":\"\",\"list\":\"1,2\",\"map.k\":\"v\","
                + "\"status\":\"200\"}\n")
        #expect(
            Self.line(.text, "Hello, \"world\"", metadata)
                == "2023-11-14T22:13:20.125Z WARNING  Hello, \"world\" logger=formation.test a=\"x y\" e=\"\" list=1,2"
                + " map.k=v status=200\n")
    }

    /// Nothing that ends a line anywhere gets through, in message, value or name.
    @Test(arguments: LogFormat.allCases)
    func nothingCanEndTheLine(format: LogFormat) {
        let hostile = "a\r\nts=1 level=error\u{0}\u{1B}[31m\u{85}\u{2028}\u{2029}\u{7F}b"
        let line = Self.line(format, hostile, ["x\ny": .string(hostile), hostile: ["\n": "1"]])
        let body = line.dropLast()
        #expect(line.last == "\n")
        #expect(body.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F && $0.value != 0x85 })
        #expect(!body.unicodeScalars.contains { $0 == "\u{2028}" || $0 == "\u{2029}" })
        #expect(body.contains("a\\r\\nts=1"))
    }

    /// A value can't pretend to be another field.
    @Test func valuesAreQuoted() {
        #expect(Self.line(.logfmt, "m", ["a": "1 b=2"]).hasSuffix(" a=\"1 b=2\"\n"))
        #expect(Self.line(.logfmt, "m", ["a": "1\" b=\"2"]).hasSuffix(" a=\"1\\\" b=\\\"2\"\n"))
        #expect(Self.line(.logfmt, "m", ["a": "\\"]).hasSuffix(" a=\"\\\\\"\n"))
        #expect(Self.line(.logfmt, "m", ["level": "x"]).hasSuffix(" level_=x\n"))
    }

    /// JSON stays JSON, whatever is in it and wherever it is cut.
    @Test(arguments: [
        "plain", "\u{0}\u{1}\"\\\n", String(repeating: "\u{1}", count: 20_000), String(repeating: "✓é", count: 9_000),
    ])
    func jsonStaysJSON(text: String) throws {
        var metadata: Logger.Metadata = [:]
        for index in 0..<300 { metadata["k\(index)"] = .string(text) }
        let line = Self.line(.json, text, metadata)
        let object = try #require(
            JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
        #expect(object["level"] == "warning")
        #expect(object["msg"]?.isEmpty == false)
    }

    /// No line is longer than Heroku's router takes, and one that was cut says so.
    @Test(arguments: LogFormat.allCases)
    func longLinesAreCut(format: LogFormat) {
        var metadata: Logger.Metadata = [:]
        for index in 0..<2_000 { metadata["key\(index)"] = .string(String(repeating: "x", count: index)) }
        let line = Self.line(format, String(repeating: "m", count: 50_000), metadata)
        #expect(line.utf8.count <= 10_000)
        #expect(line.contains("truncated"))
        #expect(line.contains("mmm…"))
        #expect(!Self.line(format, "short").contains("truncated"))
    }

    /// Deep dictionaries end.
    @Test func depthIsBounded() {
        var value: Logger.MetadataValue = "x"
        for _ in 0..<100 { value = ["d": value] }
        #expect(Self.line(.logfmt, "m", ["a": value]).contains("a.d.d.d.d="))
        #expect(!Self.line(.logfmt, "m", ["a": value]).contains("a.d.d.d.d.d"))
    }

    /// What the event says wins over the provider, and the provider over the logger.
    @Test func metadataIsMerged() {
        let lines = Lines()
        var handler = LineLogHandler(
            label: "x", level: .info, format: .logfmt, sink: lines.sink, now: { epoch },
            metadataProvider: .init { ["a": "provider", "b": "provider"] })
        handler.metadata = ["a": "logger", "b": "logger", "c": "logger"]
        handler.log(
            event: LogEvent(
                level: .info, message: "m", metadata: ["a": "event"], source: nil, file: "", function: "", line: 1))
        #expect(lines.text.hasSuffix("a=event b=provider c=logger\n"))
    }

    /// Lines of several threads reach a file whole, each as one.
    @Test func linesAreWrittenWhole() async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent(
            "formation-log-\(ProcessInfo.processInfo.globallyUniqueString)")
        #expect(FileManager.default.createFile(atPath: path.path, contents: nil))
        defer { try? FileManager.default.removeItem(at: path) }
        let sink = LogSink(try FileHandle(forWritingTo: path))
        await withTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    let line = Array(repeating: UInt8(ascii: "a") + UInt8(writer), count: 9_000) + [UInt8(ascii: "\n")]
                    for _ in 0..<50 { sink(line) }
                }
            }
        }
        let lines = try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 200)
        #expect(lines.allSatisfy { $0.utf8.count == 9_000 && Set($0.utf8).count == 1 })
    }

    /// The product's names, as they are used.
    @Test func keysNameFields() {
        let lines = Lines()
        var logger = Logger(label: "x") {
            LoggingSetup.makeHandler(label: $0, level: .info, format: .logfmt, sink: lines.sink, now: { epoch })
        }
        logger[.tenant] = "axonify"
        #expect(logger[.tenant] == "axonify")
        logger.with([.requestID: "r1"]).info("Done", metadata: .fields([.sqlState: "40001", .duration: "12"]))
        logger.debug("Not logged")
        #expect(lines.text.hasSuffix("msg=Done duration_ms=12 request_id=r1 sql_state=40001 tenant=axonify\n"))
        #expect(lines.all.count == 1)
    }
}
