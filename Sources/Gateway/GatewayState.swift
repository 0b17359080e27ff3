internal import Access
internal import NIOConcurrencyHelpers
internal import Workspace

/// What answers at tenants' hosts.
struct Sites: Sendable {
    let directory: TenantDirectory
    let follower: ChangeFollower
    let workspace: Workspace
}

/// Where this process stands: starting, serving or draining.
///
/// Starting → serving (the schema is there and the platform's key opens) → draining (SIGTERM). A process drains from
/// any stage, and does not come back.
final class GatewayState: Sendable {
    /// What keeps a starting process from serving; the words go into `/readyz`.
    enum Obstacle: String, Sendable, Hashable {
        case starting
        case databaseAway = "database_away"
        case notMigrated = "not_migrated"
        case wrongKey = "wrong_key"
    }

    private enum Stage {
        case starting(Obstacle)
        case serving(Sites)
    }

    private struct Fields {
        var stage = Stage.starting(.starting)
        var isDraining = false
    }

    private let fields = NIOLockedValueBox(Fields())
    /// Ends when the process first serves.
    private let starting = AsyncStream.makeStream(of: Never.self)

    /// The tenant hosts' sites; `nil` until they can work.
    var sites: Sites? {
        fields.withLockedValue { fields in
            switch fields.stage {
            case .starting: nil
            case .serving(let sites): sites
            }
        }
    }

    /// What keeps the process from serving; `nil` where nothing does.
    var obstacle: Obstacle? {
        fields.withLockedValue { fields in
            switch fields.stage {
            case .starting(let obstacle): obstacle
            case .serving: nil
            }
        }
    }

    /// Whether the process is on its way out.
    var isDraining: Bool { fields.withLockedValue { $0.isDraining } }

    func blocked(by obstacle: Obstacle) {
        fields.withLockedValue { $0.stage = .starting(obstacle) }
    }

    func serve(_ sites: Sites) {
        fields.withLockedValue { $0.stage = .serving(sites) }
        starting.continuation.finish()
    }

    /// Waits until the process serves, or the task is cancelled.
    func whenServing() async {
        for await _ in starting.stream {}
    }

    func drain() {
        fields.withLockedValue { $0.isDraining = true }
    }
}
