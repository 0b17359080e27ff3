internal import Domain
internal import Secrets

/// An access key as its owner holds it: `{15-character org id}!fiq.{43 base62 characters}`.
///
/// Shaped like a Salesforce session, so that tools which check the shape (`00D\w{12,15}![.\w]*`) take it.
enum AccessKeyText {
    /// 32 random bytes make the 43 characters.
    static let byteCount = 32
    private static let mark = Array("!fiq.".utf8)
    private static let orgIDCount = 15
    private static let digitCount = 43

    static func make(organization: SalesforceID, randomBytes: [UInt8]) -> Secret<String> {
        // Invariant: fewer bits could be guessed, and only a mistake in our own code gives fewer.
        precondition(randomBytes.count == byteCount, "An access key is made of 32 random bytes")
        return Secret("\(organization)!fiq.\(Base62.encode(randomBytes))")
    }

    /// Whether a text can be a key at all: anything else costs no lookup.
    static func isWellFormed(_ text: Substring) -> Bool {
        let bytes = text.utf8
        guard bytes.count == orgIDCount + mark.count + digitCount, text.hasPrefix("00D") else { return false }
        let organization = bytes.prefix(orgIDCount)
        let rest = bytes.dropFirst(orgIDCount)
        return organization.allSatisfy(Base62.isDigit) && rest.starts(with: mark)
            && rest.dropFirst(mark.count).allSatisfy(Base62.isDigit)
    }
}
