public import Domain

/// The product's public origin (`BASE_URL`): tells what a host is, and names each tenant's origin.
///
/// Contract §1. The tenant comes from `Host` alone.
public struct PublicOrigin: Sendable, Hashable {
    /// Whether it is https: then cookies are `Secure` and named `__Host-…`, and HSTS is sent.
    public let isSecure: Bool
    /// The base domain, in lower case, without port or trailing dot.
    public let baseDomain: String
    /// The port in `BASE_URL`; `nil` where it is the scheme's own.
    public let port: Int?

    /// An origin of known parts.
    public init(isSecure: Bool, baseDomain: String, port: Int?) {
        self.isSecure = isSecure
        self.baseDomain = baseDomain.lowercased()
        self.port = port == (isSecure ? 443 : 80) ? nil : port
    }

    /// The base domain's own origin, e.g. `https://formation.pikesquare.co`.
    public var origin: String { origin(host: baseDomain) }

    /// A tenant's origin, e.g. `https://axonify.formation.pikesquare.co`.
    public func origin(of subdomain: Subdomain) -> String {
        origin(host: "\(subdomain).\(baseDomain)")
    }

    private func origin(host: String) -> String {
        "\(isSecure ? "https" : "http")://\(host)\(port.map { ":\($0)" } ?? "")"
    }
}

/// What a host is to the gateway.
public enum HostRoute: Sendable, Hashable {
    /// A tenant's workspace, if there is such a tenant.
    case tenant(Subdomain)
    /// The operator console: `admin.`.
    case console
    /// The base domain and `www.`.
    case frontDoor
    /// Nothing of ours: another domain, a nested label, a reserved or malformed one.
    case unknown
}

extension PublicOrigin {
    /// What a `Host` value is. Port and one trailing dot are ignored; case does not matter.
    public func route(host: String) -> HostRoute {
        guard let name = Self.name(ofAuthority: host) else { return .unknown }
        guard name != baseDomain else { return .frontDoor }
        guard name.hasSuffix("." + baseDomain) else { return .unknown }
        let label = String(name.dropLast(baseDomain.count + 1))
        switch label {
        case "www": return .frontDoor
        case "admin": return .console
        case _: return (try? Subdomain(label)).map(HostRoute.tenant) ?? .unknown
        }
    }

    /// The label of a tenant's host in the plain case: `<label>.<base domain>` in any case, with or without a port and
    /// one trailing dot.
    ///
    /// `nil` is no answer but the advice to ask ``route(host:)``, which decides what the host is.
    public func warmLabel(ofHost host: Span<UInt8>) -> Subdomain? {
        let base = baseDomain.utf8.span
        var end = host.count
        // A colon further in front is no port's: what is before it is then no host of ours either.
        var digits = 0
        while digits < min(6, end), Self.isDigit(host[end - 1 - digits]) { digits += 1 }
        if (1...5).contains(digits), digits < end, host[end - 1 - digits] == UInt8(ascii: ":") { end -= digits + 1 }
        if end > 0, host[end - 1] == UInt8(ascii: ".") { end -= 1 }
        let dot = end - base.count - 1
        guard dot > 0, end <= 253, host[dot] == UInt8(ascii: ".") else { return nil }
        for index in base.indices where Self.lowercased(host[dot + 1 + index]) != base[index] { return nil }
        return Subdomain(ascii: host.extracting(first: dot))
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    /// The lower-case host of an authority without port and trailing dot; `nil` where it is malformed.
    public static func name(ofAuthority authority: String) -> String? {
        var host = authority.lowercased()[...]
        if let colon = host.firstIndex(of: ":") {
            let port = host[host.index(after: colon)...]
            guard !port.isEmpty, port.count <= 5,
                port.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
            else { return nil }
            host = host[..<colon]
        }
        if host.hasSuffix(".") { host = host.dropLast() }
        guard !host.isEmpty, host.utf8.count <= 253 else { return nil }
        return String(host)
    }
}
