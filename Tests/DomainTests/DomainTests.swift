import Domain
import Testing

/// What is kept of a browser's name for itself.
@Suite struct UserAgentTests {
    @Test(arguments: [
        (nil, nil), ("", nil), ("  ", nil), ("\u{0}\u{7f}\u{202E}", nil), (" curl/8.14.1 ", "curl/8.14.1"),
        ("a\u{0}b\r\nc\td", "abcd"), ("a\u{202E}b\u{2066}", "ab"), ("Mozilla/5.0 (X11) Ü 日本", "Mozilla/5.0 (X11) Ü 日本"),
    ])
    func plain(header: String?, kept: String?) {
        #expect(Session.userAgent(of: header) == kept)
    }

    /// It is cut off where the database's column ends, which counts code points.
    @Test func bounded() {
        let long = String(repeating: "e\u{301}", count: 400)
        #expect(Session.userAgent(of: long)?.unicodeScalars.count == 255)
        #expect(Session.userAgent(of: String(repeating: "x", count: 254) + "  y")?.count == 254)
    }
}
