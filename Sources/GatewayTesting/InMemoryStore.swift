public import Domain
public import Foundation
internal import NIOConcurrencyHelpers
internal import Secrets

/// What all in-memory repositories of one gateway share: rows, the change feed, and a clock that stands for the
/// database's.
///
/// It keeps the rules that PostgreSQL keeps (unique values, references, cascades, microseconds), and the behaviour
/// suites run on both. Give the same store to two gateways to play two processes on one database.
public final class InMemoryStore: Sendable {
    /// The database's clock.
    public let clock: @Sendable () -> Date
    private let ids: SequentialIDs
    private let state = NIOLockedValueBox(State())

    /// An empty store.
    public init(clock: @escaping @Sendable () -> Date = { Fixtures.epoch }) {
        self.clock = clock
        self.ids = SequentialIDs(after: 1 << 40)
    }

    /// One repository of each kind on this store.
    public var repositories: Repositories {
        Repositories(
            customers: InMemoryCustomerRepository(store: self), users: InMemoryUserRepository(store: self),
            configs: InMemoryCustomerConfigRepository(store: self), grants: InMemoryGrantRepository(store: self),
            sessions: InMemorySessionRepository(store: self), accessKeys: InMemoryAccessKeyRepository(store: self),
            audit: InMemoryAuditRepository(store: self), platformKeys: InMemoryPlatformKeyRepository(store: self),
            dataKeys: InMemoryDataKeyRepository(store: self), changes: InMemoryChangeRepository(store: self))
    }

    /// Whether the database answers. While it does not, everything throws ``RepositoryError/unavailable(_:)``.
    public var isAvailable: Bool {
        get { state.withLockedValue { $0.isAvailable } }
        set { state.withLockedValue { $0.isAvailable = newValue } }
    }

    /// How many repository operations were asked for, the refused ones included: what a warm path must not raise.
    public var operationCount: Int { state.withLockedValue { $0.operationCount } }

    /// All audit events, oldest first, the platform's own included.
    public var auditEvents: [AuditEvent] { state.withLockedValue { $0.audit } }

    /// Changes users by hand, as the console will; writes the change that a trigger would.
    public func updateUser(_ id: UserID, _ change: (inout User) -> Void) {
        mutate { state in
            guard var user = state.users[id] else { return }
            change(&user)
            state.users[id] = user
            state.record(.user, user.customerID, id.rawValue)
        }
    }

    /// Changes a customer by hand, as the console and Stripe will; writes the change that a trigger would.
    public func updateCustomer(_ id: CustomerID, _ change: (inout Customer) -> Void) {
        mutate { state in
            guard var customer = state.customers[id] else { return }
            change(&customer)
            state.customers[id] = customer
            state.record(.customer, id, id.rawValue)
        }
    }

    /// Runs one operation as a transaction: where it throws, nothing of it stays.
    func transaction<Result>(_ body: (inout State, SequentialIDs) throws -> Result) throws -> Result {
        let isAvailable = state.withLockedValue { state in
            state.operationCount += 1
            return state.isAvailable
        }
        guard isAvailable else { throw RepositoryError.unavailable("the in-memory store is switched off") }
        return try mutate { try body(&$0, ids) }
    }

    func addHintListener(_ listener: AsyncStream<Void>.Continuation) {
        let number = state.withLockedValue { state in
            state.lastListener += 1
            state.listeners[state.lastListener] = listener
            return state.lastListener
        }
        listener.onTermination = { [state] _ in
            _ = state.withLockedValue { $0.listeners.removeValue(forKey: number) }
        }
    }

    private func mutate<Result>(_ body: (inout State) throws -> Result) rethrows -> Result {
        let (result, listeners) = try state.withLockedValue { state in
            var next = state
            let result = try body(&next)
            let changed = next.lastSequence != state.lastSequence
            state = next
            return (result, changed ? Array(state.listeners.values) : [])
        }
        for listener in listeners { listener.yield() }
        return result
    }
}

extension InMemoryStore {
    /// The rows.
    struct State {
        var customers: [CustomerID: Customer] = [:]
        var users: [UserID: User] = [:]
        var configs: [CustomerID: CustomerConfig] = [:]
        var grants: [OAuthTokenID: OAuthToken] = [:]
        var sessions: [SessionID: Session] = [:]
        var accessKeys: [AccessKeyID: AccessKey] = [:]
        var audit: [AuditEvent] = []
        var platformKey: Sealed?
        var changes: [Change] = []
        var lastSequence: Int64 = 0
        var isAvailable = true
        var operationCount = 0
        var listeners: [Int: AsyncStream<Void>.Continuation] = [:]
        var lastListener = 0

        /// Leaves a row in the change feed.
        mutating func record(_ kind: Change.Kind, _ customer: CustomerID, _ subject: UUID) {
            lastSequence += 1
            changes.append(Change(sequence: lastSequence, kind: kind, customerID: customer, subject: subject))
        }

        mutating func insert(_ user: User) throws {
            guard customers[user.customerID] != nil else {
                throw RepositoryError.conflict(constraint: RepositoryError.Constraint.userCustomer)
            }
            let others = users.values.filter { $0.customerID == user.customerID }
            guard !others.contains(where: { $0.email.lowercased() == user.email.lowercased() }) else {
                throw RepositoryError.conflict(constraint: RepositoryError.Constraint.userEmail)
            }
            if let salesforceUserID = user.salesforceUserID {
                guard !others.contains(where: { $0.salesforceUserID == salesforceUserID }) else {
                    throw RepositoryError.conflict(constraint: RepositoryError.Constraint.salesforceUser)
                }
            }
            users[user.id] = user.inMicroseconds
            record(.user, user.customerID, user.id.rawValue)
        }

        mutating func removeSessions(where matches: (Session) -> Bool) -> Int {
            let ended = sessions.values.filter(matches)
            for session in ended {
                sessions[session.id] = nil
                record(.session, session.customerID, session.id.rawValue)
            }
            return ended.count
        }

        mutating func removeGrants(where matches: (OAuthToken) -> Bool) {
            for grant in grants.values.filter(matches) {
                grants[grant.id] = nil
                record(.grant, grant.customerID, grant.id.rawValue)
            }
        }
    }
}
