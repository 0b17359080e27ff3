internal import Domain
internal import Foundation

struct InMemoryGrantRepository: GrantRepository {
    let store: InMemoryStore

    func grant(of user: UserID, in customer: CustomerID) async throws -> OAuthToken? {
        try store.transaction { state, _ in
            state.grants.values.first { $0.userID == user && $0.customerID == customer }
        }
    }

    func replace(
        user: UserID, in customer: CustomerID,
        make: @Sendable (_ id: OAuthTokenID, _ version: Int64) throws -> OAuthToken
    ) async throws -> OAuthToken? {
        try store.transaction { state, ids in
            guard state.users[user]?.customerID == customer else {
                throw RepositoryError.conflict(constraint: RepositoryError.Constraint.grantUser)
            }
            let previous = state.grants.values.first { $0.userID == user && $0.customerID == customer }
            let version = (previous?.version ?? 0) + 1
            let id = previous?.id ?? OAuthTokenID(ids.next())
            let made = try make(id, version)
            let row = OAuthToken(
                id: id, userID: user, customerID: customer, accessToken: made.accessToken,
                refreshToken: made.refreshToken, instanceURL: made.instanceURL, expiresAt: made.expiresAt,
                version: version, fence: previous.map { $0.fence + 1 } ?? 0,
                createdAt: previous?.createdAt ?? made.createdAt, updatedAt: made.updatedAt)
            state.grants[id] = row.inMicroseconds
            state.record(.grant, customer, id.rawValue)
            return previous
        }
    }

    func acquireLease(_ id: OAuthTokenID, in customer: CustomerID, for duration: Duration) async throws
        -> GrantLeaseAnswer
    {
        let now = store.clock()
        return try store.transaction { state, _ in
            guard var grant = state.grants[id], grant.customerID == customer else { return .missing }
            if let leaseExpiresAt = grant.leaseExpiresAt, leaseExpiresAt > now { return .held(grant) }
            grant.fence += 1
            grant.leaseExpiresAt = now.addingTimeInterval(duration / .seconds(1)).inMicroseconds
            state.grants[id] = grant
            return .given(GrantLease(fence: grant.fence, token: grant))
        }
    }

    func beginSpending(_ lease: GrantLease, in customer: CustomerID, for duration: Duration) async throws -> Bool {
        let now = store.clock()
        return try store.transaction { state, _ in
            guard var grant = state.grants[lease.token.id], grant.customerID == customer, grant.fence == lease.fence,
                let leaseExpiresAt = grant.leaseExpiresAt, leaseExpiresAt > now
            else { return false }
            grant.wasAskedInDoubt = grant.spendingSince != nil
            grant.spendingSince = now.inMicroseconds
            grant.leaseExpiresAt = now.addingTimeInterval(duration / .seconds(1)).inMicroseconds
            state.grants[grant.id] = grant
            return true
        }
    }

    func storeSuccessor(_ token: OAuthToken, succeeding version: Int64) async throws -> Bool {
        try store.transaction { state, _ in
            guard var grant = state.grants[token.id], grant.customerID == token.customerID, grant.version == version
            else { return false }
            grant.accessToken = token.accessToken
            grant.refreshToken = token.refreshToken
            grant.instanceURL = token.instanceURL
            grant.expiresAt = token.expiresAt
            grant.version = version + 1
            grant.leaseExpiresAt = nil
            grant.spendingSince = nil
            grant.wasAskedInDoubt = false
            grant.deadReason = nil
            grant.updatedAt = token.updatedAt
            state.grants[grant.id] = grant.inMicroseconds
            state.record(.grant, grant.customerID, grant.id.rawValue)
            return true
        }
    }

    func release(_ lease: GrantLease, in customer: CustomerID, unspent: Bool) async throws {
        try store.transaction { state, _ in
            guard var grant = state.grants[lease.token.id], grant.customerID == customer, grant.fence == lease.fence
            else { return }
            grant.leaseExpiresAt = nil
            if unspent, grant.version == lease.token.version {
                grant.spendingSince = lease.token.spendingSince
                grant.wasAskedInDoubt = lease.token.wasAskedInDoubt
            }
            state.grants[grant.id] = grant
        }
    }

    func markDead(_ id: OAuthTokenID, in customer: CustomerID, version: Int64, reason: String, at now: Date)
        async throws -> Bool
    {
        try store.transaction { state, _ in
            guard var grant = state.grants[id], grant.customerID == customer, grant.version == version else {
                return false
            }
            grant.deadReason = reason
            grant.leaseExpiresAt = nil
            grant.spendingSince = nil
            grant.wasAskedInDoubt = false
            grant.updatedAt = now
            state.grants[id] = grant.inMicroseconds
            state.record(.grant, customer, id.rawValue)
            _ = state.removeSessions { $0.userID == grant.userID && $0.customerID == customer }
            return true
        }
    }

    func delete(_ id: OAuthTokenID, in customer: CustomerID) async throws {
        try store.transaction { state, _ in state.removeGrants { $0.id == id && $0.customerID == customer } }
    }
}

struct InMemorySessionRepository: SessionRepository {
    let store: InMemoryStore

    func create(_ session: Session) async throws {
        try store.transaction { state, _ in
            guard state.users[session.userID]?.customerID == session.customerID else {
                throw RepositoryError.conflict(constraint: RepositoryError.Constraint.sessionUser)
            }
            guard !state.sessions.values.contains(where: { $0.tokenHash == session.tokenHash }) else {
                throw RepositoryError.conflict(constraint: RepositoryError.Constraint.sessionTokenHash)
            }
            state.sessions[session.id] = session.inMicroseconds
        }
    }

    func session(tokenHash: [UInt8]) async throws -> Session? {
        try store.transaction { state, _ in state.sessions.values.first { $0.tokenHash == tokenHash } }
    }

    func session(id: SessionID, in customer: CustomerID) async throws -> Session? {
        try store.transaction { state, _ in state.sessions[id].flatMap { $0.customerID == customer ? $0 : nil } }
    }

    func sessions(
        of user: UserID?, in customer: CustomerID, at now: Date, usedSince: Date, behind: TimeCursor?, limit: Int
    ) async throws -> [Session] {
        try store.transaction { state, _ in
            state.sessions.values.filter {
                $0.customerID == customer && (user == nil || $0.userID == user) && $0.expiresAt > now
                    && $0.lastSeenAt > usedSince
            }.page(behind: behind, limit: limit) { TimeCursor(at: $0.createdAt, id: $0.id.rawValue) }
        }
    }

    func sessions(of user: UserID, in customer: CustomerID) async throws -> [Session] {
        try store.transaction { state, _ in
            state.sessions.values.filter { $0.userID == user && $0.customerID == customer }
                .sorted { ($0.createdAt, $0.id.description) > ($1.createdAt, $1.id.description) }
        }
    }

    func touch(_ uses: [LastUse<SessionID>]) async throws {
        try store.transaction { state, _ in
            for use in uses {
                guard var session = state.sessions[use.id], session.customerID == use.customerID,
                    session.lastSeenAt < use.at
                else { continue }
                session.lastSeenAt = use.at.inMicroseconds
                state.sessions[use.id] = session
            }
        }
    }

    func end(_ id: SessionID, in customer: CustomerID) async throws -> Bool {
        try store.transaction { state, _ in
            state.removeSessions { $0.id == id && $0.customerID == customer } > 0
        }
    }

    func endOldest(of user: UserID, in customer: CustomerID, keeping count: Int) async throws -> [SessionID] {
        let oldest = try await sessions(of: user, in: customer).dropFirst(count).map(\.id)
        return try store.transaction { state, _ in
            oldest.filter { id in state.removeSessions { $0.id == id } > 0 }
        }
    }

    func endAll(of user: UserID, in customer: CustomerID) async throws -> Int {
        try store.transaction { state, _ in
            state.removeSessions { $0.userID == user && $0.customerID == customer }
        }
    }

    func prune(endedBefore: Date) async throws -> Int {
        try store.transaction { state, _ in state.removeSessions { $0.expiresAt < endedBefore } }
    }
}

struct InMemoryAccessKeyRepository: AccessKeyRepository {
    let store: InMemoryStore

    func create(_ key: AccessKey, unlessHolding count: Int) async throws -> Bool {
        try store.transaction { state, _ in
            let held = state.accessKeys.values.count {
                $0.customerID == key.customerID && $0.userID == key.userID && $0.expiresAt > key.createdAt
            }
            guard held < count else { return false }
            guard state.users[key.userID]?.customerID == key.customerID else {
                throw RepositoryError.conflict(constraint: RepositoryError.Constraint.accessKeyUser)
            }
            guard !state.accessKeys.values.contains(where: { $0.keyHash == key.keyHash }) else {
                throw RepositoryError.conflict(constraint: RepositoryError.Constraint.accessKeyHash)
            }
            state.accessKeys[key.id] = key.inMicroseconds
            state.record(.accessKey, key.customerID, key.id.rawValue)
            return true
        }
    }

    func key(keyHash: [UInt8]) async throws -> AccessKey? {
        try store.transaction { state, _ in state.accessKeys.values.first { $0.keyHash == keyHash } }
    }

    func key(id: AccessKeyID, in customer: CustomerID) async throws -> AccessKey? {
        try store.transaction { state, _ in
            state.accessKeys[id].flatMap { $0.customerID == customer ? $0 : nil }
        }
    }

    func keys(of user: UserID?, in customer: CustomerID) async throws -> [AccessKey] {
        try store.transaction { state, _ in
            state.accessKeys.values
                .filter { $0.customerID == customer && (user == nil || $0.userID == user) }
                .sorted { ($0.createdAt, $0.id.description) > ($1.createdAt, $1.id.description) }
        }
    }

    func touch(_ uses: [LastUse<AccessKeyID>]) async throws {
        try store.transaction { state, _ in
            for use in uses {
                guard var key = state.accessKeys[use.id], key.customerID == use.customerID,
                    key.lastUsedAt.map({ $0 < use.at }) ?? true
                else { continue }
                key.lastUsedAt = use.at.inMicroseconds
                state.accessKeys[use.id] = key
            }
        }
    }

    func end(_ id: AccessKeyID, in customer: CustomerID) async throws -> Bool {
        try store.transaction { state, _ in
            guard state.accessKeys[id]?.customerID == customer else { return false }
            state.accessKeys[id] = nil
            state.record(.accessKey, customer, id.rawValue)
            return true
        }
    }
}
