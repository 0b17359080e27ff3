internal import Domain
internal import Foundation

/// A ``User`` without its ids, its texts in one piece: half the memory, for a copy whenever somebody asks for it.
struct PackedUser: Sendable {
    private let salesforceUserID: SalesforceID?
    /// Email, first name, last name, profile.
    private let texts: String
    private let emailEnd: UInt32
    private let firstNameEnd: UInt32
    private let lastNameEnd: UInt32
    private let hasProfile: Bool
    private let role: UserRole
    private let createdAt: Date
    private let updatedAt: Date
    private let lastLoginAt: Date?
    private let disabledAt: Date?

    init(_ user: User) {
        let parts = [user.email, user.firstName, user.lastName, user.salesforceProfile ?? ""]
        var texts = ""
        texts.reserveCapacity(parts.reduce(0) { $0 + $1.utf8.count })
        for part in parts { texts += part }
        self.texts = texts
        // A user's row is at most 1 GB in PostgreSQL, and some hundred bytes by our own limits.
        self.emailEnd = UInt32(parts[0].utf8.count)
        self.firstNameEnd = emailEnd + UInt32(parts[1].utf8.count)
        self.lastNameEnd = firstNameEnd + UInt32(parts[2].utf8.count)
        self.hasProfile = user.salesforceProfile != nil
        self.salesforceUserID = user.salesforceUserID
        self.role = user.role
        self.createdAt = user.createdAt
        self.updatedAt = user.updatedAt
        self.lastLoginAt = user.lastLoginAt
        self.disabledAt = user.disabledAt
    }

    /// The user, with its ids.
    func user(id: UserID, customerID: CustomerID) -> User {
        User(
            id: id, customerID: customerID, email: text(0, emailEnd), salesforceUserID: salesforceUserID,
            firstName: text(emailEnd, firstNameEnd), lastName: text(firstNameEnd, lastNameEnd), role: role,
            salesforceProfile: hasProfile ? text(lastNameEnd, UInt32(texts.utf8.count)) : nil,
            lastLoginAt: lastLoginAt, disabledAt: disabledAt, createdAt: createdAt, updatedAt: updatedAt)
    }

    private func text(_ start: UInt32, _ end: UInt32) -> String {
        String(decoding: texts.utf8.dropFirst(Int(start)).prefix(Int(end - start)), as: UTF8.self)
    }
}
