/// A Salesforce record id: fifteen case-sensitive characters, and three more that only restate their case.
///
/// The suffix is computed as Salesforce Help 000385003 says: each of the three characters encodes which of five
/// characters are upper case.
struct RecordID: Sendable, Hashable, CustomStringConvertible {
    /// The 15-character form.
    let short: String

    /// Reads either form; `nil` where the text is neither, or the suffix does not fit.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 15 || bytes.count == 18, bytes.allSatisfy(Self.isAlphanumeric) else { return nil }
        short = String(decoding: bytes.prefix(15), as: UTF8.self)
        if bytes.count == 18, text.suffix(3).uppercased() != Self.suffix(bytes.prefix(15)) { return nil }
    }

    /// The id of the `number`th record of a key prefix in one org.
    ///
    /// - Parameters:
    ///   - prefix: Three characters that name the object, e.g. `001` for Account.
    ///   - pod: Three characters of the org, so that no two orgs share an id.
    ///   - number: Counts from 1.
    init(prefix: String, pod: String, number: Int) {
        var digits: [UInt8] = []
        var rest = number
        while rest > 0 {
            digits.append(Self.alphabet[rest % Self.alphabet.count])
            rest /= Self.alphabet.count
        }
        let padding = String(repeating: "0", count: max(0, 9 - digits.count))
        short = prefix + pod + padding + String(decoding: digits.reversed(), as: UTF8.self)
    }

    /// The 18-character form, which the REST API answers with.
    var long: String { short + Self.suffix(Array(short.utf8)[...]) }

    /// The first three characters, which name the object.
    var prefix: String { String(short.prefix(3)) }

    var description: String { long }

    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
    private static let suffixAlphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ012345".utf8)

    private static func suffix(_ bytes: ArraySlice<UInt8>) -> String {
        var suffix: [UInt8] = []
        for group in 0..<3 {
            var bits = 0
            for offset in 0..<5 {
                let byte = bytes[bytes.startIndex + group * 5 + offset]
                if (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) { bits |= 1 << offset }
            }
            suffix.append(suffixAlphabet[bits])
        }
        return String(decoding: suffix, as: UTF8.self)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case _: false
        }
    }
}
