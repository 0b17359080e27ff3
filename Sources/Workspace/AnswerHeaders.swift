internal import Access
internal import HTTPTypes
internal import Hummingbird

/// What every answer of ours carries, in one place.
struct AnswerHeaders: Sendable {
    /// A year, as browsers' preload lists ask; all hosts below the base domain are ours.
    private static let strictTransport = "max-age=31536000; includeSubDomains"
    /// For whatever is not a page: nothing in it may load, run or be framed.
    private static let dataPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

    let isSecure: Bool

    init(origin: PublicOrigin) {
        self.isSecure = origin.isSecure
    }

    /// A page's policy: its own files and nothing else. No script may build markup from text.
    ///
    /// - Parameter formTargets: where its forms may lead; Chromium holds redirects to it too.
    static func pagePolicy(formTargets: [String]) -> String {
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action "
            + formTargets.joined(separator: " ")
            + "; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    }

    /// Completes an answer, and takes the body off one to HEAD.
    func finish(_ response: Response, to method: HTTPRequest.Method, requestID: String) -> Response {
        var response = response
        response.headers[.requestID] = requestID
        response.headers[.xContentTypeOptions] = "nosniff"
        // Not `no-referrer`: with it browsers send `Origin: null` with our own forms.
        response.headers[.referrerPolicy] = "same-origin"
        response.headers[.crossOriginOpenerPolicy] = "same-origin"
        response.headers[.crossOriginResourcePolicy] = "same-origin"
        if response.headers[.contentSecurityPolicy] == nil {
            response.headers[.contentSecurityPolicy] = Self.dataPolicy
        }
        if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
        if isSecure { response.headers[.strictTransportSecurity] = Self.strictTransport }
        // RFC 9110 §8.6: neither of them has a length to tell.
        let isBodyless = response.status == .noContent || response.status == .notModified
        if isBodyless || method == .head {
            response = response.createHeadResponse()
            if isBodyless { response.headers[.contentLength] = nil }
        }
        return response
    }
}

extension HTTPField.Name {
    // Invariant: the names are tokens (RFC 9110 §5.1), so the initialisers don't fail; a fallback keeps them total.
    static let crossOriginOpenerPolicy = HTTPField.Name("Cross-Origin-Opener-Policy") ?? .via
    static let crossOriginResourcePolicy = HTTPField.Name("Cross-Origin-Resource-Policy") ?? .via
    static let referrerPolicy = HTTPField.Name("Referrer-Policy") ?? .via
    /// `Link` (RFC 8288).
    static let link = HTTPField.Name("Link") ?? .via
    static let acceptPatch = HTTPField.Name("Accept-Patch") ?? .via
}
