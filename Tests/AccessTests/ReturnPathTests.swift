import Testing

@testable import Access

/// `return_to` leads to a path on this host, whatever is written.
@Suite struct ReturnPathTests {
    private static let good = [
        "/", "/deals", "/deals/", "/deals?id=1&x=%2F", "/deals#top", "/a/b/c", "/a//b", "/a%20b", "/%C3%A4",
        "/a?u=https://evil.example",
        "/a?u=//evil.example", "/authors", "/authentication", "/a/auth/b", "/~x", "/a;b=1", "/a:b", "/@x",
        "/.well-known/x",
        "/...", "/a..b", "/index.html", "/?", "/#", "/a%2Fb", "/%41uthors",
    ]

    private static let bad: [String?] = [
        nil, "", " ", "deals", "./deals", "../deals", "?x=1", "#x", "//", "//evil.example", "///evil.example",
        "////evil.example", "//evil.example/%2f..", "//evil.example@axonify.formation.test", "/\\", "/\\evil.example",
        "/\\/evil.example", "\\\\evil.example", "\\/evil.example", "/a\\b", "/a/\\evil.example", "https://evil.example",
        "https:evil.example", "https:/evil.example", "HTTPS://evil.example", "http://axonify.formation.test/",
        "//axonify.formation.test/", "ftp://evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)",
        "java\nscript:alert(1)", "data:text/html,x", "vbscript:x", "mailto:a@b.example", "file:///etc/passwd",
        "about:blank",
        "\t/deals", " /deals", "/deals ", "\n/deals", "/\t/evil.example", "/\n/evil.example", "/\r/evil.example",
        "/\r\n/evil.example", "/deals\r\nSet-Cookie: a=b", "/deals\u{0}", "/\u{0}/evil.example", "/\u{7F}", "/\u{85}x",
        "/\u{2028}x", "/\u{2029}x", "/ä", "/\u{202E}x", "/\u{FF0F}evil.example", "／evil.example", "/〳evil.example",
        "/%2Fevil.example", "/%2fevil.example", "/%5Cevil.example", "/%5cevil.example", "/a%5cb", "/%09/evil.example",
        "/%0a/evil.example", "/%0D%0ASet-Cookie:a=b", "/%00", "/a%00b", "/%7F", "/%", "/%2", "/%zz", "/a%", "/%u002f",
        "/..", "/../", "/../evil", "/.", "/./", "/.//evil.example", "/..//evil.example", "/a/../..//evil.example",
        "/a/..", "/a/../b", "/a/./b", "/%2e%2e/x", "/%2E/x", "/.%2e/x", "/a/%2e%2e/b", "/;/../x", "/%2e%2e%2fx",
        "/a/..?x", "/a/..#x", "/auth", "/auth/", "/auth/login", "/auth/logout", "/auth/callback?code=x", "/AUTH/login",
        "/Auth/Logout", "/%61uth/logout", "/auth%2Flogout", "/auth?x", "/auth#x", "/a b", "@evil.example",
        ".evil.example", ":443", "*", "%2F%2Fevil.example", "/\u{1F600}", "/%5C%5Cevil.example", "/%2F%2Fevil.example",
        "/\\t/evil.example", "//;@evil.example", "///;@evil.example", "//%0aevil.example", "//evil%E3%80%82example",
        "/" + String(repeating: "a", count: 2_048),
    ]

    /// Paths on this host stay as they are.
    @Test(arguments: good) func pathOnThisHost(path: String) {
        #expect(SignIn.safeReturnPath(path) == path)
    }

    /// Anything else becomes the front page.
    @Test(arguments: bad) func anythingElse(path: String?) {
        #expect(SignIn.safeReturnPath(path) == "/")
    }

    /// The longest path that is kept has 2,048 bytes.
    @Test func longestPath() {
        let path = "/" + String(repeating: "a", count: 2_047)
        #expect(SignIn.safeReturnPath(path) == path)
    }

    /// The corpus is as large as it should be.
    @Test func corpus() {
        #expect(Self.good.count + Self.bad.count > 130)
    }
}
