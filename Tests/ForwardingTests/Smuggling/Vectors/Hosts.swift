extension Family {
    /// Whose request it is.
    static let hosts = Family("Host") {
        bad("host-missing", rule, "GET \(Wire.path) HTTP/1.1\r\n\(Wire.credential)\r\n\r\n")
        bad("host-twice-equal", rule, Wire.request(lines: [Wire.host]))
        bad("host-twice-different", rule, Wire.request(lines: ["Host: evil.example"]))
        bad("host-twice-first-evil", rule, Wire.request("GET \(Wire.path) HTTP/1.1\r\nHost: evil.example"))
        bad("host-twice-other-case", rule, Wire.request(lines: ["hOST: axonify.formation.localhost:8080"]))
        bad("host-twice-empty", rule, Wire.request(lines: ["Host:"]))
        bad("host-thrice", rule, Wire.request(lines: [Wire.host, Wire.host]))
        bad("host-then-space-before-colon", "RFC 9112 §5.1", Wire.request(lines: ["Host : evil.example"]))
        bad("host-then-tab-before-colon", "RFC 9112 §5.1", Wire.request(lines: ["Host\t: evil.example"]))
        good("host-of-another-port", "contract", with("axonify.formation.localhost:9090"))
        rare(
            "host-of-no-port-there-is", "contract", with("axonify.formation.localhost:99999"), statuses: elsewhere)
        rare("host-trailing-dot", "contract", with("axonify.formation.localhost.:8080"), statuses: elsewhere)
        good("host-no-port", "contract", with("axonify.formation.localhost"))
        good("host-upper-case", "RFC 9110 §4.2.3", with("AXONIFY.Formation.LOCALHOST:8080"))
        good("host-no-space", "RFC 9112 §5.1", with("axonify.formation.localhost:8080", separator: ":"))
        for (name, host) in malformedHosts { bad("host-\(name)", rule, with(host)) }
        for (name, host) in oddHosts { kept("host-\(name)", rule, with(host), elsewhere) }
        for (name, line) in others {
            good("host-\(name)", "contract", Wire.request(lines: [line]))
        }
    }

    private static let rule = "RFC 9112 §3.2"
    private static let elsewhere: Set<Int> = [400, 404, 421]

    private static func with(_ host: String, separator: String = ": ") -> String {
        "GET \(Wire.path) HTTP/1.1\r\nHost\(separator)\(host)\r\n\(Wire.credential)\r\n\r\n"
    }

    private static let malformedHosts: [(String, String)] = [
        ("userinfo", "axonify.formation.localhost@evil.example"),
        ("userinfo-own", "evil.example@axonify.formation.localhost"), ("path", "axonify.formation.localhost/x"),
        ("query", "axonify.formation.localhost?x"), ("fragment", "axonify.formation.localhost#x"),
        ("comma", "axonify.formation.localhost, evil.example"),
        ("space", "axonify.formation.localhost evil.example"), ("tab", "axonify.formation.localhost\tevil.example"),
        ("backslash", "axonify.formation.localhost\\evil.example"), ("scheme", "http://axonify.formation.localhost"),
        ("port-words", "axonify.formation.localhost:http"), ("two-ports", "axonify.formation.localhost:8080:80"),
        ("non-ASCII", "axonify.formation.localhost\u{FF}"), ("quoted", "\"axonify.formation.localhost\""),
    ]

    /// Well-formed, and nobody's here.
    private static let oddHosts: [(String, String)] = [
        ("empty", ""), ("comma-tight", "axonify.formation.localhost,evil.example"),
        ("escaped", "axonify%2Eformation.localhost"), ("semicolon", "axonify.formation.localhost;x"),
        ("brackets", "[axonify.formation.localhost]"), ("other", "evil.example"),
        ("suffix", "axonify.formation.localhost.evil.example"), ("two-dots", "axonify.formation.localhost.."),
        ("leading-dot", ".axonify.formation.localhost"), ("asterisk", "*"),
    ]

    /// Headers by which others name a host; they are never believed, and never passed on.
    private static let others: [(String, String)] = [
        ("x-forwarded", "X-Forwarded-Host: evil.example"), ("forwarded", "Forwarded: host=evil.example"),
        ("x-host", "X-Host: evil.example"), ("x-original-url", "X-Original-URL: /services/oauth2/token"),
        ("x-rewrite-url", "X-Rewrite-URL: /services/oauth2/token"),
        ("x-forwarded-underscore", "X_Forwarded_Host: evil.example"),
    ]
}
