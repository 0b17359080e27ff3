internal import Foundation

/// A form as browsers send it (`application/x-www-form-urlencoded`), in order, with names that come again.
struct FormBody: Sendable, Hashable {
    static let mediaType = "application/x-www-form-urlencoded"
    /// Twice what our largest form has: 500 mappings of three fields each, and some to add.
    static let fieldsMax = 4_000

    /// One field.
    struct Field: Sendable, Hashable {
        let name: String
        let value: String
    }

    let fields: [Field]

    /// `nil` where it has too many fields, or text that is not UTF-8.
    init?(_ bytes: some Sequence<UInt8>) {
        guard let text = String(bytes: Array(bytes), encoding: .utf8) else { return nil }
        let pairs = text.split(separator: "&", maxSplits: Self.fieldsMax)
        guard pairs.count <= Self.fieldsMax else { return nil }
        var fields: [Field] = []
        for pair in pairs {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decode(parts[0]), let value = Self.decode(parts.count == 2 ? parts[1] : "") else {
                return nil
            }
            fields.append(Field(name: name, value: value))
        }
        self.fields = fields
    }

    /// The first value of a name.
    subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// All values of a name, in order.
    func values(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    /// Line breaks become single ones: forms send CR LF.
    private static func decode(_ text: Substring) -> String? {
        text.replacing("+", with: " ").removingPercentEncoding?.replacing("\r\n", with: "\n")
    }
}
