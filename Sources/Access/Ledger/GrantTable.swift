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
        /// Not bounded by itself: only what is idle makes room.
        var machines = BoundedTable<UserID, GrantMachine>(capacity: .max)
        let machinesMax: Int
        /// The places of machines by the grants that they are about.
        var byGrant = PlaceIndex()
        /// Users of whose grant not even the id is known: it is being read, or there is none.
        var usersWithoutID: Set<UserID> = []
        var slots: [GrantMachine.Waiter: WaitSlot] = [:]
        var lastWaiter: GrantMachine.Waiter = 0
        /// Tokens that were retired since the lock was taken.
        var retired: [LiveToken] = []
    }

    private let shards: [NIOLockedValueBox<Shard>]
    private let waitersMax: Int
    private let didRetire: @Sendable (LiveToken) -> Void

    /// - Parameter didRetire: Told of each token that is its grant's no more, so that nobody keeps it. Not called under
    ///   a lock, and not by ``didChangeAll()``.
    init(limits: AccessLimits, didRetire: @escaping @Sendable (LiveToken) -> Void) {
        self.shards = (0..<Shards.count).map { _ in
            NIOLockedValueBox(Shard(machinesMax: Shards.share(of: limits.grantsMax)))
        }
        self.waitersMax = limits.waitersPerGrantMax
        self.didRetire = didRetire
    }

    /// A call asks for a token. Where the answer is to wait, it waits by the number given.
    func ask(
        _ user: UserID, after deadVersion: Int64?, at now: Date
    ) -> (ask: GrantMachine.Ask, waiter: GrantMachine.Waiter) {
        change(shard(user)) { shard in
            shard.lastWaiter += 1
            let waiter = shard.lastWaiter
            let ask = shard.modify(user) {
                $0.ask(after: deadVersion, waiter: waiter, waitersMax: waitersMax, at: now)
            }
            switch ask {
            case .wait, .refreshAndWait: shard.slots[waiter] = .empty
            case .read, .use, .useAndRefresh, .refuse: break
            }
            return (ask, waiter)
        }
    }

    /// A call asks for a token, and can't wait: `nil` where there is none to use at once.
    ///
    /// - Parameter credentialShard: Where a token to use may be put beside the caller's credential, after this.
    func askWarm(_ user: UserID, credentialShard: Int, at now: Date) -> GrantMachine.Ask? {
        shard(user).withLockedValue { shard in
            // A machine that can't answer stays as it is, so nothing needs to be indexed anew.
            let ask = shard.machines.update(user) { $0.askWarm(at: now) } ?? nil
            if case .use(let token) = ask { token.noteLink(shard: credentialShard) }
            return ask
        }
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
        let continuations = change(shard(user)) { shard in
            let waiters = shard.modify(user, event)
            return waiters.compactMap { shard.wake($0, with: wake) }
        }
        for continuation in continuations { continuation.resume(returning: wake) }
    }

    /// Asks a machine something.
    func query<Result>(_ user: UserID, _ body: (inout GrantMachine) -> Result) -> Result {
        change(shard(user)) { $0.modify(user, body) }
    }

    /// The newest version that is known of a token's grant; `nil` where nothing is.
    func newestVersion(of token: LiveToken) -> Int64? {
        shard(token.userID).withLockedValue { shard in
            shard.machines.place(of: token.userID).flatMap { place in
                shard.machines.peek(at: place) { _, machine in
                    machine.grantID == token.grantID ? machine.newestVersion : nil
                } ?? nil
            }
        }
    }

    /// The feed says that a grant's row changed. One that is not known here may be anybody's whose grant is not known.
    func didChange(grant id: OAuthTokenID) {
        for shard in shards where change(shard, { $0.didChange(grant: id) }) { return }
        for shard in shards {
            change(shard) { shard in
                for user in shard.usersWithoutID { shard.modify(user) { $0.didChange() } }
            }
        }
    }

    /// Machines that are told while a lock is held once: 256.
    private static let toldAtOnceMax = 256

    /// Anything may have changed. Who calls this drops what holds tokens as a whole, after it.
    func didChangeAll() {
        for shard in shards {
            var next = 0
            var isOver = false
            while !isOver {
                // What is known when this begins is told. What comes meanwhile was read meanwhile.
                let dropped = shard.withLockedValue { shard -> [LiveToken] in
                    let places = shard.machines.places.dropFirst(next).prefix(Self.toldAtOnceMax)
                    next += places.count
                    isOver = places.isEmpty
                    for place in places { shard.didChange(at: place) }
                    return shard.takeRetired()
                }
                // Freed here, and not under the lock.
                withExtendedLifetime(dropped) {}
            }
        }
    }

    private func shard(_ user: UserID) -> NIOLockedValueBox<Shard> {
        shards[Shards.index(user.tableHash)]
    }

    /// Changes a shard under its lock, and then tells of the tokens that this retired.
    private func change<Result>(
        _ shard: NIOLockedValueBox<Shard>, _ body: (inout Shard) -> Result
    ) -> Result {
        let (result, retired) = shard.withLockedValue { shard in
            let result = body(&shard)
            return (result, shard.takeRetired())
        }
        for token in retired { didRetire(token) }
        return result
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

    /// Changes a user's machine, which is made where there is none, and indexes it anew.
    fileprivate mutating func modify<Result>(_ user: UserID, _ body: (inout GrantMachine) -> Result) -> Result {
        guard let place = machines.place(of: user),
            let (before, result, after) = machines.update(
                at: place,
                { machine in
                    let before = Indexed(machine)
                    let result = body(&machine)
                    return (before, result, Indexed(machine))
                })
        else {
            var machine = GrantMachine()
            let result = body(&machine)
            insert(machine, for: user)
            return result
        }
        if before != after {
            unindex(user, at: place, before)
            index(user, at: place, after)
        }
        return result
    }

    /// What the indexes hold of a machine, and what its token was told.
    private struct Indexed: Equatable {
        let grant: OAuthTokenID?
        let isWithoutID: Bool
        let token: LiveToken?
        let renewAt: Date?

        init(_ machine: GrantMachine) {
            self.grant = machine.grantID
            self.isWithoutID = machine.mayBeOfUnknownGrant
            self.token = machine.live?.token
            self.renewAt = machine.live?.renewAt
        }

        static func == (left: Indexed, right: Indexed) -> Bool {
            left.grant == right.grant && left.isWithoutID == right.isWithoutID && left.token === right.token
                && left.renewAt == right.renewAt
        }
    }

    /// Where it is full, forgets one that is idle; two where there are too many, because none was idle before.
    private mutating func insert(_ machine: GrantMachine, for user: UserID) {
        for _ in 0..<2 where machines.count >= machinesMax {
            guard let gone = machines.evict(where: \.isIdle, wasUsed: { $0.live?.token.takeUse() ?? false }) else {
                break
            }
            unindex(gone.key, at: gone.place, Indexed(gone.value))
        }
        machines.insert(machine, for: user)
        if let place = machines.place(of: user) { index(user, at: place, Indexed(machine)) }
    }

    private mutating func index(_ user: UserID, at place: Int, _ indexed: Indexed) {
        if let grant = indexed.grant { byGrant.insert(grant.tableHash, place: place) }
        if indexed.isWithoutID { usersWithoutID.insert(user) }
        if let renewAt = indexed.renewAt { indexed.token?.warm(until: renewAt) }
    }

    private mutating func unindex(_ user: UserID, at place: Int, _ indexed: Indexed) {
        if let grant = indexed.grant { byGrant.remove(grant.tableHash, place: place) }
        if indexed.isWithoutID { usersWithoutID.remove(user) }
        if let token = indexed.token {
            token.retire()
            retired.append(token)
        }
    }

    /// The tokens that were retired since this was last asked.
    fileprivate mutating func takeRetired() -> [LiveToken] {
        guard !retired.isEmpty else { return [] }
        defer { retired = [] }
        return retired
    }

    /// Tells the machine of a grant; `false` where there is none.
    fileprivate mutating func didChange(grant id: OAuthTokenID) -> Bool {
        let place = byGrant.first(id.tableHash) { place in
            machines.peek(at: place) { _, machine in machine.grantID == id } ?? false
        }
        guard let place else { return false }
        didChange(at: place)
        return true
    }

    /// Tells the machine at a place.
    fileprivate mutating func didChange(at place: Int) {
        guard let user = machines.peek(at: place, { user, _ in user }) else { return }
        modify(user) { $0.didChange() }
    }
}
