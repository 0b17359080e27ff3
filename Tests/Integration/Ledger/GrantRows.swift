import Domain
import Foundation
import Gateway
import GatewayTesting
import Logging
import Postgres
import SalesforceSimulator
import Secrets
import Storage
import Testing

/// Grants as the database has them, opened and held against what Salesforce knows.
struct GrantRows: Sendable {
    /// One person's.
    struct Row: Sendable {
        let deadReason: String?
        /// Whether somebody holds the right to refresh it, or left a mark of a refresh behind.
        let isBeingRefreshed: Bool
        /// What Salesforce would say to the refresh token that is stored.
        let standing: RefreshTokenStanding

        /// The token that is stored is good, and no refresh is under way or in doubt.
        var isSettled: Bool { deadReason == nil && !isBeingRefreshed && standing == .living }
    }

    private let simulator: SalesforceSimulator
    private let repositories: Repositories
    private let keys: KeyRing

    /// Opens a world's database beside its gateways.
    static func with(_ world: World, _ body: (GrantRows) async throws -> Void) async throws {
        let keys = try #require(world.settings.keys)
        let configuration = PostgresConfiguration(url: world.database.url, connections: 2)
        let logger = Logger(label: "test.rows") { _ in SwiftLogNoOpLogHandler() }
        try await PostgresClient.withClient(configuration: configuration, logger: logger) { client in
            let repositories = PostgresRepositories.make(
                database: try await Database.open(client: client), listening: client)
            try await body(GrantRows(simulator: world.simulator, repositories: repositories, keys: keys))
        }
    }

    /// The row of somebody who has signed in before.
    func row(of username: String, in tenant: String) async throws -> Row {
        let customer = try #require(
            try await repositories.customers.customer(subdomain: Subdomain(tenant)))
        let id = try #require(SalesforceID(simulator.userID(of: username)))
        let user = try #require(try await repositories.users.user(salesforceUserID: id, in: customer.id))
        let row = try #require(try await repositories.grants.grant(of: user.id, in: customer.id))
        let token = try #require(try row.decryptedRefreshToken(with: customer.openedDataKey(with: keys)))
        return Row(
            deadReason: row.deadReason, isBeingRefreshed: row.leaseExpiresAt != nil || row.spendingSince != nil,
            standing: simulator.standing(ofRefreshToken: token.exposed))
    }
}
