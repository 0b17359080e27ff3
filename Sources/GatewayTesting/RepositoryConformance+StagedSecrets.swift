internal import Domain
internal import Foundation
internal import Secrets

extension RepositoryConformance {
    private static let staged = Sealed(bytes: Array(repeating: 1, count: 60))
    private static let promoted = Sealed(bytes: Array(repeating: 2, count: 60))

    static let stagedSecretChecks: [Check] = [
        Check("staged secrets: one stands beside the client secret, and a later one takes its place") { suite in
            let (customer, _) = try await suite.makeTenant()
            let customers = suite.repositories.customers
            let since = suite.now.addingTimeInterval(5)
            try await expect(customers.stageClientSecret(customer.id, promoted, at: suite.now), "staged")
            try await expect(customers.stageClientSecret(customer.id, staged, at: since), "another one")
            let found = try await unwrap(customers.customer(id: customer.id), "the customer")
            try expectEqual(
                found.stagedClientSecret, Customer.StagedSecret(secret: staged, since: since), "the later one")
            try expectEqual(found.salesforceClientSecret, customer.salesforceClientSecret, "the client secret stays")
            try expectEqual(found.updatedAt, since, "updated")
        },
        Check("staged secrets: there must be credentials to stand beside") { suite in
            let id = suite.fixtures.ids.next().uuidString.suffix(12).lowercased()
            let customer = try suite.fixtures.makeCustomer(subdomain: "s\(id)", clientID: nil, clientSecret: nil)
            let customers = suite.repositories.customers
            try await customers.create(customer, config: suite.fixtures.makeConfig(for: customer.id), admin: nil)
            try await expect(!customers.stageClientSecret(customer.id, staged, at: suite.now), "nothing is staged")
            try await expectEqual(customers.customer(id: customer.id), customer, "nothing is written")
            let nobody = CustomerID(suite.fixtures.ids.next())
            try await expect(!customers.stageClientSecret(nobody, staged, at: suite.now), "nobody's")
        },
        Check("staged secrets: one is promoted once, and only the one that is expected") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let customers = suite.repositories.customers
            _ = try await suite.makeGrant(of: admin, customer)
            try await suite.repositories.sessions.create(suite.fixtures.makeSession(of: admin))
            try await expect(
                !customers.promoteClientSecret(customer.id, expected: staged, as: promoted, at: suite.now), "none yet")
            try await expect(customers.stageClientSecret(customer.id, staged, at: suite.now), "staged")
            try await expect(
                !customers.promoteClientSecret(customer.id, expected: promoted, as: promoted, at: suite.now),
                "another was expected")
            let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
                for _ in 1...4 {
                    group.addTask {
                        try await customers.promoteClientSecret(
                            customer.id, expected: staged, as: promoted, at: suite.now.addingTimeInterval(9))
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            try expectEqual(wins, 1, "of four at once")
            let found = try await unwrap(customers.customer(id: customer.id), "the customer")
            try expectEqual(found.salesforceClientSecret, promoted, "it is the client secret")
            try expectEqual(found.stagedClientSecret, nil, "nothing is staged any more")
            try expectEqual(found.salesforceClientID, customer.salesforceClientID, "the same app")
            try expectEqual(found.updatedAt, suite.now.addingTimeInterval(9), "updated")
            try await expect(
                suite.repositories.grants.grant(of: admin.id, in: customer.id) != nil, "grants are still there")
            try await expectEqual(
                suite.repositories.sessions.sessions(of: admin.id, in: customer.id).count, 1, "sessions too")
        },
        Check("staged secrets: set credentials decide what is staged") { suite in
            let (customer, _) = try await suite.makeTenant()
            let customers = suite.repositories.customers
            try await expect(customers.stageClientSecret(customer.id, staged, at: suite.now), "staged")
            for kept in [Customer.StagedSecret(secret: promoted, since: suite.now), nil] {
                try await customers.setSalesforce(
                    customer.id, instanceURL: customer.salesforceInstanceURL, orgID: customer.salesforceOrgID,
                    clientID: customer.salesforceClientID, clientSecret: customer.salesforceClientSecret,
                    stagedSecret: kept, endsSessions: false, at: suite.now)
                try await expectEqual(customers.customer(id: customer.id)?.stagedClientSecret, kept, "as it was said")
            }
        },
        Check("staged secrets: staging and promoting leave a change") { suite in
            let (customer, _) = try await suite.makeTenant()
            let customers = suite.repositories.customers
            try await suite.expectChange(.customer, customer.id.rawValue, of: customer) {
                _ = try await customers.stageClientSecret(customer.id, staged, at: suite.now)
            }
            try await suite.expectChange(.customer, customer.id.rawValue, of: customer) {
                _ = try await customers.promoteClientSecret(
                    customer.id, expected: staged, as: promoted, at: suite.now)
            }
        },
    ]
}
