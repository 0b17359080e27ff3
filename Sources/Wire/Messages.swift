/// Where bytes lie, counted from the reader index of the buffer that was scanned.
public struct ByteSlice: Sendable, Hashable {
    /// Where the first byte lies.
    public let start: Int32
    /// How many bytes there are.
    public let length: Int32

    /// The bytes from one place up to another.
    public init(from start: Int, to end: Int) {
        // A head is at most Int32.max bytes long: see HeadLimits.
        self.start = Int32(truncatingIfNeeded: start)
        self.length = Int32(truncatingIfNeeded: end &- start)
    }

    /// Where the first byte lies.
    public var startIndex: Int { Int(start) }
    /// How many bytes there are.
    public var count: Int { Int(length) }
    /// Where the byte behind the last one lies.
    public var end: Int { Int(start) &+ Int(length) }
}

/// One header line, whose end is always CRLF.
public struct FieldLine: Sendable, Hashable {
    /// The name as it was sent.
    public let name: ByteSlice
    /// The value without white space around it; may be empty.
    public let value: ByteSlice
    /// From the name's first byte up to and with the CRLF.
    public let line: ByteSlice

    init(nameFrom start: Int, to colon: Int, valueFrom valueStart: Int, to valueEnd: Int, lineEnd: Int) {
        name = ByteSlice(from: start, to: colon)
        value = ByteSlice(from: valueStart, to: valueEnd)
        line = ByteSlice(from: start, to: lineEnd)
    }
}

/// What a head may measure. More is refused, whatever it says.
public struct HeadLimits: Sendable, Hashable {
    /// All of the head, with the empty line at its end. More: 431.
    public var headBytesMax = 32 * 1024
    /// Header lines. More: 431.
    public var fieldsMax = 200
    /// The request target. More: 414.
    public var targetBytesMax = 16 * 1024
    /// Names in `Connection` besides `close` and `keep-alive`. More: 431. Each is compared with each header's name.
    public var connectionOptionsMax = 32

    /// The limits that most servers have.
    public init() {}
}

/// What kind of body follows a head (RFC 9112 §6.3), from the header section alone.
public enum BodyFraming: Sendable, Hashable {
    /// None: a request that states no length.
    case none
    /// `Content-Length`; may be 0.
    case length(Int)
    /// `Transfer-Encoding: chunked`.
    case chunked
    /// All up to the end of the connection: an answer that states no length. Answers only.
    case untilClose
}

/// A request's method, as far as a proxy tells them apart. Methods are case-sensitive (RFC 9110 §9.1).
public enum MethodKind: Sendable, Hashable {
    case get, head, post, put, patch, delete, options, trace, connect, other
}

/// A request's first line and what its header section says about the message itself.
public struct RequestHead: Sendable, Hashable {
    /// Bytes from the reader index up to and with the empty line; a CRLF before the request line counts too.
    public let byteCount: Int
    /// A token of 1 to 32 bytes.
    public let method: ByteSlice
    /// Visible ASCII without `#`. Which of its forms (RFC 9112 §3.2) it has is the caller's to judge.
    public let target: ByteSlice
    /// Which method it is.
    public let kind: MethodKind
    /// HTTP/1.0; otherwise it is 1.1.
    public let isHTTP10: Bool
    /// `none`, `length` or `chunked`.
    public let framing: BodyFraming
    /// Whether the connection may serve another request (RFC 9112 §9.3).
    public let keepsAlive: Bool
    /// The value of `Host`; `nil` where none was sent.
    public let host: ByteSlice?
    /// Whether the client waits for `100 Continue`. Never in HTTP/1.0 (RFC 9110 §10.1.1).
    public let expectsContinue: Bool
    /// Whether `Connection` names anything beyond `close` and `keep-alive`.
    public let namesHopHeaders: Bool
}

/// An answer's first line and what its header section says about the message itself.
public struct ResponseHead: Sendable, Hashable {
    /// Bytes from the reader index up to and with the empty line.
    public let byteCount: Int
    /// 100 to 599.
    public let status: Int
    /// The first line without its CRLF.
    public let statusLine: ByteSlice
    /// What follows the status and a space, as it was sent; may be empty.
    public let reason: ByteSlice
    /// HTTP/1.0; otherwise it is 1.1.
    public let isHTTP10: Bool
    /// `untilClose` where the header section states nothing. HEAD, 1xx, 204 and 304 are the caller's rule.
    public let framing: BodyFraming
    /// Whether the header section lets the connection serve another request (RFC 9112 §9.3).
    public let keepsAlive: Bool
    /// Whether `Connection` names anything beyond `close` and `keep-alive`.
    public let namesHopHeaders: Bool
}

/// What a scan found.
public enum HeadScan<Head: Sendable>: Sendable {
    /// More bytes are needed. What is there so far is well-formed.
    case incomplete
    /// The rest need not be read: no further bytes make this a head.
    case malformed(HeadProblem)
    /// A whole head.
    case complete(Head)
}

extension HeadScan: Equatable where Head: Equatable {}
