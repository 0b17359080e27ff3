public import NIOCore

/// Follows chunked framing (RFC 9112 §7.1), strictly.
///
/// A size is 1 to 15 hexadecimal digits; lines end with CRLF. Extensions, without white space in them, and trailers are
/// checked, counted (16 KiB each over the whole body) and cut out.
public struct ChunkedBody: Sendable {
    /// What is handed on.
    public enum Mode: Sendable, Hashable {
        /// Data and its framing: size lines, CRLFs, the last chunk and the empty line at the end.
        case passing
        /// Data alone.
        case decoding
    }

    /// Where in the body the next byte stands.
    private enum State: Sendable {
        case size(Int, digits: Int)
        case sizeExtension(Int, ChunkExtension)
        case sizeLineFeed(Int)
        case data(left: Int)
        case dataCarriageReturn
        case dataLineFeed
        case trailerStart
        case trailerName
        case trailerValue
        case trailerLineFeed
        case finalLineFeed
        case ended
    }

    private static let sizeDigitsMax = 15
    private static let extensionBytesMax = 16 * 1024
    private static let trailerBytesMax = 16 * 1024

    private var state = State.size(0, digits: 0)
    private var extensionBytes = 0
    private var trailerBytes = 0
    private var trailerName = TrailerName()
    /// How many bytes of data were taken so far.
    public private(set) var dataByteCount = 0

    /// The beginning of a body.
    public init() {}

    /// Takes what belongs to this body off the buffer; hands on what is to be forwarded, in order and without copying.
    ///
    /// Bytes that stand side by side and are handed on stay one slice. Where it throws, bytes before the problem may or
    /// may not have been handed on, and the buffer is as it was.
    ///
    /// - Returns: whether the body ended. Bytes behind it stay in the buffer.
    /// - Throws: ``ChunkProblem``, after which neither this nor the buffer is of use.
    public mutating func take(
        _ buffer: inout ByteBuffer, _ mode: Mode, _ forward: (ByteBuffer) -> Void
    ) throws(ChunkProblem) -> Bool {
        let count = try follow(buffer, mode, forward)
        buffer.moveReaderIndex(forwardBy: count)
        if case .ended = state { return true }
        return false
    }

    /// Returns how many bytes belong to this body.
    private mutating func follow(
        _ buffer: ByteBuffer, _ mode: Mode, _ forward: (ByteBuffer) -> Void
    ) throws(ChunkProblem) -> Int {
        let bytes = buffer.readableBytesSpan
        var position = 0
        var kept = 0..<0
        while position < bytes.byteCount {
            let step: Step
            if case .data(let left) = state {
                step = takeData(min(left, bytes.byteCount - position), of: left)
            } else if case .ended = state {
                break
            } else {
                step = Step(count: 1, isKept: try takeFraming(bytes.byte(position)) && mode == .passing)
            }
            if step.isKept {
                if kept.upperBound != position {
                    buffer.hand(kept, to: forward)
                    kept = position..<position
                }
                kept = kept.lowerBound..<position + step.count
            }
            position += step.count
        }
        buffer.hand(kept, to: forward)
        return position
    }

    private struct Step {
        let count: Int
        let isKept: Bool
    }

    private mutating func takeData(_ count: Int, of left: Int) -> Step {
        dataByteCount += count
        state = count == left ? .dataCarriageReturn : .data(left: left - count)
        return Step(count: count, isKept: true)
    }

    /// Takes a byte that is no data. Returns whether it is handed on when framing is.
    private mutating func takeFraming(_ byte: UInt8) throws(ChunkProblem) -> Bool {
        switch state {
        case .size(let size, let digits):
            return try takeSize(byte, size, digits)
        case .sizeExtension(let size, let chunkExtension):
            guard byte != .carriageReturn || !chunkExtension.mayEnd else {
                state = .sizeLineFeed(size)
                return true
            }
            guard byte != .lineFeed else { throw .bareLineFeed }
            guard let next = chunkExtension.next(byte) else { throw .extensionMalformed }
            state = .sizeExtension(size, next)
            try countExtension()
            return false
        case .sizeLineFeed(let size):
            guard byte == .lineFeed else { throw .bareCarriageReturn }
            state = size > 0 ? .data(left: size) : .trailerStart
            return true
        case .dataCarriageReturn:
            guard byte == .carriageReturn else { throw .dataTooLong }
            state = .dataLineFeed
            return true
        case .dataLineFeed:
            guard byte == .lineFeed else { throw .bareCarriageReturn }
            state = .size(0, digits: 0)
            return true
        case .trailerStart where byte == .carriageReturn:
            state = .finalLineFeed
            return true
        case .finalLineFeed:
            guard byte == .lineFeed else { throw .bareCarriageReturn }
            state = .ended
            return true
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed:
            try takeTrailer(byte)
            return false
        case .data, .ended:
            return false
        }
    }

    private mutating func takeSize(_ byte: UInt8, _ size: Int, _ digits: Int) throws(ChunkProblem) -> Bool {
        let digit: UInt8
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - 0x30
        case UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "a")...UInt8(ascii: "f"):
            digit = (byte | 0x20) - 0x57
        case .carriageReturn where digits > 0:
            state = .sizeLineFeed(size)
            return true
        case .semicolon where digits > 0:
            state = .sizeExtension(size, .nameStart)
            try countExtension()
            return false
        case .lineFeed where digits > 0: throw .bareLineFeed
        default: throw .sizeMalformed
        }
        guard digits < Self.sizeDigitsMax else { throw .sizeMalformed }
        state = .size(size << 4 | Int(digit), digits: digits + 1)
        return true
    }

    private mutating func countExtension() throws(ChunkProblem) {
        extensionBytes += 1
        guard extensionBytes <= Self.extensionBytesMax else { throw .extensionsTooLarge }
    }

    private mutating func takeTrailer(_ byte: UInt8) throws(ChunkProblem) {
        trailerBytes += 1
        guard trailerBytes <= Self.trailerBytesMax else { throw .trailersTooLarge }
        switch state {
        case .trailerStart:
            guard byte != .lineFeed else { throw .bareLineFeed }
            guard byte.isToken else { throw .trailerMalformed }
            trailerName = TrailerName()
            trailerName.append(byte)
            state = .trailerName
        case .trailerName:
            if byte == .colon {
                guard !trailerName.isFraming else { throw .trailerMalformed }
                state = .trailerValue
            } else if byte.isToken {
                trailerName.append(byte)
            } else {
                throw .trailerMalformed
            }
        case .trailerValue:
            if byte == .carriageReturn {
                state = .trailerLineFeed
            } else if byte == .lineFeed {
                throw .bareLineFeed
            } else if !byte.isFieldValue {
                throw .trailerMalformed
            }
        case .trailerLineFeed:
            guard byte == .lineFeed else { throw .bareCarriageReturn }
            state = .trailerStart
        case .size, .sizeExtension, .sizeLineFeed, .data, .dataCarriageReturn, .dataLineFeed, .finalLineFeed, .ended:
            break
        }
    }
}

extension ByteBuffer {
    /// Hands on a slice, counted from the reader index, unless it is empty.
    fileprivate func hand(_ range: Range<Int>, to forward: (ByteBuffer) -> Void) {
        guard !range.isEmpty, let slice = getSlice(at: readerIndex + range.lowerBound, length: range.count) else {
            return
        }
        forward(slice)
    }
}

/// Tells while a trailer's name arrives whether it is one that frames a message, which no trailer may be
/// (RFC 9110 §6.5.1).
private struct TrailerName {
    private static let framingNames = ["content-length", "transfer-encoding"].map { Array($0.utf8) }

    private var count = 0
    private var mayBe = (true, true)

    mutating func append(_ byte: UInt8) {
        mayBe.0 = mayBe.0 && Self.framingNames[0].has(byte.lowercased, at: count)
        mayBe.1 = mayBe.1 && Self.framingNames[1].has(byte.lowercased, at: count)
        count += 1
    }

    var isFraming: Bool {
        (mayBe.0 && count == Self.framingNames[0].count) || (mayBe.1 && count == Self.framingNames[1].count)
    }
}

extension [UInt8] {
    fileprivate func has(_ byte: UInt8, at index: Int) -> Bool { index < count && self[index] == byte }
}
