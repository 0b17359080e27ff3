internal import Access
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore

/// The JSON API as an OpenAPI 3.1 document, made from the routes and their operations.
///
/// It holds nothing of a tenant, so it is made once and shown to everybody.
struct APIDocument: Sendable {
    /// Counts the API's incompatible versions: a client may rely on what it finds under one.
    static let version = "1.0.0"

    let value: JSONValue
    private let tag: EntityTag
    private let content: ByteBuffer

    /// - Parameter cookieName: the session cookie's.
    init(cookieName: String) {
        self.value = [
            "openapi": "3.1.1",
            "info": [
                "title": "FormationIQ", "version": .string(Self.version), "description": .string(APIText.overview),
            ],
            "servers": [["url": "/", "description": "The workspace's own host"]],
            "paths": .object(Dictionary(Route.documented.map { ($0.template, Self.item($0.route)) }) { $1 }),
            "components": [
                "schemas": .object(Dictionary(APISchema.allCases.map { ($0.rawValue, $0.schema) }) { $1 }),
                "headers": .object(Dictionary(APIHeader.allCases.map { ($0.rawValue, $0.definition) }) { $1 }),
                "securitySchemes": [
                    APIAccess.sessionScheme: [
                        "type": "apiKey", "in": "cookie", "name": .string(cookieName),
                        "description": .string(APIText.session),
                    ],
                    APIAccess.keyScheme: [
                        "type": "http", "scheme": "bearer", "description": .string(APIText.accessKey),
                    ],
                ],
            ],
        ]
        let encoded = value.encoded
        self.tag = EntityTag(of: encoded)
        self.content = ByteBuffer(bytes: encoded)
    }

    func response(headers: HTTPFields) -> Response {
        // Kept, but asked for again each time: that costs 304 and no more.
        let fields: HTTPFields = [
            .contentType: "application/json", .eTag: tag.text, .cacheControl: "public, no-cache",
        ]
        guard !tag.isKnown(headers) else { return Response(status: .notModified, headers: fields) }
        return Response(status: .ok, headers: fields, body: ResponseBody(byteBuffer: content))
    }
}

// MARK: - Operations

extension APIDocument {
    private static func item(_ route: Route) -> JSONValue {
        let group = APIGroup(route)
        let members = route.operations.map { ($0.method.rawValue.lowercased(), operation($0, in: group)) }
        return .object(Dictionary(members) { $1 })
    }

    private static func operation(_ operation: APIOperation, in group: APIGroup?) -> JSONValue {
        var members: [String: JSONValue] = [
            "operationId": .string(operation.id), "summary": .string(operation.summary),
            "description": .string(
                [operation.detail, "Who may: \(operation.access.text)."].compactMap(\.self).joined(separator: "\n\n")),
            "security": operation.access.security, "responses": responses(of: operation),
        ]
        if let group { members["tags"] = [.string(group.rawValue)] }
        if !operation.parameters.isEmpty { members["parameters"] = .array(operation.parameters.map(parameter)) }
        if let body = operation.body { members["requestBody"] = request(body) }
        return .object(members)
    }

    private static func parameter(_ parameter: APIParameter) -> JSONValue {
        [
            "name": .string(parameter.name), "in": .string(parameter.place.rawValue),
            "required": .bool(parameter.place == .path), "description": .string(parameter.detail),
            "schema": parameter.schema, "example": parameter.example,
        ]
    }

    private static func request(_ body: APIBody) -> JSONValue {
        let content: JSONValue = ["schema": body.schema.reference, "example": body.example]
        return [
            "required": true, "description": .string("At most \(body.bytesMax) bytes"),
            "content": .object(Dictionary(body.mediaTypes.map { ($0, content) }) { $1 }),
        ]
    }

    private static func responses(of operation: APIOperation) -> JSONValue {
        var responses: [String: JSONValue] = [:]
        for answer in operation.answers { responses["\(answer.status)"] = response(answer) }
        for (status, refusals) in operation.refusals {
            responses["\(status)"] = response(refusals, status: status, of: operation)
        }
        return .object(responses)
    }

    private static func response(_ answer: APIAnswer) -> JSONValue {
        let plain: JSONValue = [
            "description": .string(answer.detail), "headers": APIHeader.references(answer.headers + [.requestID]),
        ]
        guard let content = answer.content else { return plain }
        let body: JSONValue =
            switch content {
            case .json(let schema, let example): ["schema": schema.reference, "example": example]
            case .document: ["schema": ["type": "object"]]
            case .page: ["schema": ["type": "string"]]
            }
        return plain.merging(["content": .object([content.mediaType: body])])
    }

    private static func response(_ refusals: [APIRefusal], status: Int, of operation: APIOperation) -> JSONValue {
        let codes = Set(refusals.map(\.code)).sorted().map(JSONValue.string)
        var content: [String: JSONValue] = [
            "application/problem+json": [
                "schema": APISchema.problem.reference.merging([
                    "properties": ["code": ["enum": .array(codes)], "status": ["const": .number(Double(status))]]
                ])
            ]
        ]
        // A browser's form leads a person here.
        if operation.access == .leaving { content["text/html"] = ["schema": ["type": "string"]] }
        return [
            "description": .string(refusals.map { "`\($0.code)`: \($0.when)." }.joined(separator: "\n\n")),
            "headers": APIHeader.references(APIHeader.ofRefusal(status: status, body: operation.body)),
            "content": .object(content),
        ]
    }
}

// MARK: - Security

extension APIAccess {
    fileprivate static let sessionScheme = "session"
    fileprivate static let keyScheme = "accessKey"

    fileprivate var security: JSONValue {
        switch self {
        case .anybody: []
        case .signedIn, .admin: [[Self.sessionScheme: []], [Self.keyScheme: []]]
        case .session, .adminSession: [[Self.sessionScheme: []]]
        case .leaving: [[Self.sessionScheme: []], [:]]
        }
    }
}

// MARK: - Headers

extension APIHeader {
    fileprivate static func references(_ headers: [APIHeader]) -> JSONValue {
        .object(
            Dictionary(headers.map { ($0.rawValue, ["$ref": .string("#/components/headers/\($0.rawValue)")]) }) { $1 })
    }

    fileprivate static func ofRefusal(status: Int, body: APIBody?) -> [APIHeader] {
        switch status {
        case 401: [.requestID, .wwwAuthenticate]
        case 415 where body?.mediaTypes.contains(ConfigPatch.mediaType) == true: [.requestID, .acceptPatch]
        case 503: [.requestID, .retryAfter]
        case _: [.requestID]
        }
    }

    fileprivate var definition: JSONValue {
        let schema: JSONValue =
            switch self {
            case .retryAfter: ["type": "integer", "minimum": 0]
            case .eTag: ["type": "string", "pattern": #"^"[0-9a-f]{32}"$"#]
            case .acceptPatch, .link, .location, .requestID, .setCookie, .wwwAuthenticate: ["type": "string"]
            }
        return ["description": .string(detail), "schema": schema]
    }

    private var detail: String {
        switch self {
        case .acceptPatch: "The media types that a patch may have (RFC 5789)"
        case .eTag: "The version of what is answered (RFC 9110 §8.8.3)"
        case .link: "The next part of the list as `rel=\"next\"` (RFC 8288); missing at the end"
        case .location: "Where what was made, or the next page, is"
        case .requestID: "Names the request in the operator's log"
        case .retryAfter: "After how many seconds to try again"
        case .setCookie: "Takes the session's cookie back"
        case .wwwAuthenticate: "Asks for a credential (RFC 9110 §11.6.1)"
        }
    }
}
