internal import Crypto

/// One step of the schema: forward only, applied in a transaction of its own, and never changed once it was released.
public struct Migration: Sendable {
    /// Ascending; names the migration in `schema_migrations`.
    public let number: Int
    /// A few words, for people.
    public let name: String
    /// The statements.
    let sql: StaticString

    /// A migration of statements that stand in the program, separated by semicolons.
    public init(number: Int, name: String, sql: StaticString) {
        self.number = number
        self.name = name
        self.sql = sql
    }

    /// SHA-256 of the statements, in hexadecimal: what was applied is compared with what the program holds.
    public var checksum: String {
        SHA256.hash(data: Array(sql.description.utf8)).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    /// All migrations of this program, ascending.
    ///
    /// They expand first and contract a release later: processes of two releases run side by side for minutes.
    public static let all: [Migration] = [
        .tenants, .credentials, .platform, .changeFeed, .rowSecurity, .lastUse, .doubt, .keyRotation, .stagedSecret,
        .userAgent,
    ]
}
