import Hummingbird
public import Logging
import NIOConcurrencyHelpers
import NIOCore
public import ServiceLifecycle

/// A Salesforce to develop and test against: several orgs and apps, sign-in pages, OAuth with PKCE and refresh token
/// rotation, the REST API on demo data, faults on demand, a journal, and a clock that can be moved.
///
/// It listens on loopback only and tells hosts apart by the `Host` header alone. What it knows of the wire comes from
/// Salesforce's documentation and recorded traffic, never from the gateway's code.
public final class SalesforceSimulator: Service, Sendable {
    let core: SimulatorCore

    /// Makes a simulator; it serves while ``run()`` does.
    ///
    /// - Parameters:
    ///   - environment: Where time and randomness come from.
    public init(
        configuration: SimulatorConfiguration, logger: Logger, environment: SimulatorEnvironment = .system
    ) {
        core = SimulatorCore(configuration: configuration, environment: environment, logger: logger)
    }

    /// The same simulator again, for its own API.
    init(core: SimulatorCore) { self.core = core }

    /// Serves until shut down. Call it once; throws where an address can't be bound.
    public func run() async throws {
        let core = core
        defer {
            core.port.close()
            core.holds.close()
        }
        try await withGracefulShutdownHandler {
            try await serveAll()
        } onGracefulShutdown: {
            core.holds.close()
        }
    }

    /// Binds the first address, then the others on the port that it got, then says so.
    private func serveAll() async throws {
        let configuration = core.configuration
        let first = BoundPort()
        let missing = NIOLockedValueBox(configuration.furtherAddresses.count + 1)
        let core = core
        let bound: @Sendable (Int) -> Void = { port in
            first.bind(port)
            let isComplete = missing.withLockedValue { missing in
                missing -= 1
                return missing == 0
            }
            guard isComplete else { return }
            core.port.bind(port)
            core.logger.debug("Simulator listening", metadata: ["port": "\(port)"])
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [self] in
                // Whether it was served or not: nobody waits for its port any longer.
                defer { first.close() }
                try await serve(configuration.host, port: configuration.port, bound: bound)
            }
            for address in configuration.furtherAddresses {
                group.addTask { [self] in
                    guard let port = try? await first.value() else { return }
                    try await serve(address, port: port, bound: bound)
                }
            }
            // The first that can't be served ends the others.
            for try await _ in group {}
        }
    }

    private func serve(_ address: String, port: Int, bound: @escaping @Sendable (Int) -> Void) async throws {
        let application = Application(
            responder: SimulatorResponder(core: core),
            configuration: ApplicationConfiguration(address: .hostname(address, port: port), reuseAddress: true),
            onServerRunning: { channel in
                guard let port = channel.localAddress?.port else { return }
                bound(port)
            }, logger: core.logger)
        try await application.run()
    }

    /// The port, once it is bound; throws ``SimulatorError/notRunning`` where it never will be.
    public func listeningPort() async throws -> Int {
        try await core.port.value()
    }
}
