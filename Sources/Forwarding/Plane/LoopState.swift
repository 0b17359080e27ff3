internal import Access
internal import Foundation
internal import NIOCore
internal import Telemetry
internal import Wire

/// What the data plane has of one event loop, used on it alone: no locks, and storage that each request uses again.
final class LoopState {
    let loop: any EventLoop
    /// From 0.
    let number: Int
    let plane: DataPlane
    var requestScanner: HeadScanner
    var answerScanner: HeadScanner
    /// What the lines of the last request head mean.
    var facts = RequestFacts()
    /// Heads are written here: its storage is free again once they are sent.
    var scratch = ByteBuffer()
    private(set) lazy var pool = UpstreamPool(state: self)
    private var clients: [ClientConnection] = []
    private var isTicking = false
    private var keptBytes = 0
    private var knownForwarder: Forwarder?
    var requestIDs: RequestIDSource
    var dates = DateText()
    /// The limits, and those of time in the event loop's own unit.
    let limits: ForwardingLimits
    let times: Times
    /// When the present event began: one look at the clock serves all that it leads to.
    private(set) var now = NIODeadline.now()
    /// Whether answers may be read by pages of other origins.
    let hasFrontends: Bool
    let headers: HeaderTable
    private var recorder: CallRecorder
    private var templates = PathTemplates()
    private var seats = TenantSeats()

    init(loop: any EventLoop, number: Int, plane: DataPlane) {
        self.loop = loop
        self.number = number
        self.plane = plane
        self.limits = plane.limits
        self.hasFrontends = !plane.rule.frontendOrigins.isEmpty
        self.headers = plane.headers
        self.times = Times(plane.limits)
        self.requestScanner = HeadScanner(limits: plane.limits.head)
        self.answerScanner = HeadScanner(limits: plane.limits.head)
        self.recorder = CallRecorder(log: plane.log, metrics: plane.metrics)
        var generator = SystemRandomNumberGenerator()
        self.requestIDs = RequestIDSource(using: &generator)
    }

    /// What forwards; `nil` until the caches are there.
    var forwarder: Forwarder? {
        if let knownForwarder { return knownForwarder }
        knownForwarder = plane.forwarder
        return knownForwarder
    }

    /// Something has happened that is not part of the last event.
    func readClock() {
        now = .now()
    }

    // MARK: Clients

    func add(_ client: ClientConnection) {
        client.rosterIndex = clients.count
        clients.append(client)
        tickLater()
    }

    func remove(_ client: ClientConnection) {
        let index = client.rosterIndex
        guard clients.indices.contains(index), clients[index] === client else { return }
        client.rosterIndex = -1
        let last = clients.removeLast()
        guard last !== client else { return }
        clients[index] = last
        last.rosterIndex = index
    }

    /// Closes all connections, whatever they do.
    func closeClients() {
        for client in clients { client.context?.close(promise: nil) }
    }

    /// One coarse clock for all deadlines of the loop: arming a timer for each request would cost more than most of the
    /// request's other work.
    private func tickLater() {
        guard !isTicking else { return }
        isTicking = true
        let bound = NIOLoopBound(self, eventLoop: loop)
        loop.scheduleTask(in: TimeAmount(limits.tick)) { bound.value.tick() }
    }

    private func tick() {
        isTicking = false
        readClock()
        // A connection that ends takes another's place in the roster: so from the last to the first.
        for index in clients.indices.reversed() where index < clients.count && clients[index].deadline <= now {
            clients[index].didReachDeadline(at: now)
        }
        pool.expire(at: now)
        recorder.drain()
        if !clients.isEmpty || !pool.isEmpty { tickLater() }
    }

    // MARK: Memory

    /// Takes so many bytes of what the loop may keep for replays, or gives them back; `false` where there are none.
    @discardableResult
    func keepBytes(_ count: Int) -> Bool {
        guard keptBytes + count <= limits.replayBytesPerLoopMax else { return false }
        keptBytes += count
        return true
    }

    // MARK: Tenants

    /// The tenant's line at the gate.
    func line(of tenant: Tenant, at gate: TenantGate) -> TenantLine {
        seats.line(of: tenant, at: gate)
    }

    /// The connections with the instance of a call's token.
    func host(of call: ResolvedCall) -> UpstreamHost {
        seats.host(call.token.instance, of: call.tenant, in: pool)
    }

    // MARK: Requests

    /// Reads what the lines mean of the head that the scanner has read last.
    func readFacts(in buffer: ByteBuffer) {
        facts.read(requestScanner.fields, in: buffer, names: headers.requests)
    }

    /// Reads a head again, after others were read meanwhile.
    func reread(_ rawHead: ByteBuffer) {
        _ = requestScanner.scanRequest(rawHead)
        readFacts(in: rawHead)
    }

    /// The request's id: the edge's where it is trusted and well-formed, otherwise a new one.
    func requestID(in buffer: ByteBuffer) -> CallID {
        if plane.trust.trustedHops > 0, let line = facts.requestID.only {
            let text = requestScanner.fields[line].value.text(in: buffer)
            if EdgeTrust.isRequestID(text) { return .given(text) }
        }
        return newRequestID()
    }

    func newRequestID() -> CallID {
        plane.makeRequestID.map { .given($0()) } ?? .made(requestIDs.next())
    }

    // MARK: The record

    /// Tells of a request that could not be understood.
    func tell(_ refusal: PlainRefusal, _ requestID: CallID) {
        var record = CallRecord()
        record.begin(at: now, receivedAt: plane.now(), requestID)
        record.note(status: refusal.status, code: refusal.code)
        recorder.finish(record, .refused, method: .other, template: .unread, nanoseconds: 0, loop: number)
    }

    func finish(_ call: ForwardedCall, _ ending: CallRecord.Ending) {
        let head = call.rawHead
        let template = templates.template(of: head.readableBytesUInt8Span.extracting(call.target.range))
        let nanoseconds = plane.measuresTime ? (now - call.record.began).nanoseconds : 0
        recorder.finish(
            call.record, ending, method: call.head?.kind ?? .other, template: template,
            nanoseconds: nanoseconds, loop: number)
    }
}

/// `ForwardingLimits`, as far as they are times.
struct Times: Sendable {
    let total: TimeAmount
    let clientHead: TimeAmount
    let clientIdle: TimeAmount
    let uploadStall: TimeAmount
    let linger: TimeAmount
    let halfClosed: TimeAmount
    let queueWait: TimeAmount
    let upstreamHead: TimeAmount
    let upstreamRead: TimeAmount
    let upstreamKeepAlive: TimeAmount
    let upstreamConnect: TimeAmount
    let upstreamFresh: TimeAmount

    init(_ limits: ForwardingLimits) {
        self.total = TimeAmount(limits.totalTimeout)
        self.clientHead = TimeAmount(limits.clientHeadTimeout)
        self.clientIdle = TimeAmount(limits.clientIdleTimeout)
        self.uploadStall = TimeAmount(limits.uploadStallTimeout)
        self.linger = TimeAmount(limits.lingerTimeout)
        self.halfClosed = TimeAmount(limits.halfClosedTimeout)
        self.queueWait = TimeAmount(limits.tenantQueueWait)
        self.upstreamHead = TimeAmount(limits.upstreamHeadTimeout)
        self.upstreamRead = TimeAmount(limits.upstreamReadTimeout)
        self.upstreamKeepAlive = TimeAmount(limits.upstreamKeepAlive)
        self.upstreamConnect = TimeAmount(limits.upstreamConnectTimeout)
        self.upstreamFresh = TimeAmount(limits.upstreamFreshTime)
    }
}
