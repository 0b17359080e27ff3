internal import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import Telemetry
internal import Workspace

/// The context of a request before anything is known of it.
struct RootContext: RequestContext {
    var coreContext: CoreRequestContextStorage

    init(source: ApplicationRequestContextSource) {
        self.coreContext = .init(source: source)
    }
}

/// Every request's first steps: probes, one `Host`, which site, which tenant (contract §1).
struct RootResponder: HTTPResponder {
    typealias Context = RootContext

    let origin: PublicOrigin
    let trust: EdgeTrust
    let probes: Probes
    let state: GatewayState
    let frontDoor: FrontDoor
    let errorPages: ErrorPages
    let logger: Logger
    let now: @Sendable () -> Date
    let makeID: @Sendable () -> UUID

    func respond(to request: Request, context: RootContext) async throws -> Response {
        let requestID = trust.requestID(request.headers, make: makeID)
        let receivedAt = now()
        var response: Response
        switch await answer(request, requestID: requestID) {
        case .told(let answer): response = answer
        case .untold(let answer):
            response = answer
            RequestLine.write(
                request, status: answer.status.code, seconds: now().timeIntervalSince(receivedAt),
                to: logger.with([.requestID: "\(requestID)"]))
        }
        response.headers[.requestID] = requestID
        if origin.isSecure { response.headers[.strictTransportSecurity] = "max-age=31536000; includeSubDomains" }
        // Heroku's router and others keep idle connections: tell them to leave before the process does.
        if state.isDraining { response.headers[.connection] = "close" }
        return response
    }

    /// An answer, and whether the log has its line, or needs none.
    private enum Answer {
        case told(Response)
        case untold(Response)
    }

    private func answer(_ request: Request, requestID: String) async -> Answer {
        let path = request.head.path.map { String($0.prefix { $0 != "?" }) } ?? "/"
        if let probe = probes.answer(method: request.method, path: path, headers: request.headers) {
            return .told(probe)
        }
        // A second `Host` stays among the fields; the first became the authority.
        guard let authority = request.head.authority, !authority.isEmpty, request.headers[.host] == nil else {
            return .untold(
                refusal(.badRequest("A request has exactly one Host, equal to its target's."), request, requestID))
        }
        if origin.isSecure, trust.cameByHTTP(request.headers) {
            return .untold(redirectToHTTPS(request, authority: authority, path: path, requestID: requestID))
        }
        switch origin.route(host: authority) {
        case .frontDoor:
            return .untold(await frontDoor.respond(to: request, requestID: requestID))
        case .tenant(let subdomain):
            return await tenantAnswer(request, subdomain: subdomain, requestID: requestID)
        case .console, .unknown:
            return .untold(unknownHost(request, requestID))
        }
    }

    private func tenantAnswer(_ request: Request, subdomain: Subdomain, requestID: String) async -> Answer {
        do throws(GatewayError) {
            guard let sites = state.sites else { throw .unavailable(.databaseAway, retryAfterSeconds: 5) }
            guard let tenant = try await sites.directory.tenant(subdomain) else {
                return .untold(unknownHost(request, requestID))
            }
            let logger = logger.with([.requestID: "\(requestID)", .tenant: "\(subdomain)"])
            let call = TenantCall(
                tenant: tenant, requestID: requestID, receivedAt: now(), userAgent: request.headers[.userAgent],
                logger: logger)
            return .told(await sites.workspace.respond(to: request, in: call))
        } catch {
            return .untold(refusal(error, request, requestID))
        }
    }

    /// A refusal before a tenant is known, in the form that the path's callers read.
    private func refusal(_ error: GatewayError, _ request: Request, _ requestID: String) -> Response {
        errorPages.answer(error, to: request, requestID: requestID)
    }

    /// Nothing tells a foreign host, a nested label and an unknown tenant apart.
    private func unknownHost(_ request: Request, _ requestID: String) -> Response {
        errorPages.unknownHost(request, requestID: requestID)
    }

    private func redirectToHTTPS(_ request: Request, authority: String, path: String, requestID: String) -> Response {
        let isPage = request.method == .get || request.method == .head
        guard isPage, !path.hasPrefix("/api/"),
            origin.route(host: authority) != .unknown, let name = PublicOrigin.name(ofAuthority: authority)
        else {
            return refusal(.httpsRequired, request, requestID)
        }
        let port = origin.port.map { ":\($0)" } ?? ""
        return Response(
            status: .permanentRedirect, headers: [.location: "https://\(name)\(port)\(request.head.path ?? "/")"])
    }
}
