import Domain
import Foundation
import GatewayTesting
import Postgres
import Secrets
import Storage
import Testing

/// What is special about data keys on PostgreSQL, behind either wall.
@Suite("Data keys")
struct DataKeyTests {
    /// The platform's data key is replaced where the former one stands.
    @Test(arguments: Wall.allCases)
    func platformKeyIsReplaced(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            let keys = test.fixtures.keys
            #expect(try await test.repositories.dataKeys.platformDataKey() == nil)
            let former = try await test.repositories.platformKeys.dataKey { try keys.makeDataKey(customer: nil).sealed }
            let key = try RewrappedDataKey(
                customerID: nil, former: former, sealed: keys.makeDataKey(customer: nil).sealed)
            #expect(try await test.repositories.dataKeys.replace([key]) == 1)
            #expect(try await test.repositories.dataKeys.replace([key]) == 0)
            #expect(try await test.repositories.dataKeys.platformDataKey() == key.sealed)
        }
    }

    /// Whatever is no ciphertext of ours counts together, and is not taken for a key's.
    @Test(arguments: Wall.allCases)
    func unreadableKeysAreCounted(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            for label in ["one", "two", "three"] {
                _ = try await test.fixtures.store(in: test.repositories, subdomain: label)
            }
            try await test.withSuperuser { superuser in
                for (label, byte) in [("one", "09"), ("two", "08")] {
                    try await superuser.query(
                        """
                        update customers set data_key = decode(repeat(\(byte), 61), 'hex') where subdomain = \(label)
                        """)
                }
            }
            #expect(
                try await test.repositories.dataKeys.uses() == [
                    MasterKeyUse(keyID: nil, customers: 2, sealsPlatform: false),
                    MasterKeyUse(keyID: test.fixtures.keys.currentKeyID, customers: 1, sealsPlatform: false),
                ])
            #expect(try await test.database.masterKeyUses()?.count == 2)
        }
    }

    /// A data key that anything but a rotation changes leaves a change and an edit, as any column does.
    @Test(arguments: Wall.allCases)
    func otherChangesAreNoticed(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            let (customer, _) = try await test.fixtures.store(in: test.repositories)
            let before = try await test.repositories.changes.latest()
            let other = try test.fixtures.keys.makeDataKey(customer: customer.id.rawValue).sealed
            try await test.database.tenant(customer.id).query("update customers set data_key = \(other.bytes)")
            let changes = try await test.repositories.changes.changes(after: before, limit: 10)
            #expect(changes.map(\.subject) == [customer.id.rawValue])
            #expect(try await test.repositories.customers.customer(id: customer.id)?.updatedAt != customer.updatedAt)
        }
    }

    /// A row that is just being changed is waited for, and then not overwritten if it is another key.
    @Test(arguments: Wall.allCases)
    func changingRowIsWaitedFor(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            let (customer, _) = try await test.fixtures.store(in: test.repositories)
            let keys = test.fixtures.keys
            let theirs = try keys.makeDataKey(customer: customer.id.rawValue).sealed
            let ours = try RewrappedDataKey(
                customerID: customer.id, former: customer.dataKey,
                sealed: keys.makeDataKey(customer: customer.id.rawValue).sealed)
            let replaced = try await test.withSuperuser { superuser in
                try await withThrowingTaskGroup(of: Int.self) { group in
                    try await superuser.withTransaction { transaction in
                        try await transaction.query("update customers set data_key = \(theirs.bytes)")
                        group.addTask { try await test.repositories.dataKeys.replace([ours]) }
                        try await test.waitUntilSomebodyWaits()
                    }
                    return try await group.next()
                }
            }
            #expect(replaced == 0)
            #expect(try await test.repositories.customers.customer(id: customer.id)?.dataKey == theirs)
        }
    }

    /// A batch is found through the primary key, whatever the policies: a rotation is not quadratic.
    @Test(arguments: Wall.allCases)
    func batchesUseTheIndex(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            let (customer, _) = try await test.fixtures.store(in: test.repositories)
            let plan = try await test.database.system(.keyRotation).transaction { transaction in
                // With one row a scan would be right.
                try await transaction.query("set local enable_seqscan = off")
                try await transaction.query("set local enable_bitmapscan = off")
                return try await transaction.query(
                    """
                    explain select id, data_key from customers
                    where substring(data_key from 1 for 9) = any (\([[1]] as [[UInt8]]))
                        and id > \(customer.id.rawValue)
                    order by id limit 200
                    """
                ).map { try $0.decode(at: 0, as: String.self) }
            }
            #expect(plan.contains { $0.contains("Index Cond: (id >") }, "\(plan)")
        }
    }

    /// An empty database has no tables to ask, and says so without an error.
    @Test func emptyDatabase() async throws {
        try await withEmptyDatabase { empty in
            try await withClient(empty.url) { client in
                let database = try await Database.open(client: client)
                #expect(try await database.masterKeyUses() == nil)
                #expect(try await database.platformDataKey() == nil)
            }
        }
    }
}

extension TestDatabase {
    /// Waits until a statement of this database waits for another's lock; a round trip a look.
    fileprivate func waitUntilSomebodyWaits() async throws {
        try await withClient(superuserURL) { client in
            for _ in 0..<50_000 {
                let rows = try await client.query(
                    """
                    select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()
                    """)
                if rows.first != nil { return }
            }
            throw ConformanceFailure("nobody waits")
        }
    }
}
