import Domain
import Foundation
import Secrets

@testable import Access

/// A fault that is planted to see that an exploration finds it.
enum Plant: String, CaseIterable, Sendable {
    /// The lease is given although somebody holds it.
    case leaseIgnoresItsHolder
    /// The mark is only said to be committed.
    case markIsNotWritten
    /// Whoever had a lease may mark, though it is another's by now.
    case markIgnoresTheFence
    /// The successor is only said to be stored.
    case successorIsNotWritten
    /// The successor is stored whatever stands there.
    case storingDoesNotCompare
    /// Giving the lease back takes the mark away, whether the token is spent or not.
    case releaseForgetsTheDoubt
    /// Whether an org rotates is not remembered.
    case rotationIsForgotten
    /// A refresh whose answer was lost is sent again at once.
    case lostAnswersAreRepeated
    /// A dead grant is marked whatever version stands there.
    case deathDoesNotCompare
}

/// Grants, one step a call.
struct SteppedGrants: GrantRepository {
    let steps: ProcessSteps
    let plant: Plant?

    private var base: any GrantRepository { steps.base.grants }

    func grant(of user: UserID, in customer: CustomerID) async throws -> OAuthToken? {
        try await steps.take(.readGrant, steps.notes.text) { try await base.grant(of: user, in: customer) }
    }

    func replace(
        user: UserID, in customer: CustomerID,
        make: @Sendable (_ id: OAuthTokenID, _ version: Int64) throws -> OAuthToken
    ) async throws -> OAuthToken? {
        try await steps.take(.replace, steps.notes.text) {
            let replaced = try await base.replace(user: user, in: customer, make: make)
            steps.notes.change { $0.replaced[steps.number] = replaced }
            if let row = try await base.grant(of: user, in: customer) { steps.notes.didStore(row) }
            return replaced
        }
    }

    func acquireLease(
        _ id: OAuthTokenID, in customer: CustomerID, for duration: Duration
    ) async throws -> GrantLeaseAnswer {
        try await steps.take(.acquireLease, text) {
            var answer = try await base.acquireLease(id, in: customer, for: duration)
            if plant == .leaseIgnoresItsHolder, case .held(let row) = answer {
                try await base.release(GrantLease(fence: row.fence, token: row), in: customer, unspent: false)
                answer = try await base.acquireLease(id, in: customer, for: duration)
            }
            if case .given(let lease) = answer { steps.notes.change { $0.leases[steps.number] = lease } }
            return answer
        }
    }

    private func text(_ answer: GrantLeaseAnswer) -> String {
        switch answer {
        case .given(let lease): "given \(lease.fence) \(steps.notes.text(lease.token))"
        case .held(let row): "held \(steps.notes.text(row))"
        case .missing: "missing"
        }
    }

    func beginSpending(_ lease: GrantLease, in customer: CustomerID, for duration: Duration) async throws -> Bool {
        try await steps.take(.beginSpending, { "\($0)" }) {
            if plant == .markIsNotWritten { return true }
            var lease = lease
            if plant == .markIgnoresTheFence,
                let row = try await base.grant(of: lease.token.userID, in: customer)
            {
                lease = GrantLease(fence: row.fence, token: lease.token)
            }
            let isMarked = try await base.beginSpending(lease, in: customer, for: duration)
            if isMarked {
                steps.notes.change { _ = $0.marked[steps.number, default: []].insert(lease.fence) }
            }
            return isMarked
        }
    }

    func storeSuccessor(_ token: OAuthToken, succeeding version: Int64) async throws -> Bool {
        try await steps.take(.storeSuccessor, { "\($0)" }) {
            if plant == .successorIsNotWritten { return true }
            var version = version
            if plant == .storingDoesNotCompare,
                let row = try await base.grant(of: token.userID, in: token.customerID)
            {
                version = row.version
            }
            let isStored = try await base.storeSuccessor(token, succeeding: version)
            if isStored { steps.notes.didStore(token) }
            return isStored
        }
    }

    func release(_ lease: GrantLease, in customer: CustomerID, unspent: Bool) async throws {
        try await steps.take(.release, { "" }) {
            guard plant == .releaseForgetsTheDoubt else {
                return try await base.release(lease, in: customer, unspent: unspent)
            }
            var token = lease.token
            token.spendingSince = nil
            try await base.release(GrantLease(fence: lease.fence, token: token), in: customer, unspent: true)
        }
    }

    func markDead(
        _ id: OAuthTokenID, in customer: CustomerID, version: Int64, reason: String, at now: Date
    ) async throws -> Bool {
        try await steps.take(.markDead, { "\($0)" }) {
            var version = version
            if plant == .deathDoesNotCompare, let lease = steps.notes.state.leases[steps.number],
                let row = try await base.grant(of: lease.token.userID, in: customer)
            {
                version = row.version
            }
            return try await base.markDead(id, in: customer, version: version, reason: reason, at: now)
        }
    }

    func delete(_ id: OAuthTokenID, in customer: CustomerID) async throws {
        try await base.delete(id, in: customer)
    }
}

/// Customers: what the ledger asks of them is a step.
struct SteppedCustomers: CustomerRepository {
    let steps: ProcessSteps
    let plant: Plant?

    private var base: any CustomerRepository { steps.base.customers }

    func customer(id: CustomerID) async throws -> Customer? {
        try await steps.take(.readCustomer, { $0?.rotatesRefreshTokens == true ? "rotates" : "no rotation seen" }) {
            var customer = try await base.customer(id: id)
            if plant == .rotationIsForgotten { customer?.rotatesRefreshTokens = false }
            return customer
        }
    }

    func noteRotation(_ id: CustomerID, at now: Date) async throws {
        try await steps.take(.noteRotation, { "" }) { try await base.noteRotation(id, at: now) }
    }

    // MARK: What the ledger does not ask

    func customer(subdomain: Subdomain) async throws -> Customer? {
        try await base.customer(subdomain: subdomain)
    }

    func customers() async throws -> [Customer] {
        try await base.customers()
    }

    func create(_ customer: Customer, config: CustomerConfig, admin: User?) async throws {
        try await base.create(customer, config: config, admin: admin)
    }

    func setSalesforce(
        _ id: CustomerID, instanceURL: String, orgID: SalesforceID?, clientID: Sealed?, clientSecret: Sealed?,
        stagedSecret: Customer.StagedSecret?, endsSessions: Bool, at now: Date
    ) async throws {
        try await base.setSalesforce(
            id, instanceURL: instanceURL, orgID: orgID, clientID: clientID, clientSecret: clientSecret,
            stagedSecret: stagedSecret, endsSessions: endsSessions, at: now)
    }

    func stageClientSecret(_ id: CustomerID, _ secret: Sealed, at now: Date) async throws -> Bool {
        try await base.stageClientSecret(id, secret, at: now)
    }

    func promoteClientSecret(
        _ id: CustomerID, expected: Sealed, as secret: Sealed, at now: Date
    ) async throws -> Bool {
        try await base.promoteClientSecret(id, expected: expected, as: secret, at: now)
    }

    func pinOrganization(_ id: CustomerID, orgID: SalesforceID, at now: Date) async throws -> Bool {
        try await base.pinOrganization(id, orgID: orgID, at: now)
    }

    func setSuspended(_ id: CustomerID, since: Date?, at now: Date) async throws -> Bool {
        try await base.setSuspended(id, since: since, at: now)
    }

    func delete(_ id: CustomerID) async throws -> Bool {
        try await base.delete(id)
    }
}

/// Sessions: that those of a dead grant end is a step, and that a sign-in makes one.
struct SteppedSessions: SessionRepository {
    let steps: ProcessSteps
    /// Whether somebody signs in: else there are no sessions that anybody could miss.
    let areNoticed: Bool

    private var base: any SessionRepository { steps.base.sessions }

    func endAll(of user: UserID, in customer: CustomerID) async throws -> Int {
        guard areNoticed else { return 0 }
        return try await steps.take(.endSessions, { "\($0)" }) { try await base.endAll(of: user, in: customer) }
    }

    func create(_ session: Session) async throws {
        try await steps.take(.createSession, { "" }) { try await base.create(session) }
    }

    // MARK: What the ledger does not ask

    func session(tokenHash: [UInt8]) async throws -> Session? {
        try await base.session(tokenHash: tokenHash)
    }

    func sessions(of user: UserID, in customer: CustomerID) async throws -> [Session] {
        try await base.sessions(of: user, in: customer)
    }

    func session(id: SessionID, in customer: CustomerID) async throws -> Session? {
        try await base.session(id: id, in: customer)
    }

    func sessions(
        of user: UserID?, in customer: CustomerID, at now: Date, usedSince: Date, behind: TimeCursor?, limit: Int
    ) async throws -> [Session] {
        try await base.sessions(
            of: user, in: customer, at: now, usedSince: usedSince, behind: behind, limit: limit)
    }

    func touch(_ uses: [LastUse<SessionID>]) async throws {
        try await base.touch(uses)
    }

    func end(_ id: SessionID, in customer: CustomerID) async throws -> Bool {
        try await base.end(id, in: customer)
    }

    func endOldest(of user: UserID, in customer: CustomerID, keeping count: Int) async throws -> [SessionID] {
        try await base.endOldest(of: user, in: customer, keeping: count)
    }

    func prune(endedBefore: Date) async throws -> Int {
        try await base.prune(endedBefore: endedBefore)
    }
}

/// An audit log that keeps nothing: no schedule looks at it.
struct ForgetfulAudit: AuditRepository {
    func append(_ event: AuditEvent) async throws {}

    func events(in customer: CustomerID, behind: TimeCursor?, limit: Int) async throws -> [AuditEvent] { [] }
}
