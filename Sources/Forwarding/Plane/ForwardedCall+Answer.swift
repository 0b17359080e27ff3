internal import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import NIOCore
internal import Salesforce
internal import Wire

extension ForwardedCall {
    // MARK: - What Salesforce does

    /// How chunked answers are passed on.
    var answerMode: ChunkedBody.Mode {
        // Of an answer to HTTP/1.0 the data alone are wanted, whether it is gathered or passed on.
        head?.isHTTP10 == true ? .decoding : .passing
    }

    /// Whether more of an answer can be taken now.
    var takesAnswer: Bool {
        switch stage {
        case .relaying: client.isWritable
        case .inspecting: gathered?.isFull == false
        case .refreshing: false
        case .over, .resolving, .queued, .exchanging: true
        }
    }

    func hasBodilessAnswer(_ status: Int) -> Bool {
        head?.kind == .head || status == 204 || status == 304
    }

    /// The head of an answer, at the buffer's reader index, with so many bytes of its body behind it.
    func upstreamDidAnswer(_ head: ResponseHead, framing: BodyFraming, in buffer: ByteBuffer, inlineBodyBytes: Int) {
        record.didAnswer(at: plane.measuresTime ? state.now : .uptimeNanoseconds(0), status: head.status)
        if let suspicion = suspicion(of: head, in: buffer) {
            stage = .inspecting
            self.suspicion = suspicion
            gathered = GatheredAnswer(
                head, framing: framing, in: buffer, inlineBodyBytes: inlineBodyBytes,
                isDecoded: self.head?.isHTTP10 == true)
            awaitMore()
        } else {
            if head.status < 300 { resolved?.token.noteAccepted(sentAt: sentAt.uptimeNanoseconds) }
            noteReplay(didHelp: true)
            relay(head, framing: framing, in: buffer, inlineBodyBytes: inlineBodyBytes)
        }
    }

    /// What an answer may say that a newer token cures; `nil` for nearly all. The head is the one that the loop's
    /// scanner has read last.
    private func suspicion(of head: ResponseHead, in buffer: ByteBuffer) -> Suspicion? {
        guard head.status >= 300 else { return nil }
        switch head.status {
        case 401, 403: return .deadSession
        case 400: return path.hasPrefix("/services/async/") ? .deadSession : nil
        // Salesforce's edge has no route for the host.
        case 420: return .movedInstance
        case 301, 302, 307, 308: return leadsToAnotherInstance(buffer) ? .movedInstance : nil
        case _: return nil
        }
    }

    /// Whether `Location` names another host that may be an instance. It is never followed: only a token answer says
    /// where an org is.
    private func leadsToAnotherInstance(_ buffer: ByteBuffer) -> Bool {
        guard let resolved, let hosts = state.forwarder?.access.hosts else { return false }
        let parts = state.answerValue(.location, in: buffer).split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count >= 3, parts[1].isEmpty,
            let instance = try? hosts.instance(parts.prefix(3).joined(separator: "/"))
        else { return false }
        return instance != resolved.token.instance
    }

    /// The request's path, without its query.
    var path: String {
        let text = target.text(in: rawHead)
        return String(text.prefix { $0 != "?" })
    }

    func upstreamDidSend(_ slice: ByteBuffer) {
        switch stage {
        case .inspecting:
            gathered?.keep(slice)
            if gathered?.isFull == true { judge() }
        case .refreshing:
            gathered?.keep(slice)
        case .relaying:
            pass(slice)
        case .over, .resolving, .queued, .exchanging:
            break
        }
    }

    func upstreamDidReadAll() {
        guard case .relaying = stage else { return }
        client.flush()
        client.unsentBytes = .max
        awaitMore()
    }

    func awaitMore() {
        // A client that has closed its side is believed to be there for as long as the answer goes on.
        let limit = client.isHalfClosed ? state.times.halfClosed : state.times.upstreamRead
        client.deadline = min(totalDeadline, state.now + limit)
    }

    /// The answer is whole.
    func upstreamDidEnd() {
        upstream = nil
        switch stage {
        case .inspecting:
            gathered?.isWhole = true
            judge()
        case .refreshing:
            gathered?.isWhole = true
        case .relaying:
            finishAnswer()
        case .over, .resolving, .queued, .exchanging:
            break
        }
    }

    func upstreamDidFail(_ failure: UpstreamFault) {
        upstream = nil
        switch stage {
        case .exchanging:
            guard failure == .closed, !isRetried, isIdempotent, upload.isWhole else {
                return refuse(.upstreamUnreachable(failure))
            }
            isRetried = true
            exchange(isHeadFresh: false)
        case .inspecting:
            refuse(.upstreamUnreachable(failure))
        case .refreshing:
            gathered?.isBroken = true
        case .relaying:
            breakOff(.brokenOff)
        case .over, .resolving, .queued:
            break
        }
    }

    // MARK: - A dead session

    /// What was gathered says whether a newer token is needed, and the ledger whether it may be asked for.
    func judge() {
        guard let resolved, let forwarder = state.forwarder else { return releaseAnswer() }
        guard isConfirmed(resolved) else {
            noteReplay(didHelp: true)
            return releaseAnswer()
        }
        refusals.append((resolved.token, sentAt))
        if isIncurable(resolved.token, forwarder.ledger) {
            noteReplay(didHelp: false)
            return releaseAnswer()
        }
        // Its tokens die faster than it is answered.
        guard refusals.count <= limits.replaysMax else { return releaseAnswer() }
        // A newer one that is there already costs nothing.
        guard !forwarder.ledger.isCurrent(resolved.token) || forwarder.ledger.mayRefresh(for: occasion(resolved)) else {
            return releaseAnswer()
        }
        renew(resolved, forwarder)
    }

    /// Whether no token cures what the last one did not: it came just now; or this was tried often, and no token looks
    /// as if it had died on its way to the call, accepted for others before and not after.
    private func isIncurable(_ last: LiveToken, _ ledger: TokenLedger) -> Bool {
        guard refusals.count > 1 else { return false }
        if ledger.isFresh(last) { return true }
        guard refusals.count > limits.replaysMax else { return false }
        return refusals.allSatisfy { token, sentAt in
            !token.wasEverAccepted || token.wasAccepted(after: sentAt.uptimeNanoseconds)
        }
    }

    private func renew(_ resolved: ResolvedCall, _ forwarder: Forwarder) {
        stage = .refreshing
        client.deadline = totalDeadline
        let bound = NIOLoopBound(self, eventLoop: state.loop)
        let (loop, number) = (state.loop, self.number)
        // Unstructured: an event loop can't wait; the connection cancels it, and its end is the call's.
        asking = Task {
            let renewed = await forwarder.renew(resolved)
            loop.execute { bound.value.didRefresh(renewed, number: number) }
        }
    }

    private func occasion(_ resolved: ResolvedCall) -> RefreshOccasion {
        switch suspicion {
        case .deadSession: .deadSession(of: resolved.caller, route: PathTemplate(path: path).text)
        case .movedInstance: .movedInstance(of: resolved.caller, from: resolved.token)
        }
    }

    /// Tells whether the token that the call was made again with was any better.
    private func noteReplay(didHelp: Bool) {
        guard record.isReplayed, let resolved else { return }
        state.forwarder?.ledger.noteRefresh(for: occasion(resolved), gave: resolved.token, didHelp: didHelp)
    }

    private func isConfirmed(_ resolved: ResolvedCall) -> Bool {
        switch suspicion {
        case .movedInstance: return true
        case .deadSession: break
        }
        // Its lines are read again: other calls use the scanner too.
        guard let gathered, case .complete = state.answerScanner.scanResponse(gathered.bytes) else { return false }
        return gathered.isDeadSession(
            path: path, contentType: state.answerValue(.contentType, in: gathered.bytes),
            contentEncoding: state.answerValue(.contentEncoding, in: gathered.bytes)
        ) { state.forwarder?.ledger.isCurrent(resolved.token) ?? false }
    }

    func didRefresh(_ renewed: Result<LiveToken, GatewayError>, number: UInt64) {
        state.readClock()
        guard number == self.number, case .refreshing = stage else { return }
        asking = nil
        // What can't be sent again gets Salesforce's own answer.
        guard isRequestComplete, upload.isWhole else { return passOnGathered() }
        switch renewed {
        case .success(let token):
            if case .movedInstance = suspicion, let former = resolved?.token.instance, token.instance == former {
                // The org is where it was.
                if let resolved {
                    state.forwarder?.ledger.noteRefresh(for: occasion(resolved), gave: token, didHelp: false)
                }
                return passOnGathered()
            }
            upstream?.abandon()
            upstream = nil
            record.isReplayed = true
            resolved?.token = token
            exchange(isHeadFresh: false)
        case .failure(let error):
            refuse(error)
        }
    }

    /// Passes on what was gathered, or what there is of it.
    private func passOnGathered() {
        guard gathered?.isBroken == false else { return refuse(.upstreamUnreachable(.brokeOff)) }
        releaseAnswer()
    }

    /// Passes on what was gathered.
    func releaseAnswer() {
        guard let gathered else { return refuse(.upstreamUnreachable(.brokeOff)) }
        self.gathered = nil
        _ = state.answerScanner.scanResponse(gathered.bytes)
        relay(
            gathered.head, framing: gathered.framing, in: gathered.bytes, inlineBodyBytes: gathered.inlineBodyBytes)
        for slice in gathered.slices { pass(slice) }
        if gathered.isWhole {
            finishAnswer()
        } else {
            client.flush()
            awaitMore()
            client.resumeUpload()
            upstream?.resumeReading()
        }
    }

    // MARK: - answer

    var isAnswerBegun: Bool {
        switch stage {
        case .relaying, .over: true
        case .resolving, .queued, .exchanging, .inspecting, .refreshing: false
        }
    }

    func relay(_ head: ResponseHead, framing: BodyFraming, in buffer: ByteBuffer, inlineBodyBytes: Int) {
        guard let request = self.head, let resolved else { return }
        stage = .relaying
        answer.begin(framing, isHTTP10: request.isHTTP10, isLast: client.isLastAnswer)
        record.bytesOut += inlineBodyBytes
        client.write(
            state.answerBytes(
                head, in: buffer, inlineBodyBytes: inlineBodyBytes, for: self, resolved: resolved))
    }

    func pass(_ slice: ByteBuffer) {
        record.bytesOut += slice.readableBytes
        if answer.isChunkedAnew {
            client.write(ByteBuffer(string: String(slice.readableBytes, radix: 16) + "\r\n"))
            client.write(slice)
            client.write(ByteBuffer(string: "\r\n"))
        } else {
            client.write(slice)
        }
    }

    func finishAnswer() {
        if answer.isChunkedAnew { client.write(ByteBuffer(string: "0\r\n\r\n")) }
        end(.forwarded, isLast: answer.isLast)
    }

    /// An answer of the gateway's own.
    func refuse(_ error: GatewayError) {
        upstream?.abandon()
        upstream = nil
        // Whoever waits for 100 Continue may send the body now, or the next request (RFC 9110 §10.1.1).
        let isLast =
            client.isLastAnswer || head?.expectsContinue == true && !isRequestComplete || error == .requestTimeout
        let refusal = state.refusal(error, to: self, isLast: isLast)
        record.note(status: error.status, code: error.errorCode)
        if case .upstreamUnreachable = error { record.cause = error.proxyStatusError }
        record.bytesOut += refusal.bodyByteCount
        client.write(refusal.bytes)
        end(.refused, isLast: isLast)
    }

    func answerPreflight(_ headers: HTTPFields) {
        let isLast = client.isLastAnswer
        record.note(status: 204)
        client.write(state.preflightBytes(headers, requestID: record.requestID, isLast: isLast))
        end(.refused, isLast: isLast)
    }

    func breakOff(_ ending: CallRecord.Ending) {
        upstream?.abandon()
        upstream = nil
        // To HTTP/1.0 the end of the connection can be the end of the body.
        let isToEnd = answer.isDecoded || answer.framing == .untilClose && !answer.isChunkedAnew
        finish(ending)
        client.breakOff(byReset: isToEnd)
    }

    func end(_ ending: CallRecord.Ending, isLast: Bool) {
        finish(ending)
        client.callDidEnd(isLast: isLast)
    }

    /// record: always, and once a call.
    func finish(_ ending: CallRecord.Ending) {
        stage = .over
        giveUpTurn()
        asking?.cancel()
        asking = nil
        upload.reset(limit: 0, state: state)
        gathered = nil
        state.finish(self, ending)
        rawHead = ByteBuffer()
        if !refusals.isEmpty { refusals = [] }
        resolved = nil
    }
}
