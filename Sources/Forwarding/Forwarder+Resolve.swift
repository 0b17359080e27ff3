internal import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import NIOCore
internal import Salesforce
internal import Wire

/// A request that memory does not answer, as text: it leaves its event loop.
struct ColdRequest: Sendable {
    let method: HTTPRequest.Method?
    /// Path and query.
    let target: String
    let host: String?
    let headers: HTTPFields
    /// Whether a header asks for another method.
    let isMethodOverridden: Bool

    /// The call's head is the last that the loop's facts are of.
    init(_ call: ForwardedCall) {
        let (buffer, lines) = (call.rawHead, call.state.requestScanner.fields)
        self.method = call.head.flatMap { HTTPRequest.Method($0.method.text(in: buffer)) }
        self.target = call.target.text(in: buffer)
        self.host = call.head?.host?.text(in: buffer)
        var headers = HTTPFields()
        for line in lines {
            guard let name = HTTPField.Name(line.name.text(in: buffer)) else { continue }
            headers.append(HTTPField(name: name, value: line.value.text(in: buffer)))
        }
        self.headers = headers
        self.isMethodOverridden = call.state.facts.methodOverride.count > 0
    }
}

/// What became of a request that memory did not answer.
enum Resolution: Sendable {
    case call(ResolvedCall)
    /// The answer to a frontend's preflight.
    case preflight(HTTPFields)
    case refused(GatewayError, Tenant?, UserID?)
}

extension Forwarder {
    /// Finds out whose a call is and whether it may be made, one phase after the other: resolve, admit, identify,
    /// authorise, select. Each is a value that only the one before can make.
    func resolve(_ request: ColdRequest, trust: EdgeTrust) async -> Resolution {
        var (tenant, user): (Tenant?, UserID?) = (nil, nil)
        do throws(GatewayError) {
            let found = try await self.tenant(of: request, trust: trust)
            tenant = found
            let admitted = try AdmittedCall(request, limits: limits)
            if let headers = try preflight(request, of: found) { return .preflight(headers) }
            let identified = try await IdentifiedCall(admitted, sessions: sessions, tenant: found)
            user = identified.caller.userID
            let authorised = try AuthorisedCall(identified, directory: directory, rule: rule, now: access.now())
            return .call(try await select(authorised))
        } catch {
            return .refused(error, tenant, user)
        }
    }

    private func tenant(of request: ColdRequest, trust: EdgeTrust) async throws(GatewayError) -> Tenant {
        guard let host = request.host, !host.isEmpty else {
            throw .badRequest("A request has exactly one Host, equal to its target's.")
        }
        if access.origin.isSecure, trust.cameByHTTP(request.headers) { throw .httpsRequired }
        guard case .tenant(let subdomain) = access.origin.route(host: host),
            let tenant = try await directory.tenant(subdomain)
        else { throw .notFound }
        return tenant
    }

    private func preflight(_ request: ColdRequest, of tenant: Tenant) throws(GatewayError) -> HTTPFields? {
        guard let method = request.method, CORSHeaders.isPreflight(method: method, headers: request.headers) else {
            return nil
        }
        let cors = CORSHeaders(rule: rule, label: tenant.customer.subdomain.label)
        guard let headers = cors.preflight(request.headers) else { throw .crossOrigin }
        return headers
    }

    private func select(_ authorised: AuthorisedCall) async throws(GatewayError) -> ResolvedCall {
        do {
            return ResolvedCall(caller: authorised.caller, token: try await ledger.token(for: authorised.caller))
        } catch {
            await endSession(of: authorised.caller, after: error)
            throw error
        }
    }

    /// A newer token than one that Salesforce called dead.
    func renew(_ call: ResolvedCall) async -> Result<LiveToken, GatewayError> {
        do {
            return .success(try await ledger.token(after: call.token, for: call.caller))
        } catch {
            await endSession(of: call.caller, after: error)
            return .failure(error)
        }
    }

    /// A dead grant ends the session; another failure of the ledger doesn't.
    private func endSession(of caller: Caller, after error: GatewayError) async {
        guard error == .grantDead, case .session(let session) = caller.proof,
            // One that was begun just now is of a sign-in that this process has not heard of yet.
            !caller.hasNewSession(at: access.now())
        else { return }
        // The refusal stands whether or not this can be written; a dead grant refuses the next call too.
        try? await sessions.end(session, in: caller.tenant)
    }
}

// MARK: - Phases

/// A request whose target is forwarded.
struct AdmittedCall: Sendable {
    let target: AdmittedTarget
    /// What the rules judge: POST where a header could make a GET that reads another method, whichever it names.
    let judgedMethod: HTTPRequest.Method
    let headers: HTTPFields

    /// Admits a request.
    ///
    /// - Throws: `.notFound`, `.notForwarded`, `.badRequest`.
    init(_ request: ColdRequest, limits: ForwardingLimits) throws(GatewayError) {
        guard let method = request.method else { throw .badRequest("The method is malformed.") }
        do {
            self.target = try PathAdmission.admit(method: method, target: request.target, limits: limits)
        } catch {
            switch error {
            case .notForwarded:
                throw PathAdmission.unforwardedAPI(request.target).map(GatewayError.notForwarded) ?? .notFound
            case .malformed(let how): throw .badRequest(how)
            }
        }
        self.judgedMethod = request.isMethodOverridden ? .post : method
        self.headers = request.headers
    }
}

/// An admitted call whose caller is known.
struct IdentifiedCall: Sendable {
    let admitted: AdmittedCall
    let caller: Caller

    /// Finds out who is calling.
    init(_ admitted: AdmittedCall, sessions: SessionKeeper, tenant: Tenant) async throws(GatewayError) {
        self.caller = try await sessions.identify(
            headers: admitted.headers, query: admitted.target.query.map(String.init), in: tenant)
        self.admitted = admitted
    }
}

/// A call that its caller may make.
struct AuthorisedCall: Sendable {
    let caller: Caller

    /// Judges suspension, subscription, connection to Salesforce, cross-origin rule and key scope.
    init(
        _ identified: IdentifiedCall, directory: TenantDirectory, rule: CrossOriginRule, now: Date
    ) throws(GatewayError) {
        let (admitted, caller) = (identified.admitted, identified.caller)
        if caller.isByCookie {
            let isAllowed = rule.allows(
                method: admitted.judgedMethod, path: admitted.target.authorisedPath, headers: admitted.headers,
                tenantOrigin: caller.tenant.origin,
                label: caller.tenant.customer.subdomain.label)
            guard isAllowed else { throw .crossOrigin }
        }
        switch caller.proof {
        case .session: break
        case .accessKey(let key):
            // An allow-list of exact spellings, so the raw path is what it reads.
            let path = String(admitted.target.path)
            guard SessionKeeper.allows(key.scope, method: admitted.judgedMethod, path: path) else { throw .keyScope }
        }
        try directory.admit(caller.tenant, at: now)
        self.caller = caller
    }
}
