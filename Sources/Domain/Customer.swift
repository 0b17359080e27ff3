public import Foundation
public import Secrets

/// What a customer pays for.
public enum SubscriptionTier: String, Sendable, Hashable, Codable, CaseIterable {
    case starter, professional, enterprise
}

/// Where a customer's subscription stands, as stored. Whether it allows use: ``Customer/subscriptionAccess(at:)``.
public enum SubscriptionStatus: String, Sendable, Hashable, Codable, CaseIterable {
    case trial, active, cancelled
    case pastDue = "past_due"
}

/// Whether a subscription allows use, and if not, why.
public enum SubscriptionAccess: Sendable, Hashable {
    case allowed
    /// The trial ended at that time (`nil`: it has no end on record, so it never began).
    case trialExpired(Date?)
    /// Past due for longer than ``Customer/pastDueGrace``.
    case pastDueTooLong(since: Date)
    case cancelled
}

/// A customer organisation: a tenant of the gateway.
public struct Customer: Sendable, Hashable {
    public let id: CustomerID
    public var companyName: String
    public var subdomain: Subdomain
    /// The customer's Salesforce login host, e.g. `https://axonify.my.salesforce.com`; a site may have a path prefix.
    public var salesforceInstanceURL: String
    /// The sealed OAuth client id (the consumer key of the customer's External Client App).
    public var salesforceClientID: Sealed?
    /// The sealed OAuth client secret.
    public var salesforceClientSecret: Sealed?
    /// A second client secret, which takes the first one's place when Salesforce refuses that; `nil` where there is
    /// none.
    public var stagedClientSecret: StagedSecret?
    /// The org whose people get in; `nil` until the operator gives it or the first admin's sign-in pins it.
    public var salesforceOrgID: SalesforceID?
    /// Whether this org was ever seen to rotate refresh tokens: it is then never asked twice with one.
    public var rotatesRefreshTokens: Bool
    /// The customer's own key, sealed by a master key.
    public var dataKey: Sealed
    public var subscriptionTier: SubscriptionTier
    public var subscriptionStatus: SubscriptionStatus
    public var trialEndsAt: Date?
    /// Since when payment is due; starts the 14 days of grace.
    public var pastDueSince: Date?
    /// Since when an operator has suspended the workspace; `nil` where it runs.
    public var suspendedAt: Date?
    public var createdAt: Date
    public var updatedAt: Date

    /// A customer with every field given.
    public init(
        id: CustomerID, companyName: String, subdomain: Subdomain, salesforceInstanceURL: String,
        salesforceClientID: Sealed? = nil, salesforceClientSecret: Sealed? = nil,
        stagedClientSecret: StagedSecret? = nil, salesforceOrgID: SalesforceID? = nil,
        rotatesRefreshTokens: Bool = false, dataKey: Sealed, subscriptionTier: SubscriptionTier = .starter,
        subscriptionStatus: SubscriptionStatus = .trial, trialEndsAt: Date? = nil, pastDueSince: Date? = nil,
        suspendedAt: Date? = nil, createdAt: Date, updatedAt: Date
    ) {
        self.id = id
        self.companyName = companyName
        self.subdomain = subdomain
        self.salesforceInstanceURL = salesforceInstanceURL
        self.salesforceClientID = salesforceClientID
        self.salesforceClientSecret = salesforceClientSecret
        self.stagedClientSecret = stagedClientSecret
        self.salesforceOrgID = salesforceOrgID
        self.rotatesRefreshTokens = rotatesRefreshTokens
        self.dataKey = dataKey
        self.subscriptionTier = subscriptionTier
        self.subscriptionStatus = subscriptionStatus
        self.trialEndsAt = trialEndsAt
        self.pastDueSince = pastDueSince
        self.suspendedAt = suspendedAt
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }
}

extension Customer {
    /// A client secret that an operator gave before it becomes the app's.
    public struct StagedSecret: Sendable, Hashable {
        /// The sealed secret.
        public let secret: Sealed
        /// When the operator gave it.
        public let since: Date

        /// A staged secret as it is stored.
        public init(secret: Sealed, since: Date) {
            self.secret = secret
            self.since = since
        }
    }

    /// How long a customer whose payment is due may go on: 14 days.
    public static let pastDueGrace: TimeInterval = 14 * 24 * 60 * 60

    /// Where the sealed client id belongs.
    public static func clientIDContext(_ id: CustomerID) -> SealingContext {
        SealingContext(
            table: "customers", column: "salesforce_client_id", row: id.rawValue, customer: id.rawValue)
    }

    /// Where the sealed client secret belongs.
    public static func clientSecretContext(_ id: CustomerID) -> SealingContext {
        SealingContext(
            table: "customers", column: "salesforce_client_secret", row: id.rawValue, customer: id.rawValue)
    }

    /// Where the sealed staged client secret belongs.
    public static func stagedClientSecretContext(_ id: CustomerID) -> SealingContext {
        SealingContext(
            table: "customers", column: "salesforce_client_secret_staged", row: id.rawValue, customer: id.rawValue)
    }

    /// The customer's own key, opened.
    ///
    /// - Throws: `SealingError`.
    public func openedDataKey(with keys: KeyRing) throws -> DataKey {
        try keys.openDataKey(dataKey, customer: id.rawValue)
    }

    /// The OAuth client id; `nil` where none is set.
    ///
    /// - Throws: `SealingError`.
    public func decryptedClientID(with keys: KeyRing) throws -> Secret<String>? {
        try salesforceClientID.map { try openedDataKey(with: keys).open($0, context: Self.clientIDContext(id)) }
    }

    /// The OAuth client secret; `nil` where none is set.
    ///
    /// - Throws: `SealingError`.
    public func decryptedClientSecret(with keys: KeyRing) throws -> Secret<String>? {
        try salesforceClientSecret.map {
            try openedDataKey(with: keys).open($0, context: Self.clientSecretContext(id))
        }
    }

    /// The staged client secret; `nil` where there is none.
    ///
    /// - Throws: `SealingError`.
    public func decryptedStagedClientSecret(with keys: KeyRing) throws -> Secret<String>? {
        try stagedClientSecret.map {
            try openedDataKey(with: keys).open($0.secret, context: Self.stagedClientSecretContext(id))
        }
    }

    /// Whether the customer is on a trial that has ended.
    public func isTrialExpired(at now: Date) -> Bool {
        subscriptionStatus == .trial && subscriptionEndsAt <= now
    }

    /// Whether the subscription allows use.
    public func isSubscriptionActive(at now: Date) -> Bool {
        subscriptionAccess(at: now) == .allowed
    }

    /// Until when the subscription allows use, as far as is known now.
    public var subscriptionEndsAt: Date {
        switch subscriptionStatus {
        case .active: .distantFuture
        case .trial: trialEndsAt ?? .distantPast
        case .pastDue: pastDueStart.addingTimeInterval(Self.pastDueGrace)
        case .cancelled: .distantPast
        }
    }

    /// No date on record: the clock starts with the last change of the row.
    private var pastDueStart: Date { pastDueSince ?? updatedAt }

    /// Whether the subscription allows use, and if not, why.
    public func subscriptionAccess(at now: Date) -> SubscriptionAccess {
        guard now >= subscriptionEndsAt else { return .allowed }
        switch subscriptionStatus {
        case .active: return .allowed
        case .trial: return .trialExpired(trialEndsAt)
        case .pastDue: return .pastDueTooLong(since: pastDueStart)
        case .cancelled: return .cancelled
        }
    }
}
