internal import Domain
public import Foundation
internal import Logging
internal import NIOConcurrencyHelpers
internal import Salesforce
internal import Secrets
public import ServiceLifecycle

/// Users' Salesforce tokens and their refresh (architecture invariant 4).
///
/// Warm, a token is one lock away. Refreshes are `run()`'s work, so that they go on when the call that asked for one is
/// given up, and end before the process does.
public final class TokenLedger: Service {
    /// A token that nobody shall use any more.
    private struct Revocation: Sendable {
        let token: Secret<String>
        let login: LoginEndpoint
        let customer: CustomerID
    }

    let context: AccessContext
    let table: GrantTable
    let trail: AuditTrail
    let troubles: TenantTroubles
    let metrics: LedgerMetrics
    private let futile = FutileRefreshes()
    /// When the rows of dead grants were looked at last.
    private let deadReads = NIOLockedValueBox(BoundedTable<UserID, Date>(capacity: deadMax))
    let secrets: ClientSecrets
    private let refreshes: WorkQueue<GrantRefresh>
    private let revocations: WorkQueue<Revocation>
    private let load: NIOLockedValueBox<RefreshLoad>

    /// A ledger that holds nothing yet.
    public init(context: AccessContext) {
        self.metrics = LedgerMetrics()
        self.context = context
        self.table = GrantTable(limits: context.limits) { [credentials = context.credentials] in
            credentials.unlink($0)
        }
        self.trail = AuditTrail(context: context)
        self.troubles = TenantTroubles()
        self.secrets = ClientSecrets(context: context, trail: trail, troubles: troubles)
        self.refreshes = WorkQueue(capacity: context.limits.refreshesMax)
        self.revocations = WorkQueue(capacity: Self.revocationsMax)
        self.load = NIOLockedValueBox(RefreshLoad())
    }

    /// 10,000 revocations may wait; more are dropped and logged.
    private static let revocationsMax = 10_000
    /// 8 are made at once: nobody waits for them.
    private static let revocationsAtOnceMax = 8

    /// Refreshes and revokes until shutdown, and finishes what is under way then.
    public func run() async throws {
        await withGracefulShutdownHandler {
            async let revoking: Void = revokeUntilClosed()
            async let promoting: Void = secrets.run()
            await withDiscardingTaskGroup { group in
                for await refresh in refreshes.stream {
                    group.addTask { await self.perform(refresh) }
                }
            }
            // Refreshes can leave tokens to revoke and secrets to promote, so these end last.
            revocations.close()
            secrets.close()
            await revoking
            await promoting
        } onGracefulShutdown: {
            self.close()
        }
    }

    /// Takes no more refreshes: `run()` ends when those it has, and what they leave to revoke, are done.
    func close() {
        refreshes.close()
    }

    private func revokeUntilClosed() async {
        await withTaskGroup(of: Void.self) { group in
            var underWay = 0
            for await revocation in revocations.stream {
                if underWay == Self.revocationsAtOnceMax {
                    await group.next()
                    underWay -= 1
                }
                group.addTask {
                    await self.revoke(revocation.token, login: revocation.login, customer: revocation.customer)
                }
                underWay += 1
            }
        }
    }

    // MARK: Tokens

    /// The token to use now. Warm: from memory. Refreshes ahead of time in the background of the ledger's service.
    ///
    /// - Throws: `.grantDead`, `.clientRejected`, `.barredByOrg`, `.notConnected`, `.unavailable`.
    public func token(for caller: Caller) async throws(GatewayError) -> LiveToken {
        try await token(for: caller, after: nil)
    }

    /// The token to use now, where memory may serve and has it. Never waits; starts a refresh ahead of time where it is
    /// due.
    ///
    /// `nil` is no answer but the advice to ask ``token(for:)``, which decides and names the error.
    ///
    /// - Parameter now: The request's time.
    public func warmToken(for caller: Caller, at now: Date) -> LiveToken? {
        if let token = caller.token, token.isWarm(at: now) {
            token.noteUse()
            return token
        }
        let shard = Shards.index(caller.credential.tableKey.tableHash)
        switch table.askWarm(caller.userID, credentialShard: shard, at: now) {
        case .use(let token):
            // A renewal under way will end it soon.
            if token.isWarm(at: now) { context.credentials.link(token, to: caller.credential, at: now) }
            return token
        case .useAndRefresh(let token):
            startRefresh(of: token, for: caller)
            return token
        case .read, .wait, .refreshAndWait, .refuse, nil:
            return nil
        }
    }

    /// Apart, so that the way of nearly every call is short.
    @inline(never)
    private func startRefresh(of token: LiveToken, for caller: Caller) {
        start(refresh(for: caller, grantID: token.grantID, version: token.version))
    }

    /// A token newer than one that Salesforce called dead: one refresh however many ask, in all processes.
    ///
    /// Waits at most `refreshWaitSeconds` for it.
    ///
    /// - Throws: as ``token(for:)``.
    public func token(after dead: LiveToken, for caller: Caller) async throws(GatewayError) -> LiveToken {
        try await token(for: caller, after: dead.version)
    }

    /// Whether this is still the current token of its grant, as far as is known here.
    public func isCurrent(_ token: LiveToken) -> Bool {
        table.newestVersion(of: token).map { $0 <= token.version } ?? true
    }

    /// How long a token counts as fresh: 1 s. A call that meets a dead session's answer with a fresh one would meet it
    /// with any.
    private static let freshSeconds: TimeInterval = 1

    /// Whether a dead session's answer to a token that a refresh gave is an end: the token is still the current one,
    /// and came just now. Otherwise it has died since, as tokens do, and the call may be made once more.
    public func isFresh(_ token: LiveToken) -> Bool {
        isCurrent(token) && context.now().timeIntervalSince(token.mintedAt) < Self.freshSeconds
    }

    /// Whether a refresh may be begun for this: not shortly after one that did not help.
    public func mayRefresh(for occasion: RefreshOccasion) -> Bool {
        guard futile.isFutile(occasion, at: context.now()) else { return true }
        metrics.countFutile()
        return false
    }

    /// Remembers whether the refresh that gave a token helped: the call that it was begun for was made again.
    public func noteRefresh(for occasion: RefreshOccasion, gave token: LiveToken, didHelp: Bool) {
        if didHelp {
            futile.forget(occasion)
        } else {
            futile.note(occasion, of: FutileRefreshes.TokenVersion(token), at: context.now())
        }
    }

    private func token(for caller: Caller, after deadVersion: Int64?) async throws(GatewayError) -> LiveToken {
        let user = caller.userID
        let deadline = context.now().addingTimeInterval(context.limits.refreshWaitSeconds)
        // Once each call: who has signed in just now is not told that the grant of before is dead.
        var doubtsDeath = caller.hasNewSession(at: context.now())
        while true {
            let (ask, waiter) = table.ask(user, after: deadVersion, at: context.now())
            switch ask {
            case .use(let token):
                return token
            case .useAndRefresh(let token):
                start(refresh(for: caller, grantID: token.grantID, version: token.version))
                return token
            case .read:
                try await read(for: caller)
            case .refuse(.grantDead) where doubtsDeath || mayLookAgain(user):
                // Whoever signed in again did so at another process, perhaps, and the feed has not said so yet.
                doubtsDeath = false
                table.query(user) { $0.didChange() }
            case .refuse(let error):
                let now = context.now()
                guard error == .clientRejected, !troubles.isRejected(caller.tenant.id, at: now) else { throw error }
                // The customer was changed since, or the secret works elsewhere: no reason to rest any longer.
                table.query(user) { $0.didMend(error, at: now) }
            case .refreshAndWait(let grantID, let version):
                start(refresh(for: caller, grantID: grantID, version: version))
                try await wait(waiter, of: user, until: deadline)
            case .wait:
                try await wait(waiter, of: user, until: deadline)
            }
        }
    }

    /// How long a grant counts as dead without another look at its row: 1 s, and no more than 10,000 of them.
    private static let deadSeconds: TimeInterval = 1
    private static let deadMax = 10_000

    /// Whether it is time to read the row of a dead grant again.
    private func mayLookAgain(_ user: UserID) -> Bool {
        let now = context.now()
        return deadReads.withLockedValue { reads in
            if let last = reads.value(for: user), now.timeIntervalSince(last) < Self.deadSeconds { return false }
            _ = reads.insert(now, for: user)
            return true
        }
    }

    private func wait(
        _ waiter: GrantMachine.Waiter, of user: UserID, until deadline: Date
    ) async throws(GatewayError) {
        let seconds = max(0, deadline.timeIntervalSince(context.now()))
        let wake = await withTaskGroup(of: GrantTable.Wake.self) { [table, context] group in
            group.addTask { await table.wait(waiter, of: user) }
            group.addTask {
                try? await context.sleep(.milliseconds(Int64(seconds * 1000)))
                return .gaveUp
            }
            let first = await group.next() ?? .gaveUp
            group.cancelAll()
            return first
        }
        switch wake {
        case .askAgain: return
        case .failed(let error): throw error
        case .gaveUp: throw .unavailable(.refreshPending, retryAfterSeconds: 2)
        }
    }

    /// Reads the grant's row for everybody who asks meanwhile.
    private func read(for caller: Caller) async throws(GatewayError) {
        let user = caller.userID
        do {
            let row = try await context.repositories.grants.grant(of: user, in: caller.tenant.id)
            let found: GrantMachine.Row
            if let row, row.deadReason == nil {
                let token = try open(row, in: caller.tenant)
                found = .token(token, renewAt: context.renewalTime(of: row))
            } else {
                found = .dead(row?.id)
            }
            table.tell(user) { $0.didRead(found) }
        } catch is CancellationError {
            // This caller is gone; whoever waits reads for themselves.
            table.tell(user) { $0.didRead(.failed) }
            throw context.failure(CancellationError(), while: "reading a grant")
        } catch {
            let failure = context.failure(error, while: "reading a grant")
            table.tell(user, wake: .failed(failure)) { $0.didRead(.failed) }
            throw failure
        }
    }

    private func open(_ row: OAuthToken, in tenant: Tenant) throws -> LiveToken {
        try LiveToken(row: row, dataKey: tenant.dataKey, hosts: context.hosts)
    }

    // MARK: Refreshes

    private func refresh(for caller: Caller, grantID: OAuthTokenID, version: Int64) -> GrantRefresh {
        GrantRefresh(
            context: context, table: table, trail: trail, troubles: troubles, metrics: metrics, secrets: secrets,
            tenant: caller.tenant, user: caller.user, grantID: grantID, version: version)
    }

    private func start(_ refresh: GrantRefresh) {
        let isAdmitted = load.withLockedValue { $0.begin(refresh.tenant.id, limits: context.limits) }
        if isAdmitted {
            if refreshes.submit(refresh) { return }
            load.withLockedValue { $0.end(refresh.tenant.id) }
        }
        finish(
            refresh,
            .failed(.unavailable(.overloaded, retryAfterSeconds: 2), restSeconds: GrantRefresh.shortRestSeconds))
    }

    private func finish(_ refresh: GrantRefresh, _ outcome: GrantMachine.Outcome) {
        let wake: GrantTable.Wake =
            switch outcome {
            case .token, .dead: .askAgain
            case .failed(let error, _): .failed(error)
            }
        let now = context.now()
        let jitter = context.jitter()
        table.tell(refresh.user.id, wake: wake) { $0.didRefresh(outcome, at: now, jitter: jitter) }
    }

    private func perform(_ refresh: GrantRefresh) async {
        let result = await refresh.run()
        metrics.count(result)
        finish(refresh, result.outcome)
        load.withLockedValue { $0.end(refresh.tenant.id) }
        await refresh.tidy(result.leftovers)
        for token in result.orphans { revokeInBackground(token, in: refresh.tenant) }
    }

    // MARK: Revocation

    /// Revokes a token that nobody shall use any more. Not waited for; a failure is logged.
    func revokeInBackground(_ token: Secret<String>, in tenant: Tenant) {
        guard let login = tenant.oauthClient?.login else { return }
        guard !revocations.submit(Revocation(token: token, login: login, customer: tenant.id)) else { return }
        context.logger.warning(
            "A token was not revoked: too many wait", metadata: ["customer": "\(tenant.id)"])
    }

    func revoke(_ token: Secret<String>, login: LoginEndpoint, customer: CustomerID) async {
        do throws(SalesforceError) {
            try await context.oauth.revoke(token, login: login)
        } catch {
            context.logger.warning(
                "A token could not be revoked at Salesforce",
                metadata: ["customer": "\(customer)", "error": "\(error.metricLabel)"])
        }
    }

    // MARK: What the feed tells

    func didChange(grant id: UUID) {
        table.didChange(grant: OAuthTokenID(id))
    }

    func didChange(customer id: UUID) {
        troubles.forget(CustomerID(id))
    }

    /// Anything may have changed. Who calls this drops all credentials after it: they hold tokens as hints.
    func didChangeAll() {
        table.didChangeAll()
        troubles.forgetAll()
    }
}

/// How many refreshes are under way.
private struct RefreshLoad {
    private var total = 0
    private var byTenant: [CustomerID: Int] = [:]

    mutating func begin(_ tenant: CustomerID, limits: AccessLimits) -> Bool {
        guard total < limits.refreshesMax, byTenant[tenant, default: 0] < limits.refreshesPerTenantMax else {
            return false
        }
        total += 1
        byTenant[tenant, default: 0] += 1
        return true
    }

    mutating func end(_ tenant: CustomerID) {
        total -= 1
        let left = byTenant[tenant, default: 1] - 1
        byTenant[tenant] = left > 0 ? left : nil
    }
}
