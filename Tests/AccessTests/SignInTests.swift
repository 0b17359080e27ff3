import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Salesforce
import Secrets
import Testing

@testable import Access

/// Signing in, from the first redirect to the session.
@Suite struct SignInTests {
    /// A browser with its cookies, as far as a sign-in needs them.
    fileprivate final class Browser {
        var cookies: [String: String] = [:]

        var header: [String] {
            [cookies.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "; ")]
        }

        func take(_ setCookies: [String]) {
            for text in setCookies {
                let pair = text.split(separator: ";")[0].split(
                    separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let isDropped = text.contains("Max-Age=0")
                cookies[String(pair[0])] = isDropped ? nil : String(pair[1])
            }
        }
    }

    private struct Start {
        let world: World
        let process: GatewayProcess
        let customer: Customer

        /// The tenant as it is now.
        func call() async throws -> TenantCall {
            await process.follower.pollOnce()
            return process.call(try await process.tenant())
        }

        func begin(_ browser: Browser, returnTo: String? = nil) async throws -> String {
            let begun = try process.signIn.begin(returnTo: returnTo, cookies: browser.header, call: try await call())
            browser.take(begun.setCookies)
            return begun.location
        }

        func callback(
            _ browser: Browser, _ person: ScriptedSalesforce.Person, at location: String
        ) async throws -> SignIn.Completed {
            let (code, state) = world.salesforce.approve(person, at: location)
            return try await complete(browser, query: SignInTests.query(code: code, state: state))
        }

        func complete(_ browser: Browser, query: String) async throws -> SignIn.Completed {
            do {
                let completed = try await process.signIn.complete(
                    query: query, cookies: browser.header, call: try await call())
                browser.take(completed.setCookies)
                return completed
            } catch let error as SignInError {
                browser.take(error.setCookies)
                throw error
            }
        }

        func signIn(
            _ person: ScriptedSalesforce.Person = World.person, browser: Browser = Browser()
        ) async throws -> SignIn.Completed {
            try await callback(browser, person, at: try await begin(browser))
        }

        func reason(_ person: ScriptedSalesforce.Person) async -> SignInError.Reason? {
            await SignInTests.reason { try await signIn(person) }
        }
    }

    fileprivate static func reason(_ body: () async throws -> SignIn.Completed) async -> SignInError.Reason? {
        do {
            _ = try await body()
            return nil
        } catch {
            return (error as? SignInError)?.reason
        }
    }

    fileprivate static func query(code: String, state: String) -> String {
        "code=\(code.replacing("=", with: "%3D"))&state=\(state)"
    }

    /// A customer whose admin is provisioned and has not claimed their row.
    private func start(
        organizationID: String? = nil, loginURL: String = "https://axonify.my.salesforce.com",
        email: String = "smcgovern@axonify.com", role: UserRole = .admin, isSecure: Bool = true
    ) async throws -> Start {
        let world = try World(isSecure: isSecure)
        let customer = try world.fixtures.makeCustomer(
            salesforceInstanceURL: loginURL, organizationID: organizationID)
        try await world.store.repositories.customers.create(
            customer, config: world.fixtures.makeConfig(for: customer.id),
            admin: world.fixtures.makeUser(in: customer.id, email: email, role: role))
        return Start(world: world, process: world.process(), customer: customer)
    }

    // MARK: The way in

    /// The provisioned admin signs in: the org is pinned, the row claimed, the grant stored, a session started.
    @Test func firstAdmin() async throws {
        let start = try await start()
        let browser = Browser()
        let location = try await start.begin(browser, returnTo: "/deals?id=1")
        #expect(location.hasPrefix("https://axonify.my.salesforce.com/services/oauth2/authorize?"))
        #expect(browser.cookies.keys.allSatisfy { $0.hasPrefix("__Host-formation_signin_") })
        let completed = try await start.callback(browser, World.person, at: location)
        #expect(completed.returnTo == "/deals?id=1")
        #expect(completed.user.email == "smcgovern@axonify.com")
        #expect(completed.user.salesforceProfile == "System Administrator")
        #expect(completed.user.lastLoginAt == start.world.clock.now)
        #expect(Array(browser.cookies.keys) == ["__Host-formation_session"])
        let call = try await start.call()
        #expect(call.tenant.customer.salesforceOrgID == SalesforceID(Fixtures.organizationID))
        let caller = try await start.process.sessions.identify(
            headers: [.cookie: browser.header[0]], query: nil, in: call.tenant)
        #expect(caller.user.id == completed.user.id)
        let token = try await start.process.ledger.token(for: caller)
        #expect(start.world.salesforce.isAlive(token.accessToken))
        let actions = Set(start.world.store.auditEvents.map(\.action))
        #expect(actions == [.organizationPinned, .userClaimed, .signInSucceeded])
    }

    /// The cookies' attributes: host-only, `Secure` on https, plain names on http.
    @Test(arguments: [true, false]) func cookieAttributes(isSecure: Bool) async throws {
        let start = try await start(organizationID: Fixtures.organizationID, isSecure: isSecure)
        let browser = Browser()
        let begun = try start.process.signIn.begin(returnTo: nil, cookies: [], call: try await start.call())
        browser.take(begun.setCookies)
        let pending = try #require(begun.setCookies.first)
        #expect(pending.hasPrefix(isSecure ? "__Host-formation_signin_" : "formation_signin_"))
        #expect(pending.contains("; Max-Age=600; Path=/; HttpOnly; SameSite=Lax"))
        #expect(pending.hasSuffix("; Secure") == isSecure)
        let completed = try await start.callback(browser, World.person, at: begun.location)
        let session = try #require(completed.setCookies.first)
        #expect(session.hasPrefix(isSecure ? "__Host-formation_session=" : "formation_session="))
        #expect(session.contains("; Path=/; HttpOnly; SameSite=Lax"))
        #expect(session.hasSuffix("; Secure") == isSecure)
        #expect(!session.contains("Domain") && !pending.contains("Domain"))
    }

    /// Five tabs at once all come in; of more, the oldest are dropped.
    @Test func severalTabs() async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        let browser = Browser()
        var locations: [String] = []
        for _ in 0..<7 {
            locations.append(try await start.begin(browser))
            start.world.clock.advance(by: 1)
        }
        #expect(browser.cookies.count == 5)
        for location in locations.prefix(2) {
            let reason = await Self.reason { try await start.callback(browser, World.person, at: location) }
            #expect(reason == .noPendingSignIn)
        }
        for location in locations.suffix(5) { _ = try await start.callback(browser, World.person, at: location) }
        #expect(Array(browser.cookies.keys) == ["__Host-formation_session"])
    }

    /// Long paths to return to don't make the cookies outgrow a header.
    @Test func pendingCookiesAreBounded() async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        let browser = Browser()
        for _ in 0..<6 { _ = try await start.begin(browser, returnTo: "/" + String(repeating: "a", count: 2_000)) }
        #expect((1...5).contains(browser.cookies.count))
        #expect(browser.header[0].utf8.count <= PendingSignIns.byteCountMax)
    }

    /// Junk under the name of a pending sign-in is dropped.
    @Test func junkCookiesAreDropped() async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        let browser = Browser()
        for index in 0..<8 { browser.cookies["__Host-formation_signin_abcdefg\(index)"] = "junk" }
        let location = try await start.begin(browser)
        #expect(browser.cookies.count == 1)
        _ = try await start.callback(browser, World.person, at: location)
    }

    /// A fresh session id each time; the session that this browser had is over.
    @Test func freshSession() async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        let browser = Browser()
        let first = try await start.signIn(browser: browser)
        let before = browser.header[0]
        let second = try await start.signIn(browser: browser)
        #expect(first.session.id != second.session.id)
        #expect(first.user.id == second.user.id)
        let tenant = try await start.call().tenant
        let error = await gatewayError {
            try await start.process.sessions.identify(headers: [.cookie: before], query: nil, in: tenant)
        }
        #expect(error == .notSignedIn)
        let sessions = try await start.process.sessions.sessions(of: first.user.id, in: tenant)
        #expect(sessions.map(\.id) == [second.session.id])
    }

    // MARK: What does not come in

    /// Another browser's callback, a forged or missing state, a late one: none fits.
    @Test func pendingSignInMustFit() async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        let browser = Browser()
        let (code, state) = start.world.salesforce.approve(at: try await start.begin(browser))
        let stranger = Browser()
        _ = try await start.begin(stranger)
        for (someone, query) in [
            (stranger, Self.query(code: code, state: state)), (browser, Self.query(code: code, state: "forged")),
            (browser, "code=\(code)"), (browser, "state=\(state)"), (browser, "code=&state=\(state)"),
            (browser, "code=a&code=b&state=\(state)"), (browser, ""),
            (browser, Self.query(code: code, state: String(state.dropLast()) + "!")),
        ] {
            let copy = Browser()
            copy.cookies = someone.cookies
            let reason = await Self.reason { try await start.complete(copy, query: query) }
            #expect(reason == .noPendingSignIn)
        }
        #expect(start.world.salesforce.exchangeCount == 0)
        start.world.clock.advance(by: 601)
        let late = await Self.reason {
            try await start.complete(browser, query: Self.query(code: code, state: state))
        }
        #expect(late == .noPendingSignIn)
        #expect(start.world.auditCount(.signInFailed) > 0)
    }

    /// A callback that is opened twice exchanges once, even where the browser shows the cookie again.
    @Test func callbackOpenedTwice() async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        let browser = Browser()
        let (code, state) = start.world.salesforce.approve(at: try await start.begin(browser))
        let copy = Browser()
        copy.cookies = browser.cookies
        _ = try await start.complete(browser, query: Self.query(code: code, state: state))
        let again = await Self.reason {
            try await start.complete(copy, query: Self.query(code: code, state: state))
        }
        #expect(again == .noPendingSignIn)
        #expect(start.world.salesforce.exchangeCount == 1)
    }

    /// One tenant's pending sign-in is worthless at another.
    @Test func pendingSignInIsTheTenants() async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        _ = try await start.world.makeCustomer("umbrella")
        let browser = Browser()
        let (code, state) = start.world.salesforce.approve(at: try await start.begin(browser))
        let call = start.process.call(try await start.process.tenant("umbrella"))
        let reason = await Self.reason {
            try await start.process.signIn.complete(
                query: Self.query(code: code, state: state), cookies: browser.header, call: call)
        }
        #expect(reason == .noPendingSignIn)
        #expect(start.world.salesforce.exchangeCount == 0)
    }

    /// Answers without a code become a page with our own words, never with theirs.
    @Test(arguments: [
        ("access_denied", "end-user denied authorization", SignInError.Reason.denied),
        ("access-denied", "", .denied),
        (
            "OAUTH_APP_BLOCKED", "<script>",
            .refused(advice: AuthorizationError(error: "oauth_app_blocked", description: nil).userMessage)
        ),
        ("no_such_error", "x", .refused(advice: AuthorizationError(error: "x", description: nil).userMessage)),
    ])
    func errorAnswers(error: String, description: String, reason: SignInError.Reason) async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        let browser = Browser()
        let (_, state) = start.world.salesforce.approve(at: try await start.begin(browser, returnTo: "/deals"))
        let query = "error=\(error)&error_description=\(description.replacing(" ", with: "+"))&state=\(state)"
        do {
            _ = try await start.complete(browser, query: query)
            Issue.record("came in")
        } catch let failure as SignInError {
            #expect(failure.reason == reason)
            #expect(failure.returnTo == "/deals")
            #expect(browser.cookies.isEmpty)
        }
        #expect(start.world.auditCount(.signInFailed) == 1)
    }

    /// Each refusal of the exchange has its own reason.
    @Test(arguments: [
        (SalesforceError(.signatureMismatch, status: 200), SignInError.Reason.badSignature),
        (SalesforceError(.foreignInstance, status: 200), .foreignInstance),
        (SalesforceError(.expiredCode, status: 400), .noPendingSignIn),
        (SalesforceError(.invalidClient, status: 400), .gateway(.clientRejected)),
        (SalesforceError(.timeout), .gateway(.upstreamTimeout)),
        (SalesforceError(.unreachable), .gateway(.upstreamUnreachable(.unreachable))),
        (SalesforceError(.invalidRequest, status: 400), .gateway(.internalError)),
    ])
    func refusedExchange(error: SalesforceError, reason: SignInError.Reason) async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        start.world.salesforce.script(.refuse(error))
        #expect(await start.reason(World.person) == reason)
        #expect(try await start.world.store.repositories.users.users(in: start.customer.id).count == 1)
    }

    /// Another org's person gets nowhere, and the grant that Salesforce gave is revoked.
    @Test func wrongOrganization() async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        try await start.process.serve {
            let reason = await start.reason(
                ScriptedSalesforce.Person(userID: "0055g00000othr1", organizationID: "00D5g000008othr"))
            #expect(reason == .wrongOrganization)
        }
        #expect(start.world.salesforce.revokedTokens == ["5Aep.refresh.2"])
        #expect(try await start.world.store.repositories.users.users(in: start.customer.id).count == 1)
    }

    /// Until an admin has pinned the org, nobody else comes in: not a colleague, not a provisioned one who is no admin.
    @Test func nobodyBeforeTheAdmin() async throws {
        let start = try await start(organizationID: nil)
        let colleague = ScriptedSalesforce.Person(
            userID: "0055g00000fixt9", username: "b@axonify.com", email: "b@axonify.com")
        #expect(await start.reason(colleague) == .organizationNotPinned)
        let plain = start.world.fixtures.makeUser(in: start.customer.id, email: "b@axonify.com", role: .ae)
        try await start.world.store.repositories.users.create(plain)
        #expect(await start.reason(colleague) == .organizationNotPinned)
        _ = try await start.signIn()
        #expect(await start.reason(colleague) == nil)
    }

    /// At a generic login host, anybody's org could sign in: there the operator must set the org.
    @Test(arguments: ["https://login.salesforce.com", "https://test.salesforce.com"])
    func genericHostNeverPins(loginURL: String) async throws {
        let start = try await start(organizationID: nil, loginURL: loginURL)
        #expect(await start.reason(World.person) == .organizationNotPinned)
    }

    /// A disabled person stays out, claimed or not, and leaves no grant behind.
    @Test(arguments: [true, false]) func disabledUser(isClaimed: Bool) async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        if isClaimed { _ = try await start.signIn() }
        let users = try await start.world.store.repositories.users.users(in: start.customer.id)
        let user = try #require(users.first)
        start.world.store.updateUser(user.id) { $0.disabledAt = start.world.clock.now }
        try await start.process.serve {
            let reason = await start.reason(World.person)
            #expect(reason == .userDisabled)
        }
        #expect(start.world.salesforce.revokedTokens.count == 1)
    }

    /// The database away is said as such, before the code is spent: the same callback works when it is back.
    @Test func databaseAway() async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        let browser = Browser()
        let (code, state) = start.world.salesforce.approve(at: try await start.begin(browser))
        let call = try await start.call()
        start.world.store.isAvailable = false
        let reason = await Self.reason {
            try await start.process.signIn.complete(
                query: Self.query(code: code, state: state), cookies: browser.header, call: call)
        }
        #expect(reason == .gateway(.unavailable(.databaseAway, retryAfterSeconds: 2)))
        start.world.store.isAvailable = true
        let completed = try await start.process.signIn.complete(
            query: Self.query(code: code, state: state), cookies: browser.header, call: call)
        #expect(completed.setCookies.count == 2)
    }

    /// What is left of a sign-in that the database's absence held up is its cookie, so that it can go on.
    @Test func pendingSignInsOutliveOutages() async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        let browser = Browser()
        let (code, state) = start.world.salesforce.approve(at: try await start.begin(browser))
        let call = try await start.call()
        start.world.store.isAvailable = false
        do {
            _ = try await start.process.signIn.complete(
                query: Self.query(code: code, state: state), cookies: browser.header, call: call)
            Issue.record("it ended well")
        } catch {
            #expect(error.setCookies.isEmpty)
        }
    }

    /// Without credentials there is nowhere to send anybody.
    @Test func notConnected() async throws {
        let world = try World()
        let customer = try world.fixtures.makeCustomer(clientID: nil, clientSecret: nil)
        try await world.store.repositories.customers.create(
            customer, config: world.fixtures.makeConfig(for: customer.id), admin: nil)
        let process = world.process()
        let call = process.call(try await process.tenant())
        let error = await gatewayError { try process.signIn.begin(returnTo: nil, cookies: [], call: call) }
        #expect(error == .notConnected)
    }

    // MARK: Who is who

    private struct Matching: Sendable {
        let name: String
        let row: String
        let person: ScriptedSalesforce.Person
        var loginURL = "https://axonify.my.salesforce.com"
        let matches: Bool
    }

    private static let matchings: [Matching] = [
        Matching(
            name: "username", row: "Susan@Axonify.com",
            person: .init(username: "susan@axonify.com", email: "other@axonify.com", emailVerified: false),
            matches: true),
        Matching(
            name: "verified email", row: "susan@axonify.com",
            person: .init(username: "susan@axonify.com.prod", email: "SUSAN@axonify.com"), matches: true),
        Matching(
            name: "unverified email", row: "susan@axonify.com",
            person: .init(username: "x@y.example", email: "susan@axonify.com", emailVerified: false), matches: false),
        Matching(
            name: ".invalid in a sandbox", row: "susan@axonify.com",
            person: .init(username: "x@y.example", email: "susan@axonify.com.invalid", emailVerified: false),
            loginURL: "https://axonify--qa.sandbox.my.salesforce.com", matches: true),
        Matching(
            name: ".invalid in production", row: "susan@axonify.com",
            person: .init(username: "x@y.example", email: "susan@axonify.com.invalid", emailVerified: false),
            matches: false),
        Matching(
            name: "nobody", row: "susan@axonify.com",
            person: .init(username: "x@y.example", email: "z@y.example"), matches: false),
    ]

    /// An unclaimed row is found by username, verified email, or a sandbox's stripped one; by nothing else.
    @Test(arguments: matchings.indices) func matching(index: Int) async throws {
        let matching = Self.matchings[index]
        let start = try await start(
            organizationID: Fixtures.organizationID, loginURL: matching.loginURL, email: matching.row, role: .csm)
        let completed = try await start.signIn(matching.person)
        #expect((completed.user.role == .csm) == matching.matches, "\(matching.name)")
        let users = try await start.world.store.repositories.users.users(in: start.customer.id)
        #expect(users.count == (matching.matches ? 1 : 2), "\(matching.name)")
    }

    /// A new person is an admin where the profile may modify all data, otherwise an account executive.
    @Test(arguments: [true, false]) func newUsersRole(modifiesAllData: Bool) async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        let person = ScriptedSalesforce.Person(
            userID: "0055g00000fixt7", username: "new@axonify.com", email: "new@axonify.com",
            profile: Profile(name: "Some", modifiesAllData: modifiesAllData))
        let completed = try await start.signIn(person)
        #expect(completed.user.role == (modifiesAllData ? .admin : .ae))
        #expect(start.world.auditCount(.userCreated) == 1)
    }

    /// Where the profile can't be read, a new person is no admin, and a known one keeps theirs.
    @Test func unreadableProfile() async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        _ = try await start.signIn()
        start.world.salesforce.failProfiles(SalesforceError(.apiAccessDenied, status: 403))
        let known = try await start.signIn()
        #expect(known.user.salesforceProfile == "System Administrator")
        let stranger = try await start.signIn(
            ScriptedSalesforce.Person(userID: "0055g00000fixt7", username: "n@axonify.com", email: "n@axonify.com"))
        #expect(stranger.user.role == .ae)
    }

    /// Where the email is taken the username is stored, and where that is taken too, something that is not.
    @Test func takenEmail() async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        _ = try await start.signIn()
        let second = try await start.signIn(
            .init(userID: "0055g00000fixt7", username: "s2@axonify.com", email: "smcgovern@axonify.com"))
        #expect(second.user.email == "s2@axonify.com")
        let third = try await start.signIn(
            .init(userID: "0055g00000fixt8", username: "s2@axonify.com", email: "smcgovern@axonify.com"))
        #expect(third.user.email == "0055g00000fixt8@users.invalid")
    }

    /// A row that another Salesforce user has claimed is nobody else's, whatever the email says.
    @Test func claimedRowStays() async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        let first = try await start.signIn()
        let second = try await start.signIn(.init(userID: "0055g00000fixt7", username: "other@axonify.com"))
        #expect(first.user.id != second.user.id)
    }

    // MARK: Out

    /// The last log-out revokes the grant; one of two does not, nor one while an access key lives.
    @Test func signOut() async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        let browsers = [Browser(), Browser()]
        for browser in browsers { _ = try await start.signIn(browser: browser) }
        var revoked = start.world.salesforce.revokedTokens.count
        for (index, browser) in browsers.enumerated() {
            let call = try await start.call()
            let caller = try await start.process.sessions.identify(
                headers: [.cookie: browser.header[0]], query: nil, in: call.tenant)
            let cookies = try await start.process.signIn.signOut(caller, everywhere: false, call: call)
            #expect(cookies == ["__Host-formation_session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Secure"])
            let error = await gatewayError {
                try await start.process.sessions.identify(
                    headers: [.cookie: browser.header[0]], query: nil, in: call.tenant)
            }
            #expect(error == .notSignedIn)
            revoked += index
            #expect(start.world.salesforce.revokedTokens.count == revoked)
        }
        #expect(start.world.auditCount(.signedOut) == 2)
    }

    /// Everywhere ends all sessions; a live access key keeps the grant.
    @Test func signOutEverywhere() async throws {
        let start = try await start(organizationID: Fixtures.organizationID)
        let browser = Browser()
        let user = try await start.signIn(browser: browser).user
        _ = try await start.signIn()
        let call = try await start.call()
        let caller = try await start.process.sessions.identify(
            headers: [.cookie: browser.header[0]], query: nil, in: call.tenant)
        _ = try await start.process.sessions.createKey(name: "k", scope: .read, expiresAt: nil, for: caller)
        let revoked = start.world.salesforce.revokedTokens.count
        _ = try await start.process.signIn.signOut(caller, everywhere: true, call: call)
        #expect(try await start.process.sessions.sessions(of: user.id, in: call.tenant).isEmpty)
        #expect(start.world.salesforce.revokedTokens.count == revoked)
        #expect(try await start.world.grant(of: user) != nil)
    }
}
