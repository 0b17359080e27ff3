import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Salesforce
import Secrets
import Testing

@testable import Access

/// The ledger of one process, over an in-memory database and a Salesforce that counts.
@Suite struct TokenLedgerTests {
    /// A tenant, somebody of it with a grant and a session, and the token in use.
    private struct Start {
        let world: World
        let process: GatewayProcess
        let tenant: Tenant
        let user: User
        let caller: Caller
        let answer: TokenAnswer
    }

    private func start(rotates: Bool = true, limits: AccessLimits = AccessLimits()) async throws -> Start {
        let world = try World(rotates: rotates)
        let (_, user) = try await world.makeCustomer()
        let process = world.process(limits: limits)
        let tenant = try await process.tenant()
        let answer = world.salesforce.grant()
        let (caller, _) = try await process.signedIn(user, in: tenant, grant: answer)
        return Start(world: world, process: process, tenant: tenant, user: user, caller: caller, answer: answer)
    }

    /// A sign-in's token is the one in use, sealed in the row.
    @Test func adoptedTokenIsUsed() async throws {
        let start = try await start()
        let token = try await start.process.ledger.token(for: start.caller)
        #expect(token.accessToken == start.answer.accessToken)
        #expect(start.process.ledger.isCurrent(token))
        let row = try #require(try await start.world.grant(of: start.user))
        #expect(try row.decryptedAccessToken(with: start.tenant.dataKey) == start.answer.accessToken)
        #expect(try row.decryptedRefreshToken(with: start.tenant.dataKey) == start.answer.refreshToken)
        #expect(!row.accessToken.bytes.starts(with: Array(start.answer.accessToken.exposed.utf8)))
    }

    /// A dead token is answered by one refresh, whose successor is stored before it is used.
    @Test func deadTokenIsRefreshed() async throws {
        let start = try await start()
        try await start.process.serve {
            let dead = try await start.process.ledger.token(for: start.caller)
            let token = try await start.process.ledger.token(after: dead, for: start.caller)
            #expect(token.version == dead.version + 1)
            #expect(start.world.salesforce.isAlive(token.accessToken))
            #expect(!start.process.ledger.isCurrent(dead))
            let row = try #require(try await start.world.grant(of: start.user))
            #expect(row.version == token.version)
            #expect(row.spendingSince == nil && row.leaseExpiresAt == nil)
            #expect(try row.decryptedAccessToken(with: start.tenant.dataKey) == token.accessToken)
        }
        #expect(start.world.salesforce.refreshCount == 1)
        #expect(start.world.auditCount(.grantRefreshed) == 1)
    }

    /// Two cycles in a row work with rotation: each spends the successor of the last.
    @Test(arguments: [true, false]) func consecutiveRefreshes(rotates: Bool) async throws {
        let start = try await start(rotates: rotates)
        try await start.process.serve {
            var token = try await start.process.ledger.token(for: start.caller)
            for _ in 0..<3 { token = try await start.process.ledger.token(after: token, for: start.caller) }
            #expect(token.version == 4)
        }
        #expect(start.world.salesforce.refreshCount == 3)
        #expect(start.world.salesforce.reuseCount == 0)
        let customer = try await start.world.store.repositories.customers.customer(id: start.tenant.id)
        #expect(customer?.rotatesRefreshTokens == rotates)
    }

    /// However many calls ask, one refresh is made.
    @Test func manyCallsMakeOneRefresh() async throws {
        let start = try await start()
        try await start.process.serve {
            let dead = try await start.process.ledger.token(for: start.caller)
            let gate = Gate()
            start.world.salesforce.script(.hold(gate))
            let versions = try await withThrowingTaskGroup(of: Int64.self) { group in
                for _ in 0..<60 {
                    group.addTask {
                        try await start.process.ledger.token(after: dead, for: start.caller).version
                    }
                }
                await gate.waitForArrivals()
                gate.open()
                return try await group.reduce(into: Set<Int64>()) { $0.insert($1) }
            }
            #expect(versions == [dead.version + 1])
        }
        #expect(start.world.salesforce.refreshCount == 1)
    }

    /// A call that is given up leaves the refresh running, and its successor is stored.
    @Test func refreshOutlivesItsCaller() async throws {
        let start = try await start()
        try await start.process.serve {
            let dead = try await start.process.ledger.token(for: start.caller)
            let gate = Gate()
            start.world.salesforce.script(.hold(gate))
            let call = Task { try await start.process.ledger.token(after: dead, for: start.caller) }
            await gate.waitForArrivals()
            call.cancel()
            let error1 = await gatewayError { try await call.value }
            #expect(error1 == .unavailable(.refreshPending, retryAfterSeconds: 2))
            gate.open()
        }
        #expect(try await start.world.grant(of: start.user)?.version == 2)
        #expect(start.world.salesforce.reuseCount == 0)
    }

    /// A call waits for a refresh no longer than it is told to.
    @Test func waitIsBounded() async throws {
        let start = try await start()
        try await start.process.serve {
            let dead = try await start.process.ledger.token(for: start.caller)
            let gate = Gate()
            start.world.salesforce.script(.hold(gate))
            async let error = gatewayError {
                try await start.process.ledger.token(after: dead, for: start.caller)
            }
            await gate.waitForArrivals()
            while start.world.sleeper.count == 0 { await Task.yield() }
            start.world.sleeper.advance(by: 21)
            #expect(await error == .unavailable(.refreshPending, retryAfterSeconds: 2))
            gate.open()
        }
    }

    /// A token that is expiring soon is used at once, and renewed behind the call's back.
    @Test func renewalAheadOfTime() async throws {
        let start = try await start()
        try await start.process.serve {
            start.world.clock.advance(by: OAuthToken.defaultLifetime - 60)
            let gate = Gate()
            start.world.salesforce.script(.hold(gate))
            for _ in 0..<10 {
                let token = try await start.process.ledger.token(for: start.caller)
                #expect(token.version == 1)
            }
            await gate.waitForArrivals()
            gate.open()
        }
        #expect(start.world.salesforce.refreshCount == 1)
        #expect(try await start.process.ledger.token(for: start.caller).version == 2)
    }

    /// The estimate of a token's end refuses no call: not even where no refresh succeeds.
    @Test func estimateNeverRefuses() async throws {
        let start = try await start()
        try await start.process.serve {
            start.world.clock.advance(by: OAuthToken.defaultLifetime * 3)
            start.world.salesforce.script(.refuse(SalesforceError(.unreachable, requestMayHaveBeenSent: false)))
            let token = try await start.process.ledger.token(for: start.caller)
            #expect(token.version == 1)
        }
        #expect(try await start.process.ledger.token(for: start.caller).version == 1)
    }

    /// A dead grant is found out by one POST; a thousand calls later it is still one.
    @Test func deadGrantIsRemembered() async throws {
        let start = try await start()
        try await start.process.serve {
            let dead = try await start.process.ledger.token(for: start.caller)
            start.world.salesforce.script(.refuse(SalesforceError(.expiredToken, status: 400)))
            for _ in 0..<1_000 {
                let error2 = await gatewayError { try await start.process.ledger.token(after: dead, for: start.caller) }
                #expect(error2 == .grantDead)
            }
            let error3 = await gatewayError { try await start.process.ledger.token(for: start.caller) }
            #expect(error3 == .grantDead)
            await start.process.follower.pollOnce()
            let error4 = await gatewayError { try await start.process.ledger.token(for: start.caller) }
            #expect(error4 == .grantDead)
        }
        #expect(start.world.salesforce.refreshCount == 1)
        #expect(try await start.world.grant(of: start.user)?.deadReason == "expired_token")
        #expect(try await start.process.sessions.sessions(of: start.user.id, in: start.tenant).isEmpty)
        #expect(start.world.auditCount(.grantDied) == 1)
    }

    /// Who signs in again at one process is let in by another that looked a moment ago, when the grant was still dead,
    /// and has heard nothing since.
    @Test func signingInIsBelievedAtOnce() async throws {
        let start = try await start()
        let other = start.world.process()
        await other.follower.pollOnce()
        let tenant = try await other.tenant()
        let former = Caller(
            tenant: tenant, credential: start.caller.credential, lastUsedAt: start.caller.lastUsedAt, slot: .cookie)
        try await start.process.serve {
            let dead = try await start.process.ledger.token(for: start.caller)
            start.world.salesforce.script(.refuse(SalesforceError(.inactiveUser, status: 400)))
            _ = await gatewayError { try await start.process.ledger.token(after: dead, for: start.caller) }
            start.world.clock.advance(by: 60)
            for _ in 0..<2 { #expect(await gatewayError { try await other.ledger.token(for: former) } == .grantDead) }
            let answer = start.world.salesforce.grant()
            try await start.process.ledger.adopt(answer, user: start.user, in: start.tenant)
            let (cookie, _) = try await start.process.sessions.start(user: start.user, in: start.tenant)
            let headers: HTTPFields = [.cookie: "\(other.sessions.cookieName)=\(cookie.exposed)"]
            let caller = try await other.sessions.identify(headers: headers, query: nil, in: tenant)
            #expect(try await other.ledger.token(for: caller).accessToken == answer.accessToken)
        }
    }

    /// Signing in again revives a dead grant, in this process at once and in another through the feed.
    @Test func signingInRevives() async throws {
        let start = try await start()
        let other = start.world.process()
        await other.follower.pollOnce()
        let otherTenant = try await other.tenant()
        try await start.process.serve {
            let dead = try await start.process.ledger.token(for: start.caller)
            start.world.salesforce.script(.refuse(SalesforceError(.inactiveUser, status: 400)))
            _ = await gatewayError { try await start.process.ledger.token(after: dead, for: start.caller) }
            let caller = Caller(
                tenant: otherTenant, credential: start.caller.credential, lastUsedAt: start.caller.lastUsedAt,
                slot: .cookie)
            let error5 = await gatewayError { try await other.ledger.token(for: caller) }
            #expect(error5 == .grantDead)
            let answer = start.world.salesforce.grant()
            try await start.process.ledger.adopt(answer, user: start.user, in: start.tenant)
            #expect(try await start.process.ledger.token(for: start.caller).accessToken == answer.accessToken)
            await other.follower.pollOnce()
            #expect(try await other.ledger.token(for: caller).accessToken == answer.accessToken)
        }
    }

    /// Signed in again at another process, of which the feed has not told yet: another look at the row finds it out, at
    /// most once a second.
    @Test func signingInElsewhereRevives() async throws {
        let start = try await start()
        try await start.process.serve {
            let dead = try await start.process.ledger.token(for: start.caller)
            start.world.salesforce.script(.refuse(SalesforceError(.expiredToken, status: 400)))
            let error = await gatewayError { try await start.process.ledger.token(after: dead, for: start.caller) }
            #expect(error == .grantDead)
            // This session is not one that was begun just now.
            start.world.clock.advance(by: 60)
            _ = await gatewayError { try await start.process.ledger.token(for: start.caller) }
            let other = start.world.process()
            let answer = start.world.salesforce.grant()
            try await other.ledger.adopt(answer, user: start.user, in: start.tenant)
            let before = start.world.store.operationCount
            for _ in 0..<10 {
                let error = await gatewayError { try await start.process.ledger.token(for: start.caller) }
                #expect(error == .grantDead)
            }
            #expect(start.world.store.operationCount == before)
            start.world.clock.advance(by: 1)
            #expect(try await start.process.ledger.token(for: start.caller).accessToken == answer.accessToken)
        }
    }

    /// A user without a grant who signs in at another process is known here after the next poll.
    @Test func firstGrantArrivesThroughTheFeed() async throws {
        let world = try World()
        let (_, user) = try await world.makeCustomer()
        let (here, there) = (world.process(), world.process())
        await here.follower.pollOnce()
        let (caller, _) = try await here.signedIn(user, in: try await here.tenant())
        let error6 = await gatewayError { try await here.ledger.token(for: caller) }
        #expect(error6 == .grantDead)
        let answer = world.salesforce.grant()
        try await there.ledger.adopt(answer, user: user, in: try await there.tenant())
        await here.follower.pollOnce()
        #expect(try await here.ledger.token(for: caller).accessToken == answer.accessToken)
    }

    /// One treatment for each class of failure; the row stays as it was where nothing was spent.
    @Test(arguments: [
        (SalesforceError(.unreachable, requestMayHaveBeenSent: false), "SERVER_UNAVAILABLE", true),
        (SalesforceError(.rateLimited, status: 400), "SERVER_UNAVAILABLE", true),
        (SalesforceError(.badStatus, status: 503), "SERVER_UNAVAILABLE", true),
        (SalesforceError(.badStatus, status: 502), "SERVER_UNAVAILABLE", false),
        (SalesforceError(.timeout), "SERVER_UNAVAILABLE", false),
        (SalesforceError(.invalidClient, status: 400), "SALESFORCE_CLIENT_REJECTED", true),
        (SalesforceError(.invalidClientID, status: 400), "SALESFORCE_CLIENT_REJECTED", true),
        (SalesforceError(.appNotInstalled, status: 400), "SALESFORCE_ACCESS_DENIED", true),
        (SalesforceError(.ipRestricted, status: 400), "SALESFORCE_ACCESS_DENIED", true),
        (SalesforceError(.unsupportedGrantType, status: 400), "INTERNAL_ERROR", true),
    ])
    func failureClasses(error: SalesforceError, code: String, isUnspent: Bool) async throws {
        let start = try await start()
        try await start.process.serve {
            let dead = try await start.process.ledger.token(for: start.caller)
            start.world.salesforce.script(.refuse(error))
            let answers = [
                await gatewayError { try await start.process.ledger.token(after: dead, for: start.caller) },
                await gatewayError { try await start.process.ledger.token(after: dead, for: start.caller) },
            ]
            #expect(answers.map { $0?.errorCode } == [code, code])
        }
        #expect(start.world.salesforce.refreshCount == 1)
        let row = try #require(try await start.world.grant(of: start.user))
        #expect((row.spendingSince == nil) == isUnspent)
        #expect(row.leaseExpiresAt == nil)
        #expect(row.deadReason == nil)
        #expect(try await start.process.sessions.sessions(of: start.user.id, in: start.tenant).count == 1)
    }

    /// After a failure that passes, the next call after the rest refreshes.
    @Test func passingFailureIsRetriedAfterARest() async throws {
        let start = try await start()
        try await start.process.serve {
            let dead = try await start.process.ledger.token(for: start.caller)
            start.world.salesforce.script(.refuse(SalesforceError(.unreachable, requestMayHaveBeenSent: false)))
            _ = await gatewayError { try await start.process.ledger.token(after: dead, for: start.caller) }
            start.world.clock.advance(by: 2)
            #expect(try await start.process.ledger.token(after: dead, for: start.caller).version == 2)
        }
        #expect(start.world.salesforce.refreshCount == 2)
    }

    /// A refused client secret is remembered for all of the tenant's users, until it is changed.
    @Test func wrongClientIsTheTenants() async throws {
        let start = try await start()
        let colleague = start.world.fixtures.makeUser(
            in: start.tenant.id, email: "b@axonify.com", salesforceUserID: "0055g00000fixt2")
        try await start.world.store.repositories.users.create(colleague)
        let answer = start.world.salesforce.grant(to: ScriptedSalesforce.Person(userID: "0055g00000fixt2"))
        let (other, _) = try await start.process.signedIn(colleague, in: start.tenant, grant: answer)
        try await start.process.serve {
            let dead = try await start.process.ledger.token(for: start.caller)
            let otherDead = try await start.process.ledger.token(for: other)
            start.world.salesforce.script(.refuse(SalesforceError(.invalidClient, status: 400)))
            let error7 = await gatewayError { try await start.process.ledger.token(after: dead, for: start.caller) }
            #expect(error7 == .clientRejected)
            let error8 = await gatewayError { try await start.process.ledger.token(after: otherDead, for: other) }
            #expect(error8 == .clientRejected)
            #expect(start.world.salesforce.refreshCount == 1)
            start.process.ledger.didChange(customer: start.tenant.id.rawValue)
            #expect(try await start.process.ledger.token(after: dead, for: start.caller).version == 2)
            #expect(try await start.process.ledger.token(after: otherDead, for: other).version == 2)
        }
    }

    /// An answer of another org quarantines the grant, and what came is revoked.
    @Test func foreignOrganizationQuarantines() async throws {
        let start = try await start()
        try await start.process.serve {
            let dead = try await start.process.ledger.token(for: start.caller)
            start.world.salesforce.answer(as: ScriptedSalesforce.Person(organizationID: "00D5g000008othr"))
            let error9 = await gatewayError { try await start.process.ledger.token(after: dead, for: start.caller) }
            #expect(error9 == .grantDead)
        }
        #expect(try await start.world.grant(of: start.user)?.deadReason == "foreign_organization")
        #expect(start.world.salesforce.revokedTokens.count == 1)
    }

    /// Where the org moves to another instance, its users' calls follow.
    @Test func instanceMoves() async throws {
        let start = try await start()
        let moved = try start.world.hosts.instance("https://axonify2.my.salesforce.com")
        try await start.process.serve {
            let dead = try await start.process.ledger.token(for: start.caller)
            start.world.salesforce.move(to: moved)
            #expect(try await start.process.ledger.token(after: dead, for: start.caller).instance == moved)
        }
        #expect(try await start.world.grant(of: start.user)?.instanceURL == moved.description)
    }

    /// Where the org moves to a host that may not be called, its users go on where it was; nothing is lost, and once
    /// the host is allowed they follow.
    @Test func instanceMovesToAForeignHost() async throws {
        let start = try await start()
        let former = start.answer.instanceURL
        let moved = try start.world.hosts.instance("https://axonify2.my.salesforce.com")
        try await start.process.serve {
            var token = try await start.process.ledger.token(for: start.caller)
            start.world.salesforce.move(toForeignHost: "axonify.example")
            for _ in 0..<2 {
                token = try await start.process.ledger.token(after: token, for: start.caller)
                #expect(token.instance == former)
            }
            start.world.salesforce.move(toForeignHost: nil)
            start.world.salesforce.move(to: moved)
            #expect(try await start.process.ledger.token(after: token, for: start.caller).instance == moved)
        }
        #expect(start.world.salesforce.refreshCount == 3)
        #expect(start.world.salesforce.reuseCount == 0)
    }

    /// A grant without a refresh token dies with its access token.
    @Test func withoutRefreshToken() async throws {
        let start = try await start()
        let bare = TokenAnswer(
            accessToken: Secret("00D5g000008fixt!bare"), refreshToken: nil, instanceURL: start.answer.instanceURL,
            identity: start.answer.identity, issuedAt: start.world.clock.now, scope: "api")
        try await start.process.serve {
            try await start.process.ledger.adopt(bare, user: start.user, in: start.tenant)
            let token = try await start.process.ledger.token(for: start.caller)
            let error10 = await gatewayError { try await start.process.ledger.token(after: token, for: start.caller) }
            #expect(error10 == .grantDead)
        }
        #expect(start.world.salesforce.refreshCount == 0)
        #expect(try await start.world.grant(of: start.user)?.deadReason == "no_refresh_token")
    }

    /// Signing in again revokes the grant that it replaces, and only that.
    @Test func replacedGrantIsRevoked() async throws {
        let start = try await start()
        try await start.process.serve {
            try await start.process.ledger.adopt(
                start.world.salesforce.grant(), user: start.user, in: start.tenant)
        }
        #expect(start.world.salesforce.revokedTokens == [start.answer.refreshToken?.exposed])
        let token = try await start.process.ledger.token(for: start.caller)
        #expect(start.world.salesforce.isAlive(token.accessToken))
    }

    /// Revoking deletes the grant even where Salesforce can't be told.
    @Test(arguments: [nil, SalesforceError(.unreachable, requestMayHaveBeenSent: false)])
    func revoking(error: SalesforceError?) async throws {
        let start = try await start()
        start.world.salesforce.failRevocations(error)
        try await start.process.ledger.revoke(user: start.user.id, in: start.tenant)
        #expect(start.world.salesforce.revokedTokens == [start.answer.refreshToken?.exposed])
        #expect(try await start.world.grant(of: start.user) == nil)
        let error11 = await gatewayError { try await start.process.ledger.token(for: start.caller) }
        #expect(error11 == .grantDead)
        #expect(start.world.auditCount(.grantRevoked) == 1)
    }

    // MARK: The database away

    /// The database away before the POST: nothing is spent, and it works when it is back.
    @Test func databaseAwayBeforeSpending() async throws {
        let start = try await start()
        try await start.process.serve {
            let dead = try await start.process.ledger.token(for: start.caller)
            start.world.store.isAvailable = false
            let error12 = await gatewayError { try await start.process.ledger.token(after: dead, for: start.caller) }
            #expect(error12 == .unavailable(.databaseAway, retryAfterSeconds: 2))
            #expect(start.world.salesforce.refreshCount == 0)
            #expect(start.process.ledger.isCurrent(dead))
            start.world.store.isAvailable = true
            start.world.clock.advance(by: 2)
            #expect(try await start.process.ledger.token(after: dead, for: start.caller).version == 2)
        }
        #expect(start.world.salesforce.refreshCount == 1)
    }

    /// The database away when the successor is to be stored: nobody gets it before it is stored, and it is not lost.
    @Test func databaseAwayAtStoring() async throws {
        let start = try await start()
        try await start.process.serve {
            let dead = try await start.process.ledger.token(for: start.caller)
            let gate = Gate()
            start.world.salesforce.script(.hold(gate))
            async let error = gatewayError {
                try await start.process.ledger.token(after: dead, for: start.caller)
            }
            await gate.waitForArrivals()
            start.world.store.isAvailable = false
            let before = start.world.store.operationCount
            gate.open()
            while start.world.store.operationCount < before + 5 { await Task.yield() }
            start.world.sleeper.advance(by: 21)
            #expect(await error == .unavailable(.refreshPending, retryAfterSeconds: 2))
            start.world.store.isAvailable = true
            #expect(try await start.process.ledger.token(after: dead, for: start.caller).version == 2)
        }
        #expect(start.world.salesforce.refreshCount == 1)
        #expect(try await start.world.grant(of: start.user)?.version == 2)
    }

    /// Warm tokens go on while the database is away.
    @Test func warmTokensOutliveTheDatabase() async throws {
        let start = try await start()
        _ = try await start.process.ledger.token(for: start.caller)
        start.world.store.isAvailable = false
        #expect(try await start.process.ledger.token(for: start.caller).version == 1)
    }
}
