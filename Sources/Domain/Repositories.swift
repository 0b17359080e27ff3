public import Foundation
public import Secrets

/// What a repository refuses, apart from failures of the database itself.
public enum RepositoryError: Error, Equatable {
    /// A unique value is taken; the constraint's name.
    case conflict(constraint: String)
    /// The database can't be reached, or did not answer in time. Nothing was written, or it is not known.
    case unavailable(String)
}

/// Customers. Lookups by subdomain see one row; lists are the operator's.
public protocol CustomerRepository: Sendable {
    /// The customer of a subdomain. (Directory scope.)
    func customer(subdomain: Subdomain) async throws -> Customer?
    /// The customer of an id. (Tenant scope.)
    func customer(id: CustomerID) async throws -> Customer?
    /// All customers, by subdomain. (System scope.)
    func customers() async throws -> [Customer]
    /// Stores a customer with its configuration and, if given, its first user, or nothing of it.
    ///
    /// - Throws: ``RepositoryError/conflict(constraint:)`` where the subdomain is taken.
    func create(_ customer: Customer, config: CustomerConfig, admin: User?) async throws
    /// Sets what Salesforce needs. Where the login host, client id or org differ from before (`endsSessions`), the
    /// customer's sessions end, its grants are deleted and what was known of its refresh tokens' rotation is forgotten,
    /// in the same transaction.
    func setSalesforce(
        _ id: CustomerID, instanceURL: String, orgID: SalesforceID?, clientID: Sealed?, clientSecret: Sealed?,
        stagedSecret: Customer.StagedSecret?, endsSessions: Bool, at now: Date
    ) async throws
    /// Stages a client secret beside the one that is set, in place of one that was staged before. `false` where no
    /// client id and secret are set.
    func stageClientSecret(_ id: CustomerID, _ secret: Sealed, at now: Date) async throws -> Bool
    /// Puts the staged secret in the client secret's place, if it is still the one that is `expected`. `false` where it
    /// was promoted, replaced or dropped meanwhile.
    ///
    /// - Parameter secret: The same secret, sealed for its new place.
    func promoteClientSecret(_ id: CustomerID, expected: Sealed, as secret: Sealed, at now: Date) async throws -> Bool
    /// Pins the org where none is set. `false` where another one was.
    func pinOrganization(_ id: CustomerID, orgID: SalesforceID, at now: Date) async throws -> Bool
    /// Notes that the org rotates refresh tokens.
    func noteRotation(_ id: CustomerID, at now: Date) async throws
    /// Suspends (a date) or resumes (`nil`). `false` where there is no such customer.
    func setSuspended(_ id: CustomerID, since: Date?, at now: Date) async throws -> Bool
    /// Deletes a customer with all that belongs to it, its data key included. `false` where there is none.
    func delete(_ id: CustomerID) async throws -> Bool
}

/// Users of one customer. (Tenant scope.)
public protocol UserRepository: Sendable {
    func user(id: UserID, in customer: CustomerID) async throws -> User?
    func user(salesforceUserID: SalesforceID, in customer: CustomerID) async throws -> User?
    /// The user with this email, compared case-insensitively.
    func user(email: String, in customer: CustomerID) async throws -> User?
    func users(in customer: CustomerID) async throws -> [User]
    /// A page of the users, in the order of their emails in lower case, behind one email.
    func users(in customer: CustomerID, behind email: String?, limit: Int) async throws -> [User]
    /// - Throws: ``RepositoryError/conflict(constraint:)`` where the email or the Salesforce user is taken.
    func create(_ user: User) async throws
    /// Gives an unclaimed row to a Salesforce user. `false` where somebody claimed it first.
    func claim(_ id: UserID, in customer: CustomerID, salesforceUserID: SalesforceID, at now: Date) async throws -> Bool
    /// Changes what an admin may change of a user. Of several changes at once, none leaves a customer without an admin
    /// who may sign in, unless it had none before.
    func change(_ id: UserID, in customer: CustomerID, _ change: UserChange, at now: Date) async throws
        -> UserChangeResult
    /// Notes a sign-in: time, names and profile as Salesforce says them.
    func noteSignIn(
        _ id: UserID, in customer: CustomerID, firstName: String, lastName: String, profile: String?, at now: Date
    ) async throws
}

/// Configurations, one a customer. (Tenant scope.)
public protocol CustomerConfigRepository: Sendable {
    func config(of customer: CustomerID) async throws -> CustomerConfig?
    /// Stores it if it was not changed since `expected` (its `updatedAt`). `false` where it was: nothing is written.
    /// The stored `updatedAt` is later than the one before even where the clock was not: read it back to show it.
    func update(_ config: CustomerConfig, expected: Date) async throws -> Bool
}

/// A right to spend a refresh token, until the database's clock says otherwise.
public struct GrantLease: Sendable, Hashable {
    /// Grows with each lease of the grant; a write with an older one is refused.
    public let fence: Int64
    /// The grant as it was when the lease was given. `spendingSince` is the *previous* holder's mark, if it left one.
    public let token: OAuthToken

    /// A lease as the repository gives it.
    public init(fence: Int64, token: OAuthToken) {
        self.fence = fence
        self.token = token
    }
}

/// What asking for a lease gave.
public enum GrantLeaseAnswer: Sendable, Hashable {
    case given(GrantLease)
    /// Somebody else holds it.
    case held(OAuthToken)
    /// There is no such grant.
    case missing
}

/// Grants: the rows of `oauth_tokens`. (Tenant scope.)
public protocol GrantRepository: Sendable {
    func grant(of user: UserID, in customer: CustomerID) async throws -> OAuthToken?
    /// Stores a sign-in's tokens as the user's grant, in place of one that was there (which is returned, so that it can
    /// be revoked). The id stays with the row: `make` gets the id to seal for, and the version to store. It can be
    /// called while a transaction is open, so it must be quick. A lease on the grant that was there ends.
    func replace(
        user: UserID, in customer: CustomerID,
        make: @Sendable (_ id: OAuthTokenID, _ version: Int64) throws -> OAuthToken
    ) async throws -> OAuthToken?
    /// Gives the lease where nobody holds it: expiry by the database's clock, `fence` one higher than the last.
    func acquireLease(_ id: OAuthTokenID, in customer: CustomerID, for duration: Duration) async throws
        -> GrantLeaseAnswer
    /// Commits `spending_since` before the refresh token is sent, and that it was asked in doubt where there was a mark
    /// already; the lease lasts for `duration` from here. `false` where the lease is no longer this one.
    func beginSpending(_ lease: GrantLease, in customer: CustomerID, for duration: Duration) async throws -> Bool
    /// Stores the successor if the stored version is still the one that it succeeds (a late but valid one is kept, even
    /// when the lease has passed on), ends the lease and clears the mark. `false` where the version differs.
    func storeSuccessor(_ token: OAuthToken, succeeding version: Int64) async throws -> Bool
    /// Gives the lease back. `unspent`: this holder is known not to have used the refresh token, so the mark (and
    /// whether it was asked in doubt) is again what it was when the lease was given: an earlier holder's doubt outlives
    /// this one, unless another pair was stored meanwhile. Nothing happens where the lease is no longer this one.
    func release(_ lease: GrantLease, in customer: CustomerID, unspent: Bool) async throws
    /// Marks the grant dead if the stored version is still that one, and ends its user's sessions with it. `false`
    /// where the version differs: a sign-in or a refresh was first, and nothing happens.
    func markDead(_ id: OAuthTokenID, in customer: CustomerID, version: Int64, reason: String, at now: Date)
        async throws -> Bool
    /// Deletes the grant.
    func delete(_ id: OAuthTokenID, in customer: CustomerID) async throws
}

/// Browser sessions.
public protocol SessionRepository: Sendable {
    func create(_ session: Session) async throws
    /// The session of a cookie's hash, ended or not known: `nil`. Whether its time is over is for the caller's clock to
    /// say. (Directory scope.)
    func session(tokenHash: [UInt8]) async throws -> Session?
    func session(id: SessionID, in customer: CustomerID) async throws -> Session?
    func sessions(of user: UserID, in customer: CustomerID) async throws -> [Session]
    /// A page of the sessions of a user, or with `nil` of the whole customer, newest first, that are not over by their
    /// absolute limit at `now`, and were used since `usedSince`.
    func sessions(
        of user: UserID?, in customer: CustomerID, at now: Date, usedSince: Date, behind: TimeCursor?, limit: Int
    ) async throws -> [Session]
    /// Writes each `last_seen_at` that is later than what stands, of sessions of their own customers. What somebody
    /// else is writing just now is left to them. (System scope.)
    func touch(_ uses: [LastUse<SessionID>]) async throws
    /// Ends one session. `false` where it was over.
    func end(_ id: SessionID, in customer: CustomerID) async throws -> Bool
    /// Ends a user's oldest sessions, so that so many are left; which.
    func endOldest(of user: UserID, in customer: CustomerID, keeping count: Int) async throws -> [SessionID]
    /// Ends all of a user's sessions; how many.
    func endAll(of user: UserID, in customer: CustomerID) async throws -> Int
    /// Deletes sessions whose absolute limit lies before a time, a bounded number at once; how many. (System scope.)
    func prune(endedBefore: Date) async throws -> Int
}

/// Access keys.
public protocol AccessKeyRepository: Sendable {
    /// Stores a key, unless its user has so many already that are not over when it was made. Of several at once, none
    /// is one too many. `false` where it was not stored.
    ///
    /// - Throws: ``RepositoryError/conflict(constraint:)`` where there is no such user, or the hash is taken.
    func create(_ key: AccessKey, unlessHolding count: Int) async throws -> Bool
    /// The key of a hash; `nil` where unknown. (Directory scope.)
    func key(keyHash: [UInt8]) async throws -> AccessKey?
    func key(id: AccessKeyID, in customer: CustomerID) async throws -> AccessKey?
    /// A user's keys, or with `nil` all of the customer's, newest first.
    func keys(of user: UserID?, in customer: CustomerID) async throws -> [AccessKey]
    /// Writes each `last_used_at` that is later than what stands, of keys of their own customers. What somebody else is
    /// writing just now is left to them. (System scope.)
    func touch(_ uses: [LastUse<AccessKeyID>]) async throws
    func end(_ id: AccessKeyID, in customer: CustomerID) async throws -> Bool
}

/// The audit log: append only.
public protocol AuditRepository: Sendable {
    func append(_ event: AuditEvent) async throws
    /// A page of a tenant's events, newest first.
    func events(in customer: CustomerID, behind: TimeCursor?, limit: Int) async throws -> [AuditEvent]
}

/// The platform's own data key, sealed by a master key.
public protocol PlatformKeyRepository: Sendable {
    /// The stored key; where there is none, stores the given one. Of two processes that store at once, one wins.
    func dataKey(orStore make: @Sendable () throws -> Sealed) async throws -> Sealed
}

/// One change of something that processes cache.
public struct Change: Sendable, Hashable {
    /// What changed.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case customer, user, session, grant, config
        case accessKey = "access_key"
    }

    /// Ascending, but not in commit order: a smaller one can appear after a larger one.
    public let sequence: Int64
    public let kind: Kind
    public let customerID: CustomerID
    /// The id of the row that changed.
    public let subject: UUID

    /// A change as the feed gives it.
    public init(sequence: Int64, kind: Kind, customerID: CustomerID, subject: UUID) {
        self.sequence = sequence
        self.kind = kind
        self.customerID = customerID
        self.subject = subject
    }
}

/// The change feed (architecture invariant 5): rows of `changes`, written by triggers in the changing transaction.
public protocol ChangeRepository: Sendable {
    /// The newest sequence number; 0 where there is none. Taken before a cache is first filled.
    func latest() async throws -> Int64
    /// Changes after a number, ascending, at most `limit`. (System scope.) Callers ask again with an overlap.
    func changes(after sequence: Int64, limit: Int) async throws -> [Change]
    /// Hints that there may be something to poll for. May miss some, may say too much; ends with the task.
    func hints() -> AsyncStream<Void>
}

/// Everything that the planes ask of storage.
public struct Repositories: Sendable {
    public let customers: any CustomerRepository
    public let users: any UserRepository
    public let configs: any CustomerConfigRepository
    public let grants: any GrantRepository
    public let sessions: any SessionRepository
    public let accessKeys: any AccessKeyRepository
    public let audit: any AuditRepository
    public let platformKeys: any PlatformKeyRepository
    public let dataKeys: any DataKeyRepository
    public let changes: any ChangeRepository

    /// One of each.
    public init(
        customers: any CustomerRepository, users: any UserRepository, configs: any CustomerConfigRepository,
        grants: any GrantRepository, sessions: any SessionRepository, accessKeys: any AccessKeyRepository,
        audit: any AuditRepository, platformKeys: any PlatformKeyRepository,
        dataKeys: any DataKeyRepository, changes: any ChangeRepository
    ) {
        self.customers = customers
        self.users = users
        self.configs = configs
        self.grants = grants
        self.sessions = sessions
        self.accessKeys = accessKeys
        self.audit = audit
        self.platformKeys = platformKeys
        self.dataKeys = dataKeys
        self.changes = changes
    }
}
