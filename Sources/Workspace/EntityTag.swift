internal import Crypto
internal import HTTPTypes

/// A strong entity tag (RFC 9110 §8.8.3).
struct EntityTag: Sendable, Hashable {
    /// With its quotes, as in `ETag`.
    let text: String

    /// The tag of a content: 128 bits of its SHA-256.
    init(of content: [UInt8]) {
        let digest = SHA256.hash(data: content).prefix(16)
        self.text = "\"" + digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\""
    }

    /// The tag of a version that is known by its name: characters of a tag (`etagc`), without a comma.
    init(version: String) {
        self.text = "\"\(version)\""
    }

    /// Whether `If-Match` allows a change (§13.1.1): it names this very version, or is `*`, or is not there.
    func allowsChange(_ headers: HTTPFields) -> Bool {
        guard headers.contains(.ifMatch) else { return true }
        let tags = Self.list(headers[values: .ifMatch])
        return tags.contains("*") || tags.contains(text)
    }

    /// Whether `If-None-Match` says that the caller has this version (§13.1.2, weak comparison).
    func isKnown(_ headers: HTTPFields) -> Bool {
        let tags = Self.list(headers[values: .ifNoneMatch])
        return tags.contains("*") || tags.contains(text) || tags.contains("W/" + text)
    }

    /// Our own tags hold no comma, so that a foreign one with a comma falls into pieces which match nothing.
    private static func list(_ values: [String]) -> Set<String> {
        Set(
            values.flatMap { $0.split(separator: ",") }.map { tag in
                String(tag.drop(while: \.isWhitespace).prefix { !$0.isWhitespace })
            })
    }
}
