internal import NIOCore
internal import Wire

// MARK: - Framing requests

extension ClientConnection {
    /// Uses what is pending, as far as it goes.
    func process() {
        guard !isProcessing else { return }
        isProcessing = true
        var goesOn = true
        while goesOn, pending.readableBytes > 0 {
            switch input {
            case .head: goesOn = readHead()
            case .upload: goesOn = readUpload()
            case .discarding: discard()
            case .controlBody: passControlBody()
            case .waiting, .controlWaiting: goesOn = false
            case .lingering:
                discardedBytes += pending.readableBytes
                pending.clear()
                // Where the last answer is still on its way, the client is not read from any more.
                if discardedBytes > limits.discardedBytesMax, isOutputClosed { context?.close(promise: nil) }
            case .closed:
                pending.clear()
            }
        }
        isProcessing = false
        call?.clientDidSendAll()
        if isHalfClosed, pending.readableBytes == 0 || input == .head { inputIsOver() }
        // A buffer that was emptied would hold its memory while the connection is idle.
        if pending.readableBytes == 0, pending.capacity > 0 { pending = ByteBuffer() }
        resumeReading()
    }

    private func readHead() -> Bool {
        // A head that trickles in is not read from its beginning with each byte.
        guard pending.readableBytes >= rescanBytes || headEnd.isComplete(pending) else { return false }
        switch state.requestScanner.scanRequest(pending) {
        case .incomplete:
            return headIsIncomplete()
        case .malformed(let problem):
            refuseAndClose(.malformed(problem))
            return false
        case .complete(let head):
            rescanBytes = 0
            begin(head)
            return true
        }
    }

    private func headIsIncomplete() -> Bool {
        if rescanBytes == 0 {
            deadline = state.now + state.times.clientHead
            headEnd = HeadEndFinder()
            _ = headEnd.isComplete(pending)
        }
        rescanBytes = pending.readableBytes * 2
        return false
    }

    private func begin(_ head: RequestHead) {
        keepsAlive = head.keepsAlive
        isLastRequest = !head.keepsAlive
        isInputOver = false
        switch head.framing {
        case .length(let count): (isChunked, bodyLeft) = (false, count)
        case .chunked: (isChunked, bodyLeft, chunks) = (true, 0, ChunkedBody())
        case .none, .untilClose: (isChunked, bodyLeft) = (false, 0)
        }
        let hasBody = isChunked || bodyLeft > 0
        switch RequestTarget.read(head, in: pending) {
        case .ambiguous:
            refuseAndClose(.authorityMismatch)
        case .malformed:
            refuseAndClose(.targetMalformed)
        case .hostless:
            refuseAndClose(.hostMissing)
        case .hostMalformed:
            refuseAndClose(.hostMalformed)
        case .control:
            beginControl(head, hasBody: hasBody)
        case .forwarded(let target):
            let call = self.call ?? ForwardedCall(client: self)
            self.call = call
            if let context { outbox.begin(context) }
            let buffer = pending
            pending.moveReaderIndex(forwardBy: head.byteCount)
            input = hasBody ? .upload : .waiting
            call.begin(head, target: target, in: buffer, hasBody: hasBody)
        }
    }

    /// Reads what is here of an upload; whether the loop goes on.
    private func readUpload() -> Bool {
        guard let call else { return false }
        if isChunked {
            guard call.takesUpload else { return false }
            return readChunks(call)
        }
        guard call.takesUpload else { return false }
        let taken = min(bodyLeft, pending.readableBytes)
        guard let slice = pending.readSlice(length: taken) else { return false }
        bodyLeft -= taken
        if bodyLeft == 0 { input = .waiting }
        call.upload(slice, isLast: bodyLeft == 0)
        return true
    }

    private func readChunks(_ call: ForwardedCall) -> Bool {
        var buffer = pending
        pending = ByteBuffer()
        defer { if input != .closed { pending = buffer } }
        do {
            var isEmpty = true
            let isEnd = try chunks.take(&buffer, .passing) { slice in
                isEmpty = false
                call.upload(slice, isLast: false)
            }
            if isEnd {
                input = .waiting
                call.uploadDidEnd()
            }
            return isEnd || !isEmpty
        } catch {
            keepsAlive = false
            call.uploadIsMalformed()
            return false
        }
    }

    /// Throws away what is left of an upload.
    private func discard() {
        let before = pending.readableBytes
        if isChunked {
            var buffer = pending
            guard let isEnd = try? chunks.take(&buffer, .decoding, { _ in }) else {
                keepsAlive = false
                return linger()
            }
            pending = buffer
            discardedBytes += before - buffer.readableBytes
            if isEnd { return requestDidEnd() }
        } else {
            let taken = min(bodyLeft, pending.readableBytes)
            pending.moveReaderIndex(forwardBy: taken)
            bodyLeft -= taken
            discardedBytes += taken
            if bodyLeft == 0 { return requestDidEnd() }
        }
        if discardedBytes > limits.discardedBytesMax { linger() }
    }
}
