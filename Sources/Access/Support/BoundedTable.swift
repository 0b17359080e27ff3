/// A dictionary of at most so many entries. Where it is full, one that was not used lately makes room (the clock
/// algorithm: a hand goes round and spares each entry that was used since it last came by).
struct BoundedTable<Key: Hashable, Value> {
    fileprivate struct Slot {
        let key: Key
        var value: Value
        var wasUsed: Bool
    }

    /// How many entries there are at most.
    let capacity: Int
    private var slots: [Slot?] = []
    private var free: [Int] = []
    private var places: [Key: Int] = [:]
    private var hand = 0

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    var count: Int { places.count }

    /// The value of a key, which counts as used.
    mutating func value(for key: Key) -> Value? {
        update(key) { $0 }
    }

    /// Changes the value of a key in place, which counts as used; `nil` where there is none.
    mutating func update<Result>(_ key: Key, _ body: (inout Value) -> Result) -> Result? {
        guard let place = places[key] else { return nil }
        guard var slot = slots[place] else { return nil }
        // Taken out while it changes, so that a value which holds arrays is not copied.
        slots[place] = nil
        slot.wasUsed = true
        let result = body(&slot.value)
        slots[place] = slot
        return result
    }

    /// Stores a value; returns what had to go for it, or what it replaced.
    @discardableResult
    mutating func insert(_ value: Value, for key: Key) -> (key: Key, value: Value)? {
        let slot = Slot(key: key, value: value, wasUsed: true)
        if let place = places[key] {
            let replaced = slots[place]
            slots[place] = slot
            return replaced.map { ($0.key, $0.value) }
        }
        if let place = free.popLast() {
            slots[place] = slot
            places[key] = place
            return nil
        }
        if slots.count < capacity {
            places[key] = slots.count
            slots.append(slot)
            return nil
        }
        let place = findVictim()
        let evicted = slots[place]
        if let evicted { places[evicted.key] = nil }
        slots[place] = slot
        places[key] = place
        return evicted.map { ($0.key, $0.value) }
    }

    @discardableResult
    mutating func remove(_ key: Key) -> Value? {
        guard let place = places.removeValue(forKey: key) else { return nil }
        let removed = slots[place]
        slots[place] = nil
        free.append(place)
        return removed?.value
    }

    mutating func removeAll() {
        self = BoundedTable(capacity: capacity)
    }

    /// Goes round at most twice: the first round takes every entry's mark away.
    private mutating func findVictim() -> Int {
        while true {
            let place = hand
            hand = (hand + 1) % slots.count
            guard slots[place]?.wasUsed == true else { return place }
            slots[place]?.wasUsed = false
        }
    }
}

extension BoundedTable: Sendable where Key: Sendable, Value: Sendable {}
extension BoundedTable.Slot: Sendable where Key: Sendable, Value: Sendable {}
