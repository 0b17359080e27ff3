import Domain
import Foundation
import NIOConcurrencyHelpers
import Secrets

@testable import Access

/// What is noted of a schedule while it is played: what each process saw, and what must never be.
final class ScheduleNotes: Sendable {
    /// Tokens that a process received from Salesforce.
    struct Pair: Hashable, Comparable {
        let access: String
        let refresh: String?

        static func < (left: Pair, right: Pair) -> Bool { left.access < right.access }
    }

    struct State {
        /// What each process saw, in order: as its steps are all that it depends on, this is its state.
        var histories: [Int: [String]] = [:]
        var leases: [Int: GrantLease] = [:]
        /// The leases under which a mark was committed, by process.
        var marked: [Int: Set<Int64>] = [:]
        var received: [Int: Set<Pair>] = [:]
        /// Access tokens that stood in the row, in order.
        var stored: [String] = []
        /// Refresh tokens that were handed over to be revoked.
        var handedBack: Set<String> = []
        /// Refresh tokens sent although an earlier holder's mark stood, by the version that was in doubt.
        var deliberatePosts: [Int64: Int] = [:]
        /// Calls that have got an answer, by process.
        var answers: [Int: Int] = [:]
        /// Processes that signed somebody in, with the sessions that they made.
        var signIns: [Int: SessionID] = [:]
        var replaced: [Int: OAuthToken] = [:]
        /// Refresh tokens of which nobody who lives can tell whether they are spent, and those that were revoked: a
        /// grant that dies with one of these dies for a reason.
        var doubtful: Set<String> = []
        var hasEndedTheGrant = false
        var problems: [String] = []
        var opened: [Sealed: String] = [:]
    }

    private let box = NIOLockedValueBox(State())
    private let dataKey: DataKey

    init(dataKey: DataKey) {
        self.dataKey = dataKey
    }

    var state: State { box.withLockedValue { $0 } }
    var problems: [String] { box.withLockedValue { $0.problems } }

    func change(_ body: (inout State) -> Void) {
        box.withLockedValue { body(&$0) }
    }

    func problem(_ text: String) {
        change { $0.problems.append(text) }
    }

    func observe(_ process: Int, _ text: String) {
        change { $0.histories[process, default: []].append(text) }
    }

    // MARK: Rows in words

    /// A row as far as the ledger looks at it. Times are left out but for what they mean: `isLeased` is for the caller
    /// to add.
    func text(_ row: OAuthToken?) -> String {
        guard let row else { return "none" }
        let (access, refresh) = tokens(of: row)
        let mark = row.spendingSince == nil ? "" : row.wasAskedInDoubt ? " marked again" : " marked"
        let dead = row.deadReason.map { " dead: \($0)" } ?? ""
        return "v\(row.version) f\(row.fence) \(access) \(refresh ?? "-")\(mark)\(dead)"
    }

    /// The tokens of a row, opened.
    func tokens(of row: OAuthToken) -> (access: String, refresh: String?) {
        (
            open(row.accessToken) { try row.decryptedAccessToken(with: dataKey) },
            row.refreshToken.map { open($0) { try row.decryptedRefreshToken(with: dataKey) } }
        )
    }

    private func open(_ sealed: Sealed, _ body: () throws -> Secret<String>?) -> String {
        if let known = box.withLockedValue({ $0.opened[sealed] }) { return known }
        let text = (try? body()?.exposed) ?? "does not open"
        change { $0.opened[sealed] = text }
        return text
    }

    // MARK: What must be

    /// A refresh token is on its way: only under a lease whose mark is committed. The org's state says whether it was
    /// spent already.
    func willPost(_ token: String, by process: Int, fate: Fate) {
        change { state in
            guard let lease = state.leases[process] else {
                state.problems.append("process \(process) sends a refresh token without a lease")
                return
            }
            if state.marked[process]?.contains(lease.fence) != true {
                state.problems.append("process \(process) sends a refresh token before the mark is committed")
            }
            if lease.token.spendingSince != nil { state.deliberatePosts[lease.token.version, default: 0] += 1 }
            switch fate {
            case .unheard, .missed:
                state.doubtful.insert(token)
            case .revoked:
                state.doubtful.insert(token)
                state.hasEndedTheGrant = true
            case .happens, .unsent, .busy, .underWay, .abandoned: break
            }
        }
    }

    /// A process is dead. What it knew is gone: whether it spent the token of a lease that it had marked, too.
    func didDie(_ process: Int) {
        let lease = state.leases[process]
        let refresh = lease.flatMap { tokens(of: $0.token).refresh }
        change { state in
            if let lease, let refresh, state.marked[process]?.contains(lease.fence) == true {
                state.doubtful.insert(refresh)
            }
            state.histories[process] = nil
            state.received[process] = nil
        }
    }

    /// A successor was received.
    func didReceive(access: String, refresh: String?, by process: Int) {
        change { state in
            state.received[process, default: []].insert(Pair(access: access, refresh: refresh))
            state.histories[process, default: []].append("post: \(access) \(refresh ?? "-")")
        }
    }

    /// A pair stands in the row.
    func didStore(_ row: OAuthToken) {
        let access = tokens(of: row).access
        change { state in
            if state.stored.last != access { state.stored.append(access) }
        }
    }

    /// A process gives out a token: only one that is, or was, in the row.
    func didUse(_ token: LiveToken, by process: Int) {
        change { state in
            guard !state.stored.contains(token.accessToken.exposed) else { return }
            state.problems.append("process \(process) uses \(token.accessToken.exposed), which was never stored")
        }
    }

    /// A step changed the row.
    func didChange(_ before: OAuthToken?, to after: OAuthToken?, by step: Step, of process: Int, at now: Date) {
        guard let before, let after, before != after else { return }
        let isSamePair = tokens(of: after).access == tokens(of: before).access
        change { state in
            if after.fence < before.fence { state.problems.append("the fence shrank") }
            let isHeld = before.leaseExpiresAt.map { $0 > now } ?? false
            if step == .acquireLease, isHeld { state.problems.append("two processes hold the lease") }
            if step == .beginSpending, state.leases[process]?.fence != after.fence {
                state.problems.append("process \(process) marked somebody else's lease")
            }
            guard !isSamePair else {
                if after.version != before.version { state.problems.append("the version grew without a new pair") }
                return
            }
            if after.version != before.version + 1 { state.problems.append("the version did not grow by one") }
            if step == .storeSuccessor, state.leases[process]?.token.version != before.version {
                state.problems.append("process \(process) stored over a pair that its own does not succeed")
            }
        }
    }
}

/// What one schedule is played on.
struct Stage: Sendable {
    let desk: StepDesk
    let notes: ScheduleNotes
    let org: ExploredOrg
    let repositories: Repositories
}

/// The stage of the schedule that is being played: schedules of an exploration come one after another, and what is dear
/// to make is used for all.
final class PresentStage: Sendable {
    private let box: NIOLockedValueBox<Stage>

    init(_ stage: Stage) {
        box = NIOLockedValueBox(stage)
    }

    var stage: Stage {
        get { box.withLockedValue { $0 } }
        set { box.withLockedValue { $0 = newValue } }
    }
}

/// One process's hold on the schedule: each of its steps waits for its turn and is noted.
struct ProcessSteps: Sendable {
    let number: Int
    let present: PresentStage

    var desk: StepDesk { present.stage.desk }
    var notes: ScheduleNotes { present.stage.notes }
    var org: ExploredOrg { present.stage.org }
    var base: Repositories { present.stage.repositories }

    /// Which of its process's calls a task works for; 0 for the refresh.
    @TaskLocal static var call = 0
    /// Processes of a schedule: fewer than this.
    static let processesMax = 10

    /// The line of work that a task belongs to.
    private var line: Int { number + Self.call * Self.processesMax }

    /// All lines of a process.
    static func lines(of process: Int, calls: Int) -> [Int] {
        (0...calls).map { process + $0 * processesMax }
    }

    /// The schedule is over, or the process is dead.
    struct Abandoned: Error {}

    func observe(_ text: String) {
        notes.observe(number, Self.call == 0 ? text : "call \(Self.call) \(text)")
    }

    func turn(_ step: Step) async -> Fate {
        let fate = await desk.turn(of: line, for: step)
        if fate != .happens { observe("\(step) \(fate)") }
        return fate
    }

    /// A step at the database: it happens, it happens and the answer is lost, or it does not happen.
    func take<Result: Sendable>(
        _ step: Step, _ describe: (Result) -> String, _ body: () async throws -> Result
    ) async throws -> Result {
        let fate = await turn(step)
        switch fate {
        case .happens:
            let result = try await body()
            observe("\(step): \(describe(result))")
            return result
        case .unheard:
            _ = try await body()
            throw RepositoryError.unavailable("the answer was lost")
        case .missed:
            throw RepositoryError.unavailable("the database is away")
        case .abandoned:
            throw Abandoned()
        case .unsent, .busy, .underWay, .revoked:
            notes.problem("\(fate) is no fate of \(step)")
            throw Abandoned()
        }
    }
}
