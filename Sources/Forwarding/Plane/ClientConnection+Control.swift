internal import NIOCore
internal import Wire

// MARK: - The control plane

extension ClientConnection {
    func beginControl(_ head: RequestHead, hasBody: Bool) {
        guard let context, let bytes = pending.readSlice(length: head.byteCount) else { return }
        input = hasBody ? .controlBody : .controlWaiting
        // A body that stalls is cut; the answer takes the time that it takes.
        deadline = hasBody ? state.now + state.times.uploadStall : .distantFuture
        discardedBytes = 0
        outbox.share(context)
        control.start(context, connection: self)
        context.fireChannelRead(wrapInboundOut(bytes))
        // Not before it has a request to answer: it would close the connection at once.
        if isQuiescing { context.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
        if !hasBody { context.fireChannelReadComplete() }
    }

    /// Follows the body to its end, and hands its exact bytes on.
    func passControlBody() {
        guard let context else { return }
        var length = min(bodyLeft, pending.readableBytes)
        if isChunked {
            var buffer = pending
            guard let isEnd = try? chunks.take(&buffer, .decoding, { _ in }) else {
                // The control plane's own parser may wait for the end of what is none here.
                return control.hasBegunAnswer ? linger() : refuseAndClose(.bodyMalformed)
            }
            length = pending.readableBytes - buffer.readableBytes
            if isEnd { input = .controlWaiting }
        } else {
            bodyLeft -= length
            if bodyLeft == 0 { input = .controlWaiting }
        }
        deadline = input == .controlWaiting ? .distantFuture : state.now + state.times.uploadStall
        handOn(length, context)
    }

    private func handOn(_ length: Int, _ context: ChannelHandlerContext) {
        guard length > 0, let bytes = pending.readSlice(length: length) else { return }
        if control.isAnswered {
            discardedBytes += length
            // The framework reads the rest of an upload that was answered already; not for ever.
            guard discardedBytes <= limits.discardedBytesMax else { return linger() }
        }
        context.fireChannelRead(wrapInboundOut(bytes))
        context.fireChannelReadComplete()
        if control.isAnswered { controlDidAnswer() }
    }

    /// The control plane has written the end of its answer.
    func controlDidAnswer() {
        state.readClock()
        // It may have been noticed already, at the end of the request's body.
        guard control.isAnswered else { return }
        switch input {
        case .controlWaiting:
            requestDidEnd()
            process()
        case .controlBody:
            // Its end is awaited, within bounds.
            break
        case .head, .upload, .waiting, .discarding, .lingering, .closed:
            break
        }
    }
}
