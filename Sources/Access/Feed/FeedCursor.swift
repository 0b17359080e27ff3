internal import Foundation

/// Where in the change feed a process is: a pure value.
///
/// A change gets its number when it is written and appears when its transaction commits, so a smaller number can appear
/// after a larger one. What appears late was numbered before the larger one was seen; so once that was long ago (longer
/// than any transaction of ours lasts), nothing below it is still to come. Until then each poll looks back.
struct FeedCursor: Sendable {
    /// How far back a poll looks at most.
    static let overlapMax: Int64 = 2_000
    /// Longer than any transaction that writes changes: 60 s.
    static let settleSeconds: TimeInterval = 60
    /// For how long a log that was not read can be followed up: half of the time that it keeps what it holds.
    static let followableSeconds: TimeInterval = 30 * 60

    /// Nothing below it is still to come.
    private var settled: Int64
    private var top: Int64
    /// What was taken above `settled`, and when.
    private var taken: [Int64: Date] = [:]

    /// Begins behind the newest change: what is under way just now must not be missed.
    init(latest: Int64, at now: Date) {
        self.settled = max(0, latest - Self.overlapMax)
        self.top = latest
        self.taken[latest] = now
    }

    /// The newest change that was seen; `nil` where there was none. It comes again with each poll. Where it is gone,
    /// the log is another one: a standby took over that had not got it, or a backup was put back.
    var newest: Int64? { top > 0 ? top : nil }

    /// After which number the next poll begins.
    mutating func start(at now: Date) -> Int64 {
        let limit = now.addingTimeInterval(-Self.settleSeconds)
        let aged = taken.lazy.filter { $0.value <= limit }.map(\.key).max() ?? 0
        settled = max(settled, aged, top - Self.overlapMax)
        let settled = settled
        if taken.contains(where: { $0.key < settled }) { taken = taken.filter { $0.key >= settled } }
        return min(settled, max(0, top - 1))
    }

    /// Whether a change is new.
    mutating func take(_ sequence: Int64, at now: Date) -> Bool {
        guard sequence > settled, taken[sequence] == nil else { return false }
        taken[sequence] = now
        top = max(top, sequence)
        return true
    }
}
