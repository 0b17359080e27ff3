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
    private var wasEverConnected = false

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
        return !self.wasEverConnected || now - since >= Self.patience
    }

    mutating func end() {
        self.state = .none
        self.wasEverConnected = true
    }
}
