import Domain
import Foundation
import GatewayTesting
import Postgres
import Secrets
import Storage
import Testing

/// `formation db init`: everything that the seed document says of it.
@Suite("Database initialisation")
struct DatabaseInitializerTests {
    private static func keyRing() throws -> KeyRing { try KeyRing(current: Fixtures.encryptionKey) }

    /// Axonify and Susan McGovern are there as the document says, and their secrets open.
    @Test(arguments: Wall.allCases)
    func seedsAxonify(_ wall: Wall) async throws {
        try await withEmptyDatabase { empty in
            try await withClient(wall.url(empty)) { client in
                let seed = DatabaseSeed(
                    salesforceInstanceURL: "http://127.0.0.1:9", salesforceClientID: Secret("the client id"),
                    salesforceClientSecret: Secret("the client secret"),
                    salesforceOrgID: SalesforceID("00D000000000001"))
                let steps = try await Self.run(client, wall, seed: seed)
                #expect(steps.contains(.seeded(subdomain: "axonify", admin: "smcgovern@axonify.com.fullcpy")))
                #expect(try steps.contains(.rowSecurity(#require(wall.state))))

                let repositories = try await Self.repositories(client)
                let found = try await repositories.customers.customer(subdomain: Subdomain("axonify"))
                let customer = try #require(found)
                #expect(customer.companyName == "Axonify")
                #expect(customer.subscriptionTier == .enterprise)
                #expect(customer.subscriptionStatus == .active)
                #expect(customer.salesforceInstanceURL == "http://127.0.0.1:9")
                #expect(customer.salesforceOrgID?.rawValue == "00D000000000001")
                let keys = try Self.keyRing()
                #expect(try customer.decryptedClientID(with: keys)?.exposed == "the client id")
                #expect(try customer.decryptedClientSecret(with: keys)?.exposed == "the client secret")
                let users = try await repositories.users.users(in: customer.id)
                #expect(users.map(\.fullName) == ["Susan McGovern"])
                #expect(users.map(\.email) == ["smcgovern@axonify.com.fullcpy"])
                #expect(users.map(\.isAdmin) == [true])
                let config = try #require(try await repositories.configs.config(of: customer.id))
                #expect(config.riskRules == RiskRules() && config.priorityWeights == PriorityWeights())
            }
        }
    }

    /// Running it again changes nothing.
    @Test(arguments: Wall.allCases)
    func isSafeToRepeat(_ wall: Wall) async throws {
        try await withEmptyDatabase { empty in
            try await withClient(wall.url(empty)) { client in
                _ = try await Self.run(client, wall)
                let before = try await Self.repositories(client).customers.customers()
                let steps = try await Self.run(client, wall)
                #expect(steps.contains(.alreadySeeded) && steps.contains(.schemaUpToDate) && steps.contains(.keyOpens))
                #expect(try await Self.repositories(client).customers.customers() == before)
            }
        }
    }

    /// Of several that run at once, one seeds and all succeed.
    @Test(arguments: Wall.allCases)
    func isSafeToRunTwiceAtOnce(_ wall: Wall) async throws {
        try await withEmptyDatabase { empty in
            try await withClient(wall.url(empty)) { client in
                let seeded = try await withThrowingTaskGroup(of: [DatabaseInitializer.Step].self) { group in
                    for _ in 1...3 { group.addTask { try await Self.run(client, wall) } }
                    return try await group.reduce(into: 0) { count, steps in
                        count += steps.contains(.alreadySeeded) ? 0 : 1
                    }
                }
                #expect(seeded == 1)
                #expect(try await Self.repositories(client).customers.customers().count == 1)
            }
        }
    }

    /// A deleted Axonify stays deleted.
    @Test(arguments: Wall.allCases)
    func deletedSeedStaysDeleted(_ wall: Wall) async throws {
        try await withEmptyDatabase { empty in
            try await withClient(wall.url(empty)) { client in
                _ = try await Self.run(client, wall)
                let repositories = try await Self.repositories(client)
                let customer = try #require(try await repositories.customers.customers().first)
                #expect(try await repositories.customers.delete(customer.id))
                #expect(try await Self.run(client, wall).contains(.alreadySeeded))
                #expect(try await repositories.customers.customers().isEmpty)
            }
        }
    }

    /// An Axonify that somebody made by hand is left as it is.
    @Test(arguments: Wall.allCases)
    func existingSubdomainIsLeftAlone(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            let (customer, _) = try await test.fixtures.store(in: test.repositories)
            #expect(try await Self.run(test.client, wall).contains(.alreadySeeded))
            #expect(try await test.repositories.customers.customers() == [customer])
        }
    }

    /// `--force` drops what is ours, says what, leaves what is not, and starts anew.
    @Test(arguments: Wall.allCases)
    func forceStartsAnew(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            _ = try await test.fixtures.store(in: test.repositories, subdomain: "doomed")
            try await test.client.query("create table somebody_elses (id int)")
            // A process of its own, as the command is one: no statement of its is older than the tables.
            let steps = try await withClient(test.url) { try await Self.run($0, wall, force: true) }
            let dropped = steps.compactMap { step in
                if case .dropped(let names) = step { names } else { nil }
            }
            #expect(Set(dropped.joined()).isSuperset(of: ["customers", "oauth_tokens", "user_role", "seeds_applied"]))
            try await withClient(test.url) { client in
                let customers = try await Self.repositories(client).customers.customers()
                #expect(customers.map(\.subdomain.label) == ["axonify"])
            }
            #expect(try await test.client.query("select 1 from somebody_elses").isEmpty)
        }
    }

    /// What others built on our tables is not dropped along with them: it fails, and nothing is gone.
    @Test func forceDoesNotDropWhatOthersBuilt() async throws {
        try await withTestDatabase(.forced) { test in
            let (customer, _) = try await test.fixtures.store(in: test.repositories)
            try await test.client.query("create view report as select company_name from customers")
            await #expect {
                _ = try await Self.run(test.client, .forced, force: true)
            } throws: {
                ($0 as? PostgresError)?.sqlState == "2BP01"
            }
            #expect(try await test.repositories.customers.customer(id: customer.id) == customer)
        }
    }

    /// Another `ENCRYPTION_KEY` than the one that sealed the data is found out now, by name.
    @Test(arguments: Wall.allCases)
    func wrongKeyIsNamed(_ wall: Wall) async throws {
        try await withEmptyDatabase { empty in
            try await withClient(wall.url(empty)) { client in
                _ = try await Self.run(client, wall)
                let other = try KeyRing(current: KeyRing.generate())
                let right = try Self.keyRing()
                do {
                    _ = try await Self.run(client, wall, keys: other)
                    Issue.record("a wrong key was accepted")
                } catch let error as SealingError {
                    #expect(error == .unknownKey(right.currentKeyID, known: other.keyIDs))
                    let problem = DatabaseProblem(error, url: empty.url)
                    #expect(problem.kind == .keyWrong)
                    #expect(problem.description.contains(right.currentKeyID.description))
                }
            }
        }
    }

    private static func run(
        _ client: PostgresClient, _ wall: Wall, seed: DatabaseSeed = DatabaseSeed(), keys: KeyRing? = nil,
        force: Bool = false
    ) async throws -> [DatabaseInitializer.Step] {
        let (steps, progress) = AsyncStream<DatabaseInitializer.Step>.makeStream()
        let initializer = try DatabaseInitializer(
            client: client, rowSecurity: wall.mode, keys: keys ?? Self.keyRing(), seed: seed,
            now: { Fixtures.epoch }, makeID: { UUID() })
        try await initializer.run(force: force) { progress.yield($0) }
        progress.finish()
        return await steps.reduce(into: []) { $0.append($1) }
    }

    private static func repositories(_ client: PostgresClient) async throws -> Repositories {
        try await PostgresRepositories.make(database: Database.open(client: client), listening: client)
    }
}
