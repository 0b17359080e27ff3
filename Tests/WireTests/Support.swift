import NIOCore
import Wire

/// What a scan of a request found, as text: what a test compares.
struct RequestReading: Equatable {
    var byteCount = 0
    var method = ""
    var target = ""
    var fields: [String] = []
    var framing = BodyFraming.none
    var keepsAlive = true
    var host: String?
    var expectsContinue = false
    var namesHopHeaders = false
}

/// What a scan of an answer found, as text.
struct ResponseReading: Equatable {
    var byteCount = 0
    var status = 0
    var statusLine = ""
    var reason = ""
    var fields: [String] = []
    var framing = BodyFraming.untilClose
    var keepsAlive = true
    var namesHopHeaders = false
}

extension ByteBuffer {
    /// The bytes of a slice as text, one character a byte.
    func text(_ slice: ByteSlice) -> String {
        (getBytes(at: readerIndex + slice.startIndex, length: slice.count) ?? []).latin1
    }
}

extension Sequence where Element == UInt8 {
    /// Text with one character a byte.
    var latin1: String { String(String.UnicodeScalarView(map { Unicode.Scalar($0) })) }
}

extension String {
    /// One byte a character.
    var latin1: [UInt8] { unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }
}

/// A buffer whose reader index is not 0, with nothing around its readable bytes that helps.
func buffer(_ bytes: some Sequence<UInt8>) -> ByteBuffer {
    var buffer = ByteBuffer(string: "junk\r\n\r\n")
    buffer.moveReaderIndex(to: buffer.writerIndex)
    buffer.writeBytes(bytes)
    return buffer
}

func buffer(_ text: String) -> ByteBuffer { buffer(text.latin1) }

func scanRequest(_ text: String, _ limits: HeadLimits = HeadLimits()) -> HeadScan<RequestHead> {
    var scanner = HeadScanner(limits: limits)
    return scanner.scanRequest(buffer(text))
}

func scanResponse(_ text: String, _ limits: HeadLimits = HeadLimits()) -> HeadScan<ResponseHead> {
    var scanner = HeadScanner(limits: limits)
    return scanner.scanResponse(buffer(text))
}

/// What a request's head says; `nil` unless it is complete.
func readRequest(_ text: String) -> RequestReading? {
    var scanner = HeadScanner()
    let bytes = buffer(text)
    guard case .complete(let head) = scanner.scanRequest(bytes) else { return nil }
    return RequestReading(
        byteCount: head.byteCount, method: bytes.text(head.method), target: bytes.text(head.target),
        fields: scanner.fields.map { bytes.text($0.name) + ": " + bytes.text($0.value) }, framing: head.framing,
        keepsAlive: head.keepsAlive, host: head.host.map(bytes.text), expectsContinue: head.expectsContinue,
        namesHopHeaders: head.namesHopHeaders)
}

/// What an answer's head says; `nil` unless it is complete.
func readResponse(_ text: String) -> ResponseReading? {
    var scanner = HeadScanner()
    let bytes = buffer(text)
    guard case .complete(let head) = scanner.scanResponse(bytes) else { return nil }
    return ResponseReading(
        byteCount: head.byteCount, status: head.status, statusLine: bytes.text(head.statusLine),
        reason: bytes.text(head.reason),
        fields: scanner.fields.map { bytes.text($0.name) + ": " + bytes.text($0.value) }, framing: head.framing,
        keepsAlive: head.keepsAlive, namesHopHeaders: head.namesHopHeaders)
}

func problem<Head>(_ scan: HeadScan<Head>) -> HeadProblem? {
    guard case .malformed(let problem) = scan else { return nil }
    return problem
}

func isIncomplete<Head>(_ scan: HeadScan<Head>) -> Bool {
    guard case .incomplete = scan else { return false }
    return true
}
