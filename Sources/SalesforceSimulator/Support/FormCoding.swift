/// The pairs of a query or of an `application/x-www-form-urlencoded` body, in their order.
struct FormFields: Sendable, Hashable {
    struct Pair: Sendable, Hashable {
        var name: String
        var value: String
    }

    private(set) var pairs: [Pair] = []

    init(_ pairs: [(String, String)] = []) {
        self.pairs = pairs.map { Pair(name: $0.0, value: $0.1) }
    }

    /// Reads `a=b&c=d`, with `+` and percent-encoding undone once.
    init(parsing text: some StringProtocol) {
        for part in text.split(separator: "&") {
            let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let value = halves.count > 1 ? percentDecoded(halves[1], plusIsSpace: true) : ""
            pairs.append(Pair(name: percentDecoded(halves[0], plusIsSpace: true), value: value))
        }
    }

    /// The first value of a name; `nil` where there is none.
    subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

    /// The first value of a name where it is not empty.
    func nonEmpty(_ name: String) -> String? {
        guard let value = self[name], !value.isEmpty else { return nil }
        return value
    }

    /// The pairs as `a=b&c=d`, everything but unreserved characters percent-encoded.
    var encoded: String {
        pairs.map { "\(percentEncoded($0.name))=\(percentEncoded($0.value))" }.joined(separator: "&")
    }
}

/// Undoes percent-encoding once; a percent sign that starts no escape stays as it is.
func percentDecoded(_ text: some StringProtocol, plusIsSpace: Bool) -> String {
    let bytes = Array(text.utf8)
    var decoded: [UInt8] = []
    decoded.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
        let byte = bytes[index]
        if byte == UInt8(ascii: "%"), index + 2 < bytes.count,
            let value = UInt8(String(decoding: bytes[(index + 1)...(index + 2)], as: UTF8.self), radix: 16)
        {
            decoded.append(value)
            index += 3
        } else {
            decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? 0x20 : byte)
            index += 1
        }
    }
    return String(decoding: decoded, as: UTF8.self)
}

/// Percent-encodes all but the unreserved characters of RFC 3986.
func percentEncoded(_ text: String) -> String {
    var encoded: [UInt8] = []
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            encoded.append(byte)
        case _:
            encoded.append(contentsOf: "%\(hexDigits(byte).uppercased())".utf8)
        }
    }
    return String(decoding: encoded, as: UTF8.self)
}

/// Escapes text for XML content and attribute values.
func xmlEscaped(_ text: String) -> String {
    var escaped = ""
    for character in text {
        switch character {
        case "&": escaped += "&amp;"
        case "<": escaped += "&lt;"
        case ">": escaped += "&gt;"
        case "\"": escaped += "&quot;"
        case "'": escaped += "&#39;"
        case _: escaped.append(character)
        }
    }
    return escaped
}
