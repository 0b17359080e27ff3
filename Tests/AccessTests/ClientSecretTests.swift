import Domain
import Foundation
import GatewayTesting
import Salesforce
import Secrets
import Synchronization
import Testing

@testable import Access

/// A client secret is rolled: two processes on one database, and a Salesforce that says which secrets are live.
@Suite struct ClientSecretTests {
    private static let staged = "the-staged-secret"

    /// What the customer's row holds.
    private struct Stored: Equatable {
        var present: String? = Fixtures.clientSecret
        var staged: String?
    }

    private struct Start {
        let world: World
        let processes: [GatewayProcess]
        let customer: Customer
        let user: User
        let callers: [Caller]
        let dead: LiveToken

        func token(after dead: LiveToken? = nil, at index: Int = 0) async throws -> LiveToken {
            try await processes[index].ledger.token(after: dead ?? self.dead, for: callers[index])
        }

        /// The same caller with the tenant as it is now.
        func caller(_ index: Int = 0) async throws -> Caller {
            await processes[index].follower.pollOnce()
            return try await processes[index].signedIn(user, in: try await processes[index].tenant()).caller
        }

        func row() async throws -> Customer {
            try #require(try await world.store.repositories.customers.customer(id: customer.id))
        }

        func stored() async throws -> Stored {
            let row = try await row()
            let keys = world.fixtures.keys
            return try Stored(
                present: row.decryptedClientSecret(with: keys)?.exposed,
                staged: row.decryptedStagedClientSecret(with: keys)?.exposed)
        }

        func serve(_ body: () async throws -> Void) async throws {
            try await processes[0].serve { try await processes[1].serve { try await body() } }
        }
    }

    /// Somebody signed in at two processes, of a customer who has `staged` beside the usual secret.
    private func start(
        staged: String? = staged, repositories: (World) -> Repositories? = { _ in nil }
    ) async throws -> Start {
        let world = try World()
        let customer = try world.fixtures.makeCustomer(stagedSecret: staged)
        let user = world.fixtures.makeUser(in: customer.id, salesforceUserID: "0055g00000fixt1")
        try await world.store.repositories.customers.create(
            customer, config: world.fixtures.makeConfig(for: customer.id), admin: user)
        let processes = [world.process(repositories: repositories(world)), world.process()]
        var callers: [Caller] = []
        for process in processes {
            let grant = callers.isEmpty ? world.salesforce.grant() : nil
            callers.append(try await process.signedIn(user, in: try await process.tenant(), grant: grant).caller)
        }
        return Start(
            world: world, processes: processes, customer: customer, user: user, callers: callers,
            dead: try await processes[0].ledger.token(for: callers[0]))
    }

    // MARK: The roll

    /// Sixty calls on a dead token while the secret is replaced: one refresh, shown twice, and nobody notices. The row
    /// is written once, and from then on the former secret is not shown again.
    @Test func rollUnderManyCalls() async throws {
        let start = try await start()
        start.world.salesforce.accept(secrets: Self.staged)
        try await start.serve {
            let versions = try await withThrowingTaskGroup(of: Int64.self) { group in
                for index in 0..<60 { group.addTask { try await start.token(at: index % 2).version } }
                return try await group.reduce(into: [Int64]()) { $0.append($1) }
            }
            #expect(versions == Array(repeating: 2, count: 60))
        }
        #expect(start.world.salesforce.shownSecrets == [Fixtures.clientSecret, Self.staged])
        #expect(start.world.salesforce.reuseCount == 0)
        #expect(try await start.stored() == Stored(present: Self.staged))
        #expect(start.world.auditCount(.clientSecretPromoted) == 1)
        #expect(start.world.auditCount(.grantInDoubt) == 0)
        let sessions = try await start.processes[0].sessions.sessions(of: start.user.id, in: start.callers[0].tenant)
        #expect(sessions.count == 2)

        let process = start.world.process()
        let (caller, _) = try await process.signedIn(start.user, in: try await process.tenant())
        try await process.serve {
            let dead = try await process.ledger.token(for: caller)
            #expect(try await process.ledger.token(after: dead, for: caller).version == 3)
        }
        #expect(start.world.salesforce.shownSecrets.suffix(1) == [Self.staged])
        #expect(start.world.salesforce.refreshCount == 3)
    }

    /// While the present secret works, the staged one waits.
    @Test func presentSecretStays() async throws {
        let start = try await start()
        start.world.salesforce.accept(secrets: Fixtures.clientSecret, Self.staged)
        try await start.serve {
            let token = try await start.token()
            #expect(token.version == 2)
        }
        #expect(start.world.salesforce.shownSecrets == [Fixtures.clientSecret])
        #expect(try await start.stored() == Stored(staged: Self.staged))
        #expect(start.world.auditCount(.clientSecretPromoted) == 0)
    }

    /// Two processes that both still have the tenant of before refresh for two people at once: one promotion.
    @Test func twoProcessesPromoteOnce() async throws {
        let start = try await start()
        let colleague = start.world.fixtures.makeUser(
            in: start.customer.id, email: "b@axonify.com", salesforceUserID: "0055g00000fixt2")
        try await start.world.store.repositories.users.create(colleague)
        let grant = start.world.salesforce.grant(to: ScriptedSalesforce.Person(userID: "0055g00000fixt2"))
        let (other, _) = try await start.processes[1].signedIn(
            colleague, in: try await start.processes[1].tenant(), grant: grant)
        let otherDead = try await start.processes[1].ledger.token(for: other)
        start.world.salesforce.accept(secrets: Self.staged)
        try await start.serve {
            async let first = start.token()
            async let second = start.processes[1].ledger.token(after: otherDead, for: other)
            let versions = try await [first.version, second.version]
            #expect(versions == [2, 2])
        }
        #expect(start.world.salesforce.refreshCount == 4)
        #expect(try await start.stored() == Stored(present: Self.staged))
        #expect(start.world.auditCount(.clientSecretPromoted) == 1)
    }

    /// Somebody who signs in during the roll is the one who finds out.
    @Test func signInPromotes() async throws {
        let start = try await start()
        start.world.salesforce.accept(secrets: Self.staged)
        try await start.serve {
            let reason = try await signIn(start)
            #expect(reason == nil)
        }
        #expect(start.world.salesforce.shownSecrets == [Fixtures.clientSecret, Self.staged])
        #expect(try await start.stored() == Stored(present: Self.staged))
        #expect(start.world.auditCount(.signInSucceeded) == 1)
        #expect(start.world.auditCount(.clientSecretPromoted) == 1)
    }

    /// A promotion that can't be written is tried again; one that is given up, or dies with its process, is made by the
    /// next refresh, which has lost nothing.
    @Test(arguments: [2, 5]) func promotionIsTriedAgain(failures: Int) async throws {
        let start = try await start { world in
            world.store.repositories.replacing(
                customers: FailingPromotions(failures: failures, inner: world.store.repositories.customers))
        }
        start.world.salesforce.accept(secrets: Self.staged)
        try await start.processes[0].serve {
            let token = try await start.token()
            #expect(token.version == 2)
        }
        let isWritten = failures < 5
        #expect(try await start.stored() == (isWritten ? Stored(present: Self.staged) : Stored(staged: Self.staged)))
        try await start.processes[1].serve {
            await start.processes[1].follower.pollOnce()
            let dead = try await start.processes[1].ledger.token(for: start.callers[1])
            #expect(try await start.token(after: dead, at: 1).version == 3)
        }
        #expect(try await start.stored() == Stored(present: Self.staged))
        #expect(start.world.auditCount(.clientSecretPromoted) == 1)
        #expect(start.world.salesforce.reuseCount == 0)
    }

    /// What an operator stages while a promotion is under way stays as it is.
    @Test func newerStagedSecretStays() async throws {
        let start = try await start()
        start.world.salesforce.accept(secrets: Self.staged)
        let gate = Gate()
        start.world.salesforce.script(.hold(gate))
        try await start.serve {
            async let token = start.token()
            await gate.waitForArrivals()
            try await stage("yet-another-secret", in: start)
            gate.open()
            let version = try await token.version
            #expect(version == 2)
        }
        #expect(try await start.stored() == Stored(staged: "yet-another-secret"))
        #expect(start.world.auditCount(.clientSecretPromoted) == 0)
    }

    /// A lost answer proves nothing of the secret: the refresh token is not shown with the other.
    @Test func lostAnswerIsNotTriedAgain() async throws {
        let start = try await start()
        start.world.salesforce.script(.loseAnswer(SalesforceError(.brokenOff)))
        try await start.serve {
            let error = await gatewayError { try await start.token() }
            #expect(error == .unavailable(.refreshPending, retryAfterSeconds: 2))
        }
        #expect(start.world.salesforce.shownSecrets == [Fixtures.clientSecret])
        #expect(try await start.world.grant(of: start.user)?.spendingSince != nil)
    }

    /// Both secrets, one after the other, take less time than the lease that gives the right to show them.
    @Test func leaseOutlivesBothTries() {
        #expect(SalesforceOAuthClient.Limits().exchangeMax + .seconds(10) <= AccessLimits().leaseDuration)
    }

    // MARK: Refused

    /// Both secrets refused: tried once each and not by every call, the grant is as good as before, the operator is
    /// told once; and what is staged next works at once.
    @Test func bothSecretsAreRefused() async throws {
        let start = try await start()
        start.world.salesforce.accept(secrets: "right-at-last")
        try await start.serve {
            for _ in 0..<100 {
                let error = await gatewayError { try await start.token() }
                #expect(error == .clientRejected)
            }
            #expect(start.world.salesforce.refreshCount == 2)
            start.world.clock.advance(by: 60)
            let error = await gatewayError { try await start.token() }
            #expect(error == .clientRejected)
            #expect(start.world.salesforce.refreshCount == 4)

            try await stage("right-at-last", in: start)
            let caller = try await start.caller()
            let token = try await start.processes[0].ledger.token(after: start.dead, for: caller)
            #expect(token.version == 2)
        }
        #expect(try await start.world.grant(of: start.user)?.spendingSince == nil)
        #expect(start.world.auditCount(.clientRejected) == 1)
        let event = start.world.store.auditEvents.first { $0.action == .clientRejected }
        #expect(event?.detail == ["reason": "invalid_client", "staged": "yes"])
        #expect(try await start.stored() == Stored(present: "right-at-last"))
    }

    /// Somebody who signs in meanwhile is told, and the operator too.
    @Test func signInIsRefused() async throws {
        let start = try await start(staged: nil)
        start.world.salesforce.accept(secrets: "another")
        try await start.serve {
            for _ in 0..<3 {
                let reason = try await signIn(start)
                #expect(reason == .gateway(.clientRejected))
            }
        }
        #expect(start.world.salesforce.exchangeCount == 3)
        let events = start.world.store.auditEvents.filter { $0.action == .clientRejected }
        #expect(events.map(\.detail) == [["reason": "invalid_client", "staged": "no"]])
    }

    /// A secret that works again and is refused anew is news anew.
    @Test func newsAnew() async throws {
        let start = try await start(staged: nil)
        try await start.serve {
            for secrets in ["other", Fixtures.clientSecret, "other"] {
                start.world.salesforce.accept(secrets: secrets)
                _ = try await signIn(start)
            }
        }
        #expect(start.world.auditCount(.clientRejected) == 2)
    }

    /// A staged secret that does not open is no reason to do without the other.
    @Test func stagedSecretThatDoesNotOpen() async throws {
        let world = try World()
        let (customer, _) = try await world.makeCustomer()
        let stranger = Sealed(bytes: Array(repeating: 1, count: 60))
        #expect(
            try await world.store.repositories.customers.stageClientSecret(
                customer.id, stranger, at: world.clock.now))
        let tenant = try await world.process().tenant()
        #expect(tenant.oauthClient?.clientSecret == Secret(Fixtures.clientSecret))
        #expect(tenant.oauthClient?.stagedSecret == nil)
    }

    // MARK: The operator

    /// Staging ends no session and sets no grant aside; setting credentials drops what is staged.
    @Test func stagingLeavesPeopleAlone() async throws {
        let start = try await start(staged: nil)
        try await stage(Self.staged, in: start)
        #expect(try await start.stored() == Stored(staged: Self.staged))
        #expect(try await start.row().stagedClientSecret?.since == start.world.clock.now)
        #expect(try await start.world.grant(of: start.user) != nil)
        #expect(start.world.auditCount(.clientSecretStaged) == 1)
        let tenant = try await start.caller().tenant
        #expect(tenant.oauthClient?.stagedSecret == Secret(Self.staged))

        let administration = CustomerAdministration(context: start.processes[0].context)
        let url = start.customer.salesforceInstanceURL
        try await administration.setSalesforce("axonify", url: url, orgID: Fixtures.organizationID)
        #expect(try await start.stored() == Stored(staged: Self.staged))
        try await administration.setCredentials(
            "axonify", clientID: Secret(Fixtures.clientID), clientSecret: Secret(Fixtures.clientSecret))
        #expect(try await start.stored() == Stored())
        #expect(try await start.world.grant(of: start.user) != nil)
    }

    /// What can't be meant is refused, in words, and nothing is stored.
    @Test(
        arguments: [
            ("another-client-id", "new", "client id is not the customer's"),
            (nil, Fixtures.clientSecret, "is the one in use"), (Fixtures.clientID, Fixtures.clientSecret, "in use"),
            (nil, Fixtures.clientID, "This is the client id"), (nil, "two words", "printable ASCII"), (nil, "", "1 to"),
        ] as [(String?, String, String)])
    func stagingIsRefused(clientID: String?, secret: String, words: String) async throws {
        let start = try await start(staged: nil)
        let error = await #expect(throws: AdministrationError.self) {
            try await stage(secret, clientID: clientID, in: start)
        }
        #expect(error?.description.contains(words) == true)
        #expect(try await start.row() == start.customer)
    }

    /// Without credentials there is nothing to stage beside.
    @Test func stagingNeedsCredentials() async throws {
        let world = try World()
        let customer = try world.fixtures.makeCustomer(clientID: nil, clientSecret: nil)
        try await world.store.repositories.customers.create(
            customer, config: world.fixtures.makeConfig(for: customer.id), admin: nil)
        let error = await #expect(throws: AdministrationError.self) {
            try await CustomerAdministration(context: world.process().context).stageClientSecret(
                "axonify", clientID: nil, clientSecret: Secret(Self.staged))
        }
        #expect(error?.description.contains("formation customer credentials axonify") == true)
    }

    private func stage(_ secret: String, clientID: String? = nil, in start: Start) async throws {
        try await CustomerAdministration(context: start.processes[1].context).stageClientSecret(
            "axonify", clientID: clientID.map { Secret($0) }, clientSecret: Secret(secret))
    }

    /// A whole sign-in at the first process; why it failed.
    private func signIn(_ start: Start) async throws -> SignInError.Reason? {
        let process = start.processes[0]
        let call = process.call(start.callers[0].tenant)
        let begun = try process.signIn.begin(returnTo: nil, cookies: [], call: call)
        let (code, state) = start.world.salesforce.approve(at: begun.location)
        let cookies = begun.setCookies.compactMap { $0.split(separator: ";").first.map(String.init) }
        do throws(SignInError) {
            _ = try await process.signIn.complete(
                query: "code=\(code.replacing("=", with: "%3D"))&state=\(state)", cookies: cookies, call: call)
            return nil
        } catch {
            return error.reason
        }
    }
}

/// Customers whose staged secrets can't be promoted at first. Everything else is as it was.
private final class FailingPromotions: CustomerRepository {
    private let inner: any CustomerRepository
    private let failuresLeft: Atomic<Int>

    init(failures: Int, inner: any CustomerRepository) {
        self.inner = inner
        self.failuresLeft = Atomic(failures)
    }

    func promoteClientSecret(_ id: CustomerID, expected: Sealed, as secret: Sealed, at now: Date) async throws -> Bool {
        let left = failuresLeft.subtract(1, ordering: .relaxed).newValue
        guard left < 0 else { throw RepositoryError.unavailable("as scripted") }
        return try await inner.promoteClientSecret(id, expected: expected, as: secret, at: now)
    }

    func customer(subdomain: Subdomain) async throws -> Customer? { try await inner.customer(subdomain: subdomain) }
    func customer(id: CustomerID) async throws -> Customer? { try await inner.customer(id: id) }
    func customers() async throws -> [Customer] { try await inner.customers() }
    func create(_ customer: Customer, config: CustomerConfig, admin: User?) async throws {
        try await inner.create(customer, config: config, admin: admin)
    }
    func setSalesforce(
        _ id: CustomerID, instanceURL: String, orgID: SalesforceID?, clientID: Sealed?, clientSecret: Sealed?,
        stagedSecret: Customer.StagedSecret?, endsSessions: Bool, at now: Date
    ) async throws {
        try await inner.setSalesforce(
            id, instanceURL: instanceURL, orgID: orgID, clientID: clientID, clientSecret: clientSecret,
            stagedSecret: stagedSecret, endsSessions: endsSessions, at: now)
    }
    func stageClientSecret(_ id: CustomerID, _ secret: Sealed, at now: Date) async throws -> Bool {
        try await inner.stageClientSecret(id, secret, at: now)
    }
    func pinOrganization(_ id: CustomerID, orgID: SalesforceID, at now: Date) async throws -> Bool {
        try await inner.pinOrganization(id, orgID: orgID, at: now)
    }
    func noteRotation(_ id: CustomerID, at now: Date) async throws { try await inner.noteRotation(id, at: now) }
    func setSuspended(_ id: CustomerID, since: Date?, at now: Date) async throws -> Bool {
        try await inner.setSuspended(id, since: since, at: now)
    }
    func delete(_ id: CustomerID) async throws -> Bool { try await inner.delete(id) }
}

extension Repositories {
    /// The same, with other customers.
    fileprivate func replacing(customers: any CustomerRepository) -> Repositories {
        Repositories(
            customers: customers, users: users, configs: configs, grants: grants, sessions: sessions,
            accessKeys: accessKeys, audit: audit, platformKeys: platformKeys, dataKeys: dataKeys, changes: changes)
    }
}
