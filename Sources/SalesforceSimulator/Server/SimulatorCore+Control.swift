extension SimulatorCore {
    func org(_ name: String) throws -> OrgState {
        guard let org = withState({ $0.org(named: name) }) else { throw SimulatorError.unknown("org", name) }
        return org
    }

    func change(org name: String, _ body: (inout OrgState) throws -> Void) throws {
        try withState { state in
            guard var org = state.org(named: name) else { throw SimulatorError.unknown("org", name) }
            try body(&org)
            state.orgs[org.id] = org
        }
    }

    func endTokens(org: String?, username: String?, grants: Bool) throws {
        try step { state, surroundings in
            let orgID = try org.map { name in
                guard let found = state.org(named: name) else { throw SimulatorError.unknown("org", name) }
                return found.id
            }
            let userID = try username.map { name in
                guard let found = state.user(named: name) else { throw SimulatorError.unknown("user", name) }
                return found.user.id
            }
            guard grants else {
                for (token, access) in state.accessTokens
                where (orgID ?? access.orgID) == access.orgID && (userID ?? access.userID) == access.userID {
                    state.expire(accessToken: token, now: surroundings.now)
                }
                return
            }
            for (id, grant) in state.grants
            where (orgID ?? grant.orgID) == grant.orgID && (userID ?? grant.userID) == grant.userID {
                state.revokeGrant(id)
            }
        }
    }

    func moveInstance(of name: String, to host: String, leaving former: FormerInstance) throws {
        try withState { state in
            guard let org = state.org(named: name) else { throw SimulatorError.unknown("org", name) }
            let host = host.lowercased()
            guard state.hosts[host] == nil || state.hosts[host]?.orgID == org.id else {
                throw SimulatorError(description: "\(host) belongs to another org")
            }
            state.hosts[org.instanceHost.lowercased()] = .formerInstance(org: org.id, former)
            state.hosts[host] = .instance(org: org.id)
            state.orgs[org.id]?.instanceHost = host
            for (token, access) in state.accessTokens where access.orgID == org.id {
                state.accessTokens[token]?.isEnded = true
            }
        }
    }

    func updateUser(_ username: String, _ change: (inout SimulatedUser) -> Void) throws {
        try withState { state in
            guard let (org, user) = state.user(named: username),
                let index = org.users.firstIndex(where: { $0.id == user.id })
            else { throw SimulatorError.unknown("user", username) }
            var account = user.account
            change(&account)
            account.username = user.account.username
            state.orgs[org.id]?.users[index].account = account
            state.orgs[org.id]?.database.update(
                user.id,
                [
                    "IsActive": .bool(account.isActive), "Email": .string(account.email),
                    "FirstName": .string(account.firstName), "LastName": .string(account.lastName),
                    "Name": .string(account.fullName), "ProfileId": JSON(org.profileID(account.profile)?.long),
                ])
            guard account.password != user.account.password || !account.isActive else { return }
            for (token, access) in state.accessTokens where access.userID == user.id && access.orgID == org.id {
                state.accessTokens[token]?.isEnded = true
            }
            for (id, session) in state.webSessions where session.userID == user.id && session.orgID == org.id {
                state.webSessions[id] = nil
            }
            guard account.password != user.account.password else { return }
            for (id, grant) in state.grants where grant.userID == user.id && grant.orgID == org.id {
                state.grants[id]?.hasStalePassword = true
            }
        }
    }
}
