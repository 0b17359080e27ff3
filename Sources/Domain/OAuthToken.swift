public import Foundation
public import Secrets

/// A grant: a user's Salesforce tokens, sealed. One a user; all of the user's sessions and access keys share it.
public struct OAuthToken: Sendable, Hashable {
    public let id: OAuthTokenID
    public let userID: UserID
    public let customerID: CustomerID
    /// The sealed access token.
    public var accessToken: Sealed
    /// The sealed refresh token; `nil` where the org grants none.
    public var refreshToken: Sealed?
    /// Where this user's calls go, e.g. `https://axonify.my.salesforce.com`: scheme and host, no path.
    public var instanceURL: String
    /// An estimate: Salesforce sends no `expires_in`. It starts a refresh ahead of time and never refuses a call.
    public var expiresAt: Date
    /// Grows by one with each token pair stored; what a refresh compares before it stores a successor.
    public var version: Int64
    /// The number of the last lease given; grows only. A write by an older holder is refused.
    public var fence: Int64
    /// Until when the lease's holder alone may spend the refresh token, by the database's clock.
    public var leaseExpiresAt: Date?
    /// Since when the refresh token is being spent. With an expired lease, the grant is in doubt.
    public var spendingSince: Date?
    /// Whether the refresh token was sent once more although it was in doubt: it is not sent again.
    public var wasAskedInDoubt: Bool
    /// Why the grant is dead, and the user must sign in again; `nil` where it lives.
    public var deadReason: String?
    public var createdAt: Date
    public var updatedAt: Date

    /// A grant with every field given.
    public init(
        id: OAuthTokenID, userID: UserID, customerID: CustomerID, accessToken: Sealed, refreshToken: Sealed?,
        instanceURL: String, expiresAt: Date, version: Int64 = 1, fence: Int64 = 0, leaseExpiresAt: Date? = nil,
        spendingSince: Date? = nil, wasAskedInDoubt: Bool = false, deadReason: String? = nil, createdAt: Date,
        updatedAt: Date
    ) {
        self.id = id
        self.userID = userID
        self.customerID = customerID
        self.accessToken = accessToken
        self.refreshToken = refreshToken
        self.instanceURL = instanceURL
        self.expiresAt = expiresAt
        self.version = version
        self.fence = fence
        self.leaseExpiresAt = leaseExpiresAt
        self.spendingSince = spendingSince
        self.wasAskedInDoubt = wasAskedInDoubt
        self.deadReason = deadReason
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

extension OAuthToken {
    /// How long a token is taken to live where nothing better is known: two hours, Salesforce's default session.
    public static let defaultLifetime: TimeInterval = 2 * 60 * 60
    /// How long before its estimated end a token counts as expiring soon: five minutes.
    public static let expiringSoonMargin: TimeInterval = 5 * 60

    /// Where the sealed access token belongs.
    public static func accessTokenContext(_ id: OAuthTokenID, customer: CustomerID) -> SealingContext {
        SealingContext(
            table: "oauth_tokens", column: "access_token", row: id.rawValue, customer: customer.rawValue)
    }

    /// Where the sealed refresh token belongs.
    public static func refreshTokenContext(_ id: OAuthTokenID, customer: CustomerID) -> SealingContext {
        SealingContext(
            table: "oauth_tokens", column: "refresh_token", row: id.rawValue, customer: customer.rawValue)
    }

    /// The access token, opened.
    ///
    /// - Throws: `SealingError`.
    public func decryptedAccessToken(with key: DataKey) throws -> Secret<String> {
        try key.open(accessToken, context: Self.accessTokenContext(id, customer: customerID))
    }

    /// The refresh token, opened; `nil` where there is none.
    ///
    /// - Throws: `SealingError`.
    public func decryptedRefreshToken(with key: DataKey) throws -> Secret<String>? {
        try refreshToken.map { try key.open($0, context: Self.refreshTokenContext(id, customer: customerID)) }
    }

    /// Whether the estimated end has passed.
    public func isExpired(at now: Date) -> Bool {
        expiresAt <= now
    }

    /// Whether the estimated end is less than five minutes away.
    public func isExpiringSoon(at now: Date) -> Bool {
        expiresAt <= now.addingTimeInterval(Self.expiringSoonMargin)
    }

    /// Takes over what a refresh returned. Without a new refresh token the old one stays (RFC 6749 §6).
    public mutating func updateTokens(
        accessToken: Secret<String>, refreshToken: Secret<String>?, expiresIn: TimeInterval = defaultLifetime,
        sealedWith key: DataKey, at now: Date
    ) throws {
        self.accessToken = try key.seal(accessToken, context: Self.accessTokenContext(id, customer: customerID))
        if let refreshToken {
            self.refreshToken = try key.seal(refreshToken, context: Self.refreshTokenContext(id, customer: customerID))
        }
        self.expiresAt = now.addingTimeInterval(expiresIn)
        self.version += 1
        self.updatedAt = now
    }
}
