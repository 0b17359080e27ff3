internal import Domain
internal import Foundation
internal import Secrets

extension RepositoryConformance {
    static let dataKeyChecks: [Check] = [
        Check("data keys: counted and found by the master key that sealed them, ascending") { suite in
            let (fixtures, customers) = try await suite.makeTenants(3)
            let dataKeys = suite.repositories.dataKeys
            let current = fixtures.keys.currentKeyID
            let use = try await dataKeys.uses().filter { $0.keyID == current }
            try expectEqual(
                use, [MasterKeyUse(keyID: current, customers: 3, sealsPlatform: false)], "what the key seals")
            let expected = customers.sorted { $0.id.description < $1.id.description }
                .map { StoredDataKey(customerID: $0.id, sealed: $0.dataKey) }
            try await expectEqual(
                dataKeys.dataKeys(sealedBy: [current], after: nil, limit: 10), expected, "all of them")
            try await expectEqual(
                dataKeys.dataKeys(sealedBy: [current], after: nil, limit: 2), Array(expected.prefix(2)), "two")
            try await expectEqual(
                dataKeys.dataKeys(sealedBy: [current], after: expected[1].customerID, limit: 2),
                Array(expected.suffix(1)), "what is behind")
            try await expectEqual(dataKeys.dataKeys(sealedBy: [], after: nil, limit: 10), [], "no key")
        },
        Check("data keys: replaced where the former one stands, without a change or an edit") { suite in
            let (fixtures, customers) = try await suite.makeTenants(2)
            let repositories = suite.repositories
            let before = try await repositories.changes.latest()
            func rewrapped(_ customer: Customer, former: Sealed) throws -> RewrappedDataKey {
                try RewrappedDataKey(
                    customerID: customer.id, former: former,
                    sealed: fixtures.keys.makeDataKey(customer: customer.id.rawValue).sealed)
            }
            let taken = try rewrapped(customers[0], former: customers[0].dataKey)
            let refused = try rewrapped(customers[1], former: customers[0].dataKey)
            let gone = try rewrapped(fixtures.makeCustomer(), former: customers[0].dataKey)
            try await expectEqual(repositories.dataKeys.replace([taken, refused, gone]), 1, "replaced")
            try await expectEqual(repositories.dataKeys.replace([taken]), 0, "a second time")
            try await expectEqual(repositories.dataKeys.replace([]), 0, "none")
            var expected = customers[0]
            expected.dataKey = taken.sealed
            try await expectEqual(repositories.customers.customer(id: expected.id), expected, "the key alone differs")
            try await expectEqual(repositories.customers.customer(id: customers[1].id), customers[1], "as it was")
            for customer in customers {
                try await expectEqual(suite.changes(after: before, of: customer), [], "changes")
            }
        },
        Check("data keys: the platform's is found, and replaced where the former one stands") { suite in
            let keys = suite.fixtures.keys
            let stored = try await suite.repositories.platformKeys.dataKey {
                try keys.makeDataKey(customer: nil).sealed
            }
            try await expectEqual(suite.repositories.dataKeys.platformDataKey(), stored, "the platform's")
            try await expect(
                suite.repositories.dataKeys.uses().contains { $0.sealsPlatform && $0.keyID == stored.keyID }, "its use")
            let other = try keys.makeDataKey(customer: nil).sealed
            try await expectEqual(
                suite.repositories.dataKeys.replace([RewrappedDataKey(customerID: nil, former: other, sealed: other)]),
                0, "another former one")
            try await expectEqual(suite.repositories.dataKeys.platformDataKey(), stored, "as it was")
        },
    ]

    /// Customers whose data keys are sealed by a master key of their own, and what made them.
    private func makeTenants(_ count: Int) async throws -> (Fixtures, [Customer]) {
        let own = try Fixtures(encryptionKey: KeyRing.generate(), ids: fixtures.ids)
        var customers: [Customer] = []
        for _ in 0..<count {
            let label = "k\(own.ids.next().uuidString.suffix(12).lowercased())"
            customers.append(try await own.store(in: repositories, subdomain: label).customer)
        }
        return (own, customers)
    }
}
