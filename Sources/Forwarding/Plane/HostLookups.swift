internal import NIOConcurrencyHelpers
internal import NIOCore
internal import NIOPosix

/// All look-ups of hosts of a plane, on threads of their own: the system's resolver blocks, for as long as half a
/// minute where a host's name servers are silent, and that must cost nobody but who asked for this host.
///
/// Who asks for a host that is being looked up gets the same answer, on whatever event loop it is. An answer is not
/// kept: the system's resolver does not say for how long it holds.
final class HostLookups: Sendable {
    /// Blocks until it has the addresses of a host; their ports don't count.
    typealias LookUp = @Sendable (_ host: String) throws -> [SocketAddress]
    typealias Answer = Result<[SocketAddress], any Error>
    /// Told once, on a thread of the look-ups.
    typealias Asker = @Sendable (Answer) -> Void
    typealias Ticket = LookupBoard<Asker>.Ticket

    private let board: NIOLockedValueBox<LookupBoard<Asker>>
    /// Started by the first look-up.
    private let threads: NIOThreadPool
    private let lookUp: LookUp

    /// - Parameters:
    ///   - runningMax: Hosts that are looked up at one time: a thread each.
    ///   - waitingMax: Hosts that wait for that.
    init(runningMax: Int, waitingMax: Int, lookUp: @escaping LookUp) {
        self.board = NIOLockedValueBox(LookupBoard(runningMax: runningMax, waitingMax: waitingMax))
        self.threads = NIOThreadPool(numberOfThreads: runningMax)
        self.lookUp = lookUp
    }

    deinit {
        // Each look-up keeps this alive until it has ended, so none is cut off; and nobody waits for the threads' end.
        threads.shutdownGracefully { _ in }
    }

    /// Asks for the addresses of a host; `nil` where too many hosts wait already, and the asker is never told.
    func ask(_ host: String, _ asker: @escaping Asker) -> Ticket? {
        switch board.withLockedValue({ $0.join(host, asker) }) {
        case .begin(let ticket):
            threads.start()
            submit(host)
            return ticket
        case .waits(let ticket):
            return ticket
        case .refused:
            return nil
        }
    }

    /// Who asked wants to know no more. It may be told all the same, where the answer is on its way.
    func leave(_ ticket: Ticket) {
        board.withLockedValue { $0.leave(ticket) }
    }

    private func submit(_ host: String) {
        // As many threads as hosts that may be looked up: the pool's own queue, which has no bound, stays empty.
        threads.submit { _ in
            let answer = Answer { try self.lookUp(host) }
            let finished = self.board.withLockedValue { $0.finish(host) }
            for asker in finished.askers { asker(answer) }
            if let next = finished.next { self.submit(next) }
        }
    }
}

/// A host's addresses for one connection that is being made: what SwiftNIO asks, on the connection's event loop.
final class HostResolver: Resolver, Sendable {
    private enum Phase {
        /// Can transition to: asking, settled.
        case idle
        /// Can transition to: settled.
        case asking(HostLookups.Ticket)
        case settled
    }

    private let lookups: HostLookups
    private let loop: any EventLoop
    private let phase: NIOLoopBoundBox<Phase>
    private let ipv4: EventLoopPromise<[SocketAddress]>
    private let ipv6: EventLoopPromise<[SocketAddress]>

    /// - Parameter loop: The one it is made on.
    init(_ lookups: HostLookups, loop: any EventLoop) {
        self.lookups = lookups
        self.loop = loop
        self.phase = NIOLoopBoundBox(.idle, eventLoop: loop)
        self.ipv4 = loop.makePromise()
        self.ipv6 = loop.makePromise()
    }

    /// One look-up answers both queries.
    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        begin(host: host, port: port)
        return ipv4.futureResult
    }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        begin(host: host, port: port)
        return ipv6.futureResult
    }

    /// The connection is made or given up, possibly while the host is still looked up.
    func cancelQueries() {
        if case .asking(let ticket) = phase.value { lookups.leave(ticket) }
        settle(.failure(HostLookupError(.abandoned)), port: 0)
    }

    private func begin(host: String, port: Int) {
        guard case .idle = phase.value else { return }
        if let literal = try? SocketAddress(ipAddress: host, port: port) {
            return settle(.success([literal]), port: port)
        }
        let ticket = lookups.ask(host) { answer in
            self.loop.execute { self.settle(answer, port: port) }
        }
        if let ticket {
            phase.value = .asking(ticket)
        } else {
            settle(.failure(HostLookupError(.tooManyLookups)), port: port)
        }
    }

    /// Tells both queries at once: each is told once, so an answer that comes too late is dropped.
    private func settle(_ answer: HostLookups.Answer, port: Int) {
        if case .settled = phase.value { return }
        phase.value = .settled
        switch answer {
        case .success(var addresses):
            for index in addresses.indices { addresses[index].port = port }
            ipv6.succeed(addresses.filter { $0.protocol == .inet6 })
            ipv4.succeed(addresses.filter { $0.protocol == .inet })
        case .failure(let error):
            ipv6.fail(error)
            ipv4.fail(error)
        }
    }
}

/// Why there is no address of a host.
struct HostLookupError: Error, Equatable, CustomStringConvertible {
    enum Code: Equatable, Sendable {
        /// The system's resolver found none: the code of `getaddrinfo`.
        case notFound(Int32)
        /// As many hosts are looked up, and wait, as may.
        case tooManyLookups
        /// Nobody wants to know any more.
        case abandoned
    }

    let code: Code

    init(_ code: Code) {
        self.code = code
    }

    var description: String {
        switch code {
        case .notFound(let status): "The host has no address (getaddrinfo: \(status))."
        case .tooManyLookups: "Too many hosts are being looked up."
        case .abandoned: "The look-up is not wanted any more."
        }
    }
}
