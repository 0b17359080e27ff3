internal import ArgumentParser
internal import Foundation
internal import Gateway

/// The command line of the gateway (contract §4).
@main
struct Formation: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "formation",
        abstract: "A multi-tenant gateway between your customers' frontends and their own Salesforce.",
        discussion: """
            Settings come from the environment and from a .env file in the working directory; docs/configuration.md
            names them all. Exit codes: 0 done, 1 failed, 64 wrong usage, 78 wrong configuration.
            """,
        version: "0.1.0",
        subcommands: [
            Serve.self, DatabaseCommand.self, CustomerCommand.self, KeyCommand.self, DoctorCommand.self,
            SimulatorCommand.self, Demo.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
        } catch let error as SettingsError {
            Console.error("The configuration is wrong:\n" + error.problems.map { "  \($0)" }.joined(separator: "\n"))
            Foundation.exit(Console.configurationExitCode)
        } catch let error where isUsage(error) {
            exit(withError: error)
        } catch {
            Console.error(Console.explain(error))
            Foundation.exit(Console.failureExitCode)
        }
    }

    /// Whether the library knows best how to end: help, version, wrong arguments, or a code of ours.
    private static func isUsage(_ error: any Error) -> Bool {
        let code = exitCode(for: error)
        return code == .success || code == .validationFailure || error is ExitCode || error is ValidationError
    }
}
