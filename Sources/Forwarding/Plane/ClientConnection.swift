internal import Access
internal import HummingbirdCore
internal import NIOCore
internal import NIOSSL
internal import Wire

/// One client's connection: frames its requests, and gives each to the data plane or, byte for byte, to the control
/// plane's own pipeline behind it.
///
/// Requests are answered in the order in which they came. While one is under way the next ones wait unread.
final class ClientConnection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the client's next bytes are.
    enum Input {
        /// The head of a request. Can transition to: any other.
        case head
        /// The body of a forwarded call. Can transition to: waiting, discarding, lingering, closed.
        case upload
        /// Later requests: the answer to this one is not whole yet. Can transition to: head, lingering, closed.
        case waiting
        /// What is left of an upload whose call is over. Can transition to: head, lingering.
        case discarding
        /// The body of a request for the control plane. Can transition to: controlWaiting, closed.
        case controlBody
        /// Later requests: the control plane has not answered this one yet. Can transition to: head, closed.
        case controlWaiting
        /// Nothing that counts: the last answer is on its way out, and the client may still be sending. Can transition
        /// to: closed.
        case lingering
        case closed
    }

    let state: LoopState
    let control: ControlPipeline
    private let isSecure: Bool
    var context: ChannelHandlerContext?
    /// Where the connection stands in its loop's roster.
    var rosterIndex = -1
    /// When `didReachDeadline()` is due.
    var deadline = NIODeadline.distantFuture

    var input = Input.head
    /// What has come and is not used yet.
    var pending = ByteBuffer()
    var isProcessing = false
    /// For a head that trickles in: its end, and the length at which it is looked at again all the same.
    var headEnd = HeadEndFinder()
    var rescanBytes = 0
    var bodyLeft = 0
    var isChunked = false
    var chunks = ChunkedBody()
    var discardedBytes = 0
    private var holdsRead = false
    var isQuiescing = false
    /// Whether the client has closed its sending side.
    private(set) var isHalfClosed = false
    /// Whether the end of what it has sent was reached in the present request.
    var isInputOver = false
    /// Whether another request may follow the present one.
    var keepsAlive = true
    /// Whether the client said that the present request is its last.
    var isLastRequest = false
    private(set) var isOutputClosed = false
    /// What the socket had not taken of the answers when it was last looked at.
    var unsentBytes = Int.max
    private(set) var isWritable = true
    let outbox = Outbox()
    /// Made at the first forwarded call, and used again.
    var call: ForwardedCall?

    /// - Parameter isSecure: Whether a handler in front of this one encrypts what it writes.
    init(state: LoopState, control: ControlPipeline, isSecure: Bool) {
        self.state = state
        self.control = control
        self.isSecure = isSecure
    }

    var limits: ForwardingLimits { state.limits }

    // MARK: - The channel's side

    func handlerAdded(context: ChannelHandlerContext) {
        state.readClock()
        self.context = context
        state.add(self)
        waitForRequest()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        // One that never became active does not become inactive either.
        state.remove(self)
        call = nil
    }

    func channelActive(context: ChannelHandlerContext) {
        // What goes straight to the socket goes in the clear.
        if !isSecure { outbox.open(context.channel) }
        context.fireChannelActive()
        read(context: context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        state.readClock()
        input = .closed
        state.remove(self)
        call?.clientDidLeave()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A broken connection: there is nobody to tell.
        context.close(promise: nil)
    }

    func read(context: ChannelHandlerContext) {
        if pending.readableBytes > limits.pendingBytesMax || discardedBytes > limits.discardedBytesMax {
            holdsRead = true
        } else {
            context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = context.channel.isWritable
        if isWritable { call?.clientIsWritable() }
        context.fireChannelWritabilityChanged()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        state.readClock()
        var buffer = unwrapInboundIn(data)
        if pending.readableBytes == 0 {
            pending = buffer
        } else {
            // What was read would otherwise stay for as long as something always waits behind it.
            pending.discardReadBytes()
            pending.writeBuffer(&buffer)
        }
        process()
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if control.isStarted {
            context.fireChannelReadComplete()
        } else {
            read(context: context)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        state.readClock()
        if event is ChannelShouldQuiesceEvent {
            quiesce(context, event)
        } else if let event = event as? ChannelEvent, event == .inputClosed {
            inputDidClose()
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// The server takes no more connections: what is under way is finished, and nothing new is begun.
    private func quiesce(_ context: ChannelHandlerContext, _ event: Any) {
        isQuiescing = true
        switch input {
        case .head where pending.readableBytes == 0:
            isLastRequest = true
            linger()
        case .controlBody, .controlWaiting:
            context.fireUserInboundEventTriggered(event)
        case .head, .upload, .waiting, .discarding, .lingering, .closed:
            // A request that has begun to come is answered.
            break
        }
    }

    /// The client has closed its sending side. What it has sent before counts all the same.
    private func inputDidClose() {
        isHalfClosed = true
        guard !isProcessing else { return }
        process()
    }

    /// The client sends no more, and all that it has sent is used.
    func inputIsOver() {
        let isNews = !isInputOver
        isInputOver = true
        switch input {
        case .head, .discarding:
            linger()
        case .upload:
            // The rest of the body will never come; an answer that has come before it is passed on.
            if call?.isAnswerBegun != true { context?.close(promise: nil) }
        case .waiting:
            if isNews { call?.clientDidHalfClose() }
        case .controlBody, .controlWaiting:
            if isNews { context?.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        case .lingering:
            if isOutputClosed { context?.close(promise: nil) }
        case .closed:
            break
        }
    }

    // MARK: - Time

    func didReachDeadline(at now: NIODeadline) {
        switch input {
        case .head where pending.readableBytes > 0:
            refuseAndClose(.requestTimeout)
        case .head where takesAnswers:
            // It is not idle: it reads the last answer slowly.
            waitForRequest()
        case .lingering where takesAnswers:
            deadline = now + state.times.upstreamRead
        case .head, .discarding, .lingering, .closed:
            context?.close(promise: nil)
        case .upload, .waiting:
            call?.didReachDeadline(at: now)
        case .controlBody:
            context?.close(promise: nil)
        case .controlWaiting:
            deadline = .distantFuture
        }
    }

    func waitForRequest() {
        deadline = state.now + state.times.clientIdle
    }

    /// Whether there is something of the answers that the socket has not taken, and it has taken some since the last
    /// look.
    var takesAnswers: Bool {
        let unsent = (try? context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        defer { unsentBytes = unsent }
        return unsent > 0 && unsent < unsentBytes
    }

    // MARK: - The call's side

    func write(_ buffer: ByteBuffer) {
        guard let context else { return }
        outbox.write(buffer, context)
    }

    func flush() {
        guard let context else { return }
        outbox.flush(context)
    }

    /// Whether the answer that is about to be written must be the last.
    var isLastAnswer: Bool {
        !keepsAlive || (isQuiescing || state.plane.isDraining) && !hasNextRequest || input == .upload && !mayDiscard
            || isHalfClosed && pending.readableBytes == 0
    }

    /// Whether the next request has come already, or some of it.
    private var hasNextRequest: Bool { input == .waiting && pending.readableBytes > 0 }

    /// Salesforce takes more of the upload.
    func resumeUpload() {
        guard !isProcessing else { return }
        process()
    }

    /// The answer is written. `isLast` is what the answer said of the connection.
    func callDidEnd(isLast: Bool) {
        flush()
        if isLast { keepsAlive = false }
        switch input {
        case .upload where keepsAlive && mayDiscard:
            input = .discarding
            discardedBytes = 0
            deadline = state.now + state.times.uploadStall
        case .upload:
            linger()
        case .waiting:
            requestDidEnd()
        case .head, .discarding, .controlBody, .controlWaiting, .lingering, .closed:
            break
        }
        resumeReading()
        if !isProcessing { process() }
    }

    /// The answer can't be made whole: its end is the connection's.
    ///
    /// - Parameter byReset: where the client would take the end of the connection for the end of a whole answer.
    func breakOff(byReset: Bool = false) {
        input = .closed
        guard byReset, let context else {
            context?.close(promise: nil)
            return
        }
        context.channel.resetAtClose()
        // Past the handler that would say goodbye first (close_notify), which is an end as good as any.
        let tls = try? context.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
        (isSecure ? tls ?? context : context).close(promise: nil)
    }

    /// A short rest is read and thrown away, so that the connection can be used again.
    private var mayDiscard: Bool { isChunked || bodyLeft <= limits.discardedBytesMax }

    func requestDidEnd() {
        guard keepsAlive, !isQuiescing || pending.readableBytes > 0 else { return linger() }
        input = .head
        unsentBytes = .max
        waitForRequest()
    }

    /// Closes, but not before the last answer is written, which a slow reader delays; nor before a client that may
    /// still be sending had the time to read it: bytes that come after a close would make the kernel throw it away
    /// (RFC 9112 §9.6).
    func linger() {
        guard let context, input != .lingering, input != .closed else { return }
        let maySend = !isLastRequest || pending.readableBytes > 0 || input == .upload || input == .discarding
        input = .lingering
        pending.clear()
        discardedBytes = 0
        unsentBytes = .max
        deadline = state.now + state.times.upstreamRead
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenComplete { _ in bound.value.lastAnswerDidGo(maySend: maySend) }
        outbox.pass(context)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
    }

    private func lastAnswerDidGo(maySend: Bool) {
        guard input == .lingering else { return }
        guard maySend, !isHalfClosed, discardedBytes <= limits.discardedBytesMax else {
            input = .closed
            context?.close(promise: nil)
            return
        }
        state.readClock()
        deadline = state.now + state.times.linger
        isOutputClosed = true
        context?.close(mode: .output, promise: nil)
    }

    func resumeReading() {
        guard holdsRead, pending.readableBytes <= limits.pendingBytesMax else { return }
        holdsRead = false
        context?.read()
    }

    /// Refuses what can't be understood; nothing that follows it on this connection can be either.
    func refuseAndClose(_ refusal: PlainRefusal) {
        let requestID = state.newRequestID()
        write(state.plainRefusal(refusal, requestID: requestID))
        state.tell(refusal, requestID)
        keepsAlive = false
        input = .discarding
        linger()
    }
}
