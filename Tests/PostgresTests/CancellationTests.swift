import GatewayTesting
import Logging
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(5))) struct CancellationTests {
    /// A cancelled query is stopped at the server, and the connection goes on.
    @Test func runningQueryIsStopped() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, database in
            let process = try await client.query("select pg_backend_pid() as p")[0].decode("p", as: Int.self)
            let task = Task { try await client.query("select pg_sleep(600), \("x")") }
            try await untilRunning("pg_sleep", in: database)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            #expect(try await client.query("select pg_backend_pid() as p")[0].decode("p", as: Int.self) == process)
        }
    }

    /// A query that waits in the queue leaves it when it is cancelled, and never runs.
    @Test func queuedQueryNeverRuns() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, database in
            try await client.query("create table t (a int8)")
            let first = Task { try await client.query("select pg_sleep(600)") }
            try await untilRunning("pg_sleep", in: database)
            let second = Task { try await client.query("insert into t values (1)") }
            second.cancel()
            await #expect(throws: CancellationError.self) { try await second.value }
            first.cancel()
            await #expect(throws: CancellationError.self) { try await first.value }
            #expect(try await client.query("select * from t").isEmpty)
        }
    }

    /// A task that was cancelled before it asked asks nothing.
    @Test func cancelledTasksAskNothing() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            try await client.query("create table t (a int8)")
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                await #expect(throws: CancellationError.self) { try await client.query("insert into t values (1)") }
                await #expect(throws: CancellationError.self) {
                    try await client.withTransaction { try await $0.query("insert into t values (2)") }
                }
            }
            await task.value
            #expect(try await client.query("select * from t").isEmpty)
        }
    }

    /// Of several in one pipeline, the cancelled one is told at once; the others get their answers.
    @Test func neighboursInAPipelineAreSpared() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, database in
            try await Self.holdingLock(in: database) { release in
                // While this one runs, the others gather; then they go out together.
                let blocked = Task { try await client.query("select pg_advisory_xact_lock(1), 'first'") }
                try await untilRunning("'first'", in: database)
                let tasks = (0..<8).map { number in
                    Task {
                        try await client.query("select \(number)::int8 as n, pg_advisory_xact_lock(2)::text as l")[0]
                            .decode("n", as: Int.self)
                    }
                }
                try await until { client.queuedCount == 8 }
                release(1)
                _ = try await blocked.value
                try await untilRunning("pg_advisory_xact_lock(2)", in: database)
                tasks[3].cancel()
                await #expect(throws: CancellationError.self) { try await tasks[3].value }
                release(2)
                for (number, task) in tasks.enumerated() where number != 3 {
                    #expect(try await task.value == number)
                }
            }
        }
    }

    /// Of 400 queries, each cancelled at another moment, none takes another one down with it.
    @Test func stormHitsNobodyElse() async throws {
        try await withTestClient({ $0.connections = 3 }) { client, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<400 {
                    let isCancelled = number.isMultiple(of: 2)
                    let task = Task {
                        try await client.query(
                            "select \(number)::int8 as n, pg_sleep(\(number % 7 == 0 ? 0.005 : 0)) is null as s")[0]
                            .decode("n", as: Int.self)
                    }
                    group.addTask {
                        if isCancelled {
                            for _ in 0..<(number % 50) { await Task.yield() }
                            task.cancel()
                        }
                        do {
                            let value = try await task.value
                            #expect(value == number)
                        } catch is CancellationError {
                            #expect(isCancelled)
                        }
                    }
                }
                try await group.waitForAll()
            }
            for number in 0..<20 {
                #expect(try await client.query("select \(number)::int8 as n")[0].decode("n", as: Int.self) == number)
            }
        }
    }

    /// The same with transactions: no lease is lost, no transaction stays open.
    @Test func stormOfTransactionsLeavesNothingOpen() async throws {
        try await withTestClient({ $0.connections = 3 }) { client, database in
            try await client.query("create table t (a int8)")
            let committed = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<120 {
                    let task = Task {
                        try await client.withTransaction { transaction in
                            try await transaction.query("insert into t values (\(number))")
                            try await transaction.query("select pg_sleep(\(number % 5 == 0 ? 0.005 : 0))")
                        }
                    }
                    group.addTask {
                        if number.isMultiple(of: 2) {
                            for _ in 0..<(number % 40) { await Task.yield() }
                            task.cancel()
                        }
                        do {
                            try await task.value
                            return 1
                        } catch is CancellationError {
                            return 0
                        }
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(committed >= 60)
            #expect(try await client.query("select * from t").count == committed)
            let cluster = try await PostgresCluster.shared()
            let open = try await cluster.withSuperuser { admin in
                try await admin.query(
                    "select 1 from pg_stat_activity where datname = \(database.name) and xact_start is not null")
            }
            #expect(open.isEmpty)
        }
    }

    /// A statement that runs too long is ended by the server, and says so.
    @Test func statementTimeout() async throws {
        try await withTestClient({ $0.statementTimeout = .milliseconds(500) }) { client, _ in
            let error = await failure { try await client.query("select pg_sleep(600)") }
            #expect(error?.sqlState == "57014" && error?.isStatementTimeout == true && error?.code == .server)
            // And it can be another for one query. (Its preparation is still under the first limit: a loaded machine
            // may take more than one attempt.)
            let patient = [SessionSetting("statement_timeout", "100s")]
            try await until {
                await failure { try await client.query("select pg_sleep(0.6)", settings: patient) } == nil
            }
        }
    }

    /// Holds advisory locks 1 and 2 until told to let each go.
    private static func holdingLock(
        in database: PostgresCluster.Database, _ body: (@escaping @Sendable (Int) -> Void) async throws -> Void
    ) async throws {
        let (requests, request) = AsyncStream.makeStream(of: Int.self)
        let (held, isHeld) = AsyncStream.makeStream(of: Never.self)
        let holder = Task {
            try await PostgresCluster.shared().withSuperuser(database: database.name) { admin in
                try await admin.query("select pg_advisory_lock(1), pg_advisory_lock(2)")
                isHeld.finish()
                for await lock in requests { try await admin.query("select pg_advisory_unlock(\(lock)::int8)") }
            }
        }
        for await _ in held {}
        defer { request.finish() }
        try await body { request.yield($0) }
        request.finish()
        try await holder.value
    }
}
