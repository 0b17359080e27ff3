/// How to reach the database, and the client's limits.
///
/// Prints without its connection string, which may hold a password.
public struct PostgresConfiguration: Sendable {
    /// A connection string as libpq reads it: `postgres://user:password@host:5432/database?sslmode=require`, or
    /// `host=… dbname=…`. TLS is as it says.
    public var url: String
    /// How many connections are kept, at most; each has a thread. At least one.
    public var connections: Int
    /// How many requests may wait for a connection; the next is refused with ``PostgresError/Code/queueFull``.
    public var queueLimit: Int
    /// How long a request may wait for a connection.
    public var queueTimeout: Duration
    /// How long making a connection may take, name resolution apart.
    public var connectTimeout: Duration
    /// The server's `statement_timeout`; `nil` leaves the server's default.
    ///
    /// It travels with each request: as a start-up option, transaction poolers would refuse it, and as a setting of the
    /// connection hand it to others.
    public var statementTimeout: Duration?
    /// Whether statements are prepared once a connection and kept. Off for poolers that don't follow prepared
    /// statements.
    public var preparedStatements: Bool
    /// Statements that each new connection runs before anything else, such as `set role`.
    public var onConnect: [SQL]
    /// The name in `pg_stat_activity`.
    public var applicationName: String
    /// libpq's keywords that win over those of ``url``, such as `sslmode`.
    public var options: [String: String]
    /// Is told what an operator should know, on threads of the client's: it must not wait.
    public var observer: (@Sendable (PostgresEvent) -> Void)?

    /// A configuration with usual limits.
    public init(
        url: String,
        connections: Int = 4,
        queueLimit: Int = 1_024,
        queueTimeout: Duration = .seconds(5),
        connectTimeout: Duration = .seconds(5),
        statementTimeout: Duration? = .seconds(10),
        preparedStatements: Bool = true,
        onConnect: [SQL] = [],
        applicationName: String = "",
        options: [String: String] = [:],
        observer: (@Sendable (PostgresEvent) -> Void)? = nil
    ) {
        self.url = url
        self.connections = connections
        self.queueLimit = queueLimit
        self.queueTimeout = queueTimeout
        self.connectTimeout = connectTimeout
        self.statementTimeout = statementTimeout
        self.preparedStatements = preparedStatements
        self.onConnect = onConnect
        self.applicationName = applicationName
        self.options = options
        self.observer = observer
    }
}

/// What happens to a client's connections, for an operator to know.
public enum PostgresEvent: Sendable, Hashable {
    /// No connection can be made, for longer than a restart takes or for a reason that only an operator can cure. Told
    /// once for each outage and reason.
    case cannotConnect(PostgresError)
    /// A connection was made again, after an outage that was told.
    case connectedAgain
    /// Statements that had been prepared were gone, again and again: a pooler gives each transaction another
    /// connection. No more are prepared on the client's connection that saw it.
    case preparedStatementsVanish
}

extension PostgresConfiguration: CustomStringConvertible, CustomReflectable {
    public var description: String { "PostgresConfiguration(connections: \(self.connections))" }
    public var customMirror: Mirror { Mirror(self, children: ["connections": self.connections]) }
}

/// What a connection string says, as far as a policy needs to know. Holds no password.
public struct PostgresAddress: Sendable, Hashable {
    /// The hosts, in order: names, addresses, or directories of Unix sockets. Empty means libpq's default.
    public let hosts: [String]
    /// The database.
    public let database: String?
    /// The login role.
    public let user: String?
    /// `sslmode` as given.
    public let sslMode: String?

    /// Reads a connection string.
    ///
    /// - Throws: ``PostgresError`` with ``PostgresError/Code/invalidConfiguration``, which does not quote it.
    public init(url: String) throws(PostgresError) {
        let options = try ConnectionOptions.parse(url)
        // `hostaddr` is where libpq really goes; `host` then only names the certificate.
        let hosts = options["hostaddr"] ?? options["host"] ?? ""
        self.hosts = hosts.split(separator: ",").map(String.init)
        self.database = options["dbname"]
        self.user = options["user"]
        self.sslMode = options["sslmode"]
    }

    /// Whether nothing of it leaves this machine: every host is a socket or a loopback address.
    public var isLocal: Bool {
        self.hosts.allSatisfy { host in
            host.hasPrefix("/") || host.hasPrefix("@") || host == "localhost" || host == "::1" || Self.isLoopback(host)
        }
    }

    /// 127.0.0.0/8 in dotted form; `127.example.com` is a name.
    private static func isLoopback(_ host: String) -> Bool {
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

/// The keywords and values that a connection is started with.
enum ConnectionOptions {
    /// libpq's options for a connection of this client.
    static func make(_ configuration: PostgresConfiguration) throws(PostgresError) -> [String: String] {
        var options = try self.parse(configuration.url)
        options.merge(configuration.options) { _, new in new }
        let defaults = [
            // A dead peer is noticed: probes after 30 s of silence, then every 10 s; unacknowledged data for 15 s is
            // the end.
            "keepalives_idle": "30", "keepalives_interval": "10", "keepalives_count": "3", "tcp_user_timeout": "15000",
            // GSSAPI costs a round trip where credentials happen to lie about, and is not offered.
            "gssencmode": "disable",
            // A primary that was replaced may come back under its old address: it is no use, and reads from it are old.
            "target_session_attrs": "read-write",
            "fallback_application_name": configuration.applicationName,
        ]
        options.merge(defaults) { given, _ in given }
        options["client_encoding"] = "UTF8"
        return options
    }

    /// The same options with the lists of hosts, addresses and ports turned by some places.
    static func rotated(_ options: [String: String], by places: Int) -> [String: String] {
        var rotated = options
        for keyword in ["host", "hostaddr", "port"] {
            guard let entries = options[keyword]?.split(separator: ",", omittingEmptySubsequences: false),
                entries.count > 1
            else { continue }
            let first = places % entries.count
            rotated[keyword] = (entries[first...] + entries[..<first]).joined(separator: ",")
        }
        return rotated
    }
}

extension Duration {
    /// Milliseconds, rounded up, so that a wait is never cut short and never zero by rounding.
    var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = self.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        return overflow ? .max : whole + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    }
}
