internal import Access
internal import HTTPTypes
internal import Wire

/// A request target that may be forwarded: the bytes that were sent, and what the rules look at.
///
/// Made by ``PathAdmission`` alone, so a call without it can't be forwarded.
struct AdmittedTarget: Sendable, Equatable {
    /// Path and query exactly as they were sent: visible ASCII.
    let raw: String
    /// The raw path.
    let path: Substring
    /// The raw query without its `?`; `nil` where there is none.
    let query: Substring?
    /// The path as the most lax reader at Salesforce could understand it: percent-decoded, without the format suffix
    /// (`.json`, `.xml`) and slash at its end. What a list of forbidden paths must judge.
    let authorisedPath: String

    fileprivate init(raw: String, path: Substring, query: Substring?, authorisedPath: String) {
        self.raw = raw
        self.path = path
        self.query = query
        self.authorisedPath = authorisedPath
    }
}

/// Which request targets are forwarded, which are not there, and which are malformed (contract §2): the one place.
///
/// What two readers could understand differently is refused and never repaired, so the path that was authorised is the
/// path that is forwarded.
enum PathAdmission {
    enum Refusal: Error, Equatable {
        /// 404: well-formed, and not forwarded.
        case notForwarded
        /// 400: the text says how, and holds nothing of the request.
        case malformed(String)
    }

    /// Whether a path is Forwarding's to answer, in whatever spelling: case, escapes (also twice), backslashes, several
    /// slashes, dot segments, parameters.
    static func claims(_ path: some StringProtocol) -> Bool {
        let path = path.prefix { $0 != "?" && $0 != "#" }
        // A target of more rounds of escapes than this is some other site's, and 404 there as well.
        var bytes = Array(path.utf8)
        for _ in 0..<escapeRoundsMax {
            let decoded = decodeLax(bytes)
            if decoded == bytes { break }
            bytes = decoded
        }
        var segments: [[UInt8]] = []
        for part in bytes.split(whereSeparator: { $0 == slash || $0 == backslash }) {
            let name = part.prefix { $0 != semicolon }.map(lowercased)
            if name == [dot] { continue }
            if name == [dot, dot] {
                _ = segments.popLast()
            } else {
                segments.append(name)
            }
            // What is left of the path can only lead elsewhere by dot segments; those are refused, not followed.
            if segments.first.map(isOurs) == true { return true }
        }
        return false
    }

    /// Judges a request target.
    static func admit(
        method: HTTPRequest.Method, target: String, limits: ForwardingLimits
    ) throws(Refusal) -> AdmittedTarget {
        // TRACE would send the access token back (RFC 9110 §9.3.8); CONNECT has no path.
        guard method != .trace, method != .connect else { throw .malformed("This method is not forwarded.") }
        guard target.utf8.count <= limits.head.targetBytesMax else {
            throw .malformed("The address is longer than 16 KiB.")
        }
        guard target.utf8.first == slash else { throw .malformed("The address must begin with a slash.") }
        guard target.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != hash }) else {
            throw .malformed("The address holds a character that must be percent-encoded.")
        }
        let mark = target.utf8.firstIndex(of: questionMark)
        let path = target[..<(mark ?? target.endIndex)]
        let query = mark.map { target[target.utf8.index(after: $0)...] }
        let decoded = try decodeStrict(path)
        guard isForwarded(path) else { throw .notForwarded }
        if method != .post, let query, overridesMethod(query) {
            throw .malformed("_HttpMethod is for POST alone.")
        }
        return AdmittedTarget(raw: target, path: path, query: query, authorisedPath: authorised(decoded))
    }

    /// Whether a target is admitted, and so plainly spelled that its bytes say so. `false` is the advice to ask
    /// ``admit(method:target:limits:)``.
    static func isPlainlyForwarded(_ target: Span<UInt8>, method: MethodKind) -> Bool {
        switch method {
        case .get, .head, .post, .put, .patch, .delete, .options: break
        case .trace, .connect, .other: return false
        }
        guard begins(target, with: dataRoot) || begins(target, with: apexRoot) || begins(target, with: asyncRoot) else {
            return false
        }
        var isAtSegment = false
        for index in target.indices {
            let byte = target[index]
            if ByteSet.plainSegment.contains(byte) {
                isAtSegment = false
            } else if byte == slash || byte == dot {
                // No empty segment, and none that could be `.` or `..`.
                guard !isAtSegment else { return false }
                isAtSegment = byte == slash
            } else {
                return byte == questionMark && isPlainQuery(target, from: index + 1)
            }
        }
        return true
    }

    /// Which API of Salesforce's a target is that clients look for and that is not forwarded, in any case and with
    /// escapes; `nil` for every other.
    static func unforwardedAPI(_ target: String) -> UnforwardedAPI? {
        let segments = decodeLax(Array(target.utf8.prefix { $0 != questionMark })).split(separator: slash)
            .map { String(decoding: $0.map(lowercased), as: UTF8.self) }
        if segments.first == "cometd" { return .cometd }
        guard segments.prefix(2) == ["services", "soap"] else { return nil }
        switch segments.dropFirst(2).first {
        case "c": return .soapEnterprise
        case "u": return .soapPartner
        case "t": return .soapTooling
        case _: return .soapOther
        }
    }

    /// The beginnings of what is forwarded; one with its slash, since without one it is another path.
    private static let dataRoot = Array("/services/data/".utf8)
    private static let apexRoot = Array("/services/apexrest/".utf8)
    private static let asyncRoot = Array("/services/async/".utf8)

    private static func begins(_ target: Span<UInt8>, with root: [UInt8]) -> Bool {
        guard target.count >= root.count else { return false }
        for index in root.indices where target[index] != root[index] { return false }
        return true
    }

    /// Whether no name of the query can be one that a rule looks for, in whatever spelling.
    private static func isPlainQuery(_ target: Span<UInt8>, from start: Int) -> Bool {
        var isName = true
        var isFirst = true
        for index in start..<target.count {
            let byte = target[index]
            guard ByteSet.plainValue.contains(byte) else {
                // A semicolon separates names to some readers.
                guard byte == UInt8(ascii: "&") else { return false }
                (isName, isFirst) = (true, true)
                continue
            }
            if isName {
                guard byte != UInt8(ascii: "=") else {
                    isName = false
                    continue
                }
                // `oauth_token` and `_HttpMethod`, or an escape that might spell them.
                if byte == percent || byte == UInt8(ascii: "+") { return false }
                if isFirst, byte | 0x20 == UInt8(ascii: "o") || byte == UInt8(ascii: "_") { return false }
                isFirst = false
            }
        }
        return true
    }

    private static func isForwarded(_ path: Substring) -> Bool {
        if path == "/services/oauth2/userinfo" { return true }
        return ["/services/data", "/services/apexrest", "/services/async"].contains { root in
            path == root || path.hasPrefix(root + "/")
        }
    }

    private static func authorised(_ decoded: String) -> String {
        var path = decoded[...]
        if path.hasSuffix("/") { path = path.dropLast() }
        for suffix in [".json", ".xml"] where path.lowercased().hasSuffix(suffix) {
            path = path.dropLast(suffix.count)
            break
        }
        return String(path)
    }
}

// MARK: - Reading escapes

extension PathAdmission {
    /// `%252e%252e` is a dot segment to whoever decodes twice; more rounds than this nobody does.
    private static let escapeRoundsMax = 4

    private static let slash = UInt8(ascii: "/")
    private static let backslash = UInt8(ascii: "\\")
    private static let semicolon = UInt8(ascii: ";")
    private static let percent = UInt8(ascii: "%")
    private static let dot = UInt8(ascii: ".")
    private static let hash = UInt8(ascii: "#")
    private static let questionMark = UInt8(ascii: "?")

    /// The decoded path; refuses what some reader would split, shorten or cut elsewhere.
    private static func decodeStrict(_ path: Substring) throws(Refusal) -> String {
        var bytes = Array(path.utf8)
        // Servers of Java strip `;parameters` from each segment, after which the path is another.
        guard !bytes.contains(semicolon) else { throw .malformed("A semicolon in the path must be percent-encoded.") }
        guard !bytes.contains(backslash) else { throw .malformed("The path holds a backslash.") }
        guard zip(bytes, bytes.dropFirst()).allSatisfy({ $0 != slash || $1 != slash }) else {
            throw .malformed("The path holds an empty segment.")
        }
        guard !holdsDotSegment(bytes) else { throw .malformed("The path holds a dot segment.") }
        let slashes = bytes.count { $0 == slash }
        guard let once = decodeOnce(bytes) else { throw .malformed("The path holds a broken percent escape.") }
        for round in 0..<escapeRoundsMax {
            guard let decoded = round == 0 ? once : decodeOnce(bytes) else { break }
            guard decoded.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
                throw .malformed("The path holds an encoded control character.")
            }
            guard !decoded.contains(backslash), decoded.count(where: { $0 == slash }) == slashes else {
                throw .malformed("The path holds an encoded slash or backslash.")
            }
            guard !holdsDotSegment(decoded) else { throw .malformed("The path holds a dot segment.") }
            if decoded == bytes { break }
            bytes = decoded
        }
        // Overlong forms (`%c0%af`) are not UTF-8, and so refused here.
        guard let text = String(validating: once, as: UTF8.self) else {
            throw .malformed("The path's escapes are not UTF-8.")
        }
        return text
    }

    /// A segment of one or two dots, with or without parameters.
    private static func holdsDotSegment(_ bytes: [UInt8]) -> Bool {
        bytes.split(separator: slash).contains { segment in
            let name = segment.prefix { $0 != semicolon }
            return name.elementsEqual([dot]) || name.elementsEqual([dot, dot])
        }
    }

    /// One round of percent-decoding; `nil` where an escape is broken.
    private static func decodeOnce(_ bytes: [UInt8]) -> [UInt8]? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            guard bytes[index] == percent else {
                decoded.append(bytes[index])
                index += 1
                continue
            }
            guard index + 2 < bytes.count, let high = hexValue(bytes[index + 1]), let low = hexValue(bytes[index + 2])
            else { return nil }
            decoded.append(high << 4 | low)
            index += 3
        }
        return decoded
    }

    /// One round of percent-decoding, as readers do it that leave broken escapes alone.
    private static func decodeLax(_ bytes: [UInt8]) -> [UInt8] {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            if bytes[index] == percent, index + 2 < bytes.count, let high = hexValue(bytes[index + 1]),
                let low = hexValue(bytes[index + 2])
            {
                decoded.append(high << 4 | low)
                index += 3
            } else {
                decoded.append(bytes[index])
                index += 1
            }
        }
        return decoded
    }

    /// Whether the query has a parameter `_HttpMethod`, by which Salesforce lets a request be of another method: a GET
    /// that is judged as a read must not become something else.
    private static func overridesMethod(_ query: Substring) -> Bool {
        query.utf8.split(whereSeparator: { $0 == UInt8(ascii: "&") || $0 == semicolon }).contains { pair in
            decodeLax(Array(pair.prefix { $0 != UInt8(ascii: "=") })).map(lowercased)
                .elementsEqual("_httpmethod".utf8)
        }
    }

    private static func isOurs(_ segment: [UInt8]) -> Bool {
        segment.elementsEqual("services".utf8) || segment.elementsEqual("cometd".utf8)
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case _: nil
        }
    }
}
