internal import AsyncHTTPClient
internal import Foundation
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1

/// One call at Salesforce, from its first byte to the head of the answer.
struct Exchange: Sendable {
    /// Why there is no answer.
    enum Failure: Error, Equatable {
        /// The connection ended before a byte of an answer came: most likely it was kept too long.
        case closed
        case unreachable
        case timedOut
        case clientGone
    }

    let client: HTTPClient
    let limits: ForwardingLimits
    /// `nil` where the server does not tell.
    let connection: ClientConnection?
    /// Until when everything must be over, from now.
    let remaining: Duration

    /// Makes the call; once more where the connection ended without an answer and the call may be made again.
    func run(_ prepared: PreparedCall) async throws(Failure) -> Answer {
        do {
            return try await attempt(prepared)
        } catch .closed where prepared.isIdempotent && prepared.upload.isReplayable {
            return try await attempt(prepared)
        }
    }

    private enum Outcome: Sendable {
        case answered(HTTPClientResponse)
        case failed(Failure)
        /// A watch that was called off.
        case nothing
    }

    private func attempt(_ prepared: PreparedCall) async throws(Failure) -> Answer {
        let request = prepared.makeRequest()
        let upload = prepared.upload
        let hasBody = upload.framing != .none
        let outcome = await withTaskGroup(of: Outcome.self) { group in
            group.addTask {
                // With a body the time runs from its end: a large upload takes what it takes.
                await execute(request, timeout: hasBody ? remaining : min(limits.upstreamHeadTimeout, remaining))
            }
            if hasBody {
                group.addTask {
                    await upload.waitForEnd()
                    let isOver = (try? await Task.sleep(for: limits.upstreamHeadTimeout)) != nil
                    return isOver ? .failed(.timedOut) : .nothing
                }
            }
            if let connection {
                group.addTask { await connection.waitUntilGone() ? .failed(.clientGone) : .nothing }
            }
            let first = await group.next() ?? .nothing
            group.cancelAll()
            return first
        }
        switch outcome {
        case .answered(let response):
            // What is left of 1xx here is 101, for which nobody asked.
            guard response.status.code >= 200 else { throw .unreachable }
            return Answer(response, to: prepared.selected)
        case .failed(let failure): throw failure
        case .nothing: throw .clientGone
        }
    }

    private func execute(_ request: HTTPClientRequest, timeout: Duration) async -> Outcome {
        do {
            return .answered(try await client.execute(request, timeout: TimeAmount(timeout)))
        } catch let error as HTTPClientError {
            switch error {
            case .remoteConnectionClosed: return .failed(.closed)
            case .deadlineExceeded, .readTimeout, .writeTimeout: return .failed(.timedOut)
            case .cancelled, .bodyLengthMismatch: return .failed(.clientGone)
            case _: return .failed(.unreachable)
            }
        } catch let error as IOError {
            return .failed(error.errnoCode == ECONNRESET || error.errnoCode == EPIPE ? .closed : .unreachable)
        } catch is UploadError {
            return .failed(.clientGone)
        } catch is CancellationError {
            return .failed(.clientGone)
        } catch {
            // Refused or garbled: no answer that could be passed on.
            return .failed(.unreachable)
        }
    }
}

/// The head of Salesforce's answer, and its body as far as it has come.
struct Answer: Sendable {
    let selected: SelectedCall
    let status: HTTPResponseStatus
    let headers: HTTPHeaders
    let body: AnswerBody

    init(_ response: HTTPClientResponse, to selected: SelectedCall) {
        self.selected = selected
        self.status = response.status
        self.headers = response.headers
        self.body = AnswerBody(response.body)
    }

    /// Whether an answer of this kind has no body (RFC 9110 §6.4.1).
    var isBodiless: Bool {
        selected.admitted.method == .head || status == .noContent || status == .notModified
    }

    /// The length that the answer states.
    var contentLength: Int? { headers.first(name: "Content-Length").flatMap { Int($0) } }
}

/// A body that is read at first to see what it says, and then passed on from its beginning.
final class AnswerBody: @unchecked Sendable {
    // SAFETY: one task at a time uses it: the call's own until the answer is given to the server, whose task then
    // writes it. The server starts that after the first has returned.
    private var iterator: HTTPClientResponse.Body.AsyncIterator
    private var kept: CircularBuffer<ByteBuffer> = []

    init(_ body: HTTPClientResponse.Body) {
        self.iterator = body.makeAsyncIterator()
    }

    /// The next part, kept ones first; `nil` at the end.
    func next() async throws -> ByteBuffer? {
        if let part = kept.popFirst() { return part }
        return try await iterator.next()
    }

    /// The whole body, or its beginning: at most one part beyond the bound. It is still there for ``next()``.
    func peek(bytesMax: Int) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count <= bytesMax, let part = try await iterator.next() {
            bytes.append(contentsOf: part.readableBytesView)
            kept.append(part)
        }
        return bytes
    }
}
