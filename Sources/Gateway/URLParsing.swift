internal import Access
internal import Foundation
internal import Secrets

/// A text that is no usable URL, and why; holds nothing of the text, which may hold a password.
struct URLProblem: Error, CustomStringConvertible {
    let description: String
}

/// `BASE_URL`: scheme, host and port, nothing else.
enum BaseURL {
    static func parse(_ text: String) throws -> PublicOrigin {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            scheme == "https" || scheme == "http", let host = parts.host, !host.isEmpty
        else { throw URLProblem(description: "must be an origin, e.g. https://formation.example.com") }
        guard parts.path.isEmpty || parts.path == "/", parts.query == nil, parts.fragment == nil, parts.user == nil
        else { throw URLProblem(description: "must be an origin without path, query or user.") }
        guard host.contains("."), host.contains(where: \.isLetter), PublicOrigin.name(ofAuthority: host) != nil else {
            throw URLProblem(
                description: "needs a host under which subdomains can stand, e.g. formation.localhost, not an address.")
        }
        return PublicOrigin(isSecure: scheme == "https", baseDomain: host, port: parts.port)
    }
}

/// `DATABASE_URL`: off the machine, TLS is a must (contract §5).
enum DatabaseURL {
    private static let strictModes: Set<String> = ["require", "verify-ca", "verify-full"]

    static func secured(_ text: String) throws -> Secret<String> {
        guard ["postgres://", "postgresql://"].contains(where: text.hasPrefix) else {
            throw URLProblem(description: "must begin with postgres://")
        }
        let halves = text.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let parameters = halves.count > 1 ? halves[1].split(separator: "&").map(String.init) : []
        func value(_ name: String) -> String? {
            parameters.last { $0.hasPrefix(name + "=") }.map {
                let raw = String($0.dropFirst(name.count + 1))
                return raw.removingPercentEncoding ?? raw
            }
        }
        guard
            !isLocal(
                hosts(in: String(halves[0])) + (value("host").map { $0.split(separator: ",").map(String.init) } ?? []))
        else { return Secret(text) }
        switch value("sslmode") {
        case nil:
            return Secret(text + (halves.count > 1 ? (parameters.isEmpty ? "" : "&") : "?") + "sslmode=require")
        case .some(let mode) where strictModes.contains(mode):
            return Secret(text)
        case .some:
            throw URLProblem(
                description: "a database on another machine needs sslmode=require, verify-ca or verify-full.")
        }
    }

    /// The hosts of the authority; it may name several, each with a port.
    private static func hosts(in url: String) -> [String] {
        let rest = url[(url.range(of: "://")?.upperBound ?? url.startIndex)...]
        let authority = rest.prefix { $0 != "/" }
        let afterUser = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
        return afterUser.split(separator: ",").map { host in
            if host.hasPrefix("[") { return String(host.dropFirst().prefix { $0 != "]" }) }
            let name = String(host.prefix { $0 != ":" })
            return name.removingPercentEncoding ?? name
        }
    }

    /// Whether every host is a socket directory or loopback. No host at all means the default socket.
    private static func isLocal(_ hosts: [String]) -> Bool {
        hosts.allSatisfy { host in
            host.isEmpty || host.hasPrefix("/") || host.hasPrefix("@") || host == "localhost"
                || host.hasSuffix(".localhost") || host == "::1" || isLoopbackV4(host)
        }
    }

    private static func isLoopbackV4(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return parts.count == 4 && parts.allSatisfy { $0 != nil } && parts.first == 127
    }
}
