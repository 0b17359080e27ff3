extension Family {
    /// Method, spaces and version.
    static let requestLines = Family("Request line") {
        bad("line-two-spaces-before-target", line, Wire.request("GET  \(Wire.path) HTTP/1.1"))
        bad("line-two-spaces-before-version", line, Wire.request("GET \(Wire.path)  HTTP/1.1"))
        bad("line-tab-before-target", line, Wire.request("GET\t\(Wire.path) HTTP/1.1"))
        bad("line-tab-before-version", line, Wire.request("GET \(Wire.path)\tHTTP/1.1"))
        bad("line-space-after", line, Wire.request("GET \(Wire.path) HTTP/1.1 "))
        bad("line-tab-after", line, Wire.request("GET \(Wire.path) HTTP/1.1\t"))
        bad("line-no-version", version, Wire.request("GET \(Wire.path)"))
        bad("line-no-version-space", version, Wire.request("GET \(Wire.path) "))
        bad("line-no-target", line, Wire.request("GET HTTP/1.1"))
        bad("line-empty-target", line, Wire.request("GET  HTTP/1.1"))
        bad("line-no-method", line, Wire.request("\(Wire.path) HTTP/1.1"))
        bad("line-empty-method", line, Wire.request(" \(Wire.path) HTTP/1.1"))
        bad("line-four-words", line, Wire.request("GET \(Wire.path) x HTTP/1.1"))
        bad("line-two-versions", line, Wire.request("GET \(Wire.path) HTTP/1.1 HTTP/1.1"))
        bad("simple-request", version, "GET \(Wire.path)\r\n")
        bad("preface-of-HTTP-2", version, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400, 505])
        bad("TLS-hello", line, "\u{16}\u{03}\u{01}\u{00}\u{05}hello\r\n\r\n")
        bad("PROXY-protocol", line, "PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n" + Wire.request())
        bad("method-quoted", method, Wire.request("\"GET\" \(Wire.path) HTTP/1.1"))
        bad("method-colon", method, Wire.request("GET: \(Wire.path) HTTP/1.1"))
        bad("method-NUL", method, Wire.request("G\u{00}ET \(Wire.path) HTTP/1.1"))
        bad("method-control", method, Wire.request("GET\u{01} \(Wire.path) HTTP/1.1"))
        bad("method-non-ASCII", method, Wire.request("G\u{C9}T \(Wire.path) HTTP/1.1"))
        bad("method-slash", method, Wire.request("GET/ \(Wire.path) HTTP/1.1"))
        rare(
            "method-lower-case", "RFC 9110 §9.1", Wire.request("get \(Wire.path) HTTP/1.1"), method: "get",
            statuses: [400, 405, 501])
        good("method-unknown", "RFC 9110 §9.1", Wire.request("QUERY \(Wire.path) HTTP/1.1"), method: "QUERY")
        rare(
            "method-odd-token", "RFC 9110 §9.1", Wire.request("M-SEARCH!~ \(Wire.path) HTTP/1.1"),
            method: "M-SEARCH!~",
            statuses: [400, 405, 501])
        kept("method-trace", "RFC 9110 §9.3.8", Wire.request("TRACE \(Wire.path) HTTP/1.1"), [400, 405, 501])
        kept(
            "method-connect-path", "RFC 9110 §9.3.6", Wire.request("CONNECT \(Wire.path) HTTP/1.1"),
            [400, 404, 405, 418, 501])
        kept(
            "method-override-in-query", "contract", Wire.request("GET \(Wire.path)?_HttpMethod=DELETE HTTP/1.1"),
            [400])
        good("method-override-in-header", "contract", Wire.request(lines: ["X-HTTP-Method-Override: DELETE"]))
        for (name, text) in versions {
            bad("version-\(name)", version, Wire.request("GET \(Wire.path) \(text)"), [400, 505])
        }
        good("version-1.0", version, Wire.request("GET \(Wire.path) HTTP/1.0"), closes: true)
        good(
            "version-1.0-length", version,
            Wire.request("POST \(Wire.path) HTTP/1.0", ["Content-Length: 5"], body: "hello"), method: "POST",
            body: "hello", closes: true)
    }

    private static let line = "RFC 9112 §3"
    private static let method = "RFC 9110 §9.1"
    private static let version = "RFC 9112 §2.3"

    private static let versions: [(String, String)] = [
        ("0.9", "HTTP/0.9"), ("1.2", "HTTP/1.2"), ("1.9", "HTTP/1.9"), ("2.0", "HTTP/2.0"), ("2", "HTTP/2"),
        ("3", "HTTP/3"),
        ("lower-case", "http/1.1"), ("mixed-case", "Http/1.1"), ("leading-zero", "HTTP/01.1"),
        ("minor-zero", "HTTP/1.01"),
        ("three-parts", "HTTP/1.1.1"), ("no-minor", "HTTP/1."), ("no-number", "HTTP/"), ("no-slash", "HTTP1.1"),
        ("plus", "HTTP/+1.1"), ("comma", "HTTP/1,1"), ("space-inside", "HTTP/ 1.1"), ("NUL-after", "HTTP/1.1\u{00}"),
        ("other-protocol", "ICY/1.1"), ("HTTPS", "HTTPS/1.1"), ("ten", "HTTP/1.10"), ("huge", "HTTP/4294967297.1"),
    ]

    /// The request target, whose every byte goes on.
    static let targets = Family("Request target") {
        for byte in controls + [0x7F, 0x80, 0xC3, 0xFF] {
            bad(
                "target-\(hex(byte))", targetRule,
                Wire.request("GET \(Wire.path)\(String(Unicode.Scalar(byte)))y HTTP/1.1"))
        }
        bad("target-space", targetRule, Wire.request("GET \(Wire.path) y HTTP/1.1"))
        bad("target-tab", targetRule, Wire.request("GET \(Wire.path)\ty HTTP/1.1"))
        bad("target-fragment", targetRule, Wire.request("GET \(Wire.path)#y HTTP/1.1"))
        bad("target-fragment-in-query", targetRule, Wire.request("GET \(Wire.path)?q=1#y HTTP/1.1"))
        bad("target-UTF-8", targetRule, Wire.request("GET \(Wire.path)/\u{0416} HTTP/1.1"))
        kept("target-backslash", admission, Wire.request("GET /services/data\\v62.0 HTTP/1.1"), malformedPath)
        kept(
            "target-encoded-slash", admission, Wire.request("GET /services/data/v62.0%2fx HTTP/1.1"), malformedPath)
        kept(
            "target-encoded-backslash", admission, Wire.request("GET /services/data/v62.0%5Cx HTTP/1.1"),
            malformedPath)
        kept("target-encoded-NUL", admission, Wire.request("GET /services/data/v62.0%00 HTTP/1.1"), malformedPath)
        kept(
            "target-encoded-CR-LF", admission, Wire.request("GET /services/data/v62.0%0d%0aX:%20y HTTP/1.1"),
            malformedPath)
        kept(
            "target-overlong-slash", admission, Wire.request("GET /services/data/v62.0%c0%afx HTTP/1.1"),
            malformedPath)
        kept(
            "target-broken-escape", admission, Wire.request("GET /services/data/v62.0%2 HTTP/1.1"), malformedPath)
        kept(
            "target-dot-segment", admission, Wire.request("GET /services/data/../oauth2/token HTTP/1.1"),
            malformedPath)
        kept("target-single-dot", admission, Wire.request("GET /services/data/./x HTTP/1.1"), malformedPath)
        kept(
            "target-encoded-dots", admission, Wire.request("GET /services/data/%2e%2E/oauth2/token HTTP/1.1"),
            malformedPath)
        kept(
            "target-twice-encoded-dots", admission, Wire.request("GET /services/data/%252e%252e/x HTTP/1.1"),
            malformedPath)
        kept("target-empty-segment", admission, Wire.request("GET /services//data HTTP/1.1"), malformedPath)
        kept("target-semicolon", admission, Wire.request("GET /services/data;x/v62.0 HTTP/1.1"), malformedPath)
        kept("target-other-service", admission, Wire.request("GET /services/oauth2/token HTTP/1.1"), [404])
        kept("target-asterisk", "RFC 9112 §3.2.4", Wire.request("OPTIONS * HTTP/1.1"), notHere)
        kept("target-asterisk-get", "RFC 9112 §3.2.4", Wire.request("GET * HTTP/1.1"), notHere)
        bad("target-authority-form", "RFC 9112 §3.2.3", Wire.request("GET evil.example:80 HTTP/1.1"))
        bad("target-connect", "RFC 9112 §3.2.3", Wire.request("CONNECT evil.example:443 HTTP/1.1"))
        bad("target-no-slash", "RFC 9112 §3.2", Wire.request("GET services/data/v62.0/x HTTP/1.1"))
        kept(
            "target-two-slashes", "RFC 9112 §3.2", Wire.request("GET //evil.example\(Wire.path) HTTP/1.1"), notHere)
        bad("target-question-mark", "RFC 9112 §3.2", Wire.request("GET ?x HTTP/1.1"))
        rare(
            "target-absolute", "RFC 9112 §3.2.2",
            Wire.request("GET http://axonify.formation.localhost:8080\(Wire.path) HTTP/1.1"), statuses: notHere)
        kept(
            "target-absolute-other", "RFC 9112 §3.2.2",
            Wire.request("GET http://evil.example\(Wire.path) HTTP/1.1"), notHere)
        kept(
            "target-absolute-userinfo", "RFC 9110 §4.2.4",
            Wire.request("GET http://axonify.formation.localhost:8080@evil.example\(Wire.path) HTTP/1.1"), notHere)
        kept(
            "target-absolute-empty", "RFC 9110 §4.2.1", Wire.request("GET http://\(Wire.path) HTTP/1.1"), notHere)
        kept("target-other-scheme", "RFC 9112 §3.2.2", Wire.request("GET file://\(Wire.path) HTTP/1.1"), notHere)
        good(
            "target-query-of-all-sorts", "contract",
            Wire.request("GET \(Wire.path)?q=%2F..%2f//;a|b^c`d{e}\\[f]\"<g>'&&==?/../ HTTP/1.1"),
            target: "\(Wire.path)?q=%2F..%2f//;a|b^c`d{e}\\[f]\"<g>'&&==?/../")
        good(
            "target-escapes-untouched", "contract", Wire.request("GET \(Wire.path)/%41%7e%e2%82%ac HTTP/1.1"),
            target: "\(Wire.path)/%41%7e%e2%82%ac")
    }

    private static let targetRule = "RFC 9112 §3.2"
    private static let admission = "contract"
    private static let malformedPath: Set<Int> = [400, 404]
    /// The site that answers what isn't for the data plane says what it likes of it.
    private static let notHere: Set<Int> = [400, 404, 405, 418, 421, 501]
}
