import NIOCore
import Testing
import Wire

/// Each rule of a request's head, both ways.
@Suite struct StrictnessTests {
    /// Request lines that are refused.
    @Test(arguments: [
        (" GET / HTTP/1.1", HeadProblem.methodMalformed), ("G@T / HTTP/1.1", .methodMalformed),
        ("G\u{e9}T / HTTP/1.1", .methodMalformed), ("GET\t/ HTTP/1.1", .methodMalformed),
        ("\r\n\r\nGET / HTTP/1.1", .methodMalformed), ("\nGET / HTTP/1.1", .methodMalformed),
        ("GET", .methodMalformed), ("\rGET / HTTP/1.1", .bareCarriageReturn),
        ("GET  / HTTP/1.1", .requestLineMalformed), ("GET /", .requestLineMalformed),
        ("GET / HTTP/1.1 ", .requestLineMalformed), ("GET / HTTP/1.1x", .requestLineMalformed),
        ("GET /\tHTTP/1.1", .targetMalformed), ("GET /a#b HTTP/1.1", .targetMalformed),
        ("GET /\u{7f} HTTP/1.1", .targetMalformed), ("GET /\u{80} HTTP/1.1", .targetMalformed),
        ("GET /\0 HTTP/1.1", .targetMalformed), ("GET /a b HTTP/1.1", .versionMalformed),
        ("GET /  HTTP/1.1", .versionMalformed), ("GET / http/1.1", .versionMalformed),
        ("GET / HTTP/1", .versionMalformed), ("GET / HTTP/1,1", .versionMalformed),
        ("GET / HTTP/1.x", .versionMalformed), ("GET / HTTP /1.1", .versionMalformed),
        ("GET / HTTP/1.2", .versionUnsupported), ("GET / HTTP/2.0", .versionUnsupported),
        ("GET / HTTP/0.9", .versionUnsupported), ("PRI * HTTP/2.0", .versionUnsupported),
    ])
    func malformedRequestLines(line: String, expected: HeadProblem) {
        #expect(problem(scanRequest(line + "\r\n\r\n")) == expected)
    }

    /// Header sections that are refused.
    @Test(arguments: [
        (" A: b", HeadProblem.foldedLine), ("\tA: b", .foldedLine), ("A: b\r\n c", .foldedLine),
        ("A : b", .fieldNameMalformed), ("A", .fieldNameMalformed), (": b", .fieldNameMalformed),
        ("A\t: b", .fieldNameMalformed), ("A(: b", .fieldNameMalformed), ("\u{e9}: b", .fieldNameMalformed),
        ("A\0: b", .fieldNameMalformed), ("A: b\0", .fieldValueMalformed), ("A: \u{7f}", .fieldValueMalformed),
        ("A: \u{1b}x", .fieldValueMalformed), ("A: b\rc", .bareCarriageReturn), ("A: b\r\r\n", .bareCarriageReturn),
        ("A: b\nC: d", .bareLineFeed), ("A:\n", .bareLineFeed), ("\nA: b", .bareLineFeed),
        ("\rA: b", .bareCarriageReturn), ("Host: a\r\nHOST: a", .hostRepeated),
        ("Content-Length: 5\r\nContent-Length: 5", .contentLengthRepeated),
        ("Content-Length: 5, 5", .contentLengthMalformed), ("Content-Length:", .contentLengthMalformed),
        ("Content-Length: +5", .contentLengthMalformed), ("Content-Length: -5", .contentLengthMalformed),
        ("Content-Length: 0x5", .contentLengthMalformed), ("Content-Length: 5 5", .contentLengthMalformed),
        ("Content-Length: 1000000000000000", .contentLengthMalformed), ("Content-Length: 07", .contentLengthMalformed),
        ("Content-Length: 5\t", .contentLengthMalformed), ("Content-Length: 5 \t ", .contentLengthMalformed),
        ("Transfer-Encoding: chunked\t", .transferEncodingUnsupported),
        ("Transfer-Encoding: gzip, chunked", .transferEncodingUnsupported),
        ("Transfer-Encoding: chunked, chunked", .transferEncodingUnsupported),
        ("Transfer-Encoding: identity", .transferEncodingUnsupported),
        ("Transfer-Encoding: chunke", .transferEncodingUnsupported),
        ("Transfer-Encoding: xchunked", .transferEncodingUnsupported),
        ("Transfer-Encoding: \u{b}chunked", .fieldValueMalformed),
        ("Transfer-Encoding:", .transferEncodingUnsupported),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", .transferEncodingRepeated),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", .contentLengthWithTransferEncoding),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", .contentLengthWithTransferEncoding),
        ("Content_Length: 5", .framingNameAmbiguous), ("content.length: 5", .framingNameAmbiguous),
        ("Transfer_Encoding: chunked", .framingNameAmbiguous), ("TRANSFER.ENCODING: x", .framingNameAmbiguous),
    ])
    func malformedFields(fields: String, expected: HeadProblem) {
        #expect(problem(scanRequest("POST / HTTP/1.1\r\n\(fields)\r\n\r\n")) == expected)
    }

    /// HTTP/1.0 has no Transfer-Encoding.
    @Test func transferEncodingIsOfHTTP11() {
        #expect(
            problem(scanRequest("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n")) == .transferEncodingInHTTP10)
    }

    /// What looks odd and is allowed.
    @Test(arguments: [
        ("!#$%&'*+-.^_`|~09azAZ: x", "!#$%&'*+-.^_`|~09azAZ: x"), ("X_y.z: 1", "X_y.z: 1"),
        ("A:\u{80}\u{ff}!~", "A: \u{80}\u{ff}!~"), ("A: b\tc", "A: b\tc"), ("A:\t \t", "A: "),
        ("Content-Lengths: x", "Content-Lengths: x"), ("Content0Length: x", "Content0Length: x"),
        ("A: \t b: c, \"d\" \t", "A: b: c, \"d\""),
    ])
    func oddFieldsAreTaken(field: String, expected: String) {
        #expect(readRequest("POST / HTTP/1.1\r\n\(field)\r\n\r\n")?.fields == [expected])
    }

    /// Every byte is, or is not, allowed at every offset within eight bytes of a name, a value and a target.
    @Test func bytesAreJudgedAlikeAtEveryOffset() {
        let tokens = Set("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8)
        for byte in UInt8.min...UInt8.max {
            for offset in 0..<9 {
                let before = [UInt8](repeating: 0x61, count: offset)
                let around = before + [byte] + Array("aaaaaaaaa".utf8)
                let name = isTaken("GET / HTTP/1.1\r\nb".latin1 + around + ": x\r\n\r\n".latin1)
                // A colon ends the name, and the rest is a value.
                #expect(name == (tokens.contains(byte) || byte == 0x3A), "name, byte \(byte) at \(offset)")
                let value = isTaken("GET / HTTP/1.1\r\nA: ".latin1 + around + "\r\n\r\n".latin1)
                #expect(value == (byte == 9 || (byte >= 0x20 && byte != 0x7F)), "value, byte \(byte) at \(offset)")
                let target = isTaken("GET /".latin1 + around + " HTTP/1.1\r\n\r\n".latin1)
                #expect(target == (byte > 0x20 && byte < 0x7F && byte != 0x23), "target, byte \(byte) at \(offset)")
            }
        }
    }

    private func isTaken(_ bytes: [UInt8]) -> Bool {
        var scanner = HeadScanner()
        guard case .complete = scanner.scanRequest(buffer(bytes)) else { return false }
        return true
    }

    /// Each beginning of a malformed head is incomplete or refused for the same reason.
    @Test(arguments: [
        "GET  / HTTP/1.1\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET /#\r\n", "GET / HTTP/1.1\r\nA: b\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "GET / HTTP/1.1\r\nA : b\r\n\r\n", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "\r\n\r\n",
        "GET / HTTP/1.1 \r\n\r\n", "GET / HTTP/1.1\r\r\n", "POST / HTTP/1.1\r\nTransfer_Encoding: chunked\r\n\r\n",
    ])
    func beginningsSayNothingElse(text: String) {
        let whole = problem(scanRequest(text))
        #expect(whole != nil)
        for count in 0..<text.utf8.count {
            let scan = scanRequest(String(text.unicodeScalars.prefix(count)))
            #expect(isIncomplete(scan) || problem(scan) == whole, "\(count) bytes")
        }
    }

    /// Each beginning of a well-formed head is incomplete.
    @Test func beginningsAreIncomplete() {
        let request = "\r\nPATCH /a HTTP/1.1\r\nHost: a\r\nConnection: close, te\r\nContent-Length: 12\r\nA:\r\n\r\n"
        for count in 0..<request.utf8.count {
            #expect(isIncomplete(scanRequest(String(request.unicodeScalars.prefix(count)))), "\(count) bytes")
        }
        let answer = "HTTP/1.0 200 OK\r\nTransfer-Length: a\tb \r\n\r\n"
        for count in 0..<answer.utf8.count {
            #expect(isIncomplete(scanResponse(String(answer.unicodeScalars.prefix(count)))), "\(count) bytes")
        }
        #expect(readRequest(request) != nil)
        #expect(readResponse(answer) != nil)
    }
}
