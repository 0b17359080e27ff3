import Foundation

/// Everything that changes in the simulator, kept behind one lock.
struct SimulatorState: Sendable {
    var orgs: [String: OrgState] = [:]
    /// The ids of the orgs as configured, in their order.
    var orgOrder: [String] = []
    var hosts: [String: HostRole] = [:]
    /// Seconds added to the environment's clock.
    var clockOffset: TimeInterval = 0
    /// Numbers what is made, so that "the oldest" is well defined.
    var sequence = 0
    var pendingAuthorizations: [String: PendingAuthorization] = [:]
    var webSessions: [String: WebSession] = [:]
    var codes: [String: AuthorizationCode] = [:]
    var grants: [String: Grant] = [:]
    /// Living and dead refresh tokens.
    var refreshTokens: [String: IssuedRefreshToken] = [:]
    var accessTokens: [String: AccessToken] = [:]
    var counters = SimulatorCounters()
    var journal: Journal
    var faults = FaultTable()

    init(configuration: SimulatorConfiguration, now: Date) {
        journal = Journal(entriesMax: configuration.journalEntriesMax)
        hosts[configuration.genericLoginHost.lowercased()] = .genericLogin
        for org in configuration.orgs {
            let state = OrgState(org, today: CivilDate(now))
            orgs[state.id] = state
            orgOrder.append(state.id)
            hosts[org.loginHost.lowercased()] = .login(org: state.id)
            hosts[org.instanceHost.lowercased()] = .instance(org: state.id)
        }
    }

    mutating func nextSequence() -> Int {
        sequence += 1
        return sequence
    }

    /// The org by its id (15 or 18 characters), its name or one of its hosts.
    func org(named name: String) -> OrgState? {
        if let id = RecordID(name), let org = orgs[id.short] { return org }
        let lowered = name.lowercased()
        return orgOrder.lazy.compactMap { orgs[$0] }.first {
            $0.name.lowercased() == lowered || $0.loginHost.lowercased() == lowered
                || $0.instanceHost.lowercased() == lowered
        }
    }

    /// The org and the user of a username; usernames are unique among all orgs.
    func user(named username: String) -> (org: OrgState, user: UserState)? {
        for id in orgOrder {
            guard let org = orgs[id] else { continue }
            if let user = org.users.first(where: { $0.username.lowercased() == username.lowercased() }) {
                return (org, user)
            }
        }
        return nil
    }

    /// Any org's entry of an app.
    func app(clientID: String) -> SimulatedApp? {
        orgOrder.lazy.compactMap { orgs[$0]?.apps[clientID] }.first
    }
}

/// What a host name stands for.
enum HostRole: Sendable, Hashable {
    /// The login host of no particular org.
    case genericLogin
    /// An org's My Domain.
    case login(org: String)
    /// An org's instance.
    case instance(org: String)
    /// The instance that an org has left.
    case formerInstance(org: String, FormerInstance)

    var orgID: String? {
        switch self {
        case .genericLogin: nil
        case .login(let org), .instance(let org), .formerInstance(let org, _): org
        }
    }
}

/// How the host answers that an org has left.
public enum FormerInstance: String, Sendable, Hashable, CaseIterable {
    /// 420, as Salesforce's edge answers a host that it has no route for.
    case dead
    /// 301 to the new host.
    case redirects
    /// 401 `INVALID_SESSION_ID`.
    case sessionExpired
}

/// One org with its people, apps, data and limits.
struct OrgState: Sendable {
    /// The 15-character id.
    let id: String
    let name: String
    let loginHost: String
    var instanceHost: String
    let isSandbox: Bool
    var users: [UserState]
    var apps: [String: SimulatedApp]
    var approvals: Set<Approval> = []
    var isLocked = false
    var apiRequestsMax: Int
    var apiRequestsUsed = 0
    var database: Database
    var cursors: [String: QueryCursor] = [:]
    var bulkJobs: [String: BulkJob] = [:]

    /// That a person let an app have a scope.
    struct Approval: Sendable, Hashable {
        var userID: RecordID
        var clientID: String
        var scope: String
    }

    init(_ org: SimulatedOrg, today: CivilDate) {
        // Invariant: a configuration names a valid org id; a wrong one is a mistake of whoever wrote it.
        guard let orgID = RecordID(org.id), orgID.prefix == "00D" else {
            preconditionFailure("\(org.id) is not the id of an org")
        }
        id = orgID.short
        name = org.name
        loginHost = org.loginHost
        instanceHost = org.instanceHost
        isSandbox = org.isSandbox
        apiRequestsMax = org.dailyAPIRequestsMax
        apps = Dictionary(org.apps.map { ($0.clientID, $0) }, uniquingKeysWith: { first, _ in first })
        let pod = String(orgID.short.dropFirst(3).prefix(3))
        users = org.users.enumerated().map { index, user in
            UserState(user, id: RecordID(prefix: "005", pod: pod, number: 1_000 + index))
        }
        database = DemoData.database(of: org, id: orgID, pod: pod, users: users, today: today)
    }

    /// The 18-character id.
    var longID: String { RecordID(id)?.long ?? id }

    func user(_ id: RecordID) -> UserState? { users.first { $0.id == id } }

    func profileID(_ profile: SimulatedUser.Profile) -> RecordID? {
        database.table("Profile").rows.first { $0["Name"].stringValue == profile.rawValue }?.id
    }
}

/// A person with the id that the org gave them.
struct UserState: Sendable {
    let id: RecordID
    var account: SimulatedUser

    init(_ account: SimulatedUser, id: RecordID) {
        self.id = id
        self.account = account
    }

    var username: String { account.username }
    var isActive: Bool { account.isActive }
}

/// How often what happened.
public struct SimulatorCounters: Sendable, Hashable {
    /// Access tokens issued.
    public var accessTokensIssued = 0
    /// Refresh tokens issued.
    public var refreshTokensIssued = 0
    /// Codes exchanged.
    public var codeExchanges = 0
    /// Successful refreshes.
    public var refreshes = 0
    /// Requests with `grant_type=refresh_token`, whatever came of them.
    public var refreshAttempts = 0
    /// Refreshes refused since another one with the same token was under way.
    public var refreshesRefusedAsConcurrent = 0
    /// Dead refresh tokens presented.
    public var refreshTokenReuses = 0
    /// Grants and tokens revoked by a revoke request.
    public var revocations = 0
    /// Grants revoked since a person had more than five.
    public var approvalsRevoked = 0
    /// Successful sign-ins.
    public var logins = 0
    /// Refused sign-ins.
    public var loginsRefused = 0
    /// Calls of `executeAnonymous` that ran.
    public var anonymousExecutions = 0
    /// API calls that an access token was accepted for.
    public var apiRequests = 0
}
