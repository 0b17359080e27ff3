internal import Domain
internal import Foundation
internal import Postgres

struct PostgresSessionRepository: SessionRepository {
    let database: Database

    func create(_ session: Session) async throws {
        try await database.tenant(session.customerID).query(
            """
            insert into sessions (\(fragment: Session.columns))
            values (\(session.id), \(session.customerID), \(session.userID), \(session.tokenHash),
                \(session.createdAt), \(session.lastSeenAt), \(session.expiresAt), \(session.userAgent))
            """)
    }

    func session(tokenHash: [UInt8]) async throws -> Session? {
        try await database.directory(.sessionHash(tokenHash)).query(
            "select \(fragment: Session.columns) from sessions where token_hash = \(tokenHash)"
        ).first.map(Session.init)
    }

    func session(id: SessionID, in customer: CustomerID) async throws -> Session? {
        try await database.tenant(customer).query(
            "select \(fragment: Session.columns) from sessions where customer_id = \(customer) and id = \(id)"
        ).first.map(Session.init)
    }

    func sessions(
        of user: UserID?, in customer: CustomerID, at now: Date, usedSince: Date, behind: TimeCursor?, limit: Int
    ) async throws -> [Session] {
        let whose: SQL = user.map { "and user_id = \($0)" } ?? ""
        let earlier: SQL = behind.map { "and (created_at, id) < (\($0.at), \($0.id))" } ?? ""
        return try await database.tenant(customer).query(
            """
            select \(fragment: Session.columns) from sessions
            where customer_id = \(customer) and expires_at > \(now) and last_seen_at > \(usedSince)
                \(fragment: whose) \(fragment: earlier)
            order by created_at desc, id desc limit \(limit)
            """
        ).map(Session.init)
    }

    func sessions(of user: UserID, in customer: CustomerID) async throws -> [Session] {
        try await database.tenant(customer).query(
            """
            select \(fragment: Session.columns) from sessions
            where customer_id = \(customer) and user_id = \(user) order by created_at desc, id desc
            """
        ).map(Session.init)
    }

    func touch(_ uses: [LastUse<SessionID>]) async throws {
        // Two processes that wait for each other's rows would deadlock.
        try await database.system(.lastUse).query(
            """
            with due as (
                select s.id, u.at
                from unnest(\(uses.map(\.id.rawValue)), \(uses.map(\.customerID.rawValue)), \(uses.map(\.at)))
                    as u (id, customer_id, at)
                join sessions s on s.id = u.id and s.customer_id = u.customer_id and s.last_seen_at < u.at
                for no key update of s skip locked)
            update sessions s set last_seen_at = due.at from due where s.id = due.id
            """)
    }

    func end(_ id: SessionID, in customer: CustomerID) async throws -> Bool {
        try await database.tenant(customer).query(
            "delete from sessions where customer_id = \(customer) and id = \(id)"
        ).affectedRows > 0
    }

    func endOldest(of user: UserID, in customer: CustomerID, keeping count: Int) async throws -> [SessionID] {
        try await database.tenant(customer).query(
            """
            delete from sessions where customer_id = \(customer) and id in (
                select id from sessions where customer_id = \(customer) and user_id = \(user)
                order by created_at desc, id desc offset \(count))
            returning id
            """
        ).map { try $0.decode("id", as: SessionID.self) }
    }

    func endAll(of user: UserID, in customer: CustomerID) async throws -> Int {
        try await database.tenant(customer).query(
            "delete from sessions where customer_id = \(customer) and user_id = \(user)"
        ).affectedRows
    }

    func prune(endedBefore: Date) async throws -> Int {
        try await database.system(.sweep).query(
            """
            delete from sessions where id in
                (select id from sessions where expires_at < \(endedBefore) limit \(StorageMaintenance.batch))
            """
        ).affectedRows
    }
}

struct PostgresAccessKeyRepository: AccessKeyRepository {
    let database: Database

    func create(_ key: AccessKey, unlessHolding count: Int) async throws -> Bool {
        try await database.tenant(key.customerID).transaction { transaction in
            // Whoever makes a key holds its user's row, so that the next one waits, and counts this one too.
            try await transaction.query(
                "select id from users where customer_id = \(key.customerID) and id = \(key.userID) for no key update")
            let held = try await transaction.query(
                """
                select count(*) as held from access_keys
                where customer_id = \(key.customerID) and user_id = \(key.userID) and expires_at > \(key.createdAt)
                """
            ).first.map { try $0.decode("held", as: Int64.self) }
            guard (held ?? 0) < Int64(count) else { return false }
            try await transaction.query(
                """
                insert into access_keys (\(fragment: AccessKey.columns))
                values (\(key.id), \(key.customerID), \(key.userID), \(key.name), \(key.scope), \(key.keyHash),
                    \(key.createdAt), \(key.expiresAt), \(key.lastUsedAt))
                """)
            return true
        }
    }

    func key(keyHash: [UInt8]) async throws -> AccessKey? {
        try await database.directory(.keyHash(keyHash)).query(
            "select \(fragment: AccessKey.columns) from access_keys where key_hash = \(keyHash)"
        ).first.map(AccessKey.init)
    }

    func key(id: AccessKeyID, in customer: CustomerID) async throws -> AccessKey? {
        try await database.tenant(customer).query(
            "select \(fragment: AccessKey.columns) from access_keys where customer_id = \(customer) and id = \(id)"
        ).first.map(AccessKey.init)
    }

    func keys(of user: UserID?, in customer: CustomerID) async throws -> [AccessKey] {
        let whose: SQL = user.map { "and user_id = \($0)" } ?? ""
        return try await database.tenant(customer).query(
            """
            select \(fragment: AccessKey.columns) from access_keys
            where customer_id = \(customer) \(fragment: whose) order by created_at desc, id desc
            """
        ).map(AccessKey.init)
    }

    func touch(_ uses: [LastUse<AccessKeyID>]) async throws {
        try await database.system(.lastUse).query(
            """
            with due as (
                select k.id, u.at
                from unnest(\(uses.map(\.id.rawValue)), \(uses.map(\.customerID.rawValue)), \(uses.map(\.at)))
                    as u (id, customer_id, at)
                join access_keys k on k.id = u.id and k.customer_id = u.customer_id
                    and (k.last_used_at is null or k.last_used_at < u.at)
                for no key update of k skip locked)
            update access_keys k set last_used_at = due.at from due where k.id = due.id
            """)
    }

    func end(_ id: AccessKeyID, in customer: CustomerID) async throws -> Bool {
        try await database.tenant(customer).query(
            "delete from access_keys where customer_id = \(customer) and id = \(id)"
        ).affectedRows > 0
    }
}
