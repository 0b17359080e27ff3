import Access
import Domain
import Forwarding
import Foundation
import GatewayTesting
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOConcurrencyHelpers
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Salesforce
import Secrets
import ServiceLifecycle
import Testing

/// A gateway of one tenant whose forwarding answers on a loopback port, in front of an upstream that the test plays.
struct World: Sendable {
    /// Salesforce, byte by byte.
    let upstream: RawListener
    /// The gateway's port.
    let port: Int
    let oauth: ScriptedOAuth
    let store: InMemoryStore
    let clock: TestClock
    let log: CapturedLog
    let sessions: SessionKeeper
    let tenant: Tenant
    let admin: User
    /// The session cookie, as `name=value`.
    let cookie: String
    /// An access key that may do everything.
    let key: String
    /// One that may read.
    let readKey: String
    /// The session cookies of other tenants, by subdomain.
    let neighbours: [String: String]
    let plane: DataPlane
    /// Tells the listener to finish: what a gateway does when it is told to stop.
    let quiesce: @Sendable () async -> Void

    /// The event loop of a gateway that has one.
    static let loop: any EventLoop = oneLoop.any()

    /// The first access token of the tenant's user.
    static let firstToken = "00D5g000008fixt!first.token"
    static let instanceName = "axonify.my.localhost"
    static let tenantOrigin = "http://axonify.formation.localhost:8080"

    /// The instance's authority, as in `Host`.
    var instance: String { "\(Self.instanceName):\(upstream.port)" }

    func connect(bufferBytes: Int? = nil) async throws -> RawConnection {
        try await RawConnection.connect(port: port, bufferBytes: bufferBytes)
    }

    /// A request's bytes with the session cookie of a page of the tenant's own.
    func request(_ method: String, _ target: String, _ headers: [String] = [], body: String = "") -> String {
        bare(method, target, ["Cookie: \(cookie)", "Sec-Fetch-Site: same-origin"] + headers, body: body)
    }

    /// A request's bytes without a credential.
    func bare(_ method: String, _ target: String, _ headers: [String] = [], body: String = "") -> String {
        ([["\(method) \(target) HTTP/1.1", "Host: axonify.formation.localhost:8080"], headers].flatMap { $0 }
            .joined(separator: "\r\n")) + "\r\n\r\n" + body
    }

    /// Sends a request on a connection of its own, lets Salesforce answer it, and returns what each side got.
    func exchange(
        _ request: String, answer: String, toHead: Bool = false
    ) async throws -> (received: RawMessage, answered: RawMessage) {
        let client = try await connect()
        try await client.send(request)
        let salesforce = try await upstream.accept()
        let received = try await salesforce.readRequest()
        try await salesforce.send(answer)
        let answered = try await client.readResponse(toHead: toHead)
        await client.close()
        await salesforce.close()
        return (received, answered)
    }

    /// Sends a request that never reaches Salesforce, and returns the gateway's own answer.
    func refusal(_ request: String, toHead: Bool = false) async throws -> RawMessage {
        let client = try await connect()
        try await client.send(request)
        let answered = try await client.readResponse(toHead: toHead)
        await client.close()
        return answered
    }
}

/// What a world is made with.
struct WorldOptions {
    /// The defaults, but for the rate of access keys and some patience: most tests are about something else, and
    /// run on a busy machine.
    private static let limits = {
        var limits = ForwardingLimits()
        let rate = CallRate(perSecond: 100_000)
        (limits.keyRates.starter, limits.keyRates.professional, limits.keyRates.enterprise) = (rate, rate, rate)
        limits.halfClosedTimeout = .seconds(50)
        limits.tenantQueueWait = .seconds(50)
        return limits
    }()

    var limits = Self.limits
    var frontendOrigins: [String] = []
    /// All connections on one event loop, so that they share those with Salesforce.
    var hasOneLoop = false
    /// The gateway's own event loops; without them it shares those of the test's sockets.
    var eventLoops: MultiThreadedEventLoopGroup?
    /// What happens on the event loop at the beginning of each forwarded call.
    var atEachCall: @Sendable () -> Void = {}
    /// Where calls are logged; without it, the world's own log has their lines.
    var callLog: (any CallLog)?
    /// Closed before the test begins: nobody listens where the instance is.
    var isUpstreamGone = false
    /// Whether Salesforce is spoken to over TLS.
    var isSecure = false
    /// Its certificate; without one it leaves the handshake to the test.
    var certificate: Certificate?
    /// The protocols that handshakes with it have settled on.
    let negotiated = NIOLockedValueBox<[String?]>([])
    /// With it the gateway serves https.
    var listenerTLS: ListenerTLS?
    /// Whom the gateway believes who Salesforce is.
    var authorities: [UInt8]?
    /// What the store's answers wait for.
    var repositories: @Sendable (Repositories) -> Repositories = { $0 }
    /// Subdomains of other tenants, each with a Salesforce host of its own: on the same port, under another name.
    var neighbours: [String] = []
    /// What is known of Salesforce's hosts; without it all of them are on loopback, and nothing is looked up.
    var lookups: ScriptedLookups?
    /// What is otherwise than in the fixture's customer.
    var changesCustomer: @Sendable (inout Customer) -> Void = { _ in }
}

/// Runs a gateway for the time of a test.
func withWorld(
    _ options: WorldOptions = WorldOptions(), _ body: @Sendable @escaping (World) async throws -> Void
) async throws {
    let security = try options.certificate?.serverContext()
    let upstream = try await RawListener(bufferBytes: 64 * 1024, isReadAlways: security != nil) { channel in
        guard let security else { return }
        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: security), name: "TLS")
        try channel.pipeline.syncOperations.addHandler(ProtocolWatcher(options.negotiated))
    }
    let names = [World.instanceName] + options.neighbours.map(World.instanceName(of:))
    let instance = "http\(options.isSecure ? "s" : "")://\(World.instanceName):\(upstream.port)"
    let clock = TestClock()
    let store = InMemoryStore(clock: clock.reading)
    let fixtures = try Fixtures()
    let (customer, admin) = try await fixtures.store(in: store.repositories)
    _ = try await store.repositories.grants.replace(user: admin.id, in: customer.id) { id, version in
        try fixtures.makeToken(
            id: id, version: version, of: admin, customer: customer, accessToken: World.firstToken,
            instanceURL: instance)
    }
    store.updateCustomer(customer.id, options.changesCustomer)
    let log = CapturedLog()
    let hosts = try AllowedHosts(extra: names.map { "\($0):\(upstream.port)" })
    let oauth = try ScriptedOAuth(instance: hosts.instance(instance))
    let random = Counted()
    let access = AccessContext(
        repositories: options.repositories(store.repositories), keys: fixtures.keys, oauth: oauth, hosts: hosts,
        origin: PublicOrigin(isSecure: false, baseDomain: "formation.localhost", port: 8080), logger: log.logger,
        now: clock.reading, randomBytes: { random.bytes($0) }, makeID: { fixtures.ids.next() })
    let directory = TenantDirectory(context: access)
    let sessions = SessionKeeper(context: access)
    let ledger = TokenLedger(context: access)
    let rule = CrossOriginRule(frontendOrigins: options.frontendOrigins.compactMap(FrontendOrigin.init))
    let plane = DataPlane(
        origin: access.origin, trust: EdgeTrust(trustedHops: 0), rule: rule, limits: options.limits,
        loopbackNames: options.lookups == nil ? names : [], lookUp: options.lookups?.lookUp,
        upstreamAuthorities: options.authorities, log: options.callLog ?? LoggerCallLog(log.logger),
        measuresTime: false, now: clock.reading,
        makeRequestID: {
            options.atEachCall()
            return "test-request"
        })
    plane.serve(
        Forwarder(
            access: access, directory: directory, sessions: sessions, ledger: ledger, rule: rule,
            limits: options.limits))
    let bound = AsyncStream<Int>.makeStream()
    let application = Application(
        responder: ControlPlane(),
        server: HTTPServerBuilder {
            DataPlaneChannel(plane, base: HTTP1Channel(responder: $0), tls: options.listenerTLS)
        },
        configuration: .init(address: .hostname("127.0.0.1", port: 0)),
        onServerRunning: { bound.continuation.yield($0.localAddress?.port ?? 0) },
        eventLoopGroupProvider: .shared(
            options.eventLoops ?? (options.hasOneLoop ? oneLoop : MultiThreadedEventLoopGroup.singleton)),
        logger: quiet)

    var failure: (any Error)?
    do {
        try await withThrowingTaskGroup(of: Void.self) { group in
            let listener = ServiceGroup(
                configuration: .init(services: [plane, application], gracefulShutdownSignals: [], logger: quiet))
            group.addTask { try await listener.run() }
            group.addTask { try await ledger.run() }
            var ports = bound.stream.makeAsyncIterator()
            let port = await ports.next() ?? 0
            let tenant = try #require(await directory.tenant(Subdomain("axonify")))
            let started = try await sessions.start(user: admin, in: tenant)
            let cookie = "\(sessions.cookieName)=\(started.cookie.exposed)"
            let caller = try await sessions.identify(headers: [.cookie: cookie], query: nil, in: tenant)
            let neighbours = try await Neighbours(
                fixtures: fixtures, repositories: store.repositories, directory: directory, sessions: sessions
            ).settle(options.neighbours, port: upstream.port)
            let world = World(
                upstream: upstream, port: port, oauth: oauth, store: store, clock: clock, log: log, sessions: sessions,
                tenant: tenant, admin: admin, cookie: cookie,
                key: try await sessions.createKey(name: "all", scope: .full, expiresAt: nil, for: caller).key.exposed,
                readKey: try await sessions.createKey(name: "reads", scope: .read, expiresAt: nil, for: caller).key
                    .exposed, neighbours: neighbours, plane: plane,
                quiesce: { await listener.triggerGracefulShutdown() })
            if options.isUpstreamGone { try await upstream.close() }
            try await body(world)
            group.cancelAll()
        }
    } catch is CancellationError {
        // How the services of the group end.
    } catch {
        failure = error
    }
    if !options.isUpstreamGone { try await upstream.close() }
    if let failure { throw failure }
}

private let quiet = Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }

private let oneLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1)

/// What is behind the data plane: it says 418 to whatever reaches it, with what it got of a body; at `/early` without
/// having read it.
private struct ControlPlane: HTTPResponder {
    typealias Context = BasicRequestContext

    func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        guard request.uri.path != "/early" else { return Response(status: .init(code: 418)) }
        let body = try await request.body.collect(upTo: 1 << 20)
        return Response(status: .init(code: 418), body: ResponseBody(byteBuffer: body))
    }
}

/// Keeps what TLS handshakes settle on.
private final class ProtocolWatcher: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let negotiated: NIOLockedValueBox<[String?]>

    init(_ negotiated: NIOLockedValueBox<[String?]>) {
        self.negotiated = negotiated
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted(let name) = event as? TLSUserEvent {
            negotiated.withLockedValue { $0.append(name) }
        }
        context.fireUserInboundEventTriggered(event)
    }
}
