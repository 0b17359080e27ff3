internal import NIOCore
internal import Salesforce
internal import Wire

/// An answer that is gathered while it may say that the session is dead.
final class GatheredAnswer {
    let head: ResponseHead
    let framing: BodyFraming
    /// The head's bytes, and with them what came of the body in the same read.
    let bytes: ByteBuffer
    let inlineBodyBytes: Int
    /// Whether what is gathered of a chunked body are its data alone.
    let isDecoded: Bool
    private(set) var slices: [ByteBuffer] = []
    private var byteCount: Int
    var isWhole = false
    /// It ended before it was whole.
    var isBroken = false

    /// Begins with a head at the buffer's reader index, and so many bytes of the body behind it.
    init(_ head: ResponseHead, framing: BodyFraming, in buffer: ByteBuffer, inlineBodyBytes: Int, isDecoded: Bool) {
        self.head = head
        self.framing = framing
        self.inlineBodyBytes = inlineBodyBytes
        self.isDecoded = isDecoded
        self.bytes =
            buffer.getSlice(at: buffer.readerIndex, length: head.byteCount + inlineBodyBytes) ?? ByteBuffer()
        self.byteCount = inlineBodyBytes
    }

    /// Whether no more is gathered.
    var isFull: Bool { byteCount > SessionAnswer.byteCountMax }

    func keep(_ slice: ByteBuffer) {
        byteCount += slice.readableBytes
        slices.append(slice)
    }

    /// Whether it is a dead session's answer.
    ///
    /// - Parameter isCurrent: whether the token that it answered is still the current one.
    func isDeadSession(path: String, contentType: String, contentEncoding: String, isCurrent: () -> Bool) -> Bool {
        let verdict = SessionAnswer.verdict(
            status: head.status, contentType: contentType, contentEncoding: contentEncoding, body: body)
        switch verdict {
        case .dead: return true
        case .alive: return false
        case .unreadable:
            // 403 is a dead session's at the identity endpoints alone; elsewhere it is a right that the user lacks.
            return (head.status != 403 || path == "/services/oauth2/userinfo") && isCurrent()
        }
    }

    /// The body, without its chunks.
    private var body: [UInt8] {
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

/// How an answer is passed on.
struct RelayedAnswer {
    private(set) var framing = BodyFraming.none
    /// A chunked body is passed on without its chunks: to a client of HTTP/1.0.
    private(set) var isDecoded = false
    /// A body that ends with Salesforce's connection is chunked for the client, who can then tell whether it is whole.
    private(set) var isChunkedAnew = false
    /// Whether the answer said that it is the last on its connection.
    private(set) var isLast = false

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
}
