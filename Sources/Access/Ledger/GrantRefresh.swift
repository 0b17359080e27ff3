internal import Domain
internal import Foundation
internal import Logging
internal import Salesforce
internal import Secrets

/// One refresh of one grant, across processes (architecture invariant 4).
///
/// Lease → look at the row again → commit the mark → POST → store the successor → use it. The refresh token is sent
/// only by the lease's holder, after the mark was committed, and the successor is used only after it was stored.
struct GrantRefresh: Sendable {
    let context: AccessContext
    let table: GrantTable
    let trail: AuditTrail
    let troubles: TenantTroubles
    let metrics: LedgerMetrics
    let secrets: ClientSecrets
    let tenant: Tenant
    let user: User
    let grantID: OAuthTokenID
    /// The version that is to be succeeded.
    let version: Int64

    /// What came of it.
    struct Result: Sendable {
        var outcome: GrantMachine.Outcome
        /// Whether it stored a successor.
        var isRefreshed = false
        /// What is still to be written when those who wait have been answered.
        var leftovers: [Leftover] = []
        /// Tokens that came and that nobody shall use.
        var orphans: [Secret<String>] = []
    }

    enum Leftover: Sendable {
        case release(GrantLease, unspent: Bool)
        case audit(AuditEvent)
        case markDead(reason: String, version: Int64)
    }

    /// The first rest after a failure that passes: 1 s.
    static let shortRestSeconds: TimeInterval = 1
    /// After a failure that leaves a doubt whether the refresh token was spent: 10 s, since the next try is the last.
    static let doubtRestSeconds: TimeInterval = 10
    /// After a failure that somebody must mend: 30 s.
    static let longRestSeconds: TimeInterval = 30
    private static let retryAfterSeconds = 2

    static var pending: GatewayError { .unavailable(.refreshPending, retryAfterSeconds: retryAfterSeconds) }

    func run() async -> Result {
        guard !troubles.isRejected(tenant.id, at: context.now()) else {
            return Result(outcome: .failed(.clientRejected, restSeconds: Self.longRestSeconds))
        }
        let deadline = context.now().addingTimeInterval(context.limits.refreshWaitSeconds)
        var backoff = Backoff()
        do {
            while true {
                switch try await grants.acquireLease(grantID, in: tenant.id, for: context.limits.leaseBeforeSpending) {
                case .missing:
                    return Result(outcome: .dead)
                case .held(let row):
                    if let settled = try settle(row) { return Result(outcome: settled) }
                    // Somebody else refreshes. Ahead of time, there is nothing to wait for.
                    if !knowsDead(row.version) { return Result(outcome: try keepUsing(row)) }
                case .given(let lease):
                    if let result = try await use(lease) { return result }
                }
                guard context.now() < deadline else { break }
                try await context.sleep(backoff.pause())
            }
            return Result(outcome: .failed(Self.pending, restSeconds: Self.shortRestSeconds))
        } catch {
            return Result(
                outcome: .failed(
                    context.failure(error, while: "refreshing a grant"), restSeconds: Self.shortRestSeconds))
        }
    }

    /// With the lease: `nil` where it was lost before anything was sent, to look again.
    private func use(_ lease: GrantLease) async throws -> Result? {
        let row = lease.token
        do {
            // Nothing is spent yet, so the mark stays as it was.
            if let settled = try settle(row) {
                return Result(outcome: settled, leftovers: [.release(lease, unspent: false)])
            }
            if row.spendingSince != nil, let result = try await doubt(lease) { return result }
            guard let client = tenant.oauthClient else {
                return Result(
                    outcome: .failed(.notConnected, restSeconds: Self.longRestSeconds),
                    leftovers: [.release(lease, unspent: false)])
            }
            guard let refreshToken = try row.decryptedRefreshToken(with: tenant.dataKey) else {
                return await die(row, reason: "no_refresh_token")
            }
            let duration = context.limits.leaseDuration
            guard try await grants.beginSpending(lease, in: tenant.id, for: duration) else { return nil }
            return await shielded { shield in
                await spend(refreshToken, client: client, lease: lease, shield: shield)
            }
        } catch {
            // The refresh token was not sent. A mark that was committed all the same must go, or it would be in doubt.
            return Result(
                outcome: .failed(
                    context.failure(error, while: "refreshing a grant"), restSeconds: Self.shortRestSeconds),
                leftovers: [.release(lease, unspent: row.spendingSince == nil)])
        }
    }

    private func spend(
        _ refreshToken: Secret<String>, client: OAuthClient, lease: GrantLease, shield: Shield
    ) async -> Result {
        let instance = try? context.hosts.instance(lease.token.instanceURL)
        do throws(SalesforceError) {
            let answer = try await secrets.exchange(for: tenant, as: client) { client throws(SalesforceError) in
                try await context.oauth.refresh(refreshToken, client: client, at: instance)
            }
            metrics.count(answer: nil)
            return await keep(answer, spent: refreshToken, row: lease.token, shield: shield)
        } catch {
            metrics.count(answer: error)
            return await fail(error, lease: lease)
        }
    }

    // MARK: In doubt

    /// A holder before us left its mark: whether the refresh token is spent is not known.
    ///
    /// `nil`: ask once more, deliberately.
    private func doubt(_ lease: GrantLease) async throws -> Result? {
        let row = lease.token
        guard knowsDead(row.version) else {
            return Result(outcome: try keepUsing(row), leftovers: [.release(lease, unspent: false)])
        }
        if let settled = try await awaitSuccessor() {
            return Result(outcome: settled, leftovers: [.release(lease, unspent: false)])
        }
        // Read anew: whether the org rotates may have been learnt by the very holder that is gone.
        let customer = try await context.repositories.customers.customer(id: tenant.id) ?? tenant.customer
        let mayAsk = !customer.rotatesRefreshTokens && !row.wasAskedInDoubt
        metrics.countDoubt(isAskedOnceMore: mayAsk)
        await trail.record(
            .grantInDoubt, customer: tenant.id, user: user.id, detail: ["next": mayAsk ? "asked_once_more" : "given_up"]
        )
        return mayAsk ? nil : await die(row, reason: "in_doubt")
    }

    /// The holder before us may live, with a successor that it could not store: a database that was away and came back
    /// is back for both. It stores without a lease, so we let it.
    private func awaitSuccessor() async throws -> GrantMachine.Outcome? {
        var backoff = Backoff()
        for _ in 0..<context.limits.doubtReads {
            try await context.sleep(backoff.pause())
            guard let row = try await grants.grant(of: user.id, in: tenant.id), row.id == grantID else { return .dead }
            if let settled = try settle(row) { return settled }
        }
        return nil
    }

    // MARK: Death

    /// Marks the grant dead if nobody stored a newer version meanwhile, and ends the person's sessions with it.
    func die(_ row: OAuthToken, reason: String) async -> Result {
        var leftovers: [Leftover] = []
        do {
            let isMarked = try await grants.markDead(
                row.id, in: tenant.id, version: row.version, reason: reason, at: context.now())
            if !isMarked, let newer = try await grants.grant(of: user.id, in: tenant.id), newer.id == row.id,
                let settled = try settle(newer)
            {
                return Result(outcome: settled)
            }
        } catch {
            context.logger.warning(
                "A dead grant could not be marked yet", metadata: ["customer": "\(tenant.id)", "user": "\(user.id)"])
            leftovers.append(.markDead(reason: reason, version: row.version))
        }
        context.logger.info(
            "A grant is dead", metadata: ["customer": "\(tenant.id)", "user": "\(user.id)", "reason": "\(reason)"])
        await trail.record(.grantDied, customer: tenant.id, user: user.id, detail: ["reason": reason])
        return Result(outcome: .dead, leftovers: leftovers)
    }

    // MARK: Rows

    /// What a row says by itself: it is dead, or newer than what is to be succeeded. `nil` where it says neither.
    func settle(_ row: OAuthToken) throws -> GrantMachine.Outcome? {
        if row.deadReason != nil { return .dead }
        guard row.version > version else { return nil }
        return .token(try open(row), renewAt: context.renewalTime(of: row))
    }

    /// Uses a living token on, without a renewal for a while.
    private func keepUsing(_ row: OAuthToken) throws -> GrantMachine.Outcome {
        .token(try open(row), renewAt: context.now().addingTimeInterval(Self.longRestSeconds))
    }

    func open(_ row: OAuthToken) throws -> LiveToken {
        try LiveToken(row: row, dataKey: tenant.dataKey, hosts: context.hosts)
    }

    func knowsDead(_ version: Int64) -> Bool {
        table.query(user.id) { $0.knowsDead(version) }
    }

    var grants: any GrantRepository { context.repositories.grants }
}
