public import Domain
public import Foundation
internal import Logging
internal import Salesforce
internal import Secrets

/// Host → tenant, from memory where it is known (architecture invariants 5 and 6).
///
/// A tenant is opened once: its data key, its Salesforce credentials, its login host checked. It stays until the change
/// feed says that the customer changed. Warm, a lookup is one lock, and neither a query nor a decryption.
public final class TenantDirectory: Sendable {
    /// A customer as it was found.
    private enum Opened: Sendable {
        case tenant(Tenant)
        /// Its data key does not open. Remembered for a while, so that it is not logged at every call.
        /// Indirect, so that an entry is one reference.
        indirect case broken(CustomerID, until: Date)

        var customerID: CustomerID {
            switch self {
            case .tenant(let tenant): tenant.id
            case .broken(let id, _): id
            }
        }
    }

    /// A data key that did not open is looked at again after 30 s: a rotation can have put it right, and leaves no
    /// change.
    private static let brokenSeconds: TimeInterval = 30

    private let context: AccessContext
    private let bySubdomain: ShardedCache<Subdomain, Opened>
    private let byID: ShardedCache<CustomerID, Opened>

    /// An empty directory.
    public init(context: AccessContext) {
        self.context = context
        let limits = context.limits
        self.bySubdomain = ShardedCache(
            capacity: limits.tenantsMax, missingCapacity: limits.unknownTenantsMax,
            missingSeconds: limits.unknownTenantSeconds, subjects: { [$0.customerID.rawValue] })
        self.byID = ShardedCache(
            capacity: limits.tenantsMax, missingCapacity: limits.unknownTenantsMax,
            missingSeconds: limits.unknownTenantSeconds, subjects: { [$0.customerID.rawValue] })
    }

    /// The tenant of a subdomain, or `nil` where there is none. Unknown names are remembered, bounded and shortly.
    ///
    /// - Throws: `.unavailable(.databaseAway)` where it is not known and can't be asked; `.internalError` where the
    ///   customer's data key does not open (logged with the key's id).
    public func tenant(_ subdomain: Subdomain) async throws(GatewayError) -> Tenant? {
        try await find(subdomain, in: bySubdomain) { [context] in
            try await context.repositories.customers.customer(subdomain: subdomain)
        }
    }

    /// The tenant of a subdomain where memory may serve and knows it. Never waits.
    ///
    /// `nil` is no answer but the advice to ask ``tenant(_:)``, which decides and names the error.
    ///
    /// - Parameter now: The request's time.
    public func warmTenant(_ subdomain: Subdomain, at now: Date) -> Tenant? {
        guard context.feed.allowsMemory(at: now, outageSeconds: context.limits.databaseOutageSeconds) else {
            return nil
        }
        switch bySubdomain.shard(of: subdomain).cached(subdomain, at: now, { $0 }) {
        case .found(.tenant(let tenant)): return tenant
        case .found(.broken), .nothing, .unknown: return nil
        }
    }

    /// The tenant of an id, or `nil` where there is none.
    ///
    /// - Throws: as ``tenant(_:)``.
    public func tenant(id: CustomerID) async throws(GatewayError) -> Tenant? {
        try await find(id, in: byID) { [context] in try await context.repositories.customers.customer(id: id) }
    }

    /// Whether use is allowed: suspension, subscription, credentials, in this order.
    ///
    /// - Throws: `.suspended`, `.subscriptionInactive`, `.notConnected`.
    public func admit(_ tenant: Tenant, at now: Date) throws(GatewayError) {
        // The plain case, without a copy of the customer.
        if now < tenant.admittedUntil { return }
        guard tenant.customer.suspendedAt == nil else { throw .suspended }
        let access = tenant.customer.subscriptionAccess(at: now)
        guard access == .allowed else { throw .subscriptionInactive(access) }
        guard tenant.oauthClient != nil else { throw .notConnected }
    }

    /// Drops what is known of a customer, and which names are unknown: one of them may be its name now.
    func drop(customer: UUID) {
        bySubdomain.drop(subject: customer)
        bySubdomain.dropMissing()
        byID.drop(subject: customer)
        byID.dropMissing()
    }

    func dropAll() {
        bySubdomain.dropAll()
        byID.dropAll()
    }

    private func find<Key: TableKey>(
        _ key: Key, in cache: ShardedCache<Key, Opened>, load: () async throws -> Customer?
    ) async throws(GatewayError) -> Tenant? {
        let now = context.now()
        let usesMemory = context.feed.allowsMemory(at: now, outageSeconds: context.limits.databaseOutageSeconds)
        let opened = try await context.storage("looking up a customer") {
            try await cache.shard(of: key).value(for: key, at: now, usesMemory: usesMemory) {
                try await load().map(open)
            }
        }
        switch opened {
        case .tenant(let tenant): return tenant
        case .broken(let id, let until):
            if now >= until { drop(customer: id.rawValue) }
            throw .internalError
        case nil: return nil
        }
    }

    private func open(_ customer: Customer) -> Opened {
        do {
            let dataKey = try customer.openedDataKey(with: context.keys)
            let origin = context.origin.origin(of: customer.subdomain)
            return .tenant(
                Tenant(
                    customer: customer, origin: origin, dataKey: dataKey,
                    oauthClient: oauthClient(of: customer, dataKey: dataKey, origin: origin)))
        } catch {
            context.logger.error(
                "A customer's data key does not open",
                metadata: ["customer": "\(customer.id)", "reason": "\(error)"])
            return .broken(customer.id, until: context.now().addingTimeInterval(Self.brokenSeconds))
        }
    }

    /// What signs the customer's people in; `nil` where it is not set, or can't be used (which is logged).
    private func oauthClient(of customer: Customer, dataKey: DataKey, origin: String) -> OAuthClient? {
        guard let clientID = customer.salesforceClientID else { return nil }
        do {
            return try OAuthClient(
                login: context.hosts.loginEndpoint(customer.salesforceInstanceURL),
                clientID: dataKey.open(clientID, context: Customer.clientIDContext(customer.id)),
                clientSecret: customer.salesforceClientSecret.map {
                    try dataKey.open($0, context: Customer.clientSecretContext(customer.id))
                },
                stagedSecret: stagedSecret(of: customer, dataKey: dataKey), redirectURI: origin + "/auth/callback")
        } catch {
            context.logger.error(
                "A customer's Salesforce settings can't be used",
                metadata: ["customer": "\(customer.id)", "reason": "\(error)"])
            return nil
        }
    }

    /// The second client secret. One that does not open is no reason to do without the first.
    private func stagedSecret(of customer: Customer, dataKey: DataKey) -> Secret<String>? {
        do {
            return try customer.stagedClientSecret.map {
                try dataKey.open($0.secret, context: Customer.stagedClientSecretContext(customer.id))
            }
        } catch {
            context.logger.error(
                "A customer's staged client secret can't be used",
                metadata: ["customer": "\(customer.id)", "reason": "\(error)"])
            return nil
        }
    }
}
