import Domain
import Foundation
import GatewayTesting
import Salesforce
import Secrets
import Testing

@testable import Access

/// Looks at an org's objects: with whose token, how often, and how long anybody waits.
@Suite struct ObjectDescriptionsTests {
    /// A process with somebody who is signed in, and an org that takes the tokens which live.
    private struct Start {
        let world: World
        let process: GatewayProcess
        let org: ScriptedDescribing
        let descriptions: ObjectDescriptions
        let user: User
        let tenant: Tenant
        let caller: Caller

        init(limits: AccessLimits = AccessLimits()) async throws {
            world = try World()
            (_, user) = try await world.makeCustomer()
            process = world.process(limits: limits)
            tenant = try await process.tenant()
            (caller, _) = try await process.signedIn(user, in: tenant, grant: world.salesforce.grant())
            org = ScriptedDescribing.org { [salesforce = world.salesforce] in salesforce.isAlive($0) }
            descriptions = ObjectDescriptions(context: process.context, ledger: process.ledger, describing: org)
        }

        var deadline: Date { world.clock.now.addingTimeInterval(10) }

        func look(at objects: String..., by other: Caller? = nil) async -> [String: ObjectSighting.Outcome] {
            await descriptions.look(at: objects, for: other ?? caller, until: deadline).mapValues(\.outcome)
        }

        func look(at object: String) async -> ObjectSighting.Outcome? { await look(at: object)[object] }

        var asked: [String] { org.questions.map(\.object) }
    }

    private static func name(_ outcome: ObjectSighting.Outcome?) -> String? {
        guard case .described(let object)? = outcome else { return nil }
        return object.name
    }

    /// Objects are seen with the person's own token, in any case of their names; one that is not there is missing.
    @Test func objectsAreSeen() async throws {
        let start = try await Start()
        let seen = await start.look(at: "account", "Opportunity", "Nothing__c")
        #expect(Self.name(seen["account"]) == "Account")
        #expect(Self.name(seen["Opportunity"]) == "Opportunity")
        #expect(seen["Nothing__c"] == .missing)
        let token = try await start.process.ledger.token(for: start.caller)
        #expect(Set(start.org.questions.map(\.token)) == [token.accessToken.exposed])
    }

    /// What was seen, or found missing, serves for five minutes, whatever the case, and says when it was seen.
    @Test func sightingsAreRemembered() async throws {
        let start = try await Start()
        let then = start.world.clock.now
        _ = await start.look(at: "Account", "Nothing__c")
        start.world.clock.advance(by: 299)
        let seen = await start.descriptions.look(
            at: ["ACCOUNT", "nothing__C"], for: start.caller, until: start.deadline)
        #expect(seen["ACCOUNT"]?.at == then)
        #expect(start.asked.count == 2)
        start.world.clock.advance(by: 1)
        _ = await start.look(at: "Account")
        #expect(start.asked.count == 3)
    }

    /// What one person sees is nobody else's.
    @Test func everybodySeesForThemselves() async throws {
        let start = try await Start()
        let other = start.world.fixtures.makeUser(
            in: start.tenant.id, email: "other@axonify.com", salesforceUserID: "0055g00000other")
        try await start.world.store.repositories.users.create(other)
        let (caller, _) = try await start.process.signedIn(
            other, in: start.tenant, grant: start.world.salesforce.grant())
        _ = await start.look(at: "Account")
        _ = await start.look(at: "Account", by: caller)
        #expect(start.asked == ["Account", "Account"])
        #expect(Set(start.org.questions.map(\.token)).count == 2)
    }

    /// However many look at the same object at once, it is asked for once.
    @Test func looksAreShared() async throws {
        let start = try await Start()
        start.org.answer("Account", with: .held(.missing))
        let outcomes = await withTaskGroup(of: ObjectSighting.Outcome?.self) { group in
            for _ in 0..<20 { group.addTask { await start.look(at: "Account") } }
            await start.org.waitForQuestions(1)
            start.org.release()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes == Array(repeating: .missing, count: 20))
        #expect(start.asked == ["Account"])
    }

    /// A dead session is refreshed, once for all objects, and the look is made again.
    @Test func deadSessionsAreRefreshed() async throws {
        let start = try await Start()
        start.world.salesforce.expireAccessTokens()
        let seen = try await start.process.serve { await start.look(at: "Account", "Opportunity", "Contact") }
        #expect(Set(seen.values.map(Self.name)) == ["Account", "Opportunity", "Contact"])
        #expect(start.world.salesforce.refreshCount == 1)
        // Who came when the refresh was done needed no second question.
        #expect((4...6).contains(start.asked.count))
    }

    /// A grant that is dead is said to be so, and is not asked about again by itself.
    @Test func deadGrantsAreSaid() async throws {
        let start = try await Start()
        start.world.salesforce.expireAccessTokens()
        start.world.salesforce.script(.refuse(SalesforceError(.expiredToken, status: 400)))
        let outcome = try await start.process.serve { await start.look(at: "Account") }
        #expect(outcome == .failed(.refused(.grantDead)))
    }

    /// An answer that can't be used is remembered for 15 s, so that nobody asks at each click.
    @Test(arguments: [SalesforceError.Code.unreachable, .tooLarge, .malformedAnswer, .badStatus])
    func failuresAreRememberedShortly(code: SalesforceError.Code) async throws {
        let start = try await Start()
        start.org.answer("Account", with: .failure(SalesforceError(code)))
        #expect(await start.look(at: "Account") == .failed(.unusable(code)))
        start.org.answer("Account", with: .missing)
        start.world.clock.advance(by: 14)
        #expect(await start.look(at: "Account") == .failed(.unusable(code)))
        #expect(start.asked.count == 1)
        start.world.clock.advance(by: 1)
        #expect(await start.look(at: "Account") == .missing)
    }

    /// Who has waited long enough goes on with what there is, and for 15 s nobody waits again.
    @Test func patienceEnds() async throws {
        let start = try await Start()
        start.org.answer("Account", with: .held(.missing))
        let seen = await withTaskGroup(of: [String: ObjectSighting.Outcome]?.self) { group in
            group.addTask { await start.look(at: "Account", "Opportunity") }
            group.addTask {
                await start.org.waitForQuestions(2)
                while start.world.sleeper.count == 0 { await Task.yield() }
                start.world.sleeper.advance(by: 10)
                return nil
            }
            return await group.reduce(into: [:]) { $0.merge($1 ?? [:]) { $1 } }
        }
        #expect(seen["Account"] == .failed(.tooSlow))
        #expect(Self.name(seen["Opportunity"]) == "Opportunity")
        #expect(await start.look(at: "Account") == .failed(.tooSlow))
        #expect(start.asked.count == 2)
    }

    /// A deadline that has passed asks nobody.
    @Test func lateLooksAskNobody() async throws {
        let start = try await Start()
        let seen = await start.descriptions.look(at: ["Account"], for: start.caller, until: start.world.clock.now)
        #expect(seen["Account"]?.outcome == .failed(.tooSlow))
        #expect(start.asked.isEmpty)
    }

    /// Whoever leaves takes the look along only if nobody else waits for it.
    @Test func leavingLeavesOthersTheLook() async throws {
        let start = try await Start()
        start.org.answer("Account", with: .held(.missing))
        let outcome = await withTaskGroup(of: ObjectSighting.Outcome?.self) { group in
            group.addTask {
                await withTaskGroup(of: Void.self) { first in
                    first.addTask { _ = await start.look(at: "Account") }
                    await start.org.waitForQuestions(1)
                    first.cancelAll()
                }
                return nil
            }
            await start.org.waitForQuestions(1)
            group.addTask { await start.look(at: "Account") }
            await start.org.waitForQuestions(2)
            start.org.release()
            return await group.reduce(into: nil) { $0 = $0 ?? $1 }
        }
        #expect(outcome == .missing)
    }

    /// One tenant's looks under way are bounded; one more is told to come again.
    @Test func looksUnderWayAreBounded() async throws {
        var limits = AccessLimits()
        limits.describesPerTenantMax = 1
        let start = try await Start(limits: limits)
        start.org.answer("Account", with: .held(.missing))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { _ = await start.look(at: "Account") }
            await start.org.waitForQuestions(1)
            let full = await start.look(at: "Opportunity")
            #expect(full == .failed(.refused(.unavailable(.overloaded, retryAfterSeconds: 2))))
            start.org.release()
        }
        #expect(Self.name(await start.look(at: "Opportunity")) == "Opportunity")
    }

    /// Every failure has words for people, and none of them an address or a token.
    @Test func failuresHaveWords() {
        for code in SalesforceError.Code.all {
            let words = DescribeFailure.unusable(code).words
            #expect(words.hasSuffix("."), "\(code)")
        }
        #expect(DescribeFailure.tooSlow.words == "Salesforce did not answer in time.")
        #expect(DescribeFailure.refused(.grantDead).words == GatewayError.grantDead.message)
    }
}
