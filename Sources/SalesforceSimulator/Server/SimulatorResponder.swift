import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// What the responder knows of a connection.
struct SimulatorContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        channel = source.channel
    }

    /// Whether the other end is on this machine.
    var isLoopback: Bool {
        guard let address = channel.remoteAddress?.ipAddress else { return channel.remoteAddress != nil }
        return address.hasPrefix("127.") || address == "::1" || address == "::ffff:127.0.0.1"
    }
}

/// Takes every request: journal, faults, endpoints, recorded headers.
struct SimulatorResponder: HTTPResponder {
    let core: SimulatorCore

    func respond(to request: Request, context: SimulatorContext) async throws -> Response {
        let incoming: SimulatedRequest
        do {
            let body = try await request.body.collect(upTo: core.configuration.requestBodyBytesMax)
            incoming = SimulatedRequest(
                method: request.method.rawValue, authority: request.head.authority ?? "",
                target: request.head.path ?? "/", headers: request.headers, body: body)
        } catch {
            return Response(status: .contentTooLarge, headers: [.connection: "close"])
        }
        if incoming.path.hasPrefix("/_simulator") {
            guard context.isLoopback else { return Response(status: .forbidden) }
            return try response(to: incoming, await AdminEndpoints(core: core, request: incoming).answer(), cut: nil)
        }
        let (answer, truncation) = await answer(incoming, authority: request.head.authority ?? "")
        if answer.isDropped {
            try? await context.channel.close()
            return Response(status: .internalServerError)
        }
        return try response(to: incoming, answer, cut: truncation)
    }

    // MARK: Way of a request

    private func answer(
        _ request: SimulatedRequest, authority: String
    ) async -> (answer: SimulatedAnswer, truncation: Int?) {
        let (entryID, role, run) = receive(request, authority: authority)
        var answer: SimulatedAnswer
        if let replaced = await run.perform(.before) {
            answer = replaced
        } else {
            do {
                answer = try await Endpoints(core: core, request: request, role: role, faults: run).answer()
            } catch {
                core.logger.error("Request failed", metadata: ["error": "\(error)"])
                answer = RESTError(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred").answer
            }
            if let replaced = await run.perform(.after) { answer = replaced }
        }
        core.withState { state in
            state.journal.update(entryID) { entry in
                entry.status = answer.isDropped ? nil : answer.status
                entry.note = answer.note
            }
        }
        answer = RecordedHeaders.add(to: answer.compressed(for: request), request: request, core: core)
        return (answer, run.truncation)
    }

    /// Writes the request into the journal and takes the faults that concern it.
    private func receive(_ request: SimulatedRequest, authority: String) -> (Int, HostRole?, FaultRun) {
        let digest = SHA256.hash(data: Data(request.body.readableBytesView)).map(hexDigits).joined()
        let kept = Array(request.body.readableBytesView.prefix(JournalEntry.bodyBytesMax))
        return core.step { state, surroundings in
            let role = state.hosts[request.host]
            let clientID = Self.clientID(of: request, in: state)
            let subject = FaultSubject(
                method: request.method, target: request.target, org: role?.orgID.flatMap { state.orgs[$0] },
                clientID: clientID)
            var run = FaultRun(core: core, faults: state.faults.take(for: subject), request: request)
            if !request.path.hasPrefix("/services/oauth2/token") { run = run.withoutDuring() }
            let entry = JournalEntry(
                id: 0, receivedAt: surroundings.now, method: request.method, host: authority, target: request.target,
                headers: request.headers.map { .init(name: $0.name.rawName, value: $0.value) },
                bodySize: request.body.readableBytes, bodySHA256: digest, body: kept, orgID: role?.orgID,
                clientID: clientID, faults: run.labels)
            return (state.journal.append(entry), role, run)
        }
    }

    /// The app that a request is for: by its client id, or by the token that it carries.
    private static func clientID(of request: SimulatedRequest, in state: SimulatorState) -> String? {
        if let token = request.accessToken ?? request.header("X-SFDC-Session"), let access = state.accessTokens[token] {
            return access.clientID
        }
        guard request.path.hasPrefix("/services/oauth2/") else { return nil }
        return request.query["client_id"]
            ?? TokenEndpoints.client(request, form: request.form)?.clientID
    }

    // MARK: Wire

    private func response(to request: SimulatedRequest, _ answer: SimulatedAnswer, cut: Int?) throws -> Response {
        var headers = HTTPFields()
        for (name, value) in answer.headers where !value.isEmpty {
            guard let name = HTTPField.Name(name) else { continue }
            headers.append(HTTPField(name: name, value: value))
        }
        let status = HTTPResponse.Status(code: answer.status)
        if request.method == "HEAD" {
            headers[.contentLength] = String(answer.body.readableBytes)
            return Response(status: status, headers: headers, body: ResponseBody())
        }
        if let cut {
            headers[.contentLength] = String(max(answer.body.readableBytes, cut + 1))
            return Response(status: status, headers: headers, body: Self.truncated(answer.body, at: cut))
        }
        if let count = answer.streamedBytes {
            return Response(status: status, headers: headers, body: Self.stream(count))
        }
        // Salesforce answers in chunks, except where there is nothing to say.
        guard answer.body.readableBytes > 0 else { return Response(status: status, headers: headers) }
        let body = answer.body
        return Response(
            status: status, headers: headers,
            body: ResponseBody { writer in
                try await writer.write(body)
                try await writer.finish(nil)
            })
    }

    private struct Truncated: Error {}

    /// Sends the first bytes and closes the connection, as a throwing writer does.
    private static func truncated(_ body: ByteBuffer, at count: Int) -> ResponseBody {
        ResponseBody(contentLength: max(body.readableBytes, count + 1)) { writer in
            if let head = body.getSlice(at: body.readerIndex, length: min(count, body.readableBytes)),
                head.readableBytes > 0
            {
                try await writer.write(head)
            }
            throw Truncated()
        }
    }

    /// Bytes whose values repeat 0…250, so that a reader can tell a gap.
    private static func stream(_ count: Int) -> ResponseBody {
        ResponseBody { writer in
            var sent = 0
            while sent < count {
                let length = min(64 * 1024, count - sent)
                let start = sent
                try await writer.write(ByteBuffer(bytes: (0..<length).map { UInt8((start + $0) % 251) }))
                sent += length
            }
            try await writer.finish(nil)
        }
    }
}

extension FaultRun {
    /// Elsewhere than at the token endpoint, "during" is "before".
    func withoutDuring() -> FaultRun {
        FaultRun(
            core: core,
            faults: faults.map { id, fault in
                var fault = fault
                if fault.moment == .during { fault.moment = .before }
                return (id, fault)
            }, request: request)
    }
}

extension SimulatedAnswer {
    /// Bodies below this many bytes are not worth it.
    private static let compressedBytesMin = 32

    /// The answer with its body as gzip, where the client takes that.
    func compressed(for request: SimulatedRequest) -> SimulatedAnswer {
        let accepted = (request.headers[.acceptEncoding] ?? "").lowercased().split(separator: ",").contains { part in
            let words = part.filter { $0 != " " }.split(separator: ";")
            return words.first == "gzip" && !words.dropFirst().contains("q=0")
        }
        guard accepted, !isDropped, body.readableBytes >= Self.compressedBytesMin else { return self }
        var answer = adding("Content-Encoding", "gzip")
        answer.body = ByteBuffer(bytes: Gzip.compress(Array(body.readableBytesView)))
        return answer
    }
}
