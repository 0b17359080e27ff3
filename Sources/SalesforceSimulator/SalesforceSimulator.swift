import Hummingbird
public import Logging
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
            try await withThrowingTaskGroup(of: Void.self) { group in
                let configuration = core.configuration
                group.addTask { [self] in
                    try await serve(configuration.host, port: configuration.port, announces: true)
                }
                if !configuration.furtherAddresses.isEmpty {
                    group.addTask { [self] in
                        let port = try await core.port.value()
                        try await withThrowingTaskGroup(of: Void.self) { further in
                            for address in configuration.furtherAddresses {
                                further.addTask { [self] in try await serve(address, port: port, announces: false) }
                            }
                            try await further.waitForAll()
                        }
                    }
                }
                do {
                    try await group.waitForAll()
                } catch {
                    // Those who wait for the port must not wait for the other listeners to end.
                    core.port.close()
                    throw error
                }
            }
        } onGracefulShutdown: {
            core.holds.close()
        }
    }

    private func serve(_ address: String, port: Int, announces: Bool) async throws {
        let core = core
        let application = Application(
            responder: SimulatorResponder(core: core),
            configuration: ApplicationConfiguration(address: .hostname(address, port: port), reuseAddress: true),
            onServerRunning: { channel in
                guard announces, let bound = channel.localAddress?.port else { return }
                core.port.bind(bound)
                core.logger.debug("Simulator listening", metadata: ["port": "\(bound)"])
            }, logger: core.logger)
        try await application.run()
    }

    /// The port, once it is bound; throws ``SimulatorError/notRunning`` where it never will be.
    public func listeningPort() async throws -> Int {
        try await core.port.value()
    }
}
