import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Logging
import Salesforce
import Secrets

@testable import Access

/// One database, one Salesforce, one clock, and as many gateway processes on them as a test wants.
struct World {
    let clock: TestClock
    let sleeper: TestSleeper
    let store: InMemoryStore
    let salesforce: ScriptedSalesforce
    let fixtures: Fixtures
    let hosts: AllowedHosts
    let platformKey: DataKey
    let isSecure: Bool

    static let person = ScriptedSalesforce.Person()

    init(rotates: Bool = true, isSecure: Bool = true) throws {
        let clock = TestClock()
        self.clock = clock
        self.sleeper = TestSleeper(clock: clock)
        self.store = InMemoryStore(clock: clock.reading)
        self.hosts = try AllowedHosts()
        self.salesforce = ScriptedSalesforce(
            instance: try hosts.instance("https://axonify.my.salesforce.com"), rotates: rotates, clock: clock)
        self.fixtures = try Fixtures()
        self.platformKey = try fixtures.keys.makeDataKey(customer: nil).key
        self.isSecure = isSecure
    }

    /// A gateway process. Those of one world share the database, as real ones do.
    func process(
        limits: AccessLimits = AccessLimits(), repositories: Repositories? = nil,
        sleep: (@Sendable (Duration) async throws -> Void)? = nil
    ) -> GatewayProcess {
        let fixtures = fixtures
        let sleeper = sleeper
        return GatewayProcess(
            context: AccessContext(
                repositories: repositories ?? store.repositories, keys: fixtures.keys, oauth: salesforce, hosts: hosts,
                origin: PublicOrigin(isSecure: isSecure, baseDomain: "formation.test", port: nil), limits: limits,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }), now: clock.reading,
                randomBytes: { count in
                    // Unlike each other from the first bit on, and the same in every run.
                    var bytes: [UInt8] = []
                    while bytes.count < count {
                        bytes += withUnsafeBytes(of: fixtures.ids.next().uuid) { $0.reversed() }
                    }
                    return Array(bytes.prefix(count))
                },
                makeID: fixtures.ids.next, sleep: sleep ?? { try await sleeper.sleep($0) }),
            platformKey: platformKey)
    }

    /// A customer with an admin who has claimed it.
    func makeCustomer(
        _ subdomain: String = "axonify", organizationID: String? = Fixtures.organizationID
    ) async throws -> (customer: Customer, admin: User) {
        try await fixtures.store(in: store.repositories, subdomain: subdomain, organizationID: organizationID)
    }
}

/// The rooms of one process.
struct GatewayProcess {
    let context: AccessContext
    let directory: TenantDirectory
    let sessions: SessionKeeper
    let ledger: TokenLedger
    let follower: ChangeFollower
    let signIn: SignIn

    init(context: AccessContext, platformKey: DataKey) {
        self.context = context
        self.directory = TenantDirectory(context: context)
        self.sessions = SessionKeeper(context: context)
        self.ledger = TokenLedger(context: context)
        self.follower = ChangeFollower(
            context: context, directory: directory, sessions: sessions, ledger: ledger)
        self.signIn = SignIn(
            context: context, platformKey: platformKey, directory: directory, sessions: sessions, ledger: ledger)
    }

    func tenant(_ subdomain: String = "axonify") async throws -> Tenant {
        guard let tenant = try await directory.tenant(Subdomain(subdomain)) else { throw Missing() }
        return tenant
    }

    func call(_ tenant: Tenant) -> TenantCall {
        TenantCall(tenant: tenant, requestID: "request-1", receivedAt: context.now(), logger: context.logger)
    }

    /// Runs the services around a body, and lets them finish what they have begun.
    func serve<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        let (sessions, ledger) = (sessions, ledger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await sessions.run() }
            group.addTask { try await ledger.run() }
            let result = try await body()
            ledger.close()
            sessions.close()
            try await group.waitForAll()
            return result
        }
    }

    /// A signed-in caller with a session and a grant of Salesforce's.
    func signedIn(
        _ user: User, in tenant: Tenant, grant: TokenAnswer? = nil
    ) async throws -> (caller: Caller, cookie: Secret<String>) {
        if let grant { try await ledger.adopt(grant, user: user, in: tenant) }
        let (cookie, _) = try await sessions.start(user: user, in: tenant)
        let caller = try await sessions.identify(headers: cookieHeader(cookie), query: nil, in: tenant)
        return (caller, cookie)
    }

    func cookieHeader(_ cookies: Secret<String>...) -> HTTPFields {
        [.cookie: cookies.map { "\(sessions.cookieName)=\($0.exposed)" }.joined(separator: "; ")]
    }
}

struct Missing: Error {}

/// What a call throws, as the gateway's own error; `nil` where it throws nothing.
func gatewayError<Result>(_ body: () async throws -> Result) async -> GatewayError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? GatewayError
    }
}

extension World {
    /// The grant's row of the only user who has one.
    func grant(of user: User) async throws -> OAuthToken? {
        try await store.repositories.grants.grant(of: user.id, in: user.customerID)
    }

    func auditCount(_ action: AuditAction) -> Int {
        store.auditEvents.filter { $0.action == action }.count
    }
}
