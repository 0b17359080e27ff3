import Domain
import GatewayTesting
import Testing

/// The in-memory repositories that other rooms test against behave as PostgreSQL's do.
@Suite("Conformance in memory")
struct InMemoryConformanceTests {
    /// Each fact of the behaviour suites holds on a store of its own.
    @Test(arguments: RepositoryConformance.checks)
    func holds(_ check: RepositoryConformance.Check) async throws {
        let clock = TestClock()
        let store = InMemoryStore(clock: clock.reading)
        try await check.run(on: RepositoryConformance(repositories: store.repositories, fixtures: Fixtures()))
    }

    /// While the store is switched off everything is refused, and nothing is written.
    @Test func unavailableStoreRefuses() async throws {
        let store = InMemoryStore()
        let fixtures = try Fixtures()
        store.isAvailable = false
        await #expect(throws: RepositoryError.self) { try await fixtures.store(in: store.repositories) }
        store.isAvailable = true
        #expect(try await store.repositories.customers.customers().isEmpty)
    }
}
