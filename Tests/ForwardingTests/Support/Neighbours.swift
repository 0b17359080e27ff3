import Access
import Domain
import GatewayTesting
import Secrets
import Testing

/// Makes other tenants of a world.
struct Neighbours: Sendable {
    let fixtures: Fixtures
    let repositories: Repositories
    let directory: TenantDirectory
    let sessions: SessionKeeper

    /// A tenant for each subdomain, whose admin has signed in; their session cookies.
    func settle(_ subdomains: [String], port: Int) async throws -> [String: String] {
        var cookies: [String: String] = [:]
        for (number, subdomain) in subdomains.enumerated() {
            let (customer, admin) = try await fixtures.store(
                in: repositories, subdomain: subdomain, email: "admin@\(subdomain).test",
                salesforceUserID: "0055g00000near\(number)", organizationID: "00D5g00000near\(number)")
            _ = try await repositories.grants.replace(user: admin.id, in: customer.id) { id, version in
                try fixtures.makeToken(
                    id: id, version: version, of: admin, customer: customer,
                    instanceURL: "http://\(World.instanceName(of: subdomain)):\(port)")
            }
            let tenant = try #require(await directory.tenant(Subdomain(subdomain)))
            let started = try await sessions.start(user: admin, in: tenant)
            cookies[subdomain] = "\(sessions.cookieName)=\(started.cookie.exposed)"
        }
        return cookies
    }
}

extension World {
    /// The name of a neighbour's Salesforce host.
    static func instanceName(of subdomain: String) -> String { "\(subdomain).my.localhost" }

    /// A neighbour's GET with the session cookie of a page of its own.
    func request(of neighbour: String, _ target: String) -> String {
        let lines = [
            "GET \(target) HTTP/1.1", "Host: \(neighbour).formation.localhost:8080",
            "Cookie: \(neighbours[neighbour] ?? "")", "Sec-Fetch-Site: same-origin",
        ]
        return lines.joined(separator: "\r\n") + "\r\n\r\n"
    }
}
