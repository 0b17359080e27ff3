import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Secrets
import ServiceLifecycle
import Testing

@testable import Access

/// Browser sessions: who is calling, for how long, and where a cookie counts.
@Suite struct SessionKeeperTests {
    private struct Start {
        let world: World
        let process: GatewayProcess
        let tenant: Tenant
        let user: User

        /// Lets time pass while the feed is followed.
        func advance(by seconds: TimeInterval) {
            world.clock.advance(by: seconds)
            process.context.feed.noteRead(at: world.clock.now)
        }

        /// So many sessions, all of which are used after a while.
        func comeBack(_ count: Int) async throws -> [Session] {
            var started: [(cookie: Secret<String>, session: Session)] = []
            for _ in 0..<count { started.append(try await process.sessions.start(user: user, in: tenant)) }
            advance(by: 90)
            for (cookie, _) in started { _ = try await identify(process.cookieHeader(cookie)).get() }
            return started.map(\.session)
        }

        /// The database knows that they were used just now.
        func expectSeen(_ sessions: [Session]) async throws {
            for session in sessions {
                let stored = try await world.store.repositories.sessions.session(tokenHash: session.tokenHash)
                #expect(stored?.lastSeenAt == world.clock.now)
            }
        }

        func identify(
            _ headers: HTTPFields, query: String? = nil, in tenant: Tenant? = nil, extends: Bool = true
        ) async -> Result<Caller, GatewayError> {
            do throws(GatewayError) {
                return .success(
                    try await process.sessions.identify(
                        headers: headers, query: query, in: tenant ?? self.tenant, extends: extends))
            } catch {
                return .failure(error)
            }
        }

        func error(
            _ headers: HTTPFields, query: String? = nil, in tenant: Tenant? = nil, extends: Bool = true
        ) async -> GatewayError? {
            switch await identify(headers, query: query, in: tenant, extends: extends) {
            case .success: nil
            case .failure(let error): error
            }
        }
    }

    private func start(isSecure: Bool = true, pausesForever: Bool = false) async throws -> Start {
        let world = try World(isSecure: isSecure)
        let (_, user) = try await world.makeCustomer()
        let sleeper = TestSleeper(clock: world.clock, passesUpTo: pausesForever ? .zero : .seconds(1))
        let process = world.process(sleep: { try await sleeper.sleep($0) })
        return Start(world: world, process: process, tenant: try await process.tenant(), user: user)
    }

    /// A session is found by its cookie; the database holds only the SHA-256.
    @Test func cookieIsFound() async throws {
        let start = try await start()
        let (cookie, session) = try await start.process.sessions.start(user: start.user, in: start.tenant)
        #expect(cookie.exposed.utf8.count == 43)
        #expect(session.tokenHash.count == 32)
        let caller = try await start.identify(start.process.cookieHeader(cookie)).get()
        #expect(caller.user.id == start.user.id)
        #expect(caller.slot == .cookie && caller.isByCookie)
        #expect(caller.proof == .session(session))
    }

    /// The cookie's name follows the scheme.
    @Test(arguments: [true, false]) func cookieName(isSecure: Bool) async throws {
        let start = try await start(isSecure: isSecure)
        #expect(
            start.process.sessions.cookieName == (isSecure ? "__Host-formation_session" : "formation_session"))
    }

    /// No cookie, an unknown one, a malformed one, one of another name: not signed in. What can't be one is not looked
    /// up.
    @Test func unknownCookies() async throws {
        let start = try await start()
        let name = start.process.sessions.cookieName
        let before = start.world.store.operationCount
        for value in [
            nil, "", "\(name)=", "\(name)=short", "\(name)=" + String(repeating: "a", count: 44),
            "\(name)=" + String(repeating: "!", count: 43), "x\(name)=" + String(repeating: "a", count: 43),
            "formation_session=" + String(repeating: "a", count: 43),
        ] {
            var headers = HTTPFields()
            headers[.cookie] = value
            #expect(await start.error(headers) == .notSignedIn)
        }
        #expect(start.world.store.operationCount == before)
        for _ in 0..<5 {
            let headers: HTTPFields = [.cookie: "\(name)=" + String(repeating: "a", count: 43)]
            #expect(await start.error(headers) == .notSignedIn)
        }
        #expect(start.world.store.operationCount == before + 1)
    }

    /// Among several cookies of the name, the one of this tenant counts, wherever it stands; four are looked at.
    @Test func tossedCookies() async throws {
        let start = try await start(isSecure: false)
        let (cookie, _) = try await start.process.sessions.start(user: start.user, in: start.tenant)
        let tossed = (0..<4).map { Secret(String(repeating: "\($0)", count: 43)) }
        #expect(await start.error(start.process.cookieHeader(tossed[0], cookie)) == nil)
        #expect(await start.error(start.process.cookieHeader(cookie, tossed[0])) == nil)
        #expect(await start.error(start.process.cookieHeader(tossed[0], tossed[1], tossed[2], cookie)) == nil)
        let headers = start.process.cookieHeader(tossed[0], tossed[1], tossed[2], tossed[3], cookie)
        #expect(await start.error(headers) == .notSignedIn)
    }

    /// One tenant's cookie is worthless at another, and is reported; however often it is shown, not more than so often.
    @Test func foreignCookie() async throws {
        let start = try await start()
        _ = try await start.world.makeCustomer("umbrella")
        let other = try await start.process.tenant("umbrella")
        let (cookie, _) = try await start.process.sessions.start(user: start.user, in: start.tenant)
        let headers = start.process.cookieHeader(cookie)
        try await start.process.serve {
            for _ in 0..<100 {
                let error = await start.error(headers, in: other)
                #expect(error == .notSignedIn)
            }
        }
        #expect(await start.error(headers) == nil)
        #expect(start.world.auditCount(.foreignCredential) == 10)
        #expect(start.world.store.auditEvents.allSatisfy { $0.customerID == other.id })
    }

    /// It ends when it was idle for an hour; each use puts that off, but for those that don't count.
    @Test func idleLimit() async throws {
        let start = try await start()
        let (cookie, session) = try await start.process.sessions.start(user: start.user, in: start.tenant)
        let headers = start.process.cookieHeader(cookie)
        #expect(start.process.sessions.endsAt(session) == Fixtures.epoch + 3_600)
        start.advance(by: 3_599)
        #expect(await start.error(headers, extends: true) == nil)
        start.advance(by: 3_599)
        let caller = try await start.identify(headers, extends: false).get()
        guard case .session(let seen) = caller.proof else { throw Missing() }
        #expect(start.process.sessions.endsAt(seen) == Fixtures.epoch + 3_599 + 3_600)
        start.advance(by: 1)
        #expect(await start.error(headers) == .notSignedIn)
    }

    /// It ends after twelve hours, however busy.
    @Test func absoluteLimit() async throws {
        let start = try await start()
        let (cookie, _) = try await start.process.sessions.start(user: start.user, in: start.tenant)
        for _ in 0..<23 {
            start.advance(by: 1_800)
            #expect(await start.error(start.process.cookieHeader(cookie)) == nil)
        }
        start.advance(by: 1_800)
        #expect(await start.error(start.process.cookieHeader(cookie)) == .notSignedIn)
        #expect(try await start.process.sessions.sessions(of: start.user.id, in: start.tenant).isEmpty)
    }

    /// A session that is idle here may have been busy at another process: the database knows.
    @Test func busyElsewhere() async throws {
        let start = try await start()
        let (cookie, _) = try await start.process.sessions.start(user: start.user, in: start.tenant)
        let headers = start.process.cookieHeader(cookie)
        #expect(await start.error(headers) == nil)
        start.advance(by: 3_000)
        let other = start.world.process()
        try await other.serve {
            _ = try await other.sessions.identify(headers: headers, query: nil, in: start.tenant)
        }
        start.advance(by: 3_000)
        #expect(await start.error(headers) == nil)
    }

    /// A cookie whose session is over is not looked up with each request.
    @Test func overIsRemembered() async throws {
        let start = try await start()
        let (cookie, _) = try await start.process.sessions.start(user: start.user, in: start.tenant)
        let headers = start.process.cookieHeader(cookie)
        #expect(await start.error(headers) == nil)
        start.advance(by: 3_700)
        #expect(await start.error(headers) == .notSignedIn)
        let before = start.world.store.operationCount
        for _ in 0..<10 { #expect(await start.error(headers) == .notSignedIn) }
        #expect(start.world.store.operationCount == before)
    }

    /// Last-seen is written at most once a minute, and not on the request's way.
    @Test func lastSeen() async throws {
        let start = try await start()
        let (cookie, session) = try await start.process.sessions.start(user: start.user, in: start.tenant)
        let headers = start.process.cookieHeader(cookie)
        #expect(await start.error(headers) == nil)
        let before = start.world.store.operationCount
        for _ in 0..<119 {
            start.advance(by: 1)
            #expect(await start.error(headers) == nil)
        }
        #expect(start.world.store.operationCount == before)
        try await start.process.serve {}
        #expect(start.world.store.operationCount == before + 1)
        let stored = try await start.world.store.repositories.sessions.session(tokenHash: session.tokenHash)
        #expect(stored?.lastSeenAt == Fixtures.epoch + 60)
    }

    /// Everybody comes back at once: their last-seen times are written a share at a time.
    @Test func lastSeenOfMany() async throws {
        let start = try await start()
        let sessions = try await start.comeBack(100)
        let before = start.world.store.operationCount
        try await start.process.serve {}
        #expect(start.world.store.operationCount == before + 10)
        try await start.expectSeen(sessions)
    }

    /// At shutdown nothing waits for its share's turn, and nothing is lost.
    @Test func lastSeenAtShutdown() async throws {
        let start = try await start(pausesForever: true)
        let sessions = try await start.comeBack(100)
        let before = start.world.store.operationCount
        let group = ServiceGroup(services: [start.process.sessions], logger: start.process.context.logger)
        async let running: Void = group.run()
        await group.triggerGracefulShutdown()
        try await running
        #expect(start.world.store.operationCount <= before + 2)
        try await start.expectSeen(sessions)
    }

    /// A write that fails hurts nobody.
    @Test func failedTouch() async throws {
        let start = try await start()
        let (cookie, _) = try await start.process.sessions.start(user: start.user, in: start.tenant)
        let headers = start.process.cookieHeader(cookie)
        #expect(await start.error(headers) == nil)
        start.advance(by: 90)
        #expect(await start.error(headers) == nil)
        start.world.store.isAvailable = false
        try await start.process.serve {
            let error = await start.error(headers)
            #expect(error == nil)
        }
    }

    /// Nobody has more than a hundred sessions: the oldest end, here at once.
    @Test func sessionsAreBounded() async throws {
        let start = try await start()
        var headers: [HTTPFields] = []
        for _ in 0..<102 {
            start.advance(by: 1)
            let cookie = try await start.process.sessions.start(user: start.user, in: start.tenant).cookie
            headers.append(start.process.cookieHeader(cookie))
            #expect(await start.error(headers[headers.count - 1]) == nil)
        }
        for fields in headers.prefix(2) { #expect(await start.error(fields) == .notSignedIn) }
        for fields in headers.dropFirst(2) { #expect(await start.error(fields) == nil) }
    }

    /// Ending all of a user's sessions ends them here at once.
    @Test func endAll() async throws {
        let start = try await start()
        var headers: [HTTPFields] = []
        for _ in 0..<3 {
            headers.append(
                start.process.cookieHeader(
                    try await start.process.sessions.start(user: start.user, in: start.tenant).cookie))
        }
        for fields in headers { #expect(await start.error(fields) == nil) }
        try await start.process.sessions.endAll(of: start.user.id, in: start.tenant)
        for fields in headers { #expect(await start.error(fields) == .notSignedIn) }
    }

    /// The database away: a known session goes on, a new one is neither made nor refused for good.
    @Test func databaseAway() async throws {
        let start = try await start()
        let (cookie, _) = try await start.process.sessions.start(user: start.user, in: start.tenant)
        let headers = start.process.cookieHeader(cookie)
        #expect(await start.error(headers) == nil)
        start.world.store.isAvailable = false
        #expect(await start.error(headers) == nil)
        let away = GatewayError.unavailable(.databaseAway, retryAfterSeconds: 2)
        let unknown = Secret(String(repeating: "a", count: 43))
        #expect(await start.error(start.process.cookieHeader(unknown)) == away)
        #expect(await start.error(start.process.cookieHeader(unknown, cookie)) == nil)
        let failed = await gatewayError {
            try await start.process.sessions.start(user: start.user, in: start.tenant)
        }
        #expect(failed == away)
        // Never past the session's own end.
        start.advance(by: 3_600)
        #expect(await start.error(headers) != nil)
    }

    // MARK: Access keys

    private func key(
        _ start: Start, scope: AccessKeyScope = .full
    ) async throws -> (text: String, record: AccessKey, caller: Caller) {
        let (caller, _) = try await start.process.signedIn(start.user, in: start.tenant)
        let (key, record) = try await start.process.sessions.createKey(
            name: "reports", scope: scope, expiresAt: nil, for: caller)
        return (key.exposed, record, caller)
    }

    /// A key looks like a Salesforce session, lives 90 days, and is stored as its hash.
    @Test func keyShape() async throws {
        let start = try await start()
        let (text, record, _) = try await key(start)
        #expect(text.wholeMatch(of: /00D[A-Za-z0-9]{12}!fiq\.[0-9A-Za-z]{43}/) != nil)
        #expect(text.wholeMatch(of: /00D\w{12,15}![.\w]*/) != nil)
        #expect(text.hasPrefix(Fixtures.organizationID + "!"))
        #expect(record.expiresAt == Fixtures.epoch + 90 * 86_400)
        #expect(record.keyHash == CredentialHash(text).bytes)
        #expect(start.world.auditCount(.keyCreated) == 1)
    }

    /// Every slot that clients use is taken, in any case.
    @Test(arguments: [
        ("Authorization", "Bearer ", CredentialSlot.authorizationBearer),
        ("authorization", "bearer  ", .authorizationBearer), ("Authorization", "OAuth ", .authorizationOAuth),
        ("Authorization", "OAUTH\t", .authorizationOAuth), ("X-SFDC-Session", "", .sfdcSession),
        ("x-sfdc-session", " ", .sfdcSession),
    ])
    func keySlots(name: String, prefix: String, slot: CredentialSlot) async throws {
        let start = try await start()
        let (text, record, _) = try await key(start)
        let field = try #require(HTTPField.Name(name))
        let caller = try await start.identify([field: prefix + text]).get()
        #expect(caller.slot == slot)
        #expect(!caller.isByCookie)
        guard case .accessKey(let found) = caller.proof else { throw Missing() }
        #expect(found.id == record.id)
    }

    /// A credential header that is wrong in any way is 401, even beside a good cookie, and costs no lookup.
    @Test(arguments: [
        "Bearer", "Bearer ", "Bearer junk", "OAuth 00D5g000008fixt!access", "Basic dXNlcjpwYXNz", "", "Digest x",
        "Bearer 00D5g000008fixt!fiq.short", "Negotiate",
        "Bearer 00D5g000008fixt!fiq.\(String(repeating: "!", count: 43))",
        "Bearer 00X5g000008fixt!fiq.\(String(repeating: "a", count: 43))",
    ])
    func junkHeaders(value: String) async throws {
        let start = try await start()
        let (cookie, _) = try await start.process.sessions.start(user: start.user, in: start.tenant)
        var headers = start.process.cookieHeader(cookie)
        #expect(await start.error(headers) == nil)
        let before = start.world.store.operationCount
        headers.append(HTTPField(name: .authorization, value: value))
        #expect(await start.error(headers) == .notSignedIn)
        headers[.authorization] = nil
        headers[.sfdcSession] = value
        #expect(await start.error(headers) == .notSignedIn)
        #expect(start.world.store.operationCount == before)
    }

    /// A well-formed key that nobody has is 401 too, beside a good cookie as well.
    @Test func unknownKey() async throws {
        let start = try await start()
        let (cookie, _) = try await start.process.sessions.start(user: start.user, in: start.tenant)
        var headers = start.process.cookieHeader(cookie)
        headers[.authorization] = "Bearer 00D5g000008fixt!fiq." + String(repeating: "a", count: 43)
        #expect(await start.error(headers) == .notSignedIn)
    }

    /// Several credentials that differ are refused; the same one twice is one.
    @Test func severalCredentials() async throws {
        let start = try await start()
        let (text, _, _) = try await key(start)
        let other = "00D5g000008fixt!fiq." + String(repeating: "b", count: 43)
        var same = HTTPFields()
        same.append(HTTPField(name: .authorization, value: "Bearer \(text)"))
        same.append(HTTPField(name: .sfdcSession, value: text))
        #expect(await start.error(same) == nil)
        for (name, value) in [
            (HTTPField.Name.authorization, "Bearer \(other)"), (.sfdcSession, other),
            (.authorization, "Basic dXNlcjpwYXNz"),
        ] {
            var headers = same
            headers.append(HTTPField(name: name, value: value))
            #expect(await start.error(headers)?.status == 400)
        }
    }

    /// A credential in the URL is refused, in any spelling of the name.
    @Test(arguments: [
        ("oauth_token=x", true), ("a=1&oauth_token=x", true), ("OAUTH_TOKEN=x", true), ("oauth%5Ftoken=x", true),
        ("%6fauth_token=x", true), ("oauth_token", true), ("a=1&Oauth%5ftoken", true), ("+oauth_token=x", true),
        ("q=oauth_token", false), ("q=SELECT+oauth_token__c", false), ("my_oauth_token=x", false),
        ("oauth_tokens=x", false), ("", false),
    ])
    func credentialInTheURL(query: String, isRefused: Bool) async throws {
        let start = try await start()
        let (cookie, _) = try await start.process.sessions.start(user: start.user, in: start.tenant)
        let error = await start.error(start.process.cookieHeader(cookie), query: query)
        #expect((error?.status == 400) == isRefused)
    }

    /// A key ends with its time, and ended it is gone at once; another tenant's is worthless and reported.
    @Test func keyEnds() async throws {
        let start = try await start()
        _ = try await start.world.makeCustomer("umbrella")
        let other = try await start.process.tenant("umbrella")
        let (text, record, caller) = try await key(start)
        let (second, _, _) = try await key(start)
        try await start.process.serve {
            let error = await start.error([.authorization: "Bearer \(text)"], in: other)
            #expect(error == .notSignedIn)
        }
        #expect(start.world.auditCount(.foreignCredential) == 1)
        #expect(await start.error([.authorization: "Bearer \(text)"]) == nil)
        try await start.process.sessions.endKey(record.id, by: caller)
        #expect(await start.error([.authorization: "Bearer \(text)"]) == .notSignedIn)
        #expect(await start.error([.authorization: "Bearer \(second)"]) == nil)
        start.advance(by: 90 * 86_400)
        #expect(await start.error([.authorization: "Bearer \(second)"]) == .notSignedIn)
    }

    /// Own keys, or any for an admin; keys never manage keys.
    @Test func keyManagement() async throws {
        let start = try await start()
        let plain = start.world.fixtures.makeUser(
            in: start.tenant.id, email: "b@axonify.com", salesforceUserID: "0055g00000fixt2", role: .ae)
        try await start.world.store.repositories.users.create(plain)
        let (admin, _) = try await start.process.signedIn(start.user, in: start.tenant)
        let (colleague, _) = try await start.process.signedIn(plain, in: start.tenant)
        let sessions = start.process.sessions
        let (text, own) = try await sessions.createKey(name: "a", scope: .full, expiresAt: nil, for: admin)
        let (_, theirs) = try await sessions.createKey(name: "b", scope: .read, expiresAt: nil, for: colleague)
        #expect(try await Set(sessions.keys(for: admin).map(\.id)) == [own.id, theirs.id])
        #expect(try await sessions.keys(for: colleague).map(\.id) == [theirs.id])
        let foreign = await gatewayError { try await sessions.endKey(own.id, by: colleague) }
        #expect(foreign == .notFound)
        let byKey = try await start.identify([.authorization: "Bearer \(text.exposed)"]).get()
        let refusals = [
            await gatewayError { try await sessions.createKey(name: "c", scope: .read, expiresAt: nil, for: byKey) },
            await gatewayError { try await sessions.keys(for: byKey) },
            await gatewayError { try await sessions.endKey(own.id, by: byKey) },
        ]
        #expect(refusals == [.keyScope, .keyScope, .keyScope])
        try await sessions.endKey(theirs.id, by: admin)
        #expect(try await sessions.keys(for: colleague).isEmpty)
    }

    /// A key's name and life have limits, and so has the number of keys.
    @Test func keyLimits() async throws {
        let start = try await start()
        let (caller, _) = try await start.process.signedIn(start.user, in: start.tenant)
        let sessions = start.process.sessions
        for name in ["", " ", "a\nb", "a\u{0}", "a\u{202E}b", String(repeating: "a", count: 101)] {
            let error = await gatewayError {
                try await sessions.createKey(name: name, scope: .read, expiresAt: nil, for: caller)
            }
            #expect(error?.status == 400)
        }
        for seconds in [-1, 0, 365 * 86_400 + 1] as [TimeInterval] {
            let error = await gatewayError {
                try await sessions.createKey(
                    name: "k", scope: .read, expiresAt: Fixtures.epoch + seconds, for: caller)
            }
            #expect(error?.status == 400)
        }
        for index in 0..<50 {
            _ = try await sessions.createKey(
                name: "schlüssel \(index)", scope: .read, expiresAt: Fixtures.epoch + 365 * 86_400, for: caller)
        }
        let error = await gatewayError {
            try await sessions.createKey(name: "k", scope: .read, expiresAt: nil, for: caller)
        }
        #expect(error == .tooManyKeys)
    }

    /// Without an org id there is nothing to make a key's shape of.
    @Test func keyBeforeThePin() async throws {
        let world = try World()
        let (_, user) = try await world.makeCustomer(organizationID: nil)
        let process = world.process()
        let (caller, _) = try await process.signedIn(user, in: try await process.tenant())
        let error = await gatewayError {
            try await process.sessions.createKey(name: "k", scope: .read, expiresAt: nil, for: caller)
        }
        #expect(error == .notConnected)
    }
}
