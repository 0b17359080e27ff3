extension Family {
    /// What `Transfer-Encoding` says.
    static let codings = Family("Transfer-Encoding") {
        good("coding-chunked", rule, Wire.chunked("5\r\nhello\r\n0\r\n\r\n"), method: "POST", body: "hello")
        good(
            "coding-upper-case", case_,
            Wire.chunked("5\r\nhello\r\n0\r\n\r\n", coding: "Transfer-Encoding: CHUNKED"),
            method: "POST", body: "hello")
        good(
            "coding-mixed-case", case_,
            Wire.chunked("5\r\nhello\r\n0\r\n\r\n", coding: "TRANSFER-encoding: cHuNkEd"),
            method: "POST", body: "hello")
        bad(
            "coding-blanks-around", "RFC 9112 §5.1",
            Wire.chunked("5\r\nhello\r\n0\r\n\r\n", coding: "Transfer-Encoding: \t chunked \t"))
        good(
            "coding-no-space", "RFC 9112 §5.1",
            Wire.chunked("5\r\nhello\r\n0\r\n\r\n", coding: "Transfer-Encoding:chunked"), method: "POST",
            body: "hello")
        bad(
            "coding-in-1.0", "RFC 9112 §6.1",
            Wire.request("POST \(Wire.path) HTTP/1.0", ["Transfer-Encoding: chunked"], body: "0\r\n\r\n"))
        bad(
            "coding-in-1.0-keep-alive", "RFC 9112 §6.1",
            Wire.request(
                "POST \(Wire.path) HTTP/1.0", ["Connection: keep-alive", "Transfer-Encoding: chunked"],
                body: "0\r\n\r\n"))
        bad(
            "coding-in-1.0-with-length", "RFC 9112 §6.1",
            Wire.request(
                "POST \(Wire.path) HTTP/1.0", ["Transfer-Encoding: chunked", "Content-Length: 5"], body: "0\r\n\r\n"
            ))
        for (name, value) in oddCodings {
            bad(
                "coding-\(name)", rule,
                Wire.chunked("0\r\n\r\n", coding: "Transfer-Encoding: \(value)"), [400, 501])
        }
        for (name, lines) in severalCodings {
            bad("codings-\(name)", rule, Wire.post(lines, body: "0\r\n\r\n"), [400, 501])
        }
    }

    private static let rule = "RFC 9112 §6.1"
    private static let case_ = "RFC 9110 §10.1.4"

    private static let oddCodings: [(String, String)] = [
        ("x-chunked", "xchunked"), ("chunkedx", "chunkedx"), ("chunk", "chunk"), ("identity", "identity"),
        ("gzip", "gzip"),
        ("gzip-then-chunked", "gzip, chunked"), ("chunked-then-gzip", "chunked, gzip"),
        ("chunked-then-identity", "chunked, identity"), ("identity-then-chunked", "identity, chunked"),
        ("chunked-twice", "chunked, chunked"), ("chunked-twice-tight", "chunked,chunked"), ("empty", ""),
        ("empty-element-first", ", chunked"), ("empty-element-last", "chunked,"), ("comma-alone", ","),
        ("quoted", "\"chunked\""), ("single-quoted", "'chunked'"), ("parameter", "chunked;q=1"),
        ("semicolon", "chunked;"),
        ("two-words", "chunked x"), ("word-before", "x chunked"), ("colon-before", ": chunked"),
        ("vertical-tab-before", "\u{0B}chunked"), ("vertical-tab-after", "chunked\u{0B}"),
        ("form-feed-before", "\u{0C}chunked"),
        ("NUL-before", "\u{00}chunked"), ("NUL-after", "chunked\u{00}"), ("NUL-inside", "chu\u{00}nked"),
        ("DEL-after", "chunked\u{7F}"), ("no-break-space-before", "\u{A0}chunked"), ("NEL-after", "chunked\u{85}"),
        ("long-s-look", "chun\u{212A}ed"), ("Cyrillic", "\u{0441}hunked"), ("byte-order-mark", "\u{FEFF}chunked"),
        ("escaped", "%63hunked"), ("encoded-word", "=?utf-8?q?chunked?="), ("cow", "cow"), ("deflate", "deflate"),
        ("trailers", "trailers"), ("bare-CR-before", "\rchunked"), ("bare-CR-after", "chunked\r"),
        ("bare-CR-inside", "chun\rked"), ("bare-LF-before", "\nchunked"), ("folded", "\r\n chunked"),
        ("folded-tab", "\r\n\tchunked"), ("folded-after", "chunked\r\n , identity"), ("folded-empty", "chunked\r\n "),
    ]

    private static let severalCodings: [(String, [String])] = [
        ("equal", ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"]),
        ("identity-first", ["Transfer-Encoding: identity", "Transfer-Encoding: chunked"]),
        ("identity-last", ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"]),
        ("junk-first", ["Transfer-Encoding: x", "Transfer-Encoding: chunked"]),
        ("junk-last", ["Transfer-Encoding: chunked", "Transfer-Encoding: x"]),
        ("empty-first", ["Transfer-Encoding:", "Transfer-Encoding: chunked"]),
        ("gzip-first", ["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"]),
        ("other-case", ["Transfer-Encoding: chunked", "transfer-encoding: chunked"]),
        ("apart", ["Transfer-Encoding: chunked", "X-Between: 1", "Transfer-Encoding: chunked"]),
    ]

    /// Both at once: the attack that gave the thing its name.
    static let lengthsAndCodings = Family("Content-Length with Transfer-Encoding") {
        for (name, length, coding) in pairs {
            let body = "0\r\n\r\n" + Wire.smuggled
            bad(
                "both-length-first-\(name)", "RFC 9112 §6.3", Wire.post([length, coding], body: body), [400, 501])
            bad(
                "both-coding-first-\(name)", "RFC 9112 §6.3", Wire.post([coding, length], body: body), [400, 501])
        }
        bad(
            "both-on-get", "RFC 9112 §6.3",
            Wire.request(
                lines: ["Content-Length: 5", "Transfer-Encoding: chunked"], body: "0\r\n\r\n" + Wire.smuggled))
        bad(
            "both-in-one-value", "RFC 9112 §6.3",
            Wire.post(["Content-Length: 5\rTransfer-Encoding: chunked"], body: "0\r\n\r\n" + Wire.smuggled))
        bad(
            "both-coding-after-bare-LF", "RFC 9112 §2.2",
            Wire.post(["Content-Length: 5\nTransfer-Encoding: chunked"], body: "0\r\n\r\n" + Wire.smuggled))
        bad(
            "both-coding-in-fold", "RFC 9112 §5.2",
            Wire.post(["Content-Length: 5", "X-Fold: a", " Transfer-Encoding: chunked"], body: "0\r\n\r\n"))
    }

    private static let whole = "Content-Length: \("0\r\n\r\n".utf8.count + Wire.smuggled.utf8.count)"

    private static let pairs: [(String, String, String)] = [
        ("short", "Content-Length: 5", "Transfer-Encoding: chunked"), ("whole", whole, "Transfer-Encoding: chunked"),
        ("zero", "Content-Length: 0", "Transfer-Encoding: chunked"),
        ("empty", "Content-Length:", "Transfer-Encoding: chunked"),
        ("bad-length", "Content-Length: x", "Transfer-Encoding: chunked"),
        ("upper-case", whole, "TRANSFER-ENCODING: CHUNKED"), ("identity", whole, "Transfer-Encoding: identity"),
        ("unknown", whole, "Transfer-Encoding: xchunked"), ("empty-coding", whole, "Transfer-Encoding:"),
        ("tab", whole, "Transfer-Encoding:\tchunked"), ("vertical-tab", whole, "Transfer-Encoding:\u{0B}chunked"),
        ("list", whole, "Transfer-Encoding: identity, chunked"), ("quoted", whole, "Transfer-Encoding: \"chunked\""),
        ("trailing-comma", whole, "Transfer-Encoding: chunked,"),
    ]
}

extension Wire {
    /// A GET with header lines.
    static func request(lines: [String], body: String = "") -> String {
        request("GET \(path) HTTP/1.1", lines, body: body)
    }
}
