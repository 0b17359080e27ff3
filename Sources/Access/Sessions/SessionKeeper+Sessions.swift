public import Domain
public import Foundation
internal import HTTPTypes
internal import Logging
public import Secrets

extension SessionKeeper {
    /// Starts a session with a fresh id for somebody who signed in. The cookie's value is in the answer alone.
    ///
    /// - Parameter userAgent: the browser's `User-Agent`.
    public func start(
        user: User, in tenant: Tenant, userAgent: String? = nil
    ) async throws(GatewayError) -> (cookie: Secret<String>, session: Session) {
        let cookie = Base64URL.encode(context.randomBytes(SessionCookie.byteCount))
        // Invariant: a shorter cookie could be guessed, and only a broken source of randomness gives one.
        precondition(SessionCookie.isWellFormed(cookie), "A session cookie is made of 32 random bytes")
        let now = context.now()
        let session = Session(
            id: SessionID(context.makeID()), customerID: tenant.id, userID: user.id,
            tokenHash: CredentialHash(cookie).bytes, createdAt: now, lastSeenAt: now,
            expiresAt: now.addingTimeInterval(context.limits.sessionMaxSeconds),
            userAgent: Session.userAgent(of: userAgent))
        try await context.storage("starting a session") { [context] in
            try await context.repositories.sessions.create(session)
        }
        await endOldest(of: user, in: tenant)
        return (Secret(cookie), session)
    }

    /// A script that signs in and never out must not fill tables and memory. The new session stands either way.
    private func endOldest(of user: User, in tenant: Tenant) async {
        do {
            let ended = try await context.repositories.sessions.endOldest(
                of: user.id, in: tenant.id, keeping: context.limits.sessionsPerUserMax)
            for id in ended { drop(subject: id.rawValue) }
        } catch {
            context.logger.debug("Old sessions were not ended", metadata: ["user": "\(user.id)"])
        }
    }

    /// When the session ends if nothing more happens.
    public func endsAt(_ session: Session) -> Date {
        session.endsAt(idleLimit: context.limits.sessionIdleSeconds)
    }

    /// The user's sessions that are not over.
    public func sessions(of user: UserID, in tenant: Tenant) async throws(GatewayError) -> [Session] {
        let now = context.now()
        return try await context.storage("listing sessions") { [context] in
            try await context.repositories.sessions.sessions(of: user, in: tenant.id)
        }.filter { endsAt($0) > now }
    }

    /// A page of the sessions that are not over, newest first: a user's, or with `nil` the whole tenant's.
    public func sessions(
        of user: UserID?, in tenant: Tenant, behind: TimeCursor?, limit: Int
    ) async throws(GatewayError) -> [Session] {
        let now = context.now()
        let usedSince = now.addingTimeInterval(-context.limits.sessionIdleSeconds)
        return try await context.storage("listing sessions") { [context] in
            try await context.repositories.sessions.sessions(
                of: user, in: tenant.id, at: now, usedSince: usedSince, behind: behind, limit: limit)
        }
    }

    /// Ends one session, here at once and everywhere through the feed.
    public func end(_ session: Session, in tenant: Tenant) async throws(GatewayError) {
        _ = try await context.storage("ending a session") { [context] in
            try await context.repositories.sessions.end(session.id, in: tenant.id)
        }
        drop(subject: session.id.rawValue)
    }

    /// Ends all of a user's sessions, here at once and everywhere through the feed.
    public func endAll(of user: UserID, in tenant: Tenant) async throws(GatewayError) {
        _ = try await context.storage("ending sessions") { [context] in
            try await context.repositories.sessions.endAll(of: user, in: tenant.id)
        }
        drop(subject: user.rawValue)
    }
}
