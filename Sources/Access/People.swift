public import Domain
internal import Foundation

/// What an admin does to the people of a workspace (contract §2, `/api/users`).
public struct People: Sendable {
    private let context: AccessContext
    private let sessions: SessionKeeper
    private let ledger: TokenLedger
    private let trail: AuditTrail

    /// The people of all tenants.
    public init(context: AccessContext, sessions: SessionKeeper, ledger: TokenLedger) {
        self.context = context
        self.sessions = sessions
        self.ledger = ledger
        self.trail = AuditTrail(context: context)
    }

    /// A page of a tenant's people, in the order of their emails.
    ///
    /// - Throws: `.unavailable`.
    public func list(in tenant: Tenant, behind email: String?, limit: Int) async throws(GatewayError) -> [User] {
        try await context.storage("listing users") { [context] in
            try await context.repositories.users.users(in: tenant.id, behind: email, limit: limit)
        }
    }

    /// Changes somebody's role, or whether they may sign in. Every process knows within seconds, through the feed.
    ///
    /// - Throws: `.unavailable`.
    public func change(
        _ id: UserID, _ change: UserChange, by caller: Caller, requestID: String
    ) async throws(GatewayError) -> UserChangeResult {
        let tenant = caller.tenant
        let result = try await context.storage("changing a user") { [context] in
            try await context.repositories.users.change(id, in: tenant.id, change, at: context.now())
        }
        guard case .changed(let former, let user) = result, former != user else { return result }
        sessions.drop(subject: id.rawValue)
        for (action, detail) in Self.events(from: former, to: user) {
            await trail.record(
                action, customer: tenant.id, user: caller.userID,
                detail: detail.merging(["target": "\(id)"]) { $1 }, requestID: requestID)
        }
        return result
    }

    /// Ends one session, as if its browser had signed out: own, or any of the tenant's for an admin.
    ///
    /// - Throws: `.notFound`, `.unavailable`.
    public func endSession(_ id: SessionID, by caller: Caller, requestID: String) async throws(GatewayError) {
        let tenant = caller.tenant
        let found = try await context.storage("reading a session") { [context] in
            try await context.repositories.sessions.session(id: id, in: tenant.id)
        }
        guard let session = found, session.userID == caller.userID || caller.user.isAdmin else { throw .notFound }
        try await sessions.end(session, in: tenant)
        await trail.record(
            .sessionEnded, customer: tenant.id, user: caller.userID,
            detail: ["session": "\(id)", "target": "\(session.userID)"], requestID: requestID)
        await ledger.release(session.userID, in: tenant, unusedBy: sessions)
    }

    private static func events(from former: User, to user: User) -> [(AuditAction, [String: String])] {
        var events: [(AuditAction, [String: String])] = []
        if former.role != user.role {
            events.append((.userRoleChanged, ["before": former.role.rawValue, "after": user.role.rawValue]))
        }
        switch (former.disabledAt, user.disabledAt) {
        case (nil, .some): events.append((.userDisabled, [:]))
        case (.some, nil): events.append((.userEnabled, [:]))
        case (nil, nil), (.some, .some): break
        }
        return events
    }
}
