public import Access
internal import Domain
internal import HTTPTypes
public import Hummingbird

/// The base domain and `www.`: find your workspace.
public struct FrontDoor: Sendable {
    private static let methods: [HTTPRequest.Method] = [.get, .head, .options]

    private let origin: PublicOrigin
    private let pages: Pages
    private let headers: AnswerHeaders

    /// - Throws: ``WorkspaceError`` where a template is broken.
    public init(origin: PublicOrigin) throws {
        self.origin = origin
        self.pages = try Pages()
        self.headers = AnswerHeaders(origin: origin)
    }

    /// Answers every request at the base domain. `GET /?workspace=axonify` leads to that workspace's host, whether
    /// there is one or not: this page tells nobody which workspaces there are.
    public func respond(to request: Request, requestID: String) async -> Response {
        headers.finish(answer(request, requestID: requestID), to: request.method, requestID: requestID)
    }

    private func answer(_ request: Request, requestID: String) -> Response {
        let route = Route(path: request.uri.path)
        switch route {
        case .home, .asset:
            guard Self.methods.contains(request.method) else {
                return refuse(RequestError.methodNotAllowed(Self.methods), request, requestID)
            }
            guard request.method != .options else {
                return Response(status: .noContent, headers: [.allow: Self.methods.allowValue])
            }
            guard case .asset(let name) = route else { return page(request) }
            return pages.assets.response(name: name, headers: request.headers)
                ?? refuse(GatewayError.notFound, request, requestID)
        case .login, .callback, .logout, .session, .me, .config, .configWarnings, .keys, .key, .users, .user, .sessions,
            .someSession, .audit, .openAPI, .docs, .settingsStart, .settings, .unknownAPI, .unknown:
            return refuse(GatewayError.notFound, request, requestID)
        }
    }

    private func page(_ request: Request) -> Response {
        guard let entered = QueryString(request.uri.query)["workspace"] else { return form(entered: "", message: nil) }
        let name = entered.filter { !$0.isWhitespace }
        guard !name.isEmpty else { return form(entered: "", message: "Enter the name of your workspace.") }
        guard let subdomain = subdomain(of: name) else {
            return form(
                entered: entered,
                message: "This is not the name of a workspace. A name has letters, digits and hyphens, for example"
                    + " “axonify”.")
        }
        return Response(status: .seeOther, headers: [.location: origin.origin(of: subdomain) + "/"])
    }

    /// A label, or a workspace's whole address, which people copy from somewhere.
    private func subdomain(of entered: String) -> Subdomain? {
        if let subdomain = try? Subdomain(entered) { return subdomain }
        let address = entered.split(separator: "://", maxSplits: 1).last ?? ""
        guard case .tenant(let subdomain) = origin.route(host: String(address.prefix { $0 != "/" })) else { return nil }
        return subdomain
    }

    private func form(entered: String, message: String?) -> Response {
        let page = FrontDoorPage(
            frame: pages.frame(heading: "Find your workspace", company: nil), suffix: "." + origin.baseDomain,
            entered: String(entered.prefix(Self.enteredLengthMax)), message: message)
        return pages.frontDoor(
            page, status: message == nil ? .ok : .badRequest, formTarget: origin.anyTenantSource)
    }

    /// How much of a wrong entry is shown again: more than the longest host name.
    private static let enteredLengthMax = 300

    private func refuse(_ error: any Error, _ request: Request, _ requestID: String) -> Response {
        ErrorPages.response(Problem(error), pages: pages, request: request, requestID: requestID)
    }
}

extension PublicOrigin {
    /// All tenants' origins as a CSP source, e.g. `https://*.formation.pikesquare.co`.
    fileprivate var anyTenantSource: String {
        "\(isSecure ? "https" : "http")://*.\(baseDomain)\(port.map { ":\($0)" } ?? "")"
    }
}
