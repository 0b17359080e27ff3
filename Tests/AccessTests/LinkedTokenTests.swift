import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Salesforce
import Secrets
import Testing

@testable import Access

/// The token beside a credential: a hint that ends with the token, and with the credential. Then nothing in memory
/// keeps its text.
@Suite struct LinkedTokenTests {
    /// Somebody with a session and an access key, each with its token beside it.
    private struct Start {
        let world: World
        let process: GatewayProcess
        let tenant: Tenant
        let user: User
        let session: Session
        let cookie: Secret<String>
        let key: Secret<String>
        let keyID: AccessKeyID

        var now: Date { world.clock.now }

        func warmCallers() -> [Caller?] {
            [
                process.sessions.warmCaller(cookie: cookie.exposed.utf8.span, in: tenant, at: now),
                process.sessions.warmCaller(
                    accessKey: key.exposed.utf8.span, slot: .authorizationBearer, in: tenant, at: now),
            ]
        }

        func identified() async throws -> [Caller] {
            [
                try await process.sessions.identify(headers: process.cookieHeader(cookie), query: nil, in: tenant),
                try await process.sessions.identify(
                    headers: [.authorization: "Bearer \(key.exposed)"], query: nil, in: tenant),
            ]
        }

        /// What the tables' cells hold beside the session and the key, if these are there at all.
        func hints() -> [LiveToken?] {
            let tables = process.context.credentials
            return [(tables.sessions, cookie), (tables.keys, key)].map { table, text in
                let hash = CredentialHash(text.exposed)
                return switch table.shard(of: hash).cached(hash, at: now, { $0.token }) {
                case .found(let token): token
                case .nothing, .unknown: nil
                }
            }
        }

        /// Makes calls until both cells hold the token in use.
        func link() async throws {
            for caller in try await identified() { _ = try await process.ledger.token(for: caller) }
            for caller in warmCallers() { _ = process.ledger.warmToken(for: try #require(caller), at: now) }
        }

        /// Both cells hold this token, and it is what calls get.
        func expectLinked(version: Int64) {
            #expect(hints().map { $0?.version } == [version, version])
            for caller in warmCallers() {
                #expect(caller?.token?.version == version)
                #expect(caller.flatMap { process.ledger.warmToken(for: $0, at: now) }?.version == version)
            }
        }
    }

    private final class Weak {
        weak var token: LiveToken?
        init(_ token: LiveToken?) { self.token = token }
    }

    private func start(limits: AccessLimits = AccessLimits()) async throws -> Start {
        let world = try World()
        let (_, user) = try await world.makeCustomer()
        let process = world.process(limits: limits)
        let tenant = try await process.tenant()
        let (caller, cookie) = try await process.signedIn(user, in: tenant, grant: world.salesforce.grant())
        let (key, record) = try await process.sessions.createKey(
            name: "reports", scope: .full, expiresAt: nil, for: caller)
        guard case .session(let session) = caller.proof else { throw Missing() }
        let start = Start(
            world: world, process: process, tenant: tenant, user: user, session: session, cookie: cookie, key: key,
            keyID: record.id)
        // The first poll drops everything, and the second tells of what was there: later ones of what is new alone.
        for _ in 0..<2 { await process.follower.pollOnce() }
        try await start.link()
        start.expectLinked(version: 1)
        return start
    }

    /// No look-up gives a token that is warm, no cell holds one, and nobody else does.
    private func expectGone(_ token: Weak, from start: Start) {
        #expect(start.hints().allSatisfy { $0 == nil })
        #expect(token.token == nil)
        for caller in start.warmCallers() {
            #expect(caller?.token == nil)
            if let caller { #expect(start.process.ledger.warmToken(for: caller, at: start.now) == nil) }
        }
    }

    /// How a grant's token comes to its end.
    enum End: CaseIterable {
        case revokedHere, revokedElsewhere, replacedElsewhere, calledDead, diedAtSalesforce, feedBeganAnew, evicted
    }

    /// However a token ends, the session's and the key's cells let go of its text at once, without a call on them.
    @Test(arguments: End.allCases) func tokenEnds(end: End) async throws {
        var limits = AccessLimits()
        if end == .evicted { limits.grantsMax = 1 }
        let start = try await start(limits: limits)
        let token = Weak(start.hints()[0])
        #expect(token.token != nil)
        switch end {
        case .revokedHere:
            try await start.process.ledger.revoke(user: start.user.id, in: start.tenant)
        case .revokedElsewhere:
            try await start.world.process().ledger.revoke(user: start.user.id, in: start.tenant)
            await start.process.follower.pollOnce()
        case .replacedElsewhere:
            try await start.world.process().ledger.adopt(
                start.world.salesforce.grant(), user: start.user, in: start.tenant)
            await start.process.follower.pollOnce()
        case .calledDead, .diedAtSalesforce:
            if end == .calledDead {
                start.world.store.isAvailable = false
            } else {
                start.world.salesforce.script(.refuse(SalesforceError(.expiredToken, status: 400)))
            }
            try await start.process.serve { try await refuse(start) }
            start.world.store.isAvailable = true
        case .feedBeganAnew:
            // Longer than changes are kept to follow up on.
            start.world.clock.advance(by: FeedCursor.followableSeconds + 1)
            await start.process.follower.pollOnce()
        case .evicted:
            // The table has room for one grant a shard: enough others come for that one's shard too.
            for _ in 0..<2_000 {
                let other = UserID(start.world.fixtures.ids.next())
                start.process.ledger.table.tell(other) { $0.didRevoke() }
            }
        }
        expectGone(token, from: start)
    }

    private func refuse(_ start: Start) async throws {
        let dead = try #require(start.hints()[0])
        let caller = try #require(start.warmCallers()[0])
        #expect(await gatewayError { try await start.process.ledger.token(after: dead, for: caller) } != nil)
    }

    /// A newer token, of a refresh or of a sign-in here: the old one is gone from both cells before anybody calls.
    @Test(arguments: [true, false]) func newerToken(isRefresh: Bool) async throws {
        var limits = AccessLimits()
        limits.sessionIdleSeconds = 3 * 60 * 60
        let start = try await start(limits: limits)
        let old = Weak(start.hints()[0])
        if isRefresh {
            start.world.clock.advance(by: 7_150)
            start.process.context.feed.noteRead(at: start.now)
            try await start.process.serve { try await renewAhead(start) }
        } else {
            try await start.process.ledger.adopt(start.world.salesforce.grant(), user: start.user, in: start.tenant)
        }
        #expect(start.hints().allSatisfy { $0 == nil })
        #expect(old.token == nil)
        try await start.link()
        start.expectLinked(version: 2)
    }

    private func renewAhead(_ start: Start) async throws {
        let caller = try #require(start.warmCallers()[0])
        #expect(start.process.ledger.warmToken(for: caller, at: start.now)?.version == 1)
    }

    /// A sign-out, here or elsewhere, of the session alone: its cell is gone, the key's stays as it is.
    @Test(arguments: [true, false]) func sessionEnds(isHere: Bool) async throws {
        let start = try await start()
        try await (isHere ? start.process : start.world.process()).sessions.end(start.session, in: start.tenant)
        if !isHere { await start.process.follower.pollOnce() }
        #expect(start.warmCallers()[0] == nil)
        #expect(start.hints().map { $0?.version } == [nil, 1])
        #expect(start.warmCallers()[1]?.token?.version == 1)
    }

    /// The sign-out of somebody's last session, with no key left, revokes the grant: no text of its token stays.
    @Test func lastSignOut() async throws {
        let start = try await start()
        let token = Weak(start.hints()[0])
        try await start.process.sessions.endKey(start.keyID, by: try #require(start.warmCallers()[0]))
        #expect(start.hints().map { $0?.version } == [1, nil])
        try await signOut(start)
        expectGone(token, from: start)
        #expect(start.warmCallers().allSatisfy { $0 == nil })
    }

    private func signOut(_ start: Start) async throws {
        let caller = try #require(start.warmCallers()[0])
        _ = try await start.process.signIn.signOut(
            caller, everywhere: false, call: start.process.call(start.tenant))
    }

    /// A sign-out everywhere ends all of the user's sessions; a user's disabling both.
    @Test(arguments: [true, false]) func userEnds(isDisabled: Bool) async throws {
        let start = try await start()
        let now = start.now
        if isDisabled {
            start.world.store.updateUser(start.user.id) { $0.disabledAt = now }
            await start.process.follower.pollOnce()
        } else {
            try await start.process.sessions.endAll(of: start.user.id, in: start.tenant)
        }
        #expect(start.hints().allSatisfy { $0 == nil })
        #expect(start.warmCallers().allSatisfy { $0 == nil })
        for text in [start.cookie, start.key] where isDisabled || text == start.cookie {
            let headers: HTTPFields =
                text == start.key
                ? [.authorization: "Bearer \(text.exposed)"] : start.process.cookieHeader(text)
            let error = await gatewayError {
                try await start.process.sessions.identify(headers: headers, query: nil, in: start.tenant)
            }
            #expect(error == (isDisabled ? .userDisabled : .notSignedIn))
        }
        #expect(start.hints().allSatisfy { $0 == nil })
    }

    /// A session that ended by itself answers that it is over, from an entry without a secret.
    @Test func sessionIsOver() async throws {
        let start = try await start()
        start.world.clock.advance(by: 3_600)
        start.process.context.feed.noteRead(at: start.now)
        #expect(start.hints()[0] != nil)
        #expect(start.warmCallers()[0] == nil)
        #expect(start.hints().map { $0?.version } == [nil, 1])
    }

    /// A call that was given a token uses it to its end, though it is retired; but does not put it back.
    @Test func retiredIsNotLinked() async throws {
        let start = try await start()
        let token = try #require(start.hints()[0])
        let caller = try #require(start.warmCallers()[0])
        try await start.process.ledger.revoke(user: start.user.id, in: start.tenant)
        #expect(!token.accessToken.exposed.isEmpty)
        start.process.context.credentials.link(token, to: caller.credential, at: start.now)
        #expect(start.hints().allSatisfy { $0 == nil })
        #expect(start.process.ledger.warmToken(for: caller, at: start.now) == nil)
    }

    /// A token is put beside the credential that asked, and not beside one that was read anew since.
    @Test func otherCredential() async throws {
        let start = try await start()
        let token = try #require(start.hints()[0])
        let old = try #require(start.warmCallers()[0]).credential
        start.process.sessions.drop(subject: start.session.id.rawValue)
        _ = try await start.identified()
        start.process.context.credentials.link(token, to: old, at: start.now)
        #expect(start.hints()[0] == nil)
        start.process.context.credentials.link(
            token, to: try #require(start.warmCallers()[0]).credential, at: start.now)
        #expect(start.hints()[0] === token)
    }
}
