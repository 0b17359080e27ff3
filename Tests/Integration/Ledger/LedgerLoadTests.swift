import Foundation
import SalesforceSimulator
import Testing

extension WorldTests {
    /// The token ledger under load: two processes, and a Salesforce that rotates (architecture invariant 4).
    ///
    /// Each test run bears a little; `make soak` bears much, and says what it measured.
    @Suite(.serialized, .timeLimit(.minutes(10))) struct LedgerLoadTests {
        private static let plan = LedgerPlan.current

        /// Calls of many people by two processes, while all tokens expire again and again: no call fails, nobody is
        /// asked to sign in, and each expiry of a token leads to exactly one refresh.
        @Test func eachExpiryIsRefreshedOnce() async throws {
            let plan = Self.plan
            try await LedgerStage.run(plan, peopleOfOrg: plan.peopleOfOrg) { stage in
                stage.slowDown(to: plan.answerTime)
                let tally = try await stage.load(plan.callsUnderWay).run { try await Self.expire(stage) }
                let last = try await stage.everybodyCalls()
                Self.report("Tokens expire", tally, stage)
                for tally in [tally, last] {
                    #expect(tally.failures.isEmpty)
                    #expect(tally.putOff.isEmpty)
                    #expect(tally.cutOff == 0)
                }
                for person in stage.people {
                    let grants = try stage.simulator.grants(of: person.username)
                    let grant = try #require(grants.first)
                    #expect(grants.count == 1)
                    #expect(grant.expiries > 0)
                    #expect(grant.refreshes == grant.expiries, "\(person.username)")
                    #expect(grant.refreshAttempts == grant.refreshes, "\(person.username)")
                }
                #expect(stage.simulator.counters.refreshTokenReuses == 0)
                #expect(await stage.askings().isEmpty)
                #expect(try await stage.unsettled().isEmpty)
            }
        }

        /// A process is killed while Salesforce's answers to its refreshes are on their way. The people of these
        /// answers must sign in again; the others notice a broken connection at most.
        @Test func onlyLostAnswersCostASession() async throws {
            try await LedgerStage.run(Self.plan, peopleOfOrg: 3) { stage in
                // Two of either tenant call by the process that is killed, the others by the one that lives.
                let losers = stage.people.enumerated().filter { $0.offset % 4 < 2 }.map(\.element)
                let others = stage.people.enumerated().filter { $0.offset % 4 >= 2 }.map(\.element)
                let load = stage.load(
                    (losers.map { ($0, 0) } + others.map { ($0, 1) }).flatMap { person, home in
                        (0..<4).map { _ in CallLoad.Caller(person: person, home: home) }
                    })
                let tally = try await load.run {
                    // So that both orgs are known to rotate.
                    try stage.simulator.expireAccessTokens()
                    try await stage.eventually {
                        try stage.areRefreshed(times: 1) ? try await stage.unsettled().isEmpty : false
                    }
                    try await Self.loseAnswers(of: losers, notOf: others, stage)
                    for person in losers {
                        #expect(try await person.row().standing == .spent(successors: 1), "\(person.username)")
                    }
                    try await Self.endLeases(stage)
                    try await stage.eventually {
                        await stage.askings().count >= losers.count ? try await stage.unsettled().isEmpty : false
                    }
                    try stage.simulator.expireAccessTokens()
                }
                let last = try await stage.everybodyCalls()
                // Who has signed in just now may meet the next expiry with a token that is younger than a second.
                #expect(tally.failures.keys.allSatisfy { $0.contains("401 of Salesforce") })
                #expect(tally.failureCount * 100 < tally.answered.count)
                #expect(last.failures.isEmpty)
                #expect(tally.cutOff > 0)
                #expect(Set(tally.putOff.keys).isSubset(of: losers.map(\.username)))
                let askings = await stage.askings()
                #expect(askings.map(\.username).sorted() == losers.map(\.username).sorted())
                #expect(askings.filter { !$0.isOfLostAnswer }.isEmpty, "\(askings)")
                #expect(stage.simulator.counters.refreshTokenReuses == 0)
                #expect(try await stage.unsettled().isEmpty)
            }
        }

        /// Processes are killed and replaced all the time, whatever they are doing.
        @Test(.enabled(if: LedgerPlan.current.isSoak)) func killedProcessesCostNoOtherSession() async throws {
            let plan = Self.plan
            try await LedgerStage.run(plan, peopleOfOrg: plan.peopleOfOrg) { stage in
                // So that both orgs are known to rotate.
                try stage.simulator.expireAccessTokens()
                #expect(try await stage.everybodyCalls().failures.isEmpty)
                stage.slowDown(to: plan.answerTime)
                var refreshedAtKills: Set<String> = []
                let tally = try await stage.load(plan.callsUnderWay).run {
                    async let expiring: Void = Self.expire(stage)
                    for kill in 0..<plan.kills {
                        try await Task.sleep(for: plan.killInterval)
                        try await stage.fleet.kill(kill % 2)
                        refreshedAtKills.formUnion(try await stage.beingRefreshed())
                        try await stage.fleet.start(kill % 2)
                    }
                    try await expiring
                }
                // Rights to refresh that a process left behind end within 45 s.
                let last = try await stage.everybodyCalls()
                let askings = await stage.askings()
                Self.report("Processes are killed", tally, stage)
                Self.report(askings, of: stage, refreshedAtKills: refreshedAtKills.count)
                // A refresh that waited for the right of a process that is gone can come just before all tokens expire
                // again; a dead session's answer on a token that is younger than a second passes through.
                #expect(tally.failures.keys.allSatisfy { $0.contains("401 of Salesforce") })
                #expect(tally.failureCount * 100 < tally.answered.count)
                #expect(last.failures.isEmpty)
                #expect(Set(tally.putOff.keys).isSubset(of: refreshedAtKills))
                #expect(askings.filter { !$0.isOfLostAnswer && !$0.isOfUnsentRequest }.isEmpty, "\(askings)")
                #expect(Set(askings.map(\.username)).isSubset(of: refreshedAtKills))
                #expect(stage.simulator.counters.refreshTokenReuses == 0)
                #expect(stage.simulator.counters.refreshesRefusedAsConcurrent == 0)
                for person in stage.people {
                    for grant in try stage.simulator.grants(of: person.username) {
                        #expect(grant.refreshes <= grant.expiries, "\(person.username)")
                    }
                }
                #expect(try await stage.unsettled().isEmpty)
            }
        }

        /// Salesforce's token endpoint answers nobody, and fifty tenants wait for it: the others' calls are answered,
        /// from memory and from the database, and afterwards those who waited have their answers.
        @Test func aHangingTokenEndpointHoldsNobodyElseUp() async throws {
            let plan = Self.plan
            try await LedgerStage.run(plan, peopleOfOrg: 2, furtherTenants: plan.hangingTenants) { stage in
                let others = stage.people.filter { ["axonify", "globex"].contains($0.tenant) }
                let waiting = stage.people.filter { !["axonify", "globex"].contains($0.tenant) }
                #expect(try await stage.everybodyCalls().failures.isEmpty)
                let calls = stage.load(20, of: others)
                let before = try await calls.run(times: 10, for: plan.hangTime)
                let hold = stage.simulator.add(SimulatedFault(.hold, pathPrefix: "/services/oauth2/token"))
                for person in waiting { try stage.simulator.expireAccessTokens(username: person.username) }
                async let delayed = stage.load(waiting.count * 4, of: waiting).run(times: 1)
                await stage.simulator.waitUntilHeld(waiting.count, by: hold)
                let during = try await calls.run(times: 10, for: plan.hangTime)
                var configurations = stage.load(8, of: others)
                configurations.path = "/api/config"
                let stored = try await configurations.run(times: 2)
                #expect(stage.simulator.counters.refreshes == 0)
                stage.simulator.clear(hold)
                let late = try await delayed
                Self.report("Before the token endpoint hangs", before, stage)
                Self.report("While it hangs", during, stage)
                for tally in [before, during, stored, late] {
                    #expect(tally.failures.isEmpty)
                    #expect(tally.putOff.isEmpty)
                }
                #expect(late.answered.count == waiting.count * 4)
                #expect(stage.simulator.counters.refreshes == waiting.count)
                #expect(await stage.askings().isEmpty)
            }
        }
    }
}

extension WorldTests.LedgerLoadTests {
    private static func expire(_ stage: LedgerStage) async throws {
        for number in 0..<plan.expiries {
            // On a busy machine a refresh can take so long that its token would be younger than a second at the next
            // expiry; then a dead session's answer passes through. The soak takes what comes.
            if !plan.isSoak { try await stage.eventually { try stage.areRefreshed(times: number) } }
            try await Task.sleep(for: plan.expiryInterval)
            try stage.simulator.expireAccessTokens()
        }
    }

    /// Kills a process while answers to its refreshes are on their way, and starts another in its place.
    private static func loseAnswers(
        of losers: [Person], notOf others: [Person], _ stage: LedgerStage
    ) async throws {
        let hold = stage.simulator.add(
            SimulatedFault(.hold, moment: .after, pathPrefix: "/services/oauth2/token"))
        try stage.simulator.expireAccessTokens()
        await stage.simulator.waitUntilHeld(losers.count + others.count, by: hold)
        try await stage.fleet.kill(0)
        stage.simulator.clear(hold)
        try await stage.eventually { try await stage.unsettled(among: others).isEmpty }
        try await stage.fleet.start(0)
    }

    /// The rights to refresh that a killed process leaves behind end 45 s later. Nobody waits for that here.
    private static func endLeases(_ stage: LedgerStage) async throws {
        try await stage.world.database.asSuperuser(
            """
            update oauth_tokens set lease_expires_at = clock_timestamp()
            where spending_since is not null and lease_expires_at > clock_timestamp()
            """)
    }

    // MARK: What was measured

    private static func report(_ title: String, _ tally: CallTally, _ stage: LedgerStage) {
        guard plan.isSoak else { return }
        let counters = stage.simulator.counters
        print(
            """
            Ledger soak. \(title): \(tally.answered.count) calls answered, \(tally.failureCount) failed \
            \(tally.failures), \(tally.cutOff) cut off, \(tally.putOff.values.reduce(0, +)) put off; \
            ms p50 \(tally.percentile(50)), p99 \(tally.percentile(99)), most \(tally.percentile(100)); \
            \(counters.refreshes) refreshes, \(counters.refreshTokenReuses) reuses.
            """)
    }

    private static func report(_ askings: [Person.Asking], of stage: LedgerStage, refreshedAtKills: Int) {
        print(
            """
            Ledger soak. \(refreshedAtKills) of \(stage.people.count) people had a refresh under way at a kill; \
            \(askings.filter(\.isOfLostAnswer).count) had to sign in again since the answer was lost, \
            \(askings.filter(\.isOfUnsentRequest).count) since it can't be known that Salesforce had not begun.
            """)
    }
}
