internal import Foundation
internal import Synchronization

/// A date that is read and written from anywhere, in one word.
struct AtomicDate: ~Copyable, Sendable {
    private let bits: Atomic<UInt64>

    init(_ date: Date) {
        self.bits = Atomic(date.timeIntervalSinceReferenceDate.bitPattern)
    }

    var value: Date {
        get { Date(timeIntervalSinceReferenceDate: Double(bitPattern: bits.load(ordering: .acquiring))) }
        nonmutating set { bits.store(newValue.timeIntervalSinceReferenceDate.bitPattern, ordering: .releasing) }
    }
}
