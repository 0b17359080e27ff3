import Domain
import Foundation
import GatewayTesting
import Postgres
import SalesforceSimulator
import Secrets
import Testing

/// A world with many customers whose master key is about to change, and a place where a rotation can be held up.
struct RotationScene: Sendable {
    static let customers = 600
    /// Statements on this database wait here: "keys" in ASCII.
    private static let heldLock: Int64 = 0x6b_65_79_73

    let world: World
    let newKey = KeyRing.generate()
    let oldKey: Secret<String>

    /// A world's, to which customers are added as an older process would have made them.
    init(_ world: World) async throws {
        self.world = world
        self.oldKey = Secret(try #require(world.environment(port: 0)["ENCRYPTION_KEY"]))
        let ring = try KeyRing(current: oldKey)
        let ids = (0..<Self.customers).map { _ in UUID() }
        let keys = try ids.map { try ring.makeDataKey(customer: $0).sealed.bytes }
        try await asSuperuser { client in
            try await client.query(
                """
                insert into customers (id, company_name, subdomain, salesforce_instance_url, data_key)
                select id, 'Company', 'c' || substr(id::text, 1, 8) || substr(id::text, 10, 4),
                    'https://company.my.salesforce.com', data_key
                from unnest(\(ids), \(keys)) as k (id, data_key)
                """)
        }
    }

    /// The environment after step one: the new key seals, the former one opens.
    func environment(port: Int = 0) -> [String: String] {
        world.environment(port: port).merging([
            "ENCRYPTION_KEY": newKey.exposed, "ENCRYPTION_KEYS_RETIRED": oldKey.exposed,
        ]) { $1 }
    }

    /// The environment after the last step: the former key is gone.
    func finalEnvironment(port: Int = 0) -> [String: String] {
        world.environment(port: port).merging(["ENCRYPTION_KEY": newKey.exposed]) { $1 }
    }

    /// How many data keys a master key seals, the platform's included.
    func sealed(by key: Secret<String>) async throws -> Int {
        let prefix = try KeyRing(current: key).currentKeyID.sealedPrefix
        return try await asSuperuser { client in
            let rows = try await client.query(
                """
                select (select count(*) from customers where substring(data_key from 1 for 9) = \(prefix))
                    + (select count(*) from platform_keys where substring(data_key from 1 for 9) = \(prefix)) as count
                """)
            return try Int(rows[0].decode("count", as: Int64.self))
        }
    }

    /// Changes of customers in the feed.
    func customerChanges() async throws -> Int {
        try await asSuperuser { client in
            try await Int(
                client.query("select count(*) as count from changes where kind = 'customer'")[0]
                    .decode("count", as: Int64.self))
        }
    }

    /// Runs a body while every rotation stops in its second batch.
    func withRotationsHeld(_ body: () async throws -> Void) async throws {
        try await asSuperuser { client in
            let row = try await client.query(
                "select id::text as id from customers order by id offset 300 limit 1")[0]
            let id = try row.decode("id", as: String.self)
            try await client.query(
                """
                create function hold_rotation() returns trigger language plpgsql as
                'begin perform pg_advisory_xact_lock_shared(\(fragment: SQL(unsafeSQL: "\(Self.heldLock)"))); \
                return new; end'
                """)
            try await client.query(
                """
                create trigger hold_rotation before update on customers for each row
                when (new.id = '\(fragment: SQL(unsafeSQL: id))') execute function hold_rotation()
                """)
            try await client.withTransaction { transaction in
                try await transaction.query("select pg_advisory_xact_lock(\(Self.heldLock)::bigint)")
                try await body()
            }
            try await client.query("drop trigger hold_rotation on customers")
            try await client.query("drop function hold_rotation")
        }
    }

    /// Waits until a rotation is held up.
    func waitUntilHeld() async throws {
        try await world.eventually {
            try await asSuperuser { try await $0.query(Self.held).first != nil }
        }
    }

    /// Ends what the server still does for rotations that are held up, as it would once it noticed that they are gone.
    func endHeld() async throws {
        try await asSuperuser { client in
            try await client.query(
                "select pg_terminate_backend(pid) from (\(fragment: Self.held)) as held")
        }
        try await world.eventually {
            try await asSuperuser { try await $0.query(Self.held).first == nil }
        }
    }

    private static let held: SQL = """
        select pid from pg_locks where locktype = 'advisory' and not granted
            and database = (select oid from pg_database where datname = current_database())
        """

    @discardableResult
    func asSuperuser<Result>(_ body: (PostgresClient) async throws -> Result) async throws -> Result {
        try await PostgresCluster.shared().withSuperuser(database: world.database.name, body)
    }
}
