public import Foundation

/// A browser's session at one tenant. The cookie holds 256 random bits; the database their SHA-256.
public struct Session: Sendable, Hashable {
    public let id: SessionID
    public let customerID: CustomerID
    public let userID: UserID
    /// SHA-256 of the cookie's value.
    public let tokenHash: [UInt8]
    public let createdAt: Date
    /// Written at most once a minute.
    public var lastSeenAt: Date
    /// The absolute limit; the idle limit is counted from ``lastSeenAt``.
    public let expiresAt: Date
    /// What the browser called itself when it signed in, as ``userAgent(of:)`` leaves it. Lists have it; the session
    /// that proves who calls is kept in memory without it.
    public let userAgent: String?

    /// A session with every field given.
    public init(
        id: SessionID, customerID: CustomerID, userID: UserID, tokenHash: [UInt8], createdAt: Date, lastSeenAt: Date,
        expiresAt: Date, userAgent: String? = nil
    ) {
        self.id = id
        self.customerID = customerID
        self.userID = userID
        self.tokenHash = tokenHash
        self.createdAt = createdAt
        self.lastSeenAt = lastSeenAt
        self.expiresAt = expiresAt
        self.userAgent = userAgent
    }

    /// How much of a browser's name for itself is kept: 255 code points.
    public static let userAgentLengthMax = 255

    /// What is kept of a `User-Agent` header: without control characters and what turns text around, cut off where it
    /// is longer than ``userAgentLengthMax``; `nil` where nothing is left.
    public static func userAgent(of header: String?) -> String? {
        let plain = (header ?? "").unicodeScalars.lazy.filter { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: false
            case _: true
            }
        }
        var kept = String.UnicodeScalarView()
        kept.append(contentsOf: plain.drop { $0 == " " }.prefix(userAgentLengthMax))
        while kept.last == " " { kept.removeLast() }
        return kept.isEmpty ? nil : String(kept)
    }

    /// When the session ends if nothing more happens on it.
    public func endsAt(idleLimit: TimeInterval) -> Date {
        min(expiresAt, lastSeenAt.addingTimeInterval(idleLimit))
    }
}

/// What an access key may do.
public enum AccessKeyScope: String, Sendable, Hashable, Codable, CaseIterable {
    /// An allow-list of reads; never code.
    case read
    /// Whatever the user may do at Salesforce.
    case full
}

/// A key for scripts and client libraries: it calls Salesforce as its user. Stored as SHA-256.
public struct AccessKey: Sendable, Hashable {
    public let id: AccessKeyID
    public let customerID: CustomerID
    public let userID: UserID
    public let name: String
    public let scope: AccessKeyScope
    /// SHA-256 of the whole key.
    public let keyHash: [UInt8]
    public let createdAt: Date
    public let expiresAt: Date
    /// Written at most once a minute.
    public var lastUsedAt: Date?

    /// How long a key lives unless it is said otherwise: 90 days.
    public static let defaultLifetime: TimeInterval = 90 * 24 * 60 * 60

    /// A key with every field given.
    public init(
        id: AccessKeyID, customerID: CustomerID, userID: UserID, name: String, scope: AccessKeyScope,
        keyHash: [UInt8], createdAt: Date, expiresAt: Date, lastUsedAt: Date? = nil
    ) {
        self.id = id
        self.customerID = customerID
        self.userID = userID
        self.name = name
        self.scope = scope
        self.keyHash = keyHash
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.lastUsedAt = lastUsedAt
    }
}
