public import Foundation

/// Something that happened and may be asked about later.
public struct AuditEvent: Sendable, Hashable {
    public let id: AuditEventID
    /// `nil` for the platform's own.
    public let customerID: CustomerID?
    /// The user who did it; `nil` for operators, the command line and the gateway itself.
    public let userID: UserID?
    public let action: AuditAction
    /// Small facts by name; never a secret, token, cookie or code.
    public let detail: [String: String]
    /// The request during which it happened.
    public let requestID: String?
    public let at: Date

    /// An event with every field given.
    public init(
        id: AuditEventID, customerID: CustomerID?, userID: UserID?, action: AuditAction, detail: [String: String] = [:],
        requestID: String? = nil, at: Date
    ) {
        self.id = id
        self.customerID = customerID
        self.userID = userID
        self.action = action
        self.detail = detail
        self.requestID = requestID
        self.at = at
    }
}

/// What an audit event records.
public enum AuditAction: String, Sendable, Hashable, Codable, CaseIterable {
    case customerCreated = "customer.created"
    case customerDeleted = "customer.deleted"
    case customerSuspended = "customer.suspended"
    case customerResumed = "customer.resumed"
    case credentialsChanged = "customer.credentials_changed"
    case clientSecretStaged = "customer.secret_staged"
    case clientSecretPromoted = "customer.secret_promoted"
    case clientRejected = "customer.client_rejected"
    case organizationPinned = "customer.organization_pinned"
    case configChanged = "config.changed"
    case userCreated = "user.created"
    case userClaimed = "user.claimed"
    case userRoleChanged = "user.role_changed"
    case userDisabled = "user.disabled"
    case userEnabled = "user.enabled"
    case sessionEnded = "session.ended"
    case signInSucceeded = "sign_in.succeeded"
    case signInFailed = "sign_in.failed"
    case signedOut = "sign_out"
    case signedOutEverywhere = "sign_out.everywhere"
    case grantRevoked = "grant.revoked"
    case grantDied = "grant.died"
    case grantRefreshed = "grant.refreshed"
    case grantInDoubt = "grant.in_doubt"
    case keyCreated = "key.created"
    case keyEnded = "key.ended"
    case foreignCredential = "credential.foreign"
}
