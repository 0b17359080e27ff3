internal import NIOCore
internal import Salesforce
internal import Wire

/// Salesforce's answer as far as it is known: gathered while it may say that the session is dead, or being passed on.
struct PendingAnswer {
    /// The head, where the answer is gathered, and its bytes with what came of the body in the same read.
    private(set) var head: ResponseHead?
    private(set) var bytes = ByteBuffer()
    private(set) var inlineBodyBytes = 0
    private(set) var framing = BodyFraming.none
    private(set) var slices: [ByteBuffer] = []
    private var byteCount = 0
    var isWhole = false
    /// It ended before it was whole.
    var isBroken = false

    /// A chunked body is passed on without its chunks: to a client of HTTP/1.0.
    var isDecoded = false
    /// A body that ends with Salesforce's connection is chunked for the client, who can then tell whether it is whole.
    private(set) var isChunkedAnew = false
    /// Whether the answer said that it is the last on its connection.
    private(set) var isLast = false

    /// Whether no more is gathered.
    var isFull: Bool { byteCount > SessionAnswer.byteCountMax }

    mutating func keep(_ head: ResponseHead, framing: BodyFraming, in buffer: ByteBuffer, inlineBodyBytes: Int) {
        self.head = head
        self.framing = framing
        self.inlineBodyBytes = inlineBodyBytes
        bytes = buffer.getSlice(at: buffer.readerIndex, length: head.byteCount + inlineBodyBytes) ?? ByteBuffer()
        byteCount = inlineBodyBytes
    }

    mutating func keep(_ slice: ByteBuffer) {
        byteCount += slice.readableBytes
        slices.append(slice)
    }

    /// The answer is passed on from here.
    mutating func begin(_ framing: BodyFraming, isHTTP10: Bool, isLast: Bool) {
        self.framing = framing
        switch framing {
        case .none, .length: (isDecoded, isChunkedAnew) = (false, false)
        case .chunked: (isDecoded, isChunkedAnew) = (isHTTP10, false)
        case .untilClose: (isDecoded, isChunkedAnew) = (false, !isHTTP10)
        }
        // A client of HTTP/1.0 sees the end of such a body in the end of the connection alone.
        self.isLast = isLast || isDecoded || framing == .untilClose && isHTTP10
    }

    mutating func release() {
        slices = []
        bytes = ByteBuffer()
        head = nil
    }

    /// Whether what was gathered is a dead session's answer.
    ///
    /// - Parameter isCurrent: whether the token that it answered is still the current one.
    func isDeadSession(path: String, contentType: String, contentEncoding: String, isCurrent: () -> Bool) -> Bool {
        guard let head else { return false }
        let verdict = SessionAnswer.verdict(
            status: head.status, contentType: contentType, contentEncoding: contentEncoding, body: body(of: head))
        switch verdict {
        case .dead: return true
        case .alive: return false
        case .unreadable:
            // 403 is a dead session's at the identity endpoints alone; elsewhere it is a right that the user lacks.
            return (head.status != 403 || path == "/services/oauth2/userinfo") && isCurrent()
        }
    }

    /// The gathered body, without its chunks.
    private func body(of head: ResponseHead) -> [UInt8] {
        var body = Array(bytes.readableBytesView.dropFirst(head.byteCount))
        guard framing == .chunked, !isDecoded else {
            for slice in slices { body.append(contentsOf: slice.readableBytesView) }
            return body
        }
        var chunks = ChunkedBody()
        for var slice in slices {
            _ = try? chunks.take(&slice, .decoding) { body.append(contentsOf: $0.readableBytesView) }
        }
        return body
    }
}
