internal import Foundation
internal import NIOConcurrencyHelpers

/// States whose code was exchanged in this process: a callback that is opened twice exchanges once.
final class UsedStates: Sendable {
    private let states: NIOLockedValueBox<BoundedTable<CredentialHash, Date>>
    private let seconds: TimeInterval

    init(limits: AccessLimits) {
        self.states = NIOLockedValueBox(BoundedTable(capacity: limits.usedStatesMax))
        self.seconds = limits.pendingSignInSeconds
    }

    /// Whether this is the state's first use.
    func use(_ state: String, at now: Date) -> Bool {
        let hash = CredentialHash(state)
        return states.withLockedValue { states in
            if let until = states.value(for: hash), now < until { return false }
            states.insert(now.addingTimeInterval(seconds), for: hash)
            return true
        }
    }
}
