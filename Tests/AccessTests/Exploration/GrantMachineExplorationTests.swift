import Domain
import Foundation
import GatewayTesting
import Salesforce
import Secrets
import Testing

@testable import Access

/// The machine of one grant, with everything that can happen to it, in every order: whoever waits is woken, by somebody
/// who is on the way, and no two refreshes run at once unless somebody signed in between.
@Suite struct GrantMachineExplorationTests {
    /// What can happen.
    private enum Event: Hashable, CustomStringConvertible {
        case ask(after: Int64?)
        case askWarm
        /// Whoever reads the row has read it: a version, or (0) a dead one, or it failed.
        case read(Int64?)
        /// A refresh ended.
        case refreshed(Int64?), refreshFailed, refreshedDead
        case adopted(Int64)
        case changed, revoked
        /// A rest, or the time until a renewal, is over.
        case timePasses

        var description: String {
            switch self {
            case .ask(let version): "ask after \(version.map(String.init) ?? "none")"
            case .askWarm: "ask warm"
            case .read(let version): "read \(version.map(String.init) ?? "nothing")"
            case .refreshed(let version): "refreshed to \(version.map(String.init) ?? "none")"
            case .refreshFailed: "refresh failed"
            case .refreshedDead: "refresh found it dead"
            case .adopted(let version): "signed in: \(version)"
            case .changed: "changed"
            case .revoked: "revoked"
            case .timePasses: "time passes"
            }
        }
    }

    /// The machine and what goes on around it.
    private struct Situation {
        var machine = GrantMachine()
        /// Calls that were told to wait and were not woken.
        var waiting: Set<UInt64> = []
        var lastWaiter: UInt64 = 0
        var readers = 0
        /// The versions that refreshes under way are to succeed.
        var refreshes: [Int64] = []
        /// Whether a sign-in or a revocation may have left a refresh of what it replaced under way.
        var wasReplaced = false
        var newest: Int64 = 1
        var now = Fixtures.epoch
        var problem: String?

        /// What its future depends on. Waiters are renamed in order, and times count from now.
        var key: String {
            let order = Dictionary(uniqueKeysWithValues: waiting.sorted().enumerated().map { ($1, $0) })
            let name = { (waiter: UInt64) in order[waiter].map(String.init) ?? "?" }
            let state =
                switch machine.state {
                case .unknown: "unknown"
                case .reading(let reading): "reading \(reading.waiters.map(name)) \(reading.isOutdated)"
                case .live(let live): "live \(live.token.version) \(live.renewAt <= now)"
                case .renewing(let live): "renewing \(live.token.version)"
                case .refreshing(let refreshing): "refreshing \(refreshing.deadVersion) \(refreshing.waiters.map(name))"
                case .resting(let resting): "resting \(resting.deadVersion) \(resting.until <= now)"
                case .dead(let id): "dead \(id == nil)"
                }
            return "\(state) \(min(machine.failures, 1)) \(waiting.count) \(readers)"
                + " \(refreshes) \(wasReplaced) \(newest)"
        }
    }

    private static let versionsMax: Int64 = 3
    private static let waitersMax = 3
    private static let underWayMax = 2

    private let grantID = OAuthTokenID(SequentialIDs().next())
    private let userID = UserID(SequentialIDs().next())
    private let tokens: [LiveToken]

    init() throws {
        let instance = try AllowedHosts().instance("https://axonify.my.salesforce.com")
        let (grantID, userID) = (grantID, userID)
        tokens = (0...Self.versionsMax).map { version in
            LiveToken(
                grantID: grantID, userID: userID, version: version, accessToken: Secret("token-\(version)"),
                instance: instance, mintedAt: Fixtures.epoch, expiresAt: Fixtures.epoch.addingTimeInterval(7_200))
        }
    }

    /// Every situation that can come about, each followed up once: until none is new.
    @Test func everySituation() throws {
        var known: [String: [Event]] = [Situation().key: []]
        var frontier = [Situation()]
        var steps = 0
        while let situation = frontier.popLast() {
            let path = known[situation.key, default: []]
            for event in events(in: situation) {
                var next = situation
                apply(event, to: &next)
                steps += 1
                check(&next)
                if let problem = next.problem {
                    Issue.record("\(problem), after \(path + [event])")
                    return
                }
                guard known[next.key] == nil else { continue }
                known[next.key] = path + [event]
                frontier.append(next)
            }
        }
        #expect(known.count > 500 && steps > 5_000)
        FileHandle.standardError.write(Data("machine: \(known.count) situations, \(steps) steps\n".utf8))
    }

    /// What can happen next: whoever is under way ends, and anybody asks.
    private func events(in situation: Situation) -> [Event] {
        var events: [Event] = [.askWarm, .timePasses, .changed, .revoked]
        if situation.waiting.count < Self.waitersMax, situation.refreshes.count < Self.underWayMax,
            situation.readers < Self.underWayMax
        {
            events.append(.ask(after: nil))
            events += (1...situation.newest).map { .ask(after: $0) }
        }
        if situation.readers > 0 {
            events += [.read(nil), .read(0), .read(situation.newest)]
        }
        if let version = situation.refreshes.first {
            events += [.refreshFailed, .refreshedDead, .refreshed(max(version, situation.newest))]
            if version == situation.newest, version < Self.versionsMax { events.append(.refreshed(version + 1)) }
        }
        if situation.newest < Self.versionsMax { events.append(.adopted(situation.newest + 1)) }
        return events
    }

    private func apply(_ event: Event, to situation: inout Situation) {
        let live = { (version: Int64) in tokens[Int(version)] }
        let renewAt = situation.now.addingTimeInterval(7_000)
        switch event {
        case .ask(let version):
            ask(after: version, in: &situation)
        case .askWarm:
            if case .useAndRefresh(let token) = situation.machine.askWarm(at: situation.now) {
                begin(token.version, in: &situation)
            }
        case .read(let version):
            situation.readers -= 1
            let row: GrantMachine.Row =
                switch version {
                case nil: .failed
                case 0: .dead(grantID)
                case .some(let version): .token(live(version), renewAt: renewAt)
                }
            wake(situation.machine.didRead(row), in: &situation)
        case .refreshed(let version):
            guard let version else { return }
            situation.newest = max(situation.newest, version)
            end(.token(live(version), renewAt: renewAt), in: &situation)
        case .refreshFailed:
            end(.failed(.unavailable(.refreshPending, retryAfterSeconds: 2), restSeconds: 1), in: &situation)
        case .refreshedDead:
            end(.dead, in: &situation)
        case .adopted(let version):
            situation.newest = version
            situation.wasReplaced = !situation.refreshes.isEmpty
            wake(situation.machine.didAdopt(live(version), renewAt: renewAt), in: &situation)
        case .changed:
            situation.machine.didChange()
        case .revoked:
            situation.wasReplaced = !situation.refreshes.isEmpty
            wake(situation.machine.didRevoke(), in: &situation)
        case .timePasses:
            situation.now += 7_200
        }
    }

    private func ask(after version: Int64?, in situation: inout Situation) {
        situation.lastWaiter += 1
        let waiter = situation.lastWaiter
        let ask = situation.machine.ask(
            after: version, waiter: waiter, waitersMax: Self.waitersMax, at: situation.now)
        switch ask {
        case .use(let token):
            if let version, token.version <= version { situation.problem = "a token that is known to be dead is used" }
        case .useAndRefresh(let token):
            if let version, token.version <= version { situation.problem = "a token that is known to be dead is used" }
            begin(token.version, in: &situation)
        case .read: situation.readers += 1
        case .wait: situation.waiting.insert(waiter)
        case .refreshAndWait(_, let version):
            situation.waiting.insert(waiter)
            begin(version, in: &situation)
        case .refuse: break
        }
    }

    private func begin(_ version: Int64, in situation: inout Situation) {
        if !situation.refreshes.isEmpty, !situation.wasReplaced { situation.problem = "two refreshes at once" }
        situation.refreshes.append(version)
    }

    private func end(_ outcome: GrantMachine.Outcome, in situation: inout Situation) {
        situation.refreshes.removeFirst()
        if situation.refreshes.isEmpty { situation.wasReplaced = false }
        wake(situation.machine.didRefresh(outcome, at: situation.now, jitter: 0.5), in: &situation)
    }

    private func wake(_ waiters: [UInt64], in situation: inout Situation) {
        for waiter in waiters where situation.waiting.remove(waiter) == nil {
            situation.problem = "a call is woken that does not wait"
        }
    }

    /// Whoever waits is known to the machine, once, and somebody is on the way who will wake them.
    private func check(_ situation: inout Situation) {
        let registered: [UInt64]
        let isSomebodyOnTheWay: Bool
        switch situation.machine.state {
        case .reading(let reading):
            (registered, isSomebodyOnTheWay) = (reading.waiters, situation.readers > 0)
        case .refreshing(let refreshing):
            (registered, isSomebodyOnTheWay) = (refreshing.waiters, !situation.refreshes.isEmpty)
        case .renewing: (registered, isSomebodyOnTheWay) = ([], !situation.refreshes.isEmpty)
        case .unknown, .live, .resting, .dead: (registered, isSomebodyOnTheWay) = ([], true)
        }
        if Set(registered) != situation.waiting || registered.count != situation.waiting.count {
            situation.problem = "a call that waits is forgotten"
        }
        if !isSomebodyOnTheWay { situation.problem = "nobody is on the way who would wake those who wait" }
        if situation.machine.isIdle, !situation.waiting.isEmpty {
            situation.problem = "it may be forgotten, and calls wait"
        }
    }
}
