import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Secrets
import Testing

@testable import Access

/// The synchronous look-ups of the warm path: what they find is what the asynchronous ones find, and anything else is
/// left to those.
@Suite struct WarmTests {
    private struct Start {
        let world: World
        let process: GatewayProcess
        let tenant: Tenant
        let caller: Caller
        let cookie: Secret<String>

        var now: Date { world.clock.now }

        func advance(by seconds: TimeInterval) {
            world.clock.advance(by: seconds)
            process.context.feed.noteRead(at: world.clock.now)
        }

        func warmTenant(_ label: String = "axonify") throws -> Tenant? {
            process.directory.warmTenant(try Subdomain(label), at: now)
        }

        func warmCaller(_ text: String? = nil, in other: Tenant? = nil) -> Caller? {
            let text = text ?? cookie.exposed
            return process.sessions.warmCaller(cookie: text.utf8.span, in: other ?? tenant, at: now)
        }

        func warmToken() -> LiveToken? {
            process.ledger.warmToken(for: caller, at: now)
        }
    }

    /// Everything warm: somebody signed in, was identified and has a token.
    private func start() async throws -> Start {
        let world = try World()
        let (_, user) = try await world.makeCustomer()
        let process = world.process()
        let tenant = try await process.tenant()
        let (caller, cookie) = try await process.signedIn(user, in: tenant, grant: world.salesforce.grant())
        _ = try await process.ledger.token(for: caller)
        return Start(world: world, process: process, tenant: tenant, caller: caller, cookie: cookie)
    }

    private let unknownCookie = String(repeating: "a", count: 43)

    // MARK: Warm

    /// What is warm is found without a question to the database, and is what the asynchronous side finds.
    @Test func everythingWarm() async throws {
        let start = try await start()
        let token = try await start.process.ledger.token(for: start.caller)
        let before = start.world.store.operationCount
        #expect(try start.warmTenant() === start.tenant)
        let caller = try #require(start.warmCaller())
        #expect(caller.userID == start.caller.userID && caller.user == start.caller.user)
        #expect(caller.proof == start.caller.proof)
        #expect(caller.slot == .cookie && caller.keyScope == nil && caller.tenant === start.tenant)
        #expect(start.warmToken() === token)
        #expect(start.world.store.operationCount == before)
    }

    /// An access key is found by its bytes, and keeps its slot and scope.
    @Test func accessKey() async throws {
        let start = try await start()
        let (key, _) = try await start.process.sessions.createKey(
            name: "reports", scope: .read, expiresAt: nil, for: start.caller)
        let text = key.exposed
        let ask = { (text: String) in
            start.process.sessions.warmCaller(
                accessKey: text.utf8.span, slot: .authorizationOAuth, in: start.tenant, at: start.now)
        }
        #expect(ask(text) == nil)
        _ = try await start.process.sessions.identify(
            headers: [.authorization: "Bearer \(text)"], query: nil, in: start.tenant)
        let caller = try #require(ask(text))
        #expect(caller.slot == .authorizationOAuth && caller.keyScope == .read && !caller.isByCookie)
        #expect(ask(String(text.dropLast())) == nil)
        #expect(ask(String(text.dropLast()) + "!") == nil)
        #expect(start.warmCaller(text) == nil)
    }

    // MARK: Not warm

    /// A tenant that memory doesn't know, knows not to exist, or can't open.
    @Test func tenantsThatAreNotWarm() async throws {
        let start = try await start()
        _ = try await start.world.makeCustomer("umbrella")
        #expect(try start.warmTenant("umbrella") == nil)
        #expect(try await start.process.directory.tenant(Subdomain("nobody")) == nil)
        #expect(try start.warmTenant("nobody") == nil)
        start.world.store.updateCustomer(start.tenant.id) { $0.dataKey = Sealed(bytes: [1, 2, 3]) }
        await start.process.follower.pollOnce()
        #expect(await gatewayError { try await start.process.tenant() } == .internalError)
        #expect(try start.warmTenant() == nil)
    }

    /// A cookie that is malformed, unknown, known not to exist, or another tenant's.
    @Test func cookiesThatAreNotWarm() async throws {
        let start = try await start()
        _ = try await start.world.makeCustomer("umbrella")
        let other = try await start.process.tenant("umbrella")
        for text in ["", "short", unknownCookie, unknownCookie + "a", String(repeating: "!", count: 43)] {
            #expect(start.warmCaller(text) == nil)
        }
        let error = await gatewayError {
            try await start.process.sessions.identify(
                headers: start.process.cookieHeader(Secret(unknownCookie)), query: nil, in: start.tenant)
        }
        #expect(error == .notSignedIn)
        #expect(start.warmCaller(unknownCookie) == nil)
        #expect(start.warmCaller(in: other) == nil)
        // It is the asynchronous side that reports it, once it is asked.
        #expect(start.world.auditCount(.foreignCredential) == 0)
    }

    /// A session that was idle for too long, or has reached its limit.
    @Test func sessionsThatAreOver() async throws {
        let idle = try await start()
        idle.advance(by: 3_600)
        #expect(idle.warmCaller() == nil)
        let busy = try await start()
        for _ in 0..<23 {
            busy.advance(by: 1_800)
            #expect(busy.warmCaller() != nil)
        }
        busy.advance(by: 1_800)
        #expect(busy.warmCaller() == nil)
    }

    /// Somebody who was disabled.
    @Test func disabledUser() async throws {
        let start = try await start()
        let now = start.now
        start.world.store.updateUser(start.caller.userID) { $0.disabledAt = now }
        await start.process.follower.pollOnce()
        #expect(start.warmCaller() == nil)
        let error = await gatewayError {
            try await start.process.sessions.identify(
                headers: start.process.cookieHeader(start.cookie), query: nil, in: start.tenant)
        }
        #expect(error == .userDisabled)
        #expect(start.warmCaller() == nil)
    }

    /// A feed that was not read for longer than an outage may last.
    @Test func staleFeed() async throws {
        let start = try await start()
        start.world.clock.advance(by: 300)
        #expect(try start.warmTenant() != nil)
        #expect(start.warmCaller() != nil)
        start.world.clock.advance(by: 1)
        #expect(try start.warmTenant() == nil)
        #expect(start.warmCaller() == nil)
    }

    /// A token that nobody has read yet; asking for it begins nothing.
    @Test func unknownToken() async throws {
        let start = try await start()
        let other = start.world.process()
        #expect(other.ledger.warmToken(for: start.caller, at: start.now) == nil)
        #expect(try await other.ledger.token(for: start.caller).version == 1)
        #expect(other.ledger.warmToken(for: start.caller, at: start.now) != nil)
    }

    // MARK: What changes

    /// A log-out here, and one elsewhere once the feed tells, end the very next request.
    @Test(arguments: [true, false]) func logOut(isHere: Bool) async throws {
        let start = try await start()
        #expect(start.warmCaller() != nil)
        guard case .session(let session) = start.caller.proof else { throw Missing() }
        let process = isHere ? start.process : start.world.process()
        try await process.sessions.end(session, in: start.tenant)
        if !isHere { await start.process.follower.pollOnce() }
        #expect(start.warmCaller() == nil)
    }

    /// A suspension: the tenant is asked for anew, and then not admitted.
    @Test func suspension() async throws {
        let start = try await start()
        try start.process.directory.admit(start.tenant, at: start.now)
        let now = start.now
        start.world.store.updateCustomer(start.tenant.id) { $0.suspendedAt = now }
        await start.process.follower.pollOnce()
        #expect(try start.warmTenant() == nil)
        let tenant = try await start.process.tenant()
        #expect(throws: GatewayError.suspended) { try start.process.directory.admit(tenant, at: now) }
    }

    /// A grant that was replaced at another process, revoked here, or called dead.
    @Test func grantsThatEnd() async throws {
        let replaced = try await start()
        try await replaced.world.process().ledger.adopt(
            replaced.world.salesforce.grant(), user: replaced.caller.user, in: replaced.tenant)
        await replaced.process.follower.pollOnce()
        #expect(replaced.warmToken() == nil)
        #expect(try await replaced.process.ledger.token(for: replaced.caller).version == 2)
        #expect(replaced.warmToken()?.version == 2)

        let revoked = try await start()
        try await revoked.process.ledger.revoke(user: revoked.caller.userID, in: revoked.tenant)
        #expect(revoked.warmToken() == nil)

        let dead = try await start()
        let token = try #require(dead.warmToken())
        dead.world.store.isAvailable = false
        try await dead.process.serve {
            let error = await gatewayError { try await dead.process.ledger.token(after: token, for: dead.caller) }
            #expect(error == .unavailable(.databaseAway, retryAfterSeconds: 2))
        }
        #expect(dead.warmToken() == nil)
    }

    /// A feed that begins anew drops everything.
    @Test func everythingDropped() async throws {
        let start = try await start()
        start.world.clock.advance(by: 60)
        await start.process.follower.pollOnce()
        #expect(try start.warmTenant() == nil)
        #expect(start.warmCaller() == nil)
        #expect(start.warmToken() == nil)
    }

    // MARK: What goes on behind

    /// Last-seen is written at most once a minute, behind the request.
    @Test func lastSeen() async throws {
        let start = try await start()
        guard case .session(let session) = start.caller.proof else { throw Missing() }
        let before = start.world.store.operationCount
        for _ in 0..<119 {
            start.advance(by: 1)
            #expect(start.warmCaller()?.lastUsedAt == start.now)
        }
        #expect(start.world.store.operationCount == before)
        try await start.process.serve {}
        #expect(start.world.store.operationCount == before + 1)
        let stored = try await start.world.store.repositories.sessions.session(tokenHash: session.tokenHash)
        #expect(stored?.lastSeenAt == Fixtures.epoch + 60)
    }

    /// A refresh ahead of time is started once, and nobody waits for it.
    @Test func aheadOfTime() async throws {
        let start = try await start()
        start.advance(by: 7_150)
        try await start.process.serve {
            for _ in 0..<10 { #expect(start.warmToken()?.version == 1) }
        }
        #expect(start.world.salesforce.refreshCount == 1)
        #expect(start.warmToken()?.version == 2)
    }

    // MARK: Hosts

    /// The plain spellings of a tenant's host; what is anything else is left to `route`.
    @Test func hosts() throws {
        let origin = PublicOrigin(isSecure: true, baseDomain: "Formation.Test", port: nil)
        for host in [
            "axonify.formation.test", "AXONIFY.Formation.TEST", "axonify.formation.test.", "axonify.formation.test:443",
            "axonify.formation.test.:8443",
        ] {
            #expect(origin.warmLabel(ofHost: host.utf8.span)?.label == "axonify", "\(host)")
            #expect(origin.route(host: host) == .tenant(try Subdomain("axonify")))
        }
        for host in [
            "", ".", ":", "formation.test", ".formation.test", "www.formation.test", "admin.formation.test",
            "api.formation.test", "formation.formation.test", "a.b.formation.test", "xn--a.formation.test",
            "-a.formation.test", "a-.formation.test", "a_b.formation.test", "axonify.formation.test..",
            "axonify.formation.test:", "axonify.formation.test:123456", "axonify.formation.test:1:2",
            "axonify.formation.test:x", "axonifyformation.test", "axonify.formation.tes", "axonify.formation.test.evil",
            "axonify.formation.test ", " axonify.formation.test", "\u{212A}.formation.test", "a\0.formation.test",
            String(repeating: "a", count: 64) + ".formation.test", "123", ":80", "a:80",
        ] {
            #expect(origin.warmLabel(ofHost: host.utf8.span) == nil, "\(host)")
        }
    }

    /// Reading a label from bytes and from text come to the same.
    @Test(arguments: [
        "a", "axonify", "AXONIFY", "a-b", "a--b", "xn-", "xn--", "xn--a", "XN--a", "www", "WWW", "webhooks",
        "formation",
        "formatio", "-a", "a-", "", "ä", "a.b", "a b", "0", String(repeating: "z", count: 63),
        String(repeating: "z", count: 64),
    ]) func labels(text: String) {
        #expect(Subdomain(ascii: text.utf8.span) == (try? Subdomain(text)))
    }
}
