extension Family {
    /// Chunked bodies.
    static let chunks = Family("Chunks") {
        good("chunks-two", rule, Wire.chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), method: "POST", body: "abcde")
        good("chunks-none", rule, Wire.chunked("0\r\n\r\n"), method: "POST")
        good(
            "chunk-upper-case-hex", rule, Wire.chunked("A\r\n0123456789\r\n0\r\n\r\n"), method: "POST",
            body: "0123456789")
        good(
            "chunk-lower-case-hex", rule, Wire.chunked("a\r\n0123456789\r\n0\r\n\r\n"), method: "POST",
            body: "0123456789")
        good(
            "chunk-leading-zeros", rule, Wire.chunked("0005\r\nhello\r\n0\r\n\r\n"), method: "POST", body: "hello")
        good(
            "chunk-last-of-zeros", rule, Wire.chunked("5\r\nhello\r\n000\r\n\r\n"), method: "POST", body: "hello")
        good(
            "chunk-data-looks-like-an-end", rule, Wire.chunked("5\r\n0\r\n\r\n\r\n0\r\n\r\n"), method: "POST",
            body: "0\r\n\r\n")
        good(
            "chunk-data-looks-like-a-request", rule,
            Wire.chunked("17\r\nGET / HTTP/1.1\r\nHost: x\r\n0\r\n\r\n"), method: "POST",
            body: "GET / HTTP/1.1\r\nHost: x")
        good(
            "chunk-extension", extensions, Wire.chunked("5;a=b\r\nhello\r\n0\r\n\r\n"), method: "POST",
            body: "hello")
        good(
            "chunk-extension-quoted", extensions, Wire.chunked("5;a=\"b;c\"\r\nhello\r\n0;x\r\n\r\n"),
            method: "POST", body: "hello")
        rare(
            "chunk-extension-bare", extensions, Wire.chunked("5;\r\nhello\r\n0\r\n\r\n"), method: "POST",
            body: "hello")
        good(
            "chunk-extension-like-a-size", extensions, Wire.chunked("5;6\r\nhello\r\n0\r\n\r\n"), method: "POST",
            body: "hello")
        for (name, size) in oddSizes {
            badBody("chunk-size-\(name)", rule, Wire.chunked("\(size)\r\nhello\r\n0\r\n\r\n"))
        }
        for (name, size) in oddSizes where !name.hasPrefix("wrap") {
            badBody("second-chunk-size-\(name)", rule, Wire.chunked("5\r\nhello\r\n\(size)\r\nhello\r\n0\r\n\r\n"))
        }
        for (name, text) in oddChunks { badBody("chunk-\(name)", rule, Wire.chunked(text)) }
    }

    private static let rule = "RFC 9112 §7.1"
    private static let extensions = "RFC 9112 §7.1.1"

    private static let oddSizes: [(String, String)] = [
        ("plus", "+5"), ("minus", "-5"), ("prefix", "0x5"), ("prefix-upper", "0X5"), ("empty", ""), ("word", "five"),
        ("point", "5.0"),
        ("space-after", "5 "), ("tab-after", "5\t"), ("space-before", " 5"), ("tab-before", "\t5"),
        ("space-inside", "0 5"),
        ("space-before-extension", "5 ;a"), ("comma", "5,5"), ("quoted", "\"5\""), ("underscore", "0_5"),
        ("h-suffix", "5h"),
        ("NUL-after", "5\u{00}"), ("vertical-tab-after", "5\u{0B}"), ("bare-CR-after", "5\r"), ("non-ASCII", "5\u{A0}"),
        ("wraps-64-bits", "10000000000000005"), ("wraps-63-bits", "8000000000000005"),
        ("wraps-to-minus-1", "FFFFFFFFFFFFFFFF"),
        ("wraps-many-zeros", String(repeating: "0", count: 400) + "5"),
        ("wraps-many-digits", "1" + String(repeating: "0", count: 64) + "5"),
    ]

    private static let oddChunks: [(String, String)] = [
        ("bare-LF-after-size", "5\nhello\r\n0\r\n\r\n"), ("bare-CR-after-size", "5\rhello\r\n0\r\n\r\n"),
        ("bare-LF-after-data", "5\r\nhello\n0\r\n\r\n"), ("bare-CR-after-data", "5\r\nhello\r0\r\n\r\n"),
        ("nothing-after-data", "5\r\nhello0\r\n\r\n"), ("two-ends-after-data", "5\r\nhello\r\n\r\n0\r\n\r\n"),
        ("data-too-long", "5\r\nhello!\r\n0\r\n\r\n"), ("data-too-short", "5\r\nhell\r\n0\r\n\r\n"),
        ("bare-LF-after-last", "5\r\nhello\r\n0\n\r\n"), ("bare-LF-at-end", "5\r\nhello\r\n0\r\n\n"),
        ("bare-CR-at-end", "5\r\nhello\r\n0\r\n\r"), ("bare-LFs-at-end", "5\r\nhello\r\n0\n\n"),
        ("LF-everywhere", "5\nhello\n0\n\n"), ("last-chunk-space", "0 \r\n\r\n"), ("last-chunk-sign", "-0\r\n\r\n"),
        ("extension-bare-LF", "5;a\nhello\r\n0\r\n\r\n"), ("extension-bare-CR", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
        ("extension-NUL", "5;a\u{00}\r\nhello\r\n0\r\n\r\n"), ("extension-control", "5;a=\u{01}\r\nhello\r\n0\r\n\r\n"),
        ("extension-LF-hides-a-size", "5;a\n30\r\nhello\r\n0\r\n\r\n"),
        ("extension-DEL", "5;a\u{7F}\r\nhello\r\n0\r\n\r\n"),
        ("extension-LF-in-quotes", "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"),
        ("extension-without-size", ";a\r\nhello\r\n0\r\n\r\n"), ("line-end-first", "\r\n5\r\nhello\r\n0\r\n\r\n"),
        ("size-split-by-line-end", "0\r\n5\r\nhello\r\n0\r\n\r\n"),
    ]

    /// What follows the last chunk: nothing of it reaches the upstream.
    static let trailers = Family("Trailers") {
        for (name, text) in soundTrailers {
            rare(
                "trailer-\(name)", "RFC 9110 §6.5.1", Wire.chunked("5\r\nhello\r\n0\r\n\(text)\r\n\r\n"),
                method: "POST", body: "hello")
        }
        for (name, text) in oddTrailers {
            badBody("trailer-\(name)", "RFC 9112 §7.1.2", Wire.chunked("5\r\nhello\r\n0\r\n\(text)\r\n\r\n"))
        }
    }

    private static let soundTrailers: [(String, String)] = [
        ("plain", "X-Sum: 1"), ("two", "X-Sum: 1\r\nX-More: 2"), ("length", "Content-Length: 5"),
        ("coding", "Transfer-Encoding: chunked"), ("host", "Host: evil.example"),
        ("credential", "Authorization: Bearer x"),
        ("connection", "Connection: close"), ("cookie", "Cookie: a=b"), ("x-forwarded", "X-Forwarded-For: 1.2.3.4"),
        ("expect", "Expect: 100-continue"), ("content-type", "Content-Type: text/html"), ("empty-value", "X-Sum:"),
    ]

    private static let oddTrailers: [(String, String)] = [
        ("no-colon", "X-Sum"), ("no-name", ": 1"), ("space-before-colon", "X-Sum : 1"), ("folded", "X-Sum: 1\r\n 2"),
        ("leading-space", " X-Sum: 1"), ("bare-LF", "X-Sum: 1\nX-More: 2"), ("bare-CR", "X-Sum: 1\rX-More: 2"),
        ("NUL", "X-Sum: \u{00}"), ("control", "X-Sum: \u{01}"), ("name-control", "X\u{01}: 1"),
        ("request", "GET /y HTTP/1.1"),
        ("non-token", "X(Sum): 1"),
    ]

    /// Bodies where none is usual, and what may stand between head and body.
    static let bodies = Family("Bodies") {
        for method in ["GET", "HEAD", "DELETE", "OPTIONS", "PUT", "PATCH"] {
            let line = "\(method) \(Wire.path) HTTP/1.1"
            good(
                "body-\(method)-length", "RFC 9112 §6", Wire.request(line, ["Content-Length: 5"], body: "hello"),
                method: method, body: "hello")
            good(
                "body-\(method)-chunked", "RFC 9112 §6",
                Wire.request(line, ["Transfer-Encoding: chunked"], body: "5\r\nhello\r\n0\r\n\r\n"), method: method,
                body: "hello")
            good(
                "body-\(method)-is-a-request", "RFC 9112 §6",
                Wire.request(line, ["Content-Length: \(Wire.smuggled.utf8.count)"], body: Wire.smuggled),
                method: method, body: Wire.smuggled)
            good("body-\(method)-none", "RFC 9112 §6.3", Wire.request(line), method: method)
        }
        good("body-POST-none", "RFC 9112 §6.3", Wire.post([]), method: "POST")
        bad("body-POST-unannounced", "RFC 9112 §6.3", Wire.post(["Content-Length: x"], body: "hello"))
        good(
            "expect-continue", expect, Wire.post(["Expect: 100-continue", "Content-Length: 5"], body: "hello"),
            method: "POST",
            body: "hello")
        good(
            "expect-continue-other-case", expect,
            Wire.post(["expect: 100-Continue", "Content-Length: 5"], body: "hello"),
            method: "POST", body: "hello")
        good(
            "expect-continue-chunked", expect,
            Wire.post(["Expect: 100-continue", "Transfer-Encoding: chunked"], body: "5\r\nhello\r\n0\r\n\r\n"),
            method: "POST", body: "hello")
        good("expect-continue-no-body", expect, Wire.request(lines: ["Expect: 100-continue"]))
        rare(
            "expect-continue-twice", expect,
            Wire.post(["Expect: 100-continue", "Expect: 100-continue", "Content-Length: 5"], body: "hello"),
            method: "POST", body: "hello", statuses: [400, 417])
        rare(
            "expect-other", expect, Wire.post(["Expect: 200-ok", "Content-Length: 5"], body: "hello"),
            method: "POST", body: "hello", statuses: [400, 417])
        rare(
            "expect-list", expect, Wire.post(["Expect: 100-continue, x", "Content-Length: 5"], body: "hello"),
            method: "POST", body: "hello", statuses: [400, 417])
        rare(
            "expect-empty", expect, Wire.post(["Expect:", "Content-Length: 5"], body: "hello"), method: "POST",
            body: "hello", statuses: [400, 417])
        good(
            "expect-continue-1.0", expect,
            Wire.request(
                "POST \(Wire.path) HTTP/1.0", ["Expect: 100-continue", "Content-Length: 5"], body: "hello"),
            method: "POST", body: "hello", closes: true)
        bad(
            "expect-continue-both-framings", expect,
            Wire.post(
                ["Expect: 100-continue", "Content-Length: 5", "Transfer-Encoding: chunked"], body: "0\r\n\r\n"))
    }

    private static let expect = "RFC 9110 §10.1.1"
}
