internal import Logging

/// Finds what must not be logged, by the name that it stands under and by its shape.
///
/// A last line of defence: secrets are `Secret<T>` and print as redacted anyway. What slips through somewhere, in a
/// library's message or a URL, is caught here, as far as it can be recognised.
enum Redactor {
    static let replacement = "<redacted>"

    // MARK: - Names

    /// A key that contains one of these names a secret.
    private static let secretParts = [
        "authorization", "cookie", "token", "secret", "password", "passwd", "verifier", "credential", "signature",
        "bearer", "sessionid", "session_id", "sfdc-session",
    ]
    /// Words that name a secret where they are a key's last word, as in `auth_code`, `oauth-state`, `apiKey`.
    private static let secretWords: Set<String> = ["code", "state", "key", "sid", "otp", "totp"]
    private static let ownNames = Set(LogKey.allCases.map(\.rawValue))
    /// Names that end in such a word and are none.
    private static let plainNames: Set<String> = ["status_code", "error_code", "exit_code", "country_code"]

    static func isSecretName(_ name: String) -> Bool {
        guard !ownNames.contains(name), !plainNames.contains(name) else { return false }
        let lowered = name.lowercased()
        if secretParts.contains(where: lowered.contains) { return true }
        return secretWords.contains(lastWord(of: name))
    }

    private static func lastWord(of name: String) -> String {
        var word = ""
        var isInCapitals = false
        for character in name {
            if character == "_" || character == "-" || character == "." {
                word = ""
            } else if character.isUppercase, !isInCapitals {
                word = character.lowercased()
            } else {
                word += character.lowercased()
            }
            isInCapitals = character.isUppercase
        }
        return word
    }

    // MARK: - Shapes

    /// The text with everything that is shaped like a secret replaced.
    static func redact(_ text: String) -> String {
        var scanner = Scanner(bytes: Array(text.utf8))
        return scanner.run() ? String(decoding: scanner.output, as: UTF8.self) : text
    }

    /// The value with everything that is shaped like a secret, or stands under such a name, replaced.
    static func redact(_ value: Logger.MetadataValue, under name: String) -> Logger.MetadataValue {
        if isSecretName(name) { return .string(replacement) }
        switch value {
        case .string(let text): return .string(redact(text))
        case .stringConvertible(let object): return .string(redact(object.description))
        case .dictionary(let fields): return .dictionary(redact(fields))
        case .array(let values): return .array(values.map { redact($0, under: name) })
        }
    }

    static func redact(_ metadata: Logger.Metadata) -> Logger.Metadata {
        var redacted: Logger.Metadata = [:]
        redacted.reserveCapacity(metadata.count)
        for (name, value) in metadata { redacted[name] = redact(value, under: name) }
        return redacted
    }
}

/// One pass over the bytes; each shape begins with bytes of its own.
private struct Scanner {
    let bytes: [UInt8]
    private(set) var output: [UInt8] = []
    /// Up to where the input was copied or replaced.
    private var copied = 0
    /// Up to where there is no dot, so that a run of `eyJeyJ…` is looked through once and not once for each.
    private var dotless = 0

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Names of URL parameters and cookies, with the sign between them and their values.
    private static let parameters: [[UInt8]] = [
        "formation_session=", "access_token=", "refresh_token=", "id_token=", "oauth_token=", "token=", "code=",
        "state=", "client_secret=", "code_verifier=", "password=", "sid=",
    ].map { Array($0.utf8) }

    /// Whether anything was replaced; then `output` holds the result.
    mutating func run() -> Bool {
        var index = 0
        while index < bytes.count {
            if let secret = secret(at: index) {
                output += bytes[copied..<secret.lowerBound]
                output += Redactor.replacement.utf8
                copied = secret.upperBound
                index = secret.upperBound
            } else {
                index += 1
            }
        }
        guard copied > 0 else { return false }
        output += bytes[copied...]
        return true
    }

    /// The range of a secret whose shape begins here.
    private mutating func secret(at index: Int) -> Range<Int>? {
        switch bytes[index] {
        case UInt8(ascii: "0"): return salesforceSession(at: index)
        case UInt8(ascii: "5"): return opaque(at: index, prefix: "5Aep")
        case UInt8(ascii: "a") where starts("aPrx", at: index): return opaque(at: index, prefix: "aPrx")
        case UInt8(ascii: "e") where starts("eyJ", at: index): return jsonWebToken(at: index)
        case UInt8(ascii: "b"), UInt8(ascii: "B"): return bearer(at: index)
        case UInt8(ascii: ":"): return passwordInURL(at: index)
        case _: return parameterValue(at: index)
        }
    }

    /// `00D` and 12 to 15 letters and digits, `!` (or `%21`), and word characters and dots.
    private func salesforceSession(at index: Int) -> Range<Int>? {
        guard starts("00D", at: index) else { return nil }
        var end = index + 3
        while end < bytes.count, end - index < 18, isAlphanumeric(bytes[end]) { end += 1 }
        guard end - index >= 15 else { return nil }
        if starts("!", at: end) {
            end += 1
        } else if starts("%21", at: end) {
            end += 3
        } else {
            return nil
        }
        return index..<run(from: end, while: isTokenByte)
    }

    private func opaque(at index: Int, prefix: String) -> Range<Int>? {
        guard starts(prefix, at: index) else { return nil }
        return index..<run(from: index, while: isTokenByte)
    }

    /// `eyJ…` with a dot in it: a JSON web token.
    private mutating func jsonWebToken(at index: Int) -> Range<Int>? {
        guard index >= dotless else { return nil }
        let end = run(from: index, while: isTokenByte)
        if bytes[index..<end].contains(UInt8(ascii: ".")) { return index..<end }
        dotless = end
        return nil
    }

    /// What follows `Bearer` in any case.
    private func bearer(at index: Int) -> Range<Int>? {
        let word = "bearer "
        guard index + word.utf8.count < bytes.count,
            zip(bytes[index...], word.utf8).allSatisfy({ $0 | 0x20 == $1 })
        else { return nil }
        let start = run(from: index + word.utf8.count, while: { $0 == UInt8(ascii: " ") })
        let end = run(from: start, while: isValueByte)
        return end > start ? start..<end : nil
    }

    /// The password of `scheme://user:password@host`.
    private func passwordInURL(at index: Int) -> Range<Int>? {
        guard starts("://", at: index) else { return nil }
        let end = run(from: index + 3) { $0 > 0x20 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\"") }
        guard let at = bytes[(index + 3)..<end].lastIndex(of: UInt8(ascii: "@")),
            let colon = bytes[(index + 3)..<at].firstIndex(of: UInt8(ascii: ":")), colon + 1 < at
        else { return nil }
        return (colon + 1)..<at
    }

    /// The value of a parameter whose name begins here and is not the end of a longer word.
    private func parameterValue(at index: Int) -> Range<Int>? {
        // Cheap first look: a secret's name begins with one of few letters, behind no other word character.
        switch bytes[index] {
        case UInt8(ascii: "f"), UInt8(ascii: "a"), UInt8(ascii: "r"), UInt8(ascii: "i"), UInt8(ascii: "o"),
            UInt8(ascii: "t"), UInt8(ascii: "c"), UInt8(ascii: "s"), UInt8(ascii: "p"):
            break
        case _: return nil
        }
        if index > 0, isAlphanumeric(bytes[index - 1]) || bytes[index - 1] == UInt8(ascii: "_") { return nil }
        for name in Self.parameters where bytes[index...].starts(with: name) {
            let start = index + name.count
            let end = run(from: start, while: isValueByte)
            return end > start ? start..<end : nil
        }
        return nil
    }

    private func starts(_ text: String, at index: Int) -> Bool {
        index <= bytes.count && bytes[index...].starts(with: text.utf8)
    }

    private func run(from start: Int, while isPart: (UInt8) -> Bool) -> Int {
        var end = start
        while end < bytes.count, isPart(bytes[end]) { end += 1 }
        return end
    }

    private func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case _: false
        }
    }

    /// What tokens are made of: word characters, dots, and base64's signs, escaped or not.
    private func isTokenByte(_ byte: UInt8) -> Bool {
        if isAlphanumeric(byte) { return true }
        return "._-=+/%~".utf8.contains(byte)
    }

    /// What a parameter's value is made of: all but what ends it.
    private func isValueByte(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte != 0x7F && !"&;,\"'<>)]}".utf8.contains(byte)
    }
}
