import Foundation
import Testing

/// The ledger's refresh, explored: two processes and one Salesforce in every order of their steps, with every step
/// failing, its answer lost, its process dead before it, and the lease over at any time.
///
/// What must hold in each schedule stands in `ScheduleNotes` and `RefreshWorld`: no spent token is shown again, no
/// successor that was received is lost, nobody is signed out who need not be.
@Suite struct RefreshExplorationTests {
    /// A scenario, and how many schedules it has at least: fewer would mean that something is not explored any more.
    struct Case: Sendable, CustomTestStringConvertible {
        let scenario: Scenario
        let schedulesMin: Double

        init(_ schedulesMin: Double, _ scenario: Scenario) {
            self.scenario = scenario
            self.schedulesMin = schedulesMin
        }

        var testDescription: String { scenario.testDescription }
    }

    /// Whether the large budgets are explored, which takes minutes (`make soak`).
    private static let isFull = ProcessInfo.processInfo.environment["FORMATION_EXPLORE"] == "full"

    private static let death = Scenario.Budget(faults: 0, crashes: 1, lapses: 1)
    private static let fault = Scenario.Budget(faults: 1, crashes: 0, lapses: 0)

    private static let small = [
        Case(1_000, Scenario(rotation: .known, budget: death)),
        Case(1_000, Scenario(rotation: .unknown, budget: death)),
        Case(1_000, Scenario(rotation: .none, budget: death)),
        Case(1_000, Scenario(rotation: .none, budget: fault)),
        Case(500, Scenario(rotation: .known, roles: [.findsTheTokenDead, .renewsAhead], budget: fault)),
        Case(4_000, Scenario(rotation: .known, budget: fault)),
        Case(4_000, Scenario(rotation: .known, calls: 1, budget: fault)),
        Case(10, Scenario(rotation: .known, calls: 2, budget: Scenario.Budget(faults: 0, crashes: 0, lapses: 0))),
    ]

    private static let large = [
        Case(4_000, Scenario(rotation: .known, budget: Scenario.Budget(faults: 1, crashes: 0, lapses: 1))),
        Case(100_000, Scenario(rotation: .known)),
        Case(100_000, Scenario(rotation: .known, budget: Scenario.Budget(faults: 2, crashes: 0, lapses: 1))),
    ]

    /// Every schedule holds what is promised.
    @Test(arguments: isFull ? small + large : small) func everySchedule(_ explored: Case) async throws {
        let result = try await Explorer(scenario: explored.scenario).explore()
        if let failure = result.failure { Issue.record("\(failure)") }
        #expect(result.isExhausted)
        #expect(result.schedules >= explored.schedulesMin)
        report("\(explored.scenario.testDescription)\n\(result.summary)")
    }

    private func report(_ text: String) {
        FileHandle.standardError.write(Data("\(text)\n".utf8))
    }
}

/// That an exploration finds what is wrong: faults planted in the repositories, each found, and schedules played again.
@Suite struct ExplorerTests {
    /// A planted fault is found, by a schedule that shows it when it is played again.
    @Test(arguments: Plant.allCases) func plantedFaultsAreFound(_ plant: Plant) async throws {
        var scenario = Scenario(budget: Scenario.Budget(faults: 1, crashes: 0, lapses: 0), plant: plant)
        switch plant {
        case .storingDoesNotCompare, .deathDoesNotCompare: scenario.roles = [.findsTheTokenDead, .signsIn]
        case .markIgnoresTheFence: scenario.budget = Scenario.Budget(faults: 0, crashes: 0, lapses: 1)
        case .leaseIgnoresItsHolder, .markIsNotWritten, .successorIsNotWritten, .releaseForgetsTheDoubt,
            .rotationIsForgotten, .lostAnswersAreRepeated:
            break
        }
        let result = try await Explorer(scenario: scenario).explore()
        let failure = try #require(result.failure)
        #expect(!result.isExhausted)
        let again = try await Explorer(scenario: scenario).replay(failure.schedule)
        #expect(again == failure.problems)
        // The same schedule does no harm where nothing is planted, if it fits there.
        scenario.plant = nil
        let sound = try await Explorer(scenario: scenario).replay(failure.schedule)
        #expect(sound.allSatisfy { $0.contains("the schedule does not fit") })
    }

    /// Following up equal situations once leaves no schedule out: it counts as many as playing each by itself.
    @Test func mergingLeavesNothingOut() async throws {
        let scenario = Scenario(budget: Scenario.Budget(faults: 0, crashes: 0, lapses: 0))
        let merged = try await Explorer(scenario: scenario).explore()
        let plain = try await Explorer(scenario: scenario, mergesSituations: false).explore()
        #expect(merged.failure == nil && plain.failure == nil)
        #expect(merged.schedules == plain.schedules)
        #expect(merged.situations == plain.situations)
        #expect(merged.steps < plain.steps)
    }
}

/// Schedules that went wrong once: each is played as it was found, as far as it still fits.
@Suite struct KnownScheduleTests {
    /// What was found, and by which steps.
    struct Known: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let scenario: Scenario
        let schedule: [Choice]
    }

    private static func steps(_ process: Int, _ steps: Step...) -> [Choice] {
        steps.map { .step(process, $0, .happens) }
    }

    private static let lost = Scenario.Budget(faults: 2, crashes: 0, lapses: 0)

    private static let all = [
        Known(
            testDescription: "whether a grant in doubt was asked once more is known to one process only",
            scenario: Scenario(rotation: .none, triesMax: 2, budget: lost, asksOncePerDoubt: true),
            schedule: steps(1, .acquireLease, .beginSpending) + [.step(1, .post, .missed)] + steps(1, .release)
                + steps(2, .acquireLease, .readCustomer, .beginSpending) + [.step(2, .post, .missed)]
                + steps(2, .release) + steps(1, .acquireLease, .readCustomer, .beginSpending, .post)),
        Known(
            testDescription: "a lease that is given back puts its doubt on a pair that was stored meanwhile",
            scenario: Scenario(rotation: .none),
            schedule: steps(1, .acquireLease, .beginSpending, .post) + [.leaseLapses]
                + steps(2, .acquireLease, .readCustomer, .beginSpending) + steps(1, .storeSuccessor)
                + [.step(2, .post, .unsent)] + steps(2, .release)),
        Known(
            testDescription: "a successor that was stored unheard, and is succeeded by now, is revoked as a stray one",
            scenario: Scenario(rotation: .known, lastDeadVersion: 2),
            schedule: steps(1, .acquireLease, .beginSpending, .post) + [.step(1, .storeSuccessor, .unheard)]
                + steps(2, .acquireLease, .release, .acquireLease, .beginSpending, .post, .storeSuccessor)
                + steps(1, .storeSuccessor, .readGrant, .readGrant)),
        Known(
            testDescription: "the sessions of a dead grant end after it was marked, and with them a new one",
            scenario: Scenario(roles: [.findsTheTokenDead, .signsIn], keepsNewSessions: true),
            schedule: steps(1, .acquireLease, .beginSpending) + [.step(1, .post, .revoked)] + steps(1, .markDead)
                + steps(2, .replace, .createSession) + steps(1, .endSessions)),
    ]

    /// None goes wrong any more. One that is mended may take another turn before its end.
    @Test(arguments: all) func known(_ known: Known) async throws {
        let problems = try await Explorer(scenario: known.scenario).replay(known.schedule)
        #expect(problems.allSatisfy { $0.contains("the schedule does not fit") }, "\(problems)")
    }
}
