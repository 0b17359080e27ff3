public import Domain
public import Foundation
public import Logging
public import Salesforce
public import Secrets

/// What the rooms of Access share: storage, keys, Salesforce, limits, and the sources of time and randomness.
public struct AccessContext: Sendable {
    public let repositories: Repositories
    public let keys: KeyRing
    public let oauth: any SalesforceOAuth
    public let hosts: AllowedHosts
    public let origin: PublicOrigin
    public let limits: AccessLimits
    public let logger: Logger
    /// The time.
    public let now: @Sendable () -> Date
    /// That many random bytes, from the system's generator.
    public let randomBytes: @Sendable (Int) -> [UInt8]
    /// A new id.
    public let makeID: @Sendable () -> UUID
    /// Waits for so long, or throws `CancellationError`.
    public let sleep: @Sendable (Duration) async throws -> Void
    /// How fresh the change feed is. Rooms that were given the same context share it: they are one process.
    let feed: FeedState
    /// Sessions and access keys in memory, shared as ``feed`` is.
    let credentials: CredentialTables

    /// Everything given: nothing here reads a clock or a generator of its own.
    public init(
        repositories: Repositories, keys: KeyRing, oauth: any SalesforceOAuth, hosts: AllowedHosts,
        origin: PublicOrigin, limits: AccessLimits = AccessLimits(), logger: Logger,
        now: @escaping @Sendable () -> Date, randomBytes: @escaping @Sendable (Int) -> [UInt8],
        makeID: @escaping @Sendable () -> UUID,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.repositories = repositories
        self.keys = keys
        self.oauth = oauth
        self.hosts = hosts
        self.origin = origin
        self.limits = limits
        self.logger = logger
        self.now = now
        self.randomBytes = randomBytes
        self.makeID = makeID
        self.sleep = sleep
        self.feed = FeedState(startedAt: now())
        self.credentials = CredentialTables(limits: limits)
    }

    /// A random number from 0 to below 1, to spread what would otherwise happen at once.
    func jitter() -> Double {
        let number = randomBytes(2).reduce(0) { $0 << 8 | Int($1) }
        return Double(number) / 65_536
    }
}

/// The limits of Access, in one place (architecture invariant 7).
public struct AccessLimits: Sendable {
    /// `SESSION_IDLE_MINUTES`.
    public var sessionIdleSeconds: TimeInterval = 60 * 60
    /// `SESSION_MAX_HOURS`.
    public var sessionMaxSeconds: TimeInterval = 12 * 60 * 60
    /// `DATABASE_OUTAGE_SECONDS`: how long last-known state serves while the change feed is stale.
    public var databaseOutageSeconds: TimeInterval = 300
    /// How often the change feed is polled.
    public var feedPollInterval: Duration = .seconds(1)
    /// After how long without a successful poll the feed is stale.
    public var feedStaleSeconds: TimeInterval = 3
    /// How often `last_seen_at` and `last_used_at` are written at most.
    public var touchIntervalSeconds: TimeInterval = 60
    /// Sessions of one user; one more ends the oldest.
    public var sessionsPerUserMax = 100
    /// Tenants kept in memory.
    public var tenantsMax = 100_000
    /// Unknown subdomains remembered, and for how long.
    public var unknownTenantsMax = 10_000
    public var unknownTenantSeconds: TimeInterval = 30
    /// Sessions and access keys kept in memory.
    public var sessionsMax = 1_000_000
    /// Unknown session and key hashes remembered, and for how long.
    public var unknownSessionsMax = 10_000
    public var unknownSessionSeconds: TimeInterval = 5
    /// A sign-in that Salesforce has not answered yet.
    public var pendingSignInSeconds: TimeInterval = 10 * 60
    public var pendingSignInsMax = 5
    /// How long a refresh lease lasts until the refresh token is about to be sent, and from then on: longer than the
    /// longest possible exchange. Who dies with it keeps others waiting for so long.
    public var leaseBeforeSpending: Duration = .seconds(20)
    public var leaseDuration: Duration = .seconds(55)
    /// Times that a row in doubt is read again before anything is done about it, over about 5 s.
    public var doubtReads = 8
    /// How long a call waits for a refresh that somebody else makes.
    public var refreshWaitSeconds: TimeInterval = 20
    /// Live access keys of one user.
    public var accessKeysPerUserMax = 50
    /// How long an access key may live: a year.
    public var accessKeyMaxSeconds: TimeInterval = 365 * 24 * 60 * 60
    /// Users whose tokens are kept in memory.
    public var grantsMax = 1_000_000
    /// Refreshes under way at once in this process, and of one tenant.
    public var refreshesMax = 2_000
    public var refreshesPerTenantMax = 500
    /// Calls that wait for one user's refresh.
    public var waitersPerGrantMax = 2_000
    /// Audit events of strangers' doing that wait for the database.
    public var backgroundWritesMax = 10_000
    /// Last uses that wait for the database.
    public var lastUsesMax = 1_000_000
    /// Of the last uses that wait, the hundredth part is written after each pause, and at least, and at most, so many:
    /// however many come at once, nearly all are written within 15 s, and calls find room in between.
    public var lastUsePause: Duration = .milliseconds(50)
    public var lastUseShares = 100
    public var lastUseBatchMin = 10
    public var lastUseBatchMax = 1_000
    /// How long a refusal of the tenant's client id or secret is remembered before it is tried again.
    public var clientRejectedSeconds: TimeInterval = 30
    /// What people saw of their orgs' objects: how many objects are kept, 100 KiB or so each, and for how long; and how
    /// long it is remembered that Salesforce gave no answer that could be used.
    public var objectDescriptionsMax = 256
    public var objectDescriptionSeconds: TimeInterval = 5 * 60
    public var describeFailureSeconds: TimeInterval = 15
    /// Objects that are being described at once in this process, and for one tenant: answers can have 8 MiB. And who
    /// waits for one of them.
    public var describesMax = 32
    public var describesPerTenantMax = 12
    public var describeWaitersMax = 100
    /// How long a code that was exchanged is remembered, and how many.
    public var usedStatesMax = 100_000

    /// The defaults.
    public init() {}
}
