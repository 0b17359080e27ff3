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

    /// A transaction begins over another connection where the one that it was given is gone.
    @Test func aTransactionBeginsAgain() async throws {
        try await withTestDatabase(.forced) { test in
            let (customer, admin) = try await test.fixtures.store(in: test.repositories)
            try await test.withSuperuser { watcher in try await Self.killOthers(watcher) }
            let key = test.fixtures.makeAccessKey(of: admin)
            #expect(try await test.repositories.accessKeys.create(key, unlessHolding: 1))
            #expect(try await test.repositories.accessKeys.keys(of: admin.id, in: customer.id) == [key])
        }
    }

    /// Ends all connections but one's own, and waits until they are gone.
    private static func killOthers(_ watcher: PostgresClient) async throws {
        var count = 1
        while count > 0 {
            try Task.checkCancellation()
            count = try await watcher.query(
                """
                select pg_terminate_backend(pid) from pg_stat_activity
                where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
                """
            ).count
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
