import Domain
import Foundation
import GatewayTesting
import Salesforce
import Secrets
import Testing

@testable import Access

/// Two gateway processes on one database and one Salesforce, whose refresh tokens are good once.
@Suite struct TwoProcessesTests {
    private struct Pair {
        let world: World
        let first: GatewayProcess
        let second: GatewayProcess
        let user: User
        /// The same person at each process.
        let callers: [Caller]
        let dead: LiveToken
    }

    private func start(rotates: Bool = true, knownToRotate: Bool? = nil) async throws -> Pair {
        let world = try World(rotates: rotates)
        let (customer, user) = try await world.makeCustomer()
        if knownToRotate ?? rotates { world.store.updateCustomer(customer.id) { $0.rotatesRefreshTokens = true } }
        let processes = [world.process(), world.process()]
        var callers: [Caller] = []
        for process in processes {
            let grant = callers.isEmpty ? world.salesforce.grant() : nil
            callers.append(try await process.signedIn(user, in: try await process.tenant(), grant: grant).caller)
        }
        let dead = try await processes[0].ledger.token(for: callers[0])
        let same = try await processes[1].ledger.token(for: callers[1])
        #expect(same.version == dead.version)
        return Pair(
            world: world, first: processes[0], second: processes[1], user: user, callers: callers, dead: dead)
    }

    private func serve(_ pair: Pair, _ body: () async throws -> Void) async throws {
        try await pair.first.serve { try await pair.second.serve { try await body() } }
    }

    private func refresh(_ pair: Pair, at index: Int) async throws -> LiveToken {
        let process = index == 0 ? pair.first : pair.second
        return try await process.ledger.token(after: pair.dead, for: pair.callers[index])
    }

    /// Sixty calls at two processes on a dead token make one refresh, and all get its successor.
    @Test(arguments: [true, false]) func oneRefreshForAll(rotates: Bool) async throws {
        let pair = try await start(rotates: rotates)
        try await serve(pair) {
            let versions = try await withThrowingTaskGroup(of: Int64.self) { group in
                for index in 0..<60 { group.addTask { try await refresh(pair, at: index % 2).version } }
                return try await group.reduce(into: [Int64]()) { $0.append($1) }
            }
            #expect(versions == Array(repeating: 2, count: 60))
        }
        #expect(pair.world.salesforce.refreshCount == 1)
        #expect(pair.world.salesforce.reuseCount == 0)
    }

    /// While one process refreshes, the other does not ask Salesforce, however long that takes within the lease.
    @Test func otherProcessWaits() async throws {
        let pair = try await start()
        let gate = Gate()
        pair.world.salesforce.script(.hold(gate))
        try await serve(pair) {
            async let first = refresh(pair, at: 0)
            await gate.waitForArrivals()
            let before = pair.world.store.operationCount
            async let second = refresh(pair, at: 1)
            while pair.world.store.operationCount < before + 10 { await Task.yield() }
            #expect(pair.world.salesforce.refreshCount == 1)
            gate.open()
            let versions = try await [first.version, second.version]
            #expect(versions == [2, 2])
        }
        #expect(pair.world.salesforce.refreshCount == 1)
    }

    /// Many expiries in a row, refreshed by whoever comes first: never a spent token shown, one refresh each.
    @Test func manyExpiries() async throws {
        let pair = try await start()
        try await serve(pair) {
            var dead = pair.dead
            for _ in 0..<20 {
                let known = dead
                let tokens = try await withThrowingTaskGroup(of: LiveToken.self) { group in
                    for index in 0..<10 {
                        let process = index % 2 == 0 ? pair.first : pair.second
                        group.addTask {
                            try await process.ledger.token(after: known, for: pair.callers[index % 2])
                        }
                    }
                    return try await group.reduce(into: [LiveToken]()) { $0.append($1) }
                }
                #expect(Set(tokens.map(\.version)) == [known.version + 1])
                dead = try #require(tokens.first)
                if known.version % 3 == 0 { await pair.second.follower.pollOnce() }
            }
        }
        #expect(pair.world.salesforce.refreshCount == 20)
        #expect(pair.world.salesforce.reuseCount == 0)
    }

    // MARK: In doubt

    /// A lost answer of an org that is known to rotate: the refresh token is not shown again, the person signs in anew.
    @Test func doubtWithRotation() async throws {
        let pair = try await start()
        pair.world.salesforce.script(.loseAnswer(SalesforceError(.brokenOff)))
        try await serve(pair) {
            let error1 = await gatewayError { try await refresh(pair, at: 0) }
            #expect(error1 == .unavailable(.refreshPending, retryAfterSeconds: 2))
            let error2 = await gatewayError { try await refresh(pair, at: 1) }
            #expect(error2 == .grantDead)
        }
        #expect(pair.world.salesforce.refreshCount == 1)
        #expect(pair.world.salesforce.reuseCount == 0)
        #expect(try await pair.world.grant(of: pair.user)?.deadReason == "in_doubt")
        #expect(pair.world.auditCount(.grantInDoubt) == 1)
        #expect(pair.world.auditCount(.grantDied) == 1)
    }

    /// A lost answer of an org that was never seen to rotate: it is asked once more, on record.
    @Test func doubtWithoutRotation() async throws {
        let pair = try await start(rotates: false)
        pair.world.salesforce.script(.loseAnswer(SalesforceError(.timeout)))
        try await serve(pair) {
            let error3 = await gatewayError { try await refresh(pair, at: 0) }
            #expect(error3?.errorCode == "SERVER_UNAVAILABLE")
            let token = try await refresh(pair, at: 1)
            #expect(token.version == 2)
        }
        #expect(pair.world.salesforce.refreshCount == 2)
        #expect(pair.world.auditCount(.grantInDoubt) == 1)
        #expect(try await pair.world.grant(of: pair.user)?.spendingSince == nil)
    }

    /// Asked once more, and the answer lost again: given up.
    @Test func doubtTwice() async throws {
        let pair = try await start(rotates: false)
        let lost = ScriptedSalesforce.Step.loseAnswer(SalesforceError(.timeout))
        pair.world.salesforce.script(lost, lost)
        try await serve(pair) {
            for _ in 0..<2 {
                let error4 = await gatewayError { try await refresh(pair, at: 0) }
                #expect(error4?.errorCode == "SERVER_UNAVAILABLE")
                pair.world.clock.advance(by: 60)
            }
            let error5 = await gatewayError { try await refresh(pair, at: 0) }
            #expect(error5 == .grantDead)
        }
        #expect(pair.world.salesforce.refreshCount == 2)
        #expect(try await pair.world.grant(of: pair.user)?.deadReason == "in_doubt")
    }

    /// Asked once more by one process, which dies of it: no other asks again.
    @Test func doubtIsAskedOnceByAll() async throws {
        let pair = try await start(rotates: false)
        let lost = ScriptedSalesforce.Step.loseAnswer(SalesforceError(.timeout))
        pair.world.salesforce.script(lost, lost)
        try await serve(pair) {
            _ = await gatewayError { try await refresh(pair, at: 0) }
            let error7 = await gatewayError { try await refresh(pair, at: 1) }
            #expect(error7?.errorCode == "SERVER_UNAVAILABLE")
            pair.world.clock.advance(by: 60)
            let error8 = await gatewayError { try await refresh(pair, at: 0) }
            #expect(error8 == .grantDead)
        }
        #expect(pair.world.salesforce.refreshCount == 2)
    }

    /// A deliberate question that provably was not heard was none.
    @Test func doubtThatWasNotHeardIsAskedAgain() async throws {
        let pair = try await start(rotates: false)
        pair.world.salesforce.script(
            .loseAnswer(SalesforceError(.timeout)),
            .refuse(SalesforceError(.unreachable, requestMayHaveBeenSent: false)))
        try await serve(pair) {
            _ = await gatewayError { try await refresh(pair, at: 0) }
            let error9 = await gatewayError { try await refresh(pair, at: 1) }
            #expect(error9?.errorCode == "SERVER_UNAVAILABLE")
            pair.world.clock.advance(by: 60)
            let token = try await refresh(pair, at: 0)
            #expect(token.version == 2)
        }
        #expect(pair.world.salesforce.refreshCount == 3)
    }

    /// The holder before lives, with a successor that it could not store in time: whoever finds the doubt waits for it.
    @Test func doubtWaitsForASuccessor() async throws {
        let pair = try await start()
        let grants = pair.world.store.repositories.grants
        guard
            case .given(let holder) = try await grants.acquireLease(
                pair.dead.grantID, in: pair.user.customerID, for: .seconds(45))
        else { throw Missing() }
        #expect(try await grants.beginSpending(holder, in: pair.user.customerID, for: .zero))
        var row = holder.token
        try row.updateTokens(
            accessToken: Secret("00D5g000008fixt!late"), refreshToken: Secret("5Aep861late"),
            sealedWith: pair.callers[0].tenant.dataKey, at: pair.world.clock.now)
        let successor = row
        let sleeper = pair.world.sleeper
        let process = pair.world.process(sleep: { duration in
            try await sleeper.sleep(duration)
            _ = try await grants.storeSuccessor(successor, succeeding: holder.token.version)
        })
        let (caller, _) = try await process.signedIn(pair.user, in: try await process.tenant())
        try await process.serve {
            let token = try await process.ledger.token(after: pair.dead, for: caller)
            #expect(token.accessToken == Secret("00D5g000008fixt!late"))
        }
        #expect(pair.world.salesforce.refreshCount == 0)
        #expect(pair.world.auditCount(.grantDied) == 0)
    }

    /// An org that rotates, which nobody knew: the one deliberate try finds it out, and the person signs in anew.
    @Test func doubtFindsRotationOut() async throws {
        let pair = try await start(rotates: true, knownToRotate: false)
        pair.world.salesforce.script(.loseAnswer(SalesforceError(.brokenOff)))
        try await serve(pair) {
            _ = await gatewayError { try await refresh(pair, at: 0) }
            let error6 = await gatewayError { try await refresh(pair, at: 1) }
            #expect(error6 == .grantDead)
        }
        #expect(pair.world.salesforce.refreshCount == 2)
        #expect(try await pair.world.grant(of: pair.user)?.deadReason == "expired_token")
    }

    /// In doubt, but the access token lives: it is used, and nobody is asked.
    @Test func doubtWithALivingToken() async throws {
        let pair = try await start()
        pair.world.salesforce.script(.loseAnswer(SalesforceError(.brokenOff)))
        try await serve(pair) {
            _ = await gatewayError { try await refresh(pair, at: 0) }
            pair.world.clock.advance(by: OAuthToken.defaultLifetime)
            for _ in 0..<3 {
                let token = try await pair.second.ledger.token(for: pair.callers[1])
                #expect(token.version == 1)
                pair.world.clock.advance(by: 60)
            }
        }
        #expect(pair.world.salesforce.refreshCount == 1)
        #expect(try await pair.world.grant(of: pair.user)?.deadReason == nil)
        #expect(try await pair.world.grant(of: pair.user)?.spendingSince != nil)
    }

    /// A process that dies with the lease: calls elsewhere are told to wait, until the lease is over and the doubt
    /// shows.
    @Test func crashWithTheLease() async throws {
        let pair = try await start(rotates: false)
        let grants = pair.world.store.repositories.grants
        guard
            case .given(let lease) = try await grants.acquireLease(
                pair.dead.grantID, in: pair.user.customerID, for: .seconds(45))
        else { throw Missing() }
        #expect(try await grants.beginSpending(lease, in: pair.user.customerID, for: .seconds(45)))
        try await serve(pair) {
            async let error = gatewayError { try await refresh(pair, at: 1) }
            while pair.world.sleeper.count == 0 { await Task.yield() }
            pair.world.sleeper.advance(by: 21)
            #expect(await error == .unavailable(.refreshPending, retryAfterSeconds: 2))
            #expect(pair.world.salesforce.refreshCount == 0)
            pair.world.sleeper.advance(by: 40)
            let token = try await refresh(pair, at: 1)
            #expect(token.version == 2)
        }
        #expect(pair.world.auditCount(.grantInDoubt) == 1)
    }

    /// A holder whose lease ran out before it marked the row sends nothing.
    @Test func lateHolderSendsNothing() async throws {
        let pair = try await start()
        let grants = pair.world.store.repositories.grants
        guard
            case .given(let lease) = try await grants.acquireLease(
                pair.dead.grantID, in: pair.user.customerID, for: .seconds(45))
        else { throw Missing() }
        pair.world.clock.advance(by: 46)
        try await serve(pair) {
            let token = try await refresh(pair, at: 1)
            #expect(token.version == 2)
        }
        #expect(try await !grants.beginSpending(lease, in: pair.user.customerID, for: .seconds(45)))
        #expect(pair.world.salesforce.refreshCount == 1)
    }

    /// A successor that comes after the lease is over is valid, and is kept: it even revives what was given up
    /// meanwhile.
    @Test func lateSuccessorIsKept() async throws {
        let pair = try await start()
        let gate = Gate()
        pair.world.salesforce.script(.hold(gate))
        try await serve(pair) {
            async let late = gatewayError { try await refresh(pair, at: 0) }
            await gate.waitForArrivals()
            pair.world.clock.advance(by: 56)
            let error7 = await gatewayError { try await refresh(pair, at: 1) }
            #expect(error7 == .grantDead)
            gate.open()
            #expect(await late == nil)
            await pair.second.follower.pollOnce()
            let token = try await pair.second.ledger.token(for: pair.callers[1])
            #expect(token.version == 2)
        }
        #expect(pair.world.salesforce.refreshCount == 1)
        #expect(try await pair.world.grant(of: pair.user)?.deadReason == nil)
    }

    /// A refresh that a sign-in overtakes leaves the sign-in's grant in place and no stray one at Salesforce.
    @Test func signInOvertakesARefresh() async throws {
        let pair = try await start()
        let gate = Gate()
        pair.world.salesforce.script(.hold(gate))
        let answer = pair.world.salesforce.grant()
        try await serve(pair) {
            async let first = refresh(pair, at: 0)
            await gate.waitForArrivals()
            let tenant = try await pair.second.tenant()
            try await pair.second.ledger.adopt(answer, user: pair.user, in: tenant)
            gate.open()
            let token = try await first
            #expect(token.accessToken == answer.accessToken)
        }
        #expect(try await pair.world.grant(of: pair.user)?.version == 2)
        // The replaced token (revoked by the sign-in) and the refresh's successor, if it still got one.
        #expect(pair.world.salesforce.revokedTokens.contains("5Aep.refresh.1"))
        #expect(pair.world.salesforce.isAlive(answer.accessToken))
        #expect(pair.world.salesforce.reuseCount == 0)
    }

    /// "Already being processed": the other's successor is waited for.
    @Test func alreadyBeingProcessed() async throws {
        let pair = try await start()
        pair.world.salesforce.script(.refuse(SalesforceError(.alreadyBeingProcessed, status: 400)))
        try await serve(pair) {
            async let error = gatewayError { try await refresh(pair, at: 0) }
            while pair.world.salesforce.refreshCount < 1 { await Task.yield() }
            let second = try await refresh(pair, at: 1)
            #expect(second.version == 2)
            #expect(await error == nil)
            let first = try await pair.first.ledger.token(for: pair.callers[0])
            #expect(first.version == 2)
        }
        #expect(pair.world.salesforce.reuseCount == 0)
    }
}
