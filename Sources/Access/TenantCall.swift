public import Domain
public import Foundation
public import Logging
public import Salesforce
public import Secrets
internal import Synchronization

/// A tenant as requests see it: the customer, its opened data key and its opened Salesforce credentials.
///
/// Made once and kept until the change feed says otherwise, so a warm request opens nothing, and hands it on by one
/// reference.
public final class Tenant: Sendable {
    // What each request looks at comes first, so that it lies together.
    /// The customer's id.
    public let id: CustomerID
    /// Until when use is allowed, as far as is known now; `.distantPast` where it is not.
    let admittedUntil: Date
    /// The customer's row.
    public let customer: Customer
    /// The tenant's own origin, e.g. `https://axonify.formation.pikesquare.co`.
    public let origin: String
    /// The customer's opened data key.
    public let dataKey: DataKey
    /// What signs people in; `nil` where the customer has no credentials yet.
    public let oauthClient: OAuthClient?

    init(customer: Customer, origin: String, dataKey: DataKey, oauthClient: OAuthClient?) {
        self.id = customer.id
        self.customer = customer
        self.origin = origin
        self.dataKey = dataKey
        self.oauthClient = oauthClient
        let mayCall = customer.suspendedAt == nil && oauthClient != nil
        self.admittedUntil = mayCall ? customer.subscriptionEndsAt : .distantPast
    }
}

/// One request at a tenant's host, after `admit` and `resolve`.
public struct TenantCall: Sendable {
    /// The tenant that the `Host` names.
    public let tenant: Tenant
    /// 1–128 of `[A-Za-z0-9._-]`; goes into `X-Request-Id` and every log line.
    public let requestID: String
    /// When the request came in.
    public let receivedAt: Date
    /// `User-Agent`, as it came.
    public let userAgent: String?
    /// A logger that carries request id and tenant.
    public let logger: Logger

    /// A call, as the composition root makes it.
    public init(tenant: Tenant, requestID: String, receivedAt: Date, userAgent: String? = nil, logger: Logger) {
        self.tenant = tenant
        self.requestID = requestID
        self.receivedAt = receivedAt
        self.userAgent = userAgent
        self.logger = logger
    }
}

/// Where a request carried its credential; the real token goes into the same slot.
public enum CredentialSlot: Sendable, Hashable {
    /// The session cookie: the real token goes into `Authorization: Bearer`.
    case cookie
    case authorizationBearer
    case authorizationOAuth
    /// `X-SFDC-Session` (Bulk v1).
    case sfdcSession
}

/// Who makes a request, and by which right. A few words: handing it on costs three references.
public struct Caller: Sendable {
    /// What proved it.
    public enum Proof: Sendable, Hashable {
        case session(Session)
        case accessKey(AccessKey)
    }

    public let tenant: Tenant
    public let slot: CredentialSlot
    let credential: Credential
    /// The last use of the credential, this one included if it counts.
    let lastUsedAt: Date
    /// The token that the credential's calls used last, as a hint; `nil` where there is none to be used.
    let token: LiveToken?

    init(
        tenant: Tenant, credential: Credential, lastUsedAt: Date, slot: CredentialSlot, token: LiveToken? = nil
    ) {
        self.tenant = tenant
        self.credential = credential
        self.lastUsedAt = lastUsedAt
        self.slot = slot
        self.token = token
    }

    /// Whether a cookie authenticates the request: then the cross-origin rule holds.
    public var isByCookie: Bool { slot == .cookie }

    /// How long a session counts as new: 10 s.
    private static let newSessionSeconds: TimeInterval = 10

    /// Whether a session proves it that was begun just now, by a sign-in of which not every process has heard.
    public func hasNewSession(at now: Date) -> Bool {
        switch proof {
        case .session(let session): now.timeIntervalSince(session.createdAt) <= Self.newSessionSeconds
        case .accessKey: false
        }
    }

    /// The id of ``user``, without a copy of the rest.
    public var userID: UserID { credential.userID }

    /// What an access key may do; `nil` for a session, which may do whatever its user may.
    public var keyScope: AccessKeyScope? { credential.keyScope }

    /// The person, as last read. A copy of every field.
    public var user: User { credential.user }

    /// The session or access key with its last use. A copy of every field.
    public var proof: Proof { credential.proof(lastUsedAt: lastUsedAt) }
}

/// A user's access token in memory, ready to be used.
///
/// It knows itself whether it may be used without a question to the ledger's table: while it is its grant's, and not
/// due to be renewed. Who holds it outside the table (a session's entry) need not be told when that ends.
public final class LiveToken: Sendable {
    // What each request looks at comes first, so that it lies together.
    private let warmUntil = AtomicDate(.distantPast)
    private let wasUsed = Atomic(false)
    private let linked = Atomic<UInt64>(0)
    /// When the last call that Salesforce accepted it for was sent, as far as is told; 0 where none was.
    private let acceptedAt = Atomic<UInt64>(0)
    /// The version of the grant that this token belongs to.
    public let version: Int64
    public let accessToken: Secret<String>
    public let instance: InstanceURL
    public let grantID: OAuthTokenID
    public let userID: UserID
    /// When it came from Salesforce, by the clock of the process that it came to.
    public let mintedAt: Date
    /// An estimate; see `OAuthToken.expiresAt`.
    public let expiresAt: Date

    init(
        grantID: OAuthTokenID, userID: UserID, version: Int64, accessToken: Secret<String>, instance: InstanceURL,
        mintedAt: Date, expiresAt: Date
    ) {
        self.grantID = grantID
        self.userID = userID
        self.version = version
        self.accessToken = accessToken
        self.instance = instance
        self.mintedAt = mintedAt
        self.expiresAt = expiresAt
    }

    /// Whether it may be used without asking the table.
    func isWarm(at now: Date) -> Bool {
        now < warmUntil.value
    }

    /// Notes a use that the table does not see, so that it does not take the grant for an idle one.
    func noteUse() {
        if !wasUsed.load(ordering: .relaxed) { wasUsed.store(true, ordering: .relaxed) }
    }

    /// Whether it was used since this was last asked.
    func takeUse() -> Bool {
        wasUsed.exchange(false, ordering: .relaxed)
    }

    /// Salesforce accepted it for a call that was sent at a time, in nanoseconds of a monotonic clock.
    public func noteAccepted(sentAt: UInt64) {
        if sentAt > acceptedAt.load(ordering: .relaxed) { acceptedAt.store(sentAt, ordering: .relaxed) }
    }

    /// Whether Salesforce accepted it for any call.
    public var wasEverAccepted: Bool { acceptedAt.load(ordering: .relaxed) != 0 }

    /// Whether Salesforce accepted it for a call that was sent after a time. `false` is no proof that it did not.
    public func wasAccepted(after time: UInt64) -> Bool { acceptedAt.load(ordering: .relaxed) > time }

    /// It is about to be put beside a credential of a shard. Said by the table, under its lock.
    func noteLink(shard: Int) {
        linked.bitwiseOr(1 << UInt64(shard), ordering: .relaxed)
    }

    /// The shards with credentials that it may have been put beside, a bit each. Whoever retires it, by the table's
    /// lock, sees all that were noted before.
    var linkedShards: UInt64 { linked.load(ordering: .relaxed) }

    /// It is its grant's, and need not be renewed before a time. Said by the table, under its lock.
    func warm(until renewAt: Date) {
        warmUntil.value = renewAt
    }

    /// It is its grant's no more, or that is not known. Said by the table, under its lock.
    func retire() {
        warmUntil.value = .distantPast
    }
}
