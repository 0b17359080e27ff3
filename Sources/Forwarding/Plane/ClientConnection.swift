internal import Access
internal import HummingbirdCore
internal import NIOCore
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
        /// Nothing that counts: the last answer is out, and the client may still be sending. Can transition to: closed.
        case lingering
        case closed
    }

    let state: LoopState
    let control: ControlPipeline
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
    /// Whether another request may follow the present one.
    var keepsAlive = true
    private(set) var isWritable = true
    /// Made at the first forwarded call, and used again.
    var call: ForwardedCall?

    init(state: LoopState, control: ControlPipeline) {
        self.state = state
        self.control = control
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
    }

    func channelInactive(context: ChannelHandlerContext) {
        state.readClock()
        input = .closed
        state.remove(self)
        call?.clientDidLeave()
        control.connectionDidEnd()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A broken connection: there is nobody to tell.
        context.close(promise: nil)
    }

    func read(context: ChannelHandlerContext) {
        if pending.readableBytes > limits.pendingBytesMax {
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
        if control.isStarted { context.fireChannelReadComplete() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        state.readClock()
        if event is ChannelShouldQuiesceEvent {
            quiesce(context, event)
        } else if let event = event as? ChannelEvent, event == .inputClosed {
            inputDidClose(context, event)
        } else {
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// The server takes no more connections: what is under way is finished, and nothing new is begun.
    private func quiesce(_ context: ChannelHandlerContext, _ event: Any) {
        isQuiescing = true
        switch input {
        case .head where pending.readableBytes == 0 && !control.isStarted:
            linger()
        case .head, .controlBody, .controlWaiting:
            if control.isStarted { context.fireUserInboundEventTriggered(event) }
        case .upload, .waiting, .discarding, .lingering, .closed:
            break
        }
    }

    private func inputDidClose(_ context: ChannelHandlerContext, _ event: ChannelEvent) {
        isHalfClosed = true
        switch input {
        case .head:
            if control.isStarted {
                context.fireUserInboundEventTriggered(event)
            } else {
                context.close(promise: nil)
            }
        case .controlBody, .controlWaiting:
            context.fireUserInboundEventTriggered(event)
        case .waiting:
            keepsAlive = false
            call?.clientDidHalfClose()
        case .lingering:
            // Its answer is still being sent, or was: then this is the end.
            let unsent = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
            if unsent == 0 { context.close(promise: nil) }
        case .upload, .discarding, .closed:
            // The rest of the body will never come.
            context.close(promise: nil)
        }
    }

    // MARK: - Time

    func didReachDeadline(at now: NIODeadline) {
        switch input {
        case .head where pending.readableBytes > 0:
            refuseAndClose(.requestTimeout)
        case .head:
            linger()
        case .discarding, .lingering, .closed:
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

    // MARK: - The call's side

    func write(_ buffer: ByteBuffer) {
        context?.write(wrapOutboundOut(buffer), promise: nil)
    }

    func flush() {
        context?.flush()
    }

    /// Whether the answer that is about to be written must be the last.
    var isLastAnswer: Bool {
        !keepsAlive || isQuiescing || state.plane.isDraining || input == .upload && !mayDiscard
    }

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
    func breakOff() {
        input = .closed
        context?.close(promise: nil)
    }

    /// A short rest is read and thrown away, so that the connection can be used again.
    private var mayDiscard: Bool { isChunked || bodyLeft <= limits.discardedBytesMax }

    func requestDidEnd() {
        guard keepsAlive, !isQuiescing else { return linger() }
        input = .head
        waitForRequest()
    }

    /// Closes, but not before the last answer is sent and the client had the time to read it: bytes that come after a
    /// close would make the kernel throw it away (RFC 9112 §9.6).
    func linger() {
        guard let context else { return }
        let unsent = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        let mayBeSending = !isHalfClosed && (pending.readableBytes > 0 || input == .upload || input == .discarding)
        pending.clear()
        guard unsent > 0 || mayBeSending else {
            input = .closed
            return context.close(promise: nil)
        }
        input = .lingering
        discardedBytes = 0
        // A slow reader has the time of a whole call for what is still to be sent.
        deadline = state.now + state.times.total
        let sent = context.eventLoop.makePromise(of: Void.self)
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        sent.futureResult.whenComplete { _ in bound.value.didSendAll() }
        context.close(mode: .output, promise: sent)
    }

    /// All answers are sent, and nothing more will be.
    private func didSendAll() {
        guard input == .lingering else { return }
        if isHalfClosed {
            context?.close(promise: nil)
        } else {
            state.readClock()
            deadline = state.now + state.times.linger
        }
    }

    func resumeReading() {
        guard holdsRead, pending.readableBytes <= limits.pendingBytesMax else { return }
        holdsRead = false
        context?.read()
    }

    /// Refuses what can't be understood; nothing that follows it on this connection can be either.
    func refuseAndClose(_ refusal: PlainRefusal) {
        write(state.plainRefusal(refusal))
        flush()
        keepsAlive = false
        input = .discarding
        linger()
    }
}
