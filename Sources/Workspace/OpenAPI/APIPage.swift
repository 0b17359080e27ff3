internal import Foundation
internal import HTTPTypes

/// The JSON API as a page: what the template shows.
struct APIPage: Sendable, Hashable {
    let frame: PageFrame
    let documentPath: String
    let paragraphs: [String]
    let aboutSession: String
    let aboutKey: String
    let groups: [Group]

    struct Group: Sendable, Hashable {
        let heading: String
        let anchor: String
        let operations: [Operation]
    }

    struct Operation: Sendable, Hashable {
        let anchor: String
        let method: String
        let path: String
        let summary: String
        let hasAbout: Bool
        let about: [Span]
        let who: String
        let hasParameters: Bool
        let parameters: [Member]
        let body: Body?
        let answers: [Answer]
        let refusals: [Refusal]
        let curl: String
    }

    /// A parameter, or a member of a body.
    struct Member: Sendable, Hashable {
        let name: String
        /// E.g. `integer, 1 to 200`.
        let kind: String
        let about: [Span]
    }

    struct Body: Sendable, Hashable {
        let mediaTypes: String
        let bytesMax: Int
        let members: [Member]
    }

    struct Answer: Sendable, Hashable {
        let status: Int
        let about: [Span]
        let example: String?
    }

    struct Refusal: Sendable, Hashable {
        let status: Int
        let errorCode: String
        let about: [Span]
    }

    /// A piece of a text: one of the two is there.
    struct Span: Sendable, Hashable {
        let plain: String
        /// What programs read.
        let literal: String?

        /// A text in which backticks stand around what programs read.
        static func all(_ text: String) -> [Span] {
            text.split(separator: "`", omittingEmptySubsequences: false).enumerated().map { index, piece in
                index.isMultiple(of: 2)
                    ? Span(plain: String(piece), literal: nil) : Span(plain: "", literal: String(piece))
            }
        }
    }
}

extension APIPage {
    /// - Parameters:
    ///   - origin: the workspace's own, for lines that can be copied.
    ///   - cookieName: the session cookie's.
    init(frame: PageFrame, origin: String, cookieName: String) {
        let caller = APICurl(origin: origin, cookieName: cookieName)
        self.frame = frame
        self.documentPath = "/api/openapi.json"
        self.paragraphs = APIText.paragraphs
        self.aboutSession = APIText.session
        self.aboutKey = APIText.accessKey
        self.groups = APIGroup.allCases.enumerated().map { index, group in
            Group(
                heading: group.rawValue, anchor: "group-\(index)",
                operations: Route.documented.filter { APIGroup($0.route) == group }.flatMap { template, route in
                    route.operations.map { Operation($0, path: template, curl: caller.line($0, path: template)) }
                })
        }
    }
}

extension APIPage.Operation {
    fileprivate init(_ operation: APIOperation, path: String, curl: String) {
        self.init(
            anchor: operation.id, method: operation.method.rawValue, path: path, summary: operation.summary,
            hasAbout: operation.detail != nil, about: operation.detail.map(APIPage.Span.all) ?? [],
            who: operation.access.text,
            hasParameters: !operation.parameters.isEmpty,
            parameters: operation.parameters.map {
                APIPage.Member(
                    name: $0.name, kind: "\($0.place.rawValue), \(APIKind.text(of: $0.schema))",
                    about: APIPage.Span.all($0.detail))
            },
            body: operation.body.map { body in
                APIPage.Body(
                    mediaTypes: body.mediaTypes.joined(separator: " or "), bytesMax: body.bytesMax,
                    members: APIKind.members(of: body.schema.schema))
            },
            answers: operation.answers.map { answer in
                APIPage.Answer(
                    status: answer.status, about: APIPage.Span.all(answer.detail),
                    example: answer.content.flatMap(\.example)?.indented)
            },
            refusals: operation.refusals.flatMap(\.refusals).map {
                APIPage.Refusal(status: $0.status, errorCode: $0.code, about: APIPage.Span.all($0.when))
            },
            curl: curl)
    }
}

extension APIContent {
    fileprivate var example: JSONValue? {
        switch self {
        case .json(_, let example): example
        case .document, .page: nil
        }
    }
}

/// A call as it is typed into a terminal.
private struct APICurl {
    let origin: String
    let cookieName: String

    func line(_ operation: APIOperation, path: String) -> String {
        let target = origin + path.replacing("{id}", with: APIExample.id)
        var parts = ["curl \(target)"]
        if operation.method != .get { parts[0] = "curl -X \(operation.method.rawValue) \(target)" }
        switch operation.access {
        case .anybody: break
        case .signedIn, .admin: parts.append(#"-H "Authorization: Bearer $KEY""#)
        case .session, .adminSession, .leaving:
            parts.append("-b \"\(cookieName)=$COOKIE\"")
            if operation.isChange { parts.append("-H \"Origin: \(origin)\"") }
        }
        if let body = operation.body {
            parts.append("-H \"Content-Type: \(body.mediaTypes.first ?? "")\"")
            parts.append("-d '\(String(decoding: body.example.encoded, as: UTF8.self))'")
        }
        return parts.joined(separator: " \\\n  ")
    }
}

/// Schemas in words.
enum APIKind {
    /// E.g. `integer or null, 1 to 36500`.
    static func text(of schema: JSONValue) -> String {
        var types: [String] = []
        switch schema["type"] {
        case .string(let type): types = [type]
        case .array(let names): types = names.compactMap(\.text)
        case _: break
        }
        var words = [types.joined(separator: " or ")]
        if case .array(let values)? = schema["enum"] { words = [values.compactMap(\.text).joined(separator: ", ")] }
        if let format = schema["format"]?.text { words.append(format) }
        if let range = range(of: schema, "minimum", "maximum") { words.append(range) }
        if let range = range(of: schema, "minLength", "maxLength") { words.append(range + " characters") }
        if let most = number(schema["maxItems"]) { words.append("at most \(most)") }
        if let most = number(schema["maxProperties"]) { words.append("at most \(most)") }
        return words.filter { !$0.isEmpty }.joined(separator: ", ")
    }

    /// What a body may have in it, each by its way there.
    static func members(of schema: JSONValue, under parent: String = "") -> [APIPage.Member] {
        guard case .object(let properties)? = schema["properties"] else { return [] }
        var required: Set<String> = []
        if case .array(let names)? = schema["required"] { required = Set(names.compactMap(\.text)) }
        return properties.sorted { $0.key < $1.key }.flatMap { name, schema in
            let kind = text(of: schema) + (required.contains(name) ? ", required" : "")
            let about = APIPage.Span.all(schema["description"]?.text ?? "")
            return [APIPage.Member(name: parent + name, kind: kind, about: about)]
                + members(of: schema, under: "\(parent)\(name).")
        }
    }

    private static func range(of schema: JSONValue, _ least: String, _ most: String) -> String? {
        guard let least = number(schema[least]), let most = number(schema[most]) else { return nil }
        return "\(least) to \(most)"
    }

    private static func number(_ value: JSONValue?) -> String? {
        guard case .number(let number)? = value else { return nil }
        return number.rounded() == number ? String(Int(number)) : String(number)
    }
}

extension JSONValue {
    /// As people read it.
    fileprivate var indented: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        return (try? encoder.encode(self)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
