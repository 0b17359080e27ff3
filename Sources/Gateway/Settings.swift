public import Access
public import Configuration
internal import Foundation
public import Logging
public import Salesforce
public import Secrets
public import Storage
internal import SystemPackage
public import Telemetry

/// Everything that the environment says (contract §5), checked as a whole: ``init(reader:requires:)`` names every
/// wrong variable at once.
public struct Settings: Sendable {
    /// What a command needs; the rest may be missing.
    public struct Needs: OptionSet, Sendable {
        public let rawValue: Int
        public init(rawValue: Int) { self.rawValue = rawValue }
        public static let database = Needs(rawValue: 1)
        public static let encryptionKey = Needs(rawValue: 2)
    }

    public var database: DatabaseSettings
    /// The master keys; `nil` only where a command does not need them.
    public var keys: KeyRing?
    public var origin: PublicOrigin
    public var host: String
    public var port: Int
    /// The directory of the vendor's frontend; `nil` for the built-in workspace page.
    public var frontendDirectory: String?
    /// Where https is served: the paths of two PEM files.
    public var tls: TLSSettings?
    public var trustedProxyHops: Int
    public var salesforceHosts: AllowedHosts
    /// Entries of `SALESFORCE_ALLOWED_HOSTS` under `.localhost`: resolved to loopback (RFC 6761 §6.3).
    public var loopbackNames: [String]
    public var frontendOrigins: [FrontendOrigin]
    public var sessionIdleMinutes: Int
    public var sessionMaxHours: Int
    public var eventLoops: Int
    public var tenantConcurrency: Int
    public var starterCallsPerSecond: Int
    public var professionalCallsPerSecond: Int
    public var enterpriseCallsPerSecond: Int
    public var upstreamTimeoutSeconds: Int
    public var idleTimeoutSeconds: Int
    public var shutdownSeconds: Int
    public var metricsToken: Secret<String>?
    public var logLevel: Logger.Level
    public var logFormat: LogFormat
    public var seed: SeedSettings
}

/// How to reach PostgreSQL.
public struct DatabaseSettings: Sendable {
    /// `DATABASE_URL`, with `sslmode` set by our policy; `nil` where it is not given.
    public var url: Secret<String>?
    /// `DATABASE_DIRECT_URL`, or the same: for `LISTEN` and migrations.
    public var directURL: Secret<String>?
    public var preparedStatements: Bool
    public var rowSecurity: RowSecurityMode
    public var connections: Int
    public var outageSeconds: Int
}

/// Certificate and key of https, as PEM files.
public struct TLSSettings: Sendable, Hashable {
    public var certificatePath: String
    public var keyPath: String
}

/// What `db init` gives Axonify.
public struct SeedSettings: Sendable {
    public var instanceURL: String?
    public var clientID: Secret<String>?
    public var clientSecret: Secret<String>?
}

extension Settings {
    /// Variables whose features a later release brings: to ignore them would be a lie, so they are refused.
    static let unsupported = [
        "STRIPE_SECRET_KEY": "billing is not in this release.",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "traces over OTLP are not in this release.",
    ]

    /// Reads all settings.
    ///
    /// - Parameter needs: what must be there; everything that is there must be right in any case.
    /// - Throws: ``SettingsError`` with every problem.
    public init(reader source: ConfigReader, requires needs: Needs = [.database, .encryptionKey]) throws(SettingsError)
    {
        var reader = SettingsReader(source)
        self.database = DatabaseSettings(from: &reader, required: needs.contains(.database))
        self.keys = Self.keys(from: &reader, required: needs.contains(.encryptionKey))
        self.origin =
            reader.parsed("BASE_URL", BaseURL.parse)
            ?? PublicOrigin(isSecure: false, baseDomain: "formation.localhost", port: 8080)
        self.host = reader.text("HOST") ?? (origin.isSecure ? "0.0.0.0" : "127.0.0.1")
        self.port = reader.integer("PORT", default: 8080, in: 0...65_535)
        self.frontendDirectory = reader.text("FRONTEND_DIR")
        self.tls = Self.tls(from: &reader, origin: origin)
        self.trustedProxyHops = reader.integer("TRUSTED_PROXY_HOPS", default: 0, in: 0...10)
        let extraHosts = reader.list("SALESFORCE_ALLOWED_HOSTS")
        let salesforceHosts = reader.value("SALESFORCE_ALLOWED_HOSTS") { try AllowedHosts(extra: extraHosts) }
        self.loopbackNames = extraHosts.compactMap { PublicOrigin.name(ofAuthority: $0) }
            .filter { $0.hasSuffix(".localhost") }
        self.frontendOrigins = Self.frontendOrigins(from: &reader)
        self.sessionIdleMinutes = reader.integer("SESSION_IDLE_MINUTES", default: 60, in: 1...10_080)
        self.sessionMaxHours = reader.integer("SESSION_MAX_HOURS", default: 12, in: 1...720)
        self.eventLoops = reader.integer(
            "EVENT_LOOPS", default: ProcessInfo.processInfo.activeProcessorCount, in: 1...256)
        self.tenantConcurrency = reader.integer("TENANT_CONCURRENCY", default: 100, in: 1...10_000)
        self.starterCallsPerSecond = reader.integer("RATE_LIMIT_STARTER", default: 20, in: 1...100_000)
        self.professionalCallsPerSecond = reader.integer("RATE_LIMIT_PROFESSIONAL", default: 50, in: 1...100_000)
        self.enterpriseCallsPerSecond = reader.integer("RATE_LIMIT_ENTERPRISE", default: 200, in: 1...100_000)
        self.upstreamTimeoutSeconds = reader.integer("UPSTREAM_TIMEOUT_SECONDS", default: 25, in: 1...600)
        self.idleTimeoutSeconds = reader.integer("IDLE_TIMEOUT_SECONDS", default: 95, in: 1...3_600)
        self.shutdownSeconds = reader.integer("SHUTDOWN_SECONDS", default: 25, in: 1...600)
        self.metricsToken = reader.text("METRICS_TOKEN").map { Secret($0) }
        self.logLevel = reader.choice("LOG_LEVEL", default: Logger.Level.info)
        self.logFormat = reader.choice("LOG_FORMAT", default: LogFormat.logfmt)
        self.seed = SeedSettings(
            instanceURL: reader.text("SEED_SALESFORCE_INSTANCE_URL"),
            clientID: reader.text("SEED_SALESFORCE_CLIENT_ID").map { Secret($0) },
            clientSecret: reader.text("SEED_SALESFORCE_CLIENT_SECRET").map { Secret($0) })
        for (variable, reason) in Self.unsupported.sorted(by: { $0.key < $1.key }) where reader.text(variable) != nil {
            reader.note(variable, reason)
        }
        guard reader.problems.isEmpty, let salesforceHosts else { throw SettingsError(problems: reader.problems) }
        self.salesforceHosts = salesforceHosts
    }

    /// Where each of ``loopbackNames`` is.
    var loopbackAddresses: [String: String] {
        Dictionary(loopbackNames.map { ($0, "127.0.0.1") }, uniquingKeysWith: { first, _ in first })
    }

    /// Where settings come from: the process's environment, then a `.env` file in the working directory.
    ///
    /// - Throws: where `.env` is there and can't be read.
    public static func reader() async throws -> ConfigReader {
        try await ConfigReader(providers: [
            EnvironmentVariablesProvider(secretsSpecifier: .all),
            EnvironmentVariablesProvider(environmentFilePath: ".env", allowMissing: true, secretsSpecifier: .all),
        ])
    }

    private static func keys(from reader: inout SettingsReader, required: Bool) -> KeyRing? {
        let retired = reader.list("ENCRYPTION_KEYS_RETIRED").map { Secret($0) }
        for key in retired where (try? KeyRing(current: key)) == nil {
            reader.note("ENCRYPTION_KEYS_RETIRED", "every key is 64 hexadecimal digits (32 bytes).")
            break
        }
        guard let current = reader.text("ENCRYPTION_KEY") else {
            if required {
                reader.note(
                    "ENCRYPTION_KEY",
                    "is not set. It is the key that this database was set up with; for a new one, make a key with:"
                        + " formation key generate")
            }
            return nil
        }
        guard (try? KeyRing(current: Secret(current))) != nil else {
            reader.note(
                "ENCRYPTION_KEY", "must be 64 hexadecimal digits (32 bytes). Make one with: formation key generate")
            return nil
        }
        return try? KeyRing(current: Secret(current), retired: retired)
    }

    private static func tls(from reader: inout SettingsReader, origin: PublicOrigin) -> TLSSettings? {
        let paths = (certificate: reader.text("TLS_CERTIFICATE"), key: reader.text("TLS_KEY"))
        switch paths {
        case (nil, nil):
            return nil
        case (.some, nil):
            reader.note("TLS_KEY", "is not set, and TLS_CERTIFICATE is: https needs both.")
            return nil
        case (nil, .some):
            reader.note("TLS_CERTIFICATE", "is not set, and TLS_KEY is: https needs both.")
            return nil
        case (.some(let certificate), .some(let key)):
            // Cookies and redirects follow BASE_URL.
            if !origin.isSecure { reader.note("BASE_URL", "must be https where TLS_CERTIFICATE is set.") }
            return TLSSettings(certificatePath: certificate, keyPath: key)
        }
    }

    private static func frontendOrigins(from reader: inout SettingsReader) -> [FrontendOrigin] {
        let texts = reader.list("FRONTEND_ORIGINS")
        let origins = texts.compactMap { FrontendOrigin($0) }
        if origins.count != texts.count {
            reader.note(
                "FRONTEND_ORIGINS",
                "must be origins separated by commas, e.g. https://app.example.com,http://*.formation.localhost:5173")
        }
        return origins
    }
}

extension DatabaseSettings {
    init(from reader: inout SettingsReader, required: Bool) {
        self.url = reader.parsed("DATABASE_URL", DatabaseURL.secured)
        if required, reader.text("DATABASE_URL") == nil {
            reader.note("DATABASE_URL", "is not set. For example: postgres:///formation_dev")
        }
        self.directURL = reader.parsed("DATABASE_DIRECT_URL", DatabaseURL.secured) ?? url
        self.preparedStatements = reader.boolean("DATABASE_PREPARED_STATEMENTS", default: true)
        self.rowSecurity = reader.choice("DATABASE_ROW_SECURITY", default: RowSecurityMode.auto)
        self.connections = reader.integer("DATABASE_CONNECTIONS", default: 4, in: 1...100)
        self.outageSeconds = reader.integer("DATABASE_OUTAGE_SECONDS", default: 300, in: 0...3_600)
    }
}
