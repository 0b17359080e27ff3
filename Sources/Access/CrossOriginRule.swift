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
        return allows(
            isSafeMethod: method == .get || method == .head, path: path[...], secFetchSite: sites.first,
            origin: origins.first, tenantOrigin: tenantOrigin, label: label)
    }

    /// The rule on plain values. Who finds one of the headers more than once refuses the request without asking.
    ///
    /// - Parameters:
    ///   - isSafeMethod: Whether it is GET or HEAD.
    ///   - path: As above.
    public func allows(
        isSafeMethod: Bool, path: Substring, secFetchSite site: String?, origin: String?, tenantOrigin: String,
        label: String
    ) -> Bool {
        // A page can set neither header: what the browser says of the site is enough.
        if site == "same-origin" { return true }
        if let origin { return origin == tenantOrigin || isFrontend(origin, label: label) }
        guard site == nil || site == "none" else { return false }
        return isSafeMethod && !Self.runsCode(path)
    }

    /// Whether an origin is one of the frontends of the tenant with this label.
    public func isFrontend(_ origin: String, label: String) -> Bool {
        frontendOrigins.contains { $0.matches(origin, label: label) }
    }

    /// Whether a path runs code at Salesforce even by GET, in any case, with or without a format suffix (`.json`,
    /// `.xml`) and slashes at its end.
    ///
    /// - Parameter path: percent-decoded, without query.
    public static func runsCode(_ path: Substring) -> Bool {
        var bytes = path.utf8
        dropSlashes(&bytes)
        for suffix in formatSuffixes where ends(bytes, with: suffix) {
            bytes = bytes.dropLast(suffix.utf8CodeUnitCount)
            dropSlashes(&bytes)
            break
        }
        if ends(bytes, with: "/tooling/executeanonymous") { return true }
        let root: StaticString = "/services/apexrest"
        let head = bytes.prefix(root.utf8CodeUnitCount)
        guard ends(head, with: root) else { return false }
        return head.endIndex == bytes.endIndex || bytes[head.endIndex] == UInt8(ascii: "/")
    }

    private static let formatSuffixes: [StaticString] = [".json", ".xml"]

    private static func dropSlashes(_ bytes: inout Substring.UTF8View) {
        while bytes.last == UInt8(ascii: "/") { bytes = bytes.dropLast() }
    }

    /// - Parameter suffix: in lower case.
    private static func ends(_ bytes: Substring.UTF8View, with suffix: StaticString) -> Bool {
        bytes.count >= suffix.utf8CodeUnitCount
            && suffix.withUTF8Buffer { buffer in
                bytes.suffix(buffer.count).elementsEqual(buffer) { byte, expected in
                    ((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte) == expected
                }
            }
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
