import GatewayTesting
import Logging
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(5))) struct NotificationTests {
    /// A listener says that it listens, and then gets what is notified on its channels, in order, and nothing else.
    @Test func notificationsArrive() async throws {
        try await withTestClient { client, _ in
            var events = client.notifications(on: ["changes", "Odd \"name\""]).makeAsyncIterator()
            #expect(await events.next() == .connected(isFirst: true))
            try await client.query("select pg_notify('other', 'no')")
            for number in 0..<20 { try await client.query("select pg_notify('changes', \("\(number)"))") }
            try await client.query("select pg_notify('Odd \"name\"', '')")
            for number in 0..<20 {
                #expect(await events.next() == .notification(channel: "changes", payload: "\(number)"))
            }
            #expect(await events.next() == .notification(channel: "Odd \"name\"", payload: ""))
        }
    }

    /// A listener whose connection dies connects again, and says so.
    @Test func reconnectionsAreTold() async throws {
        try await withTestClient { client, database in
            var events = client.notifications(on: ["changes"]).makeAsyncIterator()
            #expect(await events.next() == .connected(isFirst: true))
            for _ in 0..<3 {
                try await PostgresCluster.shared().killBackends(of: database)
                #expect(await events.next() == .connected(isFirst: false))
                try await client.query("select pg_notify('changes', 'again')")
                #expect(await events.next() == .notification(channel: "changes", payload: "again"))
            }
        }
    }

    /// A listener waits for a server that is away.
    @Test func serverRestart() async throws {
        let cluster = try await PostgresCluster.start()
        let configuration = patientConfiguration(url: cluster.superuserURL())
        let client = PostgresClient(configuration: configuration, logger: Logger(label: "test"))
        var events = client.notifications(on: ["changes"]).makeAsyncIterator()
        #expect(await events.next() == .connected(isFirst: true))
        try await cluster.restart()
        #expect(await events.next() == .connected(isFirst: false))
    }

    /// A listener ends with its task, and its connection with it.
    @Test func endsWithItsTask() async throws {
        try await withTestClient { client, database in
            let (connected, isConnected) = AsyncStream.makeStream(of: Never.self)
            let task = Task {
                var count = 0
                for await _ in client.notifications(on: ["changes"]) {
                    count += 1
                    isConnected.finish()
                }
                return count
            }
            for await _ in connected {}
            task.cancel()
            #expect(await task.value == 1)
            try await PostgresCluster.shared().withSuperuser { admin in
                try await until {
                    try await admin.query(
                        "select 1 from pg_stat_activity where datname = \(database.name) and query like 'listen%'"
                    ).isEmpty
                }
            }
        }
    }

    /// It may lead to the same database another way, and does not run what the pool's connections run.
    @Test func ownConnectionString() async throws {
        try await withTestClient({ $0.onConnect = ["set role none"] }) { client, database in
            var events = client.notifications(on: ["changes"], url: database.socketURL).makeAsyncIterator()
            #expect(await events.next() == .connected(isFirst: true))
            try await client.query("notify changes, 'x'")
            #expect(await events.next() == .notification(channel: "changes", payload: "x"))
        }
    }
}
