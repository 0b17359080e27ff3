import Access
import AsyncHTTPClient
import Configuration
import Foundation
import Gateway
import GatewayTesting
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import SalesforceSimulator
import Secrets
import ServiceLifecycle
import Telemetry
import Testing

/// A database, a Salesforce simulator and gateways, put together as `formation` does it, all over sockets.
///
/// Axonify and Globex are customers, connected to the simulator's orgs of these names.
struct World: Sendable {
    let database: PostgresCluster.Database
    let simulator: SalesforceSimulator
    let client: HTTPClient
    let log: CapturedLog
    /// The gateways' ports. `BASE_URL` names the first.
    let ports: [Int]
    let settings: Settings
    /// The simulator's orgs, as they were in the beginning.
    let orgs: [SimulatedOrg]
    private let variables: [String: String]

    static let susan = "smcgovern@axonify.com.fullcpy"
    static let alex = "arivera@axonify.com.fullcpy"
    static let hank = "hscorpio@globex.example"
    static let baseDomain = "formation.localhost"

    /// Runs a body in a new world, and takes it down afterwards.
    ///
    /// - Parameters:
    ///   - cluster: one of the test's own, which may be stopped; else a database of the shared one.
    ///   - servesHere: Whether the gateways run in this process; otherwise the body starts them, at ``ports``.
    ///   - variables: the environment that depends on the database.
    ///   - configure: Further orgs than the demo's two become customers too, each under its name.
    static func run(
        gateways count: Int = 1, servesHere: Bool = true, on cluster: PostgresCluster? = nil,
        environment: [String: String] = [:],
        variables: (PostgresCluster.Database) async throws -> [String: String] = { _ in [:] },
        configure: (inout SimulatorConfiguration) -> Void = { _ in }, _ body: (World) async throws -> Void
    ) async throws {
        func run(_ database: PostgresCluster.Database) async throws {
            let environment = try await environment.merging(variables(database)) { $1 }
            try await self.run(
                gateways: count, servesHere: servesHere, in: database, environment: environment, configure: configure,
                body)
        }
        if let cluster {
            try await run(cluster.createDatabase(ownerMayCreateRoles: true))
        } else {
            try await PostgresCluster.shared().withDatabase(ownerMayCreateRoles: true, run)
        }
    }

    private static func run(
        gateways count: Int, servesHere: Bool, in database: PostgresCluster.Database, environment: [String: String],
        configure: (inout SimulatorConfiguration) -> Void, _ body: (World) async throws -> Void
    ) async throws {
        let ports = try (0..<count).map { _ in try FreePort.find() }
        var configuration = SimulatorConfiguration.demo(
            redirectURIs: ["axonify", "globex"].map { "http://\($0).\(baseDomain):\(ports[0])/auth/callback" })
        configure(&configuration)
        let log = CapturedLog()
        let simulator = SalesforceSimulator(
            configuration: configuration, logger: Logger(label: "simulator") { _ in SwiftLogNoOpLogHandler() })
        try await withServices([simulator]) {
            var environment = environment
            let hosts = configuration.orgs.flatMap { [$0.loginHost, $0.instanceHost] }
            let simulatorPort = try await simulator.listeningPort()
            environment["DATABASE_URL"] = environment["DATABASE_URL"] ?? database.url
            environment["ENCRYPTION_KEY"] = KeyRing.generate().exposed
            environment["BASE_URL"] = "http://\(baseDomain):\(ports[0])"
            environment["SALESFORCE_ALLOWED_HOSTS"] =
                (hosts + ["moved.salesforce.localhost"]).map { "\($0):\(simulatorPort)" }.joined(separator: ",")
            let variables = environment
            let settings = try ports.map { port in
                try Self.settings(variables.merging(["PORT": String(port)]) { $1 })
            }
            try await provision(settings[0], simulator: simulator, configuration: configuration, log: log)
            try await serve(servesHere ? settings : [], log: log) {
                try await withClient { client in
                    try await body(
                        World(
                            database: database, simulator: simulator, client: client, log: log, ports: ports,
                            settings: settings[0], orgs: configuration.orgs, variables: variables))
                }
            }
        }
    }

    /// A browser of its own: no cookies.
    func browser() -> Browser {
        Browser(client: client)
    }

    func url(_ tenant: String, _ path: String, gateway: Int = 0) -> String {
        "http://\(tenant).\(Self.baseDomain):\(ports[gateway])\(path)"
    }

    func host(_ tenant: String) -> String {
        "\(tenant).\(Self.baseDomain)"
    }

    /// The environment of one more gateway, as a process.
    func environment(port: Int) -> [String: String] {
        variables.merging(["PORT": String(port)]) { $1 }
    }

    /// The same world, whose gateway is another one.
    func moved(to port: Int) -> World {
        World(
            database: database, simulator: simulator, client: client, log: log, ports: [port], settings: settings,
            orgs: orgs, variables: variables)
    }

    /// Lends the customers' administration.
    func withAdministration<Result: Sendable>(
        _ body: @Sendable (CustomerAdministration) async throws -> Result
    ) async throws -> Result {
        try await OperatorTools(settings: settings, logger: log.logger).withAdministration(body)
    }

    /// Waits for something that happens soon after; a round trip a look, so this spins slowly.
    func eventually(_ condition: () async throws -> Bool, sourceLocation: SourceLocation = #_sourceLocation)
        async throws
    {
        for _ in 0..<50_000 {
            if try await condition() { return }
            _ = try await browser().send(.GET, url("axonify", "/healthz"))
        }
        Issue.record("It did not happen.", sourceLocation: sourceLocation)
    }

    /// The headers of a page's own calls.
    static let sameOrigin: HTTPHeaders = ["Sec-Fetch-Site": "same-origin"]

    private static func settings(_ environment: [String: String]) throws -> Settings {
        try Settings(reader: ConfigReader(provider: EnvironmentVariablesProvider(environmentVariables: environment)))
    }

    private static func provision(
        _ settings: Settings, simulator: SalesforceSimulator, configuration: SimulatorConfiguration, log: CapturedLog
    ) async throws {
        let tools = OperatorTools(settings: settings, logger: log.logger)
        try await tools.initializeDatabase(force: false, confirmation: nil) { _ in }
        try await tools.withAdministration { administration in
            for (index, org) in configuration.orgs.enumerated() {
                let subdomain = org.name.lowercased()
                let url = try await simulator.loginURL(of: org.name)
                let app = try #require(org.apps.first)
                if index == 0 {
                    // Axonify is there already: the database was seeded with it.
                    try await administration.setSalesforce(subdomain, url: url, orgID: nil)
                } else {
                    var draft = CustomerAdministration.Draft(
                        companyName: org.name, subdomain: subdomain, salesforceURL: url)
                    draft.adminEmail = org.users.first?.username
                    _ = try await administration.create(draft)
                }
                try await administration.setCredentials(
                    subdomain, clientID: Secret(app.clientID), clientSecret: Secret(app.clientSecret))
            }
        }
    }

    private static func serve(_ settings: [Settings], log: CapturedLog, _ body: () async throws -> Void) async throws {
        guard let first = settings.first else { return try await body() }
        let gateway = try Gateway.build(settings: first, metrics: PrometheusMetricsFactory(), logger: log.logger)
        try await withServices(gateway.services) {
            _ = try await gateway.listeningPort()
            try await waitUntilReady(port: first.port)
            try await serve(Array(settings.dropFirst()), log: log, body)
        }
    }

    /// Asks `/readyz` until it says yes; each answer takes a round trip, so this spins slowly.
    private static func waitUntilReady(port: Int) async throws {
        try await withClient { client in
            for _ in 0..<20_000 {
                let response = try await client.execute(
                    HTTPClientRequest(url: "http://127.0.0.1:\(port)/readyz"), timeout: .seconds(10))
                _ = try await response.body.collect(upTo: 4_096)
                if response.status == .ok { return }
            }
            Issue.record("The gateway did not become ready.")
        }
    }

    private static func withServices(_ services: [any Service], _ body: () async throws -> Void) async throws {
        let quiet = Logger(label: "services") { _ in SwiftLogNoOpLogHandler() }
        let group = ServiceGroup(configuration: .init(services: services, logger: quiet))
        let running = Task { try await group.run() }
        do {
            try await body()
        } catch {
            await group.triggerGracefulShutdown()
            _ = await running.result
            throw error
        }
        await group.triggerGracefulShutdown()
        try await running.value
    }

    private static func withClient(_ body: (HTTPClient) async throws -> Void) async throws {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
        configuration.httpVersion = .http1Only
        try await HTTPClient.withHTTPClient(configuration: configuration) { try await body($0) }
    }
}

/// Everything that is logged, at every level, before anything is redacted.
final class CapturedLog: Sendable {
    private let lines = NIOLockedValueBox<[String]>([])

    var text: String { lines.withLockedValue { $0.joined(separator: "\n") } }

    /// What was logged as an error.
    var errors: [String] { lines.withLockedValue { $0.filter { $0.hasPrefix("error ") } } }

    /// How many lines hold a text.
    func count(of text: String) -> Int { lines.withLockedValue { $0.count { $0.contains(text) } } }

    var logger: Logger {
        var logger = Logger(label: "formation") { _ in Handler(log: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let log: CapturedLog
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let all = metadata.merging(event.metadata ?? [:]) { $1 }
            let fields = all.map { "\($0)=\($1)" }.sorted().joined(separator: " ")
            log.lines.withLockedValue {
                $0.append("\(event.level) \(event.message) \(fields) \(event.error.map { "\($0)" } ?? "")")
            }
        }
    }
}

extension Browser {
    /// Signs in from the start page to the workspace, and answers every form on the way.
    @discardableResult
    func signIn(
        _ world: World, _ tenant: String, as username: String, returnTo: String? = nil
    ) async throws -> Page {
        let query = returnTo.map {
            "?return_to=" + ($0.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? "")
        }
        let callback = try await authorize(world, start: world.url(tenant, "/auth/login" + (query ?? "")), as: username)
        return try await send(.GET, callback, headers: ["Accept": "text/html", "Sec-Fetch-Site": "cross-site"])
    }

    /// Goes from `/auth/login` through Salesforce's pages; the callback's URL, not opened.
    func authorize(_ world: World, start: String, as username: String, deny: Bool = false) async throws -> String {
        var page = try await send(.GET, start, headers: ["Accept": "text/html", "Sec-Fetch-Site": "none"])
        for _ in 0..<10 {
            if (300..<400).contains(page.status), let location = page.location {
                let next = try #require(URL(string: location, relativeTo: page.url)).absoluteURL
                if next.path == "/auth/callback" { return location }
                page = try await send(.GET, next.absoluteString, headers: ["Accept": "text/html"])
            } else if page.body.contains("type=\"password\"") {
                page = try await submit(
                    page, fields: ["un": username, "pw": SimulatorConfiguration.demoPassword])
            } else if page.body.contains("Allow") {
                page = try await submit(page, button: Self.button(deny ? "Deny" : "Allow", in: page.body))
            } else {
                Issue.record("An unexpected page: \(page.status) \(page.url)\n\(page.body)")
                throw NoForm(page: page.body)
            }
        }
        throw TooManyRedirects()
    }

    private static func button(_ label: String, in body: String) -> (String, String)? {
        for match in body.matches(of: /<(?:button|input)[^>]*name="([^"]*)"[^>]*value="([^"]*)"[^>]*>\s*(\w*)/) {
            if match.3 == label || match.2 == label { return (String(match.1), String(match.2)) }
        }
        return nil
    }

    /// A page's own call of the API.
    func call(
        _ world: World, _ tenant: String, _ path: String, method: HTTPMethod = .GET, gateway: Int = 0,
        headers: HTTPHeaders = World.sameOrigin, body: String? = nil
    ) async throws -> Page {
        var headers = headers
        if body != nil, !headers.contains(name: "Content-Type") {
            headers.add(name: "Content-Type", value: "application/json")
        }
        return try await send(method, world.url(tenant, path, gateway: gateway), headers: headers, body: body)
    }
}
