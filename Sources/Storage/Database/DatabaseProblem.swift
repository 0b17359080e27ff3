internal import Domain
internal import Postgres
internal import Secrets

/// What is wrong with the database, for a person who can mend it: what happened, and the cure.
///
/// Holds no password and no value. The cures are those of the seed document's "Troubleshooting", and more.
public struct DatabaseProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    public enum Kind: Sendable, Hashable, CaseIterable {
        case invalidURL, serverNotRunning, hostNotFound, unreachable, notAccepting, databaseMissing, passwordRefused
        case roleRefused, tooManyConnections, tlsRefused, permissionDenied, keyMalformed, keyWrong, migration, other
    }

    public let kind: Kind
    /// What happened, in a sentence.
    public let summary: String
    /// What to do about it, in a sentence or two.
    public let cure: String

    public var description: String { "\(summary) \(cure)" }

    init(_ kind: Kind, _ summary: String, cure: String) {
        self.kind = kind
        self.summary = summary
        self.cure = cure
    }

    /// Explains an error that a use of the database threw. `url` is `DATABASE_URL`: its host, database and role are
    /// named.
    public init(_ error: any Error, url: String) {
        let place = Place(url: url)
        switch error {
        case let error as DatabaseProblem: self = error
        case let error as PostgresError: self = Self.explain(error, at: place)
        case let error as SealingError: self = Self.explain(error)
        case let error as MigrationError: self.init(.migration, error.description, cure: "")
        case RepositoryError.unavailable(let detail):
            self.init(
                .unreachable, "The database \(place.database) at \(place.host) did not answer (\(detail)).",
                cure: "Check that PostgreSQL is running and not overloaded, then try again.")
        case RepositoryError.conflict(let constraint):
            self.init(.other, "A value is taken (\(constraint)).", cure: "Choose another one.")
        default:
            self.init(.other, "Something went wrong with the database (\(type(of: error))).", cure: Self.look)
        }
    }

    private static let look = "Look into PostgreSQL's log for more."

    /// Where `DATABASE_URL` points, in words.
    private struct Place {
        var host = "its host"
        var database = "it names"
        var user = "it names"
        var isLocal = false

        init(url: String) {
            guard let address = try? PostgresAddress(url: url) else { return }
            host = address.hosts.isEmpty ? "the local socket" : address.hosts.joined(separator: ", ")
            database = address.database ?? address.user ?? "of the login role's name"
            user = address.user ?? "of this system user's name"
            isLocal = address.isLocal
        }
    }

    private static func explain(_ error: PostgresError, at place: Place) -> DatabaseProblem {
        if error.code == .invalidConfiguration {
            return DatabaseProblem(
                .invalidURL, "DATABASE_URL can't be read.",
                cure: "It has the form postgres://user:password@host:5432/database; characters like @ or / in the"
                    + " password are written as %40, %2F.")
        }
        if let problem = error.connectionProblem { return explain(problem, error, at: place) }
        switch error.sqlState {
        case "42501":
            return permissionDenied(at: place)
        case "53300":
            return explain(.tooManyConnections, error, at: place)
        default:
            return error.isConnectivity
                ? DatabaseProblem(
                    .unreachable, "The database at \(place.host) did not answer (\(error)).",
                    cure: "Check that PostgreSQL is running and not overloaded, then try again.")
                : DatabaseProblem(.other, "PostgreSQL refused a statement (\(error)).", cure: look)
        }
    }

    private static func permissionDenied(at place: Place) -> DatabaseProblem {
        DatabaseProblem(
            .permissionDenied, "The role \(place.user) may not create or use tables in database \(place.database).",
            cure: "Make it the owner (ALTER DATABASE \(place.database) OWNER TO \(place.user)), or grant it the right:"
                + " GRANT CREATE, USAGE ON SCHEMA public TO \(place.user).")
    }

    private static func explain(
        _ problem: PostgresConnectionProblem, _ error: PostgresError, at place: Place
    ) -> DatabaseProblem {
        switch problem {
        case .serverNotRunning:
            return DatabaseProblem(
                .serverNotRunning, "No PostgreSQL server is running at \(place.host).",
                cure: place.isLocal
                    ? "Start it: sudo systemctl start postgresql (Debian, Ubuntu),"
                        + " brew services start postgresql@14 (macOS). Or correct host and port in DATABASE_URL."
                    : "Start it, or correct host and port in DATABASE_URL.")
        case .hostNotFound:
            return DatabaseProblem(
                .hostNotFound, "The host name \(place.host) has no address.", cure: "Correct the host in DATABASE_URL.")
        case .unreachable:
            return DatabaseProblem(
                .unreachable, "The server at \(place.host) does not answer.",
                cure: "Check host and port in DATABASE_URL, the network, and firewalls between here and there.")
        case .notAccepting:
            return DatabaseProblem(
                .notAccepting, "The server at \(place.host) does not accept connections now.",
                cure: "It is starting, stopping or a standby: wait, or point DATABASE_URL at the primary.")
        case .databaseMissing:
            return DatabaseProblem(
                .databaseMissing, "The database \(place.database) does not exist.",
                cure: "Create it: createdb \(place.database). psql -l lists what exists.")
        case .passwordRefused:
            return DatabaseProblem(
                .passwordRefused, "The password for role \(place.user) was refused.",
                cure: "Correct user and password in DATABASE_URL.")
        case .roleRefused:
            return DatabaseProblem(
                .roleRefused, "The role \(place.user) does not exist, or may not connect from here.",
                cure:
                    "Correct the user in DATABASE_URL, create it (createuser \(place.user)), or allow it in"
                    + " pg_hba.conf."
            )
        case .permissionDenied:
            return permissionDenied(at: place)
        case .tooManyConnections:
            return DatabaseProblem(
                .tooManyConnections, "The server at \(place.host) has no connection left.",
                cure: "Lower DATABASE_CONNECTIONS or the number of processes, or raise the server's limit.")
        case .tlsRefused:
            return DatabaseProblem(
                .tlsRefused, "TLS with \(place.host) could not be agreed on.",
                cure: "Check sslmode and sslrootcert in DATABASE_URL; the server must speak TLS and have a certificate"
                    + " that they accept.")
        case .other:
            return DatabaseProblem(
                .other, "No connection to \(place.host) could be made (\(error.serverMessage ?? error.description)).",
                cure: look)
        }
    }

    private static func explain(_ error: SealingError) -> DatabaseProblem {
        switch error {
        case .keyNotHexadecimal:
            DatabaseProblem(
                .keyMalformed, "ENCRYPTION_KEY is not 64 hexadecimal digits (32 bytes).",
                cure: "Correct it in .env. For a new database, make one with: formation key generate")
        case .unknownKey(let id, let known):
            DatabaseProblem(
                .keyWrong,
                "The data in this database was sealed with key \(id); ENCRYPTION_KEY is another"
                    + " (the keys given are \(known.map(\.description).joined(separator: ", "))).",
                cure: "Put the key that sealed the data back as ENCRYPTION_KEY, or add it to ENCRYPTION_KEYS_RETIRED."
                    + " Without it, what is sealed is lost; formation db init --force starts anew.")
        case .notAuthentic, .malformed:
            DatabaseProblem(
                .keyWrong, "A data key in this database does not open, though ENCRYPTION_KEY has the right name.",
                cure: "The row was changed or moved. Restore it from a backup.")
        }
    }
}
