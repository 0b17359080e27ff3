internal import Mustache

/// How pages escape what they show: byte by byte.
///
/// Mustache's own way goes by characters, as people see them. A quotation mark with a combining accent is another
/// character than a quotation mark, so it would pass, and to a browser it is one still: it would end an attribute.
struct HTMLText: MustacheContentType {
    /// The first line of every template. Each needs its own: partials go back to Mustache's way.
    static let pragma = "{{% CONTENT_TYPE: \(name)}}\n"

    private static let name = "BYTES"

    /// Makes the name known, once.
    static let isRegistered: Bool = {
        MustacheContentTypes.register(HTMLText(), named: name)
        return true
    }()

    func escapeText(_ text: String) -> String {
        var escaped: [UInt8] = []
        escaped.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "&"): escaped += "&amp;".utf8
            case UInt8(ascii: "<"): escaped += "&lt;".utf8
            case UInt8(ascii: ">"): escaped += "&gt;".utf8
            case UInt8(ascii: "\""): escaped += "&quot;".utf8
            case UInt8(ascii: "'"): escaped += "&#39;".utf8
            case _: escaped.append(byte)
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }
}
