import Foundation

/// One approval of an app by a person, as the simulator has it: what became of its tokens so far.
public struct SimulatedGrant: Sendable, Hashable {
    /// Whether it was revoked, by whomever.
    public var isRevoked: Bool
    /// Living access tokens that were expired on demand.
    public var expiries: Int
    /// Requests that showed one of its refresh tokens, whatever came of them.
    public var refreshAttempts: Int
    /// Those that were given a new access token.
    public var refreshes: Int
    /// Those that showed a dead refresh token.
    public var refreshTokenReuses: Int
}

/// What a refresh token is worth.
public enum RefreshTokenStanding: Sendable, Hashable {
    /// The next refresh needs it.
    case living
    /// It was rotated away; so many were issued after it.
    case spent(successors: Int)
    /// Its grant is revoked.
    case revoked
    /// It was never issued.
    case unknown
}

extension SimulatedGrant {
    init(_ grant: Grant) {
        self.init(
            isRevoked: grant.isRevoked, expiries: grant.expiries, refreshAttempts: grant.refreshAttempts,
            refreshes: grant.refreshes, refreshTokenReuses: grant.refreshTokenReuses)
    }
}

extension SimulatorState {
    /// Ends an access token before its time; the refresh token lives on.
    mutating func expire(accessToken token: String, now: Date) {
        guard let access = accessTokens[token], access.isAlive(at: now) else { return }
        accessTokens[token]?.isEnded = true
        grants[access.grantID]?.expiries += 1
    }

    func standing(ofRefreshToken token: String) -> RefreshTokenStanding {
        guard let issued = refreshTokens[token], let grant = grants[issued.grantID] else { return .unknown }
        if grant.isRevoked { return .revoked }
        return grant.refreshToken == token ? .living : .spent(successors: grant.refreshTokensIssued - issued.number)
    }
}
