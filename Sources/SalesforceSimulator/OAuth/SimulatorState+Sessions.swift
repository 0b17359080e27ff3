import Foundation

/// Who makes an API call.
struct APIPrincipal: Sendable {
    var org: OrgState
    var user: UserState
    var token: AccessToken
    var tokenValue: String
}

/// Why an access token is not accepted.
enum SessionFailure: Error, Sendable, Hashable {
    case missing
    case dead
    case wrongOrg
    case notForREST
    case orgLocked
}

extension SimulatorState {
    /// Accepts an access token at an org's host and restarts its timeout.
    mutating func authenticate(
        token: String?, orgID: String?, needsAPI: Bool, now: Date
    ) throws -> APIPrincipal {
        guard let token, !token.isEmpty else { throw SessionFailure.missing }
        guard let access = accessTokens[token] else { throw SessionFailure.dead }
        if let orgID, access.orgID != orgID { throw SessionFailure.wrongOrg }
        guard access.isAlive(at: now), let org = orgs[access.orgID], let user = org.user(access.userID),
            user.isActive, let app = org.apps[access.clientID], app.isInstalled, !app.isBlocked
        else { throw SessionFailure.dead }
        if org.isLocked { throw SessionFailure.orgLocked }
        if needsAPI, Set(access.scopes).isDisjoint(with: ["api", "full"]) { throw SessionFailure.notForREST }
        accessTokens[token]?.touch(at: now)
        counters.apiRequests += 1
        return APIPrincipal(org: org, user: user, token: access, tokenValue: token)
    }

    /// Revokes a refresh token with its family, or one access token.
    ///
    /// - Returns: Whether there was anything to revoke.
    mutating func revoke(token: String, orgID: String?, now: Date) -> Bool {
        if let grantID = refreshTokens[token]?.grantID, let grant = grants[grantID] {
            guard orgID == nil || orgID == grant.orgID, !grant.isRevoked else { return false }
            revokeGrant(grantID)
        } else if let access = accessTokens[token], access.isAlive(at: now) {
            guard orgID == nil || orgID == access.orgID else { return false }
            accessTokens[token]?.isEnded = true
        } else {
            return false
        }
        counters.revocations += 1
        return true
    }

    /// What `introspect` says of a token; only the app that it was issued to learns anything.
    func introspect(
        token: String, client: ClientCredentials, orgID: String?, in surroundings: Surroundings
    ) throws -> JSON {
        guard let known = app(clientID: client.clientID) else { throw TokenError.unknownClient }
        guard let secret = client.clientSecret, secret == known.clientSecret || secret == known.previousClientSecret
        else { throw TokenError.wrongClientSecret }
        if let access = accessTokens[token] {
            guard access.isAlive(at: surroundings.now), access.clientID == client.clientID,
                orgID == nil || orgID == access.orgID, let org = orgs[access.orgID],
                let user = org.user(access.userID)
            else { return ["active": false] }
            return [
                "active": true, "scope": .string(access.scopes.joined(separator: " ")),
                "client_id": .string(access.clientID), "username": .string(user.username),
                "sub": .string(surroundings.identityURL(org: org, user: user.id)), "token_type": "access_token",
                "exp": .int(Int(access.expiresAt.timeIntervalSince1970)),
                "iat": .int(Int(access.issuedAt.timeIntervalSince1970)),
                "nbf": .int(Int(access.issuedAt.timeIntervalSince1970)),
            ]
        }
        guard let grantID = refreshTokens[token]?.grantID, let grant = grants[grantID], !grant.isRevoked,
            grant.refreshToken == token, grant.clientID == client.clientID,
            orgID == nil || orgID == grant.orgID, let org = orgs[grant.orgID], let user = org.user(grant.userID)
        else { return ["active": false] }
        return [
            "active": true, "scope": .string(grant.scopes.joined(separator: " ")),
            "client_id": .string(grant.clientID), "username": .string(user.username),
            "sub": .string(surroundings.identityURL(org: org, user: user.id)), "token_type": "refresh_token",
            "iat": .int(Int(grant.refreshTokenIssuedAt.timeIntervalSince1970)),
            "nbf": .int(Int(grant.refreshTokenIssuedAt.timeIntervalSince1970)),
        ]
    }
}
