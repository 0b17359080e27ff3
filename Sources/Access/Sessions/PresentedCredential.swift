internal import HTTPTypes
internal import Secrets

/// What a request presents to say who is calling (contract §2, "Who is calling").
///
/// A credential header, even a wrong one, is judged alone; the cookie then counts for nothing.
enum PresentedCredential {
    /// Nothing at all.
    case none
    /// The values of the session cookie, different ones, at most ``cookiesMax``.
    case cookies([Secret<String>])
    /// Something that has an access key's shape.
    case accessKey(Secret<String>, CredentialSlot)
    /// A credential header that no access key of ours is in.
    case junk

    /// Four: a sibling host can toss cookies of the same name where the origin is http.
    static let cookiesMax = 4

    /// Reads a request.
    ///
    /// - Throws: `.badRequest` for `?oauth_token=` and for several credentials that differ.
    init(headers: HTTPFields, query: String?, cookieName: String) throws(GatewayError) {
        if let query, QueryString.names("oauth_token", in: query) {
            throw .badRequest("A credential in the URL ends up in logs. Send it in the Authorization header.")
        }
        let headerValues =
            headers[values: .authorization].map(Self.authorization)
            + headers[values: .sfdcSession].map { (token: Self.trim($0[...]), slot: CredentialSlot.sfdcSession) }
        if let first = headerValues.first {
            guard headerValues.allSatisfy({ $0.token == first.token }) else {
                throw .badRequest("The request carries several different credentials. Send one.")
            }
            guard let slot = first.slot, AccessKeyText.isWellFormed(first.token) else {
                self = .junk
                return
            }
            self = .accessKey(Secret(String(first.token)), slot)
            return
        }
        let cookies = CookieHeader(headers[values: .cookie]).values(of: cookieName, max: Self.cookiesMax)
        let wellFormed = cookies.filter(SessionCookie.isWellFormed)
        self = wellFormed.isEmpty ? .none : .cookies(wellFormed.map { Secret($0) })
    }

    /// Token and slot of an `Authorization` value. A scheme other than `Bearer` and `OAuth` has no slot.
    private static func authorization(_ value: String) -> (token: Substring, slot: CredentialSlot?) {
        let value = trim(value[...])
        let scheme = value.prefix { $0 != " " && $0 != "\t" }
        let token = trim(value[scheme.endIndex...])
        switch scheme.lowercased() {
        case "bearer": return (token, .authorizationBearer)
        case "oauth": return (token, .authorizationOAuth)
        case _: return (value, nil)
        }
    }

    private static func trim(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }
}

/// The session cookie's value: 256 random bits.
enum SessionCookie {
    static let baseName = "formation_session"
    static let byteCount = 32
    static let characterCount = 43

    /// 43 characters of base64url.
    static func isWellFormed(_ text: String) -> Bool {
        isWellFormed(text.utf8.span)
    }

    /// The same of the text's bytes.
    static func isWellFormed(_ text: Span<UInt8>) -> Bool {
        guard text.count == characterCount else { return false }
        for index in text.indices where !Base64URL.isDigit(text[index]) { return false }
        return true
    }
}
