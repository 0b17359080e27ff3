import NIOCore
import Wire

/// A message as a parser read it: what two parsers must agree on.
struct Message: Equatable {
    /// Method and target, or the status.
    var startLine = ""
    var isHTTP10 = false
    var fields: [String] = []
    var keepsAlive = true
    var body: [UInt8] = []
    /// Whether its end has come.
    var isComplete = false
}

/// What a parser made of bytes.
struct Reading: Equatable {
    var messages: [Message] = []
    /// Why it read no further; `nil`: it wants more bytes.
    var refusal: String?
    /// Whether what follows the last message is not for this parser: the connection ends there, or changes.
    var isOver = false

    /// How much of a body is handed on before it is refused depends on how it comes.
    var withoutRefusedBody: Reading {
        var reading = self
        if refusal != nil, let last = messages.last, !last.isComplete {
            reading.messages[messages.count - 1].body = []
        }
        return reading
    }
}

enum Direction: CaseIterable {
    case requests, answers
}

/// Reads messages with `Wire`, one after another, as a proxy does.
struct WireReader {
    private enum Body {
        case head, untilClose
        case length(Int)
        case chunked(ChunkedBody)
    }

    private let direction: Direction
    private var scanner = HeadScanner()
    private var finder: HeadEndFinder?
    private var body = Body.head
    private var pending = ByteBuffer()
    private(set) var reading = Reading()

    init(_ direction: Direction) {
        self.direction = direction
    }

    static func read(_ bytes: some Sequence<UInt8>, _ direction: Direction) -> Reading {
        var reader = WireReader(direction)
        reader.take(bytes)
        return reader.reading
    }

    /// Takes the next bytes.
    mutating func take(_ bytes: some Sequence<UInt8>) {
        pending.writeBytes(bytes)
        while reading.refusal == nil, !reading.isOver, step() {}
    }

    /// Says that no more pieces come: what a head's beginning says already is read now, not when its end has come.
    mutating func endPieces() {
        finder = nil
        take([])
    }

    /// Returns whether there may be more to read.
    private mutating func step() -> Bool {
        switch body {
        case .head:
            if var finder {
                guard finder.isComplete(pending) else {
                    self.finder = finder
                    return false
                }
            }
            return readHead()
        case .untilClose:
            append(pending.readBytes(length: pending.readableBytes) ?? [])
            return false
        case .length(let left):
            let bytes = pending.readBytes(length: min(left, pending.readableBytes)) ?? []
            append(bytes)
            body = .length(left - bytes.count)
            if bytes.count == left { endMessage() }
            return bytes.count == left
        case .chunked(var chunks):
            do throws(ChunkProblem) {
                var data: [UInt8] = []
                let isEnd = try chunks.take(&pending, .decoding) { data += $0.readableBytesView }
                append(data)
                body = .chunked(chunks)
                if isEnd { endMessage() }
                return isEnd
            } catch {
                reading.refusal = error.description
                return false
            }
        }
    }

    private mutating func readHead() -> Bool {
        let isWaiting: Bool
        switch direction {
        case .requests:
            let scan = scanner.scanRequest(pending)
            isWaiting = !begin(scan) { [fields = scanner.fields, pending] in $0.message(fields, pending) }
        case .answers:
            let scan = scanner.scanResponse(pending)
            isWaiting = !begin(scan) { [fields = scanner.fields, pending] in $0.message(fields, pending) }
        }
        // A head that trickles in: the next pieces are only searched for its end.
        finder = isWaiting ? finder ?? HeadEndFinder() : nil
        return !isWaiting
    }

    private mutating func begin<Head>(
        _ scan: HeadScan<Head>, _ read: (Head) -> (message: Message, framing: BodyFraming, byteCount: Int)
    ) -> Bool {
        switch scan {
        case .incomplete: return false
        case .malformed(let problem):
            reading.refusal = problem.description
            return true
        case .complete(let head):
            let (message, framing, byteCount) = read(head)
            pending.moveReaderIndex(forwardBy: byteCount)
            reading.messages.append(message)
            switch framing {
            case .none: endMessage()
            case .length(let length):
                body = .length(length)
                if length == 0 { endMessage() }
            case .chunked: body = .chunked(ChunkedBody())
            case .untilClose: body = .untilClose
            }
            return true
        }
    }

    private mutating func append(_ bytes: [UInt8]) {
        reading.messages[reading.messages.count - 1].body += bytes
    }

    private mutating func endMessage() {
        body = .head
        let last = reading.messages.count - 1
        reading.messages[last].isComplete = true
        let message = reading.messages[last]
        let isHandOver = message.startLine.hasPrefix("CONNECT ") || message.startLine.hasPrefix("101")
        reading.isOver = !message.keepsAlive || isHandOver || message.fields.contains { $0.isUpgrade }
    }
}

extension String {
    fileprivate var isUpgrade: Bool { lowercased().hasPrefix("upgrade:") }
}

extension FieldLine {
    fileprivate func text(_ buffer: ByteBuffer) -> String { buffer.unicode(name) + ": " + buffer.unicode(value) }
}

extension ByteBuffer {
    fileprivate func unicode(_ slice: ByteSlice) -> String {
        String(decoding: getBytes(at: readerIndex + slice.startIndex, length: slice.count) ?? [], as: UTF8.self)
    }
}

extension RequestHead {
    fileprivate func message(
        _ fields: [FieldLine], _ buffer: ByteBuffer
    ) -> (message: Message, framing: BodyFraming, byteCount: Int) {
        let message = Message(
            startLine: buffer.unicode(method) + " " + buffer.unicode(target), isHTTP10: isHTTP10,
            fields: fields.map { $0.text(buffer) }, keepsAlive: keepsAlive)
        // What follows is the tunnel's (RFC 9110 §9.3.6): a proxy that opens none refuses the request.
        return (message, kind == .connect ? .none : framing, byteCount)
    }
}

extension ResponseHead {
    /// Whether such an answer has no body whatever its header section says (RFC 9110 §6.4.1).
    private var hasNoBody: Bool { status < 200 || status == 204 || status == 304 }

    fileprivate func message(
        _ fields: [FieldLine], _ buffer: ByteBuffer
    ) -> (message: Message, framing: BodyFraming, byteCount: Int) {
        let message = Message(
            startLine: "\(status)", isHTTP10: isHTTP10, fields: fields.map { $0.text(buffer) },
            keepsAlive: keepsAlive && (hasNoBody || framing != .untilClose))
        return (message, hasNoBody ? .none : framing, byteCount)
    }
}
