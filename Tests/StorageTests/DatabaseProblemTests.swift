import Domain
import GatewayTesting
import Postgres
import Secrets
import Storage
import Testing

/// The seed document's "Troubleshooting", as errors that say the cure; each met on a real server where there is one.
@Suite("Database problems")
struct DatabaseProblemTests {
    /// Nothing listens: the cure is to start PostgreSQL.
    @Test func serverNotRunning() async throws {
        let problem = try await Self.problem("postgres://me:hunter2@127.0.0.1:1/formation_dev")
        #expect(problem.kind == .serverNotRunning)
        #expect(problem.cure.contains("systemctl start postgresql") && problem.cure.contains("brew services start"))
        #expect(problem.summary.contains("127.0.0.1"))
    }

    /// The same through a socket directory without a socket.
    @Test func serverNotRunningOnASocket() async throws {
        let problem = try await Self.problem("postgres:///formation_dev?host=/tmp/formation-no-such-directory")
        #expect(problem.kind == .serverNotRunning)
    }

    /// The database does not exist: the cure names it.
    @Test func databaseMissing() async throws {
        let cluster = try await PostgresCluster.shared()
        let problem = try await Self.problem(cluster.superuserURL(database: "formation_dev"))
        #expect(problem.kind == .databaseMissing)
        #expect(problem.cure.contains("createdb formation_dev"))
        #expect(problem.cure.contains("psql -l"))
    }

    /// A host name without an address.
    @Test func hostNotFound() async throws {
        let problem = try await Self.problem("postgres://me@no-such-host.invalid/formation_dev")
        #expect(problem.kind == .hostNotFound)
        #expect(problem.summary.contains("no-such-host.invalid"))
    }

    /// A wrong password, and a role that is not there, where logins are checked.
    @Test func wrongPasswordAndRole() async throws {
        let cluster = try await PostgresCluster.start(PostgresCluster.Options(authentication: .scram))
        let database = try await cluster.createDatabase()
        let wrong = database.url.replacing(":\(database.owner)@", with: ":wrong-hunter2@")
        let password = try await Self.problem(wrong)
        #expect(password.kind == .passwordRefused)
        #expect(password.summary.contains(database.owner))
        #expect(!password.description.contains("hunter2"))
    }

    /// A role that does not exist, where logins are not checked.
    @Test func roleMissing() async throws {
        let cluster = try await PostgresCluster.shared()
        let problem = try await Self.problem("postgres://nobody_here@127.0.0.1:\(cluster.port)/postgres")
        #expect(problem.kind == .roleRefused)
        #expect(problem.cure.contains("createuser nobody_here"))
    }

    /// A role that may not create tables: the cure is a grant.
    @Test func noCreatePermission() async throws {
        try await withEmptyDatabase { empty in
            try await withClient(empty.superuserURL) { superuser in
                try await superuser.query("alter schema public owner to postgres")
                try await superuser.query("revoke create on schema public from public")
                try await superuser.query("alter database \(identifier: empty.name) owner to postgres")
            }
            do {
                try await withClient(empty.url) { client in
                    _ = try await Migrator(client: client).migrate(rowSecurity: .auto)
                }
                Issue.record("the role may create tables")
            } catch {
                let problem = DatabaseProblem(error, url: empty.url)
                #expect(problem.kind == .permissionDenied)
                #expect(problem.cure.contains("GRANT CREATE, USAGE ON SCHEMA public TO \(empty.owner)"))
            }
        }
    }

    /// A connection string that is none, told without quoting it.
    @Test(arguments: ["postgres://me:hunter2@[::1/db", "nonsense hunter2", "postgres://h/db?hunter2=1"])
    func invalidURL(_ url: String) async throws {
        let problem = try await Self.problem(url)
        #expect(problem.kind == .invalidURL)
        #expect(!problem.description.contains("hunter2"))
    }

    /// Keys: not 64 hexadecimal digits, and not the one that sealed the data.
    @Test func keys() throws {
        #expect(DatabaseProblem(SealingError.keyNotHexadecimal, url: "").kind == .keyMalformed)
        #expect(DatabaseProblem(SealingError.keyNotHexadecimal, url: "").cure.contains("formation key generate"))
        let id = try KeyRing(current: KeyRing.generate()).currentKeyID
        let wrong = DatabaseProblem(SealingError.unknownKey(id, known: []), url: "")
        #expect(wrong.kind == .keyWrong && wrong.summary.contains(id.description))
        #expect(wrong.cure.contains("ENCRYPTION_KEYS_RETIRED"))
    }

    /// What goes wrong when a database at `url` is initialised.
    private static func problem(_ url: String) async throws -> DatabaseProblem {
        do {
            _ = try await withClient(url) { try await $0.query("select 1") }
        } catch {
            return DatabaseProblem(error, url: url)
        }
        throw ConformanceFailure("the connection was made")
    }
}
