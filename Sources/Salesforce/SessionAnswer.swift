internal import Foundation

/// Tells the answers to a dead session from all others. Pure: it looks at an answer that somebody else has kept.
///
/// A dead session is answered by 401 with `INVALID_SESSION_ID` in JSON or XML, by Bulk v1 with 400 `InvalidSessionId`,
/// and by the identity endpoints with 403 `Bad_OAuth_Token`.
public enum SessionAnswer {
    /// 64 KiB, of the answer as it came and of its inflated copy. Real ones have a few hundred bytes.
    public static let byteCountMax = 64 * 1024

    /// What an answer says of the session.
    public enum Verdict: Sendable, Hashable {
        /// The session is dead, and a refresh may cure it.
        case dead
        /// The answer is about something else, or no refresh cures it.
        case alive
        /// It could be either: too large, an unknown encoding, damaged, or (to HEAD) without a body.
        case unreadable
    }

    /// Whether an answer must be kept for ``verdict(status:contentType:contentEncoding:body:)`` at all; known from
    /// its status and the path that was asked.
    public static func isCandidate(status: Int, path: some StringProtocol) -> Bool {
        switch status {
        case 401, 403: true
        case 400: path.hasPrefix("/services/async/")
        case _: false
        }
    }

    /// Reads an answer.
    ///
    /// - Parameters:
    ///   - contentType: of the answer; empty where it has none. The body's first character decides between JSON and
    ///     XML, since Salesforce sends some of these with no type or the wrong one.
    ///   - contentEncoding: `gzip` and `deflate` are inflated, within ``byteCountMax``.
    ///   - body: the whole body. One that is longer than ``byteCountMax`` is unreadable, so a caller may stop there and
    ///     pass one byte more.
    public static func verdict(
        status: Int, contentType: String, contentEncoding: String, body: [UInt8]
    ) -> Verdict {
        guard status == 400 || status == 401 || status == 403 else { return .alive }
        guard let text = readable(body, encoding: contentEncoding) else { return .unreadable }
        let bytes = text.drop { $0 <= 0x20 || $0 == 0xEF || $0 == 0xBB || $0 == 0xBF }
        switch bytes.first {
        case nil: return status == 401 ? .unreadable : .alive
        case UInt8(ascii: "<"): return verdict(status, errors: XMLErrors.read(bytes))
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            guard let errors = APIErrors.read(Array(bytes)) else { return status == 401 ? .unreadable : .alive }
            return verdict(status, errors: errors)
        case _:
            let word = String(decoding: bytes.prefix(256), as: UTF8.self).trimmingCharacters(
                in: .whitespacesAndNewlines)
            return status != 400 && word == "Bad_OAuth_Token" ? .dead : .alive
        }
    }

    /// 401s with the code of a dead session that a fresh token would meet again.
    private static let incurable = [
        "this session is not valid for use with the rest api", "connected app is not attached to agent",
        "blacktab users cannot perform api operations",
    ]

    private static func verdict(_ status: Int, errors: [APIErrors.Entry]) -> Verdict {
        let isDead = errors.contains { entry in
            switch entry.code {
            case "INVALID_SESSION_ID":
                let message = entry.message.lowercased()
                return status == 401 && !incurable.contains(where: message.contains)
            case "InvalidSessionId": return status == 400 || status == 401
            case "Bad_OAuth_Token": return status == 401 || status == 403
            case _: return false
            }
        }
        return isDead ? .dead : .alive
    }

    /// The body in plain, or `nil`.
    private static func readable(_ body: [UInt8], encoding: String) -> [UInt8]? {
        guard body.count <= byteCountMax else { return nil }
        switch encoding.lowercased().trimmingCharacters(in: .whitespaces) {
        case "", "identity": return body
        case "gzip", "x-gzip", "deflate":
            return body.isEmpty ? body : Inflate.whole(body, byteCountMax: byteCountMax)
        case _: return body.isEmpty ? body : nil
        }
    }
}

/// Salesforce's error arrays: `[{"message":…,"errorCode":…}]`, and Bulk's single `{"exceptionCode":…}`.
enum APIErrors {
    struct Entry: Decodable, Sendable, Hashable {
        let code: String
        let message: String

        private enum CodingKeys: String, CodingKey {
            case errorCode, exceptionCode, message, exceptionMessage
        }

        init(code: String, message: String) {
            self.code = code
            self.message = message
        }

        init(from decoder: any Decoder) throws {
            let fields = try decoder.container(keyedBy: CodingKeys.self)
            self.code =
                try fields.decodeIfPresent(String.self, forKey: .errorCode)
                ?? fields.decodeIfPresent(String.self, forKey: .exceptionCode) ?? ""
            self.message =
                try fields.decodeIfPresent(String.self, forKey: .message)
                ?? fields.decodeIfPresent(String.self, forKey: .exceptionMessage) ?? ""
        }
    }

    /// `nil` where the bytes are no such JSON.
    static func read(_ body: [UInt8]) -> [Entry]? {
        let data = Data(body)
        if let list = try? JSONDecoder().decode([Entry].self, from: data) { return list }
        return (try? JSONDecoder().decode(Entry.self, from: data)).map { [$0] }
    }

    static func codes(_ body: [UInt8]) -> Set<String> {
        Set((read(body) ?? []).map(\.code))
    }
}

/// The same in XML: `<Errors><Error><errorCode>…</errorCode><message>…`, and Bulk v1's `<error><exceptionCode>…`.
///
/// A search for these elements, not a parser: an XML parser's entities and depth are more than two words are worth.
enum XMLErrors {
    static func read(_ body: ArraySlice<UInt8>) -> [APIErrors.Entry] {
        let text = String(decoding: body, as: UTF8.self)
        guard let code = element("errorCode", in: text) ?? element("exceptionCode", in: text) else { return [] }
        let message = element("message", in: text) ?? element("exceptionMessage", in: text) ?? ""
        return [APIErrors.Entry(code: code, message: message)]
    }

    private static func element(_ name: String, in text: String) -> String? {
        guard let start = text.range(of: "<\(name)>"),
            let end = text.range(of: "</\(name)>", range: start.upperBound..<text.endIndex)
        else { return nil }
        return text[start.upperBound..<end.lowerBound].trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
