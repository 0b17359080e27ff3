public import Access
internal import HTTPTypes
public import Hummingbird

/// Errors outside any site: no such workspace, overloaded, a malformed head. A page for browsers, problem details for
/// programs.
public struct ErrorPages: Sendable {
    private let pages: Pages
    private let headers: AnswerHeaders

    /// - Throws: ``WorkspaceError`` where a template is broken.
    public init(origin: PublicOrigin) throws {
        self.pages = try Pages()
        self.headers = AnswerHeaders(origin: origin)
    }

    /// An answer that says this error. `Accept` decides between page and problem details.
    public func answer(_ error: GatewayError, to request: Request, requestID: String) -> Response {
        let response = Self.response(Problem(error), pages: pages, request: request, requestID: requestID)
        return headers.finish(response, to: request.method, requestID: requestID)
    }

    /// The answer of a host that is nobody's: 404, the same whether the host is foreign, the label nested or the tenant
    /// unknown. The page's own files (`/assets/…`) are answered on every host.
    public func unknownHost(_ request: Request, requestID: String) -> Response {
        if case .asset(let name) = Route(path: request.uri.path), request.method == .get || request.method == .head,
            let response = pages.assets.response(name: name, headers: request.headers)
        {
            return headers.finish(response, to: request.method, requestID: requestID)
        }
        let problem = Problem(
            status: .notFound, code: "NOT_FOUND", title: "No such workspace",
            detail: "There is no workspace at this address. Check how it is spelled, or ask whoever gave it to you.")
        let response = Self.response(problem, pages: pages, request: request, requestID: requestID)
        return headers.finish(response, to: request.method, requestID: requestID)
    }

    static func response(_ problem: Problem, pages: Pages, request: Request, requestID: String) -> Response {
        guard ContentNegotiation.prefersPage(request.headers) else {
            return problem.jsonResponse(requestID: requestID, instance: request.uri.path)
        }
        return pages.problem(problem, company: nil, requestID: requestID)
    }
}
