internal import Access
internal import AsyncHTTPClient
internal import Domain
internal import Forwarding
internal import Foundation
public import Logging
internal import Salesforce
internal import Storage
internal import Workspace

/// `formation doctor`: looks at everything that a gateway needs, and goes on where one part is away.
///
/// It changes nothing, and asks Salesforce nothing that costs a request of the org's limit.
public struct Doctor: Sendable {
    /// Login hosts that are asked, at most; the rest is a number.
    static let loginHostsMax = 20

    let settings: Settings
    let sources: Sources
    let logger: Logger

    /// A doctor for what the settings name; ``Settings/keys`` and the database's URL must be there.
    public init(settings: Settings, sources: Sources = .system, logger: Logger) {
        self.settings = settings
        self.sources = sources
        self.logger = logger
    }

    /// Looks at one thing after another, and reports each as it is found. Whether all of it works.
    public func examine(report: @escaping @Sendable (Finding) -> Void) async throws -> Bool {
        var isWell = true
        func say(_ findings: [Finding]) {
            for finding in findings {
                if finding.grade == .faulty { isWell = false }
                report(finding)
            }
        }
        say([Finding(.sound, "configuration", "complete.")])
        say(examineTLS())
        say(examineFrontend())
        let database = await examineDatabase()
        say(database.findings)
        try await withHTTP { http in
            say(await examineBaseURL(http))
            say(await examineSalesforce(database.loginHosts, http))
        }
        say([Finding(.sound, "stripe", "billing is off.")])
        return isWell
    }

    private func withHTTP(_ body: (HTTPClient) async throws -> Void) async throws {
        var addresses = settings.loopbackAddresses
        // RFC 6761 §6.3: names under `.localhost` are this machine, though not every resolver knows it.
        if isLocal, let host = probe.host { addresses[host] = "127.0.0.1" }
        let http = HTTPClient(
            eventLoopGroupProvider: .singleton,
            configuration: SalesforceOAuthClient.configuration(dnsOverride: addresses))
        do {
            try await body(http)
        } catch {
            try await http.shutdown()
            throw error
        }
        try await http.shutdown()
    }

    // MARK: TLS

    private func examineTLS() -> [Finding] {
        guard let files = settings.tls else { return [] }
        let subject = "tls"
        let validity: DateInterval
        do throws(ListenerTLSError) {
            validity = try ListenerTLS(
                certificatePath: files.certificatePath, keyPath: files.keyPath, logger: logger, now: sources.now
            ).validity
        } catch {
            return [Finding(.faulty, subject, "\(error.variable) \(error)", cure: "Correct it, or the file.")]
        }
        let now = sources.now()
        let end = validity.end.formatted(.iso8601.year().month().day())
        if now < validity.start {
            return [Finding(.faulty, subject, "the certificate is not valid yet.", cure: "Check this machine's clock.")]
        }
        guard now < validity.end else {
            return [Finding(.faulty, subject, "the certificate ended on \(end).", cure: "Renew it.")]
        }
        let days = Int(validity.end.timeIntervalSince(now) / 86_400)
        guard validity.end.timeIntervalSince(now) < ListenerTLS.renewalSeconds else {
            return [Finding(.sound, subject, "the certificate is valid until \(end).")]
        }
        return [
            Finding(
                .doubtful, subject, "the certificate ends on \(end), in \(days) days.",
                cure: "Renew it: a new file is taken without a restart.")
        ]
    }

    // MARK: Frontend

    private func examineFrontend() -> [Finding] {
        guard let directory = settings.frontendDirectory else { return [] }
        do throws(FrontendProblem) {
            _ = try FrontendFiles(directory: directory)
            return [Finding(.sound, "frontend", "FRONTEND_DIR has an index.html.")]
        } catch {
            return [Finding(.faulty, "frontend", "FRONTEND_DIR \(error)", cure: "Correct it, or build the frontend.")]
        }
    }

    // MARK: Base URL

    private var isLocal: Bool {
        settings.origin.baseDomain == "localhost" || settings.origin.baseDomain.hasSuffix(".localhost")
    }

    /// A tenant's host that no tenant needs to have: `/healthz` answers on any.
    private var probe: (origin: String, host: String?) {
        guard let label = try? Subdomain("doctor") else { return (settings.origin.origin, nil) }
        return (settings.origin.origin(of: label), "\(label).\(settings.origin.baseDomain)")
    }

    private func examineBaseURL(_ http: HTTPClient) async -> [Finding] {
        let subject = "base url"
        var findings: [Finding] = []
        if !settings.origin.isSecure, !isLocal {
            findings.append(
                Finding(
                    .doubtful, subject, "\(settings.origin.origin) is plain http: cookies and tokens travel in clear.",
                    cure: "Set BASE_URL to https, and end TLS at the edge."))
        }
        if settings.origin.isSecure, settings.trustedProxyHops == 0, settings.tls == nil {
            findings.append(
                Finding(
                    .doubtful, "trusted proxy hops",
                    "0, though somebody ends TLS in front: nothing that they say of a request is believed, plain http"
                        + " included.",
                    cure: "Set TRUSTED_PROXY_HOPS to the number of proxies of yours."))
        }
        let found = await Reachability.look(at: probe.origin + "/healthz", http: http)
        switch found {
        case .answered(200):
            findings.append(Finding(.sound, subject, "a gateway answers at \(probe.origin)."))
        case .answered:
            findings.append(
                Finding(
                    .doubtful, subject, "\(probe.origin)/healthz \(found.words) That is no gateway.",
                    cure: "Tenants are names below \(settings.origin.baseDomain): all of them must lead to the gateway."
                ))
        case .unknownHost:
            findings.append(
                Finding(
                    .doubtful, subject, "\(probe.origin) \(found.words)",
                    cure: "Add a wildcard to DNS, *.\(settings.origin.baseDomain), that leads to the gateway."))
        case .untrusted:
            findings.append(
                Finding(
                    .doubtful, subject, "\(probe.origin) \(found.words)",
                    cure: "The certificate at the edge must cover *.\(settings.origin.baseDomain)."))
        case .refused, .silent, .other:
            findings.append(
                Finding(
                    .doubtful, subject, "\(probe.origin) \(found.words)",
                    cure: "That is as it should be where no gateway runs yet. Otherwise check the edge."))
        }
        return findings
    }

    // MARK: Salesforce

    private func examineSalesforce(_ found: LoginHosts?, _ http: HTTPClient) async -> [Finding] {
        guard let found else {
            return [
                Finding(.doubtful, "salesforce", "not looked at: only the database knows the customers' login hosts.")
            ]
        }
        guard found.count > 0 else { return [Finding(.sound, "salesforce", "no customer yet.")] }
        let findings = await withTaskGroup(of: (Int, Finding).self) { group in
            for (index, url) in found.hosts.enumerated() {
                group.addTask { (index, await examine(loginHost: url, http)) }
            }
            return await group.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
        }
        let more = found.count - found.hosts.count
        guard more > 0 else { return findings }
        return findings + [Finding(.doubtful, "salesforce", "\(more) more login hosts were not asked.")]
    }

    private func examine(loginHost url: String, _ http: HTTPClient) async -> Finding {
        do {
            let endpoint = try settings.salesforceHosts.loginEndpoint(url)
            // Nothing is posted, so nobody is signed in, and no client is named.
            let found = await Reachability.look(at: endpoint.tokenURL, http: http)
            return Finding(
                found.cure == nil ? .sound : .faulty, "salesforce", "\(endpoint.authority) \(found.words)",
                cure: found.cure)
        } catch {
            return Finding(
                .faulty, "salesforce", "the login host \(url) of a customer is not an allowed one.",
                cure: "Correct it, or name it in SALESFORCE_ALLOWED_HOSTS.")
        }
    }

    /// The customers' login hosts.
    struct LoginHosts: Sendable {
        let hosts: [String]
        let count: Int
    }
}
