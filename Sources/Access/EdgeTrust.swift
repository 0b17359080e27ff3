public import Foundation
public import HTTPTypes

/// What the gateway believes of a request's edge headers: nothing, but behind trusted hops (contract §1).
public struct EdgeTrust: Sendable {
    /// `TRUSTED_PROXY_HOPS`.
    public let trustedHops: Int

    /// Trust in so many hops.
    public init(trustedHops: Int) {
        self.trustedHops = trustedHops
    }

    /// The request's id: the edge's, where it is trusted and well-formed; otherwise a new one.
    public func requestID(_ headers: HTTPFields, make: () -> UUID) -> String {
        if trustedHops > 0, headers[values: .requestID].count == 1, let id = headers[.requestID],
            Self.isRequestID(id)
        {
            return id
        }
        return make().uuidString.lowercased()
    }

    /// Whether the edge says that the client came by plain http.
    public func cameByHTTP(_ headers: HTTPFields) -> Bool {
        guard trustedHops > 0, let protocols = headers[.forwardedProto] else { return false }
        // Each hop appends: the right-most entry is our own edge's word.
        return protocols.split(separator: ",").last?.trimmingCharacters(in: .whitespaces).lowercased() == "http"
    }

    /// Whether a text can be a request's id: 1 to 128 of `[A-Za-z0-9._-]`.
    public static func isRequestID(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy(isIDByte)
    }

    private static func isIDByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        case _: false
        }
    }
}

extension HTTPField.Name {
    // Invariant: the names are tokens (RFC 9110 §5.1), so the initialisers don't fail; a fallback keeps them total.
    /// `X-Forwarded-Proto`.
    public static let forwardedProto = HTTPField.Name("X-Forwarded-Proto") ?? .via
    /// `Host`.
    public static let host = HTTPField.Name("Host") ?? .via
}
