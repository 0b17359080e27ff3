extension Family {
    /// Bytes that no header name may hold, each at three places.
    static let names = Family("Header names") {
        for byte in forbiddenInNames {
            let scalar = String(Unicode.Scalar(byte))
            let name = hex(byte)
            bad("name-\(name)-inside", tokens, Wire.request(lines: ["X-A\(scalar)B: 1"]))
            bad("name-\(name)-first", byte == 0x20 ? folds : tokens, Wire.request(lines: ["\(scalar)X-A: 1"]))
            bad("name-\(name)-before-colon", tokens, Wire.request(lines: ["X-A\(scalar): 1"]))
        }
        good("name-all-token-bytes", tokens, Wire.request(lines: ["!#$%&'*+-.^`|~0aZ: 1"]))
        good("name-colon-in-value", tokens, Wire.request(lines: ["X-A: B: 1"]))
        good("name-one-letter", tokens, Wire.request(lines: ["X: 1"]))
        good("name-digit", tokens, Wire.request(lines: ["1: 1"]))
        bad("name-empty", tokens, Wire.request(lines: [": 1"]))
        bad("name-empty-alone", tokens, Wire.request(lines: [":"]))
        bad("name-no-colon", tokens, Wire.request(lines: ["X-No-Colon"]))
        bad("name-no-colon-spaces", tokens, Wire.request(lines: ["GET /services/data/v62.0/y HTTP/1.1"]))
        bad("name-UTF-8", tokens, Wire.request(lines: ["X-\u{0416}: 1"]))
        bad("fold-of-the-request-line", folds, Wire.request("GET \(Wire.path) HTTP/1.1\r\n X: 1"))
        bad("fold-with-tab", folds, Wire.request(lines: ["X-A: 1", "\tgoes on"]))
        bad("fold-of-spaces-alone", folds, Wire.request(lines: ["X-A: 1", "   "]))
        bad("fold-before-the-end", folds, Wire.request(lines: ["X-A: 1", " "]))
        bad(
            "fold-of-host", folds,
            "GET \(Wire.path) HTTP/1.1\r\nHost:\r\n axonify.formation.localhost:8080\r\n\(Wire.credential)\r\n\r\n")
        bad("fold-hides-host", folds, Wire.request(lines: ["X-A: 1", " Host: evil.example"]))
        bad("fold-hides-credential", folds, Wire.request(lines: ["X-A: 1", " Authorization: Bearer x"]))
    }

    /// Values: controls are refused, everything else passes.
    static let values = Family("Header values") {
        for byte in controls + [0x7F] {
            let scalar = String(Unicode.Scalar(byte))
            bad("value-\(hex(byte))-inside", fieldValues, Wire.request(lines: ["X-A: a\(scalar)b"]))
            bad("value-\(hex(byte))-last", fieldValues, Wire.request(lines: ["X-A: a\(scalar)"]))
        }
        good("value-tab-inside", fieldValues, Wire.request(lines: ["X-A: a\tb"]))
        good("value-empty", fieldValues, Wire.request(lines: ["X-A:"]))
        good("value-blanks-alone", fieldValues, Wire.request(lines: ["X-A: \t "]))
        good("value-obs-text", fieldValues, Wire.request(lines: ["X-A: \u{80}\u{85}\u{A0}\u{FF}"]))
        good("value-UTF-8", fieldValues, Wire.request(lines: ["X-A: \u{0416}\u{4E2D}"]))
        good("value-looks-like-a-request", fieldValues, Wire.request(lines: ["X-A: GET /y HTTP/1.1"]))
        good("value-escaped-line-end", fieldValues, Wire.request(lines: ["X-A: a%0d%0aX-B: b\\r\\nX-C: c"]))
        bad(
            "value-controls-in-host", fieldValues,
            Wire.request().replacing("localhost:8080", with: "localhost\u{01}:8080"))
        bad(
            "value-NUL-in-credential", fieldValues,
            Wire.request().replacing(Wire.keyMark, with: Wire.keyMark + "\u{00}"))
        bad("value-NUL-hides-comma", fieldValues, Wire.request(lines: ["Connection: close\u{00}, keep-alive"]))
    }

    private static let tokens = "RFC 9110 §5.6.2"
    private static let folds = "RFC 9112 §5.2"
    private static let fieldValues = "RFC 9110 §5.5"

    /// Control bytes without the tab, and without those that end lines.
    static let controls: [UInt8] = (0..<0x20).filter { ![0x09, 0x0A, 0x0D].contains($0) }
    /// Not CR, LF (lines) and not the colon (ends the name); letters stand for what lies between them.
    private static let forbiddenInNames: [UInt8] =
        [0x00, 0x01, 0x08, 0x09, 0x0B, 0x0C, 0x1F, 0x20] + Array("\"(),/;<=>?@[\\]{}".utf8) + [0x7F, 0x80, 0xA0, 0xFF]

    static func hex(_ byte: UInt8) -> String {
        let text = String(byte, radix: 16, uppercase: true)
        return text.count < 2 ? "0" + text : text
    }
}
