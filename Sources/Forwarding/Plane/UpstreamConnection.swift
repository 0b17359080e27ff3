internal import Access
internal import NIOCore
internal import Wire

/// One connection with Salesforce, on one event loop: takes a call's bytes, and reads answers.
///
/// It has one call at a time. Between two it is idle in its host's pool, where its end is no error for anybody.
final class UpstreamConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What the next bytes of Salesforce are.
    private enum Reading {
        /// The head of an answer.
        case head
        /// So many more bytes of a body.
        case length(Int)
        case chunked
        /// A body that ends with the connection.
        case untilClose
    }

    /// Where the connection is in its life.
    private enum Phase {
        /// Can transition to: active, closed.
        case connecting
        /// Can transition to: closed.
        case active
        case closed
    }

    let host: UpstreamHost
    private let state: LoopState
    private var phase = Phase.connecting
    private var context: ChannelHandlerContext?
    /// The call that it serves; `nil` while it is idle or on its way out.
    private(set) var call: ForwardedCall?
    private var reading = Reading.head
    private var chunks = ChunkedBody()
    /// The beginning of a head that is not complete yet.
    private var unread: ByteBuffer?
    /// Whether a byte of an answer to the present call has come.
    private(set) var hasAnswerBegun = false
    private var informationalCount = 0
    private var keepsAlive = true
    private var holdsRead = false
    private let outbox = Outbox()
    /// Whether it has served a call.
    private(set) var hasServed = false
    /// When it became idle.
    private(set) var idleSince = NIODeadline.uptimeNanoseconds(0)
    /// When it was begun to be made.
    private let begunAt: NIODeadline

    init(host: UpstreamHost, state: LoopState) {
        self.host = host
        self.state = state
        self.begunAt = state.now
    }

    var isActive: Bool {
        switch phase {
        case .active: true
        case .connecting, .closed: false
        }
    }

    /// Whether Salesforce has neither sent anything nor closed, as far as the system knows.
    var isQuiet: Bool { context?.channel.isQuiet ?? false }

    /// Whether it was begun so long ago that it will hardly be made any more.
    func isOverdue(at now: NIODeadline) -> Bool {
        isConnecting && now - begunAt >= state.times.upstreamConnect
    }

    var isWritable: Bool { context?.channel.isWritable ?? false }

    // MARK: The call's side

    /// Serves a call from now on. It is told by `upstreamIsReady()` where the connection is not there yet.
    func serve(_ call: ForwardedCall) {
        self.call = call
        hasServed = true
        if let context { outbox.begin(context) }
        reading = .head
        hasAnswerBegun = false
        informationalCount = 0
    }

    func write(_ buffer: ByteBuffer) {
        guard let context else { return }
        outbox.write(buffer, context)
    }

    /// Sends what was written since the last time.
    func flush() {
        guard let context else { return }
        outbox.flush(context)
    }

    /// The client takes more.
    func resumeReading() {
        guard holdsRead else { return }
        holdsRead = false
        context?.read()
    }

    /// The call wants nothing more of it.
    func abandon() {
        call = nil
        close()
    }

    /// Leaves the pool for good.
    func close() {
        context?.close(promise: nil)
    }

    /// The connection could not be made.
    func didFailToConnect() {
        state.readClock()
        guard isConnecting else { return }
        phase = .closed
        host.didClose(self)
        let call = self.call
        self.call = nil
        call?.upstreamDidFail(.unreachable)
    }

    // MARK: The channel's side

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        // Over TLS the call must wait for the handshake too.
        if context.channel.isActive, !host.isSecure {
            outbox.open(context.channel)
            becomeActive()
        }
        // An end that comes while it is idle is seen too.
        context.read()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    /// There is a connection, secured where it has to be.
    func becomeActive() {
        state.readClock()
        guard isConnecting else { return }
        phase = .active
        if let call {
            call.upstreamIsReady()
        } else {
            becomeIdle()
        }
    }

    /// Asks for the next bytes, unless the call can't take them yet.
    private func read(_ context: ChannelHandlerContext) {
        if let call, !call.takesAnswer {
            holdsRead = true
        } else {
            context.read()
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { call?.upstreamIsWritable() }
        context.fireChannelWritabilityChanged()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        state.readClock()
        var buffer = unwrapInboundIn(data)
        guard call != nil else {
            // Nobody asked for anything: whatever this is, it must not become the answer to the next call.
            return close()
        }
        if var kept = unread {
            unread = nil
            kept.writeBuffer(&buffer)
            buffer = kept
        }
        hasAnswerBegun = true
        while let call, buffer.readableBytes > 0 {
            switch reading {
            case .head:
                guard readHead(&buffer, for: call) else { return }
            case .length(let left):
                let taken = min(left, buffer.readableBytes)
                guard let slice = buffer.readSlice(length: taken) else { return }
                reading = .length(left - taken)
                call.upstreamDidSend(slice)
                if taken == left, self.call === call { didEnd(call, leftover: buffer.readableBytes) }
            case .chunked:
                readChunks(&buffer, for: call)
            case .untilClose:
                return call.upstreamDidSend(buffer)
            }
        }
        if buffer.readableBytes > 0 { close() }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        call?.upstreamDidReadAll()
        read(context)
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        state.readClock()
        let failure: UpstreamFault = isConnecting ? .unreachable : hasAnswerBegun ? .brokeOff : .closed
        phase = .closed
        host.didClose(self)
        if let call {
            self.call = nil
            if case .untilClose = reading {
                call.upstreamDidEnd()
            } else {
                call.upstreamDidFail(failure)
            }
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A reset, or a TLS stream cut short, is not the end of a body that ends with its connection.
        if case .untilClose = reading, let call {
            self.call = nil
            call.upstreamDidFail(.brokeOff)
        }
        context.close(promise: nil)
    }

    var isConnecting: Bool {
        switch phase {
        case .connecting: true
        case .active, .closed: false
        }
    }
}

// MARK: - Reading an answer

extension UpstreamConnection {
    /// 32 answers of 1xx before one that counts; more is a fault.
    private static let informationalMax = 32

    /// Reads a head; `false` where there is nothing more to read now.
    private func readHead(_ buffer: inout ByteBuffer, for call: ForwardedCall) -> Bool {
        switch state.answerScanner.scanResponse(buffer) {
        case .incomplete:
            unread = buffer
            return false
        case .malformed:
            fail(call, .garbled)
            return false
        case .complete(let head):
            guard head.status >= 200 else { return readInformational(head, &buffer, for: call) }
            keepsAlive = head.keepsAlive
            switch call.hasBodilessAnswer(head.status) ? BodyFraming.none : head.framing {
            case .none:
                return readWhole(head, nil, &buffer, for: call)
            case .length(let count):
                return readWhole(head, count, &buffer, for: call)
            case .chunked:
                reading = .chunked
                chunks = ChunkedBody()
                call.upstreamDidAnswer(head, framing: .chunked, in: buffer, inlineBodyBytes: 0)
            case .untilClose:
                reading = .untilClose
                keepsAlive = false
                call.upstreamDidAnswer(head, framing: .untilClose, in: buffer, inlineBodyBytes: 0)
            }
            buffer.moveReaderIndex(forwardBy: head.byteCount)
            return true
        }
    }

    /// A head whose body has a length, or that has none: what is here of a small body goes with the head, in one write.
    private func readWhole(
        _ head: ResponseHead, _ length: Int?, _ buffer: inout ByteBuffer, for call: ForwardedCall
    ) -> Bool {
        let count = length ?? 0
        let here = min(count, buffer.readableBytes - head.byteCount)
        let inline = here <= state.limits.inlineBodyBytesMax ? here : 0
        reading = .length(count - inline)
        call.upstreamDidAnswer(
            head, framing: length.map { .length($0) } ?? .none, in: buffer, inlineBodyBytes: inline)
        buffer.moveReaderIndex(forwardBy: head.byteCount + inline)
        if count == inline, self.call === call { didEnd(call, leftover: buffer.readableBytes) }
        return true
    }

    /// 1xx is between Salesforce and the gateway: the client's own `Expect` was answered here.
    private func readInformational(
        _ head: ResponseHead, _ buffer: inout ByteBuffer, for call: ForwardedCall
    ) -> Bool {
        informationalCount += 1
        // 101: nobody asked for another protocol.
        guard head.status != 101, informationalCount <= Self.informationalMax else {
            fail(call, .garbled)
            return false
        }
        buffer.moveReaderIndex(forwardBy: head.byteCount)
        return true
    }

    private func readChunks(_ buffer: inout ByteBuffer, for call: ForwardedCall) {
        do {
            let isEnd = try chunks.take(&buffer, call.answerMode) { call.upstreamDidSend($0) }
            if isEnd, self.call === call { didEnd(call, leftover: buffer.readableBytes) }
        } catch {
            fail(call, .brokeOff)
        }
    }

    /// The answer is whole: the connection is free for the next call, before this one's client is told.
    private func didEnd(_ call: ForwardedCall, leftover: Int) {
        self.call = nil
        reading = .head
        if keepsAlive && leftover == 0 && call.isRequestSent {
            becomeIdle()
        } else {
            close()
        }
        resumeReading()
        call.upstreamDidEnd()
    }

    private func becomeIdle() {
        idleSince = state.now
        host.release(self)
    }

    private func fail(_ call: ForwardedCall, _ failure: UpstreamFault) {
        self.call = nil
        close()
        call.upstreamDidFail(failure)
    }
}
