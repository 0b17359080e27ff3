internal import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import NIOCore
internal import Salesforce
internal import Wire

/// One forwarded call after another of one client connection, each from its head to its record (architecture, "The way
/// of a forwarded call"). All of it happens on the connection's event loop.
final class ForwardedCall {
    /// How far the call is.
    enum Stage {
        /// Between two calls. Can transition to: resolving, queued, exchanging.
        case over
        /// The asynchronous side is asked who is calling. Can transition to: queued, exchanging, over.
        case resolving
        /// Waits for its turn. Can transition to: exchanging, over.
        case queued
        /// On its way to Salesforce; the head of an answer has not come. Can transition to: inspecting, relaying, over.
        case exchanging
        /// An answer that may say that the session is dead is gathered. Can transition to: refreshing, relaying, over.
        case inspecting
        /// A newer token is waited for. Can transition to: exchanging, relaying, over.
        case refreshing
        /// The answer is passed on. Can transition to: over.
        case relaying
    }

    /// Lets go of this call when it ends.
    let client: ClientConnection
    let state: LoopState
    let plane: DataPlane
    var stage = Stage.over
    /// Tells one call of the connection from the next, for what comes back from elsewhere.
    var number: UInt64 = 0

    /// The request: its head as it came, and what the rules look at.
    private(set) var head: RequestHead?
    var rawHead = ByteBuffer()
    private(set) var target = ByteSlice(from: 0, to: 0)
    private(set) var isRequestComplete = true
    /// Whether it may be made again where nobody knows whether it was executed.
    private(set) var isIdempotent = false
    var resolved: ResolvedCall?

    var upload = KeptUpload()
    /// An answer that may be a dead session's; `nil` where there is none.
    var gathered: GatheredAnswer?
    var answer = RelayedAnswer()
    var record = CallRecord()
    private var turn = Turn.none
    var upstream: UpstreamConnection?
    private var isHeadSent = false
    var isRetried = false
    /// When the head was sent last.
    private(set) var sentAt = NIODeadline.uptimeNanoseconds(0)
    /// The tokens that were refused for this call, and when it was sent with them.
    var refusals: [(token: LiveToken, sentAt: NIODeadline)] = []
    /// What an answer that is gathered may say, or a refresh is waited for.
    var suspicion = Suspicion.deadSession
    var asking: Task<Void, Never>?
    var totalDeadline = NIODeadline.distantFuture

    /// What a newer token may cure.
    enum Suspicion {
        /// The answer says that the session is dead.
        case deadSession
        /// The answer is one of a host that the org has left.
        case movedInstance
    }

    /// The call's place at its tenant's gate.
    private enum Turn {
        case none
        case waits(TenantLine, TenantLine.Ticket)
        case has(TenantLine)
    }

    init(client: ClientConnection) {
        self.client = client
        self.state = client.state
        self.plane = client.state.plane
    }

    /// `Origin` as it came: what CORS looks at.
    var originFields: HTTPFields {
        guard !plane.rule.frontendOrigins.isEmpty else { return [:] }
        state.reread(rawHead)
        var fields = HTTPFields()
        for (line, role) in zip(state.requestScanner.fields, state.facts.roles) where role == .origin {
            fields.append(HTTPField(name: .origin, value: line.value.text(in: rawHead)))
        }
        return fields
    }

    var limits: ForwardingLimits { state.limits }

    // MARK: - admit, resolve, identify, authorise

    /// Begins a call: its head is complete, and is the last that the loop's scanner has read.
    func begin(_ head: RequestHead, target: ByteSlice, in buffer: ByteBuffer, hasBody: Bool) {
        number &+= 1
        let began = state.now
        totalDeadline = began + state.times.total
        self.head = head
        self.target = target
        rawHead = buffer.getSlice(at: buffer.readerIndex, length: head.byteCount) ?? ByteBuffer()
        isRequestComplete = !hasBody
        isRetried = false
        upload.reset(limit: limits.replayBodyBytesMax, state: state)
        state.readFacts(in: buffer)
        isIdempotent = head.kind.isIdempotent && state.facts.methodOverride.count == 0
        let now = plane.now()
        record.begin(
            at: plane.measuresTime ? began : .uptimeNanoseconds(0), receivedAt: now, state.requestID(in: buffer))
        guard let forwarder = state.forwarder else {
            return refuse(.unavailable(.databaseAway, retryAfterSeconds: 5))
        }
        if let resolved = forwarder.warmCall(head, target: target, in: buffer, state: state, at: now) {
            proceed(resolved, isHeadFresh: true)
        } else {
            ask(forwarder)
        }
    }

    /// What memory does not answer: the call waits on its connection.
    private func ask(_ forwarder: Forwarder) {
        stage = .resolving
        client.deadline = totalDeadline
        let request = ColdRequest(self)
        let bound = NIOLoopBound(self, eventLoop: state.loop)
        let (loop, number, trust) = (state.loop, self.number, plane.trust)
        // Unstructured: an event loop can't wait; the connection cancels it, and its end is the call's.
        asking = Task {
            let answer = await forwarder.resolve(request, trust: trust)
            loop.execute { bound.value.didResolve(answer, number: number) }
        }
    }

    private func didResolve(_ resolution: Resolution, number: UInt64) {
        state.readClock()
        guard number == self.number, case .resolving = stage else { return }
        asking = nil
        switch resolution {
        case .call(let resolved):
            proceed(resolved, isHeadFresh: false)
        case .preflight(let headers):
            answerPreflight(headers)
        case .refused(let error, let tenant, let user):
            record.note(tenant: tenant, user: user)
            refuse(error)
        }
        client.flush()
    }

    // MARK: - select

    private func proceed(_ resolved: ResolvedCall, isHeadFresh: Bool) {
        self.resolved = resolved
        record.note(tenant: resolved.tenant, user: resolved.caller.userID)
        guard let gate = state.forwarder?.gate else { return }
        let line = state.line(of: resolved.tenant, at: gate)
        if resolved.caller.keyScope != nil, let seconds = secondsToWait(at: line, resolved.tenant) {
            return refuse(.rateLimited(retryAfterSeconds: seconds))
        }
        if line.tryEnter() {
            turn = .has(line)
            return exchange(isHeadFresh: isHeadFresh)
        }
        let bound = NIOLoopBound(self, eventLoop: state.loop)
        let (loop, number) = (state.loop, self.number)
        let entry = line.enter { ticket in
            loop.execute { bound.value.didGetTurn(ticket, line: line, number: number) }
        }
        switch entry {
        case .entered:
            turn = .has(line)
            exchange(isHeadFresh: isHeadFresh)
        case .queued(let ticket):
            turn = .waits(line, ticket)
            stage = .queued
            client.deadline = min(totalDeadline, state.now + state.times.queueWait)
        case .refused:
            refuse(.unavailable(.overloaded, retryAfterSeconds: limits.overloadRetryAfterSeconds))
        }
    }

    /// When a tenant's access keys may call again, in whole seconds, as `Retry-After` has it; `nil` where they may now.
    private func secondsToWait(at line: TenantLine, _ tenant: Tenant) -> Int? {
        line.admit(limits.keyRates.rate(of: tenant.customer.subscriptionTier), at: state.now.uptimeNanoseconds)
            .map { Int(($0 + 999_999_999) / 1_000_000_000) }
    }

    private func didGetTurn(_ ticket: TenantLine.Ticket, line: TenantLine, number: UInt64) {
        state.readClock()
        guard number == self.number, case .queued = stage, case .waits = turn else { return }
        turn = .has(line)
        exchange(isHeadFresh: false)
    }

    func giveUpTurn() {
        switch turn {
        case .none: break
        case .has(let line): line.leave()
        case .waits(let line, let ticket):
            // Its turn may have come just now.
            if !line.abandon(ticket) { line.leave() }
        }
        turn = .none
    }

    // MARK: - prepare, exchange

    /// Sends the call, again where it was sent before.
    func exchange(isHeadFresh: Bool) {
        guard let resolved, let head else { return }
        stage = .exchanging
        isHeadSent = false
        let host = state.host(of: resolved)
        guard let upstream = host.take(isFresh: isRetried, isSurelyQuiet: !isIdempotent) else {
            return refuse(.unavailable(.overloaded, retryAfterSeconds: limits.overloadRetryAfterSeconds))
        }
        self.upstream = upstream
        upstream.serve(self)
        awaitAnswer()
        if upstream.isActive { send(head, for: resolved, over: upstream, isHeadFresh: isHeadFresh) }
    }

    /// The connection is there.
    func upstreamIsReady() {
        guard let upstream, let head, let resolved, case .exchanging = stage else { return }
        send(head, for: resolved, over: upstream, isHeadFresh: false)
    }

    private func send(
        _ head: RequestHead, for resolved: ResolvedCall, over upstream: UpstreamConnection, isHeadFresh: Bool
    ) {
        if !isHeadFresh { state.reread(rawHead) }
        isHeadSent = true
        sentAt = state.now
        record.didSend(at: plane.measuresTime ? state.now : .uptimeNanoseconds(0))
        upstream.write(
            state.requestBytes(head, target: target, in: rawHead, for: resolved, hostLine: upstream.host.hostLine))
        for slice in upload.slices { upstream.write(slice) }
        if !isRequestComplete, upload.slices.isEmpty, head.expectsContinue, !head.isHTTP10 {
            client.write(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"))
            client.flush()
        }
        guard !isHeadFresh else { return }
        // What a read of the client begins goes on, and is flushed, within that read. Here the call has waited for
        // somebody else, and what came of its body meanwhile waits with it.
        client.resumeUpload()
        upstream.flush()
    }

    /// The time to the head of an answer runs from the end of the request: a large upload takes what it takes.
    private func awaitAnswer() {
        let limit = isRequestComplete ? state.times.upstreamHead : state.times.uploadStall
        client.deadline = min(totalDeadline, state.now + limit)
    }

    // MARK: - The upload

    /// Whether bytes of the upload can be taken now.
    var takesUpload: Bool {
        switch stage {
        case .exchanging, .relaying:
            guard let upstream else { return false }
            return isHeadSent && upstream.isWritable
        case .over, .resolving, .queued, .inspecting, .refreshing: return false
        }
    }

    /// Whether all of the request has been handed to Salesforce.
    var isRequestSent: Bool { isRequestComplete && isHeadSent }

    func upload(_ slice: ByteBuffer, isLast: Bool) {
        record.bytesIn += slice.readableBytes
        upload.keep(slice, state: state)
        upstream?.write(slice)
        if isLast {
            uploadDidEnd()
        } else if case .exchanging = stage {
            awaitAnswer()
        }
    }

    func uploadDidEnd() {
        isRequestComplete = true
        upstream?.flush()
        if case .exchanging = stage { awaitAnswer() }
    }

    /// What the client sends is no body: the call can't be finished.
    func uploadIsMalformed() {
        guard !isAnswerBegun else { return breakOff(.clientGone) }
        refuse(.badRequest("The body's chunks are malformed."))
    }

    func clientDidSendAll() {
        upstream?.flush()
    }

    func upstreamIsWritable() {
        client.resumeUpload()
        upstream?.flush()
    }

    // MARK: - What the client does

    func clientIsWritable() {
        guard case .relaying = stage else { return }
        upstream?.resumeReading()
    }

    /// The client's connection is gone.
    func clientDidLeave() {
        if case .over = stage { return }
        upstream?.abandon()
        upstream = nil
        number &+= 1
        // Nobody reads the answer to this; 499 is what other proxies log.
        if !isAnswerBegun { record.note(status: 499) }
        finish(.clientGone)
    }

    /// The client has closed its sending side: a shutdown of it alone, or of the whole connection; from here both look
    /// the same until something is written.
    func clientDidHalfClose() {
        guard let head else { return }
        if isAnswerBegun {
            client.deadline = state.now + state.times.halfClosed
        } else if !head.isHTTP10 {
            // A client must take 1xx at any time (RFC 9110 §15.2); a closed connection answers by a reset.
            client.write(ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n"))
            client.flush()
        }
    }

    // MARK: - Time

    func didReachDeadline(at now: NIODeadline) {
        switch stage {
        case .over:
            client.breakOff()
        case .queued:
            refuse(.unavailable(.overloaded, retryAfterSeconds: limits.overloadRetryAfterSeconds))
        case .exchanging where !isRequestComplete && now < totalDeadline && isHeadSent && takesUpload:
            refuse(.requestTimeout)
        case .resolving, .exchanging, .inspecting, .refreshing:
            refuse(.upstreamTimeout)
        case .relaying where now < totalDeadline && client.takesAnswers:
            // The client takes what has come, slowly: it is not Salesforce that is waited for.
            awaitMore()
        case .relaying:
            breakOff(client.isHalfClosed ? .clientGone : .timedOut)
        }
    }
}
