internal import Foundation

/// A query string read as a form (WHATWG URL, `application/x-www-form-urlencoded`): each part is decoded exactly once.
struct QueryString {
    /// Decoded names and values, in order. What does not decode keeps its spelling.
    let pairs: [(name: String, value: String)]

    init(_ text: String) {
        self.pairs = text.split(separator: "&", omittingEmptySubsequences: true).map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (Self.decode(parts[0]), parts.count > 1 ? Self.decode(parts[1]) : "")
        }
    }

    /// The value of a name that stands there once; `nil` where it does not, or more than once (RFC 6749 §3.1).
    func value(_ name: String) -> String? {
        let values = pairs.filter { $0.name == name }
        return values.count == 1 ? values[0].value : nil
    }

    /// Whether a name stands there, in any case and any spelling.
    static func names(_ name: String, in text: String) -> Bool {
        // The quick way out for nearly every query: nothing that could spell the name.
        guard text.utf8.contains(UInt8(ascii: "%")) || text.lowercased().contains(name) else { return false }
        return QueryString(text).pairs.contains { pair in
            pair.name.lowercased().trimmingCharacters(in: .whitespaces) == name
        }
    }

    private static func decode(_ text: Substring) -> String {
        let spaced = text.replacing("+", with: " ")
        return spaced.removingPercentEncoding ?? String(spaced)
    }
}
