public import HTTPTypes

/// Whether a request that a cookie authenticates may run (contract §2, "Cross-origin rule"). One place for every route.
public struct CrossOriginRule: Sendable {
    /// What else than the tenant's own origin may call with credentials (`FRONTEND_ORIGINS`).
    public let frontendOrigins: [FrontendOrigin]

    /// A rule for these frontends.
    public init(frontendOrigins: [FrontendOrigin] = []) {
        self.frontendOrigins = frontendOrigins
    }

    /// Whether a request which a cookie authenticates may run.
    ///
    /// `Sec-Fetch-Site: same-origin` passes; so does an `Origin` equal to the tenant's own or one of the frontends'.
    /// Everything else with either header is refused; `same-site` siblings are strangers. With neither header (or
    /// `Sec-Fetch-Site: none`), only GET and HEAD pass, and never what runs code.
    ///
    /// - Parameters:
    ///   - path: The request's path, without query, already admitted (no encoded slashes or dot segments).
    ///   - label: The tenant's subdomain, for frontends with `*.`.
    public func allows(
        method: HTTPRequest.Method, path: String, headers: HTTPFields, tenantOrigin: String, label: String
    ) -> Bool {
        let sites = headers[values: .secFetchSite]
        let origins = headers[values: .origin]
        guard sites.count <= 1, origins.count <= 1 else { return false }
        // A page can set neither header: what the browser says of the site is enough.
        if sites.first == "same-origin" { return true }
        if let origin = origins.first { return origin == tenantOrigin || isFrontend(origin, label: label) }
        guard sites.isEmpty || sites.first == "none" else { return false }
        return (method == .get || method == .head) && !Self.runsCode(path)
    }

    /// Whether an origin is one of the frontends of the tenant with this label.
    public func isFrontend(_ origin: String, label: String) -> Bool {
        frontendOrigins.contains { $0.matches(origin, label: label) }
    }

    /// Whether a path runs code at Salesforce even by GET.
    public static func runsCode(_ path: String) -> Bool {
        let path = path.lowercased()
        return path.hasSuffix("/tooling/executeanonymous") || path.hasSuffix("/tooling/executeanonymous/")
            || path == "/services/apexrest" || path.hasPrefix("/services/apexrest/")
    }
}

/// One entry of `FRONTEND_ORIGINS`: an origin, whose host may begin with `*.`, which stands for the tenant's label.
public struct FrontendOrigin: Sendable, Hashable {
    private let prefix: String
    private let suffix: String?

    /// Reads e.g. `https://app.example.com` or `http://*.formation.localhost:5173`; `nil` where it is neither.
    public init?(_ text: String) {
        let text = text.lowercased()
        guard let scheme = ["https://", "http://"].first(where: text.hasPrefix) else { return nil }
        let authority = text.dropFirst(scheme.count)
        let host = authority.hasPrefix("*.") ? authority.dropFirst(2) : authority
        guard !host.isEmpty, !host.contains(where: { "/*@?#\\ ".contains($0) }) else { return nil }
        if authority.hasPrefix("*.") {
            self.prefix = scheme
            self.suffix = "." + host
        } else {
            self.prefix = text
            self.suffix = nil
        }
    }

    /// Whether an `Origin` header's value is this one, for the tenant with this label.
    public func matches(_ origin: String, label: String) -> Bool {
        origin == (suffix.map { prefix + label + $0 } ?? prefix)
    }
}

extension HTTPField.Name {
    // Invariant: the names are tokens (RFC 9110 §5.1), so the initialisers don't fail; a fallback keeps them total.
    /// `Sec-Fetch-Site` (W3C Fetch Metadata).
    public static let secFetchSite = HTTPField.Name("Sec-Fetch-Site") ?? .origin
    /// `X-SFDC-Session` (Bulk API v1).
    public static let sfdcSession = HTTPField.Name("X-SFDC-Session") ?? .authorization
    /// `X-Request-Id`.
    public static let requestID = HTTPField.Name("X-Request-Id") ?? .via
}
