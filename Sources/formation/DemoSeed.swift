internal import Access
internal import Domain
internal import Foundation
internal import Gateway
internal import Logging
internal import SalesforceSimulator
internal import Secrets

/// Puts the simulator's orgs into the database as customers: Axonify as `db init` seeds it, the others as trials.
struct DemoSeed {
    let settings: Settings
    let simulatorPort: Int
    let logger: Logger

    /// The demo would point a real customer's credentials at the simulator.
    struct NotADemoDatabase: Error, CustomStringConvertible {
        let subdomain: String
        var description: String {
            "The database of DATABASE_URL holds a customer \(subdomain) with a Salesforce of its own."
                + " The demo would overwrite it: use another database."
        }
    }

    func apply(_ tenants: [DemoTenant]) async throws {
        let tools = OperatorTools(settings: settings, logger: logger)
        try await tools.initializeDatabase(force: false, confirmation: nil) { Console.progress("  ✓ \($0)") }
        try await tools.withAdministration { administration in
            for tenant in tenants {
                try await apply(tenant, administration)
                Console.progress("  ✓ \(tenant.org.name) is connected to the simulator")
            }
        }
    }

    private func apply(_ tenant: DemoTenant, _ administration: CustomerAdministration) async throws {
        let url = "http://\(tenant.org.loginHost):\(simulatorPort)"
        do {
            let customer = try await administration.customer(tenant.subdomain)
            guard isOurs(customer) else { throw NotADemoDatabase(subdomain: tenant.subdomain) }
            try await administration.setSalesforce(
                tenant.subdomain, url: url, orgID: customer.salesforceOrgID?.rawValue)
        } catch AdministrationError.noSuchCustomer {
            var draft = CustomerAdministration.Draft(
                companyName: tenant.org.name, subdomain: tenant.subdomain, salesforceURL: url)
            draft.adminEmail = tenant.org.users.first?.username
            _ = try await administration.create(draft)
        }
        try await administration.setCredentials(
            tenant.subdomain, clientID: Secret(tenant.app.clientID), clientSecret: Secret(tenant.app.clientSecret))
    }

    /// Whether a customer is as seeded, or was made by an earlier demo.
    private func isOurs(_ customer: Customer) -> Bool {
        customer.salesforceClientID == nil
            || URL(string: customer.salesforceInstanceURL)?.host?.hasSuffix(".salesforce.localhost") == true
    }
}
