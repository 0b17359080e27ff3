import Foundation

extension SimulatorState {
    /// Why a sign-in failed, in Salesforce's words.
    static let loginRefusal =
        "Please check your username and password. If you still can't log in, contact your "
        + "Salesforce administrator."

    /// Signs a browser in on a login host.
    ///
    /// - Returns: The web session, or `nil` where username or password are wrong, the person is inactive, or the host
    ///   belongs to another org.
    mutating func logIn(
        username: String, password: String, host: String, role: HostRole, in surroundings: Surroundings
    ) -> WebSession? {
        guard let (org, user) = user(named: username), user.account.password == password, user.isActive,
            !org.isLocked, role.orgID == nil || role.orgID == org.id
        else {
            counters.loginsRefused += 1
            return nil
        }
        counters.logins += 1
        let session = WebSession(
            id: "\(org.id)!\(surroundings.randomText(64))", host: host, orgID: org.id, userID: user.id,
            formToken: surroundings.randomText(32), createdAt: surroundings.now)
        webSessions[session.id] = session
        dropOldest(&webSessions, above: WebSession.countMax, by: \.createdAt)
        orgs[org.id]?.database.setLastLogin(of: user.id, at: surroundings.now)
        return session
    }

    /// The web session of a browser on this host, where it is still valid.
    func webSession(_ id: String?, host: String, now: Date) -> WebSession? {
        guard let id, let session = webSessions[id], session.host == host,
            now < session.createdAt.addingTimeInterval(WebSession.lifetime)
        else { return nil }
        return session
    }
}
