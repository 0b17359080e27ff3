internal import AsyncHTTPClient
internal import Forwarding
internal import Logging
internal import ServiceLifecycle

/// Keeps the upstream client until everything that uses it has stopped.
struct HTTPClientService: Service {
    let client: HTTPClient

    func run() async throws {
        try? await gracefulShutdown()
        try await client.shutdown()
    }
}

/// Says "draining" as soon as shutdown begins: it is last in the list, so it is told first.
struct DrainService: Service {
    let state: GatewayState
    let plane: DataPlane
    let logger: Logger

    func run() async throws {
        try? await gracefulShutdown()
        state.drain()
        plane.drain()
        logger.info("Draining: answering what is in flight, taking nothing new.")
    }
}

/// Deletes what is over: ended sessions, old changes.
struct PruneService: Service {
    let prune: @Sendable () async throws -> Void
    let logger: Logger

    private static let interval: Duration = .seconds(600)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    try await prune()
                } catch {
                    logger.debug("Pruning failed, and is tried again later: \(error)")
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }
}
