/// What went wrong with the database.
///
/// Its description is safe to log and to show to an operator: it holds no parameter's value. PostgreSQL's own messages
/// and details may quote values, so they are left out; what remains is the code, the SQLSTATE, the names of constraint,
/// table and column, and text of this module's own.
public struct PostgresError: Error, Sendable, Hashable {
    /// The kind of failure.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String, Sendable {
            case invalidConfiguration, connectionFailed, connectTimeout, onConnectFailed, connectionLost
            case queueFull, queueTimeout, shutDown, server, transactionAborted, transactionEnded, encoding, decoding
        }

        private let kind: Kind

        private init(_ kind: Kind) { self.kind = kind }

        /// The connection string can't be read. (It isn't quoted: it may hold a password.)
        public static let invalidConfiguration = Code(.invalidConfiguration)
        /// No connection could be made; ``PostgresError/connectionProblem`` says why. Nothing was sent.
        public static let connectionFailed = Code(.connectionFailed)
        /// No connection was made in time. Nothing was sent.
        public static let connectTimeout = Code(.connectTimeout)
        /// A statement of ``PostgresConfiguration/onConnect`` failed. Nothing else was sent.
        public static let onConnectFailed = Code(.onConnectFailed)
        /// The connection ended after the statement was sent: whether it took effect is not known.
        public static let connectionLost = Code(.connectionLost)
        /// As many requests wait as may. Nothing was sent.
        public static let queueFull = Code(.queueFull)
        /// All connections were busy for too long. Nothing was sent.
        public static let queueTimeout = Code(.queueTimeout)
        /// The client no longer takes requests, or ended while this one ran.
        public static let shutDown = Code(.shutDown)
        /// The server refused the statement; ``PostgresError/sqlState`` says why.
        public static let server = Code(.server)
        /// The body of a transaction returned, but a statement of it had failed: the server rolled it back.
        public static let transactionAborted = Code(.transactionAborted)
        /// A transaction was used after its body.
        public static let transactionEnded = Code(.transactionEnded)
        /// A value can't be sent.
        public static let encoding = Code(.encoding)
        /// A value isn't what was asked for, or there is no such column.
        public static let decoding = Code(.decoding)

        /// The name of the code: a bounded label for metrics.
        public var description: String { self.kind.rawValue }
    }

    /// The kind of failure.
    public var code: Code
    /// PostgreSQL's five characters (Appendix A of its manual), where the server gave any.
    public var sqlState: String?
    /// The constraint that was violated.
    public var constraint: String?
    /// The table that the error is about.
    public var table: String?
    /// The column that the error is about, of a table or (for ``Code/decoding``) of a result.
    public var column: String?
    /// The server's or libpq's own words, where they can't hold a parameter's value: for failures to connect (never
    /// with the password), and for statements that failed before they had parameters or had none.
    public var serverMessage: String?
    /// Why no connection could be made, for errors about that.
    public var connectionProblem: PostgresConnectionProblem?
    /// This module's own words.
    var text: String?
    /// The server's function that refused; tells apart errors that share a SQLSTATE, whatever the server's language.
    var routine: String?

    init(
        code: Code, text: String? = nil, sqlState: String? = nil, column: String? = nil,
        connectionProblem: PostgresConnectionProblem? = nil, serverMessage: String? = nil
    ) {
        self.code = code
        self.text = text
        self.sqlState = sqlState
        self.column = column
        self.connectionProblem = connectionProblem
        self.serverMessage = serverMessage
    }

    /// Whether the database could not be reached or could not serve, as against refusing this very statement: such a
    /// statement may succeed later as it is. ``Code/connectionLost`` may already have taken effect.
    public var isConnectivity: Bool {
        switch self.code {
        case .connectionFailed, .connectTimeout, .onConnectFailed, .connectionLost, .queueFull, .queueTimeout,
            .shutDown:
            return true
        default:
            guard let sqlState = self.sqlState else { return false }
            // Class 08: connection exceptions. 57P01-57P03: shut down by an administrator, crash, not accepting
            // connections. 53300: too many connections. 25006: a standby took over the address and is read-only.
            return sqlState.hasPrefix("08") || ["57P01", "57P02", "57P03", "53300", "25006"].contains(sqlState)
        }
    }

    /// Whether a unique constraint was violated (23505).
    public var isUniqueViolation: Bool { self.sqlState == "23505" }
    /// Whether the same transaction may succeed when it is run again (40001, 40P01).
    public var isRetryableTransaction: Bool { self.sqlState == "40001" || self.sqlState == "40P01" }
    /// Whether the server ended the statement for its `statement_timeout`, or by an administrator's request (57014).
    public var isStatementTimeout: Bool { self.sqlState == "57014" }
}

extension PostgresError: CustomStringConvertible, CustomDebugStringConvertible {
    /// Code, SQLSTATE and names. Never a value.
    public var description: String {
        var parts = ["PostgreSQL: \(self.code)"]
        if let sqlState { parts.append("SQLSTATE \(sqlState)" + (Self.names[sqlState].map { " (\($0))" } ?? "")) }
        if let connectionProblem { parts.append(connectionProblem.summary) }
        if let text { parts.append(text) }
        if let constraint { parts.append("constraint \(constraint)") }
        if let table { parts.append("table \(table)") }
        if let column, self.code != .decoding { parts.append("column \(column)") }
        if let serverMessage, self.code == .server || self.code == .onConnectFailed { parts.append(serverMessage) }
        return parts.joined(separator: "; ")
    }

    public var debugDescription: String { self.description }

    /// The condition names of Appendix A for what is met in practice.
    private static let names: [String: String] = [
        "08006": "connection_failure", "0A000": "feature_not_supported", "22001": "string_data_right_truncation",
        "22003": "numeric_value_out_of_range", "22007": "invalid_datetime_format",
        "22P02": "invalid_text_representation",
        "22P05": "untranslatable_character", "23502": "not_null_violation", "23503": "foreign_key_violation",
        "23505": "unique_violation", "23514": "check_violation", "25006": "read_only_sql_transaction",
        "25P02": "in_failed_sql_transaction", "26000": "invalid_sql_statement_name",
        "28000": "invalid_authorization_specification", "28P01": "invalid_password", "3D000": "invalid_catalog_name",
        "3F000": "invalid_schema_name", "40001": "serialization_failure", "40P01": "deadlock_detected",
        "42501": "insufficient_privilege", "42601": "syntax_error", "42703": "undefined_column",
        "42704": "undefined_object", "42804": "datatype_mismatch", "42883": "undefined_function",
        "42P01": "undefined_table", "42P05": "duplicate_prepared_statement", "42P07": "duplicate_table",
        "42P18": "indeterminate_datatype", "53100": "disk_full", "53200": "out_of_memory",
        "53300": "too_many_connections", "55P03": "lock_not_available", "57014": "query_canceled",
        "57P01": "admin_shutdown", "57P02": "crash_shutdown", "57P03": "cannot_connect_now", "P0001": "raise_exception",
    ]
}

/// Why no connection could be made: what an operator has to look at.
public enum PostgresConnectionProblem: Sendable, Hashable {
    /// Nothing listens there: connection refused, or no such socket.
    case serverNotRunning
    /// The host's name has no address.
    case hostNotFound
    /// No answer in time, or no route.
    case unreachable
    /// The server is starting up, shutting down or recovering (57P03), or a standby where a primary was asked for.
    case notAccepting
    /// The database does not exist (3D000).
    case databaseMissing
    /// The password is wrong or missing (28P01).
    case passwordRefused
    /// The role does not exist or may not connect from here: `pg_hba.conf` (28000).
    case roleRefused
    /// The role may not use this database (42501).
    case permissionDenied
    /// The server or the role has no connection left (53300).
    case tooManyConnections
    /// The server has no TLS, insists on it, or its certificate does not hold.
    case tlsRefused
    /// Anything else.
    case other

    /// Whether waiting won't help: somebody has to change something.
    public var needsOperator: Bool {
        switch self {
        case .databaseMissing, .passwordRefused, .roleRefused, .permissionDenied, .tlsRefused: true
        case .serverNotRunning, .hostNotFound, .unreachable, .notAccepting, .tooManyConnections, .other: false
        }
    }

    /// A bounded name for metrics.
    public var label: String {
        switch self {
        case .serverNotRunning: "server_not_running"
        case .hostNotFound: "host_not_found"
        case .unreachable: "unreachable"
        case .notAccepting: "not_accepting"
        case .databaseMissing: "database_missing"
        case .passwordRefused: "password_refused"
        case .roleRefused: "role_refused"
        case .permissionDenied: "permission_denied"
        case .tooManyConnections: "too_many_connections"
        case .tlsRefused: "tls_refused"
        case .other: "other"
        }
    }

    /// One clause for a message.
    var summary: String {
        switch self {
        case .serverNotRunning: "the server is not running there"
        case .hostNotFound: "the host name has no address"
        case .unreachable: "the server did not answer"
        case .notAccepting: "the server does not accept connections now"
        case .databaseMissing: "the database does not exist"
        case .passwordRefused: "the password was refused"
        case .roleRefused: "the role was refused"
        case .permissionDenied: "the role may not connect to the database"
        case .tooManyConnections: "too many connections"
        case .tlsRefused: "TLS could not be agreed on"
        case .other: "the connection could not be made"
        }
    }
}
