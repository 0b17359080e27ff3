internal import Hummingbird
internal import NIOCore

/// Passes the body of an answer on, part by part: the next is asked for when the one before was taken.
struct Relay: Sendable {
    /// Why a body did not reach its end; the server then closes the client's connection, so that nobody takes a part
    /// for the whole.
    enum Interruption: Error, Equatable {
        case upstreamBrokeOff
        case clientGone
        case timedOut

        var ending: CallRecord.Ending {
            switch self {
            case .upstreamBrokeOff: .brokenOff
            case .clientGone: .clientGone
            case .timedOut: .timedOut
            }
        }
    }

    let body: AnswerBody
    let connection: ClientConnection?
    /// Until when the body must be over, from now.
    let remaining: Duration
    let onBytes: @Sendable (Int) -> Void

    private enum Outcome: Sendable {
        case whole
        case interrupted(Interruption)
        /// A watch that was called off.
        case nothing
    }

    func run(_ writer: any ResponseBodyWriter) async throws(Interruption) {
        let handed = Handed(writer)
        let outcome = await withTaskGroup(of: Outcome.self) { group in
            group.addTask { await copy(handed.value) }
            group.addTask { [remaining] in
                (try? await Task.sleep(for: remaining)) != nil ? .interrupted(.timedOut) : .nothing
            }
            if let connection {
                group.addTask { await connection.waitUntilGone() ? .interrupted(.clientGone) : .nothing }
            }
            let first = await group.next() ?? .nothing
            group.cancelAll()
            return first
        }
        switch outcome {
        case .whole: return
        case .interrupted(let interruption): throw interruption
        case .nothing: throw .clientGone
        }
    }

    @concurrent
    private func copy(_ writer: any ResponseBodyWriter) async -> Outcome {
        var writer = writer
        while true {
            let part: ByteBuffer?
            do {
                part = try await body.next()
            } catch {
                return .interrupted(.upstreamBrokeOff)
            }
            // A cancelled reader is told the same as at the end.
            guard !Task.isCancelled else { return .nothing }
            do {
                guard let part else {
                    try await writer.finish(nil)
                    return .whole
                }
                try await writer.write(part)
                onBytes(part.readableBytes)
            } catch {
                return .interrupted(.clientGone)
            }
        }
    }
}

/// Gives a value to a child task.
private struct Handed<Value>: @unchecked Sendable {
    // SAFETY: only the child task that it is given to uses the value; its parent awaits the child meanwhile.
    let value: Value

    init(_ value: Value) {
        self.value = value
    }
}
