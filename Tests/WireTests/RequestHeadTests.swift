import NIOCore
import Testing
import Wire

/// What a request's head says.
@Suite struct RequestHeadTests {
    /// A plain request: all its parts are where they stand.
    @Test func partsOfARequest() {
        let text =
            "POST /services/data/v62.0/sobjects?x=1 HTTP/1.1\r\nHost: a.example\r\nX-One:  a b\t \r\nX-Two:\r\n"
            + "Content-Length: 12\r\n\r\nbody"
        #expect(
            readRequest(text)
                == RequestReading(
                    byteCount: text.utf8.count - 4, method: "POST", target: "/services/data/v62.0/sobjects?x=1",
                    fields: ["Host: a.example", "X-One: a b", "X-Two: ", "Content-Length: 12"], framing: .length(12),
                    host: "a.example"))
    }

    /// A field line goes from the name's first byte to the CRLF's last.
    @Test func fieldLinesAreWhole() {
        var scanner = HeadScanner()
        let bytes = buffer("GET / HTTP/1.1\r\nA:  b \r\nC:\r\n\r\n")
        _ = scanner.scanRequest(bytes)
        #expect(scanner.fields.map { bytes.text($0.line) } == ["A:  b \r\n", "C:\r\n"])
    }

    /// Methods are told apart, with regard to case.
    @Test(arguments: [
        ("GET", MethodKind.get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("PATCH", .patch),
        ("DELETE", .delete), ("OPTIONS", .options), ("TRACE", .trace), ("CONNECT", .connect), ("get", .other),
        ("GETS", .other), ("M-SEARCH", .other), ("PROPPATCH", .other), ("OPTIONSX", .other), ("G", .other),
    ])
    func methodsAreTold(method: String, kind: MethodKind) {
        guard case .complete(let head) = scanRequest("\(method) / HTTP/1.1\r\n\r\n") else {
            Issue.record("\(method) was refused")
            return
        }
        #expect(head.kind == kind)
    }

    /// `Content-Length`, `Transfer-Encoding` and neither say what follows.
    @Test(arguments: [
        ("", BodyFraming.none), ("Content-Length: 0\r\n", .length(0)), ("content-length:7\r\n", .length(7)),
        ("CONTENT-LENGTH: 999999999999999 \r\n", .length(999_999_999_999_999)),
        ("Transfer-Encoding: chunked\r\n", .chunked), ("transfer-ENCODING:\tChUnKeD \r\n", .chunked),
    ])
    func framingIsRead(fields: String, framing: BodyFraming) {
        #expect(readRequest("POST / HTTP/1.1\r\n\(fields)\r\n")?.framing == framing)
    }

    /// RFC 9112 §9.3: 1.1 keeps a connection unless told otherwise, 1.0 only if told to; `close` wins.
    @Test(arguments: [
        ("1.1", "", true), ("1.0", "", false), ("1.1", "Connection: close\r\n", false),
        ("1.0", "Connection: Keep-Alive\r\n", true), ("1.0", "Connection: close, keep-alive\r\n", false),
        ("1.1", "Connection: te , CLOSE\r\n", false), ("1.1", "Connection: te\r\nConnection: close\r\n", false),
        ("1.1", "Connection: closed\r\n", true), ("1.0", "X: keep-alive\r\n", false),
    ])
    func connectionsAreKept(version: String, fields: String, isKept: Bool) {
        #expect(readRequest("GET / HTTP/\(version)\r\n\(fields)\r\n")?.keepsAlive == isKept)
    }

    /// Only names beyond `close` and `keep-alive` are hop headers; they are compared without case.
    @Test func hopHeadersAreNamed() {
        var scanner = HeadScanner()
        let bytes = buffer(
            "GET / HTTP/1.1\r\nConnection: close, X-One,,\r\nconnection: te ,keep-alive\r\nx-ONE: 1\r\nX-On: 1\r\n"
                + "TE: 1\r\nClose: 1\r\nX-Two: 1\r\n\r\n")
        guard case .complete(let head) = scanner.scanRequest(bytes) else {
            Issue.record("refused")
            return
        }
        #expect(head.namesHopHeaders)
        let named = scanner.fields.map(\.name).filter { scanner.connectionNames($0, in: bytes) }
        #expect(named.map(bytes.text) == ["x-ONE", "TE"])
        #expect(readRequest("GET / HTTP/1.1\r\nConnection: close,keep-alive, ,\r\n\r\n")?.namesHopHeaders == false)
    }

    /// `Expect: 100-continue` in HTTP/1.1, without regard to case, and nothing else.
    @Test(arguments: [
        ("1.1", "100-continue", true), ("1.1", "100-Continue ", true), ("1.0", "100-continue", false),
        ("1.1", "100-continued", false), ("1.1", "100-continuf", false), ("1.1", "", false),
    ])
    func expectationIsRead(version: String, value: String, isExpected: Bool) {
        #expect(readRequest("POST / HTTP/\(version)\r\nExpect: \(value)\r\n\r\n")?.expectsContinue == isExpected)
    }

    /// No Host, an empty one and one are told apart.
    @Test func hostIsRead() {
        #expect(readRequest("GET / HTTP/1.1\r\n\r\n")?.host == nil)
        #expect(readRequest("GET / HTTP/1.1\r\nhost:\r\n\r\n")?.host == "")
        #expect(readRequest("GET / HTTP/1.1\r\nX-Host: b\r\nHOST: a:1\r\nHosts: c\r\n\r\n")?.host == "a:1")
    }

    /// A CRLF before the request line is ignored (RFC 9112 §2.2) and counts.
    @Test func oneEmptyLineIsIgnored() {
        #expect(
            readRequest("\r\nGET / HTTP/1.1\r\n\r\n") == RequestReading(byteCount: 20, method: "GET", target: "/"))
    }

    /// A scanner remembers nothing of the head before.
    @Test func fieldsAreOfTheLastHead() {
        var scanner = HeadScanner()
        _ = scanner.scanRequest(buffer("GET / HTTP/1.1\r\nConnection: te\r\nA: 1\r\n\r\n"))
        #expect(scanner.fields.count == 2)
        guard case .complete(let head) = scanner.scanRequest(buffer("GET / HTTP/1.1\r\nB: 1\r\n\r\n")) else {
            Issue.record("refused")
            return
        }
        #expect(!head.namesHopHeaders)
        #expect(scanner.fields.count == 1)
        _ = scanner.scanRequest(buffer("GET / HTTP/1.1\r\nB: 1\r\n"))
        #expect(scanner.fields.isEmpty)
    }
}
