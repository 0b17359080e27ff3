/// A customer's label under the base domain, e.g. `axonify`: lower-case, valid and not reserved by construction.
///
/// A DNS label (RFC 1035 §2.3.1): `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`, never a punycode one.
public struct Subdomain: Sendable, Hashable, CustomStringConvertible {
    /// The label, in lower case.
    public let label: String

    /// Reads a label, in any case.
    ///
    /// - Throws: ``SubdomainError``.
    public init(_ text: String) throws(SubdomainError) {
        let label = text.lowercased()
        let bytes = Array(label.utf8)
        guard (1...63).contains(bytes.count), bytes.allSatisfy(Self.isAllowed), bytes.first != Self.hyphen,
            bytes.last != Self.hyphen, !label.hasPrefix("xn--")
        else { throw .malformed }
        guard !Self.reserved.contains(label) else { throw .reserved(label) }
        self.label = label
    }

    /// Reads a label from its bytes, in any case; `nil` where it is malformed or reserved.
    ///
    /// Up to 15 bytes nothing is allocated.
    public init?(ascii bytes: Span<UInt8>) {
        guard (1...63).contains(bytes.count), bytes[0] != Self.hyphen, bytes[bytes.count - 1] != Self.hyphen else {
            return nil
        }
        let isPunycode = bytes.count >= 4 && bytes[2] == Self.hyphen && bytes[3] == Self.hyphen
        var isMalformed = false
        let label = String(unsafeUninitializedCapacity: bytes.count) { buffer in
            for index in bytes.indices {
                let byte = Self.lowercased(bytes[index])
                if !Self.isAllowed(byte) {
                    isMalformed = true
                    return 0
                }
                buffer[index] = byte
            }
            return bytes.count
        }
        guard !isMalformed, !(isPunycode && label.hasPrefix("xn")) else { return nil }
        // Few labels have the first letter and the length of a reserved one: the others need not be hashed.
        let mayBeReserved = Self.reservedCounts[Int(Self.lowercased(bytes[0]))] >> bytes.count & 1 == 1
        guard !mayBeReserved || !Self.reserved.contains(label) else { return nil }
        self.label = label
    }

    public var description: String { label }

    /// Labels that the product keeps for itself.
    public static let reserved: Set<String> = [
        "www", "admin", "api", "app", "auth", "billing", "cdn", "docs", "help", "mail", "ns1", "ns2", "smtp", "ftp",
        "static", "assets", "status", "support", "webhooks", "formation",
    ]

    /// For each first byte, a bit for each length that a reserved label has.
    private static let reservedCounts: [UInt64] = reserved.reduce(into: Array(repeating: 0, count: 256)) {
        counts, label in
        if let first = label.utf8.first { counts[Int(first)] |= 1 << label.utf8.count }
    }

    private static let hyphen = UInt8(ascii: "-")

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), hyphen: true
        case _: false
        }
    }
}

/// Why a text is no subdomain.
public enum SubdomainError: Error, Equatable, CustomStringConvertible {
    /// Not a DNS label, or a punycode one.
    case malformed
    /// One of the product's own.
    case reserved(String)

    public var description: String {
        switch self {
        case .malformed:
            "A subdomain is 1 to 63 letters, digits and hyphens, with a letter or digit at both ends, and not xn--…"
        case .reserved(let label):
            "The subdomain \(label) is reserved."
        }
    }
}
