public import Foundation

extension SalesforceSimulator {
    // MARK: Addresses

    /// Where people of an org sign in, e.g. `http://axonify.my.salesforce.localhost:40001`. Needs the bound port.
    ///
    /// - Parameter org: Its id, name or a host. Throws ``SimulatorError`` where there is none.
    public func loginURL(of org: String) async throws -> String {
        let port = try await listeningPort()
        let state = try core.org(org)
        return "http://\(state.loginHost):\(port)"
    }

    /// Where an org's API answers at present. Needs the bound port.
    public func instanceURL(of org: String) async throws -> String {
        let port = try await listeningPort()
        let state = try core.org(org)
        return "http://\(state.instanceHost):\(port)"
    }

    /// The generic login host's address. Needs the bound port.
    public func genericLoginURL() async throws -> String {
        "http://\(core.configuration.genericLoginHost):\(try await listeningPort())"
    }

    /// The 18-character id of an org.
    public func organizationID(of org: String) throws -> String { try core.org(org).longID }

    /// The 18-character id of a user.
    public func userID(of username: String) throws -> String {
        guard let found = core.withState({ $0.user(named: username) }) else {
            throw SimulatorError.unknown("user", username)
        }
        return found.user.id.long
    }

    // MARK: What happened

    /// The last requests, the oldest first.
    public var journal: [JournalEntry] { core.withState { $0.journal.entries } }

    /// Forgets the requests so far.
    public func clearJournal() { core.withState { $0.journal.removeAll() } }

    /// How often what happened.
    public var counters: SimulatorCounters { core.withState { $0.counters } }

    // MARK: Clock

    /// The simulator's time.
    public var now: Date { core.now }

    /// Moves the clock.
    public func advance(by duration: Duration) {
        core.withState { $0.clockOffset += duration.timeInterval }
    }

    /// Sets how far the clock is ahead of the environment's.
    public func setClockOffset(_ offset: Duration) {
        core.withState { $0.clockOffset = offset.timeInterval }
    }

    // MARK: Faults

    /// Puts a fault in force.
    @discardableResult
    public func add(_ fault: SimulatedFault) -> SimulatedFault.ID { core.withState { $0.faults.add(fault) } }

    /// Ends a fault, and lets go of the requests that it holds.
    public func clear(_ id: SimulatedFault.ID) {
        core.withState { $0.faults.remove(id) }
        core.holds.release(id)
    }

    /// Ends all faults, and lets go of the requests that they hold.
    public func clearFaults() {
        let ids = core.withState { state in
            defer { state.faults.removeAll() }
            return state.faults.faults.map(\.id)
        }
        for id in ids { core.holds.release(id) }
    }

    /// Waits until a ``SimulatedFault/Action/hold`` holds so many requests.
    public func waitUntilHeld(_ count: Int = 1, by id: SimulatedFault.ID) async {
        await core.holds.waitUntilHeld(count, by: id)
    }

    // MARK: Tokens

    /// Ends one access token; the refresh token that it came from lives on.
    public func expire(accessToken: String) {
        core.step { state, surroundings in state.expire(accessToken: accessToken, now: surroundings.now) }
    }

    /// Ends access tokens: of one org, of one of its users, or all.
    public func expireAccessTokens(of org: String? = nil, username: String? = nil) throws {
        try core.endTokens(org: org, username: username, grants: false)
    }

    /// Revokes grants with all of their tokens: of one org, of one of its users, or all.
    public func revokeGrants(of org: String? = nil, username: String? = nil) throws {
        try core.endTokens(org: org, username: username, grants: true)
    }

    /// A person's grants, the oldest first.
    public func grants(of username: String) throws -> [SimulatedGrant] {
        try core.withState { state in
            guard let found = state.user(named: username) else { throw SimulatorError.unknown("user", username) }
            return state.grants.values
                .filter { $0.orgID == found.org.id && $0.userID == found.user.id }
                .sorted { $0.sequence < $1.sequence }.map(SimulatedGrant.init)
        }
    }

    /// What a refresh token is worth.
    public func standing(ofRefreshToken token: String) -> RefreshTokenStanding {
        core.withState { $0.standing(ofRefreshToken: token) }
    }

    // MARK: Orgs, apps, people

    /// Gives an org another instance host: answers to refreshes name it, sessions are over, the old host is left.
    public func moveInstance(of org: String, to host: String, leaving former: FormerInstance = .dead) throws {
        try core.moveInstance(of: org, to: host, leaving: former)
    }

    /// Locks an org, or unlocks it.
    public func setLocked(_ isLocked: Bool, org: String) throws {
        try core.change(org: org) { $0.isLocked = isLocked }
    }

    /// Sets an org's daily API limit, and how much of it is used.
    public func setAPIRequests(used: Int, of maximum: Int, org: String) throws {
        try core.change(org: org) { state in
            state.apiRequestsUsed = used
            state.apiRequestsMax = maximum
        }
    }

    /// Changes an app of an org, e.g. `{ $0.rotatesRefreshTokens = false }`, `{ $0.isBlocked = true }`. The client id
    /// stays.
    public func updateApp(
        _ clientID: String, org: String, _ change: @Sendable (inout SimulatedApp) -> Void
    ) throws {
        try core.change(org: org) { state in
            guard var app = state.apps[clientID] else { throw SimulatorError.unknown("app", clientID) }
            change(&app)
            app.clientID = clientID
            state.apps[clientID] = app
        }
    }

    /// Changes a person, e.g. `{ $0.isActive = false }`. The username stays. Sessions end with a deactivation or a
    /// changed password; refreshes then answer "authentication failure", after a changed password for good.
    public func updateUser(_ username: String, _ change: @Sendable (inout SimulatedUser) -> Void) throws {
        try core.updateUser(username, change)
    }
}
