internal import Access
internal import ArgumentParser
internal import Configuration
internal import Domain
internal import Foundation
internal import Gateway
internal import Logging
internal import SalesforceSimulator
internal import Secrets
internal import ServiceLifecycle
internal import Telemetry

struct Demo: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs everything on this machine: simulator and gateway on a seeded database.",
        discussion: """
            DATABASE_URL names the database, which is migrated and seeded; `make demo` starts a throwaway one. An
            ENCRYPTION_KEY is made where none is given. With TLS_CERTIFICATE and TLS_KEY the gateway serves https, for
            which the certificate must be one for *.formation.localhost. Ctrl-C ends it.
            """)

    @Option(help: "The gateway's port; 0 takes a free one.") var port = 8080
    @Option(help: "The simulator's port; 0 takes a free one.") var simulatorPort = 8081
    @Flag(help: "Print what is running as one line of JSON.") var json = false

    func validate() throws {
        try Ports.check(port)
        try Ports.check(simulatorPort)
    }

    func run() async throws {
        let port = try port == 0 ? await FreePort.find() : port
        let simulatorPort = try simulatorPort == 0 ? await FreePort.find() : simulatorPort
        let scheme = DemoSettings.scheme
        var configuration = SimulatorConfiguration.demo(redirectURIs: DemoTenant.callbacks(scheme: scheme, port: port))
        configuration.port = simulatorPort
        let tenants = DemoTenant.all(configuration)
        let settings = try await DemoSettings.make(
            port: port, simulatorPort: simulatorPort, hosts: tenants.flatMap(\.hosts) + [configuration.genericLoginHost]
        )
        // What is running is said on stdout; the log goes beside it.
        let (logger, metrics) = Runtime.bootstrap(settings, sink: .standardError)
        Console.progress("Preparing the database …")
        try await DemoSeed(settings: settings, simulatorPort: simulatorPort, logger: logger).apply(tenants)
        let gateway = try Gateway.build(
            settings: settings, metrics: metrics, logger: logger, callSink: .standardError)
        let simulator = SalesforceSimulator(configuration: configuration, logger: logger)
        let isJSON = json
        let announcement = Announcement {
            _ = try await simulator.listeningPort()
            _ = try await gateway.listeningPort()
            await gateway.whenServing()
            let report = DemoReport(settings: settings, simulatorPort: simulatorPort, tenants: tenants)
            Console.say(isJSON ? try report.json() : report.text())
            Console.say("ready: \(settings.origin.origin)")
        }
        try await Runtime.run(
            [simulator] + gateway.services + [announcement], shutdownSeconds: settings.shutdownSeconds, logger: logger)
        gateway.finishCallLog()
    }
}

/// Says something once the others are up, and then waits for the end as every service does.
struct Announcement: Service {
    let announce: @Sendable () async throws -> Void

    init(_ announce: @escaping @Sendable () async throws -> Void) {
        self.announce = announce
    }

    /// How long the cause of a failure has to come first.
    private static let patience: Duration = .seconds(2)

    func run() async throws {
        do {
            try await announce()
        } catch {
            // What is to be announced did not come up, mostly: its own error says more and ends everything.
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: Self.patience) }
            throw error
        }
        try? await gracefulShutdown()
    }
}

/// A tenant of the demo: an org of the simulator with its first app.
struct DemoTenant: Sendable {
    let subdomain: String
    let org: SimulatedOrg
    let app: SimulatedApp

    var hosts: [String] { [org.loginHost, org.instanceHost] }

    static let baseDomain = "formation.localhost"

    static func all(_ configuration: SimulatorConfiguration) -> [DemoTenant] {
        configuration.orgs.compactMap { org in
            org.apps.first.map { DemoTenant(subdomain: org.name.lowercased(), org: org, app: $0) }
        }
    }

    static func callbacks(scheme: String, port: Int) -> [String] {
        ["axonify", "globex"].map { "\(scheme)://\($0).\(baseDomain):\(port)/auth/callback" }
    }
}

/// The demo's settings: the environment's, with what the demo decides put over them.
enum DemoSettings {
    /// https where there is a certificate.
    static var scheme: String { ProcessInfo.processInfo.environment["TLS_CERTIFICATE"] == nil ? "http" : "https" }

    static func make(port: Int, simulatorPort: Int, hosts: [String]) async throws -> Settings {
        var environment = ProcessInfo.processInfo.environment
        environment["BASE_URL"] = "\(scheme)://\(DemoTenant.baseDomain):\(port)"
        environment["PORT"] = String(port)
        environment["HOST"] = "127.0.0.1"
        environment["SALESFORCE_ALLOWED_HOSTS"] = hosts.map { "\($0):\(simulatorPort)" }.joined(separator: ",")
        if environment["ENCRYPTION_KEY"] == nil { environment["ENCRYPTION_KEY"] = KeyRing.generate().exposed }
        if environment["LOG_FORMAT"] == nil { environment["LOG_FORMAT"] = LogFormat.text.rawValue }
        return try Settings(
            reader: ConfigReader(provider: EnvironmentVariablesProvider(environmentVariables: environment)))
    }
}

/// What the demo says when it is up.
struct DemoReport {
    let settings: Settings
    let simulatorPort: Int
    let tenants: [DemoTenant]

    func text() -> String {
        var lines = ["", "FormationIQ Gateway is running. Open one of these, and sign in as one of these people:", ""]
        for tenant in tenants {
            lines.append("  \(address(tenant))   \(tenant.org.name)")
            for user in tenant.org.users {
                lines.append("      \(user.fullName): \(user.username)  \(user.password)  (\(user.profile.rawValue))")
            }
        }
        lines += [
            "", "  \(settings.origin.origin)   the front door",
            "  http://127.0.0.1:\(simulatorPort)/_simulator/   the Salesforce simulator's controls and journal", "",
            "Ctrl-C ends it.", "",
        ]
        return lines.joined(separator: "\n")
    }

    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let document = Document(
            baseURL: settings.origin.origin, simulator: "http://127.0.0.1:\(simulatorPort)",
            tenants: tenants.map { tenant in
                Document.Tenant(
                    url: address(tenant), company: tenant.org.name, subdomain: tenant.subdomain,
                    users: tenant.org.users.map {
                        Document.User(username: $0.username, password: $0.password, name: $0.fullName)
                    })
            })
        return String(decoding: try encoder.encode(document), as: UTF8.self)
    }

    private func address(_ tenant: DemoTenant) -> String {
        "\(DemoSettings.scheme)://\(tenant.subdomain).\(settings.origin.baseDomain):\(settings.port)"
    }

    private struct Document: Encodable {
        struct User: Encodable {
            let username: String
            let password: String
            let name: String
        }
        struct Tenant: Encodable {
            let url: String
            let company: String
            let subdomain: String
            let users: [User]
        }
        let baseURL: String
        let simulator: String
        let tenants: [Tenant]
    }
}
