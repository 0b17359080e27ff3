internal import Access
internal import AsyncHTTPClient
internal import Domain
internal import Foundation
internal import Logging
internal import Secrets
internal import ServiceLifecycle
internal import Telemetry

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
    let logger: Logger

    func run() async throws {
        try? await gracefulShutdown()
        state.drain()
        logger.info("Draining: answering what is in flight, taking nothing new.")
    }
}

/// Brings a process from starting to serving, however long the database is away.
struct StartupService: Service {
    /// Checks that the schema is there; throws what is in the way.
    let checkSchema: @Sendable () async throws -> Bool
    /// Opens the platform's key and makes the tenant hosts' site.
    let open: @Sendable () async throws -> Void
    let state: GatewayState
    let logger: Logger

    private static let retryInterval: Duration = .seconds(1)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled, await !attempt() {
                try? await Task.sleep(for: Self.retryInterval)
            }
        }
        try? await gracefulShutdown()
    }

    private func attempt() async -> Bool {
        do {
            guard try await checkSchema() else {
                report(.notMigrated, "The database is not migrated. Run: formation db migrate")
                return false
            }
            try await open()
            logger.info("Ready.")
            return true
        } catch let error as SealingError {
            report(.wrongKey, "The platform's key does not open: \(error)")
        } catch {
            report(.databaseAway, "The database can't be used yet: \(error)")
        }
        return false
    }

    /// Says each obstacle once, not every second.
    private func report(_ obstacle: GatewayState.Obstacle, _ message: Logger.Message) {
        if state.obstacle != obstacle { logger.error(message) }
        state.blocked(by: obstacle)
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
