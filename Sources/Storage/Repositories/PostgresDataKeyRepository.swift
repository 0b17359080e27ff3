public import Domain
internal import Foundation
internal import Postgres
public import Secrets

/// Data keys, found by how they begin (`KeyID.sealedPrefix`), so that nothing has to be opened to be counted.
struct PostgresDataKeyRepository: DataKeyRepository {
    let database: Database

    func uses() async throws -> [MasterKeyUse] {
        let rows = try await scope.query(
            """
            select prefix, count(*) filter (where not is_platform) as customers, bool_or(is_platform) as platform
            from (
                select substring(data_key from 1 for 9) as prefix, false as is_platform from customers
                union all
                select substring(data_key from 1 for 9), true from platform_keys) as sealed
            group by prefix order by prefix
            """)
        var uses: [MasterKeyUse] = []
        // Whatever is no ciphertext of ours counts together.
        var unreadable = MasterKeyUse(keyID: nil, customers: 0, sealsPlatform: false)
        for row in rows {
            let use = try MasterKeyUse(
                keyID: KeyID(sealedPrefix: row.decode("prefix", as: [UInt8].self)),
                customers: Int(row.decode("customers", as: Int64.self)),
                sealsPlatform: row.decode("platform", as: Bool.self))
            guard use.keyID == nil else {
                uses.append(use)
                continue
            }
            unreadable = MasterKeyUse(
                keyID: nil, customers: unreadable.customers + use.customers,
                sealsPlatform: unreadable.sealsPlatform || use.sealsPlatform)
        }
        return (unreadable.count > 0 ? [unreadable] : []) + uses
    }

    func dataKeys(sealedBy keys: [KeyID], after: CustomerID?, limit: Int) async throws -> [StoredDataKey] {
        let behind: SQL = after.map { "and id > \($0)" } ?? ""
        return try await scope.query(
            """
            select id, data_key from customers
            where substring(data_key from 1 for 9) = any (\(keys.map(\.sealedPrefix))) \(fragment: behind)
            order by id limit \(limit)
            """
        ).map { row in
            try StoredDataKey(
                customerID: row.decode("id", as: CustomerID.self), sealed: row.decode("data_key", as: Sealed.self))
        }
    }

    func platformDataKey() async throws -> Sealed? {
        try await scope.query("select data_key from platform_keys where name = 'data'").first
            .map { try $0.decode("data_key", as: Sealed.self) }
    }

    func replace(_ keys: [RewrappedDataKey]) async throws -> Int {
        let customers = keys.filter { $0.customerID != nil }
        var replaced = 0
        if !customers.isEmpty {
            // Locked in one order, so that two rotations wait for each other and do not deadlock. A row that was
            // waited for is compared once more.
            replaced += try await scope.query(
                """
                with due as (
                    select c.id, k.former, k.sealed
                    from unnest(\(customers.compactMap(\.customerID?.rawValue)), \(customers.map(\.former.bytes)),
                        \(customers.map(\.sealed.bytes))) as k (id, former, sealed)
                    join customers c on c.id = k.id and c.data_key = k.former
                    order by c.id for no key update of c)
                update customers c set data_key = due.sealed from due
                where c.id = due.id and c.data_key = due.former
                """
            ).affectedRows
        }
        for key in keys where key.customerID == nil {
            replaced += try await scope.query(
                """
                update platform_keys set data_key = \(key.sealed)
                where name = 'data' and data_key = \(key.former)
                """
            ).affectedRows
        }
        return replaced
    }

    private var scope: DatabaseScope { database.system(.keyRotation) }
}

extension Database {
    /// How much each master key seals; `nil` where the schema is not there yet.
    ///
    /// - Throws: `RepositoryError`; a `PostgresError` where the login role may not read the tables.
    public func masterKeyUses() async throws -> [MasterKeyUse]? {
        try await unlessMissing { try await $0.uses() }
    }

    /// The platform's data key; `nil` where there is none, or no schema yet.
    ///
    /// - Throws: as ``masterKeyUses()``.
    public func platformDataKey() async throws -> Sealed? {
        try await unlessMissing { try await $0.platformDataKey() } ?? nil
    }

    private func unlessMissing<Result>(
        _ ask: (PostgresDataKeyRepository) async throws -> Result
    ) async throws -> Result? {
        do {
            return try await ask(PostgresDataKeyRepository(database: self))
        } catch let error as PostgresError where error.sqlState == "42P01" {
            return nil
        }
    }
}
