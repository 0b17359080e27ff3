import Domain
import GatewayTesting
import Postgres
import Storage
import Testing

/// Statements whose connection ends while they run.
@Suite(.timeLimit(.minutes(5))) struct LostConnectionTests {
    /// One that had no effect is run again, and nobody notices; the third time it is an error.
    @Test(arguments: [true, false]) func runsAgain(reads: Bool) async throws {
        try await withTestDatabase(.forced) { test in
            _ = try await test.fixtures.store(in: test.repositories)
            let scope = test.database.system(.sweep)
            let sql: SQL =
                reads
                ? "select pg_advisory_xact_lock(7)::text"
                : "delete from changes where sequence = (select length(pg_advisory_xact_lock(7)::text) - 1)"
            try await test.withSuperuser { admin in
                try await test.withSuperuser { watcher in
                    let success = try await admin.withTransaction { transaction in
                        try await transaction.query("select pg_advisory_xact_lock(7)::text")
                        let running = Task { try await scope.query(sql) }
                        try await Self.killWaiting(watcher, times: 2)
                        return running
                    }
                    _ = try await success.value
                    let failure = try await admin.withTransaction { transaction in
                        try await transaction.query("select pg_advisory_xact_lock(7)::text")
                        let running = Task { try await scope.query(sql) }
                        try await Self.killWaiting(watcher, times: 3)
                        return running
                    }
                    await #expect(throws: RepositoryError.self) { try await failure.value }
                }
            }
        }
    }

    /// So many times, waits for somebody who waits for the lock, and ends the connection.
    private static func killWaiting(_ watcher: PostgresClient, times: Int) async throws {
        var killed: Set<Int> = []
        while killed.count < times {
            try Task.checkCancellation()
            let rows = try await watcher.query(
                """
                select pid::int8 as pid, pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and wait_event = 'advisory'
                """)
            for row in rows { killed.insert(try row.decode("pid", as: Int.self)) }
        }
    }
}
