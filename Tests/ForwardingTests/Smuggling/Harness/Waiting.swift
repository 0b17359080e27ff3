import NIOConcurrencyHelpers

/// Does something for no longer than a time; `false` where it was not done by then, and given up.
func within(_ limit: Duration, _ work: @escaping @Sendable () async throws -> Void) async -> Bool {
    await withTaskGroup(of: Bool.self) { group in
        group.addTask {
            do {
                try await work()
                return true
            } catch {
                return false
            }
        }
        group.addTask {
            // Ends early only when it is cancelled, and then nobody looks at it.
            try? await Task.sleep(for: limit)
            return false
        }
        defer { group.cancelAll() }
        return await group.next() ?? false
    }
}

/// What a client has got so far.
final class Received: Sendable {
    private let state: NIOLockedValueBox<(bytes: [UInt8], isOver: Bool)>

    init(_ bytes: [UInt8]) { self.state = NIOLockedValueBox((bytes, false)) }

    var value: (bytes: [UInt8], isOver: Bool) { state.withLockedValue { $0 } }

    /// Takes what was read, empty at the end; returns whether there is nothing more to wait for.
    func add(_ more: [UInt8], isHead: Bool, answersMax: Int) -> Bool {
        state.withLockedValue { state in
            state.bytes += more
            if more.isEmpty { state.isOver = true }
            if state.isOver { return true }
            let answers = Answer.read(state.bytes, isHead: isHead, isOver: false)
            return answers.count >= answersMax || answers.contains { $0.seen == "GET \(Wire.marker)" }
        }
    }
}
