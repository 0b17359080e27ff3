internal import Access
internal import AsyncHTTPClient
internal import Domain
internal import Forwarding
internal import Foundation
internal import Logging
internal import Salesforce
internal import Secrets
internal import ServiceLifecycle
internal import Storage
internal import Workspace

/// Brings a process from starting to serving, however long the database is away, and then runs what serving needs.
struct CoreService: Service {
    let settings: Settings
    let storage: StorageRoom
    let plane: DataPlane
    let control: HTTPClient
    let rule: CrossOriginRule
    let frontend: FrontendFiles?
    let state: GatewayState
    let sources: Sources
    let logger: Logger

    private static let retryInterval: Duration = .seconds(1)

    func run() async throws {
        guard let services = await cancelWhenGracefulShutdown({ await open() }) else {
            try? await gracefulShutdown()
            return
        }
        var logger = logger
        logger.logLevel = max(logger.logLevel, .warning)
        // Nested: the outer group's shutdown reaches these, last first.
        try await ServiceGroup(configuration: .init(services: services, logger: logger)).run()
    }

    /// The services of a process that serves; `nil` where the task ends first.
    private func open() async -> [any Service]? {
        while !Task.isCancelled {
            do {
                if let services = try await attempt() { return services }
            } catch let error as SealingError {
                report(.wrongKey, DatabaseProblem(error, url: databaseURL))
            } catch is CancellationError {
                return nil
            } catch {
                report(.databaseAway, DatabaseProblem(error, url: databaseURL))
            }
            try? await Task.sleep(for: Self.retryInterval)
        }
        return nil
    }

    private var databaseURL: String { settings.database.url?.exposed ?? "" }

    private func attempt() async throws -> [any Service]? {
        guard try await storage.isMigrated() else {
            if state.obstacle != .notMigrated {
                logger.error("The database is not migrated. Run: formation db migrate")
            }
            state.blocked(by: .notMigrated)
            return nil
        }
        let (repositories, maintenance) = try await storage.open(logger: logger)
        let context = try AccessContext(
            settings: settings, repositories: repositories, http: control, sources: sources, logger: logger)
        let access = AccessRoom(context: context)
        let workspace = try await access.openWorkspace(
            describing: SalesforceDescribeClient(http: control), rule: rule, frontend: frontend)
        plane.serve(forwarder(access))
        state.serve(Sites(directory: access.directory, follower: access.follower, workspace: workspace))
        logger.info("Ready.", metadata: ["base_url": "\(settings.origin.origin)"])
        let prune = PruneService(
            prune: {
                _ = try await maintenance.pruneChanges()
                _ = try await repositories.sessions.prune(endedBefore: sources.now())
            }, logger: logger)
        return [access.ledger, access.sessions, access.follower, prune]
    }

    private func forwarder(_ access: AccessRoom) -> Forwarder {
        Forwarder(
            access: access.context, directory: access.directory, sessions: access.sessions, ledger: access.ledger,
            rule: rule, limits: settings.forwardingLimits)
    }

    /// Says each obstacle once, not every second.
    private func report(_ obstacle: GatewayState.Obstacle, _ problem: DatabaseProblem) {
        if state.obstacle != obstacle { logger.error("The database can't be used yet. \(problem)") }
        state.blocked(by: obstacle)
    }
}

extension Settings {
    /// The data plane's limits.
    var forwardingLimits: ForwardingLimits {
        var limits = ForwardingLimits()
        limits.tenantConcurrency = tenantConcurrency
        limits.keyRates.starter = CallRate(perSecond: starterCallsPerSecond)
        limits.keyRates.professional = CallRate(perSecond: professionalCallsPerSecond)
        limits.keyRates.enterprise = CallRate(perSecond: enterpriseCallsPerSecond)
        limits.upstreamHeadTimeout = .seconds(upstreamTimeoutSeconds)
        limits.clientIdleTimeout = .seconds(idleTimeoutSeconds)
        return limits
    }
}
