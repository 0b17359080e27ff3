import Domain
import Foundation
import GatewayTesting
import Postgres
import Storage
import Testing

/// The tables are the seed document's, and keep themselves in order.
@Suite("Schema")
struct SchemaTests {
    /// Every field of the four models is a column, in snake_case.
    @Test(arguments: [
        (
            "customers",
            [
                "id", "company_name", "subdomain", "salesforce_instance_url", "salesforce_client_id",
                "salesforce_client_secret", "subscription_tier", "subscription_status", "trial_ends_at", "created_at",
                "updated_at",
            ]
        ),
        (
            "users",
            [
                "id", "customer_id", "email", "salesforce_user_id", "first_name", "last_name", "role",
                "salesforce_profile", "last_login_at", "created_at", "updated_at",
            ]
        ),
        (
            "customer_configs",
            ["id", "customer_id", "field_mappings", "risk_rules", "priority_weights", "created_at", "updated_at"]
        ),
        (
            "oauth_tokens",
            [
                "id", "user_id", "customer_id", "access_token", "refresh_token", "instance_url", "expires_at",
                "created_at", "updated_at",
            ]
        ),
    ])
    func hasTheSeedsColumns(_ table: String, _ columns: [String]) async throws {
        try await withTestDatabase(.forced) { test in
            let found = try await test.client.query(
                "select column_name::text as name from information_schema.columns where table_name = \(table)"
            ).map { try $0.decode("name", as: String.self) }
            #expect(Set(found).isSuperset(of: columns))
        }
    }

    /// The enum types have the values of the domain's enums, which are the seed's.
    @Test func enumsHaveTheSeedsValues() async throws {
        let expected = [
            "subscription_tier": SubscriptionTier.allCases.map(\.rawValue),
            "subscription_status": SubscriptionStatus.allCases.map(\.rawValue),
            "user_role": UserRole.allCases.map(\.rawValue),
            "access_key_scope": AccessKeyScope.allCases.map(\.rawValue),
        ]
        #expect(Set(expected["subscription_status"] ?? []) == ["trial", "active", "cancelled", "past_due"])
        try await withTestDatabase(.forced) { test in
            for (type, values) in expected {
                let labels = try await test.client.query(
                    "select enumlabel::text as label from pg_enum where enumtypid = \(type)::regtype"
                ).map { try $0.decode("label", as: String.self) }
                #expect(Set(labels) == Set(values), "\(type)")
            }
        }
    }

    /// A configuration made without values gets the seed document's.
    @Test func configDefaultsAreTheSeeds() async throws {
        try await withTestDatabase(.forced) { test in
            let (customer, _) = try await test.fixtures.store(in: test.repositories)
            let scope = test.database.tenant(customer.id)
            try await scope.query("delete from customer_configs where customer_id = \(customer.id.rawValue)")
            try await scope.query("insert into customer_configs (customer_id) values (\(customer.id.rawValue))")
            let config = try #require(try await test.repositories.configs.config(of: customer.id))
            #expect(config.riskRules == RiskRules())
            #expect(config.priorityWeights == PriorityWeights())
            #expect(config.fieldMappings.isEmpty)
        }
    }

    /// A row changed by hand, without its `updated_at`, gets a later one.
    @Test(arguments: ["customers", "users", "customer_configs", "oauth_tokens"])
    func updatedAtIsMaintained(_ table: String) async throws {
        let changes: [String: SQL] = [
            "customers": "update customers set company_name = 'New' returning updated_at",
            "users": "update users set first_name = 'New' returning updated_at",
            "customer_configs": "update customer_configs set field_mappings = '{\"a\": \"b\"}' returning updated_at",
            "oauth_tokens": "update oauth_tokens set dead_reason = 'x' returning updated_at",
        ]
        try await withTestDatabase(.forced) { test in
            let (customer, admin) = try await test.fixtures.store(in: test.repositories)
            try await test.fill(customer, admin)
            let change = try #require(changes[table])
            let updated = try await value(test.database.tenant(customer.id).query(change), as: Date.self)
            #expect(updated > Fixtures.epoch)
        }
    }

    /// Values that the domain would not make are refused by the table as well.
    @Test(arguments: [
        "update customers set subdomain = 'Upper'", "update customers set subdomain = 'xn--a'",
        "update customers set subdomain = '-a'", "update customers set company_name = ''",
        "update customers set salesforce_org_id = 'short'", "update users set email = ''",
        "update customer_configs set field_mappings = '[]'",
    ])
    func malformedValuesAreRefused(_ statement: String) async throws {
        try await withTestDatabase(.forced) { test in
            let (customer, _) = try await test.fixtures.store(in: test.repositories)
            await #expect {
                try await test.database.tenant(customer.id).query(SQL(unsafeSQL: statement))
            } throws: {
                ($0 as? PostgresError)?.sqlState == "23514"
            }
        }
    }

    /// A lease ends by the database's clock, whatever the caller's says.
    @Test func leaseEndsByTheDatabasesClock() async throws {
        try await withTestDatabase(.appRole) { test in
            let (customer, admin) = try await test.fixtures.store(in: test.repositories)
            try await test.fill(customer, admin)
            let grant = try #require(try await test.repositories.grants.grant(of: admin.id, in: customer.id))
            _ = try await test.repositories.grants.acquireLease(grant.id, in: customer.id, for: .seconds(3600))
            let isWithin = try await test.database.tenant(customer.id).query(
                """
                select lease_expires_at > clock_timestamp()
                    and lease_expires_at <= clock_timestamp() + interval '1 hour' from oauth_tokens
                """)
            #expect(try value(isWithin, as: Bool.self))
        }
    }

    /// Old changes are pruned, by age.
    @Test(arguments: Wall.allCases)
    func changesArePruned(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            _ = try await test.fixtures.store(in: test.repositories)
            let maintenance = StorageMaintenance(database: test.database)
            #expect(try await maintenance.pruneChanges() == 0)
            let latest = try await test.repositories.changes.latest()
            #expect(latest >= 3)
            #expect(try await maintenance.pruneChanges(olderThan: .zero) >= 2)
            #expect(try await test.repositories.changes.changes(after: 0, limit: 10).map(\.sequence) == [latest])
            _ = try await test.fixtures.store(in: test.repositories, subdomain: "later")
            let first = try #require(try await test.repositories.changes.changes(after: latest, limit: 1).first)
            #expect(first.sequence > latest, "numbers go on after pruning")
        }
    }

    /// Where the server is gone, repositories say so in their own words, without the statement's values.
    @Test func unreachableServerIsUnavailable() async throws {
        let cluster = try await PostgresCluster.start()
        let empty = try await cluster.createDatabase()
        try await withClient(empty.url) { client in
            _ = try await Migrator(client: client).migrate(rowSecurity: .force)
            let database = try await Database.open(client: client)
            let repositories = PostgresRepositories.make(database: database, listening: client)
            try await cluster.stop()
            await #expect {
                _ = try await repositories.customers.customer(subdomain: Subdomain("needle-in-the-text"))
            } throws: { error in
                guard case RepositoryError.unavailable(let detail) = error else { return false }
                return !detail.contains("needle")
            }
        }
    }
}
