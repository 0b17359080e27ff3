import Testing

/// What the scheduler can choose.
enum Choice: Hashable, Sendable, CustomStringConvertible {
    /// A process (or, of a process with many calls, the line of one) makes its next step, and this becomes of it.
    case step(Int, Step, Fate)
    /// A process dies before its next step. Where it was to refresh, a fresh one comes in its place.
    case crash(Int)
    /// So much time passes at the database that the lease is over, whatever its holder does.
    case leaseLapses

    /// As it is written in a test, so that a printed schedule can be played again.
    var description: String {
        switch self {
        case .step(let process, let step, let fate): ".step(\(process), .\(step), .\(fate))"
        case .crash(let process): ".crash(\(process))"
        case .leaseLapses: ".leaseLapses"
        }
    }
}

/// What a process is there for.
enum Role: String, Sendable {
    /// Its calls meet a token that Salesforce calls dead, and want a newer one.
    case findsTheTokenDead
    /// It renews the token ahead of its end, which nobody waits for.
    case renewsAhead
    /// Somebody signs in there.
    case signsIn
}

/// How an org treats refresh tokens, and what is known of it.
enum Rotation: String, Sendable {
    case known
    /// It rotates, and was never seen to.
    case unknown
    case none
}

/// What is explored: who is there, and how much may go wrong in one schedule.
struct Scenario: Sendable, CustomTestStringConvertible {
    var rotation = Rotation.known
    var roles: [Role] = [.findsTheTokenDead, .findsTheTokenDead]
    /// Access tokens of versions up to this one are called dead.
    var lastDeadVersion: Int64 = 1
    /// Calls that ask for a token at once in each process, through the whole ledger. 0: one after another, through the
    /// refresh alone.
    var calls = 0
    /// Refreshes that a process tries before it leaves the rest to later calls.
    var triesMax = 1
    /// What may go wrong in a schedule at most.
    var budget = Budget()
    /// Whether a grant in doubt may be asked once more only once, however many processes there are and whichever die.
    var asksOncePerDoubt = true
    /// Whether a session that a sign-in made must outlive the death of the grant that it replaced.
    var keepsNewSessions = false
    var plant: Plant?

    struct Budget: Hashable, Sendable {
        /// Steps that fail, or whose answer is lost.
        var faults = 1
        var crashes = 1
        var lapses = 1
    }

    var hasSignIn: Bool { roles.contains(.signsIn) }

    var testDescription: String {
        let who = roles.map(\.rawValue).joined(separator: ", ")
        let planted = plant.map { ", planted: \($0)" } ?? ""
        let calls = calls == 0 ? "" : " with \(calls) calls"
        return "rotation \(rotation), \(who)\(calls), \(lastDeadVersion) expiries, \(budget.faults) faults,"
            + " \(budget.crashes) crashes, \(budget.lapses) lapses\(planted)"
    }
}

/// All that the future of a schedule depends on. Two schedules that lead to equal situations have equal futures, so one
/// of them stands for both.
///
/// A process is the list of what it saw: the ledger depends on nothing else. Which number it has makes no difference,
/// and what a dead one saw neither.
struct Situation: Hashable {
    let row: String
    let isLeased: Bool
    let isRotationKnown: Bool
    let sessions: Int
    let org: ExploredOrg.State
    let processes: [[String]]
    let unsettled: [ScheduleNotes.Pair]
    let stored: [String]
    let handedBack: Set<String>
    let deliberatePosts: [Int64: Int]
    let doubtful: Set<String>
    let hasEndedTheGrant: Bool
    let budget: Scenario.Budget
}

/// Where a schedule leads.
struct Visit {
    let situation: Situation
    /// What can come next; nothing at the end.
    let choices: [Choice]
    let problems: [String]
}
