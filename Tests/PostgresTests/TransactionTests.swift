import GatewayTesting
import Logging
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(2))) struct TransactionTests {
    private struct Refused: Error, Equatable {}

    private func count(_ client: PostgresClient) async throws -> Int {
        try await client.query("select count(*) as n from t")[0].decode("n")
    }

    /// What a body does stands if it returns, and only then.
    @Test func commitsOrRollsBack() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            try await client.query("create table t (a int8)")
            let result = try await client.withTransaction { transaction in
                try await transaction.query("insert into t values (\(1))")
                return try await transaction.query("insert into t values (\(2)) returning a")[0].decode(
                    "a", as: Int.self)
            }
            #expect(result == 2)
            await #expect(throws: Refused.self) {
                try await client.withTransaction { transaction in
                    try await transaction.query("insert into t values (\(3))")
                    throw Refused()
                }
            }
            #expect(try await self.count(client) == 2)
        }
    }

    /// A body that swallows a statement's failure did not commit, and is told.
    @Test func swallowedFailuresAreTold() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            try await client.query("create table t (a int8 primary key)")
            let error = await failure {
                try await client.withTransaction { transaction in
                    try await transaction.query("insert into t values (1)")
                    _ = try? await transaction.query("insert into t values (1)")
                }
            }
            #expect(error?.code == .transactionAborted)
            #expect(try await self.count(client) == 0)
        }
    }

    /// Settings hold for the whole transaction, and not after it.
    @Test func settingsHoldForTheTransaction() async throws {
        let read: SQL = "select current_setting('app.customer', true) as c"
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            try await client.withTransaction(settings: [.init("app.customer", "7")]) { transaction in
                for _ in 0..<2 {
                    let row = try await transaction.query(read)[0]
                    #expect(try row.decode("c", as: String?.self) == "7")
                }
            }
            #expect(try await client.query(read)[0].decode("c", as: String?.self) == "")
        }
    }

    /// A deferred constraint fails at the commit: the caller is told, and the connection is good.
    @Test func commitFailuresAreTold() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            try await client.query("create table t (a int8 constraint once unique deferrable initially deferred)")
            let error = await failure {
                try await client.withTransaction { transaction in
                    try await transaction.query("insert into t values (1), (1)")
                }
            }
            #expect(error?.sqlState == "23505" && error?.constraint == "once")
            #expect(try await self.count(client) == 0)
        }
    }

    /// A script runs several statements, in the transaction, and its failure undoes all of them.
    @Test func scriptsRunInTheTransaction() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            try await client.withTransaction { transaction in
                try await transaction.execute(
                    unsafeScript: "create table t (a int8); insert into t values (1); select * from t;")
                #expect(try await transaction.query("select a from t where a = \(1)").count == 1)
            }
            let error = await failure {
                try await client.withTransaction { transaction in
                    try await transaction.execute(unsafeScript: "insert into t values (2); select nonsense from t; ")
                }
            }
            #expect(error?.sqlState == "42703")
            #expect(error?.serverMessage == "column \"nonsense\" does not exist")
            #expect(try await self.count(client) == 1)
        }
    }

    /// A script that asks for COPY, which is not spoken, is refused, and costs no more than its connection.
    @Test func copyIsRefused() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            try await client.query("create table t (a int8)")
            for script in ["copy t from stdin", "copy t to stdout"] {
                let error = await failure {
                    try await client.withTransaction { try await $0.execute(unsafeScript: script) }
                }
                #expect(error?.code == .server)
                #expect(try await self.count(client) == 0)
            }
            #expect(await failure { try await client.query("copy t to stdout") }?.code == .server)
            #expect(try await self.count(client) == 0)
        }
    }

    /// Statements of one transaction may be asked for at once; they run one after the other.
    @Test func concurrentStatementsTakeTurns() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            try await client.query("create table t (a int8)")
            try await client.withTransaction { transaction in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<50 {
                        group.addTask { try await transaction.query("insert into t values (\(number))") }
                    }
                    try await group.waitForAll()
                }
            }
            #expect(try await self.count(client) == 50)
        }
    }

    /// A transaction that is kept beyond its body can't be used.
    @Test func endsWithItsBody() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            let kept = try await client.withTransaction { $0 }
            #expect(await failure { try await kept.query("select 1") }?.code == .transactionEnded)
            try await client.query("select 1")
        }
    }

    /// A body whose task is cancelled leaves no open transaction: it is rolled back when the call returns.
    @Test func cancelledBodiesAreRolledBack() async throws {
        try await withTestClient({ $0.connections = 2 }) { client, database in
            try await client.query("create table t (a int8)")
            let task = Task {
                try await client.withTransaction { transaction in
                    try await transaction.query("insert into t values (1)")
                    try await transaction.query("select pg_sleep(600)")
                }
            }
            try await untilRunning("pg_sleep", in: database)
            task.cancel()
            await #expect(throws: CancellationError.self) { try await task.value }
            // The table is free of locks, and empty.
            try await client.withTransaction { try await $0.query("lock table t in access exclusive mode nowait") }
            #expect(try await self.count(client) == 0)
        }
    }

    /// A session's own statements can open a transaction; it does not reach the next user of the connection.
    @Test func strayTransactionsAreEnded() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, _ in
            try await client.query("create table t (a int8)")
            try await client.withTransaction {
                try await $0.execute(unsafeScript: "commit; begin; insert into t values (1)")
            }
            #expect(try await self.count(client) == 1)
            _ = await failure {
                try await client.withTransaction { transaction in
                    try await transaction.execute(unsafeScript: "commit; begin; insert into t values (2)")
                    throw PostgresError(code: .decoding)
                }
            }
            #expect(try await self.count(client) == 1)
        }
    }
}
