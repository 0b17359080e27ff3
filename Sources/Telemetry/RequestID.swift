/// The id of a request: 32 characters of `[0-9a-v-]`, kept in place, so that making and passing one on allocates
/// nothing.
///
/// It is unique, and no secret: ids of one source follow each other.
public struct RequestID: Sendable, Hashable, CustomStringConvertible {
    /// 32 bytes.
    public static let byteCount = 32

    /// The characters, eight a word, the first in the highest byte: written in this order, big-endian, they are the
    /// text.
    public let words: (UInt64, UInt64, UInt64, UInt64)

    init(_ words: (UInt64, UInt64, UInt64, UInt64)) {
        self.words = words
    }

    public var description: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        append(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the text.
    public func append(to bytes: inout [UInt8]) {
        bytes.append(addingCapacity: Self.byteCount) { append(to: &$0) }
    }

    func append(to output: inout OutputSpan<UInt8>) {
        Self.append(words.0, to: &output)
        Self.append(words.1, to: &output)
        Self.append(words.2, to: &output)
        Self.append(words.3, to: &output)
    }

    private static func append(_ word: UInt64, to output: inout OutputSpan<UInt8>) {
        var shift = UInt64.bitWidth
        while shift > 0 {
            shift -= UInt8.bitWidth
            output.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
        }
    }

    public static func == (left: RequestID, right: RequestID) -> Bool { left.words == right.words }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}

/// Makes the ids of one event loop's requests: 80 random bits, which no other source has, then a count.
///
/// Two among a million sources have the same prefix with a probability below 10⁻¹².
public struct RequestIDSource: Sendable {
    /// The prefix's 16 characters.
    private let prefix: (UInt64, UInt64)
    private var count: UInt64 = 0
    /// A dash and the count's highest seven digits.
    private var high: UInt64

    /// 5 bits make a character, so 40 make a word.
    private static let bitsPerWord: UInt64 = 40

    /// Takes the prefix's random numbers; the generator is asked now, and never again.
    public init(using generator: inout some RandomNumberGenerator) {
        let mask = UInt64(1) << Self.bitsPerWord - 1
        self.prefix = (
            Self.digits(UInt64.random(in: 0...mask, using: &generator)),
            Self.digits(UInt64.random(in: 0...mask, using: &generator))
        )
        self.high = Self.high(0)
    }

    /// The next id.
    public mutating func next() -> RequestID {
        let low = count & (1 << Self.bitsPerWord - 1)
        if low == 0 { high = Self.high(count >> Self.bitsPerWord) }
        count &+= 1
        return RequestID((prefix.0, prefix.1, high, Self.digits(low)))
    }

    /// The lowest 40 bits as eight digits of base 32, the characters of a word.
    private static func digits(_ value: UInt64) -> UInt64 {
        var word: UInt64 = 0
        for place in 0..<8 as Range<UInt64> {
            let digit = value >> (place * 5) & 0x1F
            word |=
                (digit < 10 ? UInt64(UInt8(ascii: "0")) + digit : UInt64(UInt8(ascii: "a")) - 10 + digit)
                << (place * 8)
        }
        return word
    }

    private static func high(_ value: UInt64) -> UInt64 {
        digits(value) & (1 << 56 - 1) | UInt64(UInt8(ascii: "-")) << 56
    }
}
