import Access
import Configuration
import Logging
import Secrets
import Storage
import Testing

@testable import Gateway

/// All of the environment, all errors at once, no secret in any of them.
@Suite struct SettingsTests {
    static let key = String(repeating: "0123456789abcdef", count: 4)

    static func settings(_ environment: [String: String]) throws(SettingsError) -> Settings {
        let base = ["DATABASE_URL": "postgres:///formation_dev", "ENCRYPTION_KEY": key]
        let merged = base.merging(environment) { _, new in new }
        return try Settings(
            reader: ConfigReader(provider: EnvironmentVariablesProvider(environmentVariables: merged)))
    }

    static func problems(_ environment: [String: String]) -> [SettingsProblem] {
        do {
            _ = try settings(environment)
            return []
        } catch {
            return error.problems
        }
    }

    /// What is not given has the documented default.
    @Test func defaults() throws {
        let settings = try Self.settings([:])
        #expect(settings.origin.origin == "http://formation.localhost:8080")
        #expect(settings.host == "127.0.0.1")
        #expect(settings.port == 8080)
        #expect(settings.database.connections == 4)
        #expect(settings.database.outageSeconds == 300)
        #expect(settings.database.preparedStatements)
        #expect(settings.database.rowSecurity == .auto)
        #expect(settings.sessionIdleMinutes == 60)
        #expect(settings.sessionMaxHours == 12)
        #expect(settings.tenantConcurrency == 100)
        #expect(settings.upstreamTimeoutSeconds == 25)
        #expect(settings.idleTimeoutSeconds == 95)
        #expect(settings.shutdownSeconds == 25)
        #expect(settings.trustedProxyHops == 0)
        #expect(settings.logLevel == .info)
        #expect(settings.metricsToken == nil)
    }

    /// An https product listens on every address: the edge stands in front of it.
    @Test func httpsListensEverywhere() throws {
        let settings = try Self.settings(["BASE_URL": "https://formation.pikesquare.co"])
        #expect(settings.host == "0.0.0.0")
        #expect(settings.origin.isSecure)
        #expect(settings.origin.port == nil)
    }

    /// Each wrong variable is named, in one go.
    @Test func everyProblemIsReportedAtOnce() {
        let problems = Self.problems([
            "DATABASE_URL": "mysql://x", "ENCRYPTION_KEY": "short", "BASE_URL": "formation", "PORT": "80a0",
            "TRUSTED_PROXY_HOPS": "-1", "DATABASE_ROW_SECURITY": "off", "DATABASE_PREPARED_STATEMENTS": "perhaps",
            "FRONTEND_ORIGINS": "app.example.com", "LOG_FORMAT": "xml", "SALESFORCE_ALLOWED_HOSTS": "a b",
        ])
        #expect(
            Set(problems.map(\.variable)) == [
                "DATABASE_URL", "ENCRYPTION_KEY", "BASE_URL", "PORT", "TRUSTED_PROXY_HOPS", "DATABASE_ROW_SECURITY",
                "DATABASE_PREPARED_STATEMENTS", "FRONTEND_ORIGINS", "LOG_FORMAT", "SALESFORCE_ALLOWED_HOSTS",
            ])
    }

    /// A missing key or database is said with the cure.
    @Test func missingVariablesNameTheCure() {
        let problems = Self.problems(["DATABASE_URL": "", "ENCRYPTION_KEY": " "])
        #expect(problems.map(\.variable) == ["DATABASE_URL", "ENCRYPTION_KEY"])
        #expect(problems.last?.reason.contains("formation key generate") == true)
    }

    /// No problem repeats what was given: it may be a password.
    @Test func problemsHoldNoValue() {
        let canary = "hunter2canary"
        let problems = Self.problems([
            "DATABASE_URL": "mysql://u:\(canary)@h/d", "ENCRYPTION_KEY": canary, "ENCRYPTION_KEYS_RETIRED": canary,
            "BASE_URL": canary, "PORT": canary, "SALESFORCE_ALLOWED_HOSTS": "\(canary) x",
            "FRONTEND_ORIGINS": canary, "DATABASE_DIRECT_URL": canary,
        ])
        #expect(problems.count == 8)
        #expect(!problems.contains { $0.description.contains(canary) })
    }

    /// A feature of a later release is refused, not ignored.
    @Test(arguments: ["STRIPE_SECRET_KEY", "OTEL_EXPORTER_OTLP_ENDPOINT"])
    func laterFeaturesAreRefused(variable: String) {
        #expect(Self.problems([variable: "x"]).map(\.variable) == [variable])
    }

    /// https needs a certificate, its key and an https origin.
    @Test(arguments: [
        (["TLS_CERTIFICATE": "c", "BASE_URL": "https://a.example"], ["TLS_KEY"]),
        (["TLS_KEY": "k", "BASE_URL": "https://a.example"], ["TLS_CERTIFICATE"]),
        (["TLS_CERTIFICATE": "c", "TLS_KEY": "k"], ["BASE_URL"]),
        (["TLS_CERTIFICATE": "c", "TLS_KEY": "k", "BASE_URL": "https://a.example"], []),
    ])
    func tlsIsWhole(environment: [String: String], variables: [String]) {
        #expect(Self.problems(environment).map(\.variable) == variables)
    }

    /// Off the machine, the connection is encrypted unless somebody asks for something stricter.
    @Test(arguments: [
        ("postgres://u:p@db.example.com/d", "postgres://u:p@db.example.com/d?sslmode=require"),
        (
            "postgres://u:p@db.example.com/d?connect_timeout=3",
            "postgres://u:p@db.example.com/d?connect_timeout=3&sslmode=require"
        ),
        ("postgres://u:p@db.example.com/d?sslmode=verify-full", "postgres://u:p@db.example.com/d?sslmode=verify-full"),
        ("postgres://u@localhost/d", "postgres://u@localhost/d"),
        ("postgres://u@127.9.9.9:5433/d?sslmode=disable", "postgres://u@127.9.9.9:5433/d?sslmode=disable"),
        ("postgres://u@[::1]:5433/d", "postgres://u@[::1]:5433/d"),
        ("postgres://u@/d?host=/var/run/postgresql", "postgres://u@/d?host=/var/run/postgresql"),
        ("postgres://u@%2Fvar%2Frun/d", "postgres://u@%2Fvar%2Frun/d"),
        ("postgresql:///d", "postgresql:///d"),
        ("postgres://u@localhost,db.example.com/d", "postgres://u@localhost,db.example.com/d?sslmode=require"),
        (
            "postgres://u@localhost/d?host=db.example.com",
            "postgres://u@localhost/d?host=db.example.com&sslmode=require"
        ),
        ("postgres://u:a@b@db.example.com/d", "postgres://u:a@b@db.example.com/d?sslmode=require"),
        ("postgres://u@127.0.0.1.example.com/d", "postgres://u@127.0.0.1.example.com/d?sslmode=require"),
    ])
    func databaseURLIsSecured(given: String, expected: String) throws {
        #expect(try DatabaseURL.secured(given).exposed == expected)
    }

    /// Modes that allow plain text are refused off the machine.
    @Test(arguments: ["disable", "allow", "prefer", "REQUIRE", ""])
    func weakModesAreRefused(mode: String) {
        #expect(throws: URLProblem.self) { try DatabaseURL.secured("postgres://u@db.example.com/d?sslmode=\(mode)") }
    }

    /// The base URL is an origin with a host under which subdomains can stand.
    @Test(arguments: [
        "formation.example.com", "ftp://formation.example.com", "https://", "https://localhost", "https://10.0.0.1",
        "https://formation.example.com/path", "https://formation.example.com?x", "https://u@formation.example.com",
    ])
    func badBaseURLs(text: String) {
        #expect(throws: URLProblem.self) { try BaseURL.parse(text) }
    }
}
