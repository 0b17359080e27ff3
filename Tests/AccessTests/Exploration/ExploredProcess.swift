import Domain
import Foundation
import GatewayTesting
import Logging
import Salesforce
import Secrets

@testable import Access

/// What is the same in all schedules of a scenario, made once: sealing takes its time.
struct Ground: Sendable {
    let fixtures: Fixtures
    let customer: Customer
    let config: CustomerConfig
    let user: User
    let tenant: Tenant
    let hosts: AllowedHosts
    let instance: InstanceURL
    let identity: IdentityURL
    /// The person, with a session.
    let caller: Caller
    /// The grant as a sign-in left it.
    let firstRow: OAuthToken

    init(_ scenario: Scenario) async throws {
        fixtures = try Fixtures()
        hosts = try AllowedHosts()
        instance = try hosts.instance("https://axonify.my.salesforce.com")
        let person = ScriptedSalesforce.Person()
        guard let identity = IdentityURL(orgID: person.organizationID, userID: person.userID) else { throw Missing() }
        self.identity = identity
        let customer = try fixtures.makeCustomer(rotatesRefreshTokens: scenario.rotation == .known)
        let user = fixtures.makeUser(in: customer.id, salesforceUserID: person.userID)
        let config = fixtures.makeConfig(for: customer.id)
        (self.customer, self.user, self.config) = (customer, user, config)
        let store = InMemoryStore()
        try await store.repositories.customers.create(customer, config: config, admin: user)
        let context = AccessContext(
            repositories: store.repositories, keys: fixtures.keys, oauth: ScriptedSalesforce(instance: instance),
            hosts: hosts, origin: PublicOrigin(isSecure: true, baseDomain: "formation.test", port: nil),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), now: { Fixtures.epoch },
            randomBytes: { Array(repeating: 0, count: $0) }, makeID: fixtures.ids.next)
        guard let tenant = try await TenantDirectory(context: context).tenant(id: customer.id) else { throw Missing() }
        self.tenant = tenant
        let process = GatewayProcess(context: context, platformKey: tenant.dataKey)
        caller = try await process.signedIn(user, in: tenant).caller
        let fixtures = fixtures
        _ = try await store.repositories.grants.replace(user: user.id, in: customer.id) { id, version in
            try fixtures.makeToken(
                id: id, version: version, of: user, customer: customer, accessToken: "A1", refreshToken: "R1")
        }
        guard let row = try await store.repositories.grants.grant(of: user.id, in: customer.id) else {
            throw Missing()
        }
        self.firstRow = row
    }
}

/// What a process is made of, for one schedule after another: a context has a thousand locks, so it is made once.
struct ProcessParts: Sendable {
    let steps: ProcessSteps
    let org: SteppedOrg
    /// The process's own clock, which only its own pauses move.
    let clock: TestClock
    let context: AccessContext

    init(number: Int, scenario: Scenario, ground: Ground, present: PresentStage) {
        let steps = ProcessSteps(number: number, present: present)
        let org = SteppedOrg(
            steps: steps, instance: ground.instance, identity: ground.identity, plant: scenario.plant)
        let clock = TestClock()
        (self.steps, self.org, self.clock) = (steps, org, clock)
        let base = steps.base
        var limits = AccessLimits()
        // Two looks at a lease that is held, rather than twenty: more are more of the same.
        limits.refreshWaitSeconds = 0.05
        // A successor that is still to be stored can be stored before any step all the same.
        limits.doubtReads = 0
        (limits.grantsMax, limits.sessionsMax, limits.tenantsMax) = (64, 64, 64)
        self.context = AccessContext(
            repositories: Repositories(
                customers: SteppedCustomers(steps: steps, plant: scenario.plant), users: base.users,
                configs: base.configs, grants: SteppedGrants(steps: steps, plant: scenario.plant),
                sessions: SteppedSessions(steps: steps, areNoticed: scenario.hasSignIn),
                accessKeys: base.accessKeys, audit: ForgetfulAudit(), platformKeys: base.platformKeys,
                dataKeys: base.dataKeys, changes: base.changes),
            keys: ground.fixtures.keys, oauth: org, hosts: ground.hosts,
            origin: PublicOrigin(isSecure: true, baseDomain: "formation.test", port: nil), limits: limits,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), now: clock.reading,
            randomBytes: { Array(repeating: 0, count: $0) }, makeID: ground.fixtures.ids.next,
            sleep: { duration in
                // A refresh pauses at once. A call pauses until it is woken, or its patience is at an end.
                if ProcessSteps.call > 0, await steps.turn(.patience) == .abandoned { throw CancellationError() }
                clock.advance(by: duration / .seconds(1))
            })
    }
}

/// One gateway process of a schedule, as far as one grant goes: the real refresh, machine and table, on doubles that
/// wait for their turn before each step.
///
/// What `TokenLedger` does for many calls at once is done here for one call after another, so that a process is one
/// line of work.
struct ExploredProcess: Sendable {
    let parts: ProcessParts
    let role: Role
    let scenario: Scenario
    let ground: Ground
    let table: GrantTable

    private var steps: ProcessSteps { parts.steps }
    private var context: AccessContext { parts.context }
    private var clock: TestClock { parts.clock }

    init(parts: ProcessParts, role: Role, scenario: Scenario, ground: Ground) {
        self.parts = parts
        self.role = role
        self.scenario = scenario
        self.ground = ground
        // Who renews comes when the token is about to end.
        let start = role == .renewsAhead ? OAuthToken.defaultLifetime - 60 : 0
        parts.clock.set(Fixtures.epoch.addingTimeInterval(start))
        self.table = GrantTable(limits: parts.context.limits) { _ in }
    }

    /// Knows the grant's first token from the beginning, as a process does that served calls with it.
    func knowTheFirstToken() throws {
        steps.observe("knows the first token")
        let token = try LiveToken(row: ground.firstRow, dataKey: ground.tenant.dataKey, hosts: ground.hosts)
        table.tell(ground.user.id) { $0.didAdopt(token, renewAt: context.renewalTime(of: ground.firstRow)) }
    }

    /// Does what it is there for, once.
    func run() async {
        steps.observe("\(role)")
        switch role {
        case .findsTheTokenDead, .renewsAhead: await refresh()
        case .signsIn: await signIn()
        }
        steps.notes.change { $0.histories[steps.number] = nil }
        steps.desk.end()
    }

    // MARK: Refreshing

    /// Asks for a token, as calls do, until there is one that lives, the grant is dead, or it was tried often enough.
    private func refresh() async {
        let user = ground.user.id
        var deadVersion: Int64?
        var tries = 0
        while tries <= scenario.triesMax {
            let (ask, _) = table.ask(user, after: deadVersion, at: clock.now)
            switch ask {
            case .use(let token):
                steps.notes.didUse(token, by: steps.number)
                guard role == .findsTheTokenDead, token.version <= scenario.lastDeadVersion else { return }
                if token.version > deadVersion ?? 0 { tries = 0 }
                deadVersion = token.version
            case .useAndRefresh(let token):
                steps.notes.didUse(token, by: steps.number)
                await perform(token.grantID, version: token.version)
                return
            case .read:
                if await !read() { tries += 1 }
            case .refreshAndWait(let grantID, let version):
                tries += 1
                if tries <= scenario.triesMax { await perform(grantID, version: version) }
            case .refuse(.grantDead):
                return
            case .refuse:
                // Its rest after a failure, at its longest.
                clock.advance(by: GrantMachine.restSecondsMax * 2)
            case .wait:
                steps.notes.problem("process \(steps.number) waits for itself")
                return
            }
        }
    }

    /// As `TokenLedger` reads a grant's row; `false` where it can't.
    private func read() async -> Bool {
        let user = ground.user
        do {
            let row = try await context.repositories.grants.grant(of: user.id, in: user.customerID)
            let found: GrantMachine.Row
            if let row, row.deadReason == nil {
                let token = try LiveToken(row: row, dataKey: ground.tenant.dataKey, hosts: ground.hosts)
                found = .token(token, renewAt: context.renewalTime(of: row))
            } else {
                found = .dead(row?.id)
            }
            table.tell(user.id) { $0.didRead(found) }
            return true
        } catch {
            table.tell(user.id) { $0.didRead(.failed) }
            return false
        }
    }

    /// As `TokenLedger` performs a refresh.
    private func perform(_ grantID: OAuthTokenID, version: Int64) async {
        let (trail, troubles) = (AuditTrail(context: context), TenantTroubles())
        let refresh = GrantRefresh(
            context: context, table: table, trail: trail, troubles: troubles, metrics: LedgerMetrics(),
            secrets: ClientSecrets(context: context, trail: trail, troubles: troubles), tenant: ground.tenant,
            user: ground.user, grantID: grantID, version: version)
        let result = await refresh.run()
        if case .token(let token, _) = result.outcome { steps.notes.didUse(token, by: steps.number) }
        table.tell(ground.user.id) { $0.didRefresh(result.outcome, at: clock.now, jitter: 0.5) }
        for orphan in result.orphans { parts.org.handBack(orphan) }
        await refresh.tidy(result.leftovers)
    }

    // MARK: Signing in

    /// Somebody signs in: their pair is stored, a session is made, and the grant that it replaces is revoked.
    private func signIn() async {
        let pair = steps.org.grant()
        let ledger = TokenLedger(context: context)
        do {
            try await ledger.adopt(
                parts.org.tokenAnswer(access: pair.access, refresh: pair.refresh), user: ground.user, in: ground.tenant)
            let session = ground.fixtures.makeSession(of: ground.user)
            try await context.repositories.sessions.create(session)
            steps.notes.change { $0.signIns[steps.number] = session.id }
        } catch {
            // The person is told to try again.
            return
        }
        guard let replaced = steps.notes.state.replaced[steps.number], replaced.deadReason == nil,
            let token = steps.notes.tokens(of: replaced).refresh, await steps.turn(.revoke) == .happens
        else { return }
        steps.org.revoke(token)
        steps.observe("revoke")
    }
}
