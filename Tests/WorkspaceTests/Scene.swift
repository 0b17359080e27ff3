import Access
import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Hummingbird
import Logging
import Salesforce
import Secrets
import Testing

@testable import Workspace

/// One tenant's workspace on in-memory storage and a pretended Salesforce, and a browser's view of it.
struct Scene {
    static let origin = "http://axonify.formation.localhost:8080"
    static let requestID = "request-1"

    let clock = TestClock()
    let store: InMemoryStore
    let fixtures: Fixtures
    let salesforce = PretendSalesforce()
    let describing: ScriptedDescribing
    let directory: TenantDirectory
    let sessions: SessionKeeper
    let workspace: Workspace
    let customer: Customer

    /// - Parameters:
    ///   - describing: what the org says of its objects.
    ///   - change: what is special about the customer.
    ///   - sleep: how the process waits.
    init(
        isSecure: Bool = false, frontendDirectory: String? = nil, frontends: [String] = [],
        companyName: String = "Axonify", hasCredentials: Bool = true, describing: ScriptedDescribing = .org(),
        change: (inout Customer) -> Void = { _ in },
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) async throws {
        self.describing = describing
        fixtures = try Fixtures()
        store = InMemoryStore(clock: clock.reading)
        let ids = fixtures.ids
        let context = AccessContext(
            repositories: store.repositories, keys: fixtures.keys, oauth: salesforce, hosts: try AllowedHosts(),
            origin: PublicOrigin(
                isSecure: isSecure, baseDomain: "formation.localhost", port: isSecure ? nil : 8080),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, now: clock.reading,
            randomBytes: { count in (0..<count).map { _ in UInt8.random(in: .min ... .max) } }, makeID: { ids.next() },
            sleep: sleep)
        directory = TenantDirectory(context: context)
        sessions = SessionKeeper(context: context)
        let ledger = TokenLedger(context: context)
        let (platformKey, _) = try fixtures.keys.makeDataKey(customer: ids.next())
        workspace = try Workspace(
            access: context, directory: directory, sessions: sessions, ledger: ledger,
            signIn: SignIn(
                context: context, platformKey: platformKey, directory: directory, sessions: sessions, ledger: ledger),
            describing: describing, rule: CrossOriginRule(frontendOrigins: frontends.compactMap(FrontendOrigin.init)),
            frontend: frontendDirectory.map { try FrontendFiles(directory: $0) })
        var customer = try fixtures.makeCustomer(
            companyName: companyName, clientID: hasCredentials ? Fixtures.clientID : nil,
            clientSecret: hasCredentials ? Fixtures.clientSecret : nil)
        change(&customer)
        self.customer = customer
        let admin = fixtures.makeUser(in: customer.id, salesforceUserID: PretendSalesforce.Person.susan.userID)
        try await store.repositories.customers.create(
            customer, config: fixtures.makeConfig(for: customer.id), admin: admin)
    }

    var conformance: Conformance { Conformance(document: workspace.document.value) }

    func send(
        _ method: HTTPRequest.Method, _ path: String, headers: HTTPFields = [:], body: String = ""
    ) async throws -> Response {
        guard let tenant = try await directory.tenant(customer.subdomain) else { throw SceneError.noTenant }
        let call = TenantCall(
            tenant: tenant, requestID: Self.requestID, receivedAt: clock.now, userAgent: headers[.userAgent],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let response = await workspace.respond(to: request(method, path, headers: headers, body: body), in: call)
        // Whatever a test asks: the API's document tells of the answer.
        let faults = try await conformance.faults(of: response, to: method, path)
        #expect(faults.isEmpty, "\(method) \(path)")
        return response
    }

    /// Goes to Salesforce and comes back with a code; the answer of the callback.
    func signIn(with query: String, returnTo: String? = nil, headers: HTTPFields = browserAccept) async throws
        -> Response
    {
        let path = returnTo.map { "/auth/login?return_to=" + QueryString.encode($0) } ?? "/auth/login"
        let begun = try await send(.get, path, headers: headers)
        guard let location = begun.headers[.location], let state = location.firstMatch(of: /[?&]state=([^&]+)/)?.1
        else { throw SceneError.noRedirect }
        var headers = headers
        headers[.cookie] = cookies(of: begun)
        return try await send(.get, "/auth/callback?\(query)&state=\(state)", headers: headers)
    }

    /// Signs somebody in; the browser's `Cookie` from then on.
    func cookie(of person: PretendSalesforce.Person = .susan, userAgent: String? = nil) async throws -> String {
        var headers = browserAccept
        headers[.userAgent] = userAgent
        let done = try await signIn(with: "code=\(person.rawValue)", headers: headers)
        guard let pair = sessionCookie(of: done)?.prefix(while: { $0 != ";" }) else { throw SceneError.noCookie }
        return String(pair)
    }

    /// The `Set-Cookie` value that sets the session.
    func sessionCookie(of response: Response) -> String? {
        response.headers[values: .setCookie].first { $0.hasPrefix(sessions.cookieName + "=") }
    }

    /// What a browser sends back of the cookies that an answer set.
    func cookies(of response: Response) -> String {
        response.headers[values: .setCookie].filter { !$0.contains("Max-Age=0") }
            .map { String($0.prefix { $0 != ";" }) }.joined(separator: "; ")
    }

    /// What a script on the tenant's own page sends.
    func fetch(_ cookie: String, _ more: HTTPFields = [:]) -> HTTPFields {
        var headers: HTTPFields = [.cookie: cookie, .accept: "application/json", .secFetchSite: "same-origin"]
        headers.append(contentsOf: more)
        return headers
    }

    /// The members of a JSON answer.
    func members(_ response: Response) async throws -> [String: JSONValue] {
        guard case .object(let members)? = JSONValue(try await response.bytes()) else { throw SceneError.notAnObject }
        return members
    }
}

enum SceneError: Error {
    case noTenant, noRedirect, noCookie, notAnObject
}
