/// A request's first line: a method, a target and a version with one space between (RFC 9112 §3).
struct RequestLine {
    private static let methodBytesMax = 32

    let method: ByteSlice
    let target: ByteSlice
    let kind: MethodKind
    let isHTTP10: Bool
    /// Where the line behind it begins.
    let end: Int

    init(_ bytes: RawSpan, targetBytesMax: Int) throws(HeadStop) {
        guard bytes.byteCount > 0 else { throw .incomplete }
        let start = bytes.byte(0) == .carriageReturn ? try bytes.endLine(0) : 0
        let methodEnd = try bytes.endOfToken(start)
        guard methodEnd &- start <= Self.methodBytesMax else { throw .malformed(.methodMalformed) }
        guard methodEnd < bytes.byteCount else { throw .incomplete }
        guard bytes.byte(methodEnd) == .space else { throw .malformed(.methodMalformed) }
        guard methodEnd > start else { throw .malformed(.methodMalformed) }

        let targetEnd = bytes.endOfTarget(methodEnd &+ 1)
        let targetCount = targetEnd &- methodEnd &- 1
        guard targetCount <= targetBytesMax else { throw .malformed(.targetTooLong) }
        guard targetEnd < bytes.byteCount else { throw .incomplete }
        switch bytes.byte(targetEnd) {
        case .space where targetCount > 0: break
        case .space, .carriageReturn, .lineFeed: throw .malformed(.requestLineMalformed)
        default: throw .malformed(.targetMalformed)
        }
        isHTTP10 = try bytes.isHTTP10(targetEnd &+ 1)
        end = try bytes.endLine(targetEnd &+ 9, otherwise: .requestLineMalformed)
        method = ByteSlice(from: start, to: methodEnd)
        target = ByteSlice(from: methodEnd &+ 1, to: targetEnd)
        kind = MethodKind(bytes.word(start), count: methodEnd &- start)
    }
}

/// An answer's first line: a version, a status and a reason (RFC 9112 §4). The reason, and the space before it, may be
/// missing.
struct StatusLine {
    let status: Int
    let line: ByteSlice
    let reason: ByteSlice
    let isHTTP10: Bool
    /// Where the line behind it begins.
    let end: Int

    init(_ bytes: RawSpan) throws(HeadStop) {
        isHTTP10 = try bytes.isHTTP10(0)
        guard bytes.byteCount > 8 else { throw .incomplete }
        guard bytes.byte(8) == .space else { throw .malformed(.statusLineMalformed) }
        var status = 0
        for position in 9..<12 {
            guard position < bytes.byteCount else { throw .incomplete }
            let digit = bytes.byte(position) &- 0x30
            // The first digit is the status's class, of which there are five.
            guard position > 9 ? digit < 10 : digit > 0 && digit < 6 else { throw .malformed(.statusLineMalformed) }
            status = status &* 10 &+ Int(digit)
        }
        self.status = status
        guard bytes.byteCount > 12 else { throw .incomplete }
        let reasonStart = bytes.byte(12) == .space ? 13 : 12
        let lineEnd = try reasonStart == 13 ? bytes.endOfValue(13) : 12
        end = try bytes.endLine(lineEnd, otherwise: .statusLineMalformed)
        line = ByteSlice(from: 0, to: lineEnd)
        reason = ByteSlice(from: reasonStart, to: lineEnd)
    }
}

extension MethodKind {
    /// - Parameters:
    ///   - word: the method's first eight bytes, and what follows it.
    ///   - count: how long it is.
    fileprivate init(_ word: UInt64, count: Int) {
        switch (count, word.prefix(count)) {
        case (3, 0x54_4547): self = .get
        case (4, 0x4441_4548): self = .head
        case (4, 0x5453_4F50): self = .post
        case (3, 0x54_5550): self = .put
        case (5, 0x48_4354_4150): self = .patch
        case (6, 0x4554_454C_4544): self = .delete
        case (7, 0x53_4E4F_4954_504F): self = .options
        case (5, 0x45_4341_5254): self = .trace
        case (7, 0x54_4345_4E4E_4F43): self = .connect
        default: self = .other
        }
    }
}

extension RawSpan {
    /// Checks a line's end. Returns where the line behind it begins.
    ///
    /// - Parameter problem: what it is if anything but CR or LF stands there.
    @inline(__always)
    func endLine(_ position: Int, otherwise problem: HeadProblem = .bareCarriageReturn) throws(HeadStop) -> Int {
        guard position < byteCount else { throw .incomplete }
        switch byte(position) {
        case .carriageReturn: break
        case .lineFeed: throw .malformed(.bareLineFeed)
        default: throw .malformed(problem)
        }
        guard position &+ 1 < byteCount else { throw .incomplete }
        guard byte(position &+ 1) == .lineFeed else { throw .malformed(.bareCarriageReturn) }
        return position &+ 2
    }

    /// Where a token ends, or the span if it does so before.
    @inline(__always)
    fileprivate func endOfToken(_ start: Int) throws(HeadStop) -> Int {
        var position = start
        while position < byteCount, byte(position).isToken { position &+= 1 }
        return position
    }

    /// Where the bytes end that may stand in a request target, or the span if it does so before.
    @inline(__always)
    fileprivate func endOfTarget(_ start: Int) -> Int {
        var position = start
        while true {
            let found = word(position).nonTargetBytes
            if found != 0 { return min(position &+ found.firstByteFound, byteCount) }
            position &+= 8
        }
    }

    /// Reads a version, `HTTP/1.1` or `HTTP/1.0`, of eight bytes (RFC 9112 §2.3).
    @inline(__always)
    fileprivate func isHTTP10(_ start: Int) throws(HeadStop) -> Bool {
        switch word(start) {
        case 0x312E_312F_5054_5448: return false
        case 0x302E_312F_5054_5448: return true
        default: throw versionProblem(start)
        }
    }

    @inline(never)
    private func versionProblem(_ start: Int) -> HeadStop {
        let name = 0x2F_5054_5448 as UInt64
        for offset in 0..<8 {
            guard start + offset < byteCount else { return .incomplete }
            let byte = byte(start + offset)
            let isRight =
                switch offset {
                case 0..<5: byte == UInt8(truncatingIfNeeded: name >> UInt64(offset * 8))
                case 6: byte == 0x2E
                default: byte.isDigit
                }
            guard isRight else { return .malformed(.versionMalformed) }
        }
        return .malformed(.versionUnsupported)
    }
}
