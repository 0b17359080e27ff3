internal import AsyncHTTPClient
internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOHTTP1

/// One request and its whole answer, within a number of bytes and a time. No redirect, no second try.
struct BoundedExchange: Sendable {
    struct Reply: Sendable {
        let status: Int
        let contentType: String
        let contentEncoding: String
        let body: [UInt8]
    }

    let http: HTTPClient
    /// For the whole exchange, name resolution to last byte. AsyncHTTPClient's own deadline ends at the answer's head.
    let timeout: Duration
    let bodyBytesMax: Int

    /// Sends a form.
    func post(_ url: String, form: [(String, String)]) async throws(SalesforceError) -> Reply {
        let encoded = FormEncoding.encode(form)
        let body = WatchedBody(ByteBuffer(string: encoded))
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = [
            "Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded",
            // A connection that the other side is just closing would leave it open whether a token was spent, so each
            // form gets a fresh one; there are few of them.
            "Connection": "close", "User-Agent": Self.userAgent,
        ]
        request.body = .stream(body, length: .known(Int64(encoded.utf8.count)))
        return try await perform(request, mayHaveBeenSent: { body.wasTaken })
    }

    /// Gets a document with an access token.
    func get(_ url: String, bearer: String) async throws(SalesforceError) -> Reply {
        var request = HTTPClientRequest(url: url)
        request.headers = [
            "Accept": "application/json", "Authorization": "Bearer " + bearer, "User-Agent": Self.userAgent,
        ]
        return try await perform(request, mayHaveBeenSent: { true })
    }

    private static let userAgent = "formation-gateway"

    private func perform(
        _ request: HTTPClientRequest, mayHaveBeenSent: @Sendable () -> Bool
    ) async throws(SalesforceError) -> Reply {
        let result = await withTaskGroup(of: Result<Reply, Failure>.self) { group in
            group.addTask { await attempt(request) }
            group.addTask {
                do { try await Task.sleep(for: timeout, clock: .continuous) } catch { return .failure(.cancelled) }
                return .failure(.timeout)
            }
            let first = await group.next() ?? .failure(.cancelled)
            group.cancelAll()
            // An answer that came whole in the same instant as the timeout counts: it may hold the only successor of
            // the token that was spent.
            let second = await group.next() ?? first
            if case .failure(.timeout) = first, case .success = second { return second }
            return first
        }
        switch result {
        case .success(let reply):
            if (300..<400).contains(reply.status) { throw SalesforceError(.redirected, status: reply.status) }
            return reply
        case .failure(let failure):
            throw failure.error(mayHaveBeenSent: mayHaveBeenSent())
        }
    }

    private func attempt(_ request: HTTPClientRequest) async -> Result<Reply, Failure> {
        let seconds = timeout.components.seconds + 1
        let response: HTTPClientResponse
        do {
            response = try await http.execute(request, deadline: .now() + .seconds(seconds))
        } catch {
            return .failure(Failure(beforeHead: error))
        }
        var body: [UInt8] = []
        do {
            for try await chunk in response.body {
                guard body.count + chunk.readableBytes <= bodyBytesMax else { return .failure(.tooLarge) }
                body.append(contentsOf: chunk.readableBytesView)
            }
        } catch {
            return .failure(Task.isCancelled ? .cancelled : Failure(afterHead: error))
        }
        // However a cancelled body ends, what came of it is not an answer.
        guard !Task.isCancelled else { return .failure(.cancelled) }
        return .success(
            Reply(
                status: Int(response.status.code), contentType: response.headers.first(name: "Content-Type") ?? "",
                contentEncoding: response.headers.first(name: "Content-Encoding") ?? "", body: body))
    }

    /// What ends an exchange early.
    enum Failure: Error {
        case unreachable
        case timeout
        case brokenOff
        case cancelled
        case tooLarge

        init(beforeHead error: any Error) {
            if error is CancellationError {
                self = .cancelled
                return
            }
            switch error as? HTTPClientError {
            case .deadlineExceeded, .readTimeout, .writeTimeout: self = .timeout
            case .remoteConnectionClosed, .requestStreamCancelled, .cancelled: self = .brokenOff
            case _: self = .unreachable
            }
        }

        init(afterHead error: any Error) {
            switch error as? HTTPClientError {
            case .deadlineExceeded, .readTimeout: self = .timeout
            case _: self = .brokenOff
            }
        }

        func error(mayHaveBeenSent: Bool) -> SalesforceError {
            switch self {
            case .unreachable where mayHaveBeenSent, .brokenOff:
                SalesforceError(.brokenOff, requestMayHaveBeenSent: mayHaveBeenSent)
            case .unreachable: SalesforceError(.unreachable, requestMayHaveBeenSent: mayHaveBeenSent)
            case .timeout: SalesforceError(.timeout, requestMayHaveBeenSent: mayHaveBeenSent)
            case .cancelled: SalesforceError(.cancelled, requestMayHaveBeenSent: mayHaveBeenSent)
            case .tooLarge: SalesforceError(.tooLarge, requestMayHaveBeenSent: mayHaveBeenSent)
            }
        }
    }
}

/// A request body that knows whether anybody took it.
///
/// AsyncHTTPClient asks for a streamed body only once it has a connection (TLS and all) and has written the head. So a
/// body that was not taken was not sent, whatever the error says; and one that can be taken only once is never resent.
private struct WatchedBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    private let state: NIOLockedValueBox<ByteBuffer?>

    init(_ bytes: ByteBuffer) {
        self.state = NIOLockedValueBox(bytes)
    }

    var wasTaken: Bool { state.withLockedValue { $0 == nil } }

    func makeAsyncIterator() -> Iterator { Iterator(state: state) }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate let state: NIOLockedValueBox<ByteBuffer?>

        mutating func next() async -> ByteBuffer? {
            state.withLockedValue { bytes in
                defer { bytes = nil }
                return bytes
            }
        }
    }
}
