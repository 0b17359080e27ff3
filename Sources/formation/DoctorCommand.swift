internal import ArgumentParser
internal import Foundation
internal import Gateway
internal import Logging
internal import Telemetry

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Looks at all that a gateway needs, and says of each how it stands, with the cure.",
        discussion: """
            Configuration, database, TLS, schema, row-level security, keys, notifications, the clock, the base URL and \
            the customers' Salesforce login hosts. It changes nothing. Exits with 1 where something does not work (✗).
            """)

    func run() async throws {
        let settings: Settings
        do {
            settings = try await Settings(reader: Settings.reader())
        } catch let error as SettingsError {
            for finding in Finding.findings(of: error) { Console.say("\(finding)") }
            throw ExitCode(Console.configurationExitCode)
        }
        // What goes wrong is said as findings; the log would only say it twice.
        LoggingSetup.bootstrap(level: .critical, format: .text, now: { Date() })
        let isWell = try await Doctor(settings: settings, logger: Logger(label: "formation"))
            .examine { Console.say("\($0)") }
        if !isWell { throw ExitCode(Console.failureExitCode) }
    }
}
