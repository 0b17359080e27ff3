/// The limits of Forwarding, in one place (architecture invariant 7).
public struct ForwardingLimits: Sendable {
    /// `TENANT_CONCURRENCY`: a tenant's calls to Salesforce at one time in one process. As many again may wait.
    public var tenantConcurrency = 100
    /// How long a call waits for its turn.
    public var tenantQueueWait: Duration = .seconds(10)
    /// To a TCP and TLS connection with Salesforce.
    public var upstreamConnectTimeout: Duration = .seconds(10)
    /// `UPSTREAM_TIMEOUT_SECONDS`: from the last byte of the request to the first of the answer.
    public var upstreamHeadTimeout: Duration = .seconds(25)
    /// Between two parts of an answer's body.
    public var upstreamReadTimeout: Duration = .seconds(120)
    /// Between two parts of a request's body, which a stalled client holds up.
    public var upstreamWriteTimeout: Duration = .seconds(60)
    /// How long a connection to Salesforce is kept for the next call.
    public var upstreamKeepAlive: Duration = .seconds(30)
    /// Connections to one Salesforce host, of all tenants together.
    public var upstreamConnectionsPerHostMax = 1024
    /// From the request's head to the end of the answer: Salesforce's own limit of a call is 10 minutes too.
    public var totalTimeout: Duration = .seconds(600)
    /// Request bodies up to this size are kept while they stream, to be sent again: 1 MiB.
    public var replayBodyBytesMax = 1024 * 1024
    /// So much of an answer is kept to see whether the session is dead: 64 KiB.
    public var sessionAnswerBytesMax = 64 * 1024
    /// Path and query: 16 KiB, as at Salesforce.
    public var requestTargetBytesMax = 16 * 1024
    /// Seconds that a caller is told to wait when too much is going on.
    public var overloadRetryAfterSeconds = 5

    /// The defaults.
    public init() {}
}
