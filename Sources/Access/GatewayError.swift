public import Domain

/// Everything that the gateway refuses or fails at, each with its one status, code and words (contract §2, the table of
/// gateway-made answers).
///
/// Forwarding renders it in Salesforce's shape, the JSON API as problem details, pages as pages: all from here.
public enum GatewayError: Error, Sendable, Hashable {
    /// The request is malformed; the text says how, and holds nothing of the request.
    case badRequest(String)
    /// The request's body stalled (RFC 9110 §15.5.9).
    case requestTimeout
    /// A path that is not forwarded, or a resource that does not exist.
    case notFound
    /// An API of Salesforce's that clients know and that is not forwarded: told in its own dialect.
    case notForwarded(UnforwardedAPI)
    /// No or unknown session or access key.
    case notSignedIn
    /// The grant is dead: the user must sign in again, and the session is over.
    case grantDead
    case crossOrigin
    /// An API call by plain http where the product is https: it is not redirected, since it has already told its
    /// secret.
    case httpsRequired
    /// An access key may not do this: read-only, or it manages keys, roles, people or billing.
    case keyScope
    /// The person has as many access keys as one may have.
    case tooManyKeys
    case userDisabled
    /// Not an admin.
    case adminOnly
    /// The org bars the app; the text says what the org's admin must do.
    case barredByOrg(advice: String)
    case suspended
    case subscriptionInactive(SubscriptionAccess)
    /// The tenant has no Salesforce credentials yet.
    case notConnected
    /// Salesforce refuses the tenant's client id or secret.
    case clientRejected
    case rateLimited(retryAfterSeconds: Int)
    case upstreamUnreachable(UpstreamFault)
    case upstreamTimeout
    /// Overloaded, draining, or something is needed while the database or Salesforce's token endpoint is away.
    case unavailable(UnavailableReason, retryAfterSeconds: Int)
    /// A bug or an unforeseen failure; logged with the request's id, and nothing of it shown.
    case internalError
}

/// What clients of Salesforce may look for beside what is forwarded (contract §2: SOAP and `/cometd` are 404).
public enum UnforwardedAPI: Sendable, Hashable, CaseIterable {
    /// SOAP of the enterprise, the partner and the tooling WSDL: faults of each have a namespace of their own.
    case soapEnterprise, soapPartner, soapTooling
    /// Metadata, Apex and whatever else is below `/services/Soap`.
    case soapOther
    /// The Streaming API (Bayeux).
    case cometd
}

/// Why there is no answer of Salesforce's to pass on.
public enum UpstreamFault: Sendable, Hashable, CaseIterable {
    /// No connection could be made.
    case unreachable
    /// The connection ended before an answer began.
    case closed
    /// It ended in the middle of an answer of which nothing was passed on.
    case brokeOff
    /// What came is no HTTP, or none that two readers would read alike.
    case garbled
}

/// Why the gateway can't serve just now.
public enum UnavailableReason: String, Sendable, Hashable, CaseIterable {
    case overloaded, draining
    case databaseAway = "database_away"
    case refreshPending = "refresh_pending"
}

extension GatewayError {
    /// The HTTP status.
    public var status: Int {
        switch self {
        case .badRequest: 400
        case .requestTimeout: 408
        case .notSignedIn, .grantDead: 401
        case .subscriptionInactive: 402
        case .crossOrigin, .httpsRequired, .keyScope, .userDisabled, .adminOnly, .barredByOrg, .suspended: 403
        case .notFound, .notForwarded: 404
        case .notConnected, .tooManyKeys: 409
        case .rateLimited: 429
        case .internalError: 500
        case .clientRejected, .upstreamUnreachable: 502
        case .unavailable: 503
        case .upstreamTimeout: 504
        }
    }

    /// The `errorCode` of an answer in Salesforce's shape, and the metric label: one of a small fixed set.
    public var errorCode: String {
        switch self {
        case .badRequest: "BAD_REQUEST"
        case .requestTimeout: "REQUEST_TIMEOUT"
        case .notFound, .notForwarded: "NOT_FOUND"
        case .notSignedIn, .grantDead: "INVALID_SESSION_ID"
        case .crossOrigin: "CROSS_ORIGIN_REQUEST"
        case .httpsRequired: "HTTPS_REQUIRED"
        case .keyScope: "KEY_SCOPE"
        case .tooManyKeys: "TOO_MANY_KEYS"
        case .userDisabled: "USER_DISABLED"
        case .adminOnly: "ADMIN_ONLY"
        case .barredByOrg: "SALESFORCE_ACCESS_DENIED"
        case .suspended: "WORKSPACE_SUSPENDED"
        case .subscriptionInactive: "SUBSCRIPTION_INACTIVE"
        case .notConnected: "SALESFORCE_NOT_CONNECTED"
        case .clientRejected: "SALESFORCE_CLIENT_REJECTED"
        case .rateLimited: "REQUEST_LIMIT_EXCEEDED"
        case .upstreamUnreachable: "UPSTREAM_UNREACHABLE"
        case .upstreamTimeout: "UPSTREAM_TIMEOUT"
        case .unavailable: "SERVER_UNAVAILABLE"
        case .internalError: "INTERNAL_ERROR"
        }
    }

    /// What to tell the caller: what happened, and what to do.
    public var message: String {
        switch self {
        case .badRequest(let how): how
        case .requestTimeout: "The rest of the body did not come in time."
        case .notFound: "There is nothing here."
        case .notForwarded(let api): Self.message(of: api)
        case .notSignedIn: "Session expired or invalid. Sign in again, or use a valid access key."
        case .grantDead: "Salesforce ended this connection. Sign in again."
        case .crossOrigin: "This request came from another site, so it was not run."
        case .httpsRequired: "This service is reached by https alone. A secret sent by plain http should be replaced."
        case .keyScope: "This access key may not do that."
        case .tooManyKeys: "You have as many access keys as one person may have. End one first."
        case .userDisabled: "Your account in this workspace is disabled. Ask your workspace's admin."
        case .adminOnly: "Only an admin of this workspace may do that."
        case .barredByOrg(let advice): advice
        case .suspended: "This workspace is suspended. Ask the operator."
        case .subscriptionInactive(let access): Self.message(of: access)
        case .notConnected: "This workspace is not connected to Salesforce yet. Its operator must finish the set-up."
        case .clientRejected:
            "Salesforce refuses this workspace's client id or secret. Its operator must enter the present ones."
        case .rateLimited: "Too many requests. Try again later."
        case .upstreamUnreachable(let fault): Self.message(of: fault)
        case .upstreamTimeout: "Salesforce did not answer in time."
        case .unavailable(let reason, _): Self.message(of: reason)
        case .internalError: "Something went wrong on our side. The request's id helps us find it."
        }
    }

    /// Seconds for `Retry-After`; `nil` where waiting does not help or nobody knows how long.
    public var retryAfterSeconds: Int? {
        switch self {
        case .rateLimited(let seconds), .unavailable(_, let seconds): seconds
        case .badRequest, .requestTimeout, .notFound, .notForwarded, .notSignedIn, .grantDead, .crossOrigin,
            .httpsRequired, .keyScope, .tooManyKeys, .userDisabled, .adminOnly, .barredByOrg, .suspended,
            .subscriptionInactive, .notConnected, .clientRejected, .upstreamUnreachable, .upstreamTimeout,
            .internalError:
            nil
        }
    }

    /// The `error` parameter of `Proxy-Status` (RFC 9209 §2.3): a registered type where one fits.
    public var proxyStatusError: String {
        switch self {
        case .upstreamUnreachable(let fault): Self.proxyStatusError(of: fault)
        case .upstreamTimeout: "http_response_timeout"
        case .rateLimited, .crossOrigin, .httpsRequired, .keyScope, .tooManyKeys, .userDisabled, .adminOnly,
            .barredByOrg, .suspended, .subscriptionInactive, .notSignedIn, .grantDead:
            "http_request_denied"
        case .badRequest, .requestTimeout, .notFound, .notForwarded: "http_request_error"
        case .notConnected, .clientRejected: "proxy_configuration_error"
        case .unavailable(let reason, _): Self.proxyStatusError(of: reason)
        case .internalError: "proxy_internal_error"
        }
    }

    private static func proxyStatusError(of fault: UpstreamFault) -> String {
        switch fault {
        case .unreachable: "destination_unavailable"
        case .closed: "connection_terminated"
        case .brokeOff: "http_response_incomplete"
        case .garbled: "http_protocol_error"
        }
    }

    private static func proxyStatusError(of reason: UnavailableReason) -> String {
        switch reason {
        case .overloaded, .draining: "connection_limit_reached"
        case .databaseAway: "proxy_internal_error"
        case .refreshPending: "destination_unavailable"
        }
    }

    private static func message(of api: UnforwardedAPI) -> String {
        switch api {
        case .soapEnterprise, .soapPartner, .soapTooling, .soapOther:
            "This gateway does not forward SOAP, so there is no login() either. Use an access key of the workspace as "
                + "session id, with REST, Bulk or Apex REST."
        case .cometd: "This gateway does not forward the Streaming API (CometD)."
        }
    }

    private static func message(of fault: UpstreamFault) -> String {
        switch fault {
        case .unreachable: "Salesforce can't be reached."
        case .closed: "Salesforce closed the connection without an answer."
        case .brokeOff: "Salesforce broke its answer off."
        case .garbled: "Salesforce answered with something that can't be passed on."
        }
    }

    private static func message(of access: SubscriptionAccess) -> String {
        switch access {
        case .allowed: "The subscription is active."
        case .trialExpired: "The trial of this workspace is over. Its admin can choose a plan."
        case .pastDueTooLong: "Payment for this workspace is overdue. Its admin can settle it under billing."
        case .cancelled: "The subscription of this workspace was cancelled. Its admin can choose a plan."
        }
    }

    private static func message(of reason: UnavailableReason) -> String {
        switch reason {
        case .overloaded: "Too much is going on just now. Try again shortly."
        case .draining: "This server is about to restart. Try again."
        case .databaseAway: "The service can't reach its database just now. Try again shortly."
        case .refreshPending: "The connection to Salesforce is being renewed. Try again shortly."
        }
    }
}
