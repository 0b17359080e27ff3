import Testing
import Wire

/// What an answer's head says.
@Suite struct ResponseHeadTests {
    /// A plain answer: all its parts are where they stand.
    @Test func partsOfAnAnswer() {
        let text = "HTTP/1.1 404 Not  \u{e9}\r\nContent-Length: 2\r\nConnection: close, x\r\n\r\n{}"
        #expect(
            readResponse(text)
                == ResponseReading(
                    byteCount: text.latin1.count - 2, status: 404, statusLine: "HTTP/1.1 404 Not  \u{e9}",
                    reason: "Not  \u{e9}", fields: ["Content-Length: 2", "Connection: close, x"], framing: .length(2),
                    keepsAlive: false, namesHopHeaders: true))
    }

    /// The reason, and the space before it, may be missing.
    @Test(arguments: [("200", ""), ("200 ", ""), ("200 OK", "OK"), ("100  a\t", " a\t"), ("599 x", "x")])
    func reasonMayBeMissing(line: String, reason: String) {
        #expect(readResponse("HTTP/1.1 \(line)\r\n\r\n")?.reason == reason)
        #expect(readResponse("HTTP/1.0 \(line)\r\n\r\n")?.statusLine == "HTTP/1.0 \(line)")
    }

    /// What states no length goes on to the end of the connection.
    @Test(arguments: [
        ("", BodyFraming.untilClose), ("Content-Length: 0\r\n", .length(0)),
        ("Transfer-Encoding: chunked\r\n", .chunked),
    ])
    func framingIsRead(fields: String, framing: BodyFraming) {
        #expect(readResponse("HTTP/1.1 200 OK\r\n\(fields)\r\n")?.framing == framing)
    }

    /// Rules for the first line, and those for framing, which are a request's.
    @Test(arguments: [
        ("HTTP/1.1 099 x\r\n", HeadProblem.statusLineMalformed), ("HTTP/1.1 600 x\r\n", .statusLineMalformed),
        ("HTTP/1.1 20 x\r\n", .statusLineMalformed), ("HTTP/1.1 2000\r\n", .statusLineMalformed),
        ("HTTP/1.1  200\r\n", .statusLineMalformed), ("HTTP/1.1\t200\r\n", .statusLineMalformed),
        ("HTTP/1.1 200\tOK\r\n", .statusLineMalformed), ("HTTP/1.1 +20\r\n", .statusLineMalformed),
        ("HTTP/1.1 200\n", .bareLineFeed), ("HTTP/1.1 200\rx", .bareCarriageReturn),
        ("HTTP/1.1 200 O\u{7f}\r\n", .fieldValueMalformed), ("HTTP/1.1 200 O\0\r\n", .fieldValueMalformed),
        ("HTTP/1.1 200 OK\n", .bareLineFeed), ("HTTP/2.0 200 OK\r\n", .versionUnsupported),
        ("http/1.1 200 OK\r\n", .versionMalformed), ("ICY 200 OK\r\n", .versionMalformed),
        ("\r\nHTTP/1.1 200 OK\r\n", .versionMalformed),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n", .contentLengthRepeated),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n", .contentLengthMalformed),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n", .contentLengthWithTransferEncoding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n", .contentLengthWithTransferEncoding),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", .transferEncodingUnsupported),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n", .transferEncodingInHTTP10),
        ("HTTP/1.1 200 OK\r\n A: b\r\n", .foldedLine),
    ])
    func malformedAnswersAreRefused(text: String, expected: HeadProblem) {
        #expect(problem(scanResponse(text + "\r\n")) == expected)
    }

    /// Neither Host nor Expect means anything in an answer.
    @Test func requestHeadersAreOrdinary() {
        #expect(readResponse("HTTP/1.1 200 OK\r\nHost: a\r\nHost: b\r\nExpect: x\r\n\r\n")?.fields.count == 3)
    }
}
