internal import Foundation

/// A query or form, decoded: `application/x-www-form-urlencoded`.
struct QueryString: Sendable {
    private let values: [String: String]
    /// Whether all of it could be decoded.
    let isWhole: Bool

    /// Of several values with one name the first counts. What does not decode is left out.
    init(_ text: String?) {
        var values: [String: String] = [:]
        var isWhole = true
        for pair in (text ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = Self.decode(parts[0]), let value = parts.count == 2 ? Self.decode(parts[1]) : "" else {
                isWhole = false
                continue
            }
            if values[name] == nil { values[name] = value }
        }
        self.values = values
        self.isWhole = isWhole
    }

    /// The names, in alphabetical order.
    var names: [String] { values.keys.sorted() }

    subscript(_ name: String) -> String? { values[name] }

    private static func decode(_ text: Substring) -> String? {
        text.replacing("+", with: " ").removingPercentEncoding
    }

    /// A value as it stands in a query: all but RFC 3986's unreserved characters and the slash is escaped.
    static func encode(_ value: String) -> String {
        var allowed = CharacterSet.alphanumerics.intersection(CharacterSet(charactersIn: Unicode.Scalar(0)..."\u{7F}"))
        allowed.insert(charactersIn: "-._~/")
        return value.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
    }
}
