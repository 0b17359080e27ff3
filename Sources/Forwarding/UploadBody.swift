internal import Hummingbird
internal import NIOConcurrencyHelpers
internal import NIOCore

/// A request's body on its way to Salesforce: streamed once, and kept within a bound so that it can be sent again.
///
/// The HTTP client reads it from a task of its own, which goes on for a moment after the exchange is over; the server
/// reads on from the same connection. ``quiesce()`` keeps the two apart.
final class UploadBody: Sendable {
    /// How the body is framed, in both directions alike.
    enum Framing: Sendable, Equatable {
        case none
        case length(Int64)
        case chunked
    }

    let framing: Framing
    private let source: RequestBody
    private let keepBytesMax: Int
    private let willRead: @Sendable () -> Void
    private let state: NIOLockedValueBox<State>

    private struct State {
        enum Reading {
            /// Nobody waits for the client. Can transition to: waiting, ended, stopped.
            case idle
            /// The HTTP client waits for the client's next bytes. Can transition to: idle, ended, stopped.
            case waiting
            /// Waits likewise, for the last time; resumed when that is over. Can transition to: stopped.
            case stopping(CheckedContinuation<Void, Never>)
            /// The whole body was read.
            case ended
            /// Not read to its end, and never will be by us.
            case stopped
        }

        var reading: Reading = .idle
        var hasBegun = false
        /// `nil` once the body is longer than what is kept.
        var kept: ByteBuffer? = ByteBuffer()
        var byteCount = 0
        var onEnd: [CheckedContinuation<Void, Never>] = []
    }

    /// A body as it comes in; `willRead` is called once, before the client is first waited for.
    init(framing: Framing, source: RequestBody, keepBytesMax: Int, willRead: @escaping @Sendable () -> Void) {
        self.framing = framing
        self.source = source
        self.keepBytesMax = keepBytesMax
        self.willRead = willRead
        var state = State()
        if framing == .none { state.reading = .ended }
        self.state = NIOLockedValueBox(state)
    }

    /// How many bytes have come in.
    var byteCount: Int { state.withLockedValue { $0.byteCount } }

    /// Whether nothing was read yet, or the whole was and is kept: then it can be sent (again).
    var isReplayable: Bool {
        state.withLockedValue { state in
            guard state.hasBegun else { return true }
            guard case .ended = state.reading else { return false }
            return state.kept != nil
        }
    }

    /// Whether there may be more to read, so that the server must wait for ``quiesce()``.
    var isUnfinished: Bool {
        state.withLockedValue { state in
            switch state.reading {
            case .idle, .waiting, .stopping: true
            case .ended, .stopped: false
            }
        }
    }

    /// The stream for the first attempt, and what was kept for later ones.
    func makeChunks() -> Chunks {
        let isFirst = state.withLockedValue { state in
            defer { state.hasBegun = true }
            return !state.hasBegun
        }
        return Chunks(body: self, isFirst: isFirst)
    }

    /// Returns when the whole body was read; never, where it is not. Ends with the task too.
    func waitForEnd() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLockedValue { state in
                    if case .ended = state.reading { return true }
                    if Task.isCancelled { return true }
                    state.onEnd.append(continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLockedValue { state in
                defer { state.onEnd = [] }
                return state.onEnd
            }.forEach { $0.resume() }
        }
    }

    /// Makes sure that nobody reads the body any more; waits while the HTTP client waits for the client.
    func quiesce() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLockedValue { state in
                switch state.reading {
                case .idle:
                    state.reading = .stopped
                    return true
                case .waiting:
                    state.reading = .stopping(continuation)
                    return false
                case .stopping, .ended, .stopped:
                    return true
                }
            }
            if isOver { continuation.resume() }
        }
    }
}

// MARK: - Reading

extension UploadBody {
    /// What the HTTP client iterates. Iterated once each.
    struct Chunks: AsyncSequence, Sendable {
        typealias Element = ByteBuffer

        fileprivate let body: UploadBody
        fileprivate let isFirst: Bool

        func makeAsyncIterator() -> Iterator {
            isFirst
                ? Iterator(body: body, live: body.source.makeAsyncIterator(), kept: nil)
                : Iterator(body: body, live: nil, kept: body.keptBytes)
        }

        struct Iterator: AsyncIteratorProtocol {
            fileprivate let body: UploadBody
            fileprivate var live: RequestBody.AsyncIterator?
            fileprivate var kept: ByteBuffer?

            @concurrent
            mutating func next() async throws -> ByteBuffer? {
                guard live != nil else {
                    defer { kept = nil }
                    return kept
                }
                guard try body.beginWaiting() else { return nil }
                do {
                    let chunk = try await live?.next()
                    try body.endWaiting(chunk)
                    return chunk
                } catch {
                    body.failWaiting()
                    throw error
                }
            }
        }
    }

    private var keptBytes: ByteBuffer? {
        state.withLockedValue { state in state.kept.flatMap { $0.readableBytes > 0 ? $0 : nil } }
    }

    /// `false` where the body is over.
    private func beginWaiting() throws -> Bool {
        let (result, isFirst) = state.withLockedValue { state -> (Bool?, Bool) in
            switch state.reading {
            case .idle:
                state.reading = .waiting
                return (true, state.byteCount == 0)
            case .ended:
                return (false, false)
            case .waiting, .stopping, .stopped:
                return (nil, false)
            }
        }
        guard let result else { throw CancellationError() }
        if isFirst { willRead() }
        return result
    }

    private func endWaiting(_ chunk: ByteBuffer?) throws {
        let (stopped, ended) = state.withLockedValue {
            state -> (CheckedContinuation<Void, Never>?, [CheckedContinuation<Void, Never>]) in
            if let chunk { keep(chunk, in: &state) }
            let isWhole = chunk == nil && isComplete(state.byteCount)
            switch state.reading {
            case .waiting:
                // The connection ended before the body: the stream of the server says the same as for its end.
                state.reading = chunk != nil ? .idle : isWhole ? .ended : .stopped
                guard isWhole else { return (nil, []) }
                defer { state.onEnd = [] }
                return (nil, state.onEnd)
            case .stopping(let continuation):
                state.reading = isWhole ? .ended : .stopped
                return (continuation, [])
            case .idle, .ended, .stopped:
                return (nil, [])
            }
        }
        stopped?.resume()
        ended.forEach { $0.resume() }
        if stopped != nil { throw CancellationError() }
        if chunk == nil, ended.isEmpty, !isEnded { throw UploadError.cutShort }
    }

    private func failWaiting() {
        let stopped = state.withLockedValue { state -> CheckedContinuation<Void, Never>? in
            switch state.reading {
            case .stopping(let continuation):
                state.reading = .stopped
                return continuation
            case .waiting, .idle:
                state.reading = .stopped
                return nil
            case .ended, .stopped:
                return nil
            }
        }
        stopped?.resume()
    }

    private var isEnded: Bool {
        state.withLockedValue { state in
            if case .ended = state.reading { true } else { false }
        }
    }

    private func isComplete(_ byteCount: Int) -> Bool {
        switch framing {
        case .none, .chunked: true
        case .length(let length): byteCount == length
        }
    }

    private func keep(_ chunk: ByteBuffer, in state: inout State) {
        state.byteCount += chunk.readableBytes
        // Copied, since a slice of one byte would keep a whole receive buffer.
        if state.byteCount > keepBytesMax { state.kept = nil } else { state.kept?.writeImmutableBuffer(chunk) }
    }
}

/// Why a request's body can't go on.
enum UploadError: Error {
    /// The client's connection ended before the body did.
    case cutShort
}
