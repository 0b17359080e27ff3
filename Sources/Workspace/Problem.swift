internal import Access
internal import Domain
internal import HTTPTypes

/// What the JSON API refuses beyond ``GatewayError``: all about the form of a request.
enum RequestError: Error, Sendable, Hashable {
    case methodNotAllowed([HTTPRequest.Method])
    /// `If-Match` names another version than the current one.
    case preconditionFailed
    /// The content type is none of these.
    case unsupportedMediaType([String])
    case bodyTooLarge(bytesMax: Int)
    case bodyNotJSON
    /// A member of this name stands twice in one object of the body.
    case memberRepeated(String)
    /// Not what a form sends, or no form that is here.
    case bodyNotForm
    /// What is wrong with the query.
    case badQuery(String)
    /// Nobody would be left to manage the workspace.
    case lastAdmin
    /// Well-formed and wrong: what, and where.
    case invalid([Violation])
}

/// One thing that is wrong in a JSON body.
struct Violation: Sendable, Hashable {
    /// Where: a JSON pointer (RFC 6901).
    let pointer: String
    /// What, for a person.
    let detail: String
}

/// A failure as a caller is told of it: the one form from which problem details (RFC 9457) and error pages are
/// made.
struct Problem: Sendable {
    var status: HTTPResponse.Status
    /// A stable name, the same as `errorCode` of forwarded calls, e.g. `KEY_SCOPE`.
    var code: String
    /// A few words; a page's heading.
    var title: String
    /// What happened, and what to do.
    var detail: String
    var violations: [Violation] = []
    /// `Retry-After`, `Allow`, `Set-Cookie` …
    var headers = HTTPFields()
    /// Where "Try again" leads; `nil` where trying again is no use.
    var tryAgainPath: String?
}

extension Problem {
    /// The problem that an error of ours is. Anything else is ``GatewayError/internalError``: nothing of it is shown.
    init(_ error: any Error) {
        switch error {
        case let error as GatewayError: self.init(error)
        case let error as RequestError: self.init(error)
        case let error as SignInError: self.init(error)
        case _: self.init(GatewayError.internalError)
        }
    }

    init(_ error: GatewayError) {
        self.init(
            status: HTTPResponse.Status(code: error.status), code: error.errorCode, title: Self.title(of: error),
            detail: error.message)
        if let seconds = error.retryAfterSeconds { headers[.retryAfter] = String(seconds) }
        // RFC 9110 §15.5.2 asks for a challenge with each 401. Bearer makes no browser ask for a password.
        if status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
    }

    /// So much of a caller's own names is repeated to them: 100 characters.
    private static let nameCharactersMax = 100

    private init(_ error: RequestError) {
        switch error {
        case .methodNotAllowed(let methods):
            self.init(
                status: .methodNotAllowed, code: "METHOD_NOT_ALLOWED", title: "Method not allowed",
                detail: "This address takes \(methods.allowValue).")
            headers[.allow] = methods.allowValue
        case .preconditionFailed:
            self.init(
                status: .preconditionFailed, code: "PRECONDITION_FAILED", title: "Changed in the meantime",
                detail: "Somebody else changed this since you read it. Read it again, then repeat your change.")
        case .unsupportedMediaType(let types):
            self.init(
                status: .unsupportedMediaType, code: "UNSUPPORTED_MEDIA_TYPE", title: "Unsupported media type",
                detail: "Send the body as \(types.joined(separator: " or ")).")
            // RFC 5789 §2.2.
            if types.contains(ConfigPatch.mediaType) { headers[.acceptPatch] = types.joined(separator: ", ") }
        case .bodyTooLarge(let bytesMax):
            self.init(
                status: .contentTooLarge, code: "BODY_TOO_LARGE", title: "Body too large",
                detail: "The body may have at most \(bytesMax) bytes.")
        case .bodyNotJSON:
            self.init(
                status: .badRequest, code: "BAD_REQUEST", title: "Bad request",
                detail: "The body is not JSON, or nested too deeply.")
        case .memberRepeated(let name):
            self.init(
                status: .badRequest, code: "BAD_REQUEST", title: "Bad request",
                detail: "The body has the member \"\(name.prefix(Self.nameCharactersMax))\" twice in one object."
                    + " Which one counts, nobody could tell.")
        case .bodyNotForm:
            self.init(
                status: .badRequest, code: "BAD_REQUEST", title: "Bad request",
                detail: "What was sent is not a form of this page. Nothing was changed. Open the page again.")
        case .badQuery(let what):
            self.init(status: .badRequest, code: "BAD_REQUEST", title: "Bad request", detail: what)
        case .lastAdmin:
            self.init(
                status: .conflict, code: "LAST_ADMIN", title: "The last administrator",
                detail: "A workspace needs an administrator who may sign in. Make somebody else one first.")
        case .invalid(let violations):
            self.init(
                status: .unprocessableContent, code: "INVALID_VALUE", title: "Invalid values",
                detail: "Nothing was changed. The errors say what is wrong, and where.", violations: violations)
        }
    }

    private static func title(of error: GatewayError) -> String {
        switch error {
        case .badRequest: "Bad request"
        case .requestTimeout: "Request timeout"
        case .notFound, .notForwarded: "Not found"
        case .notSignedIn: "Not signed in"
        case .grantDead: "Sign in again"
        case .crossOrigin: "Request from another site"
        case .httpsRequired: "https only"
        case .keyScope: "Not allowed for access keys"
        case .tooManyKeys: "Too many access keys"
        case .userDisabled: "Account disabled"
        case .adminOnly: "Admins only"
        case .barredByOrg: "Salesforce does not allow this"
        case .suspended: "Workspace suspended"
        case .subscriptionInactive(let access): title(of: access)
        case .notConnected: "Not connected to Salesforce"
        case .clientRejected: "Salesforce refuses this workspace"
        case .rateLimited: "Too many requests"
        case .upstreamUnreachable: "Salesforce can't be reached"
        case .upstreamTimeout: "Salesforce is too slow"
        case .unavailable: "Not available just now"
        case .internalError: "Something went wrong"
        }
    }

    private static func title(of access: SubscriptionAccess) -> String {
        switch access {
        case .allowed: "Subscription active"
        case .trialExpired: "Trial over"
        case .pastDueTooLong: "Payment overdue"
        case .cancelled: "Subscription cancelled"
        }
    }
}
