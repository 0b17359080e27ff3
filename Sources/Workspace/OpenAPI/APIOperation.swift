internal import Access
internal import Domain
internal import HTTPTypes

/// One thing that the JSON API does, described once: the document that programs read (`/api/openapi.json`) and the page
/// that people read (`/api/docs`) are both made from this.
///
/// It has no path: the route whose ``Route/operations`` it is among has.
struct APIOperation: Sendable {
    let method: HTTPRequest.Method
    /// Names it in generated clients.
    let id: String
    /// A few words.
    let summary: String
    /// What else there is to know; whole sentences.
    var detail: String?
    let access: APIAccess
    var parameters: [APIParameter] = []
    var body: APIBody?
    /// What it answers when all is well.
    let answers: [APIAnswer]
    /// What it refuses beyond what its access and its body imply.
    var ownRefusals: [APIRefusal] = []
}

/// Who may.
enum APIAccess: Sendable, Hashable, CaseIterable {
    case anybody
    /// Signed in, or with an access key.
    case signedIn
    /// Signed in; keys never manage keys, roles, people or billing.
    case session
    /// An admin, also by an access key of full scope.
    case admin
    /// An admin who is signed in.
    case adminSession
    /// Everybody may ask; who is signed in is affected.
    case leaving
}

/// A parameter, by where it stands.
struct APIParameter: Sendable {
    enum Place: String, Sendable {
        case path, query, header
    }

    let place: Place
    let name: String
    let detail: String
    let schema: JSONValue
    /// For a person to see what it looks like.
    let example: JSONValue
}

/// A JSON body.
struct APIBody: Sendable {
    let mediaTypes: [String]
    let schema: APISchema
    let bytesMax: Int
    let example: JSONValue
}

/// An answer when all is well.
struct APIAnswer: Sendable {
    let status: Int
    let detail: String
    var content: APIContent?
    var headers: [APIHeader] = []
}

/// What an answer's body is.
enum APIContent: Sendable {
    case json(APISchema, example: JSONValue)
    /// JSON that another document describes.
    case document(mediaType: String)
    case page

    var mediaType: String {
        switch self {
        case .json: "application/json"
        case .document(let mediaType): mediaType
        case .page: "text/html"
        }
    }
}

/// A header that answers carry.
enum APIHeader: String, Sendable, CaseIterable {
    case acceptPatch = "Accept-Patch"
    case eTag = "ETag"
    case link = "Link"
    case location = "Location"
    case requestID = "X-Request-Id"
    case retryAfter = "Retry-After"
    case setCookie = "Set-Cookie"
    case wwwAuthenticate = "WWW-Authenticate"
}

/// A failure that callers are told of. Status and code are those of the error itself.
struct APIRefusal: Sendable, Hashable {
    let status: Int
    let code: String
    /// When it happens.
    let when: String

    init(_ error: any Error, _ when: String) {
        let problem = Problem(error)
        self.status = problem.status.code
        self.code = problem.code
        self.when = when
    }
}

extension APIOperation {
    /// Whether a cookie alone does not do, by the cross-origin rule.
    var isChange: Bool { method != .get }

    /// Everything that it refuses, by status.
    var refusals: [(status: Int, refusals: [APIRefusal])] {
        let all = APIRefusal.of(access, isChange: isChange) + (body.map(APIRefusal.of) ?? []) + ownRefusals
        return Dictionary(grouping: all, by: \.status).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}

extension APIRefusal {
    /// What follows from who may.
    static func of(_ access: APIAccess, isChange: Bool) -> [APIRefusal] {
        guard access != .anybody else { return [] }
        var all = [
            broken,
            APIRefusal(
                GatewayError.badRequest(""), "Several credentials that differ, or one in the query (`oauth_token`)"),
            APIRefusal(GatewayError.userDisabled, "The caller's account is disabled"),
            APIRefusal(
                GatewayError.unavailable(.databaseAway, retryAfterSeconds: 1),
                "The database is away, or the gateway is overloaded; `Retry-After` says when to try again"),
        ]
        if access != .leaving {
            all.append(
                APIRefusal(
                    GatewayError.notSignedIn, "No session or access key, or one that is unknown, over or another's"))
        }
        if isChange {
            all.append(
                APIRefusal(
                    GatewayError.crossOrigin,
                    "A cookie says who calls, and nothing says that the request is from the workspace's own pages"))
        }
        return all + limits(of: access)
    }

    private static func limits(of access: APIAccess) -> [APIRefusal] {
        let noKey = APIRefusal(GatewayError.keyScope, "An access key: this takes somebody who is signed in")
        let noReadKey = APIRefusal(GatewayError.keyScope, "An access key whose scope is `read`")
        let noAdmin = APIRefusal(GatewayError.adminOnly, "The caller is no admin")
        return switch access {
        case .anybody, .signedIn: []
        case .session, .leaving: [noKey]
        case .admin: [noReadKey, noAdmin]
        case .adminSession: [noKey, noAdmin]
        }
    }

    /// What follows from having a body.
    static func of(_ body: APIBody) -> [APIRefusal] {
        [
            APIRefusal(
                RequestError.bodyNotJSON,
                "The body is no JSON, is nested deeper than \(JSONValue.depthMax), or has a member twice in an object"),
            APIRefusal(
                RequestError.bodyTooLarge(bytesMax: body.bytesMax), "The body has more than \(body.bytesMax) bytes"),
            APIRefusal(
                RequestError.unsupportedMediaType(body.mediaTypes),
                "`Content-Type` is not \(body.mediaTypes.joined(separator: " or "))"),
            APIRefusal(
                RequestError.invalid([]), "The body has wrong values; `errors` lists them all, and nothing is changed"),
        ]
    }

    /// A workspace that may not be used just now.
    static let workspace = [
        APIRefusal(GatewayError.subscriptionInactive(.cancelled), "The workspace's subscription does not allow use"),
        suspended,
        APIRefusal(GatewayError.notConnected, "The workspace is not connected to Salesforce yet"),
    ]
    static let suspended = APIRefusal(GatewayError.suspended, "The operator suspended the workspace")
    static let missing = APIRefusal(GatewayError.notFound, "There is none with this id that the caller may see")
    static let badQuery = APIRefusal(
        RequestError.badQuery(""), "A parameter has a wrong value or is not known; the `detail` says which")
    private static let broken = APIRefusal(
        GatewayError.internalError, "Something unforeseen, logged under the answer's `requestId`")
}
