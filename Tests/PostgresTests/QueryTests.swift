import Foundation
import GatewayTesting
import Logging
import ServiceLifecycle
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(2))) struct QueryTests {
    /// Rows come in order, by position and by iteration; commands tell how many rows they touched.
    @Test func rowsAndCounts() async throws {
        try await withTestClient { client, _ in
            let rows = try await client.query("select n from generate_series(1, \(300)) as n")
            #expect(rows.count == 300)
            #expect(try rows.map { try $0.decode("n", as: Int.self) } == Array(1...300))
            #expect(try rows[299].decode("n", as: Int.self) == 300)
            try await client.query("create table t (a int8)")
            #expect(try await client.query("insert into t select generate_series(1, 7)").affectedRows == 7)
            #expect(try await client.query("update t set a = 0 where a > \(4)").affectedRows == 3)
            let none = try await client.query("select * from t where a = \(99)")
            #expect(none.isEmpty && none.first == nil)
        }
    }

    /// A setting holds for its own query, and is the empty string for the next one on the same connection.
    @Test(arguments: [true, false]) func settingsHoldForOneQuery(preparedStatements: Bool) async throws {
        let read: SQL = "select current_setting('app.customer', true) as c, current_setting('app.other', true) as o"
        try await withTestClient {
            $0.connections = 1
            $0.preparedStatements = preparedStatements
        } _: { client, _ in
            #expect(try await client.query(read)[0].decode("c", as: String?.self) == nil)
            let settings = [SessionSetting("app.customer", "42"), SessionSetting("app.other", "x'y")]
            let row = try await client.query(read, settings: settings)[0]
            #expect(try row.decode("c", as: String?.self) == "42")
            #expect(try row.decode("o", as: String?.self) == "x'y")
            #expect(try await client.query(read)[0].decode("c", as: String?.self) == "")
            // Nor after a query that fails.
            _ = await failure { try await client.query("select 1 / \(0)::int", settings: settings) }
            #expect(try await client.query(read)[0].decode("o", as: String?.self) == "")
        }
    }

    /// Concurrent queries with different settings share connections and pipelines, and never each other's settings.
    @Test func settingsDoNotMix() async throws {
        try await withTestClient({ $0.connections = 2 }) { client, _ in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        let settings = number % 3 == 0 ? [] : [SessionSetting("app.customer", "\(number)")]
                        let rows = try await client.query(
                            "select nullif(current_setting('app.customer', true), '') as c", settings: settings)
                        return try rows[0].decode("c", as: String?.self) == (number % 3 == 0 ? nil : "\(number)")
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }

    /// Of many queries in shared pipelines, those that fail fail alone.
    @Test func errorsAreIsolated() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            try await client.query("create table t (n int8 primary key)")
            let outcomes = try await withThrowingTaskGroup(of: (Int, PostgresError?).self) { group in
                for number in 0..<80 {
                    group.addTask {
                        let error = await failure {
                            if number % 4 == 0 {
                                try await client.query("select \(number)::int / 0")
                            } else {
                                try await client.query("insert into t values (\(number))")
                            }
                        }
                        return (number, error)
                    }
                }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            #expect(outcomes.keys.sorted() == (0..<80).filter { $0 % 4 == 0 })
            #expect(outcomes.values.allSatisfy { $0.sqlState == "22012" && $0.code == .server })
            #expect(try await client.query("select 1 from t").count == 60)
        }
    }

    /// Results and parameters larger than every buffer pass, also many at once.
    @Test func largeValuesPass() async throws {
        let large = String(repeating: "ä", count: 2_000_000)
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await client.query("select \(large)::text as t")[0].decode("t") }
                }
                for try await text in group { #expect(text == large) }
            }
        }
    }

    /// Every new connection runs what it is to run before anything else; if that fails, requests are told.
    @Test func onConnectRunsOnEveryConnection() async throws {
        try await withTestClient { _, database in
            let cluster = try await PostgresCluster.shared()
            let role = "worker_\(database.name)"
            try await cluster.withSuperuser { admin in
                try await admin.query("create role \(identifier: role) nologin")
                try await admin.query("grant \(identifier: role) to \(identifier: database.owner)")
            }
            var configuration = PostgresConfiguration(url: database.url, connections: 3)
            configuration.onConnect = ["set role \(identifier: role)", "set application_name = 'after'"]
            let who: SQL = "select current_user::text as u, current_setting('application_name') as n"
            try await PostgresClient.withClient(configuration: configuration, logger: Logger(label: "t")) { client in
                for _ in 0..<2 {
                    try await withThrowingTaskGroup(of: PostgresRow.self) { group in
                        for _ in 0..<3 {
                            group.addTask { try await client.withTransaction { try await $0.query(who)[0] } }
                        }
                        for try await row in group {
                            #expect(try row.decode("u", as: String.self) == role)
                            #expect(try row.decode("n", as: String.self) == "after")
                        }
                    }
                    try await cluster.killBackends(of: database)
                }
            }
            configuration.onConnect = ["set role \(identifier: "nobody_at_all")"]
            let error = await failure {
                try await PostgresClient.withClient(configuration: configuration, logger: Logger(label: "t")) {
                    _ = try await $0.query("select 1")
                }
            }
            #expect(error?.code == .onConnectFailed && error?.sqlState == "22023")
            try await cluster.withSuperuser { try await $0.query("drop role \(identifier: role)") }
        }
    }

    /// A client takes requests before `run()`, serves what it has at a graceful shutdown, and refuses what comes after.
    @Test func drainsAtShutdown() async throws {
        try await PostgresCluster.shared().withDatabase { database in
            let client = PostgresClient(
                configuration: PostgresConfiguration(url: database.url, connections: 1), logger: Logger(label: "t"))
            try await client.query("select 1")
            try await withThrowingTaskGroup(of: Void.self) { group in
                let service = ServiceGroup(services: [client], logger: Logger(label: "t"))
                group.addTask { try await service.run() }
                let lock = try await Self.lock(in: database)
                group.addTask { try await client.query("select pg_advisory_lock(1), 'held'") }
                try await untilRunning("'held'", in: database)
                await service.triggerGracefulShutdown()
                try await until { await failure { try await client.query("select 1") }?.code == .shutDown }
                lock.finish()
                try await group.waitForAll()
            }
            #expect(await failure { try await client.query("select 1") }?.code == .shutDown)
        }
    }

    /// Cancelling `run()` ends what is under way at once.
    @Test func stopsAtCancellation() async throws {
        try await PostgresCluster.shared().withDatabase { database in
            let client = PostgresClient(
                configuration: PostgresConfiguration(url: database.url), logger: Logger(label: "t"))
            let running = Task { try await client.run() }
            let query = Task { await failure { try await client.query("select pg_sleep(600)") }?.code }
            try await untilRunning("pg_sleep", in: database)
            running.cancel()
            try await running.value
            #expect(await query.value == .shutDown)
        }
    }

    /// Holds advisory lock 1 until told to end.
    private static func lock(
        in database: PostgresCluster.Database
    ) async throws -> AsyncStream<Never>.Continuation {
        let (end, finish) = AsyncStream.makeStream(of: Never.self)
        let (held, isHeld) = AsyncStream.makeStream(of: Never.self)
        Task {
            try await PostgresCluster.shared().withSuperuser(database: database.name) { admin in
                try await admin.withTransaction { transaction in
                    try await transaction.query("select pg_advisory_xact_lock(1)")
                    isHeld.finish()
                    for await _ in end {}
                }
            }
        }
        for await _ in held {}
        return finish
    }
}
