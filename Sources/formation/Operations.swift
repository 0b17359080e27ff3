internal import Access
internal import Foundation
internal import Gateway
internal import Logging
internal import Telemetry

/// What the commands share: settings from the environment, problems in words.
enum Operations {
    /// The tools for this environment's database.
    static func tools(requires needs: Settings.Needs) async throws -> (OperatorTools, Settings) {
        let settings = try await Settings(reader: Settings.reader(), requires: needs)
        LoggingSetup.bootstrap(level: .warning, format: .text, now: { Date() })
        return (OperatorTools(settings: settings, logger: Logger(label: "formation")), settings)
    }

    /// Lends the customers' administration on this environment's database.
    static func withAdministration(
        _ body: @escaping @Sendable (CustomerAdministration, Settings) async throws -> Void
    ) async throws {
        let (tools, settings) = try await tools(requires: [.database, .encryptionKey])
        try await tools.withAdministration { try await body($0, settings) }
    }
}
