import NIOCore
import Testing
import Wire

/// Chunked framing, both ways.
@Suite struct ChunkedBodyTests {
    private func passed(_ text: String) -> ChunkedReading { ChunkedReading(text.latin1, .passing, splitAt: []) }
    private func decoded(_ text: String) -> ChunkedReading { ChunkedReading(text.latin1, .decoding, splitAt: []) }

    /// A body without extensions and trailers is handed on as one slice, and what follows it stays.
    @Test func plainBodiesAreOneSlice() {
        let text = "5\r\nhello\r\n00A\r\n0123456789\r\n0\r\n\r\n"
        let reading = passed(text + "GET /")
        #expect(reading.output.latin1 == text)
        #expect(reading.slices == 1)
        #expect(reading.isEnd)
        #expect(reading.left == 5)
        #expect(reading.count == 15)
    }

    /// Decoding hands on data alone, a slice a chunk.
    @Test func decodingLeavesData() {
        let reading = decoded("5\r\nhello\r\na;b=c\r\n0123456789\r\n0\r\nA: b\r\n\r\n")
        #expect(reading.output.latin1 == "hello0123456789")
        #expect(reading.slices == 2)
        #expect(reading.isEnd)
    }

    /// Extensions and trailers are cut out.
    @Test func extensionsAndTrailersAreCutOut() {
        let reading = passed("5;a;b=c;d=\"e\\\"\"\r\nhello\r\n0;x\r\nA: b\r\nC:\r\n\r\n")
        #expect(reading.output.latin1 == "5\r\nhello\r\n0\r\n\r\n")
        #expect(reading.isEnd)
    }

    /// Nothing is an empty body, and an end is an end.
    @Test func nothingComesBehindTheEnd() throws {
        var body = ChunkedBody()
        var bytes = buffer("0\r\n\r\n0\r\n\r\n")
        #expect(try body.take(&bytes, .passing) { _ in })
        #expect(bytes.readableBytes == 5)
        #expect(try body.take(&bytes, .passing) { _ in Issue.record("handed on") })
        #expect(bytes.readableBytes == 5)
        #expect(body.dataByteCount == 0)
    }

    /// However a body is cut up, the same is handed on.
    @Test func piecesReadAsTheWhole() {
        let text = "5;a=\"b\\;\"\r\nhello\r\n0a\r\n0123456789\r\n1\r\nx\r\n000;c\r\nA: b\r\nC:\r\n\r\nrest"
        let bytes = text.latin1
        for first in bytes.indices {
            for second in first..<bytes.count {
                let found = Differential.chunkedDisagreement(bytes, splitAt: [first, second])
                #expect(found == nil)
            }
        }
        #expect(Differential.chunkedDisagreement(bytes, splitAt: Array(bytes.indices)) == nil)
    }

    /// What is refused, at once or byte by byte.
    @Test(arguments: [
        ("5 \r\n", ChunkProblem.sizeMalformed), (" 5\r\n", .sizeMalformed), ("\r\n", .sizeMalformed),
        (";a\r\n", .sizeMalformed), ("g", .sizeMalformed), ("0x5\r\n", .sizeMalformed), ("-1\r\n", .sizeMalformed),
        ("1000000000000000", .sizeMalformed), ("0000000000000001", .sizeMalformed), ("5\n", .bareLineFeed),
        ("5\rh", .bareCarriageReturn), ("5;a\n", .bareLineFeed), ("5;\r", .extensionMalformed),
        ("5; a", .extensionMalformed), ("5;a b", .extensionMalformed), ("5;a=\r", .extensionMalformed),
        ("5;a=\"b\r", .extensionMalformed), ("5;a=\"b\"c", .extensionMalformed), ("5;a=\"\0", .extensionMalformed),
        ("5;a=\"\\\u{7f}", .extensionMalformed), ("5\r\nhello!", .dataTooLong), ("5\r\nhello\n", .dataTooLong),
        ("5\r\nhello\rx", .bareCarriageReturn), ("0\r\nA b", .trailerMalformed), ("0\r\n A", .trailerMalformed),
        ("0\r\n:", .trailerMalformed), ("0\r\nA: b\u{1}", .trailerMalformed), ("0\r\nA: b\n", .bareLineFeed),
        ("0\r\nA: b\rx", .bareCarriageReturn), ("0\r\n\n", .bareLineFeed), ("0\r\n\rx", .bareCarriageReturn),
        ("0\r\nA\r", .trailerMalformed), ("0\r\nA: b\r\n c", .trailerMalformed),
        ("0\r\nContent-Length:", .trailerMalformed), ("0\r\ntransfer-encoding:", .trailerMalformed),
    ])
    func malformedFraming(text: String, expected: ChunkProblem) {
        #expect(decoded(text + "\r\n").problem == expected)
        #expect(ChunkedReading(text.latin1, .passing, splitAt: Array(text.latin1.indices)).problem == expected)
    }

    /// What looks odd and is allowed.
    @Test(arguments: [
        ("fffffffffffffff\r\nx", 1), ("000000000000005\r\nhello\r\n", 5), ("5;a=\"\u{e9}\t \\\\\"\r\nhello", 5),
        ("0\r\nContent-Lengths: 1\r\n\r\n", 0), ("0\r\nContent: 1\r\nA:\u{ff}\t\r\n\r\n", 0),
    ])
    func oddFramingIsTaken(text: String, count: Int) {
        #expect(passed(text).problem == nil)
        #expect(passed(text).count == count)
    }

    /// 16 KiB of extensions over the whole body, their semicolons included, and not a byte more.
    @Test func extensionBytes() {
        let chunk = "1;" + String(repeating: "a", count: 1023) + "\r\nx\r\n"
        let most = String(repeating: chunk, count: 16)
        #expect(passed(most + "0\r\n\r\n").isEnd)
        #expect(passed(most + "0;").problem == .extensionsTooLarge)
    }

    /// 16 KiB of trailers, their line ends included, and not a byte more.
    @Test func trailerBytes() {
        let trailer = "A: " + String(repeating: "b", count: 1019) + "\r\n"
        let most = "0\r\n" + String(repeating: trailer, count: 16)
        #expect(passed(most + "\r\n").isEnd)
        #expect(passed(most + "A").problem == .trailersTooLarge)
    }
}
