import GatewayTesting
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(2))) struct QueueTests {
    /// As many requests wait as may; the next is refused at once, and those that wait are served.
    @Test func fullQueueRefuses() async throws {
        try await withTestClient {
            $0.connections = 1
            $0.queueLimit = 2
        } _: { client, database in
            let running = Task { try await client.query("select pg_sleep(600)") }
            try await untilRunning("pg_sleep", in: database)
            let one = Task { try await client.query("select 1") }
            let two = Task { try await client.withTransaction { try await $0.query("select 2") } }
            try await until { client.queuedCount == 2 }
            #expect(await failure { try await client.query("select 3") }?.code == .queueFull)
            #expect(await failure { try await client.withTransaction { _ in } }?.code == .queueFull)
            running.cancel()
            #expect(try await one.value.count == 1)
            #expect(try await two.value.count == 1)
        }
    }

    /// A request waits so long and no longer for a connection, though all are busy and nobody looks.
    @Test func longWaitsEnd() async throws {
        try await withTestClient {
            $0.connections = 1
            $0.queueTimeout = .milliseconds(50)
        } _: { client, _ in
            // Connecting may itself take longer than that.
            try await until { await failure { try await client.query("select 1") } == nil }
            let errors = try await client.withTransaction { transaction in
                try await transaction.query("select 1")
                async let one = failure { try await client.query("select 1") }
                async let two = failure { try await client.withTransaction { _ in } }
                return await [one, two]
            }
            #expect(errors.map { $0?.code } == [.queueTimeout, .queueTimeout])
            #expect(errors.allSatisfy { $0?.isConnectivity == true })
            try await client.query("select 1")
        }
    }
}
