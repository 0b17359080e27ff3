public import Domain
internal import Foundation
internal import Logging
internal import NIOConcurrencyHelpers
public import Salesforce
internal import Secrets

extension TokenLedger {
    /// Stores a sign-in's tokens as the user's grant, and revokes the one that it replaces in the background:
    /// Salesforce keeps five approvals of one user and app, and a forgotten one would push out a good one.
    ///
    /// - Throws: `.unavailable`, `.internalError`.
    public func adopt(_ answer: TokenAnswer, user: User, in tenant: Tenant) async throws(GatewayError) {
        let now = context.now()
        let made = NIOLockedValueBox<OAuthToken?>(nil)
        let replaced = try await context.storage("storing a grant") { [context] in
            try await context.repositories.grants.replace(user: user.id, in: tenant.id) { id, version in
                let row = try Self.row(
                    of: answer, id: id, version: version, user: user, tenant: tenant, now: now)
                made.withLockedValue { $0 = row }
                return row
            }
        }
        guard let row = made.withLockedValue({ $0 }) else { throw .internalError }
        let token = LiveToken(
            grantID: row.id, userID: row.userID, version: row.version, accessToken: answer.accessToken,
            instance: answer.instanceURL, mintedAt: row.updatedAt, expiresAt: row.expiresAt)
        let renewAt = context.renewalTime(of: row)
        table.tell(user.id) { $0.didAdopt(token, renewAt: renewAt) }
        if let replaced { retire(replaced, replacedBy: answer, in: tenant) }
    }

    /// Revokes a user's grant at Salesforce and deletes it. A failure to revoke is logged, and does not keep it.
    ///
    /// - Throws: `.unavailable`, `.internalError`.
    public func revoke(user: UserID, in tenant: Tenant) async throws(GatewayError) {
        let row = try await context.storage("deleting a grant") { [context] in
            let row = try await context.repositories.grants.grant(of: user, in: tenant.id)
            if let row { try await context.repositories.grants.delete(row.id, in: tenant.id) }
            return row
        }
        table.tell(user) { $0.didRevoke() }
        guard let row else { return }
        if let token = openToRevoke(row, in: tenant), let login = tenant.oauthClient?.login {
            await revoke(token, login: login, customer: tenant.id)
        }
        await trail.record(.grantRevoked, customer: tenant.id, user: user)
    }

    /// Revokes a user's grant if no session and no access key uses it any more. A failure is logged: what led here
    /// (a sign-out, the end of a key) is done, and the next one comes here again.
    public func release(_ user: UserID, in tenant: Tenant, unusedBy sessions: SessionKeeper) async {
        do throws(GatewayError) {
            guard try await sessions.liveKeys(of: user, in: tenant).isEmpty,
                try await sessions.sessions(of: user, in: tenant).isEmpty
            else { return }
            try await revoke(user: user, in: tenant)
        } catch {
            context.logger.warning(
                "A grant without a use was not revoked",
                metadata: ["customer": "\(tenant.id)", "error": "\(error.errorCode)"])
        }
    }

    private static func row(
        of answer: TokenAnswer, id: OAuthTokenID, version: Int64, user: User, tenant: Tenant, now: Date
    ) throws -> OAuthToken {
        let key = tenant.dataKey
        return OAuthToken(
            id: id, userID: user.id, customerID: tenant.id,
            accessToken: try key.seal(
                answer.accessToken, context: OAuthToken.accessTokenContext(id, customer: tenant.id)),
            refreshToken: try answer.refreshToken.map {
                try key.seal($0, context: OAuthToken.refreshTokenContext(id, customer: tenant.id))
            },
            instanceURL: answer.instanceURL.description,
            expiresAt: now.addingTimeInterval(OAuthToken.defaultLifetime), version: version, createdAt: now,
            updatedAt: now)
    }

    private func retire(_ replaced: OAuthToken, replacedBy answer: TokenAnswer, in tenant: Tenant) {
        // A grant that Salesforce called dead has nothing to revoke.
        guard replaced.deadReason == nil, let token = openToRevoke(replaced, in: tenant) else { return }
        guard token != answer.refreshToken, token != answer.accessToken else { return }
        revokeInBackground(token, in: tenant)
    }

    /// The refresh token, with which its access tokens go; else the access token. `nil` (and logged) where it does not
    /// open.
    private func openToRevoke(_ row: OAuthToken, in tenant: Tenant) -> Secret<String>? {
        do {
            if let token = try row.decryptedRefreshToken(with: tenant.dataKey) { return token }
            return try row.decryptedAccessToken(with: tenant.dataKey)
        } catch {
            context.logger.warning(
                "A grant could not be opened to revoke it", metadata: ["customer": "\(tenant.id)"])
            return nil
        }
    }
}
