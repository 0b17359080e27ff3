/// What people call a browser, from what it calls itself.
enum BrowserName {
    /// How much of a name that says nothing to us is shown: 80 characters.
    private static let rawCharactersMax = 80

    /// In this order: most browsers name those that they are like as well, Edge Chrome, and Chrome Safari.
    private static let browsers: [(token: String, name: String)] = [
        ("Edg/", "Edge"), ("EdgA/", "Edge"), ("EdgiOS/", "Edge"), ("Edge/", "Edge"),
        ("OPR/", "Opera"), ("OPT/", "Opera"), ("OPiOS/", "Opera"), ("SamsungBrowser/", "Samsung Internet"),
        ("YaBrowser/", "Yandex Browser"), ("Vivaldi/", "Vivaldi"), ("DuckDuckGo/", "DuckDuckGo"),
        ("Ddg/", "DuckDuckGo"), ("FxiOS/", "Firefox"), ("Firefox/", "Firefox"), ("CriOS/", "Chrome"),
        ("Chrome/", "Chrome"), ("Safari/", "Safari"),
    ]

    /// In this order: iPhones say that they are like a Mac, Android that it is Linux. Safari on iPads says that it is
    /// on a Mac, and nothing tells them apart.
    private static let systems: [(token: String, name: String)] = [
        ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("CrOS", "ChromeOS"),
        ("Macintosh", "Mac"), ("Linux", "Linux"),
    ]

    /// E.g. "Chrome on Windows"; of what is not known, its own words.
    static func words(_ userAgent: String) -> String {
        guard let browser = browsers.first(where: { userAgent.contains($0.token) }),
            let system = systems.first(where: { userAgent.contains($0.token) })
        else { return String(userAgent.prefix(rawCharactersMax)) }
        return "\(browser.name) on \(system.name)"
    }
}
