internal import Domain
public import Foundation
public import Postgres

/// What a look at a database finds, for `formation doctor`.
public enum DatabaseCheckup {
    /// The server at the other end of a connection.
    public struct Server: Sendable, Hashable {
        /// As the server says it, e.g. `15.18`.
        public let version: String
        /// The part of ``version`` that PostgreSQL counts releases by.
        public let majorVersion: Int
        /// The protocol's version, e.g. `TLSv1.3`; `nil` where the connection is not encrypted.
        public let tls: String?
        /// The server's clock.
        public let clock: Date
        /// The login role.
        public let role: String
        /// The database.
        public let database: String
    }

    /// The oldest release that the schema works on.
    public static let majorVersionMin = 14

    /// Asks the server who it is.
    ///
    /// - Throws: `PostgresError` (see ``DatabaseProblem``).
    public static func server(_ client: PostgresClient) async throws -> Server {
        let rows = try await client.query(
            """
            select current_setting('server_version') as version,
                current_setting('server_version_num')::bigint / 10000 as major,
                (select s.version from pg_stat_ssl s where s.pid = pg_backend_pid() and s.ssl) as tls,
                clock_timestamp() as clock, session_user::text as role, current_database()::text as database
            """)
        guard let row = rows.first else { throw RepositoryError.unavailable("it says nothing of itself") }
        return try Server(
            version: row.decode("version", as: String.self), majorVersion: Int(row.decode("major", as: Int64.self)),
            tls: row.decode("tls", as: String?.self), clock: row.decode("clock", as: Date.self),
            role: row.decode("role", as: String.self), database: row.decode("database", as: String.self))
    }

    /// The login hosts of all customers, each once, at most `limit`; and how many there are.
    ///
    /// - Throws: `RepositoryError`.
    public static func loginHosts(in database: Database, limit: Int) async throws -> (hosts: [String], count: Int) {
        let rows = try await database.system(.operators).query(
            """
            select salesforce_instance_url as url, count(*) over () as hosts from customers
            group by salesforce_instance_url order by salesforce_instance_url limit \(limit)
            """)
        let hosts = try rows.map { try $0.decode("url", as: String.self) }
        return (hosts, try rows.first.map { Int(try $0.decode("hosts", as: Int64.self)) } ?? 0)
    }

    /// Nobody else listens to it.
    private static let notificationChannel = "formation_doctor"

    /// Whether a notification that one client sends reaches another that listens, within so long.
    public static func hears(_ listening: PostgresClient, from sender: PostgresClient, within limit: Duration) async
        -> Bool
    {
        await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await event in listening.notifications(on: [notificationChannel]) {
                    switch event {
                    case .connected: _ = try? await sender.query("select pg_notify(\(notificationChannel), '')")
                    case .notification: return true
                    }
                }
                return false
            }
            group.addTask {
                try? await Task.sleep(for: limit)
                return false
            }
            let isHeard = await group.next() ?? false
            group.cancelAll()
            return isHeard
        }
    }
}
