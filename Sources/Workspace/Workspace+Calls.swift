internal import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import NIOCore

/// What the routes share: who calls, whether they may, and what their body says.
extension Workspace {
    /// Who calls.
    ///
    /// - Throws: ``GatewayError/crossOrigin`` where a cookie authenticates an unsafe method from another site.
    func caller(_ exchange: Exchange, extends: Bool = true) async throws(GatewayError) -> Caller {
        let caller = try await sessions.identify(
            headers: exchange.request.headers, query: exchange.request.uri.query, in: exchange.tenant, extends: extends)
        if caller.isByCookie { try requireOwnSite(exchange) }
        return caller
    }

    /// The cross-origin rule: unsafe methods here (contract §2).
    func requireOwnSite(_ exchange: Exchange) throws(GatewayError) {
        let method = exchange.request.method
        guard method != .get, method != .head else { return }
        guard
            rule.allows(
                method: method, path: exchange.request.uri.path, headers: exchange.request.headers,
                tenantOrigin: exchange.tenant.origin, label: exchange.tenant.customer.subdomain.label)
        else { throw .crossOrigin }
    }

    /// Keys never manage keys, roles, people or billing (contract §2).
    func requireSession(_ caller: Caller) throws(GatewayError) {
        switch caller.proof {
        case .session: return
        case .accessKey: throw .keyScope
        }
    }

    /// For what changes the workspace: an admin, and no read-only key.
    func requireAdmin(_ caller: Caller) throws(GatewayError) {
        if case .accessKey(let key) = caller.proof, key.scope == .read { throw .keyScope }
        guard caller.user.isAdmin else { throw .adminOnly }
    }

    /// What a change needs of the workspace itself, for the API and the pages alike. While the operator suspends it,
    /// its people change nothing. Whatever ends something (a session, a key, signing out) does not ask: that must
    /// always be possible.
    func requireChangeable(_ change: WorkspaceChange, _ exchange: Exchange) throws(GatewayError) {
        switch change {
        case .config, .newKey:
            try directory.admit(exchange.tenant, at: exchange.call.receivedAt)
        case .people:
            // Without a subscription too: who has left must be kept out all the same.
            guard exchange.tenant.customer.suspendedAt == nil else { throw .suspended }
        }
    }

    /// A JSON body.
    ///
    /// - Throws: ``RequestError`` for its type, size or form.
    func jsonBody(_ exchange: Exchange, types: [String], bytesMax: Int) async throws -> JSONValue {
        let body = try await body(exchange, types: types, bytesMax: bytesMax)
        let bytes = Array(body.readableBytesView)
        // RFC 8259 §8.1: UTF-8. A NUL is in no JSON text but in one of UTF-16 or UTF-32, which the parser would take.
        guard !bytes.contains(0), let value = JSONValue(bytes) else { throw RequestError.bodyNotJSON }
        if let name = JSONMembers.repeated(in: bytes) { throw RequestError.memberRepeated(name) }
        return value
    }

    /// A form's fields.
    ///
    /// - Throws: ``RequestError`` for their type, size or form.
    func formBody(_ exchange: Exchange, bytesMax: Int) async throws -> FormBody {
        let body = try await body(exchange, types: [FormBody.mediaType], bytesMax: bytesMax)
        guard let form = FormBody(body.readableBytesView) else { throw RequestError.bodyNotForm }
        return form
    }

    private func body(_ exchange: Exchange, types: [String], bytesMax: Int) async throws -> ByteBuffer {
        guard let type = ContentNegotiation.mediaType(exchange.request.headers), types.contains(type) else {
            throw RequestError.unsupportedMediaType(types)
        }
        // Said beforehand, it need not be read.
        if let length = exchange.request.headers[.contentLength].flatMap(Int.init), length > bytesMax {
            throw RequestError.bodyTooLarge(bytesMax: bytesMax)
        }
        do {
            return try await exchange.request.body.collect(upTo: bytesMax)
        } catch is NIOTooManyBytesError {
            throw RequestError.bodyTooLarge(bytesMax: bytesMax)
        }
    }

    /// Asks storage, and says its failures as ours.
    func stored<Value>(_ exchange: Exchange, _ ask: () async throws -> Value) async throws(GatewayError) -> Value {
        do {
            return try await ask()
        } catch RepositoryError.unavailable {
            throw .unavailable(.databaseAway, retryAfterSeconds: Self.databaseRetrySeconds)
        } catch {
            exchange.call.logger.info("Storage failed", metadata: ["error": "\(type(of: error))"])
            throw .internalError
        }
    }

    /// When to try again while the database is away: 5 s.
    private static let databaseRetrySeconds = 5

    /// When the caller's right ends if nothing more happens.
    func endsAt(_ caller: Caller) -> Date {
        switch caller.proof {
        case .session(let session): sessions.endsAt(session)
        case .accessKey(let key): key.expiresAt
        }
    }
}

extension Response {
    /// Sends a browser on to a page of this host, to be read by GET.
    static func seeOther(_ location: String) -> Response {
        Response(status: .seeOther, headers: [.location: location])
    }

    /// A JSON answer.
    static func json(_ value: JSONValue, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(
            status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: value.encoded)))
    }
}

extension Problem {
    /// The JSON API's form of errors (RFC 9457).
    ///
    /// - Parameter instance: the path of the request, without its query.
    func jsonResponse(requestID: String, instance: String) -> Response {
        var members: [String: JSONValue] = [
            "type": .string("tag:pikesquare.co,2026:formation/" + code.lowercased().replacing("_", with: "-")),
            "title": .string(title),
            "status": .number(Double(status.code)),
            "detail": .string(detail),
            "instance": .string(instance),
            "code": .string(code),
            "requestId": .string(requestID),
        ]
        if !violations.isEmpty {
            members["errors"] = .array(
                violations.map { .object(["pointer": .string($0.pointer), "detail": .string($0.detail)]) })
        }
        var response = Response.json(.object(members), status: status, headers: headers)
        response.headers[.contentType] = "application/problem+json"
        return response
    }
}

/// What people change of their workspace.
enum WorkspaceChange: Sendable {
    case config, newKey
    /// Roles, and who may sign in.
    case people
}
