public import Domain
public import Foundation
internal import Logging
internal import Salesforce
public import Secrets

/// What operators do with customers, from the command line and later from the console.
///
/// Each operation leaves an audit event. Changes reach every process through the change feed.
public struct CustomerAdministration: Sendable {
    private let context: AccessContext

    /// How long a trial lasts where no end is given: 14 days.
    public static let defaultTrial: TimeInterval = 14 * 24 * 60 * 60
    /// The longest company name, in characters.
    public static let companyNameLengthMax = 200
    /// The longest client id or secret, in bytes.
    public static let credentialBytesMax = 2_048

    /// Works on what the context gives.
    public init(context: AccessContext) {
        self.context = context
    }

    /// A customer to create.
    public struct Draft: Sendable {
        public var companyName: String
        public var subdomain: String
        public var salesforceURL: String
        public var salesforceOrgID: String?
        public var tier: SubscriptionTier = .starter
        public var status: SubscriptionStatus = .trial
        public var trialEndsAt: Date?
        public var adminEmail: String?

        /// A draft with the least that a customer needs.
        public init(companyName: String, subdomain: String, salesforceURL: String) {
            self.companyName = companyName
            self.subdomain = subdomain
            self.salesforceURL = salesforceURL
        }
    }

    /// Creates a customer with its default configuration and, if an email is given, its first admin.
    ///
    /// - Throws: ``AdministrationError``; nothing is stored then.
    public func create(_ draft: Draft) async throws -> Customer {
        let now = context.now()
        let id = CustomerID(context.makeID())
        let endpoint = try login(draft.salesforceURL)
        let customer = try Customer(
            id: id, companyName: companyName(draft.companyName), subdomain: subdomain(draft.subdomain),
            salesforceInstanceURL: endpoint.description, salesforceOrgID: orgID(draft.salesforceOrgID, for: endpoint),
            dataKey: context.keys.makeDataKey(customer: id.rawValue).sealed, subscriptionTier: draft.tier,
            subscriptionStatus: draft.status,
            trialEndsAt: draft.status == .trial
                ? draft.trialEndsAt ?? now.addingTimeInterval(Self.defaultTrial) : draft.trialEndsAt,
            pastDueSince: draft.status == .pastDue ? now : nil, createdAt: now, updatedAt: now)
        let config = CustomerConfig(
            id: CustomerConfigID(context.makeID()), customerID: id, createdAt: now, updatedAt: now)
        let admin = try draft.adminEmail.map { email in
            User(
                id: UserID(context.makeID()), customerID: id, email: try Self.email(email), role: .admin,
                createdAt: now, updatedAt: now)
        }
        do {
            try await context.repositories.customers.create(customer, config: config, admin: admin)
        } catch RepositoryError.conflict {
            throw AdministrationError.subdomainTaken(customer.subdomain)
        }
        try await record(.customerCreated, customer, ["subdomain": customer.subdomain.label])
        return customer
    }

    /// All customers, by subdomain.
    public func customers() async throws -> [Customer] {
        try await context.repositories.customers.customers()
    }

    /// The customer of a subdomain.
    ///
    /// - Throws: ``AdministrationError/noSuchCustomer``.
    public func customer(_ label: String) async throws -> Customer {
        let subdomain = try subdomain(label)
        guard let customer = try await context.repositories.customers.customer(subdomain: subdomain) else {
            throw AdministrationError.noSuchCustomer(subdomain)
        }
        return customer
    }

    /// Sets the OAuth client id and secret, and drops a staged secret. Where the client id differs from before,
    /// sessions end and grants are set aside: tokens of one client can't be refreshed by another.
    public func setCredentials(
        _ label: String, clientID: Secret<String>, clientSecret: Secret<String>
    ) async throws {
        let customer = try await customer(label)
        try Self.check(clientID, name: "client id")
        try Self.check(clientSecret, name: "client secret")
        let key = try customer.openedDataKey(with: context.keys)
        let changesClient = try customer.decryptedClientID(with: context.keys) != clientID
        try await context.repositories.customers.setSalesforce(
            customer.id, instanceURL: customer.salesforceInstanceURL, orgID: customer.salesforceOrgID,
            clientID: key.seal(clientID, context: Customer.clientIDContext(customer.id)),
            clientSecret: key.seal(clientSecret, context: Customer.clientSecretContext(customer.id)),
            stagedSecret: nil, endsSessions: changesClient, at: context.now())
        try await record(.credentialsChanged, customer, ["sessions": changesClient ? "ended" : "kept"])
    }

    /// Keeps a second client secret, which takes the first one's place when Salesforce refuses that. Nobody is signed
    /// out, neither now nor then.
    ///
    /// - Parameter clientID: The app that the secret is said to belong to; `nil` where that was not said.
    /// - Throws: ``AdministrationError``, where the app is another one, or there is nothing to keep beside.
    public func stageClientSecret(
        _ label: String, clientID: Secret<String>?, clientSecret: Secret<String>
    ) async throws {
        let customer = try await customer(label)
        try Self.check(clientSecret, name: "client secret")
        let key = try customer.openedDataKey(with: context.keys)
        guard let presentID = try customer.decryptedClientID(with: context.keys),
            let presentSecret = try customer.decryptedClientSecret(with: context.keys)
        else { throw Self.nothingToStageBeside(customer.subdomain) }
        guard clientID == nil || clientID == presentID else {
            throw AdministrationError.invalid(
                "This client id is not the customer's. A secret is staged for the app that is in use; another app's"
                    + " client id and secret are set without --stage, which signs everybody out.")
        }
        guard clientSecret != presentID else {
            throw AdministrationError.invalid("This is the client id. Give the new client secret.")
        }
        guard clientSecret != presentSecret else {
            throw AdministrationError.invalid("This client secret is the one in use. Stage the new one.")
        }
        let sealed = try key.seal(clientSecret, context: Customer.stagedClientSecretContext(customer.id))
        guard
            try await context.repositories.customers.stageClientSecret(customer.id, sealed, at: context.now())
        else { throw Self.nothingToStageBeside(customer.subdomain) }
        try await record(.clientSecretStaged, customer)
    }

    /// Sets the login host and the org. Where either differs from before, sessions end and grants are set aside.
    public func setSalesforce(_ label: String, url: String, orgID text: String?) async throws {
        let customer = try await customer(label)
        let endpoint = try login(url)
        let orgID = try orgID(text, for: endpoint)
        let changes = endpoint.description != customer.salesforceInstanceURL || orgID != customer.salesforceOrgID
        try await context.repositories.customers.setSalesforce(
            customer.id, instanceURL: endpoint.description, orgID: orgID, clientID: customer.salesforceClientID,
            clientSecret: customer.salesforceClientSecret, stagedSecret: customer.stagedClientSecret,
            endsSessions: changes, at: context.now())
        try await record(.credentialsChanged, customer, ["sessions": changes ? "ended" : "kept"])
    }

    /// Suspends a workspace, and revokes its grants at Salesforce. Returns how many could not be revoked.
    ///
    /// - Throws: `SealingError` where the key does not open what is sealed: grants would be lost without being revoked.
    public func suspend(_ label: String) async throws -> Int {
        let customer = try await customer(label)
        _ = try customer.openedDataKey(with: context.keys)
        let now = context.now()
        guard try await context.repositories.customers.setSuspended(customer.id, since: now, at: now) else {
            throw AdministrationError.noSuchCustomer(customer.subdomain)
        }
        try await record(.customerSuspended, customer)
        return try await revokeGrants(of: customer)
    }

    /// Lets a suspended workspace run again. Its people sign in anew.
    public func resume(_ label: String) async throws {
        let customer = try await customer(label)
        guard try await context.repositories.customers.setSuspended(customer.id, since: nil, at: context.now()) else {
            throw AdministrationError.noSuchCustomer(customer.subdomain)
        }
        try await record(.customerResumed, customer)
    }

    /// Deletes a customer with all that belongs to it, its data key first of all: what is left in backups can't be
    /// opened by the gateway again. Grants are revoked at Salesforce; returns how many could not be.
    public func delete(_ label: String) async throws -> Int {
        let customer = try await customer(label)
        let unrevoked = try await revokeGrants(of: customer)
        guard try await context.repositories.customers.delete(customer.id) else {
            throw AdministrationError.noSuchCustomer(customer.subdomain)
        }
        try await context.repositories.audit.append(
            AuditEvent(
                id: AuditEventID(context.makeID()), customerID: nil, userID: nil, action: .customerDeleted,
                detail: ["subdomain": customer.subdomain.label, "customer": customer.id.description],
                at: context.now()))
        return unrevoked
    }

    /// Revokes and deletes every grant of a customer; a Salesforce that does not answer keeps none of them here.
    private func revokeGrants(of customer: Customer) async throws -> Int {
        let grants = context.repositories.grants
        var unrevoked = 0
        for user in try await context.repositories.users.users(in: customer.id) {
            _ = try await context.repositories.sessions.endAll(of: user.id, in: customer.id)
            guard let grant = try await grants.grant(of: user.id, in: customer.id) else { continue }
            if grant.deadReason == nil, await !revoke(grant, of: customer) { unrevoked += 1 }
            try await grants.delete(grant.id, in: customer.id)
        }
        return unrevoked
    }

    private func revoke(_ grant: OAuthToken, of customer: Customer) async -> Bool {
        do {
            let key = try customer.openedDataKey(with: context.keys)
            let token = try grant.decryptedRefreshToken(with: key) ?? grant.decryptedAccessToken(with: key)
            let endpoint = try context.hosts.loginEndpoint(customer.salesforceInstanceURL)
            try await context.oauth.revoke(token, login: endpoint)
            return true
        } catch {
            // Our own errors say what to do, and hold no secret; of others the type has to be enough.
            let reason =
                switch error {
                case let error as AllowedHostError: error.description
                case let error as SalesforceError: error.code.description
                case _: "\(type(of: error))"
                }
            context.logger.error(
                "A grant could not be revoked at Salesforce.",
                metadata: ["tenant": "\(customer.subdomain)", "error": "\(reason)"])
            return false
        }
    }

    private func record(_ action: AuditAction, _ customer: Customer, _ detail: [String: String] = [:]) async throws {
        try await context.repositories.audit.append(
            AuditEvent(
                id: AuditEventID(context.makeID()), customerID: customer.id, userID: nil, action: action,
                detail: detail, at: context.now()))
    }
}

/// Why an operator's request is refused; the description says the cure.
public enum AdministrationError: Error, Sendable, Hashable, CustomStringConvertible {
    case noSuchCustomer(Subdomain)
    case subdomainTaken(Subdomain)
    /// A value is missing or wrong; the text says which and how.
    case invalid(String)

    public var description: String {
        switch self {
        case .noSuchCustomer(let subdomain): "There is no customer with the subdomain \(subdomain)."
        case .subdomainTaken(let subdomain): "The subdomain \(subdomain) is taken."
        case .invalid(let text): text
        }
    }
}

extension CustomerAdministration {
    private func login(_ url: String) throws -> LoginEndpoint {
        do {
            return try context.hosts.loginEndpoint(url)
        } catch {
            throw AdministrationError.invalid("The Salesforce URL is refused: \(error)")
        }
    }

    private func subdomain(_ text: String) throws -> Subdomain {
        do {
            return try Subdomain(text)
        } catch {
            throw AdministrationError.invalid(error.description)
        }
    }

    private func orgID(_ text: String?, for endpoint: LoginEndpoint) throws -> SalesforceID? {
        guard let text else {
            guard !endpoint.isGeneric else {
                throw AdministrationError.invalid(
                    "With a generic login host the org's id is a must: everybody in the world signs in there."
                        + " Give --salesforce-org-id 00D…")
            }
            return nil
        }
        guard let id = SalesforceID(text), id.rawValue.hasPrefix("00D") else {
            throw AdministrationError.invalid("A Salesforce org id is 15 or 18 letters and digits that begin with 00D.")
        }
        return id
    }

    private func companyName(_ text: String) throws -> String {
        let name = text.trimmingCharacters(in: .whitespacesAndNewlines)
        guard (1...Self.companyNameLengthMax).contains(name.count), !name.unicodeScalars.contains(where: Self.isControl)
        else {
            throw AdministrationError.invalid(
                "A company name is 1 to \(Self.companyNameLengthMax) characters without control characters.")
        }
        return name
    }

    private static func email(_ text: String) throws -> String {
        let email = text.trimmingCharacters(in: .whitespacesAndNewlines)
        let halves = email.split(separator: "@", omittingEmptySubsequences: false)
        guard halves.count == 2, halves.allSatisfy({ !$0.isEmpty }), email.utf8.count <= 254,
            !email.unicodeScalars.contains(where: { isControl($0) || $0 == " " })
        else { throw AdministrationError.invalid("An email address has one @ and at most 254 bytes.") }
        return email
    }

    private static func nothingToStageBeside(_ subdomain: Subdomain) -> AdministrationError {
        .invalid(
            "This customer has no credentials yet that a secret could be staged beside. Set client id and secret:"
                + " formation customer credentials \(subdomain)")
    }

    private static func check(_ credential: Secret<String>, name: String) throws {
        let bytes = Array(credential.exposed.utf8)
        guard (1...credentialBytesMax).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw AdministrationError.invalid(
                "The \(name) is 1 to \(credentialBytesMax) printable ASCII characters without spaces.")
        }
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.generalCategory == .control
    }
}
