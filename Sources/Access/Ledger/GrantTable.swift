internal import Domain
internal import Foundation
internal import NIOConcurrencyHelpers

/// The machines of all grants in use, in shards, and the calls that wait for them.
final class GrantTable: Sendable {
    /// Why a waiting call goes on.
    enum Wake: Sendable {
        /// Ask again.
        case askAgain
        case failed(GatewayError)
        /// The call was cancelled or its time is over.
        case gaveUp
    }

    fileprivate enum WaitSlot {
        /// Waits to be waited for.
        case empty
        case suspended(CheckedContinuation<Wake, Never>)
        case woken(Wake)
    }

    fileprivate struct Shard {
        var machines: [UserID: GrantMachine] = [:]
        var users: [OAuthTokenID: UserID] = [:]
        /// Users whose grant's id is not known: it is being read, or there is none.
        var usersWithoutID: Set<UserID> = []
        var slots: [GrantMachine.Waiter: WaitSlot] = [:]
        var lastWaiter: GrantMachine.Waiter = 0
    }

    private static let shardCount = 64

    private let shards: [NIOLockedValueBox<Shard>]
    private let machinesPerShardMax: Int
    private let waitersMax: Int

    init(limits: AccessLimits) {
        self.shards = (0..<Self.shardCount).map { _ in NIOLockedValueBox(Shard()) }
        self.machinesPerShardMax = max(1, limits.grantsMax / Self.shardCount)
        self.waitersMax = limits.waitersPerGrantMax
    }

    /// A call asks for a token. Where the answer is to wait, it waits by the number given.
    func ask(
        _ user: UserID, after deadVersion: Int64?, at now: Date
    ) -> (ask: GrantMachine.Ask, waiter: GrantMachine.Waiter) {
        shard(user).withLockedValue { shard in
            if shard.machines[user] == nil { shard.makeRoom(max: machinesPerShardMax) }
            shard.lastWaiter += 1
            let waiter = shard.lastWaiter
            let ask = shard.machines[user, default: GrantMachine()]
                .ask(after: deadVersion, waiter: waiter, waitersMax: waitersMax, at: now)
            switch ask {
            case .wait, .refreshAndWait: shard.slots[waiter] = .empty
            case .read: shard.usersWithoutID.insert(user)
            case .use, .useAndRefresh, .refuse: break
            }
            return (ask, waiter)
        }
    }

    /// A call asks for a token, and can't wait: `nil` where there is none to use at once.
    func askWarm(_ user: UserID, at now: Date) -> GrantMachine.Ask? {
        shard(user).withLockedValue { $0.machines[user]?.askWarm(at: now) }
    }

    /// Waits until the machine wakes it, or the task is cancelled.
    func wait(_ waiter: GrantMachine.Waiter, of user: UserID) async -> Wake {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let wake = shard(user).withLockedValue { shard -> Wake? in
                    switch shard.slots[waiter] {
                    case .empty:
                        shard.slots[waiter] = .suspended(continuation)
                        return nil
                    case .woken(let wake):
                        shard.slots[waiter] = nil
                        return wake
                    case .suspended, nil:
                        return .gaveUp
                    }
                }
                if let wake { continuation.resume(returning: wake) }
            }
        } onCancel: {
            let continuation = shard(user).withLockedValue { shard -> CheckedContinuation<Wake, Never>? in
                guard case .suspended(let continuation) = shard.slots.removeValue(forKey: waiter) else { return nil }
                return continuation
            }
            continuation?.resume(returning: .gaveUp)
        }
    }

    /// Tells a machine of an event, and wakes whom it says.
    func tell(
        _ user: UserID, wake: Wake = .askAgain, _ event: (inout GrantMachine) -> [GrantMachine.Waiter]
    ) {
        let continuations = shard(user).withLockedValue { shard in
            let waiters = event(&shard.machines[user, default: GrantMachine()])
            shard.indexGrant(of: user)
            return waiters.compactMap { shard.wake($0, with: wake) }
        }
        for continuation in continuations { continuation.resume(returning: wake) }
    }

    /// Asks a machine something.
    func query<Result>(_ user: UserID, _ body: (inout GrantMachine) -> Result) -> Result {
        shard(user).withLockedValue { body(&$0.machines[user, default: GrantMachine()]) }
    }

    /// What is known of a user's grant; `nil` where nothing is.
    func peek<Result>(_ user: UserID, _ body: (GrantMachine) -> Result) -> Result? {
        shard(user).withLockedValue { $0.machines[user].map(body) }
    }

    /// The newest version of a grant that is known; `nil` where nothing is.
    func newestVersion(ofGrant id: OAuthTokenID) -> Int64? {
        for shard in shards {
            let version = shard.withLockedValue { shard in
                shard.users[id].flatMap { shard.machines[$0]?.newestVersion }
            }
            if let version { return version }
        }
        return nil
    }

    /// The feed says that a grant's row changed. One that is not known here may be anybody's whose grant is not known.
    func didChange(grant id: OAuthTokenID) {
        var isKnown = false
        for shard in shards {
            shard.withLockedValue { shard in
                guard let user = shard.users[id] else { return }
                isKnown = true
                shard.machines[user]?.didChange()
            }
        }
        guard !isKnown else { return }
        for shard in shards {
            shard.withLockedValue { shard in
                for user in shard.usersWithoutID { shard.machines[user]?.didChange() }
            }
        }
    }

    /// Anything may have changed.
    func didChangeAll() {
        for shard in shards {
            shard.withLockedValue { shard in
                for user in Array(shard.machines.keys) { shard.machines[user]?.didChange() }
            }
        }
    }

    private func shard(_ user: UserID) -> NIOLockedValueBox<Shard> {
        shards[Int(UInt(bitPattern: user.hashValue) % UInt(Self.shardCount))]
    }
}

extension GrantTable.Shard {
    fileprivate mutating func wake(
        _ waiter: GrantMachine.Waiter, with wake: GrantTable.Wake
    ) -> CheckedContinuation<GrantTable.Wake, Never>? {
        switch slots[waiter] {
        case .empty:
            slots[waiter] = .woken(wake)
            return nil
        case .suspended(let continuation):
            slots[waiter] = nil
            return continuation
        case .woken, nil:
            return nil
        }
    }

    /// Notes whose grant a change of the feed is about.
    fileprivate mutating func indexGrant(of user: UserID) {
        let id: OAuthTokenID? =
            switch machines[user]?.state {
            case .live(let live), .renewing(let live): live.token.grantID
            case .refreshing(let refreshing): refreshing.grantID
            case .resting(let resting): resting.grantID
            case .dead(let id): id
            case .unknown, .reading, nil: nil
            }
        if let id {
            users[id] = user
            usersWithoutID.remove(user)
        } else {
            usersWithoutID.insert(user)
        }
    }

    /// Where it is full, forgets a sixteenth of what is idle.
    fileprivate mutating func makeRoom(max: Int) {
        guard machines.count >= max else { return }
        let gone = Set(machines.lazy.filter { $0.value.isIdle }.prefix(Swift.max(1, max / 16)).map(\.key))
        for user in gone { machines[user] = nil }
        usersWithoutID.subtract(gone)
        users = users.filter { !gone.contains($0.value) }
    }
}
