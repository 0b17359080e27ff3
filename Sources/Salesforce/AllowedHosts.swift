/// Which hosts may be a customer's login host and which an instance host.
///
/// A server-side fetch must go nowhere else, so a URL from a person or from a token answer is turned into a
/// ``LoginEndpoint`` or an ``InstanceURL`` here, and only those are ever called.
///
/// - A login host is a My Domain host (`*.my.salesforce.com`, sandboxes too, and its forms for government and China), a
///   site with its path prefix (`*.my.site.com/…`), or the generic `login.` / `test.salesforce.com`.
/// - An instance host is `*.salesforce.com`, `*.salesforce.mil` or `*.sfcrmproducts.cn`, https, no port.
/// - Hosts named to `init(extra:)` may be both; with http only where they are loopback.
public struct AllowedHosts: Sendable {
    private static let genericLoginHosts: Set<String> = ["login.salesforce.com", "test.salesforce.com"]
    private static let myDomainSuffixes = ["my.salesforce.com", "my.salesforce.mil", "my.sfcrmproducts.cn"]
    private static let siteSuffix = "my.site.com"
    private static let instanceSuffixes = ["salesforce.com", "salesforce.mil", "sfcrmproducts.cn"]
    /// The address of the user interface, which people paste; it answers no API.
    private static let lightningSuffix = "lightning.force.com"
    /// 256 extra hosts: it is a development setting.
    private static let extraCountMax = 256

    private struct Extra: Sendable, Hashable {
        let host: HostName
        /// `nil`: the scheme's default port.
        let port: UInt16?
    }

    private let extra: Set<Extra>

    /// Takes the entries of `SALESFORCE_ALLOWED_HOSTS`: `host`, `host:port`, `[::1]:port`.
    ///
    /// - Throws: ``AllowedHostError/malformedEntry``, ``AllowedHostError/tooManyEntries``.
    public init(extra: [String] = []) throws(AllowedHostError) {
        guard extra.count <= Self.extraCountMax else { throw .tooManyEntries }
        var entries: Set<Extra> = []
        for entry in extra {
            do {
                let (host, port) = try StrictURL.readAuthority(Substring(entry))
                entries.insert(Extra(host: host, port: port))
            } catch {
                throw .malformedEntry
            }
        }
        self.extra = entries
    }

    /// Reads a customer's login host, e.g. `https://axonify.my.salesforce.com`.
    ///
    /// - Throws: ``AllowedHostError``, whose description tells a person what to enter instead.
    public func loginEndpoint(_ url: String) throws(AllowedHostError) -> LoginEndpoint {
        let parts = try StrictURL(url)
        let host = parts.host
        if isExtra(parts) {
            try requireAllowedScheme(parts)
            return LoginEndpoint(parts, isGeneric: host.labels.count > 1 && ["login", "test"].contains(host.labels[0]))
        }
        if host.isBelow(Self.lightningSuffix) { throw .lightningHost }
        let isGeneric = Self.genericLoginHosts.contains(host.description)
        let isSite = host.isBelow(Self.siteSuffix)
        guard isGeneric || isSite || Self.myDomainSuffixes.contains(where: host.isBelow) else { throw .hostNotAllowed }
        guard parts.scheme == .https else { throw .notHTTPS }
        guard parts.port == nil else { throw .portNotAllowed }
        guard isSite || parts.path.isEmpty else { throw .pathNotAllowed }
        return LoginEndpoint(parts, isGeneric: isGeneric)
    }

    /// Reads an `instance_url` as a token answer gives it, e.g. `https://axonify.my.salesforce.com`.
    ///
    /// - Throws: ``AllowedHostError``.
    public func instance(_ url: String) throws(AllowedHostError) -> InstanceURL {
        let parts = try StrictURL(url)
        guard parts.path.isEmpty else { throw .pathNotAllowed }
        if isExtra(parts) {
            try requireAllowedScheme(parts)
            return InstanceURL(parts)
        }
        guard Self.instanceSuffixes.contains(where: parts.host.isBelow) else { throw .hostNotAllowed }
        guard parts.scheme == .https else { throw .notHTTPS }
        guard parts.port == nil else { throw .portNotAllowed }
        return InstanceURL(parts)
    }

    private func isExtra(_ parts: StrictURL) -> Bool {
        let port = parts.port ?? parts.scheme.defaultPort
        return extra.contains(Extra(host: parts.host, port: port))
            || port == parts.scheme.defaultPort && extra.contains(Extra(host: parts.host, port: nil))
    }

    private func requireAllowedScheme(_ parts: StrictURL) throws(AllowedHostError) {
        guard parts.scheme == .https || parts.host.isLoopback else { throw .notHTTPS }
    }
}

/// Why a URL may be neither a login host nor an instance host. No case repeats the URL.
public enum AllowedHostError: Error, Sendable, Hashable, CustomStringConvertible {
    /// It is not a plain `https://host` URL.
    case notAURL
    /// It is longer than 512 bytes.
    case tooLong
    /// It is not https; http is allowed towards loopback alone, and only where the host was named.
    case notHTTPS
    /// It holds a user name or password.
    case userInfo
    /// It holds a port.
    case portNotAllowed
    /// It holds a query or a fragment.
    case queryOrFragment
    /// It holds a path where there may be none, or one that is not plain words.
    case pathNotAllowed
    /// The host is not one of Salesforce's.
    case hostNotAllowed
    /// The host is the address of the Lightning user interface.
    case lightningHost
    /// An entry of `SALESFORCE_ALLOWED_HOSTS` is not `host` or `host:port`.
    case malformedEntry
    /// `SALESFORCE_ALLOWED_HOSTS` has more than 256 entries.
    case tooManyEntries

    /// What to enter instead, for a person to read.
    public var description: String {
        switch self {
        case .notAURL: "Enter a plain address such as https://yourcompany.my.salesforce.com."
        case .tooLong: "The address is too long."
        case .notHTTPS: "The address must begin with https://."
        case .userInfo: "The address must not hold a user name or password."
        case .portNotAllowed: "The address must not hold a port."
        case .queryOrFragment: "Enter the address without what follows “?” or “#”."
        case .pathNotAllowed: "Enter the address without a path; only the address of a site (….my.site.com) has one."
        case .hostNotAllowed:
            "This is not a Salesforce address. Enter your My Domain address (….my.salesforce.com), your site's"
                + " address (….my.site.com/…), https://login.salesforce.com or https://test.salesforce.com."
        case .lightningHost:
            "This is the address of Lightning pages. Your My Domain address has the same first part and ends in"
                + " .my.salesforce.com."
        case .malformedEntry: "SALESFORCE_ALLOWED_HOSTS takes host or host:port, separated by commas."
        case .tooManyEntries: "SALESFORCE_ALLOWED_HOSTS has more than 256 entries."
        }
    }

    /// A bounded name for metrics and logs.
    public var metricLabel: String {
        switch self {
        case .notAURL: "not_a_url"
        case .tooLong: "too_long"
        case .notHTTPS: "not_https"
        case .userInfo: "user_info"
        case .portNotAllowed: "port_not_allowed"
        case .queryOrFragment: "query_or_fragment"
        case .pathNotAllowed: "path_not_allowed"
        case .hostNotAllowed: "host_not_allowed"
        case .lightningHost: "lightning_host"
        case .malformedEntry: "malformed_entry"
        case .tooManyEntries: "too_many_entries"
        }
    }
}
