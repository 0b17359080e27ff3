public import Foundation
internal import NIOConcurrencyHelpers

/// A clock that stands until it is moved.
public final class TestClock: Sendable {
    private let current: NIOLockedValueBox<Date>

    /// A clock that shows `start`.
    public init(_ start: Date = Fixtures.epoch) {
        self.current = NIOLockedValueBox(start)
    }

    /// What the clock shows.
    public var now: Date { current.withLockedValue { $0 } }

    /// The clock as the closure that production code takes.
    public var reading: @Sendable () -> Date {
        { self.now }
    }

    /// Moves the clock by so many seconds.
    public func advance(by seconds: TimeInterval) {
        current.withLockedValue { $0 = $0.addingTimeInterval(seconds) }
    }

    /// Sets the clock.
    public func set(_ now: Date) {
        current.withLockedValue { $0 = now }
    }
}

/// Ids that count up, so that a test's rows are the same in every run.
public final class SequentialIDs: Sendable {
    private let last: NIOLockedValueBox<UInt64>

    /// Ids that start after a number.
    public init(after start: UInt64 = 0) {
        self.last = NIOLockedValueBox(start)
    }

    /// The next id, e.g. `f0f0f0f0-0000-4000-8000-000000000001`.
    public func next() -> UUID {
        let number = last.withLockedValue { last in
            last += 1
            return last
        }
        let tail = (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) }
        return UUID(
            uuid: (
                0xf0, 0xf0, 0xf0, 0xf0, 0x00, 0x00, 0x40, 0x00, 0x80 | tail[0] & 0x3f, tail[1], tail[2], tail[3],
                tail[4], tail[5], tail[6], tail[7]
            ))
    }
}
