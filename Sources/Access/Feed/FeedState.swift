internal import Foundation
internal import Synchronization

/// How fresh the change feed is, as everybody in this process sees it (architecture invariant 6).
final class FeedState: Sendable {
    /// When it was last read to its end, in seconds since the reference date.
    private let lastReadBits: Atomic<UInt64>

    /// Fresh as of now: nothing is cached yet.
    init(startedAt: Date) {
        self.lastReadBits = Atomic(startedAt.timeIntervalSinceReferenceDate.bitPattern)
    }

    /// When the feed was last read to its end.
    var lastReadAt: Date {
        Date(timeIntervalSinceReferenceDate: Double(bitPattern: lastReadBits.load(ordering: .relaxed)))
    }

    func noteRead(at now: Date) {
        lastReadBits.store(now.timeIntervalSinceReferenceDate.bitPattern, ordering: .relaxed)
    }

    /// Since when it has not been read, where that is longer ago than the feed may be quiet.
    func staleSince(at now: Date, limits: AccessLimits) -> Date? {
        let lastReadAt = lastReadAt
        return now.timeIntervalSince(lastReadAt) > limits.feedStaleSeconds ? lastReadAt : nil
    }

    /// Whether last-known state may serve.
    func allowsMemory(at now: Date, outageSeconds: TimeInterval) -> Bool {
        now.timeIntervalSince(lastReadAt) <= outageSeconds
    }
}
