/// How many calls of one tenant run and wait, as a pure machine that fits in one word.
///
/// A call waits only where as many run as may: so where anybody waits, no place is free, and one word tells it all.
struct TenantGateMachine: Equatable, Sendable {
    enum EnterResult: Equatable, Sendable {
        /// The call has a place.
        case entered
        /// The call waits behind all others.
        case queued
        /// As many run and wait as may; nothing has changed.
        case refused
    }

    enum LeaveResult: Equatable, Sendable {
        /// The place is the oldest waiting call's now.
        case passedOn
        /// The place is free.
        case freed
        /// Nobody was in; nothing has changed.
        case wasEmpty
    }

    /// Calls at one time that a word can count.
    static let concurrencyMax = Int(Int32.max)
    /// Nobody runs and nobody waits.
    static let emptyWord: UInt64 = 0

    let concurrency: Int
    private(set) var running: Int
    private(set) var waiting: Int

    /// As many calls may wait as may run.
    init(concurrency: Int, word: UInt64 = Self.emptyWord) {
        self.concurrency = concurrency
        self.running = Int(truncatingIfNeeded: word >> 32)
        self.waiting = Int(truncatingIfNeeded: word & 0xFFFF_FFFF)
    }

    /// Both counts: running in the upper half, waiting in the lower.
    var word: UInt64 { UInt64(truncatingIfNeeded: running) << 32 | UInt64(truncatingIfNeeded: waiting) }

    mutating func enter() -> EnterResult {
        if running < concurrency {
            running += 1
            return .entered
        }
        guard waiting < concurrency else { return .refused }
        waiting += 1
        return .queued
    }

    mutating func leave() -> LeaveResult {
        if waiting > 0 {
            waiting -= 1
            return .passedOn
        }
        guard running > 0 else { return .wasEmpty }
        running -= 1
        return .freed
    }

    /// One of those who wait gives up.
    mutating func abandon() {
        // Invariant: whoever gives up was found among those who wait.
        precondition(waiting > 0, "Nobody waits")
        waiting -= 1
    }
}

/// Those who wait, oldest first, each by a number that only grows.
struct NumberedQueue<Element: Sendable>: Sendable {
    private var entries: [(number: UInt64, element: Element?)] = []
    /// Entries before it were taken.
    private var head = 0
    private var lastNumber: UInt64 = 0

    /// Taken entries that are kept before they are cut off, so that taking one is cheap on average.
    private static var takenMax: Int { 64 }

    var count: Int { entries.count - head }

    /// Puts an element behind all others.
    mutating func append(_ element: Element) -> UInt64 {
        lastNumber += 1
        entries.append((lastNumber, element))
        return lastNumber
    }

    /// Takes the oldest.
    mutating func popFirst() -> (number: UInt64, element: Element)? {
        guard head < entries.count, let element = entries[head].element else { return nil }
        let number = entries[head].number
        entries[head].element = nil
        head += 1
        if head == entries.count {
            entries.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= Self.takenMax, head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
        return (number, element)
    }

    /// Takes the one of this number; `nil` where it is no longer there.
    mutating func remove(_ number: UInt64) -> Element? {
        var (low, high) = (head, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].number < number { low = middle + 1 } else { high = middle }
        }
        guard low < entries.count, entries[low].number == number else { return nil }
        return entries.remove(at: low).element
    }
}
