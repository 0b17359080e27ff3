internal import Access
internal import ArgumentParser
internal import Foundation
internal import Gateway
internal import Logging
internal import Metrics
internal import NIOCore
internal import ServiceLifecycle
internal import Telemetry
internal import UnixSignals

struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Runs the gateway. SIGTERM drains and exits 0.")

    func run() async throws {
        let settings = try await Settings(reader: Settings.reader())
        let (logger, metrics) = Runtime.bootstrap(settings)
        let gateway = try Gateway.build(
            settings: settings, metrics: metrics, logger: logger, callSink: .standardOutput)
        logger.info(
            "Starting.",
            metadata: ["address": "\(settings.host):\(settings.port)", "base_url": "\(settings.origin.origin)"])
        try await Runtime.run(gateway.services, shutdownSeconds: settings.shutdownSeconds, logger: logger)
        gateway.finishCallLog()
        logger.info("Stopped.")
    }
}

/// What every long-running command sets up once.
enum Runtime {
    static func bootstrap(_ settings: Settings, sink: LogSink = .standardOutput) -> (Logger, PrometheusMetricsFactory) {
        NIOSingletons.groupLoopCountSuggestion = settings.eventLoops
        LoggingSetup.bootstrap(
            level: settings.logLevel, format: settings.logFormat, sink: sink, now: { Date() })
        let metrics = PrometheusMetricsFactory()
        MetricsSystem.bootstrap(metrics)
        return (Logger(label: "formation"), metrics)
    }

    /// Runs services until SIGTERM or SIGINT; then each is told to finish, last first. What is not done in time is
    /// cancelled.
    static func run(_ services: [any Service], shutdownSeconds: Int, logger: Logger) async throws {
        // A client that goes away while we write is an error of that write, and no reason to die.
        signal(SIGPIPE, SIG_IGN)
        OpenFiles.raiseLimit()
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .warning)
        var configuration = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
        configuration.maximumGracefulShutdownDuration = .seconds(shutdownSeconds)
        configuration.maximumCancellationDuration = .seconds(5)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch is CancellationError {
            logger.warning("Not everything was done when the time to shut down was over.")
        }
    }
}
