internal import Foundation
public import Secrets

/// How to run `pg_dump` so that row-level security does not empty the archive.
///
/// Plain `pg_dump` refuses tables whose policies hold for the login role, and with `--enable-row-security` alone it would
/// dump no rows. Here the policies named `dump`, one on each protected table, show it all rows. Restore with
/// `pg_restore --no-owner` into an empty database, then run `formation db migrate`, which puts role and rights back.
public struct DatabaseDump: Sendable {
    /// The program.
    public let program = "pg_dump"
    /// Its arguments. They hold no password: other users of the machine can see them.
    public let arguments: [String]
    /// What to add to its environment.
    public let environment: [String: Secret<String>]

    /// A dump of the database at `url` into `file`, in pg_dump's custom format.
    public init(url: Secret<String>, file: String) {
        let (withoutPassword, password) = Self.split(url.exposed)
        self.arguments = [
            "--format=custom", "--no-owner", "--no-privileges", "--enable-row-security", "--file=\(file)",
            "--dbname=\(withoutPassword)",
        ]
        var environment = ["PGOPTIONS": Secret("-c app.scope=dump")]
        if let password { environment["PGPASSWORD"] = Secret(password) }
        self.environment = environment
    }

    /// Takes the password out of a connection string, in either of libpq's forms.
    private static func split(_ text: String) -> (url: String, password: String?) {
        text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") ? splitURL(text) : splitKeywords(text)
    }

    /// `postgres://user:password@host,host:port/database?password=…` (PostgreSQL, section 34.1.1.2). Several hosts are no
    /// URL to Foundation.
    private static func splitURL(_ text: String) -> (url: String, password: String?) {
        let pattern = /^(?<front>[a-z]+:\/\/[^:@\/?]*):(?<password>[^@\/?]*)@(?<rest>.*)$/
        var url = text
        var password: String?
        if let match = text.wholeMatch(of: pattern) {
            url = "\(match.output.front)@\(match.output.rest)"
            password = String(match.output.password).removingPercentEncoding
        }
        guard let mark = url.firstIndex(of: "?") else { return (url, password) }
        var kept: [Substring] = []
        for item in url[url.index(after: mark)...].split(separator: "&") {
            if item.hasPrefix("password=") {
                password = String(item.dropFirst("password=".count)).removingPercentEncoding
            } else {
                kept.append(item)
            }
        }
        let query = kept.isEmpty ? "" : "?" + kept.joined(separator: "&")
        return (url[..<mark] + query, password)
    }

    /// `keyword=value`, values with spaces in single quotes, `\` escapes (PostgreSQL, section 34.1.1.1).
    private static func splitKeywords(_ text: String) -> (url: String, password: String?) {
        let pattern = /(?:^|\s)password\s*=\s*(?:'(?<quoted>(?:[^'\\]|\\.)*)'|(?<plain>\S*))/
        guard let match = text.firstMatch(of: pattern) else { return (text, nil) }
        let raw = match.output.quoted ?? match.output.plain ?? ""
        let password = String(raw).replacing(/\\(.)/) { $0.output.1 }
        return (String(text.replacing(pattern, with: "")), password)
    }
}
