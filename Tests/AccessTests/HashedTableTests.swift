import Testing

@testable import Access

/// The table of all sessions and access keys, against a dictionary that does the same slowly.
@Suite struct HashedTableTests {
    /// How the keys of a run are hashed.
    enum Spread: CaseIterable {
        /// As a good hash does.
        case even
        /// All the same.
        case one
        /// Two hashes of one home, which differ beyond what an index keeps.
        case likeShort
        /// Into the last places, so that what is displaced goes round to the first.
        case lastPlaces
        /// Such that only the bit differs that the table keeps for itself.
        case topBit

        func hash(_ number: UInt64) -> UInt64 {
            switch self {
            case .even: SplitMix(seed: number).peek
            case .one: 7
            case .likeShort: 0x1234_5678 | (number & 1) << 40
            case .lastPlaces: 0x7FFF_FFFF - number % 3
            case .topBit: 5 | (number & 1) << 63
            }
        }
    }

    private struct Key: TableKey {
        let number: UInt64
        let tableHash: UInt64
        var kept: UInt64 { number }

        init(_ number: UInt64, _ spread: Spread) {
            self.number = number
            self.tableHash = spread.hash(number)
        }
    }

    /// A value knows its key, so that one at a wrong place is seen.
    private struct Entry: Equatable {
        let number: UInt64
        var text: String
    }

    private typealias Table = HashedTable<Key, Entry>

    /// A table and its model, which every step changes alike.
    private struct Pair {
        let spread: Spread
        var table: Table
        var model: [UInt64: Entry] = [:]
        var evictions = 0

        init(_ spread: Spread, capacity: Int) {
            self.spread = spread
            self.table = Table(capacity: capacity)
        }

        func key(_ number: UInt64) -> Key { Key(number, spread) }

        mutating func insert(_ number: UInt64, _ text: String) {
            let before = model[number]
            let wasFull = model.count == table.capacity
            let gone = table.insert(Entry(number: number, text: text), for: key(number))
            if let before {
                #expect(gone?.value == before)
                #expect(gone?.hash == Table.shortHash(of: key(number)))
            } else if wasFull {
                // The table chose; it must be an entry that was there, as it was.
                guard let gone else {
                    Issue.record("A full table took an entry in and none out")
                    return
                }
                #expect(model.removeValue(forKey: gone.value.number) == gone.value)
                #expect(gone.hash == Table.shortHash(of: key(gone.value.number)))
                evictions += 1
            } else {
                #expect(gone == nil)
            }
            model[number] = Entry(number: number, text: text)
        }

        mutating func update(_ number: UInt64, _ text: String) {
            let old = table.update(key(number)) { entry in
                defer { entry.text += text }
                return entry
            }
            #expect(old == model[number])
            model[number]?.text += text
        }

        mutating func remove(_ number: UInt64) {
            let removed = table.remove(key(number))
            #expect(removed?.value == model.removeValue(forKey: number))
        }

        mutating func removeByHash(_ number: UInt64) {
            let hash = Table.shortHash(of: key(number))
            #expect(table.contains(hash) { $0.number == number } == (model[number] != nil))
            let removed = table.remove(hash) { $0.number == number }
            #expect(removed?.value == model.removeValue(forKey: number))
            #expect(!table.contains(hash) { $0.number == number })
        }

        mutating func updateAll(_ number: UInt64, _ text: String) {
            let hash = Table.shortHash(of: key(number))
            var seen: Set<UInt64> = []
            table.updateAll(hash) { entry in
                #expect(seen.insert(entry.number).inserted)
                entry.text += text
            }
            let meant = model.keys.filter { Table.shortHash(of: key($0)) == hash }
            #expect(seen == Set(meant))
            for number in meant { model[number]?.text += text }
        }

        /// Each key of the range is found if and only if the model has it, with its value.
        mutating func compareAll(_ numbers: Range<UInt64>) {
            #expect(table.count == model.count)
            for number in numbers where table.value(for: key(number)) != model[number] {
                Issue.record("\(number) differs")
            }
        }
    }

    /// Thousands of random steps: whatever the hashes, it holds what the dictionary holds. It grows from nothing, is
    /// full for a while in small ones, and is emptied again.
    @Test(arguments: Spread.allCases, [1, 7, 64, 1_000])
    func model(spread: Spread, capacity: Int) {
        var random = SplitMix(seed: 42)
        var pair = Pair(spread, capacity: capacity)
        // Probing is linear: what is all one cluster stays small.
        let numbers: Range<UInt64> = 0..<(spread == .even ? 1_400 : 90)
        for step in 0..<(spread == .even ? 6_000 : 1_500) {
            let number = random.next() % numbers.upperBound
            switch random.next() % 16 {
            case 0...7: pair.insert(number, "\(step)")
            case 8...10: pair.update(number, "u")
            case 11, 12: pair.remove(number)
            case 13: pair.removeByHash(number)
            case 14: pair.updateAll(number, "a")
            case _: #expect(pair.table.value(for: pair.key(number)) == pair.model[number])
            }
            #expect(pair.table.count == pair.model.count && pair.table.count <= capacity)
            if step % 500 == 0 { pair.compareAll(numbers) }
        }
        pair.compareAll(numbers)
        #expect((pair.evictions > 0) == (capacity <= 64))
        for number in numbers { pair.remove(number) }
        #expect(pair.table.count == 0)
        pair.compareAll(numbers)
        pair.insert(1, "again")
        pair.compareAll(numbers)
    }

    /// It takes exactly its capacity, and one more only for one less; a limit below one is one.
    @Test(arguments: [(-1, 1), (0, 1), (1, 1), (2, 2), (3, 3), (6, 6), (7, 7), (8, 8), (767, 767), (768, 768)])
    func bounds(capacity: Int, holds: Int) {
        var pair = Pair(.even, capacity: capacity)
        #expect(pair.table.capacity == holds)
        for number in 0..<UInt64(holds) { pair.insert(number, "") }
        #expect(pair.evictions == 0)
        for number in 0..<UInt64(holds + 5) { pair.insert(1_000 + number, "") }
        #expect(pair.evictions == holds + 5)
        #expect(pair.table.count == holds)
        pair.compareAll(0..<2_000)
    }

    /// An empty table answers, before its first entry and after its last.
    @Test func empty() {
        var table = Table(capacity: 4)
        let key = Key(1, .even)
        for _ in 0..<2 {
            #expect(table.value(for: key) == nil)
            #expect(table.update(key) { _ in true } == nil)
            #expect(table.remove(key) == nil)
            #expect(!table.contains(Table.shortHash(of: key)) { _ in true })
            #expect(table.remove(Table.shortHash(of: key)) { _ in true } == nil)
            table.updateAll(Table.shortHash(of: key)) { _ in Issue.record("There is nothing to change") }
            #expect(table.count == 0)
            #expect(table.insert(Entry(number: 1, text: ""), for: key) == nil)
            #expect(table.remove(key)?.value.number == 1)
        }
    }

    /// What was used since the hand came by stays while there is something else to go. A change by hash is no use.
    @Test func usedEntriesStay() {
        var pair = Pair(.even, capacity: 64)
        for number in 0..<65 as Range<UInt64> { pair.insert(number, "") }
        // The first round took all marks away but the newest's.
        let there = pair.model.keys.sorted()
        let (used, other) = (there.prefix(10), there.dropFirst(10))
        for number in used { pair.update(number, "used") }
        for number in other { pair.updateAll(number, "changed") }
        for number in 0..<40 as Range<UInt64> { pair.insert(1_000 + number, "") }
        for number in used { #expect(pair.table.value(for: pair.key(number)) != nil) }
        pair.compareAll(0..<1_100)
    }

    /// The hand's way has an end, also where everything was used: then one that was used goes, and never the newest.
    @Test func everythingUsed() {
        var pair = Pair(.even, capacity: 3_000)
        for number in 0..<3_000 as Range<UInt64> { pair.insert(number, "") }
        for number in 3_000..<3_020 as Range<UInt64> {
            pair.compareAll(0..<3_020)
            pair.insert(number, "")
            #expect(pair.table.value(for: pair.key(number)) != nil)
        }
        #expect(pair.evictions == 20 && pair.table.count == 3_000)
    }

    /// An entry that is replaced or taken out is let go of: the table keeps nothing of it.
    @Test func nothingIsKept() {
        final class Thing {}
        var table = HashedTable<Key, Thing>(capacity: 4)
        weak var last: Thing?
        func insert(_ number: UInt64) {
            let thing = Thing()
            last = thing
            _ = table.insert(thing, for: Key(number, .lastPlaces))
        }
        for number in 0..<4 as Range<UInt64> { insert(number) }
        _ = table.remove(Key(3, .lastPlaces))
        #expect(last == nil)
        insert(0)
        #expect(last != nil)
        _ = table.insert(Thing(), for: Key(0, .lastPlaces))
        #expect(last == nil)
    }
}

/// A small generator that gives the same numbers in every run.
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    /// The next number, without taking it.
    var peek: UInt64 {
        var copy = self
        return copy.next()
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
