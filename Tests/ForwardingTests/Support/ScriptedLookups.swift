import Dispatch
import NIOConcurrencyHelpers
import NIOCore

/// The system's resolver, as the test tells it to be. A host of which it was told nothing is on loopback.
final class ScriptedLookups: Sendable {
    enum Script: Sendable {
        /// The host has these addresses.
        case addresses([String])
        case fails
        /// It blocks until a latch opens; then the host is on loopback.
        case hangs(Latch)
    }

    struct NotFound: Error {}

    private struct State {
        var scripts: [String: Script] = [:]
        var asked: [String] = []
    }

    private let state = NIOLockedValueBox(State())
    private let asks = AsyncStream<String>.makeStream()

    /// What every look-up of a host does from now on.
    func set(_ host: String, _ script: Script) { state.withLockedValue { $0.scripts[host] = script } }

    /// The hosts of all look-ups so far.
    var asked: [String] { state.withLockedValue { $0.asked } }

    /// Waits for the next look-up to begin; its host. One task at a time waits.
    func nextAsked() async -> String? {
        for await host in asks.stream { return host }
        return nil
    }

    @Sendable func lookUp(_ host: String) throws -> [SocketAddress] {
        let script = state.withLockedValue { state in
            state.asked.append(host)
            return state.scripts[host] ?? .addresses(["127.0.0.1"])
        }
        asks.continuation.yield(host)
        switch script {
        case .addresses(let texts): return try texts.map { try SocketAddress(ipAddress: $0, port: 0) }
        case .fails: throw NotFound()
        case .hangs(let latch):
            latch.wait()
            return [try SocketAddress(ipAddress: "127.0.0.1", port: 0)]
        }
    }
}

/// Holds threads until it is opened; from then on, none.
final class Latch: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func wait() {
        semaphore.wait()
        semaphore.signal()
    }

    func open() { semaphore.signal() }
}
