internal import Crypto
internal import Foundation
public import Secrets

/// The credentials of one customer's app, for one call: values, no state.
public struct OAuthClient: Sendable {
    /// Where the customer's people sign in.
    public let login: LoginEndpoint
    /// The consumer key.
    public let clientID: Secret<String>
    /// The consumer secret; `nil` for a public app, whose answers carry no signature that can be checked.
    public let clientSecret: Secret<String>?
    /// A second consumer secret, which becomes the app's while secrets are rolled; `nil` where there is none.
    public let stagedSecret: Secret<String>?
    /// The callback URL; the same for the authorization and the exchange of its code (RFC 6749 §4.1.3).
    public let redirectURI: String

    /// Names the app for a call.
    public init(
        login: LoginEndpoint, clientID: Secret<String>, clientSecret: Secret<String>?,
        stagedSecret: Secret<String>? = nil, redirectURI: String
    ) {
        self.login = login
        self.clientID = clientID
        self.clientSecret = clientSecret
        self.stagedSecret = stagedSecret
        self.redirectURI = redirectURI
    }
}

/// A proof key for code exchange (RFC 7636), method S256.
public struct PKCE: Sendable {
    /// 32 random bytes make the 43 characters that RFC 7636 §4.1 recommends.
    public static let verifierByteCount = 32

    /// Kept by us until the code is exchanged.
    public let verifier: Secret<String>
    /// Sent with the browser.
    public let challenge: String

    /// Makes verifier and challenge of random bytes, ``verifierByteCount`` of them.
    public init(verifierBytes: [UInt8]) {
        // Invariant: a shorter verifier could be guessed, and only a mistake in our own code makes one.
        precondition(verifierBytes.count >= Self.verifierByteCount, "A PKCE verifier is made of 32 random bytes")
        let verifier = base64URL(verifierBytes)
        self.verifier = Secret(verifier)
        self.challenge = Self.challenge(for: verifier)
    }

    static func challenge(for verifier: String) -> String {
        base64URL(Array(SHA256.hash(data: Array(verifier.utf8))))
    }
}

/// What is sent to the OAuth endpoints.
enum OAuthForms {
    /// The authorize endpoint with the parameters of a sign-in, each once.
    static func authorizationURL(client: OAuthClient, state: String, challenge: String) -> String {
        client.login.authorizeURL + "?"
            + FormEncoding.encode([
                ("response_type", "code"), ("client_id", client.clientID.exposed), ("redirect_uri", client.redirectURI),
                ("scope", "api refresh_token openid"), ("state", state), ("code_challenge", challenge),
                ("code_challenge_method", "S256"),
            ])
    }
}

/// Base64 for URLs, without padding (RFC 4648 §5).
private func base64URL(_ bytes: [UInt8]) -> String {
    var text = Data(bytes).base64EncodedString()
    text.replace("+", with: "-")
    text.replace("/", with: "_")
    return text.filter { $0 != "=" }
}

/// Name and value pairs, percent-encoded for a query or an `application/x-www-form-urlencoded` body.
enum FormEncoding {
    /// All but the unreserved characters of RFC 3986 §2.3 is escaped, so a space is `%20` and `+` is `%2B`: no reader
    /// of either kind can take one for the other.
    static func encode(_ pairs: [(String, String)]) -> String {
        pairs.map { escape($0.0) + "=" + escape($0.1) }.joined(separator: "&")
    }

    static func escape(_ text: String) -> String {
        var escaped: [UInt8] = []
        escaped.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if isUnreserved(byte) {
                escaped.append(byte)
            } else {
                escaped += [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 15)]
            }
        }
        return String(decoding: escaped, as: UTF8.self)
    }

    /// Reads a form; the first of several values with one name counts. Bounded by the caller.
    static func decode(_ text: String) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let name = unescape(parts[0]), let value = unescape(parts[1]) else { continue }
            if fields[name] == nil { fields[name] = value }
        }
        return fields
    }

    private static func unescape(_ text: Substring) -> String? {
        text.replacing("+", with: " ").removingPercentEncoding
    }

    private static func digit(_ nibble: UInt8) -> UInt8 {
        nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "A") + nibble - 10
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        if HostName.isAlphanumeric(byte) { return true }
        return byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: "~")
    }
}
