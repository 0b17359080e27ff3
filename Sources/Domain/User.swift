public import Foundation

/// What a user is to the frontend; `admin` also manages the workspace.
public enum UserRole: String, Sendable, Hashable, Codable, CaseIterable {
    /// Account executive, account manager, customer success manager, administrator.
    case ae, am, csm, admin
}

/// A person within a customer organisation.
public struct User: Sendable, Hashable {
    public let id: UserID
    public let customerID: CustomerID
    /// Unique within the customer, compared case-insensitively.
    public var email: String
    /// The Salesforce user that claimed this row at sign-in; `nil` for one provisioned and not yet claimed.
    public var salesforceUserID: SalesforceID?
    public var firstName: String
    public var lastName: String
    public var role: UserRole
    /// The name of the Salesforce profile, e.g. `System Administrator`.
    public var salesforceProfile: String?
    public var lastLoginAt: Date?
    /// Since when the user may not sign in; `nil` where they may.
    public var disabledAt: Date?
    public var createdAt: Date
    public var updatedAt: Date

    /// A user with every field given.
    public init(
        id: UserID, customerID: CustomerID, email: String, salesforceUserID: SalesforceID? = nil,
        firstName: String = "", lastName: String = "", role: UserRole = .ae, salesforceProfile: String? = nil,
        lastLoginAt: Date? = nil, disabledAt: Date? = nil, createdAt: Date, updatedAt: Date
    ) {
        self.id = id
        self.customerID = customerID
        self.email = email
        self.salesforceUserID = salesforceUserID
        self.firstName = firstName
        self.lastName = lastName
        self.role = role
        self.salesforceProfile = salesforceProfile
        self.lastLoginAt = lastLoginAt
        self.disabledAt = disabledAt
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    /// First and last name; the email where both are empty.
    public var fullName: String {
        let name = [firstName, lastName].filter { !$0.isEmpty }.joined(separator: " ")
        return name.isEmpty ? email : name
    }

    /// Whether the user manages the workspace.
    public var isAdmin: Bool { role == .admin }

    /// Notes a sign-in.
    public mutating func updateLastLogin(at now: Date) {
        lastLoginAt = now
        updatedAt = now
    }
}
