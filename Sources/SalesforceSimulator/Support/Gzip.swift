/// Compresses with DEFLATE's fixed Huffman codes in gzip's frame (RFC 1951 and 1952): far from the best ratio, but what
/// every inflater reads, and no library is needed for it.
struct Gzip {
    /// How far back a repetition may lie.
    private static let windowBytes = 32 * 1024
    private static let matchMin = 3
    private static let matchMax = 258

    private var output: [UInt8] = []
    private var bitBuffer: UInt64 = 0
    private var bitCount: UInt64 = 0

    private init() {}

    /// A whole gzip member.
    static func compress(_ bytes: [UInt8]) -> [UInt8] {
        var gzip = Gzip()
        // Magic, DEFLATE, no flags, no time, no hints, unknown system.
        gzip.output = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
        gzip.deflate(bytes)
        gzip.append(crc32(bytes))
        gzip.append(UInt32(truncatingIfNeeded: bytes.count))
        return gzip.output
    }

    private mutating func append(_ number: UInt32) {
        for shift in stride(from: 0, through: 24, by: 8) {
            output.append(UInt8(truncatingIfNeeded: number >> UInt32(shift)))
        }
    }

    /// Lowest bit first, as DEFLATE packs everything but Huffman codes.
    private mutating func put(_ value: Int, bits: Int) {
        bitBuffer |= UInt64(value) << bitCount
        bitCount += UInt64(bits)
        while bitCount >= 8 {
            output.append(UInt8(truncatingIfNeeded: bitBuffer))
            bitBuffer >>= 8
            bitCount -= 8
        }
    }

    /// Highest bit first.
    private mutating func putCode(_ code: Int, bits: Int) {
        var reversed = 0
        for bit in 0..<bits where code & (1 << bit) != 0 { reversed |= 1 << (bits - 1 - bit) }
        put(reversed, bits: bits)
    }

    /// The fixed code of a literal or length symbol (RFC 1951, 3.2.6).
    private mutating func putSymbol(_ symbol: Int) {
        switch symbol {
        case 0...143: putCode(0x30 + symbol, bits: 8)
        case 144...255: putCode(0x190 + symbol - 144, bits: 9)
        case 256...279: putCode(symbol - 256, bits: 7)
        case _: putCode(0xC0 + symbol - 280, bits: 8)
        }
    }

    private mutating func deflate(_ bytes: [UInt8]) {
        put(1, bits: 1)
        put(1, bits: 2)
        var recent = [Int](repeating: -1, count: 1 << 15)
        var position = 0
        while position < bytes.count {
            var length = 0
            var distance = 0
            if position + Self.matchMin <= bytes.count {
                let hash = Self.hash(bytes, position)
                let candidate = recent[hash]
                recent[hash] = position
                if candidate >= 0, position - candidate <= Self.windowBytes {
                    length = Self.commonLength(bytes, candidate, position)
                    distance = position - candidate
                }
            }
            if length >= Self.matchMin {
                putMatch(length: length, distance: distance)
                position += length
            } else {
                putSymbol(Int(bytes[position]))
                position += 1
            }
        }
        putSymbol(256)
        if bitCount > 0 { put(0, bits: 8 - Int(bitCount)) }
    }

    private static func hash(_ bytes: [UInt8], _ position: Int) -> Int {
        let word = UInt32(bytes[position]) | UInt32(bytes[position + 1]) << 8 | UInt32(bytes[position + 2]) << 16
        return Int((word &* 2_654_435_761) >> 17)
    }

    private static func commonLength(_ bytes: [UInt8], _ left: Int, _ right: Int) -> Int {
        var length = 0
        while length < matchMax, right + length < bytes.count, bytes[left + length] == bytes[right + length] {
            length += 1
        }
        return length
    }

    private static let lengthBases = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let lengthBits = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
    ]
    private static let distanceBases = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1_025, 1_537, 2_049, 3_073,
        4_097,
        6_145, 8_193, 12_289, 16_385, 24_577,
    ]

    private mutating func putMatch(length: Int, distance: Int) {
        let lengthIndex = (Self.lengthBases.firstIndex { $0 > length } ?? Self.lengthBases.count) - 1
        putSymbol(257 + lengthIndex)
        put(length - Self.lengthBases[lengthIndex], bits: Self.lengthBits[lengthIndex])
        let distanceIndex = (Self.distanceBases.firstIndex { $0 > distance } ?? Self.distanceBases.count) - 1
        putCode(distanceIndex, bits: 5)
        put(distance - Self.distanceBases[distanceIndex], bits: max(0, distanceIndex / 2 - 1))
    }

    // MARK: Checksum

    private static let crcTable: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1 }
    }

    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(0xFFFF_FFFF) { crcTable[Int(($0 ^ UInt32($1)) & 0xFF)] ^ ($0 >> 8) }
    }
}
