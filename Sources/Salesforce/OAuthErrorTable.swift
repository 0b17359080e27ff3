internal import Foundation

/// The one place that reads Salesforce's `error` and `error_description`.
///
/// Salesforce Help: OAuth 2.0 Authorization Errors.
///
/// `error` is looked at first. Salesforce uses `invalid_grant` and `invalid_client` for unlike things, so there the
/// description decides; compared whole, or up to its first " - ", without case and outer spaces.
enum OAuthErrorTable {
    /// The code for an error answer of the token endpoint.
    static func code(error: String, description: String) -> SalesforceError.Code {
        let error = normalise(error)
        let description = normalise(description)
        // "authentication failure - Failed: API security token required": the login history's words come behind.
        let cause = description.components(separatedBy: " - ").first ?? ""
        let row =
            byDescription.first { $0.error == error && $0.descriptions.contains(description) }
            ?? byDescription.first { $0.error == error && $0.descriptions.contains(cause) }
        return row?.code ?? byError[error] ?? .unknownError
    }

    private struct Row {
        let error: String
        let descriptions: Set<String>
        let code: SalesforceError.Code
    }

    private static let byDescription: [Row] = [
        Row(
            error: "invalid_grant",
            descriptions: [
                "expired access/refresh token", "expired access token", "expired refresh token", "token expired",
            ],
            code: .expiredToken),
        Row(
            error: "invalid_grant", descriptions: ["expired authorization code", "invalid authorization code"],
            code: .expiredCode),
        Row(
            error: "invalid_grant", descriptions: ["token request is already being processed"],
            code: .alreadyBeingProcessed),
        Row(
            error: "invalid_grant",
            descriptions: ["authentication failure"],
            code: .authenticationFailure),
        Row(error: "invalid_grant", descriptions: ["inactive user", "user is inactive"], code: .inactiveUser),
        Row(
            error: "invalid_grant", descriptions: ["inactive organization", "inactive org", "organization is locked"],
            code: .inactiveOrg),
        Row(
            error: "invalid_grant", descriptions: ["login rate exceeded", "number of logins exceeded"],
            code: .rateLimited),
        Row(
            error: "invalid_grant",
            descriptions: ["user hasn't approved this consumer", "user hasn’t approved this consumer"],
            code: .notApprovedByUser),
        Row(
            error: "invalid_grant", descriptions: ["ip restricted or invalid login hours", "ip restricted"],
            code: .ipRestricted),
        Row(error: "invalid_grant", descriptions: ["audience validation failed"], code: .audienceValidation),
        Row(
            error: "invalid_grant", descriptions: ["no client credentials user enabled"],
            code: .noClientCredentialsUser),
        Row(
            error: "invalid_grant",
            descriptions: [
                "invalid code verifier", "missing verifier", "missing code verifier", "missing required code verifier",
            ],
            code: .invalidVerifier),
        Row(
            error: "invalid_request",
            descriptions: [
                "invalid code verifier", "missing verifier", "missing code verifier", "missing required code verifier",
            ],
            code: .invalidVerifier),
        Row(
            error: "invalid_client",
            descriptions: [
                "app must be installed into org", "external client app is not installed in this org",
            ],
            code: .appNotInstalled),
        Row(
            error: "invalid_grant",
            descriptions: [
                "app must be installed into org", "external client app is not installed in this org",
            ],
            code: .appNotInstalled),
        Row(
            error: "invalid_grant", descriptions: ["user is not admin approved to access this app"],
            code: .notAdminApproved),
    ]

    private static let byError: [String: SalesforceError.Code] = [
        "invalid_grant": .invalidGrant,
        "invalid_client_id": .invalidClientID,
        "invalid_client": .invalidClient,
        "invalid_client_credentials": .invalidClient,
        "invalid_app_access": .notAdminApproved,
        "redirect_uri_mismatch": .redirectURIMismatch,
        "redirect_uri_missing": .redirectURIMissing,
        "unsupported_response_type": .unsupportedResponseType,
        "invalid_scope": .invalidScope,
        "invalid_request": .invalidRequest,
        "unsupported_grant_type": .unsupportedGrantType,
        "inactive_user": .inactiveUser,
        "inactive_org": .inactiveOrg,
        "rate_limit_exceeded": .rateLimited,
        "login_rate_exceeded": .rateLimited,
    ]

    private static func normalise(_ text: String) -> String {
        text.lowercased().split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
