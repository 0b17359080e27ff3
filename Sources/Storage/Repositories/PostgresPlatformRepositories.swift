internal import Domain
internal import Foundation
internal import Postgres
internal import Secrets

struct PostgresAuditRepository: AuditRepository {
    let database: Database

    func append(_ event: AuditEvent) async throws {
        let scope = event.customerID.map(database.tenant) ?? database.system(.operators)
        try await scope.query(
            """
            insert into audit_events (\(fragment: AuditEvent.columns))
            values (\(event.id), \(event.customerID), \(event.userID), \(event.action), \(PostgresJSON(event.detail)),
                \(event.requestID), \(event.at))
            """)
    }

    func events(in customer: CustomerID, behind: TimeCursor?, limit: Int) async throws -> [AuditEvent] {
        let earlier: SQL = behind.map { "and (at, id) < (\($0.at), \($0.id))" } ?? ""
        return try await database.tenant(customer).query(
            """
            select \(fragment: AuditEvent.columns) from audit_events
            where customer_id = \(customer) \(fragment: earlier) order by at desc, id desc limit \(limit)
            """
        ).map(AuditEvent.init)
    }
}

struct PostgresPlatformKeyRepository: PlatformKeyRepository {
    let database: Database

    func dataKey(orStore make: @Sendable () throws -> Sealed) async throws -> Sealed {
        if let stored = try await stored() { return stored }
        try await database.system(.platform).query(
            "insert into platform_keys (name, data_key) values ('data', \(make())) on conflict (name) do nothing")
        // Read back: where another process was first, its key is the one.
        guard let stored = try await stored() else {
            throw RepositoryError.unavailable("the platform's data key was not stored")
        }
        return stored
    }

    private func stored() async throws -> Sealed? {
        try await database.system(.platform).query("select data_key from platform_keys where name = 'data'")
            .first.map { try $0.decode("data_key", as: Sealed.self) }
    }
}

struct PostgresChangeRepository: ChangeRepository {
    let database: Database
    let listening: PostgresClient

    /// The channel that the triggers notify.
    static let channel = "formation_changes"

    func latest() async throws -> Int64 {
        let row = try await database.system(.changeFeed).query(
            "select coalesce(max(sequence), 0) as latest from changes"
        ).first
        return try row?.decode("latest", as: Int64.self) ?? 0
    }

    func changes(after sequence: Int64, limit: Int) async throws -> [Change] {
        try await database.system(.changeFeed).query(
            """
            select sequence, kind, customer_id, subject from changes
            where sequence > \(sequence) order by sequence limit \(limit)
            """
        ).map(Change.init)
    }

    func hints() -> AsyncStream<Void> {
        // What is said does not matter: a notification, or a connection that may have missed some.
        let source = HintSource(listening.notifications(on: [Self.channel]))
        return AsyncStream { await source.next() }
    }
}

/// Turns notifications into hints. Listens from the first `next()` until the task that asks is cancelled.
private actor HintSource {
    private let iterator: PostgresNotifications.Iterator

    init(_ notifications: PostgresNotifications) {
        self.iterator = notifications.makeAsyncIterator()
    }

    func next() async -> Void? {
        // Copies of an iterator share one listener.
        var iterator = self.iterator
        return await iterator.next(isolation: self).map { _ in () }
    }
}
