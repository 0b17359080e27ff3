// Reading bytes one by one and eight at a time. The only file of this room with unsafe expressions.

extension RawSpan {
    /// The byte at an offset. Traps outside the span.
    @inline(__always)
    func byte(_ offset: Int) -> UInt8 {
        // SAFETY: bounds are checked by the call; every bit pattern is a UInt8.
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// Eight bytes from an offset on, the first one lowest; zeros stand where the span has ended.
    ///
    /// No line holds a zero byte, so every search for what ends a run stops at the end of the span at the latest.
    @inline(__always)
    func word(_ offset: Int) -> UInt64 {
        guard offset <= byteCount &- 8 else { return lastWord(offset) }
        // SAFETY: bounds are checked by the call; every bit pattern is a UInt64; alignment is not asked for.
        return UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inline(never)
    private func lastWord(_ offset: Int) -> UInt64 {
        var word: UInt64 = 0
        var shift: UInt64 = 0
        for position in offset..<max(offset, byteCount) {
            word |= UInt64(byte(position)) &<< shift
            shift &+= 8
        }
        return word
    }
}

/// Searches within eight bytes at a time. Each answers with the high bit of every byte that was found; none carries
/// from one byte into the next, so that the answer is exact for all eight.
extension UInt64 {
    private static let lows: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// Which of the eight bytes comes first among those that were found. There must be one.
    @inline(__always)
    var firstByteFound: Int { trailingZeroBitCount &>> 3 }

    /// Letters in lower case, where all eight bytes are known to be tokens or the result is compared with letters,
    /// digits and `-`, which no other character of a token or a value becomes.
    @inline(__always)
    var lowercased: UInt64 { self | 0x2020_2020_2020_2020 }

    /// The first `count` bytes, 0 to 8.
    @inline(__always)
    func prefix(_ count: Int) -> UInt64 {
        count >= 8 ? self : self & ((1 &<< UInt64(truncatingIfNeeded: count &* 8)) &- 1)
    }

    /// Bytes that may not stand in a field's value: controls and DEL. HTAB may, and is found all the same.
    @inline(__always)
    var controls: UInt64 {
        let low = self & ~Self.highs
        let isPrintable = low &+ 0x60 &* Self.lows
        let isDelete = low &+ Self.lows
        return (~isPrintable | isDelete) & ~self & Self.highs
    }

    /// Bytes that end a request target or may not stand in one: all but 0x21 to 0x7E, and `#`.
    @inline(__always)
    var nonTargetBytes: UInt64 {
        let low = self & ~Self.highs
        let isVisible = low &+ 0x5F &* Self.lows
        let isDelete = low &+ Self.lows
        let isNoHash = (low ^ 0x23 &* Self.lows) &+ ~Self.highs
        return (~isVisible | isDelete | ~isNoHash | self) & Self.highs
    }

    /// Bytes that are neither an ASCII letter nor `-`: what most header names are made of.
    @inline(__always)
    var nonNameBytes: UInt64 {
        let low = self & ~Self.highs
        let letter = low | 0x20 &* Self.lows
        let isLetter = (letter &+ 0x1F &* Self.lows) & ~(letter &+ 0x05 &* Self.lows)
        let isNoHyphen = (low ^ 0x2D &* Self.lows) &+ ~Self.highs
        return (~(isLetter | ~isNoHyphen) | self) & Self.highs
    }

    /// Line feeds.
    @inline(__always)
    var lineFeeds: UInt64 {
        let low = self & ~Self.highs
        let isNoFeed = (low ^ 0x0A &* Self.lows) &+ ~Self.highs
        return ~isNoFeed & ~self & Self.highs
    }
}

extension UInt8 {
    static let tab: UInt8 = 0x09
    static let lineFeed: UInt8 = 0x0A
    static let carriageReturn: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let comma: UInt8 = 0x2C
    static let colon: UInt8 = 0x3A
    static let semicolon: UInt8 = 0x3B

    /// One bit a character, RFC 9110 §5.6.2: ``!#$%&'*+-.^_`|~``, digits and letters.
    private static let tokensBelow64: UInt64 = 0x03FF_6CFA_0000_0000
    private static let tokensFrom64: UInt64 = 0x57FF_FFFF_C7FF_FFFE

    @inline(__always)
    var isToken: Bool {
        let mask = self < 64 ? Self.tokensBelow64 : Self.tokensFrom64
        return self < 128 && (mask &>> UInt64(self & 63)) & 1 == 1
    }

    @inline(__always)
    var isDigit: Bool { self &- 0x30 < 10 }

    @inline(__always)
    var isBlank: Bool { self == .space || self == .tab }

    /// Whether it may stand in a field's value: HTAB, 0x20 to 0x7E, 0x80 to 0xFF.
    @inline(__always)
    var isFieldValue: Bool { self == .tab || (self >= 0x20 && self != 0x7F) }

    /// An ASCII letter in lower case.
    @inline(__always)
    var lowercased: UInt8 { self &- 0x41 < 26 ? self | 0x20 : self }
}
