public import Domain
public import Postgres

/// The database, asked through scopes only: there is no query without one.
///
/// Architecture invariant 1. A scope's settings travel with the statement as one implicit transaction, and row-level
/// security shows the statement what its scope may see. Statements name their customer as well: two walls.
public struct Database: Sendable {
    private let client: PostgresClient
    /// How the second wall stands.
    public let rowSecurity: RowSecurityState

    /// A database whose row security was looked at already.
    public init(client: PostgresClient, rowSecurity: RowSecurityState) {
        self.client = client
        self.rowSecurity = rowSecurity
    }

    /// Looks at how the second wall stands, and opens the database accordingly.
    ///
    /// - Throws: ``RepositoryError/unavailable(_:)``.
    public static func open(client: PostgresClient) async throws -> Database {
        do {
            return try await Database(client: client, rowSecurity: RowSecurity.state(of: client))
        } catch {
            throw DatabaseFailure.translated(error)
        }
    }

    /// One customer's rows.
    public func tenant(_ id: CustomerID) -> DatabaseScope {
        scope("app.customer", id.description)
    }

    /// The one row whose key is presented.
    public func directory(_ key: DirectoryKey) -> DatabaseScope {
        switch key {
        case .subdomain(let subdomain): scope("app.subdomain", subdomain.label)
        case .sessionHash(let hash): scope("app.session_hash", hash.hexadecimal)
        case .keyHash(let hash): scope("app.key_hash", hash.hexadecimal)
        }
    }

    /// What one purpose of the platform's own needs, of all customers. Never reachable from a tenant's request.
    public func system(_ purpose: SystemPurpose) -> DatabaseScope {
        scope("app.scope", purpose.rawValue)
    }

    private func scope(_ name: String, _ value: String) -> DatabaseScope {
        var settings: [SessionSetting] = []
        switch rowSecurity {
        case .appRole: settings.append(SessionSetting("role", RowSecurity.role))
        case .forced, .down: break
        }
        settings.append(SessionSetting(name, value))
        return DatabaseScope(client: client, settings: settings)
    }
}

/// What a caller who does not know the customer yet presents: it sees the row that this names, and no other.
public enum DirectoryKey: Sendable, Hashable {
    case subdomain(Subdomain)
    /// SHA-256 of a session cookie's value.
    case sessionHash([UInt8])
    /// SHA-256 of an access key.
    case keyHash([UInt8])
}

/// The platform's own purposes. Each has policies of its own, as narrow as it.
public enum SystemPurpose: String, Sendable, Hashable, CaseIterable {
    /// Reads `changes`.
    case changeFeed = "change_feed"
    /// Lists customers, reads all audit events and appends the platform's own: the console and the command line.
    case operators
    /// Reads and first stores the platform's own data key.
    case platform
    /// Reads and re-wraps data keys.
    case keyRotation = "key_rotation"
    /// Deletes sessions and changes that are over.
    case sweep
    /// Writes when sessions and access keys were used last.
    case lastUse = "last_use"
}

/// The right to ask for what one scope may see.
public struct DatabaseScope: Sendable {
    private let client: PostgresClient
    private let settings: [SessionSetting]

    init(client: PostgresClient, settings: [SessionSetting]) {
        self.client = client
        self.settings = settings
    }

    /// How often a statement, or the beginning of a transaction, that was cut off is run at most.
    private static let attemptsMax = 3

    /// Runs one statement in the scope. One that was cut off by the end of its connection without an effect is run
    /// again, over another one, twice at most.
    ///
    /// - Throws: ``RepositoryError``; a `PostgresError` where the statement itself is wrong.
    @discardableResult
    public func query(_ sql: SQL) async throws -> PostgresRows {
        var attempts = 0
        while true {
            attempts += 1
            do {
                return try await client.query(sql, settings: settings)
            } catch let error as PostgresError
                where attempts < Self.attemptsMax && DatabaseFailure.hadNoEffect(error, of: sql)
            {
                continue
            } catch {
                throw DatabaseFailure.translated(error)
            }
        }
    }

    /// Runs several statements in the scope: all of them, or, where `body` throws, none. Where the connection was gone
    /// before `body` began, as those are that a server has closed while they were idle, it begins again over another.
    ///
    /// - Throws: what `body` throws; ``RepositoryError``.
    public func transaction<Result>(_ body: (PostgresTransaction) async throws -> Result) async throws -> Result {
        var attempts = 0
        while true {
            attempts += 1
            var hasBegun = false
            do {
                return try await client.withTransaction(settings: settings) { transaction in
                    hasBegun = true
                    return try await body(transaction)
                }
            } catch let error as PostgresError
                where !hasBegun && attempts < Self.attemptsMax && error.code == .connectionLost
            {
                continue
            } catch {
                throw DatabaseFailure.translated(error)
            }
        }
    }
}

extension [UInt8] {
    /// Two digits a byte, in lower case.
    var hexadecimal: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 0xf)]] }, as: UTF8.self)
    }
}
