/// A Salesforce record id in its 15-character, case-sensitive form.
///
/// The 18-character form adds three characters that only restate the case of the first fifteen; both name the same
/// record, so the short one is kept. (Salesforce Help 000385003.)
public struct SalesforceID: Sendable, Hashable, CustomStringConvertible {
    /// Fifteen characters of `[A-Za-z0-9]`.
    public let rawValue: String

    /// Reads either form; `nil` where the text is neither.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count == 15 || bytes.count == 18, bytes.allSatisfy(Self.isAlphanumeric) else { return nil }
        self.rawValue = String(text.prefix(15))
    }

    public var description: String { rawValue }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case _: false
        }
    }
}
