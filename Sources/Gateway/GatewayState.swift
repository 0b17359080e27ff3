internal import Access
internal import Foundation
internal import NIOConcurrencyHelpers
internal import Workspace

/// Where this process stands: starting, serving or draining.
///
/// Starting → serving (the schema is there and the platform key opens) → draining (SIGTERM). A process drains from any
/// stage, and does not come back.
final class GatewayState: Sendable {
    /// What keeps a starting process from serving; the words go into `/readyz`.
    enum Obstacle: String, Sendable, Hashable {
        case starting
        case databaseAway = "database_away"
        case notMigrated = "not_migrated"
        case wrongKey = "wrong_key"
    }

    private struct Fields {
        var obstacle: Obstacle? = .starting
        var workspace: Workspace?
        var isDraining = false
    }

    private let fields = NIOLockedValueBox(Fields())

    /// The tenant hosts' site; `nil` until it can work.
    var workspace: Workspace? { fields.withLockedValue { $0.workspace } }
    /// What keeps the process from serving; `nil` where nothing does.
    var obstacle: Obstacle? { fields.withLockedValue { $0.obstacle } }
    /// Whether the process is on its way out.
    var isDraining: Bool { fields.withLockedValue { $0.isDraining } }

    func blocked(by obstacle: Obstacle) {
        fields.withLockedValue { fields in
            if fields.workspace == nil { fields.obstacle = obstacle }
        }
    }

    func serve(_ workspace: Workspace) {
        fields.withLockedValue { fields in
            fields.workspace = workspace
            fields.obstacle = nil
        }
    }

    func drain() {
        fields.withLockedValue { $0.isDraining = true }
    }
}
