/// A login host that was found allowed: where people sign in and where tokens are asked for.
///
/// Made by ``AllowedHosts/loginEndpoint(_:)`` alone.
public struct LoginEndpoint: Sendable, Hashable, CustomStringConvertible {
    /// https, or http towards loopback.
    public let scheme: URLScheme
    /// The lower-cased host name.
    public let host: String
    /// The port; `nil` where it is the scheme's own.
    public let port: UInt16?
    /// The path in front of `/services/oauth2/…`, e.g. `/partners`; empty but for sites.
    public let pathPrefix: String
    /// Whether every org may sign in here (`login.` and `test.`), so that the org must be known beforehand.
    public let isGeneric: Bool
    /// Whether it is a sandbox's, judged by its name.
    public let isSandbox: Bool

    init(_ parts: StrictURL, isGeneric: Bool) {
        self.scheme = parts.scheme
        self.host = parts.host.description
        self.port = parts.port == parts.scheme.defaultPort ? nil : parts.port
        self.pathPrefix = parts.path.map { "/" + $0 }.joined()
        self.isGeneric = isGeneric
        self.isSandbox = parts.host.namesSandbox || isGeneric && parts.host.labels.first == "test"
    }

    /// The canonical URL, without a slash at its end.
    public var description: String { "\(scheme.rawValue)://\(authority)\(pathPrefix)" }
    /// Host and port.
    public var authority: String { makeAuthority(host, port) }
    /// Where a browser is sent to sign in.
    public var authorizeURL: String { description + "/services/oauth2/authorize" }
    /// Where codes and refresh tokens are exchanged.
    public var tokenURL: String { description + "/services/oauth2/token" }
    /// Where a grant is revoked.
    public var revokeURL: String { description + "/services/oauth2/revoke" }
    /// Who a token belongs to.
    public var userInfoURL: String { description + "/services/oauth2/userinfo" }
}

/// An instance host that was found allowed: where a user's API calls go. Scheme and authority, no path.
///
/// Made by ``AllowedHosts/instance(_:)`` alone.
public struct InstanceURL: Sendable, Hashable, CustomStringConvertible {
    /// https, or http towards loopback.
    public let scheme: URLScheme
    /// The lower-cased host name.
    public let host: String
    /// The port; `nil` where it is the scheme's own.
    public let port: UInt16?
    /// Whether it is a sandbox's, judged by its name.
    public let isSandbox: Bool

    init(_ parts: StrictURL) {
        self.scheme = parts.scheme
        self.host = parts.host.description
        self.port = parts.port == parts.scheme.defaultPort ? nil : parts.port
        self.isSandbox = parts.host.namesSandbox
    }

    /// The canonical URL, without a slash at its end.
    public var description: String { "\(scheme.rawValue)://\(authority)" }
    /// Host and port, as in `Host`.
    public var authority: String { makeAuthority(host, port) }
    /// Who a token belongs to.
    public var userInfoURL: String { description + "/services/oauth2/userinfo" }
}

private func makeAuthority(_ host: String, _ port: UInt16?) -> String {
    port.map { "\(host):\($0)" } ?? host
}

extension HostName {
    /// `MyDomain--Name.sandbox.my.…`, the older `MyDomain--Name.my.…` (a My Domain name holds no `--` of its own), and
    /// the older instance names `cs12`.
    fileprivate var namesSandbox: Bool {
        guard let first = labels.first else { return false }
        if labels.dropFirst().contains("sandbox") || first.contains("--") { return true }
        return first.hasPrefix("cs") && first.count > 2 && first.dropFirst(2).allSatisfy(\.isNumber)
    }
}
