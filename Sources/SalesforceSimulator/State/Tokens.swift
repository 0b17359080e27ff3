import Foundation

/// An authorize request that waits for a person to sign in and to agree.
struct PendingAuthorization: Sendable {
    var clientID: String
    var redirectURI: String
    var scopes: [String]
    var state: String?
    var challenge: String?
    var nonce: String?
    var loginHint: String?
    /// The login host on which it started.
    var host: String
    var asksForLogin: Bool
    var asksForConsent: Bool
    var createdAt: Date

    /// How long a person may take to sign in.
    static let lifetime: TimeInterval = 60 * 60
    /// How many may wait at once; the oldest go first.
    static let countMax = 10_000
}

/// A browser signed in on one login host.
struct WebSession: Sendable {
    var id: String
    var host: String
    var orgID: String
    var userID: RecordID
    /// Goes into every form, so that another site can't press "Allow".
    var formToken: String
    var createdAt: Date

    /// Web sessions end after this time.
    static let lifetime: TimeInterval = 2 * 60 * 60
    /// How many are kept; the oldest go first.
    static let countMax = 10_000
}

/// A one-time authorization code and what it is bound to.
struct AuthorizationCode: Sendable {
    var orgID: String
    var userID: RecordID
    var clientID: String
    var redirectURI: String
    var challenge: String?
    var scopes: [String]
    var nonce: String?
    var state: String?
    var expiresAt: Date

    /// Codes live 15 minutes.
    static let lifetime: TimeInterval = 15 * 60
    /// How many are kept; the oldest go first.
    static let countMax = 10_000
}

/// One approval of an app by a person: a family of refresh tokens and the access tokens made from it.
struct Grant: Sendable {
    var orgID: String
    var userID: RecordID
    var clientID: String
    var scopes: [String]
    var createdAt: Date
    var sequence: Int
    /// The living refresh token; `nil` where none was granted.
    var refreshToken: String?
    var refreshTokenIssuedAt: Date
    var refreshTokenUsedAt: Date
    var isRevoked = false
    var isBeingRefreshed = false
    var refreshTokensIssued = 0
    var expiries = 0
    var refreshAttempts = 0
    var refreshes = 0
    var refreshTokenReuses = 0
    /// The person's password has changed since.
    var hasStalePassword = false
}

/// Which grant a refresh token belongs to.
struct IssuedRefreshToken: Sendable {
    var grantID: String
    /// Counts the grant's refresh tokens from 1.
    var number: Int
}

/// An access token: a session of the API.
struct AccessToken: Sendable {
    var grantID: String
    var orgID: String
    var userID: RecordID
    var clientID: String
    var scopes: [String]
    var issuedAt: Date
    var lastActivityAt: Date
    var timeout: TimeInterval
    var slidesPastHalfOnly: Bool
    var isEnded = false

    func isAlive(at now: Date) -> Bool { !isEnded && now < expiresAt }

    var expiresAt: Date { lastActivityAt.addingTimeInterval(timeout) }

    /// Restarts the timeout, as any call does.
    mutating func touch(at now: Date) {
        if slidesPastHalfOnly, now.timeIntervalSince(lastActivityAt) < timeout / 2 { return }
        lastActivityAt = max(lastActivityAt, now)
    }
}

extension Duration {
    /// The duration in seconds.
    var timeInterval: TimeInterval {
        TimeInterval(components.seconds) + TimeInterval(components.attoseconds) / 1e18
    }
}
