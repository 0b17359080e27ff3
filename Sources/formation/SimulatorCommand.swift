internal import ArgumentParser
internal import Foundation
internal import Gateway
internal import Logging
internal import SalesforceSimulator
internal import Telemetry

struct SimulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulator",
        abstract: "Runs the Salesforce simulator: two orgs with people, apps and data, on loopback.",
        discussion: "Faults, clock and journal: http://127.0.0.1:PORT/_simulator/")

    @Option(help: "The port; 0 takes a free one.") var port = 8081
    @Option(help: "A callback URL that the apps accept. May be given several times.")
    var redirectUri: [String] = []

    func validate() throws {
        try Ports.check(port)
    }

    func run() async throws {
        LoggingSetup.bootstrap(level: .info, format: .text, now: { Date() })
        let logger = Logger(label: "simulator")
        var configuration = SimulatorConfiguration.demo(
            redirectURIs: redirectUri.isEmpty ? DemoTenant.callbacks(scheme: "http", port: 8080) : redirectUri)
        configuration.port = port
        let simulator = SalesforceSimulator(configuration: configuration, logger: logger)
        let orgs = configuration.orgs
        let announcement = Announcement {
            let port = try await simulator.listeningPort()
            Console.say("Salesforce simulator: http://127.0.0.1:\(port)/_simulator/")
            for org in orgs {
                Console.say("  \(org.name): http://\(org.loginHost):\(port)")
                for user in org.users {
                    Console.say("    \(user.username)  \(user.password)  \(user.profile.rawValue)")
                }
            }
        }
        try await Runtime.run([simulator, announcement], shutdownSeconds: 5, logger: logger)
    }
}
