internal import Metrics
internal import Salesforce

/// What refreshes come to, counted. Each label is one of a small fixed set; refreshes are rare enough to look their
/// series up.
struct LedgerMetrics: Sendable {
    private let factory: any MetricsFactory

    init(factory: any MetricsFactory = MetricsSystem.factory) {
        self.factory = factory
    }

    /// What a refresh was to those who waited for it.
    enum Outcome: String, CaseIterable {
        /// A successor was stored.
        case refreshed
        /// Somebody else had stored a newer token, or the present one is used on.
        case found
        /// It can be tried again.
        case passing
        /// The grant is dead.
        case dead
        /// Salesforce refuses the tenant's client id or secret, or there is none.
        case wrongClient = "wrong_client"
        /// The org bars the app, the person or the network.
        case barredByOrg = "barred_by_org"
        /// A fault of ours.
        case bug
    }

    func count(_ result: GrantRefresh.Result) {
        increment("token_refreshes_total", "outcome", Self.outcome(of: result).rawValue)
    }

    /// An answer of the token endpoint to a refresh; `nil` for tokens.
    func count(answer error: SalesforceError?) {
        increment("token_refresh_answers_total", "answer", error?.metricLabel ?? "tokens")
    }

    /// A grant was found in doubt.
    func countDoubt(isAskedOnceMore: Bool) {
        increment("grants_in_doubt_total", "next", isAskedOnceMore ? "asked_once_more" : "given_up")
    }

    /// A refresh was not begun because the last ones for the same occasion did not help.
    func countFutile() {
        Counter(label: "token_refreshes_withheld_total", factory: factory).increment()
    }

    private func increment(_ label: String, _ dimension: String, _ value: String) {
        Counter(label: label, dimensions: [(dimension, value)], factory: factory).increment()
    }

    static func outcome(of result: GrantRefresh.Result) -> Outcome {
        switch result.outcome {
        case .token: result.isRefreshed ? .refreshed : .found
        case .dead: .dead
        case .failed(let error, _): outcome(of: error)
        }
    }

    private static func outcome(of error: GatewayError) -> Outcome {
        switch error {
        case .clientRejected, .notConnected: .wrongClient
        case .barredByOrg: .barredByOrg
        case .grantDead: .dead
        case .unavailable, .upstreamUnreachable, .upstreamTimeout, .rateLimited: .passing
        case .badRequest, .requestTimeout, .notFound, .notForwarded, .notSignedIn, .crossOrigin, .httpsRequired,
            .keyScope, .tooManyKeys, .userDisabled, .adminOnly, .suspended, .subscriptionInactive, .internalError:
            .bug
        }
    }
}
