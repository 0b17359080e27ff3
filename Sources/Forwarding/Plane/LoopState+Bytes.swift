internal import Access
internal import Domain
internal import HTTPTypes
internal import NIOCore
internal import Salesforce
internal import Secrets
internal import Wire

// What is written to both sides. Heads are made in the loop's scratch buffer, whose storage is used again once they
// are sent.

extension LoopState {
    // MARK: Towards Salesforce

    /// The head of a request as Salesforce gets it; the scanner has read `buffer` last.
    func requestBytes(
        _ head: RequestHead, target: ByteSlice, in buffer: ByteBuffer, for call: ResolvedCall,
        hostLine: ByteBuffer
    ) -> ByteBuffer {
        scratch.clear(minimumCapacity: head.byteCount + Self.addedBytes)
        let bytes = buffer.readableBytesSpan
        if target == head.target {
            // Method, space and target as they came.
            scratch.writeBytes(bytes.extracting(head.method.startIndex..<target.end))
        } else {
            scratch.writeBytes(bytes.extracting(head.method.range))
            scratch.writeInteger(UInt8(ascii: " "))
            scratch.writeBytes(bytes.extracting(target.range))
        }
        scratch.writeImmutableBuffer(hostLine)
        var copier = HeaderTable.LineCopier(buffer)
        let lines = requestScanner.fields
        for index in lines.indices where facts.roles[index].isPassed {
            if head.namesHopHeaders, requestScanner.connectionNames(lines[index].name, in: buffer),
                facts.roles[index] != .contentLength
            {
                continue
            }
            copier.pass(lines[index].line, into: &scratch)
        }
        copier.finish(into: &scratch)
        if head.framing == .chunked { scratch.writeStaticString("Transfer-Encoding: chunked\r\n") }
        switch call.caller.slot {
        case .cookie, .authorizationBearer: scratch.writeStaticString("Authorization: Bearer ")
        case .authorizationOAuth: scratch.writeStaticString("Authorization: OAuth ")
        case .sfdcSession: scratch.writeStaticString("X-SFDC-Session: ")
        }
        scratch.writeString(call.token.accessToken.exposed)
        scratch.writeStaticString("\r\n\r\n")
        return scratch
    }

    /// `HTTP/1.1`.
    private static let versionBytes = 8
    /// Room for the lines that are set: token, host, security headers.
    private static let addedBytes = 2048

    // MARK: Towards the client

    /// The head of a forwarded answer with the first bytes of its body; the scanner has read `buffer` last.
    func answerBytes(
        _ head: ResponseHead, in buffer: ByteBuffer, inlineBodyBytes: Int, for call: ForwardedCall,
        resolved: ResolvedCall
    ) -> ByteBuffer {
        scratch.clear(minimumCapacity: head.byteCount + inlineBodyBytes + Self.addedBytes)
        let bytes = buffer.readableBytesSpan
        scratch.writeStaticString("HTTP/1.1")
        let frontend = hasFrontends ? frontendHeaders(buffer, for: call, resolved) : nil
        let hasDate = copyLines(head, buffer, resolved, withoutVary: frontend != nil)
        if !hasDate {
            scratch.writeStaticString("Date: ")
            scratch.writeString(dates.text(at: plane.now()))
            scratch.writeStaticString("\r\n")
        }
        if let frontend { write(frontend) }
        writeFraming(head, for: call)
        scratch.writeImmutableBuffer(plane.ownLines)
        call.record.requestID.write(into: &scratch)
        writeTiming(call.record)
        if inlineBodyBytes > 0 {
            scratch.writeBytes(bytes.extracting(head.byteCount..<head.byteCount + inlineBodyBytes))
        }
        return scratch
    }

    /// Copies the lines that pass; whether `Date` is among them.
    private func copyLines(
        _ head: ResponseHead, _ buffer: ByteBuffer, _ resolved: ResolvedCall, withoutVary: Bool
    ) -> Bool {
        let names = headers.answers
        let bytes = buffer.readableBytesUInt8Span
        let lines = answerScanner.fields
        // Behind the version the status line passes as it came, and the lines that pass with it.
        var copier = HeaderTable.LineCopier(buffer, from: head.statusLine.startIndex + Self.versionBytes)
        copier.pass(to: head.statusLine.end + 2)
        var hasDate = false
        for index in lines.indices {
            let line = lines[index]
            let role = names.role(of: bytes.extracting(line.name.range))
            if head.namesHopHeaders, role != .contentLength, answerScanner.connectionNames(line.name, in: buffer) {
                continue
            }
            switch role {
            case .passes, .contentType, .contentEncoding: copier.pass(line.line, into: &scratch)
            case .contentLength:
                // RFC 9110 §8.6: a client could take the next answer's beginning for this one's body.
                if head.status != 204 { copier.pass(line.line, into: &scratch) }
            case .date:
                hasDate = true
                copier.pass(line.line, into: &scratch)
            case .vary:
                if !withoutVary { copier.pass(line.line, into: &scratch) }
            case .location:
                copier.finish(into: &scratch)
                scratch.writeStaticString("Location: ")
                scratch.writeString(
                    HeaderTable.location(
                        line.value.text(in: buffer), instance: resolved.token.instance,
                        tenantOrigin: resolved.tenant.origin))
                scratch.writeStaticString("\r\n")
            case .dropped, .connection, .transferEncoding: break
            }
        }
        copier.finish(into: &scratch)
        return hasDate
    }

    /// The values of a header of the answer that the scanner has read last, joined.
    func answerValue(_ role: HeaderTable.AnswerRole, in buffer: ByteBuffer) -> String {
        let bytes = buffer.readableBytesUInt8Span
        var values: [String] = []
        for line in answerScanner.fields
        where headers.answers.role(of: bytes.extracting(line.name.range)) == role {
            values.append(line.value.text(in: buffer))
        }
        return values.joined(separator: ", ")
    }

    /// How the body ends, and whether the connection does.
    private func writeFraming(_ head: ResponseHead, for call: ForwardedCall) {
        let answer = call.answer
        if answer.framing == .chunked && !answer.isDecoded || answer.isChunkedAnew {
            scratch.writeStaticString("Transfer-Encoding: chunked\r\n")
        }
        writeConnection(isLast: answer.isLast, isHTTP10: call.head?.isHTTP10 == true)
    }

    private func writeConnection(isLast: Bool, isHTTP10: Bool) {
        if isLast {
            scratch.writeStaticString("Connection: close\r\n")
        } else if isHTTP10 {
            scratch.writeStaticString("Connection: keep-alive\r\n")
        }
    }

    /// `Server-Timing` (W3C), in milliseconds with one decimal: what Salesforce took, and what the gateway added.
    private func writeTiming(_ record: CallRecord) {
        let upstream = record.upstreamNanoseconds ?? 0
        scratch.writeStaticString("\r\nServer-Timing: gateway;dur=")
        writeMilliseconds(max(0, record.nanosecondsToAnswer - upstream))
        scratch.writeStaticString(", salesforce;dur=")
        writeMilliseconds(upstream)
        scratch.writeStaticString("\r\n\r\n")
    }

    private func writeMilliseconds(_ nanoseconds: Int64) {
        let tenths = Int((nanoseconds + 50_000) / 100_000)
        let fraction = UInt8(ascii: "0") + UInt8(tenths % 10)
        // Most are short.
        if tenths < 100 {
            scratch.writeMultipleIntegers(UInt8(ascii: "0") + UInt8(tenths / 10), UInt8(ascii: "."), fraction)
        } else {
            writeNumber(tenths / 10)
            scratch.writeMultipleIntegers(UInt8(ascii: "."), fraction)
        }
    }

    /// A number in decimal digits, without making a text of it.
    private func writeNumber(_ number: Int) {
        if number >= 10 { writeNumber(number / 10) }
        scratch.writeInteger(UInt8(ascii: "0") + UInt8(number % 10))
    }

    /// A year, as the other rooms' answers say.
    private func writeStrictTransportSecurity() {
        scratch.writeStaticString("Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n")
    }

    // MARK: Frontends

    /// CORS and `Vary` of a forwarded answer. Only where there are frontends: they alone pay for it.
    private func frontendHeaders(
        _ buffer: ByteBuffer, for call: ForwardedCall, _ resolved: ResolvedCall
    ) -> HTTPFields {
        var fields = HTTPFields()
        for line in answerScanner.fields {
            guard let name = HTTPField.Name(line.name.text(in: buffer)) else { continue }
            switch headers.answers.role(of: buffer.readableBytesUInt8Span.extracting(line.name.range)) {
            case .passes, .contentLength, .location, .date, .contentType, .contentEncoding, .vary:
                fields.append(HTTPField(name: name, value: line.value.text(in: buffer)))
            case .dropped, .connection, .transferEncoding: break
            }
        }
        fields[.requestID] = call.record.requestID.description
        CORSHeaders(rule: plane.rule, label: resolved.tenant.customer.subdomain.label)
            .apply(to: &fields, request: call.originFields)
        return fields.filter { $0.name == .vary || $0.name.canonicalName.hasPrefix("access-control-") }
            .reduce(into: HTTPFields()) { $0.append($1) }
    }

    private func write(_ fields: HTTPFields) {
        for field in fields {
            scratch.writeString(field.name.rawName)
            scratch.writeStaticString(": ")
            scratch.writeString(field.value)
            scratch.writeStaticString("\r\n")
        }
    }

    // MARK: The gateway's own answers

    /// A refusal in Salesforce's shape.
    func refusal(
        _ error: GatewayError, to call: ForwardedCall, isLast: Bool
    ) -> (bytes: ByteBuffer, bodyByteCount: Int) {
        var (status, headers, body) = ErrorAnswer.make(
            error, requestID: call.record.requestID.description, isSecure: plane.origin.isSecure)
        if let tenant = call.record.tenant {
            CORSHeaders(rule: plane.rule, label: tenant.customer.subdomain.label)
                .apply(to: &headers, request: call.originFields)
        }
        let isHead = call.head?.kind == .head
        begin(status, headers)
        writeConnection(isLast: isLast, isHTTP10: call.head?.isHTTP10 == true)
        scratch.writeStaticString("\r\n")
        if !isHead { scratch.writeImmutableBuffer(body) }
        return (scratch, isHead ? 0 : body.readableBytes)
    }

    /// The answer to a frontend's preflight.
    func preflightBytes(_ headers: HTTPFields, requestID: CallID, isLast: Bool) -> ByteBuffer {
        begin(.noContent, headers)
        scratch.writeStaticString("X-Request-Id: ")
        requestID.write(into: &scratch)
        scratch.writeStaticString("\r\n")
        writeConnection(isLast: isLast, isHTTP10: false)
        scratch.writeStaticString("\r\n")
        return scratch
    }

    private func begin(_ status: HTTPResponse.Status, _ headers: HTTPFields) {
        scratch.clear(minimumCapacity: Self.addedBytes)
        scratch.writeStaticString("HTTP/1.1 ")
        writeNumber(status.code)
        scratch.writeInteger(UInt8(ascii: " "))
        scratch.writeStaticString(ReasonPhrase.of(status.code))
        scratch.writeStaticString("\r\nDate: ")
        scratch.writeString(dates.text(at: plane.now()))
        scratch.writeStaticString("\r\n")
        write(headers)
    }

    /// The answer to what is no request that can be understood: its path can't be trusted either.
    func plainRefusal(_ refusal: PlainRefusal, requestID: CallID) -> ByteBuffer {
        let (status, body) = (HTTPResponse.Status(code: refusal.status), refusal.message + "\n")
        var headers: HTTPFields = [
            .contentType: "text/plain; charset=utf-8", .contentLength: String(body.utf8.count),
            .cacheControl: "no-store", .xContentTypeOptions: "nosniff", .connection: "close",
            .proxyStatus: "formation; error=http_request_error",
        ]
        headers[.requestID] = requestID.description
        begin(status, headers)
        if plane.origin.isSecure { writeStrictTransportSecurity() }
        scratch.writeStaticString("\r\n")
        scratch.writeString(body)
        return scratch
    }
}

/// Why a connection can't be used any more: what came is no request, or did not come.
enum PlainRefusal: Sendable, Equatable {
    case malformed(HeadProblem)
    /// RFC 9112 §3.2.2 and contract §1: an absolute-form target names the host that `Host` names.
    case authorityMismatch
    case targetMalformed
    case hostMissing
    case hostMalformed
    case bodyMalformed
    case requestTimeout

    var status: Int {
        switch self {
        case .malformed(let problem): problem.status
        case .authorityMismatch, .targetMalformed, .hostMissing, .hostMalformed, .bodyMalformed: 400
        case .requestTimeout: 408
        }
    }

    /// The code that logs and metrics have of it.
    var code: String {
        switch status {
        case 408: "REQUEST_TIMEOUT"
        case 414: "TARGET_TOO_LONG"
        case 431: "HEADERS_TOO_LARGE"
        case 505: "VERSION_NOT_SUPPORTED"
        case _: "BAD_REQUEST"
        }
    }

    var message: String {
        switch self {
        case .malformed(let problem): problem.description
        case .authorityMismatch: "The request's target and its Host name different hosts."
        case .targetMalformed: "The request's target is malformed."
        case .hostMissing: "A request of HTTP/1.1 has a Host."
        case .hostMalformed: "The Host is malformed."
        case .bodyMalformed: "The body's chunks are malformed."
        case .requestTimeout: "The request did not come in time."
        }
    }
}
