internal import Access
internal import Domain
internal import Foundation
internal import Postgres
internal import Secrets
internal import Storage

extension Doctor {
    /// Beyond so many seconds between this machine's clock and the database's, leases and expiries are judged wrongly.
    private static let clockSkewSecondsMax: TimeInterval = 5
    /// How long a notification may take.
    private static let notificationPatience: Duration = .seconds(5)

    /// What was found of the database, and what it knows of Salesforce.
    struct DatabaseFindings: Sendable {
        var findings: [Finding] = []
        var loginHosts: LoginHosts?
    }

    /// Everything that the database says.
    func examineDatabase() async -> DatabaseFindings {
        var found = DatabaseFindings()
        guard let url = settings.database.url else { return found }
        var configuration = StorageRoom.configuration(settings.database, url: url)
        configuration.connections = 1
        do {
            try await PostgresClient.withClient(configuration: configuration, logger: logger) { client in
                found.findings += try await examineServer(client, url: url.exposed)
                found.findings.append(await examineNotifications(client))
                let schema = try await Migrator(client: client).status()
                found.findings.append(examineSchema(schema))
                let database = try await Database.open(client: client)
                found.findings.append(examine(database.rowSecurity))
                found.findings += try await examineKeys(database)
                guard schema.isComplete else { return }
                let (hosts, count) = try await DatabaseCheckup.loginHosts(in: database, limit: Self.loginHostsMax)
                found.loginHosts = LoginHosts(hosts: hosts, count: count)
            }
        } catch {
            let problem = DatabaseProblem(error, url: url.exposed)
            found.findings.append(Finding(.faulty, "database", problem.summary, cure: problem.cure))
            found.findings.append(
                Finding(.doubtful, "schema, keys", "not looked at, or not to the end: the database is needed."))
        }
        return found
    }

    private func examineServer(_ client: PostgresClient, url: String) async throws -> [Finding] {
        let before = sources.now()
        let server = try await DatabaseCheckup.server(client)
        let elapsed = sources.now().timeIntervalSince(before)
        var findings: [Finding] = []
        let isRecent = server.majorVersion >= DatabaseCheckup.majorVersionMin
        findings.append(
            Finding(
                isRecent ? .sound : .faulty, "database",
                "PostgreSQL \(server.version), database \(server.database), as role \(server.role).",
                cure: isRecent ? nil : "PostgreSQL \(DatabaseCheckup.majorVersionMin) or newer is needed: upgrade it."))
        findings.append(try examineTLS(server, url: url))
        let skew = server.clock.timeIntervalSince(before.addingTimeInterval(elapsed / 2))
        let seconds = Int(abs(skew).rounded())
        if abs(skew) > Self.clockSkewSecondsMax + elapsed / 2 {
            findings.append(
                Finding(
                    .doubtful, "clock", "this machine's and the database's are \(seconds) s apart.",
                    cure: "Sessions and tokens end by them: let both keep time (NTP)."))
        } else {
            findings.append(Finding(.sound, "clock", "as the database's, within \(max(1, seconds)) s."))
        }
        return findings
    }

    private func examineTLS(_ server: DatabaseCheckup.Server, url: String) throws -> Finding {
        let address = try PostgresAddress(url: url)
        guard let tls = server.tls else {
            return address.isLocal
                ? Finding(.sound, "database tls", "not needed: the database is on this machine.")
                : Finding(
                    .faulty, "database tls", "what goes to the database is not encrypted.",
                    cure: "A pooler in between must speak TLS with the server: check its configuration.")
        }
        let isVerified = ["verify-ca", "verify-full"].contains(address.sslMode ?? "")
        return Finding(
            .sound, "database tls",
            "\(tls), the server's certificate is \(isVerified ? "checked." : "not checked (sslmode=verify-full does).")"
        )
    }

    private func examineNotifications(_ client: PostgresClient) async -> Finding {
        let subject = "notifications"
        let isDirect = settings.database.directURL?.exposed != settings.database.url?.exposed
        guard isDirect, let url = settings.database.directURL else {
            let isHeard = await DatabaseCheckup.hears(client, from: client, within: Self.notificationPatience)
            return isHeard
                ? Finding(.sound, subject, "arrive.")
                : Finding(
                    .doubtful, subject, "do not arrive: changes are then noticed up to a second later.",
                    cure: "Where DATABASE_URL leads to a transaction pooler, set DATABASE_DIRECT_URL.")
        }
        var configuration = StorageRoom.configuration(settings.database, url: url)
        configuration.connections = 1
        configuration.preparedStatements = true
        do {
            return try await PostgresClient.withClient(configuration: configuration, logger: logger) { direct in
                _ = try await DatabaseCheckup.server(direct)
                let isHeard = await DatabaseCheckup.hears(direct, from: client, within: Self.notificationPatience)
                return isHeard
                    ? Finding(.sound, subject, "arrive by DATABASE_DIRECT_URL.")
                    : Finding(
                        .faulty, subject, "sent by DATABASE_URL do not arrive by DATABASE_DIRECT_URL.",
                        cure: "Both must lead to the same database, the second one not through a transaction pooler.")
            }
        } catch {
            let problem = DatabaseProblem(error, url: url.exposed)
            return Finding(.faulty, "DATABASE_DIRECT_URL", problem.summary, cure: problem.cure)
        }
    }

    private func examineSchema(_ schema: SchemaStatus) -> Finding {
        var (pending, changed, newer) = (0, 0, 0)
        for entry in schema.entries {
            switch entry.state {
            case .applied: break
            case .pending: pending += 1
            case .changed: changed += 1
            case .newer: newer += 1
            }
        }
        if changed > 0 {
            return Finding(
                .faulty, "schema", "\(changed) migrations were applied with another text than this program has.",
                cure: "Run the release that applied them.")
        }
        if pending > 0 {
            return Finding(.faulty, "schema", "\(pending) migrations are missing.", cure: "Run: formation db migrate")
        }
        if newer > 0 {
            return Finding(
                .sound, "schema", "complete, and \(newer) migrations of a newer release are applied on top.")
        }
        return Finding(.sound, "schema", "complete.")
    }

    private func examine(_ state: RowSecurityState) -> Finding {
        switch state {
        case .appRole, .forced: Finding(.sound, "row security", "\(state).")
        case .down: Finding(.doubtful, "row security", "\(state).")
        }
    }

    // MARK: Keys

    private func examineKeys(_ database: Database) async throws -> [Finding] {
        guard let inventory = try await KeyInventory.found(in: database, keys: settings.keys) else {
            return [Finding(.doubtful, "keys", "not looked at: the tables are not there yet.")]
        }
        let findings = inventory.entries.map { entry in
            Finding(
                Self.grade(entry.standing), "key \(entry.name)", "seals \(entry.amount); \(entry.words).",
                cure: entry.cure)
        }
        return findings + [try await examinePlatformKey(database)]
    }

    private static func grade(_ standing: KeyInventory.Standing) -> Finding.Grade {
        switch standing {
        case .current, .removable: .sound
        case .retired, .unjudged: .doubtful
        case .missing, .unreadable: .faulty
        }
    }

    /// Opens one key for good: a name says only which key it would take.
    private func examinePlatformKey(_ database: Database) async throws -> Finding {
        let subject = "platform key"
        guard let sealed = try await database.platformDataKey() else {
            return Finding(.sound, subject, "there is none yet; the first formation serve makes it.")
        }
        do {
            _ = try settings.keys?.openDataKey(sealed, customer: nil)
            return Finding(.sound, subject, "opens.")
        } catch let error as SealingError {
            let problem = DatabaseProblem(error, url: "")
            return Finding(.faulty, subject, problem.summary, cure: problem.cure)
        }
    }
}
