/// The header fields that Salesforce was recorded to send with every answer.
enum RecordedHeaders {
    static func add(to answer: SimulatedAnswer, request: SimulatedRequest, core: SimulatorCore) -> SimulatedAnswer {
        var answer = answer
        let present = Set(answer.headers.map { $0.name.lowercased() })
        func add(_ name: String, _ value: String) {
            if !present.contains(name.lowercased()) { answer.headers.append((name, value)) }
        }
        add("Strict-Transport-Security", "max-age=63072000; includeSubDomains")
        add("X-Content-Type-Options", "nosniff")
        add("X-XSS-Protection", "1; mode=block")
        add("X-Robots-Tag", "none")
        add("Cache-Control", "no-cache,must-revalidate,max-age=0,no-store,private")
        add("Expires", "Thu, 01 Jan 1970 00:00:00 GMT")
        add("Vary", "Accept-Encoding")
        add("Server", "sfdcedge")
        let id = core.environment.randomBytes(16).map(hexDigits).joined()
        add("X-SFDC-Request-Id", id)
        add("X-Request-Id", id)
        // Several fields of one name, so these are appended whatever is there.
        let browser = core.environment.randomText(22)
        answer.headers.append(("Set-Cookie", "BrowserId=\(browser); path=/; Max-Age=31536000"))
        answer.headers.append(("Set-Cookie", "CookieConsentPolicy=0:1; path=/; Max-Age=31536000"))
        answer.headers.append(("Set-Cookie", "LSKey-c$CookieConsentPolicy=0:1; path=/; Max-Age=31536000"))
        return answer
    }
}
