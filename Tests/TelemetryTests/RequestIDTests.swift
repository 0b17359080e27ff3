import NIOCore
import Testing

@testable import Telemetry

/// Ids of requests: one of a kind, and plain.
@Suite struct RequestIDTests {
    private struct Numbers: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 33
        }
    }

    /// 32 characters that stand anywhere: in a header, a URL, a log line.
    @Test func idsArePlain() {
        var numbers = Numbers(state: 1)
        for _ in 0..<100 {
            var source = RequestIDSource(using: &numbers)
            for _ in 0..<100 {
                let text = source.next().description
                #expect(text.utf8.count == RequestID.byteCount)
                #expect(text.wholeMatch(of: /[0-9a-v]{16}-[0-9a-v]{15}/) != nil)
            }
        }
    }

    /// No two are the same, of one source or of several.
    @Test func idsAreUnique() {
        var numbers = SystemRandomNumberGenerator()
        var seen: Set<String> = []
        var ids: Set<RequestID> = []
        for _ in 0..<20 {
            var source = RequestIDSource(using: &numbers)
            for _ in 0..<5_000 {
                let id = source.next()
                seen.insert(id.description)
                ids.insert(id)
            }
        }
        #expect(seen.count == 100_000)
        #expect(ids.count == 100_000)
    }

    /// Ids of one source sort as they were made.
    @Test func idsAreInOrder() {
        var numbers = Numbers(state: 2)
        var source = RequestIDSource(using: &numbers)
        let ids = (0..<3_000).map { _ in source.next().description }
        #expect(ids == ids.sorted())
        #expect(Set(ids.map { $0.prefix(17) }).count == 1)
    }

    /// The words are the text as a buffer takes them, and all 80 random bits are in it.
    @Test func wordsAreTheText() {
        struct Ones: RandomNumberGenerator {
            func next() -> UInt64 { .max }
        }
        var ones = Ones()
        var source = RequestIDSource(using: &ones)
        let id = source.next()
        var buffer = ByteBuffer()
        buffer.writeMultipleIntegers(id.words.0, id.words.1, id.words.2, id.words.3)
        #expect(String(buffer: buffer) == id.description)
        #expect(id.description == "vvvvvvvvvvvvvvvv-000000000000000")
        #expect(source.next().description == "vvvvvvvvvvvvvvvv-000000000000001")
        var bytes = Array("id=".utf8)
        id.append(to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "id=\(id)")
    }

    /// In a log line an id looks as its text does.
    @Test(arguments: LogFormat.allCases)
    func idsAreLogged(format: LogFormat) {
        var numbers = Numbers(state: 3)
        var source = RequestIDSource(using: &numbers)
        let id = source.next()
        let (lines, texts) = (Lines(), Lines())
        for (sink, isText) in [(lines.sink, false), (texts.sink, true)] {
            let log = BatchedLineLog(
                format: format, label: "l", message: "m", shardCount: 1, sink: sink, metrics: PrometheusMetricsFactory()
            )
            log.append(at: 0, shard: 0) { fields in
                if isText { fields.add("request_id", id.description) } else { fields.add("request_id", id) }
            }
            log.flush()
        }
        #expect(lines.text == texts.text)
        #expect(lines.text.contains(id.description))
    }
}
