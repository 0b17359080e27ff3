public import Access
public import AsyncHTTPClient
internal import Domain
internal import Foundation
public import HTTPTypes
public import Hummingbird
internal import NIOCore
internal import NIOHTTP1
internal import Salesforce

/// Forwards `/services/**` to the caller's own Salesforce instance, with the caller's own access token (contract §2).
///
/// Two parts of the contract are beyond this plane, which stands on an HTTP server with its own parser: header values
/// that are not UTF-8 lose the bytes that aren't, and an HTTP/1.0 client gets a chunked answer where Salesforce
/// states no length.
public struct Forwarder: Sendable {
    private let access: AccessContext
    private let directory: TenantDirectory
    private let sessions: SessionKeeper
    private let ledger: TokenLedger
    private let rule: CrossOriginRule
    private let upstream: HTTPClient
    private let limits: ForwardingLimits
    private let gate: TenantGate
    private let metrics: ForwardingMetrics
    private let connections: ClientConnections

    /// A forwarder; `upstream` must be made with ``clientConfiguration(loopbackNames:limits:)``, and the server with
    /// the handlers of `connections`.
    public init(
        access: AccessContext, directory: TenantDirectory, sessions: SessionKeeper, ledger: TokenLedger,
        rule: CrossOriginRule, upstream: HTTPClient, limits: ForwardingLimits,
        connections: ClientConnections = ClientConnections()
    ) {
        self.access = access
        self.directory = directory
        self.sessions = sessions
        self.ledger = ledger
        self.rule = rule
        self.upstream = upstream
        self.limits = limits
        self.gate = TenantGate(limits: limits)
        self.metrics = ForwardingMetrics()
        self.connections = connections
    }

    /// Whether a path is this room's: `/services`, `/services/**`, `/cometd`, `/cometd/**`, in whatever spelling (case,
    /// escapes, dot segments) a lax reader could take for one of those.
    public static func claims(path: String) -> Bool {
        PathAdmission.claims(path)
    }

    /// Answers a request at a tenant's host: with Salesforce's answer, or in Salesforce's shape.
    ///
    /// The body of the answer is read from Salesforce while the server writes it.
    public func respond(to request: Request, in call: TenantCall) async -> Response {
        let record = CallRecord(
            call, method: request.method, path: request.head.path ?? "", metrics: metrics, now: access.now)
        let connection = connections.connection(of: request.headers)
        let context = Context(
            request: request, call: call, record: record, connection: connection,
            cors: CORSHeaders(rule: rule, label: call.tenant.customer.subdomain.label))
        var upload: UploadBody?
        do {
            let admitted = try AdmittedCall(request, limits: limits)
            if let preflight = try preflight(context) { return preflight }
            let identified = try await IdentifiedCall(admitted, sessions: sessions, tenant: call.tenant)
            record.note(user: identified.caller.user.id)
            let authorised = try AuthorisedCall(identified, directory: directory, rule: rule, now: access.now())
            let selected = try await select(authorised)
            let body = makeUpload(admitted, context)
            upload = body
            return try await answer(forward(selected, body, context), body, context)
        } catch {
            return refuse(error, upload, context)
        }
    }

    /// An answer of the gateway's own on a path that ``claims(path:)`` takes, before a tenant is known.
    public static func refusal(_ error: GatewayError, method: HTTPRequest.Method) -> Response {
        let (status, headers, body) = ErrorAnswer.make(error, requestID: nil, isSecure: false)
        return Response(
            status: status, headers: headers, body: method == .head ? ResponseBody() : ResponseBody(byteBuffer: body))
    }

    /// What stays the same through one request.
    private struct Context: Sendable {
        let request: Request
        let call: TenantCall
        let record: CallRecord
        let connection: ClientConnection?
        let cors: CORSHeaders
    }
}

// MARK: - select and exchange

extension Forwarder {
    private func select(_ authorised: AuthorisedCall) async throws(GatewayError) -> SelectedCall {
        do {
            return try await SelectedCall(authorised, gate: gate, ledger: ledger)
        } catch {
            await endSession(of: authorised.caller, after: error)
            throw error
        }
    }

    /// A dead grant ends the session; another failure of the ledger doesn't.
    private func endSession(of caller: Caller, after error: GatewayError) async {
        guard error == .grantDead, case .session(let session) = caller.proof else { return }
        // The refusal stands whether or not this can be written; a dead grant refuses the next call too.
        try? await sessions.end(session, in: caller.tenant)
    }

    private func makeUpload(_ admitted: AdmittedCall, _ context: Context) -> UploadBody {
        let expectsContinue = admitted.headers[.expect]?.lowercased() == "100-continue"
        return UploadBody(
            framing: admitted.framing, source: context.request.body, keepBytesMax: limits.replayBodyBytesMax
        ) { [connection = context.connection] in
            if expectsContinue { connection?.sendContinue() }
        }
    }

    /// Makes the call, and once more with a fresh token where the session turns out to be dead: a call that was
    /// answered so was not executed, whatever its method.
    private func forward(
        _ selected: SelectedCall, _ upload: UploadBody, _ context: Context
    ) async throws(GatewayError) -> Answer {
        let first = try await exchange(PreparedCall(selected, upload: upload), context)
        guard try await isDeadSession(first) else { return first }
        do {
            let renewed = try await SelectedCall(selected, ledger: ledger)
            guard upload.isReplayable else { return first }
            context.record.noteReplay()
            return try await exchange(PreparedCall(renewed, upload: upload), context)
        } catch {
            await endSession(of: selected.caller, after: error)
            // What can't be sent again gets Salesforce's own answer.
            if upload.isReplayable { throw error }
            return first
        }
    }

    private func exchange(_ prepared: PreparedCall, _ context: Context) async throws(GatewayError) -> Answer {
        let began = access.now()
        defer { context.record.add(upstreamSeconds: max(0, access.now().timeIntervalSince(began))) }
        let exchange = Exchange(
            client: upstream, limits: limits, connection: context.connection, remaining: remaining(of: context.call))
        do {
            return try await exchange.run(prepared)
        } catch {
            switch error {
            case .closed, .unreachable: throw .upstreamUnreachable
            case .timedOut: throw .upstreamTimeout
            case .clientGone:
                // Nobody reads the answer to this; 499 is what other proxies log.
                context.record.note(status: 499)
                context.record.finish(.clientGone)
                throw .badRequest("The request was broken off.")
            }
        }
    }

    private func isDeadSession(_ answer: Answer) async throws(GatewayError) -> Bool {
        let status = Int(answer.status.code)
        let path = answer.selected.admitted.target.path
        guard SessionAnswer.isCandidate(status: status, path: path) else { return false }
        let body: [UInt8]
        do {
            body = try await answer.body.peek(bytesMax: limits.sessionAnswerBytesMax)
        } catch {
            throw .upstreamUnreachable
        }
        let verdict = SessionAnswer.verdict(
            status: status, contentType: answer.headers.first(name: "Content-Type") ?? "",
            contentEncoding: answer.headers["Content-Encoding"].joined(separator: ", "), body: body)
        switch verdict {
        case .dead: return true
        case .alive: return false
        case .unreadable:
            // 403 is a dead session's at the identity endpoints alone; elsewhere it is a right that the user lacks.
            return (status != 403 || path == "/services/oauth2/userinfo") && ledger.isCurrent(answer.selected.token)
        }
    }

    private func remaining(of call: TenantCall) -> Duration {
        let spent = Duration.seconds(access.now().timeIntervalSince(call.receivedAt))
        return max(.zero, limits.totalTimeout - spent)
    }
}

// MARK: - answer

extension Forwarder {
    private func answer(
        _ answer: Answer, _ upload: UploadBody, _ context: Context
    ) async throws(GatewayError) -> Response {
        let record = context.record
        record.note(status: Int(answer.status.code))
        var headers = HeaderTable.towardsClient(
            answer.headers, instance: answer.selected.token.instance, tenantOrigin: context.call.tenant.origin,
            requestID: context.call.requestID)
        context.cors.apply(to: &headers, request: context.request.headers)
        if context.connection != nil, let name = HTTPField.Name(InternalHeader.date) { headers[name] = headers[.date] }
        let status = HTTPResponse.Status(
            code: Int(answer.status.code), reasonPhrase: answer.status.reasonPhrase)
        guard answer.isBodiless || answer.contentLength == 0 else {
            return Response(status: status, headers: headers, body: relayed(answer, upload, context))
        }
        // Read to its end, so that the connection is good for the next call.
        do {
            while try await answer.body.next() != nil {}
        } catch {
            throw .upstreamUnreachable
        }
        answer.selected.place.leave()
        record.note(bytesIn: upload.byteCount)
        record.finish(.forwarded)
        var response = Response(status: status, headers: headers, body: whole(nil, upload))
        // The server states a length of 0 where there is none; for HEAD that is only right where GET would say so.
        let isServerRepaired = context.connection != nil || answer.selected.admitted.method != .head
        if answer.contentLength == nil, isServerRepaired { response.headers[.contentLength] = nil }
        return response
    }

    /// The body of an answer, streamed.
    private func relayed(_ answer: Answer, _ upload: UploadBody, _ context: Context) -> ResponseBody {
        let (record, place) = (context.record, answer.selected.place)
        let relay = Relay(
            body: answer.body, connection: context.connection, remaining: remaining(of: context.call),
            onBytes: { record.add(bytesOut: $0) })
        return ResponseBody(contentLength: answer.contentLength) { writer in
            defer { place.leave() }
            do throws(Relay.Interruption) {
                try await relay.run(writer)
            } catch {
                record.note(bytesIn: upload.byteCount)
                record.finish(error.ending)
                throw error
            }
            record.note(bytesIn: upload.byteCount)
            record.finish(.forwarded)
            // An answer that came before the end of the upload: the server reads the rest, once we don't.
            await upload.quiesce()
        }
    }

    /// A body that is known already.
    private func whole(_ bytes: ByteBuffer?, _ upload: UploadBody?) -> ResponseBody {
        guard let upload, upload.isUnfinished else {
            return bytes.map { ResponseBody(byteBuffer: $0) } ?? ResponseBody()
        }
        return ResponseBody(contentLength: bytes?.readableBytes ?? 0) { writer in
            if let bytes { try await writer.write(bytes) }
            try await writer.finish(nil)
            await upload.quiesce()
        }
    }

    private func refuse(_ error: GatewayError, _ upload: UploadBody?, _ context: Context) -> Response {
        let record = context.record
        var (status, headers, body) = ErrorAnswer.make(
            error, requestID: context.call.requestID, isSecure: access.origin.isSecure)
        context.cors.apply(to: &headers, request: context.request.headers)
        let isHead = context.request.method == .head
        record.note(status: error.status, code: error.errorCode)
        record.note(bytesIn: upload?.byteCount ?? 0)
        if !isHead { record.add(bytesOut: body.readableBytes) }
        record.finish(.refused)
        return Response(status: status, headers: headers, body: whole(isHead ? nil : body, upload))
    }

    private func preflight(_ context: Context) throws(GatewayError) -> Response? {
        let request = context.request
        guard CORSHeaders.isPreflight(method: request.method, headers: request.headers) else { return nil }
        guard var headers = context.cors.preflight(request.headers) else { throw .crossOrigin }
        headers[.requestID] = context.call.requestID
        context.record.note(status: 204)
        context.record.finish(.refused)
        return Response(status: .noContent, headers: headers)
    }
}
