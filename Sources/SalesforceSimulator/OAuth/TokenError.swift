/// The errors that Salesforce's token endpoint answers, each with the description that was seen.
public enum TokenError: String, Sendable, Hashable, CaseIterable, Error {
    case expiredToken
    case expiredCode
    case alreadyBeingProcessed
    case authenticationFailure
    case invalidPassword
    case notApproved
    case ipRestricted
    case audienceValidationFailed
    case noClientCredentialsUser
    case wrongVerifier
    case missingVerifier
    case unknownClient
    case wrongClientSecret
    case appNotInstalled
    case externalAppNotInstalled
    case notAdminApproved
    case redirectMismatch
    case redirectMissing
    case unsupportedResponseType
    case invalidScope
    case httpsRequired
    case postRequired
    case missingParameter
    case unsupportedGrantType
    case inactiveUser
    case inactiveOrg
    case rateLimited

    /// The `error` field.
    public var code: String {
        switch self {
        case .expiredToken, .expiredCode, .alreadyBeingProcessed, .authenticationFailure, .invalidPassword,
            .notApproved, .ipRestricted, .audienceValidationFailed, .noClientCredentialsUser, .missingVerifier:
            "invalid_grant"
        case .wrongVerifier, .httpsRequired, .postRequired, .missingParameter: "invalid_request"
        case .unknownClient: "invalid_client_id"
        case .wrongClientSecret, .appNotInstalled, .externalAppNotInstalled: "invalid_client"
        case .notAdminApproved: "invalid_app_access"
        case .redirectMismatch: "redirect_uri_mismatch"
        case .redirectMissing: "redirect_uri_missing"
        case .unsupportedResponseType: "unsupported_response_type"
        case .invalidScope: "invalid_scope"
        case .unsupportedGrantType: "unsupported_grant_type"
        case .inactiveUser: "inactive_user"
        case .inactiveOrg: "inactive_org"
        case .rateLimited: "rate_limit_exceeded"
        }
    }

    /// The `error_description` field.
    public var text: String {
        switch self {
        case .expiredToken: "expired access/refresh token"
        case .expiredCode: "expired authorization code"
        case .alreadyBeingProcessed: "token request is already being processed"
        case .authenticationFailure: "authentication failure"
        case .invalidPassword: "authentication failure - Invalid Password"
        case .notApproved: "user hasn't approved this consumer"
        case .ipRestricted: "ip restricted or invalid login hours"
        case .audienceValidationFailed: "Audience validation failed"
        case .noClientCredentialsUser: "no client credentials user enabled"
        case .wrongVerifier: "invalid code verifier"
        case .missingVerifier: "missing code verifier"
        case .unknownClient: "client identifier invalid"
        case .wrongClientSecret: "invalid client credentials"
        case .appNotInstalled: "app must be installed into org"
        case .externalAppNotInstalled: "External client app is not installed in this org"
        case .notAdminApproved: "user is not admin approved to access this app"
        case .redirectMismatch: "redirect_uri must match configuration"
        case .redirectMissing: "redirect_uri not provided"
        case .unsupportedResponseType: "response type is not supported"
        case .invalidScope: "the requested scope is not allowed"
        case .httpsRequired: "must use HTTPS"
        case .postRequired: "must use HTTP POST"
        case .missingParameter: "missing required parameter"
        case .unsupportedGrantType: "grant type not supported"
        case .inactiveUser: "user is inactive"
        case .inactiveOrg: "organization is locked, closed or suspended"
        case .rateLimited: "Number of logins exceeded"
        }
    }
}
