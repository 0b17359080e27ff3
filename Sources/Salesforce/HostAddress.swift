/// A URL taken apart by a strict reader: scheme, host, port and path of plain ASCII, nothing else.
///
/// Deliberately narrower than RFC 3986. Whatever two URL readers could understand differently (user info, escapes,
/// backslashes, dot segments, trailing dots, non-ASCII) is refused, so that what was checked is what is called.
struct StrictURL: Sendable, Hashable {
    /// 512 bytes: a host name has at most 253, and a site's path prefix is a word.
    static let byteCountMax = 512

    let scheme: URLScheme
    let host: HostName
    /// The port as written; `nil` where none is.
    let port: UInt16?
    /// Path segments without the slashes between them; one slash at the end is dropped.
    let path: [String]

    init(_ text: String) throws(AllowedHostError) {
        let bytes = text.utf8
        guard bytes.count <= Self.byteCountMax else { throw .tooLong }
        guard bytes.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "%") })
        else { throw .notAURL }
        guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else { throw .notAURL }
        switch text[..<colon].lowercased() {
        case "https": self.scheme = .https
        case "http": self.scheme = .http
        case _: throw .notHTTPS
        }
        let rest = text[text.index(colon, offsetBy: 3)...]
        guard !rest.contains("?"), !rest.contains("#") else { throw .queryOrFragment }
        guard !rest.contains("@") else { throw .userInfo }
        let authority = rest.prefix { $0 != "/" }
        (self.host, self.port) = try Self.readAuthority(authority)
        self.path = try Self.readPath(rest[authority.endIndex...])
    }

    /// Host and port of a URL that may not be called, for the log; `malformed` where it is none that could be.
    static func loggableHost(of text: String) -> String {
        guard let url = try? StrictURL(text) else { return "malformed" }
        return url.host.description + (url.port.map { ":\($0)" } ?? "")
    }

    /// Reads `host`, `host:port`, `[::1]` and `[::1]:port`.
    static func readAuthority(_ text: Substring) throws(AllowedHostError) -> (HostName, UInt16?) {
        let hostEnd: Substring.Index
        if text.hasPrefix("[") {
            guard let bracket = text.firstIndex(of: "]") else { throw .notAURL }
            hostEnd = text.index(after: bracket)
        } else {
            hostEnd = text.firstIndex(of: ":") ?? text.endIndex
        }
        guard let host = HostName(text[..<hostEnd]) else { throw .notAURL }
        guard hostEnd != text.endIndex else { return (host, nil) }
        let digits = text[hostEnd...].dropFirst()
        guard text[hostEnd] == ":", digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), digits.first != "0",
            let port = UInt16(digits)
        else { throw .notAURL }
        return (host, port)
    }

    private static func readPath(_ text: Substring) throws(AllowedHostError) -> [String] {
        guard !text.isEmpty, text != "/" else { return [] }
        var segments = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        if segments.last?.isEmpty == true { segments.removeLast() }
        for segment in segments where !Self.isPlainSegment(segment) { throw .pathNotAllowed }
        return segments.map(String.init)
    }

    private static func isPlainSegment(_ segment: Substring) -> Bool {
        !segment.isEmpty
            && segment.utf8.allSatisfy { byte in
                HostName.isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
            }
    }
}

/// The two schemes that there are for us.
public enum URLScheme: String, Sendable, Hashable {
    /// Plain text; only towards loopback.
    case http
    /// TLS.
    case https

    var defaultPort: UInt16 {
        switch self {
        case .http: 80
        case .https: 443
        }
    }
}

/// A lower-cased DNS name, dotted IPv4 address or bracketed `[::1]`.
struct HostName: Sendable, Hashable, CustomStringConvertible {
    private static let byteCountMax = 253
    private static let labelByteCountMax = 63

    let description: String
    let labels: [Substring]

    /// `nil` where the text is no such name. A trailing dot is not taken: it would give one host two spellings.
    init?(_ text: Substring) {
        guard !text.isEmpty, text.utf8.count <= Self.byteCountMax else { return nil }
        let lowered = text.lowercased()
        if lowered == "[::1]" {
            self.description = lowered
            self.labels = []
            return
        }
        let labels = lowered.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.allSatisfy(Self.isLabel) else { return nil }
        self.description = lowered
        self.labels = labels
    }

    /// Whether the name lies below this domain: at least one label more.
    func isBelow(_ domain: String) -> Bool {
        description.hasSuffix("." + domain)
    }

    /// 127.0.0.0/8, `::1`, `localhost` and what lies below it (RFC 6761 §6.3).
    var isLoopback: Bool {
        if description == "[::1]" || description == "localhost" || isBelow("localhost") { return true }
        // Only the canonical dotted form: resolvers also read "127.1" and "0177.0.0.1", and not all of them alike.
        guard labels.count == 4, labels[0] == "127" else { return false }
        return labels.allSatisfy { label in
            guard let number = UInt8(label) else { return false }
            return String(number) == label
        }
    }

    private static func isLabel(_ label: Substring) -> Bool {
        let bytes = label.utf8
        guard let first = bytes.first, let last = bytes.last, bytes.count <= labelByteCountMax else { return false }
        return isAlphanumeric(first) && isAlphanumeric(last)
            && bytes.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") }
    }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case _: false
        }
    }
}
