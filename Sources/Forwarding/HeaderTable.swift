internal import Access
internal import Foundation
internal import HTTPTypes
internal import NIOHTTP1
internal import Salesforce
internal import Secrets

/// Which headers pass, in both directions (contract §2, "Forwarded Salesforce calls"): the one place.
///
/// Names are compared without case, and with `_` and `.` read as `-`: what a lax reader takes for a header that we set
/// or drop is dropped like it.
enum HeaderTable {
    /// Towards Salesforce: strips, then sets the instance's host and the real token in the slot of the client's.
    static func towardsSalesforce(
        _ fields: HTTPFields, slot: CredentialSlot, token: Secret<String>, instance: InstanceURL
    ) -> HTTPHeaders {
        let named = namedByConnection(fields[values: .connection])
        var headers = HTTPHeaders()
        headers.reserveCapacity(fields.count + 4)
        headers.add(name: "Host", value: instance.authority)
        for field in fields {
            let name = folded(field.name.rawName)
            guard !isHopByHop(name), !named.contains(name), !isDroppedTowardsSalesforce(name) else { continue }
            headers.add(name: field.name.rawName, value: field.value)
        }
        switch slot {
        case .cookie, .authorizationBearer: headers.add(name: "Authorization", value: "Bearer \(token.exposed)")
        case .authorizationOAuth: headers.add(name: "Authorization", value: "OAuth \(token.exposed)")
        case .sfdcSession: headers.add(name: "X-SFDC-Session", value: token.exposed)
        }
        return headers
    }

    /// Towards the client: strips, rewrites `Location`, then sets what the tenant's host says of every answer.
    static func towardsClient(
        _ headers: HTTPHeaders, instance: InstanceURL, tenantOrigin: String, requestID: String
    ) -> HTTPFields {
        let named = namedByConnection(headers["connection"])
        var fields = HTTPFields()
        fields.reserveCapacity(headers.count + 4)
        for (name, value) in headers {
            let key = folded(name)
            guard !isHopByHop(key), !named.contains(key), !isDroppedTowardsClient(key) else { continue }
            // A name that is no token (RFC 9110 §5.1) can't be sent on.
            guard let fieldName = HTTPField.Name(name) else { continue }
            let passed = key == "location" ? location(value, instance: instance, tenantOrigin: tenantOrigin) : value
            fields.append(HTTPField(name: fieldName, value: passed))
        }
        fields[.xContentTypeOptions] = "nosniff"
        fields[.contentSecurityPolicy] = "sandbox; default-src 'none'"
        fields[.requestID] = requestID
        return fields
    }

    /// A redirect to the instance becomes one to the tenant's host; a relative one, or one to another host, stays.
    static func location(_ value: String, instance: InstanceURL, tenantOrigin: String) -> String {
        let schemeEnd: String.Index
        if let separator = value.range(of: "://") {
            guard value[..<separator.lowerBound].lowercased() == instance.scheme.rawValue else { return value }
            schemeEnd = separator.upperBound
        } else if value.hasPrefix("//") {
            schemeEnd = value.index(value.startIndex, offsetBy: 2)
        } else {
            return value
        }
        let rest = value[schemeEnd...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let defaultPort = instance.scheme == .https ? ":443" : ":80"
        var host = authority.lowercased()
        if instance.port == nil, host.hasSuffix(defaultPort) { host.removeLast(defaultPort.count) }
        guard host == instance.authority else { return value }
        return tenantOrigin + rest[authority.endIndex...]
    }
}

// MARK: - The table

extension HeaderTable {
    /// Of one connection alone, in both directions (RFC 9110 §7.6.1). `Content-Length` and `Transfer-Encoding` are set
    /// anew from the body that is sent.
    private static let hopByHop: Set<String> = [
        "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    private static let droppedTowardsSalesforce: Set<String> = [
        "authorization", "content-length", "cookie", "cookie2", "forwarded", "host", "origin", "referer", "via",
        "x-request-start", "x-sfdc-session",
    ]

    private static let droppedTowardsClient: Set<String> = [
        "alt-svc", "clear-site-data", "content-security-policy", "nel", "report-to", "server-timing",
        "service-worker-allowed", "set-cookie", "set-cookie2", "strict-transport-security", "x-content-type-options",
        "x-request-id",
    ]

    private static func isHopByHop(_ name: String) -> Bool {
        hopByHop.contains(name) || name.hasPrefix("proxy-") || name.hasPrefix(InternalHeader.prefix)
    }

    private static func isDroppedTowardsSalesforce(_ name: String) -> Bool {
        droppedTowardsSalesforce.contains(name) || name.hasPrefix("sec-fetch-") || name.hasPrefix("x-forwarded-")
    }

    private static func isDroppedTowardsClient(_ name: String) -> Bool {
        droppedTowardsClient.contains(name) || name.hasPrefix("access-control-")
    }

    /// The headers that `Connection` names.
    private static func namedByConnection(_ values: [String]) -> Set<String> {
        var names: Set<String> = []
        for value in values {
            for name in value.split(whereSeparator: { $0 == "," || $0 == " " || $0 == "\t" }) {
                names.insert(folded(String(name)))
            }
        }
        return names
    }

    private static func folded(_ name: String) -> String {
        String(
            decoding: name.utf8.map { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
                case UInt8(ascii: "_"), UInt8(ascii: "."): UInt8(ascii: "-")
                case _: byte
                }
            }, as: UTF8.self)
    }
}

/// Headers that our own channel handlers and responders use between each other; they never leave the process.
enum InternalHeader {
    static let prefix = "x-formation-"
    /// Client side: the number of the client's connection.
    static let connection = "X-Formation-Connection"
    /// Client side: the `Date` of a forwarded answer, since the server sets its own.
    static let date = "X-Formation-Date"
    /// Salesforce side: the request target, byte for byte.
    static let target = "X-Formation-Target"
}
