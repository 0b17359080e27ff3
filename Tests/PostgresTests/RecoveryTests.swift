import GatewayTesting
import Logging
import NIOConcurrencyHelpers
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(5))) struct RecoveryTests {
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    /// Connections that died while idle are noticed before they are used: no query fails.
    @Test func idleDeathIsNoticed() async throws {
        try await withTestClient({ $0.connections = 2 }) { client, database in
            let cluster = try await PostgresCluster.shared()
            for _ in 0..<5 {
                async let one = client.query("select 1")
                async let two = client.query("select 2")
                _ = try await (one, two)
                // Those that are there now: the client may make new ones at any time.
                let killed = try await cluster.withSuperuser { admin in
                    try await admin.query(
                        "select pid::int8 as pid from pg_stat_activity where datname = \(database.name)"
                    ).map { try $0.decode("pid", as: Int.self) }
                }
                try await cluster.killBackends(of: database)
                try await until {
                    try await cluster.withSuperuser { admin in
                        try await admin.query("select 1 from pg_stat_activity where pid = any (\(killed))").isEmpty
                    }
                }
                try await client.query("select 3")
            }
        }
    }

    /// A query whose server process is killed says that its effect isn't known; the next one works.
    @Test func killedInFlight() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, database in
            let running = Task { await failure { try await client.query("select pg_sleep(600)") } }
            try await untilRunning("pg_sleep", in: database)
            try await PostgresCluster.shared().killBackends(of: database)
            let error = await running.value
            #expect(error?.code == .connectionLost && error?.sqlState == "57P01" && error?.isConnectivity == true)
            try await client.query("select 1")
        }
    }

    /// A transaction whose connection dies fails, all of it, and the next one gets another connection.
    @Test func killedInTransaction() async throws {
        try await withTestClient({ $0.connections = 1 }) { client, database in
            try await client.query("create table t (a int8)")
            let error = await failure {
                try await client.withTransaction { transaction in
                    try await transaction.query("insert into t values (1)")
                    try await PostgresCluster.shared().killBackends(of: database)
                    try await transaction.query("insert into t values (2)")
                }
            }
            #expect(error?.code == .connectionLost)
            #expect(try await client.query("select * from t").isEmpty)
        }
    }

    /// A restart of the server under load fails what was under way, at most; afterwards all is as before.
    @Test func serverRestart() async throws {
        let cluster = try await PostgresCluster.start()
        try await cluster.withDatabase { database in
            let configuration = patientConfiguration(url: database.url)
            try await PostgresClient.withClient(configuration: configuration, logger: self.logger) { client in
                let load = Task {
                    var failures: [PostgresError.Code] = []
                    var successes = 0
                    while !Task.isCancelled {
                        if let error = await failure(of: { try await client.query("select \(1)::int8") }) {
                            failures.append(error.code)
                        } else {
                            successes += 1
                        }
                    }
                    return (failures, successes)
                }
                try await client.query("select 1")
                try await cluster.restart()
                try await until { await failure { try await client.query("select 1") } == nil }
                load.cancel()
                let (failures, successes) = await load.value
                #expect(successes > 0)
                #expect(failures.allSatisfy { $0 == .connectionLost || $0 == .connectionFailed })
            }
        }
    }

    /// While the server is down, the reason is told to each request; when it is back, requests succeed.
    @Test func serverDown() async throws {
        let cluster = try await PostgresCluster.start()
        let database = try await cluster.createDatabase()
        for url in [database.url, database.socketURL] {
            let configuration = patientConfiguration(url: url)
            try await PostgresClient.withClient(configuration: configuration, logger: self.logger) { client in
                try await client.query("select 1")
                try await cluster.stop()
                let error = await failure { try await client.query("select 1") }
                #expect(error?.code == .connectionFailed)
                #expect(error?.connectionProblem == .serverNotRunning && error?.isConnectivity == true)
                try await cluster.start()
                try await client.query("select 1")
            }
        }
    }

    /// That the server is gone is known without a request, and so is that it is back with the next one.
    @Test func absenceIsKnownAtOnce() async throws {
        let cluster = try await PostgresCluster.start()
        let configuration = patientConfiguration(url: cluster.superuserURL())
        try await PostgresClient.withClient(configuration: configuration, logger: self.logger) { client in
            #expect(!client.isAway)
            try await client.query("select 1")
            #expect(!client.isAway)
            try await cluster.stop()
            try await until { client.isAway }
            try await cluster.start()
            try await client.query("select 1")
            #expect(!client.isAway)
        }
    }

    /// A password that was changed is told once, while the connections that are there go on.
    @Test func changedPassword() async throws {
        let cluster = try await PostgresCluster.start(.init(authentication: .scram))
        let database = try await cluster.createDatabase()
        let events = NIOLockedValueBox<[PostgresEvent]>([])
        var configuration = patientConfiguration(url: database.url)
        configuration.connections = 1
        configuration.observer = { event in events.withLockedValue { $0.append(event) } }
        try await PostgresClient.withClient(configuration: configuration, logger: self.logger) { client in
            try await client.query("select 1")
            try await cluster.changePassword(of: database, to: "new")
            try await client.query("select 1")
            try await cluster.killBackends(of: database)
            try await until { await failure { try await client.query("select 1") }?.sqlState == "28P01" }
            #expect(await failure { try await client.query("select 1") }?.connectionProblem == .passwordRefused)
            let told = events.withLockedValue { $0 }
            guard case .cannotConnect(let error)? = told.first, told.count == 1 else {
                Issue.record("told \(told)")
                return
            }
            #expect(error.connectionProblem == .passwordRefused)
            try await cluster.changePassword(of: database, to: database.owner)
            try await until { await failure { try await client.query("select 1") } == nil }
            #expect(events.withLockedValue { $0.last } == .connectedAgain)
        }
    }

    /// A server that has become read-only is left, and found again when it takes writes.
    @Test func readOnlyServer() async throws {
        let cluster = try await PostgresCluster.start()
        let database = try await cluster.createDatabase()
        let configuration = patientConfiguration(url: database.url)
        try await PostgresClient.withClient(configuration: configuration, logger: self.logger) { client in
            try await client.query("create table t (a int8)")
            try await cluster.setReadOnly(true)
            try await until {
                let error = await failure { try await client.query("insert into t values (1)") }
                #expect(error?.isConnectivity ?? true)
                return error?.connectionProblem == .notAccepting
            }
            try await cluster.setReadOnly(false)
            try await until { await failure { try await client.query("insert into t values (2)") } == nil }
        }
    }

    /// A host that takes connections and says nothing does not keep from the next one.
    @Test func silentHostIsPassedOver() async throws {
        let silent = try SilentServer()
        try await PostgresCluster.shared().withDatabase { database in
            let cluster = try await PostgresCluster.shared()
            var configuration = patientConfiguration(
                url: "postgres://\(database.owner)@127.0.0.1:\(silent.port),127.0.0.1:\(cluster.port)/\(database.name)")
            configuration.connectTimeout = .seconds(2)
            configuration.connections = 1
            try await PostgresClient.withClient(configuration: configuration, logger: self.logger) { client in
                #expect(await failure { try await client.query("select 1") }?.code == .connectTimeout)
                try await client.query("select 1")
            }
        }
    }

    /// What an operator has to cure is told apart, at the first request, and without the password.
    @Test func failuresToConnectAreToldApart() async throws {
        let cluster = try await PostgresCluster.start(.init(authentication: .scram))
        let database = try await cluster.createDatabase()
        let canary = "canary-pass"
        let host = "127.0.0.1:\(cluster.port)"
        let cases: [(String, PostgresConnectionProblem, String?)] = [
            ("postgres://\(database.owner):\(canary)@\(host)/\(database.name)", .passwordRefused, "28P01"),
            ("postgres://\(database.owner)@\(host)/\(database.name)", .passwordRefused, nil),
            ("postgres://\(database.owner):\(database.owner)@\(host)/missing", .databaseMissing, "3D000"),
            (
                "postgres:///postgres?host=\(cluster.socketDirectory)&port=\(cluster.port)&user=nobody", .roleRefused,
                "28000"
            ),
            ("postgres://u:\(canary)@127.0.0.1:1/d", .serverNotRunning, nil),
            ("postgres:///d?host=/nowhere&user=u", .serverNotRunning, nil),
            ("\(database.url)?sslmode=require", .tlsRefused, nil),
        ]
        for (url, problem, sqlState) in cases {
            let configuration = patientConfiguration(url: url)
            let error = await failure {
                try await PostgresClient.withClient(configuration: configuration, logger: self.logger) {
                    try await $0.query("select 1")
                }
            }
            #expect(error?.code == .connectionFailed && error?.connectionProblem == problem)
            #expect(error?.sqlState == sqlState)
            var printed = "\(error as Any)"
            dump(error, to: &printed)
            #expect(!printed.contains(canary) && error?.serverMessage?.isEmpty == false)
        }
        let good = patientConfiguration(url: database.url)
        try await PostgresClient.withClient(configuration: good, logger: self.logger) { try await $0.query("select 1") }
    }

    /// A connection string that can't be read is told as such by the first request.
    @Test func unreadableConnectionString() async {
        let error = await failure {
            try await PostgresClient.withClient(
                configuration: PostgresConfiguration(url: "postgres://u:canary%zz@h/d"), logger: self.logger
            ) { try await $0.query("select 1") }
        }
        #expect(error?.code == .invalidConfiguration)
    }

    /// A server that takes connections and says nothing is given up in time.
    @Test func silentServer() async throws {
        let silent = try SilentServer()
        let configuration = PostgresConfiguration(
            url: "postgres://u@127.0.0.1:\(silent.port)/d", connections: 1, connectTimeout: .milliseconds(100))
        let error = await failure {
            try await PostgresClient.withClient(configuration: configuration, logger: self.logger) {
                try await $0.query("select 1")
            }
        }
        #expect(error?.code == .connectTimeout && error?.connectionProblem == .unreachable)
        #expect(error?.isConnectivity == true)
    }
}
