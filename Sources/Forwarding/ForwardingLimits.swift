public import Wire

/// The limits of Forwarding, in one place (architecture invariant 7).
public struct ForwardingLimits: Sendable {
    /// `TENANT_CONCURRENCY`: a tenant's calls to Salesforce at one time in one process. As many again may wait.
    public var tenantConcurrency = 100
    /// How many calls a tenant's access keys may make, in one process.
    public var keyRates = CallRates()
    /// How long a call waits for its turn.
    public var tenantQueueWait: Duration = .seconds(10)
    /// To a TCP and TLS connection with Salesforce, the look-up of its host included.
    public var upstreamConnectTimeout: Duration = .seconds(10)
    /// Hosts of the process that are looked up at one time, each on a thread, and others that wait for that.
    public var lookupsMax = 8
    public var lookupsWaitingMax = 256
    /// `UPSTREAM_TIMEOUT_SECONDS`: from the last byte of the request to the first of the answer.
    public var upstreamHeadTimeout: Duration = .seconds(25)
    /// Between two parts of an answer's body.
    public var upstreamReadTimeout: Duration = .seconds(120)
    /// How long a connection to Salesforce is kept for the next call.
    public var upstreamKeepAlive: Duration = .seconds(30)
    /// A connection that was idle for less is used without another look at it, for calls that can be made again: what
    /// was in use just now is hardly closed, and Salesforce sends nothing unasked so soon.
    public var upstreamFreshTime: Duration = .seconds(1)
    /// Connections of one event loop to one Salesforce host, of all tenants together, and how many of them idle: all,
    /// or a busy host's would be closed and made again all the time.
    public var upstreamConnectionsPerHostMax = 1024
    public var upstreamIdlePerHostMax = 1024
    /// So much of an answer's body goes with its head in one write, where it has come already: 16 KiB.
    public var inlineBodyBytesMax = 16 * 1024
    /// From the first byte of a request's head to its last.
    public var clientHeadTimeout: Duration = .seconds(15)
    /// Between two parts of a request's body.
    public var uploadStallTimeout: Duration = .seconds(60)
    /// `IDLE_TIMEOUT_SECONDS`: how long a client's connection is kept for its next request.
    public var clientIdleTimeout: Duration = .seconds(95)
    /// How long a client that has closed its sending side is believed to wait for an answer that does not go on.
    public var halfClosedTimeout: Duration = .seconds(2)
    /// How long a closed connection is read from, so that the last answer reaches the client.
    public var lingerTimeout: Duration = .seconds(5)
    /// What is read and thrown away of an upload that is answered already: 256 KiB. More ends the connection.
    public var discardedBytesMax = 256 * 1024
    /// Bytes of a client that wait for their turn: 64 KiB. Beyond that it is not read from.
    public var pendingBytesMax = 64 * 1024
    /// How often deadlines are looked at.
    public var tick: Duration = .milliseconds(250)
    /// What a head may measure.
    public var head = HeadLimits()
    /// Client connections of the process. One more is closed at once.
    public var clientConnectionsMax = 50_000
    /// From the request's head to the end of the answer: Salesforce's own limit of a call is 10 minutes too.
    public var totalTimeout: Duration = .seconds(600)
    /// Request bodies up to this size are kept while they stream, to be sent again: 1 MiB.
    public var replayBodyBytesMax = 1024 * 1024
    /// How often a call is made again with a newer token: once, and where that one died meanwhile too, twice more.
    public var replaysMax = 3
    /// What one event loop keeps of all of them: 64 MiB.
    public var replayBytesPerLoopMax = 64 * 1024 * 1024
    /// Seconds that a caller is told to wait when too much is going on.
    public var overloadRetryAfterSeconds = 5

    /// The defaults.
    public init() {}
}
