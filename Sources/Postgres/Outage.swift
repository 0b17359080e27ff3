/// The time in which no connection can be made: one worker tries at a time, with pauses that grow.
///
/// A request waits out a short outage (a restart), unless the client was never connected at all: then the reason is
/// told at once, as it is most likely one that only an operator can cure.
struct Outage {
    typealias Instant = ContinuousClock.Instant

    static let pauseFirst: Duration = .milliseconds(25)
    static let pauseMax: Duration = .seconds(1)
    /// An outage shorter than this is waited out.
    static let patience: Duration = .seconds(1)

    private struct Failing {
        let since: Instant
        let pause: Duration
        let nextAttempt: Instant
        let error: PostgresError
    }

    /// Can transition: `none` to `pausing`; `pausing` to `probing`; `probing` to `pausing`; any to `none`.
    private enum State {
        case none
        case pausing(Failing)
        case probing(Failing)
    }

    enum Permission: Equatable {
        case now
        case at(Instant)
        /// Another worker is trying.
        case afterProbe
    }

    private var state = State.none
    private(set) var wasEverConnected = false
    /// What an operator was told of this outage.
    private var told: Set<PostgresConnectionProblem> = []
    /// Which of several hosts is tried first. libpq goes on to the next where one refuses, but not where one is silent:
    /// then the next attempt begins behind it.
    private(set) var hostRotation = 0

    var error: PostgresError? {
        switch self.state {
        case .none: nil
        case .pausing(let failing), .probing(let failing): failing.error
        }
    }

    mutating func mayConnect(now: Instant) -> Permission {
        switch self.state {
        case .none:
            return .now
        case .probing:
            return .afterProbe
        case .pausing(let failing):
            guard failing.nextAttempt <= now else { return .at(failing.nextAttempt) }
            self.state = .probing(failing)
            return .now
        }
    }

    /// Whether those who wait are to be told.
    mutating func attemptFailed(_ error: PostgresError, now: Instant) -> Bool {
        let since: Instant
        let pause: Duration
        switch self.state {
        case .none:
            since = now
            pause = Self.pauseFirst
        case .pausing(let failing), .probing(let failing):
            since = failing.since
            pause = min(failing.pause * 2, Self.pauseMax)
        }
        self.state = .pausing(Failing(since: since, pause: pause, nextAttempt: now + pause, error: error))
        if error.code == .connectTimeout { self.hostRotation += 1 }
        return !self.wasEverConnected || now - since >= Self.patience
    }

    mutating func end() {
        self.state = .none
        self.wasEverConnected = true
    }

    /// What an operator is to be told now: of an outage that is more than a restart, each of its reasons once; and of
    /// its end.
    mutating func news(now: Instant) -> PostgresEvent? {
        switch self.state {
        case .none:
            guard !self.told.isEmpty else { return nil }
            self.told.removeAll()
            return .connectedAgain
        case .pausing(let failing), .probing(let failing):
            let problem = failing.error.connectionProblem ?? .other
            guard problem.needsOperator || now - failing.since >= Self.patience else { return nil }
            return self.told.insert(problem).inserted ? .cannotConnect(failing.error) : nil
        }
    }
}
