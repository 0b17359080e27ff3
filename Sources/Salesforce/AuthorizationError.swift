/// Why Salesforce sent a person back without a code: `error` and `error_description` of the callback.
///
/// The texts come through the person's browser, so neither is ever shown or logged: they choose one of our own.
public struct AuthorizationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What the error says.
    public enum Cause: String, Sendable, Hashable, CaseIterable {
        /// The person, or the org's settings, said no.
        case denied = "denied"
        /// The admin has not approved the app for this person.
        case notAdminApproved = "not_admin_approved"
        /// The admin has blocked the app.
        case appBlocked = "app_blocked"
        /// The app is not installed in the org.
        case appNotInstalled = "app_not_installed"
        /// Salesforce could not approve the app and did not say why.
        case approvalFailed = "approval_failed"
        /// A silent sign-in was asked for and is not possible.
        case interactionRequired = "interaction_required"
        /// The app's settings don't fit: scope, response type, callback, challenge.
        case misconfigured = "misconfigured"
        /// Salesforce is not able to, for now.
        case unavailable = "unavailable"
        /// Anything else.
        case unknown = "unknown"
    }

    /// What the error says.
    public let cause: Cause

    /// Reads the callback's parameters. Of each at most 256 characters count.
    public init(error: String, description: String?) {
        let error = Self.normalise(error)
        let description = Self.normalise(description ?? "")
        self.cause = Self.byDescription[description] ?? Self.byError[error] ?? .unknown
    }

    /// What happened and what to do, for a person to read.
    public var userMessage: String {
        switch self.cause {
        case .denied: "Access was not granted at Salesforce. Try again and choose “Allow”."
        case .notAdminApproved:
            "Your Salesforce admin has not approved this app for you. Ask for it to be added to your profile or to a"
                + " permission set of yours."
        case .appBlocked: "Your Salesforce admin has blocked this app. Ask for it to be unblocked."
        case .appNotInstalled:
            "This app is not installed in your Salesforce org. Ask your Salesforce admin to install it, or to give you"
                + " the permission “Approve Uninstalled Connected Apps”."
        case .approvalFailed:
            "Salesforce did not approve the app. Ask your Salesforce admin whether it is installed and allowed."
        case .interactionRequired: "Salesforce needs you to sign in. Try again."
        case .misconfigured:
            "The app's settings at Salesforce do not fit. Ask your Salesforce admin to check its callback URL and"
                + " scopes."
        case .unavailable: "Salesforce could not sign you in just now. Try again in a few minutes."
        case .unknown: "Salesforce did not sign you in. Try again; if it stays so, ask your Salesforce admin."
        }
    }

    /// A bounded name for metrics, logs and the audit trail.
    public var metricLabel: String { cause.rawValue }

    public var description: String { "Salesforce sign-in: \(cause.rawValue)" }

    private static let lengthMax = 256

    private static func normalise(_ text: String) -> String {
        // The documentation prints both access_denied and access-denied.
        text.prefix(lengthMax).lowercased().replacing("-", with: "_")
            .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    private static let byError: [String: Cause] = [
        "access_denied": .denied,
        "oauth_app_access_denied": .notAdminApproved,
        "invalid_app_access": .notAdminApproved,
        "oauth_app_blocked": .appBlocked,
        "oauth_approval_error_generic": .approvalFailed,
        "invalid_client": .misconfigured,
        "invalid_client_id": .misconfigured,
        "invalid_request": .misconfigured,
        "invalid_scope": .misconfigured,
        "redirect_uri_mismatch": .misconfigured,
        "redirect_uri_missing": .misconfigured,
        "unsupported_response_type": .misconfigured,
        "unauthorized_client": .misconfigured,
        "immediate_unsuccessful": .interactionRequired,
        "interaction_required": .interactionRequired,
        "login_required": .interactionRequired,
        "server_error": .unavailable,
        "temporarily_unavailable": .unavailable,
        "rate_limit_exceeded": .unavailable,
    ]

    private static let byDescription: [String: Cause] = [
        "user is not admin approved to access this app": .notAdminApproved,
        "app must be installed into org": .appNotInstalled,
        "external client app is not installed in this org": .appNotInstalled,
        "this app is blocked by admin": .appBlocked,
    ]
}
