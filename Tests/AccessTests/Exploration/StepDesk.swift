import Dispatch
import NIOConcurrencyHelpers

/// What a process can do that others notice: each is one step of a schedule.
enum Step: String, Hashable, Comparable, Sendable {
    case acquireLease, beginSpending, storeSuccessor, release, markDead, readGrant
    case readCustomer, noteRotation
    /// The refresh token is sent.
    case post
    /// A sign-in stores its pair, writes its session, and revokes the grant that it replaced.
    case replace, createSession, revoke
    /// The sessions of a dead grant are ended.
    case endSessions
    /// A call that waits has waited long enough.
    case patience

    static func < (left: Step, right: Step) -> Bool { left.rawValue < right.rawValue }

    /// What can become of it.
    var fates: [Fate] {
        switch self {
        case .readGrant, .readCustomer: [.happens, .missed]
        case .acquireLease, .beginSpending, .storeSuccessor, .release, .markDead, .noteRotation, .replace, .endSessions:
            [.happens, .unheard, .missed]
        case .post: [.happens, .unheard, .missed, .unsent, .busy, .underWay, .revoked]
        case .createSession, .revoke, .patience: [.happens]
        }
    }
}

/// What becomes of a step.
enum Fate: String, Hashable, Sendable {
    case happens
    /// It happens, and the answer is lost.
    case unheard
    /// It does not happen, and whoever asked can't tell: the database is away, Salesforce does not answer.
    case missed
    /// Salesforce can't be reached, and no byte was sent.
    case unsent
    /// Salesforce has no time (503).
    case busy
    /// Salesforce says that somebody else spends the token just now.
    case underWay
    /// The grant was ended at Salesforce, which says so.
    case revoked
    /// The schedule is over, or the process is dead: nothing that is asked reaches the world any more.
    case abandoned
}

/// Where the processes of a schedule wait for their turn, until the scheduler says what becomes of their next step.
///
/// A process has one line of work, or more: whatever waits for turns of its own. Nothing of a line runs but between its
/// being let go and its next step. So the scheduler knows, without a look at any clock, when all is quiet and it may
/// choose again.
final class StepDesk: Sendable {
    private struct Turn {
        let line: Int
        let step: Step
        let continuation: CheckedContinuation<Fate, Never>
    }

    private struct State {
        var turns: [Turn] = []
        var running = 0
        var gone: Set<Int> = []
        var isOver = false
    }

    private let state = NIOLockedValueBox(State())
    private let queue: OneQueue

    init(queue: OneQueue) {
        self.queue = queue
    }

    /// Lines that wait, in order, with the step that each would make.
    var waiting: [(line: Int, step: Step)] {
        state.withLockedValue { state in
            state.turns.filter { !state.gone.contains($0.line) }.map { ($0.line, $0.step) }.sorted { $0 < $1 }
        }
    }

    /// How many lines run: those that began, and neither wait nor have ended.
    var runningCount: Int { state.withLockedValue { $0.running } }

    // MARK: The processes' side

    /// A line begins.
    func begin() {
        state.withLockedValue { $0.running += 1 }
    }

    /// A line has ended.
    func end() {
        state.withLockedValue { $0.running -= 1 }
        queue.tellNews()
    }

    /// Waits for the turn of a line. Where its task is cancelled, it goes on as abandoned.
    func turn(of line: Int, for step: Step) async -> Fate {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isAbandoned = state.withLockedValue { state in
                    guard !state.isOver, !state.gone.contains(line), !Task.isCancelled else { return true }
                    state.turns.append(Turn(line: line, step: step, continuation: continuation))
                    state.running -= 1
                    return false
                }
                if isAbandoned { continuation.resume(returning: .abandoned) }
                queue.tellNews()
            }
        } onCancel: {
            letGo(line, .abandoned)
        }
    }

    // MARK: The scheduler's side

    /// Waits until nothing runs: whatever was let go waits again, or has ended.
    ///
    /// - Parameter isBusy: Whether something runs that is not on the queue.
    func quiet(while isBusy: () -> Bool) async {
        while true {
            while queue.hasWork { await Task.yield() }
            guard isBusy() else { return }
            await queue.waitForNews()
        }
    }

    /// Gives a line its turn.
    func letGo(_ line: Int, _ fate: Fate) {
        let turn = state.withLockedValue { state -> Turn? in
            guard let index = state.turns.firstIndex(where: { $0.line == line }) else { return nil }
            state.running += 1
            return state.turns.remove(at: index)
        }
        turn?.continuation.resume(returning: fate)
    }

    /// Lines never get a turn again: their process is dead. Their tasks are ended when the schedule is.
    func kill(_ lines: some Sequence<Int>) {
        state.withLockedValue { $0.gone.formUnion(lines) }
    }

    /// Ends the schedule: whoever waits goes on to its end without touching the world.
    func close() {
        let turns = state.withLockedValue { state in
            state.isOver = true
            defer { state.turns = [] }
            return state.turns
        }
        for turn in turns { turn.continuation.resume(returning: .abandoned) }
    }
}

/// Runs the tasks of one exploration on one queue, its scheduler's too: what takes turns anyway needs no second thread,
/// and whether anything is left to run is no guess.
final class OneQueue: TaskExecutor {
    private struct State {
        var jobs = 0
        var hasNews = false
        var scheduler: CheckedContinuation<Void, Never>?
    }

    private let queue = DispatchQueue(label: "exploration")
    private let state = NIOLockedValueBox(State())

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLockedValue { $0.jobs += 1 }
        tellNews()
        // Last: once the job runs, it may be the end of the exploration, and so of this.
        queue.async {
            self.state.withLockedValue { $0.jobs -= 1 }
            job.runSynchronously(on: self.asUnownedTaskExecutor())
        }
    }

    /// Whether anything waits to run here.
    var hasWork: Bool { state.withLockedValue { $0.jobs > 0 } }

    /// Something happened that the scheduler may wait for.
    func tellNews() {
        let scheduler = state.withLockedValue { state in
            state.hasNews = state.scheduler == nil
            defer { state.scheduler = nil }
            return state.scheduler
        }
        scheduler?.resume()
    }

    /// Waits until something is told that was not told yet.
    func waitForNews() async {
        await withCheckedContinuation { continuation in
            let hasNews = state.withLockedValue { state in
                defer { state.hasNews = false }
                if !state.hasNews { state.scheduler = continuation }
                return state.hasNews
            }
            if hasNews { continuation.resume() }
        }
    }
}
