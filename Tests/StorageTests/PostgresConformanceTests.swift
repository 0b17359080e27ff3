import GatewayTesting
import Storage
import Testing

/// PostgreSQL's repositories behave as the in-memory ones that other rooms test against, behind either wall.
@Suite("Conformance on PostgreSQL")
struct PostgresConformanceTests {
    /// Every fact of the behaviour suites holds, all on one database and at once; isolation also where the first wall
    /// stands alone.
    @Test(arguments: Wall.allCases + [.down])
    func holds(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            #expect(test.database.rowSecurity.isUp == (wall != .down))
            let conformance = RepositoryConformance(repositories: test.repositories, fixtures: test.fixtures)
            await withTaskGroup(of: Void.self) { group in
                for check in RepositoryConformance.checks {
                    group.addTask {
                        do {
                            try await check.run(on: conformance)
                        } catch {
                            Issue.record(error, "\(check)")
                        }
                    }
                }
            }
        }
    }
}
