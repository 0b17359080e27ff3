/// Cookies as a request sends them (RFC 6265 §5.4). Several of one name can be there: a sibling host may have tossed
/// one.
struct CookieHeader {
    /// Names and values in the order they came.
    let pairs: [(name: Substring, value: Substring)]

    /// Reads the values of the `Cookie` fields; at most ``pairsMax`` pairs count.
    init(_ fields: [String]) {
        var pairs: [(name: Substring, value: Substring)] = []
        for field in fields {
            for pair in field.split(separator: ";") {
                guard pairs.count < Self.pairsMax else { break }
                let pair = pair.drop { $0 == " " || $0 == "\t" }
                guard let equals = pair.firstIndex(of: "=") else { continue }
                var value = pair[pair.index(after: equals)...]
                while value.last == " " || value.last == "\t" { value.removeLast() }
                pairs.append((pair[..<equals], value))
            }
        }
        self.pairs = pairs
    }

    /// 200 cookies: browsers keep no more for one host.
    static let pairsMax = 200

    /// The different values of a name, at most so many.
    func values(of name: String, max: Int) -> [String] {
        var values: [String] = []
        for pair in pairs where pair.name == name && values.count < max && !values.contains(String(pair.value)) {
            values.append(String(pair.value))
        }
        return values
    }
}

/// `Set-Cookie` values of the product: host-only, for every path, out of reach of scripts.
struct SetCookie {
    /// Whether the origin is https: then the cookie is `Secure` and its name begins with `__Host-`, so that a browser
    /// takes it from this very host alone.
    let isSecure: Bool

    /// The full name of a cookie.
    func name(_ base: String) -> String {
        isSecure ? "__Host-" + base : base
    }

    /// Sets a cookie by its full name. Without `maxAgeSeconds` it ends with the browser.
    func set(_ name: String, _ value: String, maxAgeSeconds: Int? = nil) -> String {
        let age = maxAgeSeconds.map { "; Max-Age=\($0)" } ?? ""
        return "\(name)=\(value)\(age); Path=/; HttpOnly; SameSite=Lax" + (isSecure ? "; Secure" : "")
    }

    /// Drops a cookie by its full name.
    func drop(_ name: String) -> String {
        set(name, "", maxAgeSeconds: 0)
    }
}
