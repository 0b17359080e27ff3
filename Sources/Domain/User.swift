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

    /// Whether the user manages the workspace and may sign in to do so.
    public var isActiveAdmin: Bool { isAdmin && disabledAt == nil }

    /// Notes a sign-in.
    public mutating func updateLastLogin(at now: Date) {
        lastLoginAt = now
        updatedAt = now
    }
}

/// What an admin changes of a user; `nil` stays as it is.
public struct UserChange: Sendable, Hashable {
    public var role: UserRole?
    public var isDisabled: Bool?

    /// A change.
    public init(role: UserRole? = nil, isDisabled: Bool? = nil) {
        self.role = role
        self.isDisabled = isDisabled
    }

    /// The user as the change leaves it. One that is disabled already stays so since then.
    public func applied(to user: User, at now: Date) -> User {
        var changed = user
        if let role { changed.role = role }
        if let isDisabled { changed.disabledAt = isDisabled ? user.disabledAt ?? now : nil }
        if changed != user { changed.updatedAt = now }
        return changed
    }
}

/// What became of a change of a user.
public enum UserChangeResult: Sendable, Hashable {
    /// It is stored. The same twice where there was nothing to change.
    case changed(from: User, to: User)
    /// There is no such user.
    case missing
    /// Nothing was changed: nobody would be left to manage the customer.
    case lastAdmin
}
