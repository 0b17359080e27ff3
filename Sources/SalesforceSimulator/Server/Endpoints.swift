import Foundation
import Logging
import NIOCore

/// Which endpoint of a host a request is for.
struct Endpoints: Sendable {
    let core: SimulatorCore
    let request: SimulatedRequest
    let role: HostRole?
    let faults: FaultRun

    func answer() async throws -> SimulatedAnswer {
        guard let role else { return Self.noRoute }
        switch role {
        case .genericLogin, .login:
            if let answer = SignInEndpoints(core: core, request: request, role: role).answer() { return answer }
            return try await tokenEndpoints(role) ?? Self.missing(request)
        case .instance(let orgID):
            if let answer = try await tokenEndpoints(role) { return answer }
            return api(orgID)
        case .formerInstance(let orgID, let former): return formerInstance(orgID, former)
        }
    }

    private func tokenEndpoints(_ role: HostRole) async throws -> SimulatedAnswer? {
        try await TokenEndpoints(core: core, request: request, role: role, faults: faults).answer()
    }

    /// What Salesforce's edge says of a host that it has no route for.
    private static let noRoute = SimulatedAnswer.text(
        420, "<html><body><h1>Down for Maintenance</h1><p>No route for this host.</p></body></html>")

    private static func missing(_ request: SimulatedRequest) -> SimulatedAnswer {
        if request.path.hasPrefix("/services/") { return RESTError.notFound.answer(asXML: request.wantsXML) }
        return .text(
            404,
            SignInPages.error(code: "URL No Longer Exists", description: "There is nothing at this address.").markup)
    }

    private func formerInstance(_ orgID: String, _ former: FormerInstance) -> SimulatedAnswer {
        switch former {
        case .dead: return Self.noRoute
        case .redirects:
            let host = core.withState { $0.orgs[orgID]?.instanceHost } ?? ""
            return SimulatedAnswer(status: 301)
                .adding("Location", "http://\(host):\(core.port.current ?? 0)\(request.target)")
        case .sessionExpired: return RESTError(SessionFailure.dead).answer(asXML: request.wantsXML)
        }
    }

    // MARK: API

    private func api(_ orgID: String) -> SimulatedAnswer {
        let segments = request.segments
        guard segments.first == "services", segments.count >= 2 else { return Self.missing(request) }
        switch segments[1] {
        case "data" where segments.count == 2: return .json(200, RESTService.versionList)
        case "data": return rest(orgID, version: segments[2], segments: Array(segments.dropFirst(3)))
        case "apexrest": return authenticated(orgID) { ApexREST(request: request).answer($0) }
        case "async": return BulkV1(core: core, request: request, orgID: orgID).answer()
        case _: return Self.missing(request)
        }
    }

    /// Accepts the token, counts the call, and adds the limit header.
    private func authenticated(
        _ orgID: String, _ body: (APIPrincipal) throws -> SimulatedAnswer
    ) -> SimulatedAnswer {
        do {
            let (principal, used) = try core.step { state, surroundings in
                let principal = try state.authenticate(
                    token: request.accessToken, orgID: orgID, needsAPI: true, now: surroundings.now)
                guard principal.org.apiRequestsUsed < principal.org.apiRequestsMax else {
                    throw RESTError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
                }
                state.orgs[orgID]?.apiRequestsUsed += 1
                return (principal, principal.org.apiRequestsUsed + 1)
            }
            let limit = "api-usage=\(used)/\(principal.org.apiRequestsMax)"
            do {
                return try body(principal).adding("Sforce-Limit-Info", limit)
            } catch let error as RESTError {
                return error.answer(asXML: request.wantsXML).adding("Sforce-Limit-Info", limit)
            }
        } catch let failure as SessionFailure {
            return RESTError(failure).answer(asXML: request.wantsXML)
        } catch let error as RESTError {
            return error.answer(asXML: request.wantsXML)
        } catch {
            core.logger.error("API call failed", metadata: ["error": "\(error)"])
            return RESTError(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred").answer
        }
    }

    private func rest(_ orgID: String, version: String, segments: [String]) -> SimulatedAnswer {
        authenticated(orgID) { principal in
            guard let number = version.wholeMatch(of: /v(\d\d)\.0/).flatMap({ Int($0.1) }),
                RESTService.versions.contains(number)
            else { throw RESTError.notFound }
            if segments.first?.lowercased() == "jobs" {
                let work = BulkWork(core: core, principal: principal, version: version)
                return try BulkV2(request: request, work: work).answer(Array(segments.dropFirst()))
            }
            let override = request.method == "POST" ? request.query["_HttpMethod"] : nil
            let call = RESTCall(
                method: override?.uppercased() ?? request.method, segments: segments, query: request.query,
                body: Array(request.body.readableBytesView), batchSize: batchSize)
            return try perform(call, principal: principal, version: version)
        }
    }

    /// Reads work on a snapshot; whatever may write works on the state itself, so that it is one step.
    private func perform(_ call: RESTCall, principal: APIPrincipal, version: String) throws -> SimulatedAnswer {
        let orgID = principal.org.id
        func run(_ org: OrgState, _ surroundings: Surroundings) throws -> (RESTService, RESTResult) {
            var service = RESTService(org: org, user: principal.user, version: version, surroundings: surroundings)
            let result = try service.call(call)
            return (service, result)
        }
        let (service, result): (RESTService, RESTResult)
        if call.method == "GET" || call.method == "HEAD" {
            let (org, surroundings) = core.step { state, surroundings in
                (state.orgs[orgID] ?? principal.org, surroundings)
            }
            (service, result) = try run(org, surroundings)
            core.withState { state in
                guard !service.newCursors.isEmpty, var org = state.orgs[orgID] else { return }
                RESTService.store(service.newCursors, in: &org)
                state.orgs[orgID] = org
            }
        } else {
            (service, result) = try core.step { state, surroundings in
                var (service, result) = try run(state.orgs[orgID] ?? principal.org, surroundings)
                RESTService.store(service.newCursors, in: &service.org)
                state.orgs[orgID] = service.org
                return (service, result)
            }
        }
        var answer =
            result.body.map { SimulatedAnswer.json(result.status, $0) } ?? SimulatedAnswer(status: result.status)
        answer.headers += result.headers
        if service.anonymousExecutions > 0 {
            core.withState { $0.counters.anonymousExecutions += service.anonymousExecutions }
            answer.note = "executeAnonymous ran"
        }
        return answer
    }

    /// From `Sforce-Query-Options: batchSize=500`.
    private var batchSize: Int? {
        for option in (request.header("Sforce-Query-Options") ?? "").split(separator: ",") {
            let halves = option.split(separator: "=").map { $0.filter { $0 != " " } }
            if halves.count == 2, halves[0].lowercased() == "batchsize" { return Int(halves[1]) }
        }
        return nil
    }
}
