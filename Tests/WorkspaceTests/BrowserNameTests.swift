import Testing

@testable import Workspace

/// What people call the browsers that they sign in with.
@Suite struct BrowserNameTests {
    private static let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
    private static let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
    private static let android = "Mozilla/5.0 (Linux; Android 10; K)"
    private static let iPhone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X)"
    private static let iPad = "Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X)"
    private static let chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
    private static let webKit = "AppleWebKit/605.1.15 (KHTML, like Gecko)"

    private static let names: [(words: String, userAgent: String)] = [
        ("Chrome on Windows", "\(windows) \(chrome) Safari/537.36"),
        ("Chrome on Mac", "\(mac) \(chrome) Safari/537.36"),
        ("Chrome on Linux", "Mozilla/5.0 (X11; Linux x86_64) \(chrome) Safari/537.36"),
        ("Chrome on ChromeOS", "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) \(chrome) Safari/537.36"),
        ("Chrome on Android", "\(android) \(chrome) Mobile Safari/537.36"),
        ("Chrome on iPhone", "\(iPhone) \(webKit) CriOS/142.0.7444.46 Mobile/15E148 Safari/604.1"),
        ("Edge on Windows", "\(windows) \(chrome) Safari/537.36 Edg/142.0.0.0"),
        ("Edge on Mac", "\(mac) \(chrome) Safari/537.36 Edg/142.0.0.0"),
        ("Edge on Android", "\(android) \(chrome) Mobile Safari/537.36 EdgA/142.0.0.0"),
        ("Edge on iPhone", "\(iPhone) \(webKit) Version/18.0 EdgiOS/142.0.3595.66 Mobile/15E148 Safari/604.1"),
        (
            "Edge on Windows",
            "\(windows) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/70.0.3538.102 Safari/537.36 Edge/18.19045"
        ),
        ("Opera on Windows", "\(windows) \(chrome) Safari/537.36 OPR/124.0.0.0"),
        ("Opera on iPhone", "\(iPhone) \(webKit) Version/18.6 Mobile/15E148 Safari/604.1 OPT/6.0.2"),
        (
            "Samsung Internet on Android",
            "\(android) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Safari/537.36"
        ),
        ("Vivaldi on Linux", "Mozilla/5.0 (X11; Linux x86_64) \(chrome) Safari/537.36 Vivaldi/7.6.3797.63"),
        ("Yandex Browser on Windows", "\(windows) \(chrome) YaBrowser/25.8.0.0 Safari/537.36"),
        ("DuckDuckGo on Mac", "\(mac) \(webKit) Version/18.6 Safari/605.1.15 Ddg/18.6"),
        ("Firefox on Linux", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"),
        ("Firefox on Windows", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"),
        ("Firefox on Mac", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:145.0) Gecko/20100101 Firefox/145.0"),
        ("Firefox on Android", "Mozilla/5.0 (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0"),
        ("Firefox on iPhone", "\(iPhone) \(webKit) FxiOS/145.0 Mobile/15E148 Safari/605.1.15"),
        ("Safari on Mac", "\(mac) \(webKit) Version/26.1 Safari/605.1.15"),
        ("Safari on iPhone", "\(iPhone) \(webKit) Version/26.1 Mobile/15E148 Safari/604.1"),
        ("Safari on iPad", "\(iPad) \(webKit) Version/18.6 Mobile/15E148 Safari/604.1"),
    ]

    /// Current browsers are known, each by its own name.
    @Test(arguments: names) func known(words: String, userAgent: String) {
        #expect(BrowserName.words(userAgent) == words)
    }

    /// What is not known says what it is itself, not at any length.
    @Test(arguments: ["curl/8.14.1", "python-requests/2.32.5", "Firefox", "Mozilla/5.0 (Windows NT 10.0)", "<b>&", ""])
    func unknown(userAgent: String) {
        #expect(BrowserName.words(userAgent) == userAgent)
        let long = "x" + String(repeating: "é", count: 254)
        #expect(BrowserName.words(long) == String(long.prefix(80)))
    }
}
