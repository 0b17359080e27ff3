internal import Domain
internal import Secrets

/// An access key as its owner holds it: `{15-character org id}!fiq.{43 base62 characters}`.
///
/// Shaped like a Salesforce session, so that tools which check the shape (`00D\w{12,15}![.\w]*`) take it.
enum AccessKeyText {
    /// 32 random bytes make the 43 characters.
    static let byteCount = 32
    private static let mark = Array("!fiq.".utf8)
    private static let orgIDPrefix = Array("00D".utf8)
    private static let orgIDCount = 15
    private static let digitCount = 43
    private static let marked = orgIDCount + mark.count
    static let characterCount = marked + digitCount

    static func make(organization: SalesforceID, randomBytes: [UInt8]) -> Secret<String> {
        // Invariant: fewer bits could be guessed, and only a mistake in our own code gives fewer.
        precondition(randomBytes.count == byteCount, "An access key is made of 32 random bytes")
        return Secret("\(organization)!fiq.\(Base62.encode(randomBytes))")
    }

    /// Whether a text can be a key at all: anything else costs no lookup.
    static func isWellFormed(_ text: Substring) -> Bool {
        isWellFormed(text.utf8.span)
    }

    /// The same of the text's bytes.
    static func isWellFormed(_ text: Span<UInt8>) -> Bool {
        guard text.count == characterCount else { return false }
        for index in text.indices {
            let byte = text[index]
            let isRight =
                switch index {
                case ..<orgIDPrefix.count: byte == orgIDPrefix[index]
                case ..<orgIDCount: Base62.isDigit(byte)
                case ..<marked: byte == mark[index - orgIDCount]
                case _: Base62.isDigit(byte)
                }
            guard isRight else { return false }
        }
        return true
    }
}
