internal import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import Hummingbird

/// `/api/users`, `/api/sessions` and `/api/audit` (contract §2, "JSON API").
extension Workspace {
    private static let patchTypes = [ConfigPatch.mediaType, "application/json"]

    // MARK: Users

    func users(_ exchange: Exchange) async throws -> Response {
        let caller = try await caller(exchange)
        try requireSession(caller)
        try requireAdmin(caller)
        let page = try exchange.page(cursor: "after")
        let users = try await people.list(in: exchange.tenant, behind: page.cursor, limit: page.limit + 1)
        return exchange.page("users", users, page, cursor: "after", shape: JSONValue.managedUser) {
            $0.email.lowercased()
        }
    }

    func user(_ id: String, _ exchange: Exchange) async throws -> Response {
        let caller = try await caller(exchange)
        try requireSession(caller)
        try requireAdmin(caller)
        guard let id = UserID(id) else { throw GatewayError.notFound }
        let user = try await stored(exchange) {
            try await access.repositories.users.user(id: id, in: exchange.tenant.id)
        }
        guard let user else { throw GatewayError.notFound }
        return .json(.managedUser(user))
    }

    func changeUser(_ id: String, _ exchange: Exchange) async throws -> Response {
        let caller = try await caller(exchange)
        try requireSession(caller)
        try requireAdmin(caller)
        try requireChangeable(.people, exchange)
        guard let id = UserID(id) else { throw GatewayError.notFound }
        let body = try await jsonBody(exchange, types: Self.patchTypes, bytesMax: UserPatch.bodyBytesMax)
        let patch = try UserPatch(body)
        switch try await people.change(id, patch.change, by: caller, requestID: exchange.call.requestID) {
        case .changed(_, let user): return .json(.managedUser(user))
        case .missing: throw GatewayError.notFound
        case .lastAdmin: throw RequestError.lastAdmin
        }
    }

    // MARK: Sessions

    /// Own ones; an admin's answer holds everybody's.
    func listSessions(_ exchange: Exchange) async throws -> Response {
        let caller = try await caller(exchange)
        try requireSession(caller)
        let page = try exchange.page(cursor: "before")
        let behind = try page.timeCursor("before")
        let rows = try await sessions.sessions(
            of: caller.user.isAdmin ? nil : caller.userID, in: exchange.tenant, behind: behind, limit: page.limit + 1)
        return exchange.page("sessions", rows, page, cursor: "before") { session in
            .session(session, endsAt: sessions.endsAt(session), isCurrent: caller.isOf(session))
        } next: {
            TimeCursor(at: $0.createdAt, id: $0.id.rawValue).text
        }
    }

    func endSession(_ id: String, _ exchange: Exchange) async throws -> Response {
        let caller = try await caller(exchange)
        try requireSession(caller)
        guard let id = SessionID(id) else { throw GatewayError.notFound }
        try await people.endSession(id, by: caller, requestID: exchange.call.requestID)
        return Response(status: .noContent)
    }

    // MARK: Audit

    func audit(_ exchange: Exchange) async throws -> Response {
        let caller = try await caller(exchange)
        try requireAdmin(caller)
        let page = try exchange.page(cursor: "before")
        let behind = try page.timeCursor("before")
        let events = try await stored(exchange) {
            try await access.repositories.audit.events(in: exchange.tenant.id, behind: behind, limit: page.limit + 1)
        }
        return exchange.page("events", events, page, cursor: "before", shape: JSONValue.auditEvent) {
            TimeCursor(at: $0.at, id: $0.id.rawValue).text
        }
    }
}

extension Exchange {
    /// Which part of a list is asked for.
    func page(cursor: String) throws(RequestError) -> PageRequest {
        try PageRequest(query: QueryString(request.uri.query), cursor: cursor)
    }

    /// A part of a list, with the way to the next one: in the body, and as RFC 8288 has it.
    ///
    /// - Parameter rows: one more than asked for, where there are more.
    func page<Row>(
        _ name: String, _ rows: [Row], _ page: PageRequest, cursor: String, shape: (Row) -> JSONValue,
        next: (Row) -> String
    ) -> Response {
        let shown = rows.prefix(page.limit)
        var members: [String: JSONValue] = [name: .array(shown.map(shape)), "next": .null]
        var headers = HTTPFields()
        if rows.count > page.limit, let last = shown.last {
            let text = next(last)
            members["next"] = .string(text)
            let target = "\(request.uri.path)?\(cursor)=\(QueryString.encode(text))&limit=\(page.limit)"
            headers[.link] = "<\(target)>; rel=\"next\""
        }
        return .json(.object(members), headers: headers)
    }
}

extension Caller {
    /// Whether this very session proved who calls.
    func isOf(_ session: Session) -> Bool {
        switch proof {
        case .session(let own): own.id == session.id
        case .accessKey: false
        }
    }
}
