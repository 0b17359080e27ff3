import Logging
import NIOConcurrencyHelpers

/// The thread behind one iterator of ``PostgresNotifications``.
final class Listener: Sendable {
    /// A silent connection is asked whether it lives.
    static let probeInterval: Duration = .seconds(30)
    static let probePatience: Duration = .seconds(5)

    private struct Shared {
        var buffer = NotificationBuffer()
        var waiting: CheckedContinuation<PostgresNotificationEvent?, Never>?
        var isStarted = false
        var isEnded = false
    }

    private let configuration: PostgresConfiguration
    private let channels: [String]
    private let logger: Logger
    private let shared = NIOLockedValueBox(Shared())
    private let waker = Waker()

    init(configuration: PostgresConfiguration, channels: [String], logger: Logger) {
        self.configuration = configuration
        self.channels = channels
        self.logger = logger
    }

    // MARK: The reader

    func next(isolation actor: isolated (any Actor)?) async -> PostgresNotificationEvent? {
        self.startOnce()
        return await withTaskCancellationHandler {
            await withCheckedContinuation(isolation: actor) { continuation in
                let (event, isOver) = self.shared.withLockedValue { shared -> (PostgresNotificationEvent?, Bool) in
                    if shared.isEnded { return (nil, true) }
                    // Invariant: an iterator is asked by one task at a time, as all iterators are.
                    precondition(shared.waiting == nil, "two tasks ask one iterator")
                    if let event = shared.buffer.pop() { return (event, true) }
                    shared.waiting = continuation
                    return (nil, false)
                }
                if isOver { continuation.resume(returning: event) }
            }
        } onCancel: {
            self.end()
        }
    }

    /// Ends the thread and the reader's wait.
    func end() {
        let waiting = self.shared.withLockedValue { shared in
            shared.isEnded = true
            defer { shared.waiting = nil }
            return shared.waiting
        }
        waiting?.resume(returning: nil)
        self.waker.wake()
    }

    private func startOnce() {
        let isFirst = self.shared.withLockedValue { shared in
            defer { shared.isStarted = true }
            return !shared.isStarted && !shared.isEnded
        }
        guard isFirst else { return }
        PoolCore.startThread(named: "postgres-listen") { self.run() }
    }

    private func push(_ event: PostgresNotificationEvent) {
        let waiting = self.shared.withLockedValue { shared in
            guard let waiting = shared.waiting else {
                shared.buffer.push(event)
                return nil as CheckedContinuation<PostgresNotificationEvent?, Never>?
            }
            shared.waiting = nil
            return waiting
        }
        waiting?.resume(returning: event)
    }

    private var isEnded: Bool { self.shared.withLockedValue { $0.isEnded } }

    // MARK: The thread

    private func run() {
        var outage = Outage()
        var isFirst = true
        while !self.isEnded {
            do throws(PostgresError) {
                let connection = try self.connect(hostRotation: outage.hostRotation)
                outage.end()
                self.tell(outage.news(now: .now))
                self.push(.connected(isFirst: isFirst))
                isFirst = false
                try self.listen(on: connection)
            } catch {
                guard !self.isEnded else { return }
                self.logger.debug("not listening to PostgreSQL", metadata: ["error": "\(error)"])
                _ = outage.attemptFailed(error, now: .now)
                self.tell(outage.news(now: .now))
                self.pause(outage)
            }
        }
    }

    private func tell(_ news: PostgresEvent?) {
        if let news { self.configuration.observer?(news) }
    }

    private func pause(_ outage: Outage) {
        var outage = outage
        while !self.isEnded, case .at(let instant) = outage.mayConnect(now: .now) {
            _ = self.waker.wait(until: instant)
        }
    }

    private func connect(hostRotation: Int) throws(PostgresError) -> Connection {
        let connection = try Connection.open(
            self.configuration, hostRotation: hostRotation, waker: self.waker, logger: self.logger,
            isStopping: { self.isEnded })
        let statements = self.channels.map { Statement(text: "listen \(SQL.quoted(identifier: $0))") }
        try connection.setUp(statements, patience: self.configuration.connectTimeout)
        return connection
    }

    /// Hands on what comes. Throws when the connection ends.
    private func listen(on connection: Connection) throws(PostgresError) {
        while !self.isEnded {
            while let notification = connection.libpq.nextNotification() {
                self.push(.notification(channel: notification.channel, payload: notification.payload))
            }
            let event = self.waker.wait(for: connection.readInterest, until: .now + Self.probeInterval)
            if event.isReady {
                guard connection.checkAlive() else { throw PostgresError(code: .connectionLost) }
            } else if !event.wasWoken {
                try connection.setUp([Statement(text: "select 1")], patience: Self.probePatience)
            }
        }
    }
}

/// Events that wait to be read. When too many do, all are replaced by one that says to read everything again.
struct NotificationBuffer {
    static let eventsMax = 4_096

    private var events: [PostgresNotificationEvent] = []
    private var head = 0

    mutating func push(_ event: PostgresNotificationEvent) {
        guard self.events.count - self.head < Self.eventsMax else {
            let hasFirst = self.events[self.head...].contains(.connected(isFirst: true))
            self.events = [.connected(isFirst: hasFirst)]
            self.head = 0
            return
        }
        self.events.append(event)
    }

    mutating func pop() -> PostgresNotificationEvent? {
        guard self.head < self.events.count else { return nil }
        let event = self.events[self.head]
        self.head += 1
        if self.head == self.events.count || self.head >= Self.eventsMax {
            self.events.removeFirst(self.head)
            self.head = 0
        }
        return event
    }
}
