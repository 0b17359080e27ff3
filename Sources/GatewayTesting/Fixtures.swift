public import Domain
public import Foundation
public import Secrets

/// Sound values of the domain's models, for tests: sealed by a fixed master key, dated from ``epoch``.
public struct Fixtures: Sendable {
    /// When a test begins, unless it says otherwise.
    public static let epoch = Date(timeIntervalSince1970: 1_767_225_600)
    /// The master key as text: 64 hexadecimal digits.
    public static let encryptionKey = Secret("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff")
    /// Axonify's OAuth client id in a fixture that is not told another.
    public static let clientID = "3MVG9.fixture.client.id"
    /// Axonify's OAuth client secret in a fixture that is not told another.
    public static let clientSecret = "fixture-client-secret"
    /// The Salesforce org of customers that are not told another.
    public static let organizationID = "00D5g000008fixt"

    /// Opens and makes data keys.
    public let keys: KeyRing
    /// Makes the ids.
    public let ids: SequentialIDs

    /// Fixtures with a key ring of their own.
    ///
    /// - Throws: `SealingError` where the key is no key.
    public init(encryptionKey: Secret<String> = Fixtures.encryptionKey, ids: SequentialIDs = SequentialIDs()) throws {
        self.keys = try KeyRing(current: encryptionKey)
        self.ids = ids
    }

    /// A customer with its own data key and sealed Salesforce credentials (`nil`: without).
    public func makeCustomer(
        subdomain: String = "axonify", companyName: String = "Axonify",
        salesforceInstanceURL: String = "https://axonify.my.salesforce.com", clientID: String? = Fixtures.clientID,
        clientSecret: String? = Fixtures.clientSecret, stagedSecret: String? = nil,
        organizationID: String? = Fixtures.organizationID, rotatesRefreshTokens: Bool = false,
        tier: SubscriptionTier = .enterprise, status: SubscriptionStatus = .active, trialEndsAt: Date? = nil,
        pastDueSince: Date? = nil, suspendedAt: Date? = nil, at now: Date = Fixtures.epoch
    ) throws -> Customer {
        let id = CustomerID(ids.next())
        let (key, sealedKey) = try keys.makeDataKey(customer: id.rawValue)
        return try Customer(
            id: id, companyName: companyName, subdomain: Subdomain(subdomain),
            salesforceInstanceURL: salesforceInstanceURL,
            salesforceClientID: clientID.map { try key.seal(Secret($0), context: Customer.clientIDContext(id)) },
            salesforceClientSecret: clientSecret.map {
                try key.seal(Secret($0), context: Customer.clientSecretContext(id))
            },
            stagedClientSecret: stagedSecret.map {
                Customer.StagedSecret(
                    secret: try key.seal(Secret($0), context: Customer.stagedClientSecretContext(id)), since: now)
            },
            salesforceOrgID: organizationID.flatMap(SalesforceID.init), rotatesRefreshTokens: rotatesRefreshTokens,
            dataKey: sealedKey, subscriptionTier: tier, subscriptionStatus: status, trialEndsAt: trialEndsAt,
            pastDueSince: pastDueSince, suspendedAt: suspendedAt, createdAt: now, updatedAt: now)
    }

    /// A customer's configuration, with the defaults unless told otherwise.
    public func makeConfig(
        for customer: CustomerID, fieldMappings: [String: String] = [:], at now: Date = Fixtures.epoch
    ) -> CustomerConfig {
        CustomerConfig(
            id: CustomerConfigID(ids.next()), customerID: customer, fieldMappings: fieldMappings, createdAt: now,
            updatedAt: now)
    }

    /// A user of a customer.
    public func makeUser(
        in customer: CustomerID, email: String = "smcgovern@axonify.com.fullcpy", salesforceUserID: String? = nil,
        firstName: String = "Susan", lastName: String = "McGovern", role: UserRole = .admin,
        salesforceProfile: String? = nil, disabledAt: Date? = nil, at now: Date = Fixtures.epoch
    ) -> User {
        User(
            id: UserID(ids.next()), customerID: customer, email: email,
            salesforceUserID: salesforceUserID.flatMap(SalesforceID.init), firstName: firstName, lastName: lastName,
            role: role, salesforceProfile: salesforceProfile, disabledAt: disabledAt, createdAt: now, updatedAt: now)
    }

    /// A session of a user; `tokenHash` is the SHA-256 of the cookie (`nil`: 32 bytes that no other fixture has).
    public func makeSession(
        of user: User, tokenHash: [UInt8]? = nil, lifetime: TimeInterval = 12 * 60 * 60, userAgent: String? = nil,
        at now: Date = Fixtures.epoch
    ) -> Session {
        Session(
            id: SessionID(ids.next()), customerID: user.customerID, userID: user.id,
            tokenHash: tokenHash ?? makeHash(), createdAt: now, lastSeenAt: now,
            expiresAt: now.addingTimeInterval(lifetime), userAgent: userAgent)
    }

    /// An access key of a user; `keyHash` is the SHA-256 of the key (`nil`: 32 bytes that no other fixture has).
    public func makeAccessKey(
        of user: User, name: String = "reports", scope: AccessKeyScope = .full, keyHash: [UInt8]? = nil,
        lifetime: TimeInterval = AccessKey.defaultLifetime, at now: Date = Fixtures.epoch
    ) -> AccessKey {
        AccessKey(
            id: AccessKeyID(ids.next()), customerID: user.customerID, userID: user.id, name: name, scope: scope,
            keyHash: keyHash ?? makeHash(), createdAt: now, expiresAt: now.addingTimeInterval(lifetime))
    }

    /// A user's grant with sealed tokens, for the id and version that ``GrantRepository/replace(user:in:make:)`` gives.
    public func makeToken(
        id: OAuthTokenID, version: Int64 = 1, of user: User, customer: Customer,
        accessToken: String = "00Dfixture!access",
        refreshToken: String? = "5Aep861fixture.refresh", instanceURL: String = "https://axonify.my.salesforce.com",
        lifetime: TimeInterval = OAuthToken.defaultLifetime, at now: Date = Fixtures.epoch
    ) throws -> OAuthToken {
        let key = try customer.openedDataKey(with: keys)
        return try OAuthToken(
            id: id, userID: user.id, customerID: customer.id,
            accessToken: key.seal(
                Secret(accessToken), context: OAuthToken.accessTokenContext(id, customer: customer.id)),
            refreshToken: refreshToken.map {
                try key.seal(Secret($0), context: OAuthToken.refreshTokenContext(id, customer: customer.id))
            },
            instanceURL: instanceURL, expiresAt: now.addingTimeInterval(lifetime), version: version, createdAt: now,
            updatedAt: now)
    }

    /// An audit event.
    public func makeAuditEvent(
        in customer: CustomerID?, user: UserID? = nil, action: AuditAction = .signInSucceeded,
        detail: [String: String] = [:], requestID: String? = nil, at now: Date = Fixtures.epoch
    ) -> AuditEvent {
        AuditEvent(
            id: AuditEventID(ids.next()), customerID: customer, userID: user, action: action, detail: detail,
            requestID: requestID, at: now)
    }

    /// Thirty-two bytes that no other fixture of this value has.
    public func makeHash() -> [UInt8] {
        let id = ids.next().uuid
        let bytes = withUnsafeBytes(of: id) { Array($0) }
        return bytes + bytes.reversed()
    }
}

extension Fixtures {
    /// A customer with its configuration and an admin who has claimed it, stored; and the admin.
    public func store(
        in repositories: Repositories, subdomain: String = "axonify", email: String = "smcgovern@axonify.com.fullcpy",
        salesforceUserID: String? = "0055g00000fixt1", organizationID: String? = Fixtures.organizationID,
        at now: Date = Fixtures.epoch
    ) async throws -> (customer: Customer, admin: User) {
        let customer = try makeCustomer(subdomain: subdomain, organizationID: organizationID, at: now)
        let admin = makeUser(in: customer.id, email: email, salesforceUserID: salesforceUserID, at: now)
        try await repositories.customers.create(customer, config: makeConfig(for: customer.id, at: now), admin: admin)
        return (customer, admin)
    }
}

extension AccessKeyRepository {
    /// Stores a key, however many its user has.
    public func create(_ key: AccessKey) async throws {
        _ = try await create(key, unlessHolding: .max)
    }
}
