internal import Domain
internal import Foundation

/// One user's grant, as this process knows it: a pure machine. Input and output are around it.
///
/// It makes one refresh of however many ask, remembers a dead grant, and rests after a failure. What is safe between
/// processes is the lease's part (`GrantRefresh`).
struct GrantMachine: Sendable {
    /// Names a call that waits.
    typealias Waiter = UInt64

    /// A token in use.
    struct Live: Sendable {
        let token: LiveToken
        /// When to renew it ahead of its end.
        var renewAt: Date
    }

    /// The row is being read.
    struct Reading: Sendable {
        var waiters: [Waiter]
        /// The feed said meanwhile that the row changed, so what was read may be old.
        var isOutdated = false
    }

    /// A refresh that calls wait for.
    struct Refreshing: Sendable {
        /// The version that Salesforce called dead.
        let deadVersion: Int64
        let grantID: OAuthTokenID
        var waiters: [Waiter]
    }

    /// A failed refresh is not tried again for a while.
    struct Resting: Sendable {
        let deadVersion: Int64
        let grantID: OAuthTokenID
        let until: Date
        let error: GatewayError
    }

    /// What is rare is indirect: a table of a million machines is made of live ones.
    enum State: Sendable {
        /// Nothing is known.
        ///
        /// Can transition to: `reading` when somebody asks; `live` by a sign-in.
        case unknown
        /// Somebody reads the row.
        ///
        /// Can transition to: `live`, `dead`, or `unknown` (failed, or outdated meanwhile).
        indirect case reading(Reading)
        /// A token is there.
        ///
        /// Can transition to: `renewing` ahead of its end; `refreshing` when it is called dead; `unknown` by the feed.
        case live(Live)
        /// A token is there, and a refresh ahead of its end is under way, which nobody waits for.
        ///
        /// Can transition to: `refreshing` when it is called dead; `live`, `dead` when the refresh ends.
        case renewing(Live)
        /// The token is dead, and a refresh is under way.
        ///
        /// Can transition to: `live`, `resting`, `dead` when it ends; `live` by a sign-in.
        indirect case refreshing(Refreshing)
        /// The token is dead, and the last refresh failed.
        ///
        /// Can transition to: `refreshing` after the rest; `unknown` by the feed; `live` by a sign-in.
        indirect case resting(Resting)
        /// The grant is dead, or gone (then without an id): the user must sign in again.
        ///
        /// Can transition to: `unknown` by the feed; `live` by a sign-in.
        indirect case dead(OAuthTokenID?)
    }

    private(set) var state: State = .unknown
    /// Failures in a row, which lengthen the rest.
    private(set) var failures: Int32 = 0

    /// The longest rest between refreshes: 30 s.
    static let restSecondsMax: TimeInterval = 30

    // MARK: Somebody asks

    enum Ask: Sendable {
        case use(LiveToken)
        /// Use it, and start a refresh that nobody waits for.
        case useAndRefresh(LiveToken)
        /// Read the row, tell with `didRead`, and ask again.
        case read
        /// Wait to be woken, and ask again.
        case wait
        /// Start a refresh of this grant, and wait.
        case refreshAndWait(OAuthTokenID, version: Int64)
        case refuse(GatewayError)
    }

    /// - Parameter deadVersion: The version that the asker knows to be dead; `nil` for whatever is current.
    mutating func ask(after deadVersion: Int64?, waiter: Waiter, waitersMax: Int, at now: Date) -> Ask {
        switch state {
        case .unknown:
            state = .reading(Reading(waiters: []))
            return .read
        case .reading(var reading):
            guard reading.waiters.count < waitersMax else { return .refuse(Self.overloaded) }
            reading.waiters.append(waiter)
            state = .reading(reading)
            return .wait
        case .live(let live):
            return ask(live, after: deadVersion, waiter: waiter, at: now)
        case .renewing(let live):
            guard let deadVersion, deadVersion >= live.token.version else { return .use(live.token) }
            state = .refreshing(
                Refreshing(deadVersion: deadVersion, grantID: live.token.grantID, waiters: [waiter]))
            return .wait
        case .refreshing(var refreshing):
            guard refreshing.waiters.count < waitersMax else { return .refuse(Self.overloaded) }
            refreshing.waiters.append(waiter)
            state = .refreshing(refreshing)
            return .wait
        case .resting(let resting):
            guard now >= resting.until else { return .refuse(resting.error) }
            state = .refreshing(
                Refreshing(deadVersion: resting.deadVersion, grantID: resting.grantID, waiters: [waiter]))
            return .refreshAndWait(resting.grantID, version: resting.deadVersion)
        case .dead:
            return .refuse(.grantDead)
        }
    }

    /// What somebody gets who can't wait: `use`, `useAndRefresh`, or nothing, and then nothing is begun either.
    mutating func askWarm(at now: Date) -> Ask? {
        switch state {
        case .live(let live): ask(live, at: now)
        case .renewing(let live): .use(live.token)
        case .unknown, .reading, .refreshing, .resting, .dead: nil
        }
    }

    private mutating func ask(_ live: Live, at now: Date) -> Ask {
        guard now >= live.renewAt else { return .use(live.token) }
        state = .renewing(live)
        return .useAndRefresh(live.token)
    }

    private mutating func ask(_ live: Live, after deadVersion: Int64?, waiter: Waiter, at now: Date) -> Ask {
        guard let deadVersion, deadVersion >= live.token.version else { return ask(live, at: now) }
        guard deadVersion == live.token.version else {
            // The asker knows a newer one than we do: read again.
            state = .reading(Reading(waiters: []))
            return .read
        }
        state = .refreshing(Refreshing(deadVersion: deadVersion, grantID: live.token.grantID, waiters: [waiter]))
        return .refreshAndWait(live.token.grantID, version: deadVersion)
    }

    // MARK: The row was read

    enum Row: Sendable {
        case token(LiveToken, renewAt: Date)
        /// Marked dead, or not there (then without an id).
        case dead(OAuthTokenID?)
        case failed
    }

    /// Returns who is to be woken.
    mutating func didRead(_ row: Row) -> [Waiter] {
        switch state {
        case .reading(let reading):
            switch row {
            case .token(let token, let renewAt):
                state = reading.isOutdated ? .unknown : .live(Live(token: token, renewAt: renewAt))
            case .dead(let id): state = reading.isOutdated ? .unknown : .dead(id)
            case .failed: state = .unknown
            }
            return reading.waiters
        case .unknown, .live, .renewing, .refreshing, .resting, .dead:
            // A sign-in came first.
            return []
        }
    }

    // MARK: A refresh ended

    enum Outcome: Sendable {
        case token(LiveToken, renewAt: Date)
        case dead
        /// - `restSeconds`: before the first retry; doubled with each failure in a row.
        case failed(GatewayError, restSeconds: TimeInterval)
    }

    /// Returns who is to be woken.
    ///
    /// - Parameter jitter: 0 to below 1; spreads the retries.
    mutating func didRefresh(_ outcome: Outcome, at now: Date, jitter: Double) -> [Waiter] {
        switch state {
        case .renewing(let live):
            switch outcome {
            case .token(let token, let renewAt):
                failures = 0
                state = .live(token.version >= live.token.version ? Live(token: token, renewAt: renewAt) : live)
            case .dead: state = .dead(live.token.grantID)
            case .failed(_, let restSeconds):
                state = .live(Live(token: live.token, renewAt: now + nextRest(restSeconds, jitter: jitter)))
            }
            return []
        case .refreshing(let refreshing):
            switch outcome {
            case .token(let token, let renewAt):
                failures = 0
                state = .live(Live(token: token, renewAt: renewAt))
            case .dead: state = .dead(refreshing.grantID)
            case .failed(let error, let restSeconds):
                state = .resting(
                    Resting(
                        deadVersion: refreshing.deadVersion, grantID: refreshing.grantID,
                        until: now + nextRest(restSeconds, jitter: jitter), error: error))
            }
            return refreshing.waiters
        case .unknown, .reading, .live, .resting, .dead:
            // A sign-in came first.
            return []
        }
    }

    private mutating func nextRest(_ seconds: TimeInterval, jitter: Double) -> TimeInterval {
        let doubled = seconds * Double(1 << min(failures, 10))
        failures += 1
        return min(doubled, max(seconds, Self.restSecondsMax)) * (0.75 + jitter / 2)
    }

    // MARK: Something changed

    /// A sign-in stored a new pair. Returns who is to be woken.
    mutating func didAdopt(_ token: LiveToken, renewAt: Date) -> [Waiter] {
        let waiters = waiters
        failures = 0
        state = .live(Live(token: token, renewAt: renewAt))
        return waiters
    }

    /// The feed says that the row changed: what is known may be old. A refresh under way reads the row itself.
    mutating func didChange() {
        switch state {
        case .reading(var reading):
            reading.isOutdated = true
            state = .reading(reading)
        case .live, .resting, .dead: state = .unknown
        case .unknown, .renewing, .refreshing: break
        }
    }

    /// What was in the way is mended: a rest for its sake is over.
    mutating func didMend(_ error: GatewayError, at now: Date) {
        switch state {
        case .resting(let resting) where resting.error == error:
            state = .resting(
                Resting(deadVersion: resting.deadVersion, grantID: resting.grantID, until: now, error: error))
        case .unknown, .reading, .live, .renewing, .refreshing, .resting, .dead:
            break
        }
    }

    /// The grant was revoked here. Returns who is to be woken.
    mutating func didRevoke() -> [Waiter] {
        let waiters = waiters
        state = .dead(nil)
        return waiters
    }

    // MARK: What a refresh under way asks

    /// Whether a version is known to be dead.
    func knowsDead(_ version: Int64) -> Bool {
        switch state {
        case .refreshing(let refreshing): refreshing.deadVersion >= version
        case .resting(let resting): resting.deadVersion >= version
        case .unknown, .reading, .live, .renewing, .dead: false
        }
    }

    /// The token in use; `nil` where there is none. Until its renewal is due, nobody needs to ask for it.
    var live: Live? {
        switch state {
        case .live(let live), .renewing(let live): live
        case .unknown, .reading, .refreshing, .resting, .dead: nil
        }
    }

    /// The newest version that is known; `nil` where none is.
    var newestVersion: Int64? {
        switch state {
        case .live(let live), .renewing(let live): live.token.version
        case .refreshing(let refreshing): refreshing.deadVersion
        case .resting(let resting): resting.deadVersion
        case .unknown, .reading, .dead: nil
        }
    }

    /// The grant that it is about; `nil` where that is not known.
    var grantID: OAuthTokenID? {
        switch state {
        case .live(let live), .renewing(let live): live.token.grantID
        case .refreshing(let refreshing): refreshing.grantID
        case .resting(let resting): resting.grantID
        case .dead(let id): id
        case .unknown, .reading: nil
        }
    }

    /// Whether a change of a grant that nobody knows may be about this one: what is known, or being read, has no id.
    var mayBeOfUnknownGrant: Bool {
        switch state {
        case .reading, .dead(nil): true
        case .unknown, .live, .renewing, .refreshing, .resting, .dead: false
        }
    }

    /// Whether it may be forgotten: nobody waits, and nothing is under way.
    var isIdle: Bool {
        switch state {
        case .unknown, .live, .resting, .dead: true
        case .reading, .renewing, .refreshing: false
        }
    }

    private var waiters: [Waiter] {
        switch state {
        case .reading(let reading): reading.waiters
        case .refreshing(let refreshing): refreshing.waiters
        case .unknown, .live, .renewing, .resting, .dead: []
        }
    }

    private static let overloaded = GatewayError.unavailable(.overloaded, retryAfterSeconds: 2)
}
