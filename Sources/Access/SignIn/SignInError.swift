/// Why a sign-in failed, for a page that a person reads.
public struct SignInError: Error, Sendable {
    /// What went wrong.
    public enum Reason: Sendable, Hashable {
        /// No pending sign-in of this browser fits: too old, another browser's, opened twice, or forged.
        case noPendingSignIn
        /// The person said no at Salesforce.
        case denied
        /// Salesforce said no at authorize or at the token endpoint; what it means for the person.
        case refused(advice: String)
        /// Somebody of another Salesforce org.
        case wrongOrganization
        /// Nobody may sign in before the workspace's admin has.
        case organizationNotPinned
        case userDisabled
        case badSignature, foreignInstance
        case gateway(GatewayError)
    }

    /// What went wrong.
    public let reason: Reason
    /// `Set-Cookie` values that drop the pending sign-in.
    public let setCookies: [String]
    /// Where "try again" leads back to.
    public let returnTo: String
}

extension SignInError.Reason {
    /// A bounded name for metrics, logs and the audit trail.
    public var label: String {
        switch self {
        case .noPendingSignIn: "no_pending_sign_in"
        case .denied: "denied"
        case .refused: "refused"
        case .wrongOrganization: "wrong_organization"
        case .organizationNotPinned: "organization_not_pinned"
        case .userDisabled: "user_disabled"
        case .badSignature: "bad_signature"
        case .foreignInstance: "foreign_instance"
        case .gateway(let error): error.errorCode.lowercased()
        }
    }
}
