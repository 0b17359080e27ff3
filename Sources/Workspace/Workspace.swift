public import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
public import Hummingbird
internal import Logging
public import Salesforce

/// A tenant's host, as far as it is not forwarded: sign-in, JSON API, and the built-in workspace and settings pages.
///
/// Contract §2. One way in (``respond(to:in:)``), one list of routes (`Route`), one place where errors become answers
/// (`Problem`), one where every answer gets its headers (`AnswerHeaders`).
public struct Workspace: Sendable {
    let access: AccessContext
    let directory: TenantDirectory
    let sessions: SessionKeeper
    let ledger: TokenLedger
    let signIn: SignIn
    let people: People
    let descriptions: ObjectDescriptions
    let rule: CrossOriginRule
    let pages: Pages
    let document: APIDocument
    private let headers: AnswerHeaders
    private let frontend: FrontendFiles?

    /// A workspace site for all tenants.
    ///
    /// - Parameters:
    ///   - describing: what tells of an org's objects, against which field mappings are held.
    ///   - frontend: what takes the place of the built-in workspace page.
    ///   - salesforceAPIVersion: the version that the query explorer asks for, e.g. `v62.0`.
    /// - Throws: ``WorkspaceError`` where a template is broken, or the version is none.
    public init(
        access: AccessContext, directory: TenantDirectory, sessions: SessionKeeper, ledger: TokenLedger,
        signIn: SignIn, describing: any SalesforceDescribing, rule: CrossOriginRule, frontend: FrontendFiles? = nil,
        salesforceAPIVersion: String = "v62.0"
    ) throws {
        guard salesforceAPIVersion.wholeMatch(of: /v[0-9]{2,3}\.0/) != nil else {
            throw WorkspaceError.notAnAPIVersion
        }
        self.access = access
        self.directory = directory
        self.sessions = sessions
        self.ledger = ledger
        self.signIn = signIn
        self.people = People(context: access, sessions: sessions, ledger: ledger)
        self.descriptions = ObjectDescriptions(context: access, ledger: ledger, describing: describing)
        self.rule = rule
        self.pages = try Pages(queryPath: "/services/data/\(salesforceAPIVersion)/query")
        self.document = APIDocument(cookieName: sessions.cookieName)
        self.headers = AnswerHeaders(origin: access.origin)
        self.frontend = frontend
    }

    /// Answers every path of a tenant's host that is not forwarded. Errors are answers too.
    public func respond(to request: Request, in call: TenantCall) async -> Response {
        let exchange = Exchange(request: request, call: call)
        let cors = CORSHeaders(rule: rule, label: call.tenant.customer.subdomain.label)
        var response: Response
        var problem: Problem?
        do {
            response = try await answer(exchange, cors: cors)
        } catch {
            let refusal = self.problem(error, of: exchange)
            response = render(refusal, for: exchange)
            problem = refusal
        }
        cors.apply(to: &response.headers, request: request.headers)
        response = headers.finish(response, to: request.method, requestID: call.requestID)
        RequestLine.write(
            request, status: response.status.code, seconds: access.now().timeIntervalSince(call.receivedAt),
            error: problem?.code, to: call.logger)
        return response
    }

    private func answer(_ exchange: Exchange, cors: CORSHeaders) async throws -> Response {
        let methods = exchange.route.methods
        if CORSHeaders.isPreflight(method: exchange.request.method, headers: exchange.request.headers) {
            guard let fields = cors.preflight(exchange.request.headers) else { throw GatewayError.crossOrigin }
            return Response(status: .noContent, headers: fields)
        }
        if let response = try await frontendAnswer(exchange) { return response }
        guard !methods.isEmpty else { throw GatewayError.notFound }
        guard methods.contains(exchange.request.method) else { throw RequestError.methodNotAllowed(methods) }
        if exchange.request.method == .options {
            return Response(status: .noContent, headers: [.allow: methods.allowValue])
        }
        switch exchange.route {
        case .home: return try await home(exchange)
        case .asset(let name):
            guard let response = pages.assets.response(name: name, headers: exchange.request.headers) else {
                throw GatewayError.notFound
            }
            return response
        case .login: return try login(exchange)
        case .callback: return try await callback(exchange)
        case .logout: return try await logout(exchange)
        case .session: return try await session(exchange)
        case .me: return try await me(exchange)
        case .config where exchange.request.method == .patch: return try await patchConfig(exchange)
        case .config: return try await config(exchange)
        case .configWarnings: return try await configWarnings(exchange)
        case .keys where exchange.request.method == .post: return try await createKey(exchange)
        case .keys: return try await keys(exchange)
        case .key(let id): return try await endKey(id, exchange)
        case .users: return try await users(exchange)
        case .user(let id) where exchange.request.method == .patch: return try await changeUser(id, exchange)
        case .user(let id): return try await user(id, exchange)
        case .sessions: return try await listSessions(exchange)
        case .someSession(let id): return try await endSession(id, exchange)
        case .audit: return try await audit(exchange)
        case .settingsStart: return .seeOther(SettingsPage.first.path)
        case .settings(let page): return try await settings(page, exchange)
        case .openAPI: return document.response(headers: exchange.request.headers)
        case .docs: return docs(exchange)
        case .unknownAPI, .unknown: throw GatewayError.notFound
        }
    }

    /// A file or page of the vendor's frontend, where there is one and the path is not the gateway's own.
    private func frontendAnswer(_ exchange: Exchange) async throws -> Response? {
        guard let frontend, exchange.route.isOpenToFrontend, [.get, .head].contains(exchange.request.method) else {
            return nil
        }
        var headers = exchange.request.headers
        // A range is for GET alone (RFC 9110 §14.2).
        if exchange.request.method == .head { headers[.range] = nil }
        return try await frontend.response(path: exchange.request.uri.path, headers: headers)
    }

    private func problem(_ error: any Error, of exchange: Exchange) -> Problem {
        if !(error is GatewayError || error is RequestError || error is SignInError) {
            // The type alone: what an unforeseen error says of itself could hold anything.
            exchange.call.logger.info(
                "A request failed in a way that was not foreseen", metadata: ["error": "\(type(of: error))"])
        }
        return Problem(error)
    }

    private func render(_ problem: Problem, for exchange: Exchange) -> Response {
        let isForPerson =
            switch exchange.route.reader {
            case .person: true
            case .program: false
            case .either: ContentNegotiation.prefersPage(exchange.request.headers)
            }
        guard isForPerson else {
            return problem.jsonResponse(requestID: exchange.call.requestID, instance: exchange.request.uri.path)
        }
        return pages.problem(
            problem, company: exchange.call.tenant.customer.companyName, requestID: exchange.call.requestID)
    }
}

/// Why a ``Workspace`` can't be made: a mistake in the program or its settings.
public enum WorkspaceError: Error, Sendable, Hashable {
    /// A template does not parse; its name.
    case brokenTemplate(String)
    /// A template writes a value without escaping it; its name.
    case unescapedValue(String)
    /// A template uses another one that is not there; both names.
    case missingTemplate(String, usedBy: String)
    /// The Salesforce API version is not of the form `v62.0`.
    case notAnAPIVersion
}

/// One request with its route.
struct Exchange: Sendable {
    let request: Request
    let call: TenantCall
    let route: Route

    init(request: Request, call: TenantCall) {
        self.request = request
        self.call = call
        self.route = Route(path: request.uri.path)
    }

    var tenant: Tenant { call.tenant }
    var cookies: [String] { request.headers[values: .cookie] }
}
