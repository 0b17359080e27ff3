internal import Domain
internal import Foundation
internal import Salesforce

/// Finds whom a Salesforce user is here, or makes them one (contract §2, "Only people of the tenant's own org get in").
struct PersonMatcher: Sendable {
    let context: AccessContext
    let tenant: Tenant
    let info: UserInfo
    let userID: SalesforceID
    /// Whether the org is a sandbox: there Salesforce appends `.invalid` to people's email addresses.
    let isSandbox: Bool

    /// What a match gave.
    enum Match: Sendable {
        case known(User)
        case claimed(User)
        case nobody
    }

    /// Times that a row which somebody else took meanwhile is looked for again.
    private static let triesMax = 3

    /// The person's row: by Salesforce user, else an unclaimed one by email, which is claimed.
    ///
    /// - Throws: `.userDisabled` where an unclaimed row of this email is disabled: it is not claimed then.
    func find() async throws -> Match {
        for _ in 0..<Self.triesMax {
            if let user = try await users.user(salesforceUserID: userID, in: tenant.id) { return .known(user) }
            guard let user = try await unclaimed() else { return .nobody }
            guard user.disabledAt == nil else { throw GatewayError.userDisabled }
            if let claimed = try await claim(user) { return .claimed(claimed) }
        }
        throw GatewayError.unavailable(.overloaded, retryAfterSeconds: 1)
    }

    /// The unclaimed row whose email is this person's.
    func unclaimed() async throws -> User? {
        for email in emails {
            if let user = try await users.user(email: email, in: tenant.id), user.salesforceUserID == nil {
                return user
            }
        }
        return nil
    }

    /// Makes a user: an admin where the profile may modify all data.
    func create(profile: Profile) async throws -> User {
        let now = context.now()
        var user = User(
            id: UserID(context.makeID()), customerID: tenant.id, email: info.email ?? info.preferredUsername,
            salesforceUserID: userID, firstName: info.givenName ?? "", lastName: info.familyName ?? "",
            role: profile.modifiesAllData ? .admin : .ae, salesforceProfile: profile.name, createdAt: now,
            updatedAt: now)
        // Where both are taken, an address that nobody has: the id is this user's alone.
        for email in [user.email, info.preferredUsername, "\(userID)@users.invalid"] {
            user.email = email
            do {
                try await users.create(user)
                return user
            } catch RepositoryError.conflict {
                // The same person's other tab came first?
                if let other = try await users.user(salesforceUserID: userID, in: tenant.id) { return other }
            }
        }
        throw RepositoryError.conflict(constraint: "users_email")
    }

    private func claim(_ user: User) async throws -> User? {
        do {
            guard try await users.claim(user.id, in: tenant.id, salesforceUserID: userID, at: context.now()) else {
                return nil
            }
        } catch RepositoryError.conflict {
            return nil
        }
        var claimed = user
        claimed.salesforceUserID = userID
        return claimed
    }

    /// The addresses that an unclaimed row may have to be this person's.
    private var emails: [String] {
        var emails = [info.preferredUsername]
        guard let email = info.email else { return emails }
        if info.emailVerified { emails.append(email) }
        let suffix = ".invalid"
        if isSandbox, email.lowercased().hasSuffix(suffix) { emails.append(String(email.dropLast(suffix.count))) }
        return emails
    }

    private var users: any UserRepository { context.repositories.users }
}
