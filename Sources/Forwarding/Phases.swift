internal import Access
internal import AsyncHTTPClient
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NIOHTTP1
internal import Salesforce

// The way of a forwarded call, one value a phase; each is made from the one before, so none can be skipped:
// admit → (resolve: the caller has done it) → identify → authorise → select → prepare → exchange → answer → record.

/// A request whose target is forwarded and whose body's framing is plain.
struct AdmittedCall: Sendable {
    let target: AdmittedTarget
    let method: HTTPRequest.Method
    let headers: HTTPFields
    let framing: UploadBody.Framing

    /// Admits a request.
    ///
    /// - Throws: `.notFound`, `.badRequest`.
    init(_ request: Request, limits: ForwardingLimits) throws(GatewayError) {
        do {
            self.target = try PathAdmission.admit(
                method: request.method, target: request.head.path ?? "", limits: limits)
        } catch {
            switch error {
            case .notForwarded: throw .notFound
            case .malformed(let how): throw .badRequest(how)
            }
        }
        self.method = request.method
        self.headers = request.headers
        self.framing = try Self.framing(of: request.headers)
    }

    private static func framing(of headers: HTTPFields) throws(GatewayError) -> UploadBody.Framing {
        let encodings = headers[values: .transferEncoding]
        guard encodings.isEmpty else {
            // Another coding would have to be undone before the body is framed anew (RFC 9112 §7).
            guard encodings.count == 1, encodings.first?.lowercased() == "chunked" else {
                throw .badRequest("The transfer coding must be chunked.")
            }
            return .chunked
        }
        guard let text = headers[.contentLength] else { return .none }
        guard let length = Int64(text), length >= 0 else {
            throw .badRequest("Content-Length must be a number.")
        }
        return length > 0 ? .length(length) : .none
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
    let admitted: AdmittedCall
    let caller: Caller

    /// Judges suspension, subscription, connection to Salesforce, cross-origin rule and key scope.
    init(
        _ identified: IdentifiedCall, directory: TenantDirectory, rule: CrossOriginRule, now: Date
    ) throws(GatewayError) {
        let (admitted, caller) = (identified.admitted, identified.caller)
        if caller.isByCookie {
            let isAllowed = rule.allows(
                method: admitted.method, path: admitted.target.authorisedPath, headers: admitted.headers,
                tenantOrigin: caller.tenant.origin,
                label: caller.tenant.customer.subdomain.label)
            guard isAllowed else { throw .crossOrigin }
        }
        switch caller.proof {
        case .session: break
        case .accessKey(let key):
            // An allow-list of exact spellings, so the raw path is what it reads.
            let path = String(admitted.target.path)
            guard SessionKeeper.allows(key.scope, method: admitted.method, path: path) else { throw .keyScope }
        }
        try directory.admit(caller.tenant, at: now)
        self.admitted = admitted
        self.caller = caller
    }
}

/// An authorised call with its turn at the gate and a live token.
struct SelectedCall: Sendable {
    let admitted: AdmittedCall
    let caller: Caller
    let token: LiveToken
    let place: TenantGate.Place

    /// Waits for the call's turn and its token.
    init(_ authorised: AuthorisedCall, gate: TenantGate, ledger: TokenLedger) async throws(GatewayError) {
        self.place = try await gate.enter(authorised.caller.tenant.id)
        self.token = try await ledger.token(for: authorised.caller)
        self.admitted = authorised.admitted
        self.caller = authorised.caller
    }

    /// The same call with the token that comes after a dead one.
    init(_ call: SelectedCall, ledger: TokenLedger) async throws(GatewayError) {
        self.token = try await ledger.token(after: call.token, for: call.caller)
        self.place = call.place
        self.admitted = call.admitted
        self.caller = call.caller
    }
}

/// A selected call as Salesforce gets it.
struct PreparedCall: Sendable {
    let selected: SelectedCall
    let upload: UploadBody
    private let headers: HTTPHeaders

    /// Strips, then sets the headers.
    init(_ selected: SelectedCall, upload: UploadBody) {
        self.selected = selected
        self.upload = upload
        var headers = HeaderTable.towardsSalesforce(
            selected.admitted.headers, slot: selected.caller.slot, token: selected.token.accessToken,
            instance: selected.token.instance)
        headers.add(name: InternalHeader.target, value: selected.admitted.target.raw)
        self.headers = headers
    }

    /// Whether the call may be made again where nobody knows whether it was executed (RFC 9110 §9.2.2).
    var isIdempotent: Bool {
        [.get, .head, .options, .put, .delete].contains(selected.admitted.method)
    }

    /// The request of one attempt.
    func makeRequest() -> HTTPClientRequest {
        // The target in the request line is `InternalHeader.target`'s.
        var request = HTTPClientRequest(url: selected.token.instance.description + "/")
        request.method = HTTPMethod(rawValue: selected.admitted.method.rawValue)
        request.headers = headers
        switch upload.framing {
        case .none: break
        case .length(let length): request.body = .stream(upload.makeChunks(), length: .known(length))
        case .chunked: request.body = .stream(upload.makeChunks(), length: .unknown)
        }
        return request
    }
}
