public import Domain
internal import Synchronization

/// How many calls a tenant's access keys may make.
public struct CallRate: Sendable, Hashable {
    /// What one call takes, in nanoseconds.
    let cost: UInt64
    /// How many may come at once, after a rest.
    let burst: UInt64

    init(cost: UInt64, burst: UInt64) {
        self.cost = max(1, cost)
        self.burst = max(1, burst)
    }

    /// A rate in the long run, in one process, at least one; after a rest as many at once as in two seconds.
    public init(perSecond: Int) {
        let perSecond = UInt64(max(1, perSecond))
        self.init(cost: 1_000_000_000 / perSecond, burst: 2 * perSecond)
    }
}

/// The rates of the tiers: `RATE_LIMIT_STARTER`, `RATE_LIMIT_PROFESSIONAL`, `RATE_LIMIT_ENTERPRISE`.
public struct CallRates: Sendable, Hashable {
    public var starter = CallRate(perSecond: 20)
    public var professional = CallRate(perSecond: 50)
    public var enterprise = CallRate(perSecond: 200)

    /// The defaults.
    public init() {}

    /// The rate of a tier.
    public func rate(of tier: SubscriptionTier) -> CallRate {
        switch tier {
        case .starter: starter
        case .professional: professional
        case .enterprise: enterprise
        }
    }
}

/// Holds calls to a rate: the generic cell rate algorithm (ITU-T I.371), one word and no lock.
///
/// The word is the time at which the allowance would be whole again if no more calls came. A call pushes it on by what
/// one call costs, and is refused where that is further ahead than a burst.
struct RateMeter: ~Copyable {
    private let wholeAt = Atomic<UInt64>(0)

    /// Takes one call from the allowance; where it is used up, the nanoseconds until there is one again.
    ///
    /// - Parameter now: nanoseconds of a monotonic clock; a call that comes a little late from another thread may give
    ///   an earlier time than the last.
    func admit(_ rate: CallRate, at now: UInt64) -> UInt64? {
        let tolerance = rate.cost * (rate.burst - 1)
        var current = wholeAt.load(ordering: .relaxed)
        while true {
            let base = max(current, now)
            guard base - now <= tolerance else { return base - now - tolerance }
            let (isDone, found) = wholeAt.weakCompareExchange(
                expected: current, desired: base + rate.cost, ordering: .relaxed)
            if isDone { return nil }
            current = found
        }
    }
}
