public import NIOCore

/// Scans heads of HTTP/1.1 messages (RFC 9112), strictly: what two parsers could read differently is refused.
///
/// - Lines end with CRLF; a bare CR or LF, a folded line, or white space before a colon is malformed.
/// - A request line is exactly a method, a target and a version with one space between. One CRLF before it is ignored
///   (RFC 9112 §2.2).
/// - `Host` and `Content-Length` stand at most once, also when equal; `Transfer-Encoding` is one line that says
///   `chunked`, in HTTP/1.1, and never beside `Content-Length`. A name that becomes one of the latter two when `_` or
///   `.` is read as `-` is malformed.
///
/// The answer to a beginning of a head is `incomplete` or the answer to the whole. Keeps the field lines of the last
/// head in storage that is reused, so that a warm scanner allocates nothing. One per event loop.
public struct HeadScanner: Sendable {
    private let limits: HeadLimits
    /// The header lines of the last head, in the order in which they were sent. Empty where that was not complete.
    public private(set) var fields: [FieldLine] = []
    /// What `Connection` names besides `close` and `keep-alive`.
    private var connectionOptions: [ByteSlice] = []

    /// A scanner that refuses what goes beyond `limits`.
    public init(limits: HeadLimits = HeadLimits()) {
        self.limits = limits
        fields.reserveCapacity(64)
    }

    /// Scans a request's head from the reader index on.
    public mutating func scanRequest(_ buffer: ByteBuffer) -> HeadScan<RequestHead> {
        let readable = buffer.readableBytesSpan
        let isFull = readable.byteCount >= limits.headBytesMax
        do throws(HeadStop) {
            let head = try readRequest(isFull ? readable.extracting(first: limits.headBytesMax) : readable)
            return .complete(head)
        } catch {
            return stopped(error, isFull: isFull)
        }
    }

    /// Scans an answer's head from the reader index on.
    public mutating func scanResponse(_ buffer: ByteBuffer) -> HeadScan<ResponseHead> {
        let readable = buffer.readableBytesSpan
        let isFull = readable.byteCount >= limits.headBytesMax
        do throws(HeadStop) {
            let head = try readResponse(isFull ? readable.extracting(first: limits.headBytesMax) : readable)
            return .complete(head)
        } catch {
            return stopped(error, isFull: isFull)
        }
    }

    /// Whether `Connection` names this header, compared without case. Only asked where `namesHopHeaders`.
    ///
    /// `buffer` has the reader index that it had when the head was scanned.
    public func connectionNames(_ name: ByteSlice, in buffer: ByteBuffer) -> Bool {
        let bytes = buffer.readableBytesSpan
        return connectionOptions.contains { option in
            guard option.length == name.length else { return false }
            return (0..<option.count).allSatisfy { offset in
                bytes.byte(option.startIndex + offset).lowercased == bytes.byte(name.startIndex + offset).lowercased
            }
        }
    }

    private mutating func stopped<Head>(_ stop: HeadStop, isFull: Bool) -> HeadScan<Head> {
        fields.removeAll(keepingCapacity: true)
        connectionOptions.removeAll(keepingCapacity: true)
        switch stop {
        // The head would have to end within the limit.
        case .incomplete: return isFull ? .malformed(.headTooLarge) : .incomplete
        case .malformed(let problem): return .malformed(problem)
        }
    }

    private mutating func readRequest(_ bytes: RawSpan) throws(HeadStop) -> RequestHead {
        let line = try RequestLine(bytes, targetBytesMax: limits.targetBytesMax)
        var section = FieldSection(isHTTP10: line.isHTTP10, isRequest: true)
        let end = try readFields(bytes, from: line.end, &section)
        return RequestHead(
            byteCount: end, method: line.method, target: line.target, kind: line.kind, isHTTP10: line.isHTTP10,
            framing: section.framing ?? .none, keepsAlive: section.keepsAlive, host: section.host,
            expectsContinue: section.expectsContinue, namesHopHeaders: !connectionOptions.isEmpty)
    }

    private mutating func readResponse(_ bytes: RawSpan) throws(HeadStop) -> ResponseHead {
        let line = try StatusLine(bytes)
        var section = FieldSection(isHTTP10: line.isHTTP10, isRequest: false)
        let end = try readFields(bytes, from: line.end, &section)
        return ResponseHead(
            byteCount: end, status: line.status, statusLine: line.line, reason: line.reason, isHTTP10: line.isHTTP10,
            framing: section.framing ?? .untilClose, keepsAlive: section.keepsAlive,
            namesHopHeaders: !connectionOptions.isEmpty)
    }

    /// Reads header lines and the empty line behind them. Returns where the head ends.
    private mutating func readFields(
        _ bytes: RawSpan, from start: Int, _ section: inout FieldSection
    ) throws(HeadStop) -> Int {
        fields.removeAll(keepingCapacity: true)
        connectionOptions.removeAll(keepingCapacity: true)
        var position = start
        while true {
            guard position < bytes.byteCount else { throw .incomplete }
            if bytes.byte(position) == .carriageReturn { return try bytes.endLine(position) }
            guard fields.count < limits.fieldsMax else { throw .malformed(.tooManyFields) }
            let colon = try bytes.endOfName(position)
            var valueStart = colon &+ 1
            while valueStart < bytes.byteCount, bytes.byte(valueStart).isBlank { valueStart &+= 1 }
            let carriageReturn = try bytes.endOfValue(valueStart)
            var valueEnd = carriageReturn
            while valueEnd > valueStart, bytes.byte(valueEnd &- 1).isBlank { valueEnd &-= 1 }
            let field = FieldLine(
                nameFrom: position, to: colon, valueFrom: valueStart, to: valueEnd, lineEnd: carriageReturn &+ 2)
            fields.append(field)
            position = carriageReturn &+ 2
            if try section.add(field, bytes) == .connection { try readConnection(field.value, bytes, &section) }
        }
    }

    /// Reads a list of connection options (RFC 9110 §7.6.1). Empty elements are ignored (§5.6.1).
    private mutating func readConnection(
        _ value: ByteSlice, _ bytes: RawSpan, _ section: inout FieldSection
    ) throws(HeadStop) {
        var position = value.startIndex
        while position < value.end {
            var end = position
            while end < value.end, bytes.byte(end) != .comma { end &+= 1 }
            let next = end &+ 1
            while position < end, bytes.byte(position).isBlank { position &+= 1 }
            while end > position, bytes.byte(end &- 1).isBlank { end &-= 1 }
            let option = ByteSlice(from: position, to: end)
            position = next
            guard option.length > 0, !section.takeConnectionOption(option, bytes) else { continue }
            guard connectionOptions.count < limits.connectionOptionsMax else {
                throw .malformed(.tooManyConnectionOptions)
            }
            connectionOptions.append(option)
        }
    }
}

/// Why reading a head ends before its end.
enum HeadStop: Error {
    case incomplete
    case malformed(HeadProblem)
}
