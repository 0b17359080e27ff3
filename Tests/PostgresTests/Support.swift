import Foundation
import GatewayTesting
import Logging
import NIOConcurrencyHelpers
import Testing

@testable import Postgres

/// Runs a body with a client on a database of its own, on the shared cluster.
@discardableResult
func withTestClient<Result>(
    _ configure: (inout PostgresConfiguration) -> Void = { _ in },
    logger: Logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
    _ body: (PostgresClient, PostgresCluster.Database) async throws -> Result
) async throws -> Result {
    try await PostgresCluster.shared().withDatabase { database in
        var configuration = patientConfiguration(url: database.url)
        configure(&configuration)
        return try await PostgresClient.withClient(configuration: configuration, logger: logger) { client in
            try await body(client, database)
        }
    }
}

/// Limits that a loaded machine does not reach: only the tests about limits set short ones.
func patientConfiguration(url: String) -> PostgresConfiguration {
    PostgresConfiguration(
        url: url, queueTimeout: .seconds(90), connectTimeout: .seconds(60), statementTimeout: .seconds(300))
}

/// The error that a body throws.
func failure<Result>(of body: () async throws -> Result) async -> PostgresError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? PostgresError
    }
}

/// Asks again and again until the answer is yes. A test that never gets it runs into its time limit.
func until(_ condition: () async throws -> Bool) async throws {
    while !(try await condition()) {
        try Task.checkCancellation()
        // A condition that never suspends must not keep its thread from those who would fulfil it.
        await Task.yield()
    }
}

/// Waits until a statement that contains a marker runs at the server.
func untilRunning(_ marker: String, count: Int = 1, in database: PostgresCluster.Database) async throws {
    try await PostgresCluster.shared().withSuperuser(database: database.name) { admin in
        try await until {
            let rows = try await admin.query(
                """
                select 1 from pg_stat_activity where state = 'active' and pid <> pg_backend_pid()
                and datname = \(database.name) and position(\(marker) in query) > 0
                """)
            return rows.count >= count
        }
    }
}

/// What is logged, for tests to read.
final class LogRecorder: LogHandler, Sendable {
    private let lines = NIOLockedValueBox<[String]>([])

    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }

    var logLevel: Logger.Level {
        get { .trace }
        set {}
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    var text: String { self.lines.withLockedValue { $0.joined(separator: "\n") } }

    var logger: Logger { Logger(label: "test", factory: { _ in self }) }

    func log(event: LogEvent) {
        self.lines.withLockedValue { $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])") }
    }
}

extension PostgresClient {
    /// How many requests wait for a connection.
    var queuedCount: Int { self.core.queuedCount }
}
