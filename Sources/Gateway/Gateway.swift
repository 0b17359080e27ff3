internal import Access
internal import AsyncHTTPClient
internal import Domain
internal import Forwarding
public import Foundation
internal import Hummingbird
internal import HummingbirdCore
public import Logging
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix
internal import Postgres
internal import Salesforce
internal import Secrets
public import ServiceLifecycle
internal import Storage
public import Telemetry
internal import Workspace

/// One gateway process, put together: its services in the order in which they depend on each other.
public struct Gateway: Sendable {
    /// To be run in one `ServiceGroup`, in this order: shutdown goes from the last to the first.
    public let services: [any Service]
    private let bound: BoundPort
    private let state: GatewayState
    private let callLog: BatchedCallLog?

    /// The port that the listener got; waits until it has one.
    public func listeningPort() async throws -> Int {
        try await bound.value()
    }

    /// Waits until tenant hosts are answered: the schema is there, the key opens, the caches follow the changes.
    public func whenServing() async {
        await state.whenServing()
    }

    /// Writes the lines of calls that were cut off when the services had no more time; to be called once they are over.
    public func finishCallLog() {
        callLog?.flush()
    }

    /// Puts a gateway together. Nothing runs, and nothing is connected to, before its services do.
    ///
    /// - Parameters:
    ///   - settings: all of them; ``Settings/keys`` and the database's URL must be there.
    ///   - sources: time, randomness and ids.
    ///   - metrics: what `/metrics` shows.
    ///   - callSink: where the lines of forwarded calls go, in batches; `nil`: through the logger, one by one.
    /// - Throws: ``SettingsError`` where something that serving needs is missing; errors of broken templates.
    public static func build(
        settings: Settings, sources: Sources = .system, metrics: PrometheusMetricsFactory, logger: Logger,
        callSink: LogSink? = nil
    ) throws -> Gateway {
        let storage = try StorageRoom(settings: settings.database, logger: logger)
        guard settings.keys != nil else {
            throw SettingsError(problems: [SettingsProblem(variable: "ENCRYPTION_KEY", reason: "is not set.")])
        }
        let state = GatewayState()
        // What can fail comes before the client, which must be shut down once it is there.
        let frontend = try settings.frontendDirectory.map(frontendFiles)
        let tls = try settings.tls.map { try listenerTLS($0, logger: logger, now: sources.now) }
        let responder = try responder(
            settings, state: state, storage: storage, sources: sources, metrics: metrics, logger: logger)
        let control = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: SalesforceOAuthClient.configuration(dnsOverride: settings.loopbackAddresses))
        let rule = CrossOriginRule(frontendOrigins: settings.frontendOrigins)
        let batches = callSink.map { sink in
            BatchedCallLog(
                format: settings.logFormat, label: logger.label, minimumLevel: settings.logLevel,
                loops: settings.eventLoops, sink: sink)
        }
        let plane = DataPlane(
            origin: settings.origin, trust: EdgeTrust(trustedHops: settings.trustedProxyHops), rule: rule,
            limits: settings.forwardingLimits, loopbackNames: settings.loopbackNames,
            log: batches ?? LoggerCallLog(logger), now: sources.now)
        let core = CoreService(
            settings: settings, storage: storage, plane: plane, control: control, rule: rule,
            frontend: frontend, state: state, sources: sources, logger: logger)
        let bound = BoundPort()
        return Gateway(
            services: (batches.map { [$0] } ?? []) + (tls.map { [$0] } ?? []) + storage.services + [
                HTTPClientService(client: control), core, plane, watchdog(logger),
                application(settings, responder: responder, plane: plane, tls: tls, bound: bound, logger: logger),
                DrainService(state: state, plane: plane, logger: logger),
            ], bound: bound, state: state, callLog: batches)
    }

    private static func frontendFiles(_ directory: String) throws -> FrontendFiles {
        do throws(FrontendProblem) {
            return try FrontendFiles(directory: directory)
        } catch {
            throw SettingsError(problems: [SettingsProblem(variable: "FRONTEND_DIR", reason: error.description)])
        }
    }

    private static func listenerTLS(
        _ settings: TLSSettings, logger: Logger, now: @escaping @Sendable () -> Date
    ) throws -> ListenerTLS {
        do throws(ListenerTLSError) {
            return try ListenerTLS(
                certificatePath: settings.certificatePath, keyPath: settings.keyPath, logger: logger, now: now)
        } catch {
            throw SettingsError(problems: [SettingsProblem(variable: error.variable, reason: error.description)])
        }
    }

    /// Says when an event loop was kept from its work.
    private static func watchdog(_ logger: Logger) -> EventLoopWatchdog {
        EventLoopWatchdog(loops: Array(MultiThreadedEventLoopGroup.singleton.makeIterator())) { stall in
            logger.debug(
                "An event loop stalled",
                metadata: ["loop": "\(stall.loop)", "duration": "\(stall.duration)", "cause": "\(stall.cause)"])
        }
    }

    private static func responder(
        _ settings: Settings, state: GatewayState, storage: StorageRoom, sources: Sources,
        metrics: PrometheusMetricsFactory, logger: Logger
    ) throws -> RootResponder {
        try RootResponder(
            origin: settings.origin, trust: EdgeTrust(trustedHops: settings.trustedProxyHops),
            probes: Probes(
                state: state, outageSeconds: TimeInterval(settings.database.outageSeconds),
                isDatabaseAway: { storage.client.isAway },
                metricsToken: settings.metricsToken, renderMetrics: { metrics.render() }, now: sources.now),
            state: state, frontDoor: FrontDoor(origin: settings.origin),
            errorPages: ErrorPages(origin: settings.origin),
            logger: logger, now: sources.now, makeID: sources.makeID)
    }

    private static func application(
        _ settings: Settings, responder: RootResponder, plane: DataPlane, tls: ListenerTLS?, bound: BoundPort,
        logger: Logger
    ) -> Application<RootResponder> {
        let channel = HTTP1Channel.Configuration(
            // No idle timeout: the data plane keeps time for the whole connection.
            idleTimeout: nil,
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: ListenerLimits.headerFieldBytesMax,
                maxHeaderListSize: ListenerLimits.headerSectionBytesMax,
                maxHeaderFieldCount: ListenerLimits.headerFieldsMax))
        // The framework logs what happens to single connections, which is nothing that an operator can act on.
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        return Application(
            responder: responder,
            server: HTTPServerBuilder {
                DataPlaneChannel(
                    plane, base: GatewayChannel(base: HTTP1Channel(responder: $0, configuration: channel)), tls: tls)
            },
            configuration: ApplicationConfiguration(address: .hostname(settings.host, port: settings.port)),
            onServerRunning: { bound.succeed($0.localAddress?.port ?? settings.port) },
            logger: logger)
    }
}

/// What the listener takes at most.
enum ListenerLimits {
    static let headerFieldBytesMax = 16 * 1024
    static let headerSectionBytesMax = 32 * 1024
    static let headerFieldsMax = 200
}

/// Where time, randomness and ids come from.
public struct Sources: Sendable {
    let now: @Sendable () -> Date
    let randomBytes: @Sendable (Int) -> [UInt8]
    let makeID: @Sendable () -> UUID

    /// The system's clock and generators.
    public static let system = Sources(
        now: { Date() },
        randomBytes: { count in
            // Linux: getrandom(2), the kernel's generator.
            var generator = SystemRandomNumberGenerator()
            return (0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        },
        makeID: { UUID() })

    /// The system's, but with another clock.
    public static func system(now: @escaping @Sendable () -> Date) -> Sources {
        Sources(now: now, randomBytes: system.randomBytes, makeID: system.makeID)
    }
}

/// The port of the listener, once it is bound.
final class BoundPort: Sendable {
    private let stream: AsyncStream<Int>
    private let continuation: AsyncStream<Int>.Continuation
    private let port = NIOLockedValueBox<Int?>(nil)

    init() {
        (self.stream, self.continuation) = AsyncStream.makeStream()
    }

    func succeed(_ value: Int) {
        port.withLockedValue { $0 = value }
        continuation.finish()
    }

    func value() async throws -> Int {
        for await _ in stream {}
        guard let port = port.withLockedValue({ $0 }) else { throw CancellationError() }
        return port
    }
}
