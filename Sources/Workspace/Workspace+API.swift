internal import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Logging
internal import Secrets

/// `/api/me` and `/api/keys` (contract §2, "JSON API").
extension Workspace {
    func me(_ exchange: Exchange) async throws -> Response {
        let caller = try await caller(exchange)
        return .json(
            .object([
                "user": .user(caller.user),
                "customer": .customer(caller.tenant.customer),
                "session": .object(["expiresAt": .time(endsAt(caller))]),
            ]))
    }

    func keys(_ exchange: Exchange) async throws -> Response {
        let caller = try await caller(exchange)
        try requireSession(caller)
        let keys = try await sessions.keys(for: caller)
        return .json(.object(["keys": .array(keys.map(JSONValue.accessKey))]))
    }

    func createKey(_ exchange: Exchange) async throws -> Response {
        let caller = try await caller(exchange)
        try requireSession(caller)
        try requireChangeable(.newKey, exchange)
        let body = try await jsonBody(exchange, types: ["application/json"], bytesMax: KeyRequest.bodyBytesMax)
        let wish = try KeyRequest(body, mayEnd: sessions.mayKeyEnd)
        let (key, record) = try await sessions.createKey(
            name: wish.name, scope: wish.scope, expiresAt: wish.expiresAt, for: caller,
            requestID: exchange.call.requestID)
        guard case .object(var members) = JSONValue.accessKey(record) else { throw GatewayError.internalError }
        // The one place where a key is shown, to the one who made it; the answer is never stored.
        members["key"] = .string(key.exposed)
        return .json(.object(members), status: .created, headers: [.location: "/api/keys/\(record.id)"])
    }

    func endKey(_ id: String, _ exchange: Exchange) async throws -> Response {
        let caller = try await caller(exchange)
        try requireSession(caller)
        guard let id = AccessKeyID(id) else { throw GatewayError.notFound }
        try await endKey(id, by: caller, exchange)
        return Response(status: .noContent)
    }

    /// Ends a key, and the grant with it where that has no other use, for a program or a form.
    func endKey(_ id: AccessKeyID, by caller: Caller, _ exchange: Exchange) async throws {
        let key = try await stored(exchange) {
            try await access.repositories.accessKeys.key(id: id, in: exchange.tenant.id)
        }
        try await sessions.endKey(id, by: caller, requestID: exchange.call.requestID)
        if let owner = key?.userID, owner != caller.user.id {
            await ledger.release(owner, in: exchange.tenant, unusedBy: sessions)
        }
    }
}
