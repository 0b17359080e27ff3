public import Domain
internal import Foundation
public import Postgres
public import Secrets

// MARK: - Values

// The enums travel as the labels of PostgreSQL's enum types.
extension SubscriptionTier: PostgresEncodable, PostgresDecodable {}
extension SubscriptionStatus: PostgresEncodable, PostgresDecodable {}
extension UserRole: PostgresEncodable, PostgresDecodable {}
extension AccessKeyScope: PostgresEncodable, PostgresDecodable {}
extension AuditAction: PostgresEncodable, PostgresDecodable {}
extension Change.Kind: PostgresEncodable, PostgresDecodable {}

extension Identifier: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { UUID.postgresType }
    public var postgresValue: PostgresValue { rawValue.postgresValue }
    public static func decode(_ cell: PostgresCell) throws -> Identifier { try Identifier(UUID.decode(cell)) }
}

extension Sealed: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { [UInt8].postgresType }
    public var postgresValue: PostgresValue { bytes.postgresValue }
    public static func decode(_ cell: PostgresCell) throws -> Sealed { try Sealed(bytes: [UInt8].decode(cell)) }
}

extension Subdomain: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { String.postgresType }
    public var postgresValue: PostgresValue { label.postgresValue }
    public static func decode(_ cell: PostgresCell) throws -> Subdomain {
        guard let subdomain = try? Subdomain(String.decode(cell)) else { throw cell.mismatch(expected: "a subdomain") }
        return subdomain
    }
}

extension SalesforceID: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { String.postgresType }
    public var postgresValue: PostgresValue { rawValue.postgresValue }
    public static func decode(_ cell: PostgresCell) throws -> SalesforceID {
        guard let id = try SalesforceID(String.decode(cell)) else { throw cell.mismatch(expected: "a Salesforce id") }
        return id
    }
}

// MARK: - Rows

extension Customer {
    static let columns: SQL = """
        id, company_name, subdomain, salesforce_instance_url, salesforce_client_id, salesforce_client_secret,
        salesforce_client_secret_staged, salesforce_client_secret_staged_at, salesforce_org_id,
        rotates_refresh_tokens, data_key, subscription_tier, subscription_status, trial_ends_at, past_due_since,
        suspended_at, created_at, updated_at
        """

    init(_ row: PostgresRow) throws {
        try self.init(
            id: row.decode("id", as: CustomerID.self), companyName: row.decode("company_name", as: String.self),
            subdomain: row.decode("subdomain", as: Subdomain.self),
            salesforceInstanceURL: row.decode("salesforce_instance_url", as: String.self),
            salesforceClientID: row.decode("salesforce_client_id", as: Sealed?.self),
            salesforceClientSecret: row.decode("salesforce_client_secret", as: Sealed?.self),
            stagedClientSecret: StagedSecret(row),
            salesforceOrgID: row.decode("salesforce_org_id", as: SalesforceID?.self),
            rotatesRefreshTokens: row.decode("rotates_refresh_tokens", as: Bool.self),
            dataKey: row.decode("data_key", as: Sealed.self),
            subscriptionTier: row.decode("subscription_tier", as: SubscriptionTier.self),
            subscriptionStatus: row.decode("subscription_status", as: SubscriptionStatus.self),
            trialEndsAt: row.decode("trial_ends_at", as: Date?.self),
            pastDueSince: row.decode("past_due_since", as: Date?.self),
            suspendedAt: row.decode("suspended_at", as: Date?.self),
            createdAt: row.decode("created_at", as: Date.self), updatedAt: row.decode("updated_at", as: Date.self))
    }

    /// The statement that stores this customer.
    var insertion: SQL {
        """
        insert into customers (\(fragment: Self.columns))
        values (\(id), \(companyName), \(subdomain), \(salesforceInstanceURL), \(salesforceClientID),
            \(salesforceClientSecret), \(stagedClientSecret?.secret), \(stagedClientSecret?.since),
            \(salesforceOrgID), \(rotatesRefreshTokens), \(dataKey), \(subscriptionTier), \(subscriptionStatus),
            \(trialEndsAt), \(pastDueSince), \(suspendedAt), \(createdAt), \(updatedAt))
        """
    }
}

extension Customer.StagedSecret {
    init?(_ row: PostgresRow) throws {
        guard let secret = try row.decode("salesforce_client_secret_staged", as: Sealed?.self),
            let since = try row.decode("salesforce_client_secret_staged_at", as: Date?.self)
        else { return nil }
        self.init(secret: secret, since: since)
    }
}

extension User {
    static let columns: SQL = """
        id, customer_id, email, salesforce_user_id, first_name, last_name, role, salesforce_profile, last_login_at,
        disabled_at, created_at, updated_at
        """

    init(_ row: PostgresRow) throws {
        try self.init(
            id: row.decode("id", as: UserID.self), customerID: row.decode("customer_id", as: CustomerID.self),
            email: row.decode("email", as: String.self),
            salesforceUserID: row.decode("salesforce_user_id", as: SalesforceID?.self),
            firstName: row.decode("first_name", as: String.self), lastName: row.decode("last_name", as: String.self),
            role: row.decode("role", as: UserRole.self),
            salesforceProfile: row.decode("salesforce_profile", as: String?.self),
            lastLoginAt: row.decode("last_login_at", as: Date?.self),
            disabledAt: row.decode("disabled_at", as: Date?.self), createdAt: row.decode("created_at", as: Date.self),
            updatedAt: row.decode("updated_at", as: Date.self))
    }

    /// The statement that stores this user.
    var insertion: SQL {
        """
        insert into users (\(fragment: Self.columns))
        values (\(id), \(customerID), \(email), \(salesforceUserID), \(firstName), \(lastName), \(role),
            \(salesforceProfile), \(lastLoginAt), \(disabledAt), \(createdAt), \(updatedAt))
        """
    }
}

extension CustomerConfig {
    static let columns: SQL = "id, customer_id, field_mappings, risk_rules, priority_weights, created_at, updated_at"

    init(_ row: PostgresRow) throws {
        try self.init(
            id: row.decode("id", as: CustomerConfigID.self),
            customerID: row.decode("customer_id", as: CustomerID.self),
            fieldMappings: row.decode("field_mappings", as: PostgresJSON<[String: String]>.self).value,
            riskRules: row.decode("risk_rules", as: PostgresJSON<RiskRules>.self).value,
            priorityWeights: row.decode("priority_weights", as: PostgresJSON<PriorityWeights>.self).value,
            createdAt: row.decode("created_at", as: Date.self), updatedAt: row.decode("updated_at", as: Date.self))
    }

    /// The statement that stores this configuration.
    var insertion: SQL {
        """
        insert into customer_configs (\(fragment: Self.columns))
        values (\(id), \(customerID), \(PostgresJSON(fieldMappings)), \(PostgresJSON(riskRules)),
            \(PostgresJSON(priorityWeights)), \(createdAt), \(updatedAt))
        """
    }
}

extension OAuthToken {
    static let columns: SQL = """
        id, user_id, customer_id, access_token, refresh_token, instance_url, expires_at, version, fence,
        lease_expires_at, spending_since, asked_in_doubt, dead_reason, created_at, updated_at
        """

    init(_ row: PostgresRow) throws {
        try self.init(
            id: row.decode("id", as: OAuthTokenID.self), userID: row.decode("user_id", as: UserID.self),
            customerID: row.decode("customer_id", as: CustomerID.self),
            accessToken: row.decode("access_token", as: Sealed.self),
            refreshToken: row.decode("refresh_token", as: Sealed?.self),
            instanceURL: row.decode("instance_url", as: String.self),
            expiresAt: row.decode("expires_at", as: Date.self), version: row.decode("version", as: Int64.self),
            fence: row.decode("fence", as: Int64.self), leaseExpiresAt: row.decode("lease_expires_at", as: Date?.self),
            spendingSince: row.decode("spending_since", as: Date?.self),
            wasAskedInDoubt: row.decode("asked_in_doubt", as: Bool.self),
            deadReason: row.decode("dead_reason", as: String?.self),
            createdAt: row.decode("created_at", as: Date.self), updatedAt: row.decode("updated_at", as: Date.self))
    }
}

extension Session {
    static let columns: SQL = """
        id, customer_id, user_id, token_hash, created_at, last_seen_at, expires_at, user_agent
        """

    init(_ row: PostgresRow) throws {
        try self.init(
            id: row.decode("id", as: SessionID.self), customerID: row.decode("customer_id", as: CustomerID.self),
            userID: row.decode("user_id", as: UserID.self), tokenHash: row.decode("token_hash", as: [UInt8].self),
            createdAt: row.decode("created_at", as: Date.self),
            lastSeenAt: row.decode("last_seen_at", as: Date.self), expiresAt: row.decode("expires_at", as: Date.self),
            userAgent: row.decode("user_agent", as: String?.self))
    }
}

extension AccessKey {
    static let columns: SQL = """
        id, customer_id, user_id, name, scope, key_hash, created_at, expires_at, last_used_at
        """

    init(_ row: PostgresRow) throws {
        try self.init(
            id: row.decode("id", as: AccessKeyID.self), customerID: row.decode("customer_id", as: CustomerID.self),
            userID: row.decode("user_id", as: UserID.self), name: row.decode("name", as: String.self),
            scope: row.decode("scope", as: AccessKeyScope.self), keyHash: row.decode("key_hash", as: [UInt8].self),
            createdAt: row.decode("created_at", as: Date.self), expiresAt: row.decode("expires_at", as: Date.self),
            lastUsedAt: row.decode("last_used_at", as: Date?.self))
    }
}

extension AuditEvent {
    static let columns: SQL = "id, customer_id, user_id, action, detail, request_id, at"

    init(_ row: PostgresRow) throws {
        try self.init(
            id: row.decode("id", as: AuditEventID.self), customerID: row.decode("customer_id", as: CustomerID?.self),
            userID: row.decode("user_id", as: UserID?.self), action: row.decode("action", as: AuditAction.self),
            detail: row.decode("detail", as: PostgresJSON<[String: String]>.self).value,
            requestID: row.decode("request_id", as: String?.self), at: row.decode("at", as: Date.self))
    }
}

extension Change {
    init(_ row: PostgresRow) throws {
        try self.init(
            sequence: row.decode("sequence", as: Int64.self), kind: row.decode("kind", as: Change.Kind.self),
            customerID: row.decode("customer_id", as: CustomerID.self), subject: row.decode("subject", as: UUID.self))
    }
}
