import Foundation

extension Family {
    /// What a client says of its connection, and what it would have us drop.
    static let connections = Family("Connection") {
        good("connection-close", rule, Wire.request(lines: ["Connection: close"]), closes: true)
        good("connection-close-upper-case", rule, Wire.request(lines: ["CONNECTION: CLOSE"]), closes: true)
        good("connection-close-and-another", rule, Wire.request(lines: ["Connection: close, x"]), closes: true)
        good("connection-close-second", rule, Wire.request(lines: ["Connection: x, close"]), closes: true)
        good(
            "connection-close-second-line", rule, Wire.request(lines: ["Connection: x", "Connection: close"]),
            closes: true)
        good(
            "connection-close-and-keep-alive", rule, Wire.request(lines: ["Connection: keep-alive, close"]),
            closes: true)
        good(
            "connection-keep-alive", rule,
            Wire.request(lines: ["Connection: keep-alive", "Keep-Alive: timeout=5, max=100"]))
        good("connection-empty", rule, Wire.request(lines: ["Connection:"]))
        good("connection-commas", rule, Wire.request(lines: ["Connection: ,, ,"]))
        good("connection-closed-is-not-close", rule, Wire.request(lines: ["Connection: closed"]))
        good("connection-te", rule, Wire.request(lines: ["Connection: TE", "TE: trailers, chunked"]))
        good(
            "upgrade-h2c", "RFC 9113 §3.1",
            Wire.request(lines: [
                "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA",
            ]))
        good(
            "upgrade-h2c-settings-unnamed", "RFC 9113 §3.1",
            Wire.request(lines: ["Connection: Upgrade", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"])
        )
        good(
            "upgrade-h2c-with-body", "RFC 9113 §3.1",
            Wire.post(
                [
                    "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAM",
                    "Content-Length: 5",
                ], body: "hello"),
            method: "POST", body: "hello")
        good(
            "upgrade-websocket", "RFC 9110 §7.8",
            Wire.request(lines: [
                "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
            ]))
        good("upgrade-unnamed", "RFC 9110 §7.8", Wire.request(lines: ["Upgrade: TLS/1.0"]))
        good("max-forwards", "RFC 9110 §7.6.2", Wire.request(lines: ["Max-Forwards: 0"]))
        for name in named {
            good(
                "connection-names-\(name)", rule,
                Wire.post(["Connection: \(name)", "Content-Length: 5"], body: "hello"), method: "POST",
                body: "hello")
        }
        good(
            "connection-names-length-later", rule,
            Wire.post(
                ["Content-Length: \(Wire.smuggled.utf8.count)", "Connection: content-length"],
                body: Wire.smuggled),
            method: "POST", body: Wire.smuggled)
        good(
            "connection-names-coding", rule,
            Wire.post(
                ["Connection: transfer-encoding", "Transfer-Encoding: chunked"], body: "5\r\nhello\r\n0\r\n\r\n"
            ),
            method: "POST", body: "hello")
    }

    private static let rule = "RFC 9110 §7.6.1"

    private static let named = [
        "Content-Length", "content_length", "Host", "Transfer-Encoding", "Authorization", "X-SFDC-Session", "Cookie",
        "Connection", "Content-Length, close-not", "\"close\"", "Content-Type", "Via",
    ]

    /// How much may be said.
    static let limits = Family("Limits") {
        good("headers-190", "contract", Wire.request(lines: (0..<190).map { "X-\($0): 1" }))
        bad("headers-201", "contract", Wire.request(lines: (0..<201).map { "X-\($0): 1" }), [400, 431])
        bad("headers-2000", "contract", Wire.request(lines: (0..<2000).map { "X: \($0)" }), [400, 431])
        good("header-16-KB", "contract", Wire.request(lines: ["X-A: " + repeated("a", 16_000)]))
        bad(
            "header-33-KB", "contract", Wire.request(lines: ["X-A: " + repeated("a", 33_000)]),
            [431])
        bad(
            "header-128-KB", "contract", Wire.request(lines: ["X-A: " + repeated("a", 131_072)]),
            [431])
        bad(
            "header-name-33-KB", "contract", Wire.request(lines: [repeated("a", 33_000) + ": 1"]),
            [400, 431])
        bad(
            "header-many-of-33-KB-in-all", "contract",
            Wire.request(lines: (0..<100).map { "X-\($0): " + repeated("a", 330) }), [431])
        bad(
            "header-folded-33-KB", "RFC 9112 §5.2",
            Wire.request(lines: ["X-A: 1"] + Array(repeating: " more", count: 6_000)), [400, 431])
        good("target-15-KB", "contract", Wire.request("GET \(long(15_000)) HTTP/1.1"), target: long(15_000))
        bad("target-17-KB", "contract", Wire.request("GET \(long(17_000)) HTTP/1.1"), [414])
        bad("target-128-KB", "contract", Wire.request("GET \(long(131_072)) HTTP/1.1"), [414, 431])
        bad(
            "blanks-before-value-33-KB", "contract",
            Wire.request(lines: ["X-A:" + repeated(" ", 33_000) + "1"]), [400, 431])
        bad(
            "method-300-bytes", "RFC 9110 §9.1", Wire.request(repeated("G", 300) + " \(Wire.path) HTTP/1.1"),
            [400, 501])
        bad(
            "method-64-KB", "RFC 9110 §9.1", Wire.request(repeated("G", 65_536) + " \(Wire.path) HTTP/1.1"),
            [400, 414, 431, 501])
        badBody(
            "chunk-extension-64-KB", "RFC 9112 §7.1.1", Wire.chunked("5;\(repeated("a", 65_536))\r\nhello\r\n0\r\n\r\n")
        )
        badBody(
            "chunk-extensions-64-KB-in-all", "RFC 9112 §7.1.1",
            Wire.chunked(repeated("1;\(repeated("a", 1023))\r\nx\r\n", 64) + "0\r\n\r\n"))
        badBody("trailer-64-KB", "RFC 9112 §7.1.2", Wire.chunked("0\r\nX-Sum: \(repeated("1", 65_536))\r\n\r\n"))
        rare("empty-lines-64-KB", "RFC 9112 §2.2", repeated("\r\n", 32_768) + Wire.request())
    }

    private static func repeated(_ text: String, _ count: Int) -> String { String(repeating: text, count: count) }

    private static func long(_ count: Int) -> String { "\(Wire.path)?q=" + String(repeating: "a", count: count) }

    /// The same bytes in pieces of TCP.
    static let pieces = Family("Pieces") {
        whole("bytes-of-a-get", Wire.request(lines: ["X-A: 1"]), Passed(), size: 1)
        whole(
            "bytes-of-a-chunked-post", Wire.chunked("3;x\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n"),
            Passed(method: "POST", body: "abcde".wire), size: 1)
        whole(
            "threes-of-a-chunked-post", Wire.chunked("3;x\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 1\r\n\r\n"),
            Passed(method: "POST", body: "abcde".wire), size: 3)
        whole(
            "sevens-of-a-post", Wire.post(["Content-Length: 5"], body: "hello"),
            Passed(method: "POST", body: "hello".wire),
            size: 7)
        Vector(
            "split-both-framings", .refused([400]), "RFC 9112 §6.3",
            pieces: split(
                Wire.post(["Content-Length: 5", "Transfer-Encoding: chunked"], body: "0\r\n\r\n"), size: 1))
        Vector(
            "split-bare-LF", .refused([400]), "RFC 9112 §2.2",
            pieces: split(Wire.request(lines: ["X-A: 1\nX-B: 1"]), size: 1))
        Vector(
            "split-fold", .refused([400]), "RFC 9112 §5.2",
            pieces: split(Wire.request(lines: ["X-A: 1", " 2"]), size: 1))
        Vector(
            "split-chunk-size", .aborted([400]), "RFC 9112 §7.1",
            pieces: split(Wire.chunked("0x5\r\nhello\r\n0\r\n\r\n"), size: 1))
        Vector(
            "split-chunk-bare-LF", .aborted([400]), "RFC 9112 §7.1",
            pieces: split(Wire.chunked("5\r\nhello\n0\r\n\r\n"), size: 1))
        for end in ["\r", "\r\n", "\r\n\r"] {
            let text = Wire.post(["Content-Length: 5"], body: "hello")
            let parts = text.components(separatedBy: Wire.end)
            let left = parts[0] + end
            Vector(
                "split-in-the-end-after-\(end.utf8.count)", .forwarded(Passed(method: "POST", body: "hello".wire)),
                "RFC 9112 §2.1",
                pieces: [left.wire, String(text.unicodeScalars.dropFirst(left.unicodeScalars.count)).wire])
        }
        Vector(
            "split-in-the-empty-line-before", .forwarded(Passed()), "RFC 9112 §2.2",
            pieces: ["\r".wire, ("\n" + Wire.request()).wire])
        Vector(
            "split-after-the-empty-line-before", .forwarded(Passed()), "RFC 9112 §2.2",
            pieces: ["\r\n".wire, Wire.request().wire])
    }

    private static func whole(_ name: String, _ text: String, _ passed: Passed, size: Int) -> Vector {
        Vector(name, .forwarded(passed), "RFC 9112 §2.1", pieces: split(text, size: size))
    }

    /// Pieces of a size; the credential, whose length isn't known yet, is one of them.
    private static func split(_ text: String, size: Int) -> [[UInt8]] {
        let parts = text.components(separatedBy: Wire.keyMark)
        let pieces = parts.map { part in
            let bytes = part.wire
            return stride(from: 0, to: bytes.count, by: size).map { Array(bytes[$0..<min($0 + size, bytes.count)]) }
        }
        return Array(pieces.joined(separator: [Array(Wire.keyMark.utf8)]))
    }

    /// Requests that end before their end.
    static let ends = Family("Truncated, then FIN") {
        cut("in-the-method", .refused([400, 408, justCloses]), "GE")
        cut("in-the-target", .refused([400, 408, justCloses]), "GET \(Wire.path)")
        cut("after-the-request-line", .refused([400, 408, justCloses]), "GET \(Wire.path) HTTP/1.1\r\n")
        cut(
            "in-a-header", .refused([400, 408, justCloses]),
            String(Wire.request(lines: ["X-A: 1"]).unicodeScalars.dropLast(6)))
        cut(
            "before-the-empty-line", .refused([400, 408, justCloses]),
            String(Wire.request().unicodeScalars.dropLast(2)))
        cut(
            "in-the-empty-line", .refused([400, 408, justCloses]), String(Wire.request().unicodeScalars.dropLast(1))
        )
        cut("no-body", .aborted([400, 408, justCloses]), Wire.post(["Content-Length: 5"]))
        cut("in-the-body", .aborted([400, 408, justCloses]), Wire.post(["Content-Length: 5"], body: "hell"))
        cut("no-chunks", .aborted([400, 408, justCloses]), Wire.chunked(""))
        cut("in-a-chunk-size", .aborted([400, 408, justCloses]), Wire.chunked("5"))
        cut("after-a-chunk-size", .aborted([400, 408, justCloses]), Wire.chunked("5\r\n"))
        cut("in-a-chunk", .aborted([400, 408, justCloses]), Wire.chunked("5\r\nhel"))
        cut("after-a-chunk", .aborted([400, 408, justCloses]), Wire.chunked("5\r\nhello\r\n"))
        cut("in-the-last-chunk", .aborted([400, 408, justCloses]), Wire.chunked("5\r\nhello\r\n0\r\n"))
        cut("in-the-last-line", .aborted([400, 408, justCloses]), Wire.chunked("5\r\nhello\r\n0\r\n\r"))
        cut("in-a-trailer", .aborted([400, 408, justCloses]), Wire.chunked("5\r\nhello\r\n0\r\nX-Sum: 1\r\n"))
    }

    private static func cut(_ name: String, _ expectation: Expectation, _ text: String) -> Vector {
        Vector("cut-\(name)", expectation, "RFC 9112 §8", pieces: [text.wire], endsSending: true)
    }
}
