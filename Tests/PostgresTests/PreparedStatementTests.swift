import GatewayTesting
import Logging
import NIOConcurrencyHelpers
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(5))) struct PreparedStatementTests {
    /// What one connection has prepared.
    private func prepared(_ client: PostgresClient) async throws -> Int {
        try await client.query("select count(*) as n from pg_prepared_statements")[0].decode("n")
    }

    /// The same text is prepared once, and runs again under its name.
    @Test func statementsArePreparedOnce() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            for number in 0..<5 { try await client.query("select \(number)::int8") }
            // The limit of time is the third.
            #expect(try await self.prepared(client) == 3)
        }
    }

    /// With the switch off nothing is kept at the server, and all works.
    @Test func switchedOff() async throws {
        try await withTestClient {
            $0.connections = 1
            $0.preparedStatements = false
        } _: { client, _ in
            for number in 0..<3 {
                let row = try await client.query("select \(number)::int8 as n")[0]
                #expect(try row.decode("n", as: Int.self) == number)
            }
            try await client.withTransaction { try await $0.query("select \(1)::int8") }
            #expect(try await self.prepared(client) == 0)
        }
    }

    /// The server never holds more than the cap, whatever is asked for, and all answers are right.
    @Test func statementsAreEvicted() async throws {
        let cap = StatementCache.statementsMax
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            for number in 0..<(cap + 100) {
                let sql = SQL(unsafeSQL: "select \(number) as n_\(number)")
                #expect(try await client.query(sql)[0].decode(at: 0, as: Int.self) == number)
            }
            // The one that is let go leaves with the next batch.
            #expect((cap - 1...cap + 1).contains(try await self.prepared(client)))
            // In a transaction nothing is let go, and what is new has no name.
            try await client.withTransaction { transaction in
                for number in 0..<20 {
                    let row = try await transaction.query(SQL(unsafeSQL: "select \(number) as m_\(number)"))[0]
                    #expect(try row.decode(at: 0, as: Int.self) == number)
                }
            }
            #expect(try await self.prepared(client) <= cap + 1)
        }
    }

    /// Many different statements at once, in pipelines, evict each other without harm.
    @Test func evictionInPipelines() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<800 {
                    group.addTask {
                        let sql = SQL(unsafeSQL: "select \(number % 400) as n_\(number % 400)")
                        return try await client.query(sql)[0].decode(at: 0, as: Int.self) == number % 400
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
        }
    }

    /// A table that changes its columns makes prepared plans unusable ("cached plan must not change result type"):
    /// outside a transaction nobody notices.
    @Test func changedTables() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            try await client.query("create table t (a int8)")
            try await client.query("insert into t values (1)")
            let all: SQL = "select * from t where a = \(1)"
            #expect(try await client.query(all).count == 1)
            try await client.query("alter table t add column b text default 'new'")
            let row = try await client.query(all, settings: [.init("app.customer", "1")])[0]
            #expect(try row.decode("b", as: String.self) == "new")
            #expect(try await client.query(all).count == 1)
        }
    }

    /// Inside a transaction it fails the transaction, once: the next one works.
    @Test func changedTablesInTransactions() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            try await client.query("create table t (a int8)")
            let all: SQL = "select * from t where a = \(1)"
            try await client.withTransaction { try await $0.query(all) }
            try await client.query("alter table t add column b text")
            let error = await failure { try await client.withTransaction { try await $0.query(all) } }
            #expect(error?.sqlState == "0A000")
            try await client.withTransaction { try await $0.query(all) }
        }
    }

    /// Statements that the server has forgotten (as behind a pooler) are prepared anew.
    @Test func forgottenStatements() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            for number in 0..<3 { try await client.query("select \(number)::int8 as a") }
            try await client.query("deallocate all")
            let row = try await client.query("select \(7)::int8 as a", settings: [.init("app.customer", "1")])[0]
            #expect(try row.decode("a", as: Int.self) == 7)
            try await client.withTransaction { try await $0.execute(unsafeScript: "deallocate all") }
            // Where the transaction has not begun, nobody notices; within one it is an error, once.
            let sql: SQL = "select \(8)::int8 as a"
            try await client.withTransaction { try await $0.query(sql) }
            let error = await failure {
                try await client.withTransaction { transaction in
                    try await transaction.execute(unsafeScript: "deallocate all")
                    try await transaction.query(sql)
                }
            }
            #expect(error?.sqlState == "26000")
            try await client.withTransaction { try await $0.query(sql) }
        }
    }

    /// Where statements are gone again and again, no more are prepared, and somebody is told once.
    @Test func lostCausesAreGivenUp() async throws {
        let events = NIOLockedValueBox<[PostgresEvent]>([])
        try await withTestClient {
            $0.connections = 1
            $0.observer = { event in events.withLockedValue { $0.append(event) } }
        } _: { client, _ in
            for number in 0..<6 {
                try await client.query("deallocate all")
                let row = try await client.query("select \(number)::int8 as a")[0]
                #expect(try row.decode("a", as: Int.self) == number)
            }
            #expect(events.withLockedValue { $0 } == [.preparedStatementsVanish])
            #expect(try await self.prepared(client) == 0)
        }
    }

    /// No two connections give a statement the same name: behind a pooler one could run the other's.
    @Test func namesAreOfOneConnection() async throws {
        try await withTestClient({ $0.connections = 1 }) { first, database in
            let configuration = patientConfiguration(url: database.url)
            try await PostgresClient.withClient(
                configuration: configuration, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            ) { second in
                var names: Set<String> = []
                for client in [first, second] {
                    try await client.query("select 1")
                    let name = try await client.query("select name from pg_prepared_statements order by 1")[0]
                    names.insert(String(try name.decode("name", as: String.self).prefix { $0 != "_" }))
                }
                #expect(names.count == 2)
            }
        }
    }

    /// A statement that another one of the same pipeline should have prepared, but didn't, is prepared after all.
    @Test func neighboursThatFailToPrepare() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<60 {
                    group.addTask {
                        // The setting's failure skips the preparation of the statement that all share.
                        let settings = number % 3 == 0 ? [SessionSetting("work_mem", "nonsense")] : []
                        let error = await failure {
                            let row = try await client.query("select \(number)::int8 as shared", settings: settings)[0]
                            #expect(try row.decode("shared", as: Int.self) == number)
                        }
                        #expect(error?.sqlState == (number % 3 == 0 ? "22023" : nil))
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
