/// Why a call of the OAuth or identity endpoints failed.
///
/// It carries no token, code, secret, URL or text of the answer, but for a host's name: what else it can say is in its
/// ``code``.
public struct SalesforceError: Error, Sendable, Hashable {
    /// What went wrong.
    public let code: Code
    /// The HTTP status of the answer; `nil` where there was none.
    public let status: Int?
    /// Whether a token or code in the request may have been spent. `false` only where provably no byte of it was sent:
    /// no name, no connection, no TLS.
    public let requestMayHaveBeenSent: Bool

    /// The host that a token answer named as the instance and that may not be called, for an operator who may have
    /// forgotten it.
    public let foreignHost: String?

    /// An error as a caller or a double makes it.
    public init(
        _ code: Code, status: Int? = nil, requestMayHaveBeenSent: Bool = true, foreignHost: String? = nil
    ) {
        self.code = code
        self.foreignHost = foreignHost
        self.status = status
        self.requestMayHaveBeenSent = requestMayHaveBeenSent
    }

    /// What follows from a failure: each class has one treatment.
    public enum FailureClass: String, Sendable, Hashable, CaseIterable {
        /// It passes: try again later, with patience. The grant is as good as it was.
        case passing
        /// The grant or code is worth nothing any more: the person signs in again.
        case deadGrant
        /// Salesforce does not take the app's settings (client id, secret, callback, login host): somebody mends those.
        case wrongClient
        /// The org bars the app, the person or the network: its admin can say otherwise (``adminAdvice``).
        case barredByOrg
        /// We asked wrongly.
        case bug
    }

    /// What went wrong. Compare with the constants; more may be added.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        let kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        // What Salesforce says (Salesforce Help: OAuth 2.0 Authorization Errors).

        /// The access or refresh token expired or was revoked.
        public static let expiredToken = Code(.expiredToken)
        /// The authorization code expired or was used.
        public static let expiredCode = Code(.expiredCode)
        /// Another refresh with this token is under way.
        public static let alreadyBeingProcessed = Code(.alreadyBeingProcessed)
        /// Password changed, person deactivated, or API access taken away.
        public static let authenticationFailure = Code(.authenticationFailure)
        /// The person took the approval back.
        public static let notApprovedByUser = Code(.notApprovedByUser)
        /// The network or the hour is not one that the org allows.
        public static let ipRestricted = Code(.ipRestricted)
        /// The login host is not the audience that the org expects.
        public static let audienceValidation = Code(.audienceValidation)
        /// The app has no user to run as.
        public static let noClientCredentialsUser = Code(.noClientCredentialsUser)
        /// The PKCE verifier does not belong to the code.
        public static let invalidVerifier = Code(.invalidVerifier)
        /// An `invalid_grant` whose description we don't know.
        public static let invalidGrant = Code(.invalidGrant)
        /// No app has this client id.
        public static let invalidClientID = Code(.invalidClientID)
        /// The client secret is wrong.
        public static let invalidClient = Code(.invalidClient)
        /// The app is not installed in the org.
        public static let appNotInstalled = Code(.appNotInstalled)
        /// The admin has not approved the app for this person.
        public static let notAdminApproved = Code(.notAdminApproved)
        /// The callback URL is not one that the app has registered.
        public static let redirectURIMismatch = Code(.redirectURIMismatch)
        /// No callback URL was sent.
        public static let redirectURIMissing = Code(.redirectURIMissing)
        /// The response type is not one that Salesforce has.
        public static let unsupportedResponseType = Code(.unsupportedResponseType)
        /// The app does not have a scope that we ask for.
        public static let invalidScope = Code(.invalidScope)
        /// The request is malformed.
        public static let invalidRequest = Code(.invalidRequest)
        /// The grant type is not one that Salesforce has.
        public static let unsupportedGrantType = Code(.unsupportedGrantType)
        /// The person is deactivated.
        public static let inactiveUser = Code(.inactiveUser)
        /// The org is locked, closed or suspended.
        public static let inactiveOrg = Code(.inactiveOrg)
        /// Too many logins, or too many API calls.
        public static let rateLimited = Code(.rateLimited)
        /// An OAuth error that we don't know.
        public static let unknownError = Code(.unknownError)

        // What an API call with an access token meets.

        /// The access token is dead (401 `INVALID_SESSION_ID`, 403 `Bad_OAuth_Token`).
        public static let deadSession = Code(.deadSession)
        /// The org or profile does not let this app or person use the API.
        public static let apiAccessDenied = Code(.apiAccessDenied)

        // What happens on the way.

        /// No connection: name, route, refused, TLS.
        public static let unreachable = Code(.unreachable)
        /// The time allowed is over.
        public static let timeout = Code(.timeout)
        /// The connection ended before the answer did.
        public static let brokenOff = Code(.brokenOff)
        /// The caller was cancelled.
        public static let cancelled = Code(.cancelled)
        /// The answer is larger than allowed.
        public static let tooLarge = Code(.tooLarge)
        /// The answer is not what the protocol says.
        public static let malformedAnswer = Code(.malformedAnswer)
        /// The answer's signature is missing or wrong.
        public static let signatureMismatch = Code(.signatureMismatch)
        /// The answer's `instance_url` is not an allowed host.
        public static let foreignInstance = Code(.foreignInstance)
        /// The answer is a redirect, which is never followed.
        public static let redirected = Code(.redirected)
        /// A status that says nothing else: 5xx, 429, an HTML page.
        public static let badStatus = Code(.badStatus)

        /// All codes, for tables and tests.
        public static let all: [Code] = Kind.allCases.map(Code.init)

        /// The bounded name, for logs and metrics.
        public var description: String { kind.rawValue }
    }

    /// Which treatment the failure asks for.
    public var failureClass: FailureClass { code.kind.failureClass }

    /// A bounded name for metrics and logs.
    public var metricLabel: String { code.kind.rawValue }

    /// Whether Salesforce read the request and refused it in the protocol's own words, so that nothing was issued.
    public var isDefiniteRefusal: Bool { code.kind.isDefiniteRefusal }

    /// What an admin must do, in words; `nil` where it is not for an admin to mend.
    public var adminAdvice: String? { code.kind.adminAdvice }
}

extension SalesforceError: CustomStringConvertible {
    public var description: String {
        let answer = status.map { "HTTP \($0)" } ?? (requestMayHaveBeenSent ? "no answer" : "nothing sent")
        return "Salesforce: \(code) (\(answer))"
    }
}

extension SalesforceError.Code {
    enum Kind: String, CaseIterable {
        case expiredToken = "expired_token"
        case expiredCode = "expired_code"
        case alreadyBeingProcessed = "already_being_processed"
        case authenticationFailure = "authentication_failure"
        case notApprovedByUser = "not_approved_by_user"
        case ipRestricted = "ip_restricted"
        case audienceValidation = "audience_validation"
        case noClientCredentialsUser = "no_client_credentials_user"
        case invalidVerifier = "invalid_verifier"
        case invalidGrant = "invalid_grant"
        case invalidClientID = "invalid_client_id"
        case invalidClient = "invalid_client"
        case appNotInstalled = "app_not_installed"
        case notAdminApproved = "not_admin_approved"
        case redirectURIMismatch = "redirect_uri_mismatch"
        case redirectURIMissing = "redirect_uri_missing"
        case unsupportedResponseType = "unsupported_response_type"
        case invalidScope = "invalid_scope"
        case invalidRequest = "invalid_request"
        case unsupportedGrantType = "unsupported_grant_type"
        case inactiveUser = "inactive_user"
        case inactiveOrg = "inactive_org"
        case rateLimited = "rate_limited"
        case unknownError = "unknown_error"
        case deadSession = "dead_session"
        case apiAccessDenied = "api_access_denied"
        case unreachable
        case timeout
        case brokenOff = "broken_off"
        case cancelled
        case tooLarge = "too_large"
        case malformedAnswer = "malformed_answer"
        case signatureMismatch = "signature_mismatch"
        case foreignInstance = "foreign_instance"
        case redirected
        case badStatus = "bad_status"
    }
}

extension SalesforceError.Code.Kind {
    fileprivate var failureClass: SalesforceError.FailureClass {
        switch self {
        case .alreadyBeingProcessed, .rateLimited, .unknownError, .unreachable, .timeout, .brokenOff, .cancelled,
            .tooLarge, .malformedAnswer, .badStatus:
            .passing
        case .expiredToken, .expiredCode, .authenticationFailure, .notApprovedByUser, .invalidVerifier, .invalidGrant,
            .inactiveUser, .deadSession:
            .deadGrant
        // A login host that redirects was renamed or closed: a setting, as a callback that is not registered is one.
        // A signature that does not match was made with another secret than the stored one.
        case .audienceValidation, .invalidClientID, .invalidClient, .redirectURIMismatch, .invalidScope, .redirected,
            .signatureMismatch:
            .wrongClient
        case .ipRestricted, .noClientCredentialsUser, .appNotInstalled, .notAdminApproved, .inactiveOrg,
            .apiAccessDenied:
            .barredByOrg
        case .redirectURIMissing, .unsupportedResponseType, .invalidRequest, .unsupportedGrantType, .foreignInstance:
            .bug
        }
    }

    fileprivate var isDefiniteRefusal: Bool {
        switch self {
        case .expiredToken, .expiredCode, .alreadyBeingProcessed, .authenticationFailure, .notApprovedByUser,
            .ipRestricted, .audienceValidation, .noClientCredentialsUser, .invalidVerifier, .invalidGrant,
            .invalidClientID, .invalidClient, .appNotInstalled, .notAdminApproved, .redirectURIMismatch,
            .redirectURIMissing, .unsupportedResponseType, .invalidScope, .invalidRequest, .unsupportedGrantType,
            .inactiveUser, .inactiveOrg, .rateLimited, .unknownError, .deadSession, .apiAccessDenied:
            true
        case .unreachable, .timeout, .brokenOff, .cancelled, .tooLarge, .malformedAnswer, .signatureMismatch,
            .foreignInstance, .redirected, .badStatus:
            false
        }
    }

    fileprivate var adminAdvice: String? {
        switch self {
        case .ipRestricted:
            "Salesforce refuses the network or the hour. A Salesforce admin must relax the app's IP restrictions, or"
                + " allow this service's addresses and these hours in the profile's login settings."
        case .noClientCredentialsUser:
            "The app has no user to run as. A Salesforce admin must choose one in the app's policies."
        case .appNotInstalled:
            "The app is not installed in this org. A Salesforce admin must install it under Setup, Connected Apps OAuth"
                + " Usage, or give people the permission “Approve Uninstalled Connected Apps”."
        case .notAdminApproved:
            "This person is not approved for the app. A Salesforce admin must add the person's profile or a permission"
                + " set to the app, or let all users authorize themselves in the app's policies."
        case .inactiveOrg:
            "The Salesforce org is locked, closed or suspended. A Salesforce admin must have Salesforce open it again."
        case .apiAccessDenied:
            "The org does not let this app or person use the API. A Salesforce admin must give the permission “API"
                + " Enabled”, allow the app in API Access Control, and give the app the scope “api”."
        case .audienceValidation:
            "The login address is not the one that the org expects. Check the address of the org's My Domain."
        case .invalidClientID:
            "Salesforce knows no app with this client id. Check the consumer key; a new app takes some minutes to work."
        case .invalidClient:
            "Salesforce refuses the client secret. Enter the app's current consumer secret."
        case .signatureMismatch:
            "Salesforce signed its answer with another secret. Enter the app's current consumer secret."
        case .redirectURIMismatch:
            "The callback URL is not registered. Add this workspace's /auth/callback address to the app."
        case .invalidScope:
            "The app lacks a scope. Give it the scopes “api”, “refresh_token” and “openid”."
        case .redirected:
            "The login address leads elsewhere: the org's My Domain was renamed. Enter its present address."
        case .expiredToken, .expiredCode, .alreadyBeingProcessed, .authenticationFailure, .notApprovedByUser,
            .invalidVerifier, .invalidGrant, .redirectURIMissing, .unsupportedResponseType, .invalidRequest,
            .unsupportedGrantType, .inactiveUser, .rateLimited, .unknownError, .deadSession, .unreachable, .timeout,
            .brokenOff, .cancelled, .tooLarge, .malformedAnswer, .foreignInstance, .badStatus:
            nil
        }
    }
}
