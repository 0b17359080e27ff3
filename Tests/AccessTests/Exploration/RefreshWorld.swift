import Domain
import Foundation
import GatewayTesting
import NIOConcurrencyHelpers
import Secrets

@testable import Access

/// What the schedules of an exploration share.
final class Theatre: Sendable {
    let scenario: Scenario
    let ground: Ground
    let queue: OneQueue
    private let present = NIOLockedValueBox<PresentStage?>(nil)
    private let parts = NIOLockedValueBox<[Int: ProcessParts]>([:])

    init(_ scenario: Scenario, queue: OneQueue) async throws {
        self.scenario = scenario
        self.ground = try await Ground(scenario)
        self.queue = queue
    }

    /// The schedule that is played from now on; the one before is over.
    func setStage(_ stage: Stage) {
        present.withLockedValue { present in
            if let present { present.stage = stage } else { present = PresentStage(stage) }
        }
    }

    /// What a process of the present schedule is made of.
    func parts(of number: Int) -> ProcessParts {
        if let known = parts.withLockedValue({ $0[number] }) { return known }
        guard let present = present.withLockedValue({ $0 }) else {
            // Invariant: a process is started by a world, which sets its stage first.
            preconditionFailure("There is no stage")
        }
        let made = ProcessParts(number: number, scenario: scenario, ground: ground, present: present)
        parts.withLockedValue { $0[number] = made }
        return made
    }
}

/// One schedule being played: one database, one Salesforce, and processes that make one step at a time.
final class RefreshWorld: Sendable {
    private let scenario: Scenario
    private let ground: Ground
    private let theatre: Theatre
    /// The database's clock, which only the scheduler moves.
    private let databaseClock = TestClock()
    private let store: InMemoryStore
    private let grants: any GrantRepository
    private let org: ExploredOrg
    private let desk: StepDesk
    /// Living processes that are whole ledgers.
    private let gateways = NIOLockedValueBox<[Int: ExploredGateway]>([:])
    private let notes: ScheduleNotes

    private init(in theatre: Theatre) {
        self.theatre = theatre
        self.scenario = theatre.scenario
        self.ground = theatre.ground
        self.desk = StepDesk(queue: theatre.queue)
        self.store = InMemoryStore(clock: databaseClock.reading)
        self.grants = store.repositories.grants
        self.org = ExploredOrg(rotates: scenario.rotation != .none)
        self.notes = ScheduleNotes(dataKey: ground.tenant.dataKey)
    }

    /// Plays a schedule from the beginning, and says where it leads. At an end, what was begun is finished first, and
    /// the outcome judged.
    static func play(_ choices: [Choice], in theatre: Theatre) async throws -> Visit {
        let world = RefreshWorld(in: theatre)
        try await world.prepare()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            var play = Play(budget: theatre.scenario.budget)
            for role in theatre.scenario.roles { try await world.start(role, knowsTheToken: true, in: &play, &group) }
            for choice in choices where world.notes.problems.isEmpty {
                try await world.take(choice, in: &play, &group)
            }
            let situation = try await world.situation(play)
            let next = world.notes.problems.isEmpty ? try await world.choices(play) : []
            if next.isEmpty, world.notes.problems.isEmpty {
                try await world.settle(&play, &group)
                try await world.judge()
            }
            world.desk.close()
            for gateway in world.gateways.withLockedValue({ $0 }).values { gateway.ledger.close() }
            for gateway in play.deadGateways { gateway.ledger.close() }
            try await group.waitForAll()
            return Visit(situation: situation, choices: next, problems: world.notes.problems)
        }
    }

    /// How far a schedule is.
    private struct Play {
        var budget: Scenario.Budget
        /// What each process is there for; a process's number is its place, from 1.
        var roles: [Role] = []
        var deadGateways: [ExploredGateway] = []
    }

    private typealias Processes = ThrowingTaskGroup<Void, any Error>

    private func prepare() async throws {
        let repositories = store.repositories
        theatre.setStage(Stage(desk: desk, notes: notes, org: org, repositories: repositories))
        try await repositories.customers.create(ground.customer, config: ground.config, admin: ground.user)
        let firstRow = ground.firstRow
        _ = try await grants.replace(user: ground.user.id, in: ground.customer.id) { _, _ in firstRow }
        let pair = org.grant()
        notes.change { $0.stored = [pair.access] }
    }

    private func start(
        _ role: Role, knowsTheToken: Bool, in play: inout Play, _ group: inout Processes
    ) async throws {
        play.roles.append(role)
        let parts = theatre.parts(of: play.roles.count)
        if scenario.calls > 0, role != .signsIn {
            let gateway = ExploredGateway(parts: parts, role: role, scenario: scenario, ground: ground)
            if knowsTheToken { try gateway.knowTheFirstToken() }
            gateways.withLockedValue { $0[parts.steps.number] = gateway }
            group.addTask { try await gateway.ledger.run() }
            for call in 1...scenario.calls {
                group.addTask { await ProcessSteps.$call.withValue(call) { await gateway.call() } }
            }
        } else {
            let process = ExploredProcess(parts: parts, role: role, scenario: scenario, ground: ground)
            if knowsTheToken { try process.knowTheFirstToken() }
            desk.begin()
            group.addTask { await process.run() }
        }
        await quiet()
    }

    /// Waits until whoever runs waits for its turn, or has ended. What the ledger shields is not on the queue.
    private func quiet() async {
        await desk.quiet {
            guard scenario.calls > 0 else { return desk.runningCount > 0 }
            let waiting = Set(desk.waiting.map(\.line))
            return gateways.withLockedValue { $0 }.contains { !waiting.contains($0.key) && $0.value.isRefreshing }
        }
    }

    // MARK: Steps

    private func take(_ choice: Choice, in play: inout Play, _ group: inout Processes) async throws {
        switch choice {
        case .step(let process, let step, let fate):
            guard desk.waiting.contains(where: { $0 == (process, step) }) else {
                return notes.problem("process \(process) is not about to \(step): the schedule does not fit")
            }
            if fate != .happens || step == .patience { play.budget.faults -= 1 }
            let before = try await row()
            desk.letGo(process, fate)
            await quiet()
            let number = process % ProcessSteps.processesMax
            let after = try await row()
            notes.didChange(before, to: after, by: step, of: number, at: databaseClock.now)
            checkReuse()
        case .crash(let process):
            play.budget.crashes -= 1
            desk.kill(ProcessSteps.lines(of: process, calls: scenario.calls))
            if let gateway = gateways.withLockedValue({ $0.removeValue(forKey: process) }) {
                play.deadGateways.append(gateway)
            }
            notes.didDie(process)
            let role = play.roles[process - 1]
            if role != .signsIn { try await start(role, knowsTheToken: false, in: &play, &group) }
        case .leaseLapses:
            play.budget.lapses -= 1
            guard let row = try await row(), let end = row.leaseExpiresAt else { return }
            databaseClock.set(end)
            // Whoever comes next finds a mark and can't know, whatever its holder knows or will.
            if row.spendingSince != nil, let refresh = notes.tokens(of: row).refresh {
                notes.change { _ = $0.doubtful.insert(refresh) }
            }
        }
    }

    /// What can come next.
    private func choices(_ play: Play) async throws -> [Choice] {
        var choices: [Choice] = []
        var mayCrash: Set<Int> = []
        for (line, step) in desk.waiting {
            for fate in step.fates where play.budget.faults > 0 || fate == .happens && step != .patience {
                choices.append(.step(line, step, fate))
            }
            if play.budget.crashes > 0 { mayCrash.insert(line % ProcessSteps.processesMax) }
        }
        choices += mayCrash.sorted().map { .crash($0) }
        if !choices.isEmpty, play.budget.lapses > 0, try await isLeased() { choices.append(.leaseLapses) }
        // Where all that can come is that calls lose patience, or that somebody dies, nothing is under way.
        return desk.waiting.allSatisfy { $0.step == .patience } ? [] : choices
    }

    private func row() async throws -> OAuthToken? {
        try await grants.grant(of: ground.user.id, in: ground.customer.id)
    }

    private func isLeased() async throws -> Bool {
        try await row()?.leaseExpiresAt.map { $0 > databaseClock.now } ?? false
    }

    private func situation(_ play: Play) async throws -> Situation {
        let state = notes.state
        let customer = try await store.repositories.customers.customer(id: ground.customer.id)
        return Situation(
            row: notes.text(try await row()), isLeased: try await isLeased(),
            isRotationKnown: customer?.rotatesRefreshTokens ?? false, sessions: try await sessions().count,
            org: org.state,
            processes: histories(state).values.sorted { $0.lexicographicallyPrecedes($1) },
            unsettled: unsettled.sorted(), stored: state.stored, handedBack: state.handedBack,
            deliberatePosts: state.deliberatePosts, doubtful: state.doubtful,
            hasEndedTheGrant: state.hasEndedTheGrant, budget: play.budget)
    }

    /// What each process saw. Where all calls have their answers and nothing is under way, it makes no difference.
    private func histories(_ state: ScheduleNotes.State) -> [Int: [String]] {
        guard scenario.calls > 0 else { return state.histories }
        let waiting = Set(desk.waiting.map { $0.line % ProcessSteps.processesMax })
        return state.histories.filter { process, _ in
            waiting.contains(process) || state.answers[process, default: 0] < scenario.calls
        }
    }

    private func sessions() async throws -> [Session] {
        guard scenario.hasSignIn else { return [] }
        return try await store.repositories.sessions.sessions(of: ground.user.id, in: ground.customer.id)
    }

    /// Successors that living processes received, and that are neither stored nor handed back.
    private var unsettled: [ScheduleNotes.Pair] {
        let state = notes.state
        return state.received.values.flatMap { $0 }.filter { pair in
            guard let refresh = pair.refresh else { return false }
            return !state.stored.contains(pair.access) && !state.handedBack.contains(refresh)
        }
    }
}

// MARK: Judgement

extension RefreshWorld {
    /// A spent token is never shown again where the org is known to rotate. Where that is not known, asking once more
    /// is how it is found out: as often as that was done, and no more.
    private func checkReuse() {
        let reuses = org.state.reuses
        let allowed = scenario.rotation == .unknown ? notes.state.deliberatePosts.values.reduce(0, +) : 0
        if reuses > allowed { notes.problem("a spent refresh token was shown again") }
        if scenario.asksOncePerDoubt, notes.state.deliberatePosts.values.contains(where: { $0 > 1 }) {
            notes.problem("a grant in doubt was asked more than once more")
        }
    }

    /// Plays on to the end without further faults: a call comes, at a process that knows nothing, when all leases are
    /// over.
    private func settle(_ play: inout Play, _ group: inout Processes) async throws {
        if let end = try await row()?.leaseExpiresAt { databaseClock.set(max(end, databaseClock.now)) }
        try await start(.findsTheTokenDead, knowsTheToken: false, in: &play, &group)
        while let (line, step) = desk.waiting.first(where: { $0.step != .patience }), notes.problems.isEmpty {
            try await take(.step(line, step, .happens), in: &play, &group)
        }
    }

    private func judge() async throws {
        if !desk.waiting.isEmpty { notes.problem("a call waits, and nobody is on the way who would wake it") }
        for pair in unsettled { notes.problem("\(pair.access) was received and is lost") }
        guard let row = try await row() else { return notes.problem("the grant is gone") }
        let state = notes.state
        let isGamble = scenario.rotation == .unknown && !state.deliberatePosts.isEmpty
        let refresh = notes.tokens(of: row).refresh
        if let reason = row.deadReason {
            let isExplained = isGamble || refresh.map(state.doubtful.contains) == true
            if !isExplained { notes.problem("the grant is dead (\(reason)), and no answer about its token was lost") }
            return
        }
        if row.version <= scenario.lastDeadVersion { notes.problem("the grant lives, and its token is still dead") }
        // A lease may be left, of somebody who never learnt that it was given: it lapses by itself.
        if row.spendingSince != nil { notes.problem("a mark is left") }
        if !isGamble, !state.hasEndedTheGrant, refresh.map(org.isGood) != true {
            notes.problem("\(refresh ?? "no token") is stored, and Salesforce does not take it any more")
        }
        guard scenario.keepsNewSessions else { return }
        let sessions = Set(try await sessions().map(\.id))
        if !state.signIns.values.allSatisfy(sessions.contains) {
            notes.problem("somebody who signed in was signed out, though the grant lives")
        }
    }
}
