/// `return_to`: where a sign-in leads back to. A path on this host and nothing else (contract §2).
enum ReturnPath {
    /// Where anything doubtful leads.
    static let fallback = "/"
    /// 2,048 bytes: it travels in a cookie.
    static let byteCountMax = 2_048

    /// Narrower than what browsers would read as a path, since they read more than one would think: they take `\` for
    /// `/`, and drop tabs and line breaks wherever they stand.
    static func safe(_ text: String?) -> String {
        guard let text, isSafe(Array(text.utf8)) else { return fallback }
        return text
    }

    private static func isSafe(_ bytes: [UInt8]) -> Bool {
        guard (1...byteCountMax).contains(bytes.count), bytes[0] == slash else { return false }
        // Visible ASCII alone: a path with anything else arrives percent-encoded.
        guard bytes.allSatisfy({ (0x21...0x7E).contains($0) && $0 != backslash }) else { return false }
        let path = bytes.prefix { $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#") }
        guard let decoded = decode(path), isPlainPath(decoded) else { return false }
        // Signing in leads nowhere near signing in or out again.
        return !leadsToAuth(decoded)
    }

    /// The path's bytes with escapes undone once; `nil` where an escape is broken.
    private static func decode(_ path: ArraySlice<UInt8>) -> [UInt8]? {
        var decoded: [UInt8] = []
        var index = path.startIndex
        while index < path.endIndex {
            guard path[index] == UInt8(ascii: "%") else {
                decoded.append(path[index])
                index += 1
                continue
            }
            guard index + 2 < path.endIndex, let high = nibble(path[index + 1]), let low = nibble(path[index + 2])
            else { return nil }
            decoded.append(high << 4 | low)
            index += 3
        }
        return decoded
    }

    /// No control character, no backslash, no second slash at the start and no dot segments, with escapes undone too:
    /// what stands between may undo them.
    private static func isPlainPath(_ path: [UInt8]) -> Bool {
        guard path.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != backslash }) else { return false }
        guard path.count < 2 || path[1] != slash else { return false }
        return path.split(separator: slash).allSatisfy { $0 != [dot] && $0 != [dot, dot] }
    }

    private static func leadsToAuth(_ path: [UInt8]) -> Bool {
        let segments = path.split(separator: slash)
        guard let first = segments.first else { return false }
        return String(decoding: first, as: UTF8.self).lowercased() == "auth"
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case _: nil
        }
    }

    private static let slash = UInt8(ascii: "/")
    private static let backslash = UInt8(ascii: "\\")
    private static let dot = UInt8(ascii: ".")
}
