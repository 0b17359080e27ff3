public import Domain
internal import Foundation
internal import Postgres
public import Secrets

/// The seed document's first customer and its admin.
public struct DatabaseSeed: Sendable {
    /// Axonify's Salesforce login host where none is given: the My Domain host of the sandbox that its admin's email
    /// names.
    public static let defaultInstanceURL = "https://axonify--fullcpy.sandbox.my.salesforce.com"

    /// Axonify's Salesforce login host.
    public var salesforceInstanceURL: String
    /// The OAuth client id; `nil` where it is to be set later.
    public var salesforceClientID: Secret<String>?
    /// The OAuth client secret; `nil` where it is to be set later.
    public var salesforceClientSecret: Secret<String>?
    /// The org whose people get in; `nil` lets the first admin's sign-in pin it.
    public var salesforceOrgID: SalesforceID?

    /// What `db init` gives Axonify (`SEED_SALESFORCE_…`).
    public init(
        salesforceInstanceURL: String = defaultInstanceURL, salesforceClientID: Secret<String>? = nil,
        salesforceClientSecret: Secret<String>? = nil, salesforceOrgID: SalesforceID? = nil
    ) {
        self.salesforceInstanceURL = salesforceInstanceURL
        self.salesforceClientID = salesforceClientID
        self.salesforceClientSecret = salesforceClientSecret
        self.salesforceOrgID = salesforceOrgID
    }

    /// The name under which `seeds_applied` records it.
    static let name = "axonify"

    struct Rows: Sendable {
        var customer: Customer
        var config: CustomerConfig
        var admin: User
    }

    /// The rows to store, sealed with a data key of their own.
    func rows(keys: KeyRing, now: Date, makeID: () -> UUID) throws -> Rows {
        let id = CustomerID(makeID())
        let (key, sealedKey) = try keys.makeDataKey(customer: id.rawValue)
        let customer = try Customer(
            id: id, companyName: "Axonify", subdomain: Subdomain("axonify"),
            salesforceInstanceURL: salesforceInstanceURL,
            salesforceClientID: salesforceClientID.map { try key.seal($0, context: Customer.clientIDContext(id)) },
            salesforceClientSecret: salesforceClientSecret.map {
                try key.seal($0, context: Customer.clientSecretContext(id))
            },
            salesforceOrgID: salesforceOrgID, dataKey: sealedKey, subscriptionTier: .enterprise,
            subscriptionStatus: .active, createdAt: now, updatedAt: now)
        let config = CustomerConfig(id: CustomerConfigID(makeID()), customerID: id, createdAt: now, updatedAt: now)
        let admin = User(
            id: UserID(makeID()), customerID: id, email: "smcgovern@axonify.com.fullcpy", firstName: "Susan",
            lastName: "McGovern", role: .admin, createdAt: now, updatedAt: now)
        return Rows(customer: customer, config: config, admin: admin)
    }
}
