internal import Foundation
public import Secrets

/// How to run `pg_dump` so that row-level security does not empty the archive.
///
/// Plain `pg_dump` refuses tables whose policies hold for the login role, and with `--enable-row-security` alone it
/// would dump no rows. Here the policies named `dump`, one on each protected table, show it all rows. Restore with
/// `pg_restore --no-owner` into an empty database, then run `formation db migrate`, which puts role and rights back.
public struct DatabaseDump: Sendable {
    /// The program.
    public let program = "pg_dump"
    /// Its arguments. They hold no password: other users of the machine can see them.
    public let arguments: [String]
    /// What to add to its environment.
    public let environment: [String: Secret<String>]

    /// A dump of the database at `url` into `file`, in pg_dump's custom format.
    ///
    /// `url` must lead to the server itself: a pooler in between may drop the start-up option that makes rows visible.
    /// `sslMode` holds where the URL says nothing of it.
    public init(url: Secret<String>, file: String, sslMode: String? = nil) {
        var connection = ConnectionString(url.exposed)
        let password = connection.take("password")
        let options = connection.take("options")
        self.arguments = [
            "--format=custom", "--no-owner", "--no-privileges", "--enable-row-security", "--file=\(file)",
            "--dbname=\(connection.text)",
        ]
        // Options of the URL would replace these, and the archive would be empty.
        let scope = "-c app.scope=dump"
        var environment = ["PGOPTIONS": Secret(options.map { "\($0) \(scope)" } ?? scope)]
        if let password { environment["PGPASSWORD"] = Secret(password) }
        if let sslMode { environment["PGSSLMODE"] = Secret(sslMode) }
        self.environment = environment
    }
}

/// A connection string in either of libpq's forms, from which values can be taken out.
private struct ConnectionString {
    private(set) var text: String

    init(_ text: String) {
        self.text = text
    }

    /// Removes a keyword; its value.
    mutating func take(_ keyword: String) -> String? {
        guard text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") else { return takeKeyword(keyword) }
        let queried = takeQueryItem(keyword)
        return keyword == "password" ? takeUserInfoPassword() ?? queried : queried
    }

    /// `postgres://user:password@host,host:port/database` (PostgreSQL, section 34.1.1.2). Several hosts are no URL to
    /// Foundation.
    private mutating func takeUserInfoPassword() -> String? {
        let pattern = /^(?<front>[a-z]+:\/\/[^:@\/?]*):(?<password>[^@\/?]*)@(?<rest>.*)$/
        guard let match = text.wholeMatch(of: pattern) else { return nil }
        text = "\(match.output.front)@\(match.output.rest)"
        return String(match.output.password).removingPercentEncoding
    }

    private mutating func takeQueryItem(_ keyword: String) -> String? {
        guard let mark = text.firstIndex(of: "?") else { return nil }
        var kept: [Substring] = []
        var value: String?
        for item in text[text.index(after: mark)...].split(separator: "&") {
            if item.hasPrefix("\(keyword)=") {
                value = String(item.dropFirst(keyword.count + 1)).removingPercentEncoding
            } else {
                kept.append(item)
            }
        }
        text = text[..<mark] + (kept.isEmpty ? "" : "?" + kept.joined(separator: "&"))
        return value
    }

    /// `keyword = value`, values with spaces in single quotes, `\` escapes (PostgreSQL, section 34.1.1.1).
    private mutating func takeKeyword(_ keyword: String) -> String? {
        let pattern = /(?:^|\s)(?<name>[a-z_]+)\s*=\s*(?:'(?<quoted>(?:[^'\\]|\\.)*)'|(?<plain>\S*))/
        guard let match = text.matches(of: pattern).first(where: { $0.output.name == keyword }) else { return nil }
        let raw = String(match.output.quoted ?? match.output.plain ?? "")
        text.removeSubrange(match.range)
        return raw.replacing(/\\(.)/) { $0.output.1 }
    }
}
