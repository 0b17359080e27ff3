/// A dictionary of at most so many entries, made for look-ups in large tables: one array of cells with linear probing,
/// where a cell holds the key's hash and key beside the value. So a hit reads one cache line of the table.
///
/// Where it is full, an entry that was not used lately makes room (the clock algorithm, as in ``BoundedTable``).
/// Removal moves what follows up, so there are no tombstones. Cells are moved and never copied: when the table grows,
/// what they refer to is not touched.
struct HashedTable<Key: TableKey, Value> {
    fileprivate struct Cell {
        /// The hash without its top bit; there, whether the entry was used since the hand came by.
        var mark: UInt64
        let key: Key.Kept
        var value: Value

        /// The top bits choose the shard, so that within a table they tell nothing.
        static var usedBit: UInt64 { 1 << 63 }

        mutating func use<Result>(_ body: (inout Value) -> Result) -> Result {
            if mark & Self.usedBit == 0 { mark |= Self.usedBit }
            return body(&value)
        }

        mutating func change(_ body: (inout Value) -> Void) {
            body(&value)
        }
    }

    /// What an index keeps of a hash to find its entry again: 31 bits.
    typealias ShortHash = Int

    /// An entry that was taken out.
    typealias Removed = (value: Value, hash: ShortHash)

    /// How far the hand goes for one entry. The first that may go goes then, used or not.
    private static var handStepsMax: Int { 1_024 }

    /// How many entries there are at most.
    let capacity: Int
    private(set) var count = 0
    private var cells: [Cell?] = []
    private var hand = 0

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    /// What is kept of a key's hash.
    static func shortHash(of key: Key) -> ShortHash {
        shortHash(key.tableHash)
    }

    private static func shortHash(_ mark: UInt64) -> ShortHash {
        Int(truncatingIfNeeded: mark & 0x7FFF_FFFF)
    }

    /// The value of a key, which counts as used.
    mutating func value(for key: Key) -> Value? {
        update(key) { $0 }
    }

    /// Changes the value of a key in place, which counts as used; `nil` where there is none.
    mutating func update<Result>(_ key: Key, _ body: (inout Value) -> Result) -> Result? {
        guard let at = position(of: key) else { return nil }
        return cells[at]?.use(body)
    }

    /// Stores a value; returns what had to go for it, or what it replaced.
    mutating func insert(_ value: Value, for key: Key) -> Removed? {
        var gone: Removed?
        if let at = position(of: key) {
            gone = remove(at: at)
        } else if count >= capacity {
            gone = evict()
        }
        if (count + 1) * 4 > cells.count * 3 { grow() }
        put(Cell(mark: key.tableHash | Cell.usedBit, key: key.kept, value: value))
        count += 1
        return gone
    }

    /// Takes the entry of a key out.
    mutating func remove(_ key: Key) -> Removed? {
        position(of: key).flatMap { remove(at: $0) }
    }

    /// Whether there is an entry of a hash that is the one.
    func contains(_ hash: ShortHash, where isIt: (Value) -> Bool) -> Bool {
        position(of: hash, where: isIt) != nil
    }

    /// Takes the first entry of a hash out that is the one.
    mutating func remove(_ hash: ShortHash, where isIt: (Value) -> Bool) -> Removed? {
        position(of: hash, where: isIt).flatMap { remove(at: $0) }
    }

    /// Changes the entries of a hash in place, which does not count as a use of them.
    mutating func updateAll(_ hash: ShortHash, _ body: (inout Value) -> Void) {
        guard !cells.isEmpty else { return }
        let mask = cells.count - 1
        var at = hash & mask
        while let mark = cells[at]?.mark {
            if Self.shortHash(mark) == hash { cells[at]?.change(body) }
            at = (at + 1) & mask
        }
    }

    private func position(of key: Key) -> Int? {
        guard !cells.isEmpty else { return nil }
        let mask = cells.count &- 1
        let mark = key.tableHash & ~Cell.usedBit
        var at = Self.shortHash(mark) & mask
        while let other = cells[at]?.mark {
            if other & ~Cell.usedBit == mark, cells[at]?.key == key.kept { return at }
            at = (at &+ 1) & mask
        }
        return nil
    }

    private func position(of hash: ShortHash, where isIt: (Value) -> Bool) -> Int? {
        guard !cells.isEmpty else { return nil }
        let mask = cells.count - 1
        var at = hash & mask
        while let other = cells[at]?.mark {
            if Self.shortHash(other) == hash, cells[at].map({ isIt($0.value) }) ?? false { return at }
            at = (at + 1) & mask
        }
        return nil
    }

    private mutating func remove(at position: Int) -> Removed? {
        guard let cell = cells[position].take() else { return nil }
        count -= 1
        let mask = cells.count - 1
        var hole = position
        var at = (hole + 1) & mask
        while let mark = cells[at]?.mark {
            let home = Self.shortHash(mark) & mask
            if (at - home) & mask >= (at - hole) & mask {
                cells[hole] = cells[at].take()
                hole = at
            }
            at = (at + 1) & mask
        }
        return (cell.value, Self.shortHash(cell.mark))
    }

    private mutating func grow() {
        var old = Array<Cell?>(repeating: nil, count: max(8, cells.count * 2))
        swap(&old, &cells)
        hand = 0
        for at in old.indices {
            if let cell = old[at].take() { put(cell) }
        }
    }

    private mutating func put(_ cell: consuming Cell) {
        let mask = cells.count - 1
        var at = Self.shortHash(cell.mark) & mask
        while cells[at] != nil { at = (at + 1) & mask }
        cells[at] = cell
    }

    /// Takes an entry out that, if there is such a one nearby, was not used lately.
    private mutating func evict() -> Removed? {
        var used: Int?
        var steps = 0
        // Beyond the hand's reach only where there was nothing at all so far.
        while steps < Self.handStepsMax || used == nil && steps < 2 * cells.count {
            steps += 1
            let at = hand
            hand = (hand + 1) & (cells.count - 1)
            guard let mark = cells[at]?.mark else { continue }
            guard mark & Cell.usedBit != 0 else { return remove(at: at) }
            cells[at]?.mark = mark & ~Cell.usedBit
            if used == nil { used = at }
        }
        return used.flatMap { remove(at: $0) }
    }
}

extension HashedTable: Sendable where Value: Sendable {}
extension HashedTable.Cell: Sendable where Value: Sendable {}
