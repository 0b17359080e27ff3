public import Access
public import Foundation
internal import Metrics
internal import NIOConcurrencyHelpers
public import NIOCore
internal import NIOPosix
internal import NIOSSL
public import ServiceLifecycle
internal import Synchronization

/// The data plane of one process: what its listener's connections need, from before the caches are there until after
/// they are gone.
public final class DataPlane: Service {
    private struct State {
        var forwarder: Forwarder?
        var loops: [ObjectIdentifier: NIOLoopBound<LoopState>] = [:]
    }

    let origin: PublicOrigin
    let trust: EdgeTrust
    let rule: CrossOriginRule
    let limits: ForwardingLimits
    let headers = HeaderTable()
    let tls: UpstreamTLS
    let lookups: HostLookups
    /// What the gateway says of itself in every forwarded answer, up to the request's id.
    let ownLines: ByteBuffer
    let log: any CallLog
    let metrics = ForwardingMetrics()
    let now: @Sendable () -> Date
    let makeRequestID: (@Sendable () -> String)?
    /// Whether durations are measured. Tests whose clock stands still want them to be 0.
    let measuresTime: Bool
    private let loopbackNames: Set<String>
    private let state = NIOLockedValueBox(State())
    private let isDrainingFlag = Atomic(false)
    private let connectionCount = Atomic(0)
    /// What the control plane has to do for connections, at most one for each.
    private let controlWork = AsyncStream<@Sendable () async -> Void>.makeStream()
    /// Tells that no connection is left.
    private let lastEnd = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    private let refusedConnections = Counter(label: "client_connections_refused_total")
    private let openConnections = Meter(label: "client_connections")

    /// A data plane without caches: it answers 503 until ``serve(_:)``.
    ///
    /// - Parameters:
    ///   - loopbackNames: Names under `localhost` (RFC 6761 §6.3) that the system's resolver may not know.
    ///   - lookUp: Finds the addresses of all other names. It may block, for it is called on threads of its own; the
    ///     ports in what it returns don't count. `nil` for the system's resolver.
    ///   - upstreamAuthorities: Whom to believe who Salesforce is, as certificates in PEM; `nil` for those that the
    ///     system believes.
    ///   - log: What is told of each call.
    ///   - makeRequestID: `nil` for ids of the plane's own.
    public init(
        origin: PublicOrigin, trust: EdgeTrust, rule: CrossOriginRule, limits: ForwardingLimits,
        loopbackNames: [String], lookUp: (@Sendable (_ host: String) throws -> [SocketAddress])? = nil,
        upstreamAuthorities: [UInt8]? = nil, log: any CallLog, measuresTime: Bool = true,
        now: @escaping @Sendable () -> Date,
        makeRequestID: (@Sendable () -> String)? = nil
    ) {
        self.origin = origin
        self.trust = trust
        self.rule = rule
        self.limits = limits
        self.loopbackNames = Set(loopbackNames)
        self.tls = UpstreamTLS(authorities: upstreamAuthorities)
        self.lookups = HostLookups(
            runningMax: limits.lookupsMax, waitingMax: limits.lookupsWaitingMax,
            lookUp: lookUp ?? SystemResolver.addresses)
        self.log = log
        let security = origin.isSecure ? "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n" : ""
        self.ownLines = ByteBuffer(
            string: "X-Content-Type-Options: nosniff\r\nContent-Security-Policy: sandbox; default-src 'none'\r\n"
                + security + "X-Request-Id: ")
        self.now = now
        self.measuresTime = measuresTime
        self.makeRequestID = makeRequestID
    }

    /// Forwards from now on.
    public func serve(_ forwarder: Forwarder) {
        state.withLockedValue { $0.forwarder = forwarder }
    }

    /// From now on each answer is the last on its connection.
    public func drain() {
        isDrainingFlag.store(true, ordering: .sequentiallyConsistent)
    }

    /// Looks after connections until shutdown, and then until the last client's has ended; calls in flight keep theirs
    /// with Salesforce to their end. Cancelled, it closes all of them.
    public func run() async throws {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.waitForTheEnd() }
            for await work in controlWork.stream { group.addTask { await work() } }
        }
    }

    private func waitForTheEnd() async {
        try? await gracefulShutdown()
        drain()
        for state in allLoops { state.eventLoop.execute { state.value.pool.closeIdle() } }
        // Either the last connection's end sees that the plane drains, or it is seen here.
        if connectionCount.load(ordering: .sequentiallyConsistent) > 0 {
            for await _ in lastEnd.stream where connectionCount.load(ordering: .sequentiallyConsistent) == 0 { break }
        }
        for state in allLoops {
            // Their calls' records are made when the loop comes to the ends of the connections: behind this.
            try? await state.eventLoop.submit { state.value.closeClients() }.get()
            try? await state.eventLoop.submit {}.get()
        }
        controlWork.continuation.finish()
    }

    private var allLoops: [NIOLoopBound<LoopState>] { state.withLockedValue { Array($0.loops.values) } }

    /// Does what the control plane has to do for one connection, until that ends.
    func run(_ work: @escaping @Sendable () async -> Void) {
        controlWork.continuation.yield(work)
    }

    /// Whether a path is the data plane's: `/services`, `/services/**`, `/cometd`, `/cometd/**`, in whatever spelling
    /// (case, escapes, dot segments) a lax reader could take for one of those.
    public static func claims(path: String) -> Bool {
        PathAdmission.claims(path)
    }

    /// Counts a client's connection in; `false` where there are as many as may be.
    func admitConnection() -> Bool {
        let count = connectionCount.add(1, ordering: .relaxed).newValue
        guard count <= limits.clientConnectionsMax else {
            connectionCount.subtract(1, ordering: .relaxed)
            refusedConnections.increment()
            return false
        }
        openConnections.set(count)
        return true
    }

    /// Counts a client's connection out.
    func connectionDidEnd() {
        let count = connectionCount.subtract(1, ordering: .sequentiallyConsistent).newValue
        openConnections.set(count)
        if count == 0, isDrainingFlag.load(ordering: .sequentiallyConsistent) { lastEnd.continuation.yield() }
    }

    var isDraining: Bool { isDrainingFlag.load(ordering: .relaxed) }

    var forwarder: Forwarder? { state.withLockedValue { $0.forwarder } }

    /// What the plane has of an event loop; to be called on it.
    func state(of loop: any EventLoop) -> LoopState {
        state.withLockedValue { state in
            let key = ObjectIdentifier(loop)
            if let known = state.loops[key] { return known.value }
            let made = LoopState(loop: loop, number: state.loops.count, plane: self)
            state.loops[key] = NIOLoopBound(made, eventLoop: loop)
            return made
        }
    }

    /// What to connect to for a host.
    func address(of host: String) -> String {
        loopbackNames.contains(host) ? "127.0.0.1" : host
    }
}

/// TLS towards Salesforce: made at its first use, since reading the system's roots takes its time.
final class UpstreamTLS: Sendable {
    private let authorities: [UInt8]?
    private let made = NIOLockedValueBox<EventLoopFuture<NIOSSLContext>?>(nil)

    /// - Parameter authorities: certificates in PEM; `nil` for the system's.
    init(authorities: [UInt8]?) {
        self.authorities = authorities
    }

    /// The context, on a loop.
    func context(on loop: any EventLoop) -> EventLoopFuture<NIOSSLContext> {
        let authorities = authorities
        return made.withLockedValue { made in
            if let made { return made.hop(to: loop) }
            let future = NIOThreadPool.singleton.runIfActive(eventLoop: loop) {
                var configuration = TLSConfiguration.makeClientConfiguration()
                configuration.applicationProtocols = ["http/1.1"]
                configuration.minimumTLSVersion = .tlsv12
                if let authorities {
                    configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(authorities))
                }
                return try NIOSSLContext(configuration: configuration)
            }
            made = future
            // What failed is tried again by the next call.
            future.whenFailure { _ in self.made.withLockedValue { $0 = nil } }
            return future
        }
    }
}
