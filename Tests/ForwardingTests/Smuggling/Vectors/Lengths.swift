extension Family {
    /// What `Content-Length` says.
    static let lengths = Family("Content-Length") {
        good("length", rule, Wire.post(["Content-Length: 5"], body: "hello"), method: "POST", body: "hello")
        good("length-zero", rule, Wire.post(["Content-Length: 0"]), method: "POST")
        good(
            "length-lower-case", nameCase, Wire.post(["content-length: 5"], body: "hello"), method: "POST",
            body: "hello")
        good(
            "length-no-space", space, Wire.post(["Content-Length:5"], body: "hello"), method: "POST", body: "hello")
        bad(
            "length-tabs-around", space,
            Wire.post(["Content-Length:\t 5\t "], body: "hello"))
        rare(
            "length-leading-zeros", rule, Wire.post(["Content-Length: 005"], body: "hello"), method: "POST",
            body: "hello")
        bad(
            "length-octal-look", rule,
            Wire.post(["Content-Length: 010"], body: "0123456789"))
        rare(
            "length-twenty-digits", rule, Wire.post(["Content-Length: 00000000000000000005"], body: "hello"),
            method: "POST", body: "hello", statuses: [400, 413])
        for (name, value) in odd {
            bad("length-\(name)", rule, Wire.post(["Content-Length: \(value)"], body: "hello"), [400, 413])
        }
        for (name, lines) in twice {
            bad("lengths-\(name)", several, Wire.post(lines, body: "hello"))
        }
    }

    private static let rule = "RFC 9110 §8.6"
    private static let several = "RFC 9112 §6.3"
    private static let nameCase = "RFC 9110 §5.1"
    private static let space = "RFC 9112 §5.1"

    /// Values that are no number of digits.
    private static let odd: [(String, String)] = [
        ("plus", "+5"), ("minus", "-5"), ("minus-zero", "-0"), ("hex", "0x5"), ("hex-no-prefix", "A"),
        ("exponent", "5e0"),
        ("point", "5.0"), ("space-inside", "5 5"), ("tab-inside", "5\t5"), ("empty", ""), ("words", "five"),
        ("list-equal", "5,5"), ("list-equal-spaced", "5, 5"), ("list-different", "5, 6"), ("list-empty-last", "5,"),
        ("list-empty-first", ",5"), ("quoted", "\"5\""), ("semicolon", "5;"), ("parameter", "5;x=y"),
        ("underscores", "5_0"),
        ("vertical-tab", "\u{0B}5"), ("form-feed", "5\u{0C}"), ("NUL-after", "5\u{00}"), ("NUL-before", "\u{00}5"),
        ("no-break-space", "\u{A0}5"), ("Arabic-digit", "\u{0665}"), ("full-width-digit", "\u{FF15}"),
        ("two-to-the-64-and-5", "18446744073709551621"), ("two-to-the-63", "9223372036854775808"),
        ("thirty-nines", String(repeating: "9", count: 30)), ("minus-huge", "-18446744073709551611"),
        ("comment", "5 (bytes)"), ("percent", "%35"),
    ]

    private static let twice: [(String, [String])] = [
        ("equal", ["Content-Length: 5", "Content-Length: 5"]),
        ("less-first", ["Content-Length: 5", "Content-Length: \(45)"]),
        ("more-first", ["Content-Length: \(45)", "Content-Length: 5"]),
        ("zero-first", ["Content-Length: 0", "Content-Length: 5"]),
        ("other-case", ["Content-Length: 5", "content-length: 0"]),
        ("three", ["Content-Length: 5", "Content-Length: 5", "Content-Length: 5"]),
        ("apart", ["Content-Length: 5", "X-Between: 1", "Content-Length: 0"]),
        ("empty-second", ["Content-Length: 5", "Content-Length:"]),
        ("sign-second", ["Content-Length: 5", "Content-Length: +5"]),
    ]

    /// Names that some reader takes for a framing header, or for `Host`.
    static let aliases = Family("Names that look like framing headers") {
        good("alias-x-content-length", "RFC 9110 §5.1", Wire.post(["X-Content-Length: 5"]), method: "POST")
        good("alias-content-lengths", "RFC 9110 §5.1", Wire.post(["Content-Lengths: 5"]), method: "POST")
        good("alias-two-hyphens", "RFC 9110 §5.1", Wire.post(["Content--Length: 5"]), method: "POST")
        good(
            "alias-transfer-encodings", "RFC 9110 §5.1", Wire.post(["Transfer-Encodings: chunked"]), method: "POST")
        for (name, line) in pretenders {
            bad("alias-\(name)", "RFC 9112 §11.2", Wire.post([line]))
        }
        for (name, line) in pretenders {
            bad(
                "alias-\(name)-beside-length", "RFC 9112 §11.2",
                Wire.post([line, "Content-Length: 5"], body: "0\r\n\r\n"))
        }
    }

    private static let pretenders: [(String, String)] = [
        ("length-underscore", "Content_Length: 44"), ("length-dot", "Content.Length: 44"),
        ("coding-underscore", "Transfer_Encoding: chunked"), ("coding-dot", "Transfer.Encoding: chunked"),
        ("coding-mixed", "transfer_encoding: CHUNKED"),
        ("length-space-before-colon", "Content-Length : 44"), ("length-tab-before-colon", "Content-Length\t: 44"),
        ("length-vertical-tab-before-colon", "Content-Length\u{0B}: 44"),
        ("length-NUL-before-colon", "Content-Length\u{00}: 44"),
        ("length-space-inside", "Content Length: 44"), ("length-leading-NUL", "\u{00}Content-Length: 44"),
        ("length-soft-hyphen", "Content\u{AD}Length: 44"), ("length-Cyrillic", "\u{0421}ontent-Length: 44"),
        ("coding-space-before-colon", "Transfer-Encoding : chunked"),
        ("coding-tab-before-colon", "Transfer-Encoding\t: chunked"),
        ("coding-NUL-before-colon", "Transfer-Encoding\u{00}: chunked"),
        ("coding-leading-NUL", "\u{00}Transfer-Encoding: chunked"),
        ("coding-vertical-tab-before-colon", "Transfer-Encoding\u{0B}: chunked"),
        ("coding-no-break-space", "Transfer-Encoding\u{A0}: chunked"),
        ("coding-long-s", "Tran\u{017F}fer-Encoding: chunked"), ("coding-space-inside", "Transfer Encoding: chunked"),
        ("coding-semicolon", "Transfer-Encoding; chunked"), ("coding-equals", "Transfer-Encoding= chunked"),
        ("coding-no-colon", "Transfer-Encoding chunked"), ("coding-quoted", "\"Transfer-Encoding\": chunked"),
    ]
}
