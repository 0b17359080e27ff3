/// A dictionary of at most so many entries. Where it is full, one that was not used lately makes room (the clock
/// algorithm: a hand goes round and spares each entry that was used since it last came by).
///
/// An entry lies in one piece at a place that it keeps, so that a lookup touches little memory. No operation takes
/// longer than to move all entries once, when the table grows; the hand stops after ``handStepsMax``.
struct BoundedTable<Key: TableKey, Value> {
    /// An entry that was taken out, and the place that it had.
    typealias Removed = (key: Key, value: Value, place: Int)

    /// A key and, unless the place is empty, what belongs to it. Apart, so that a key is compared without a copy of the
    /// value.
    fileprivate struct Slot {
        let key: Key
        var content: Content?
    }

    fileprivate struct Content {
        var value: Value
        var wasUsed = true

        mutating func use<Result>(_ body: (inout Value) -> Result) -> Result {
            if !wasUsed { wasUsed = true }
            return body(&value)
        }
    }

    /// How far the hand goes for one entry. The first that may go goes then, used or not.
    private static var handStepsMax: Int { 1_024 }

    /// How many entries there are at most.
    let capacity: Int
    private var slots: [Slot] = []
    private var free: [Int] = []
    private var index = PlaceIndex()
    private var hand = 0

    init(capacity: Int) {
        self.capacity = max(1, capacity)
    }

    var count: Int { index.count }

    /// Where entries lie: some of these places are empty.
    var places: Range<Int> { slots.indices }

    /// The place of a key.
    func place(of key: Key) -> Int? {
        index.first(key.tableHash) { slots[$0].key == key }
    }

    /// Looks at an entry by its place, without using it.
    func peek<Result>(at place: Int, _ body: (Key, Value) -> Result) -> Result? {
        guard slots.indices.contains(place) else { return nil }
        return slots[place].content.map { body(slots[place].key, $0.value) }
    }

    /// The value of a key, which counts as used.
    mutating func value(for key: Key) -> Value? {
        update(key) { $0 }
    }

    /// Changes the value of a key in place, which counts as used; `nil` where there is none.
    mutating func update<Result>(_ key: Key, _ body: (inout Value) -> Result) -> Result? {
        guard let place = place(of: key) else { return nil }
        return slots[place].content?.use(body)
    }

    /// Changes the value at a place in place; `nil` where there is none.
    mutating func update<Result>(at place: Int, _ body: (inout Value) -> Result) -> Result? {
        slots[place].content?.use(body)
    }

    /// Stores a value; returns what had to go for it, or what it replaced: both had its place.
    @discardableResult
    mutating func insert(_ value: Value, for key: Key) -> (key: Key, value: Value)? {
        if let place = place(of: key) {
            let replaced = slots[place].content
            slots[place].content = Content(value: value)
            return replaced.map { (key, $0.value) }
        }
        let evicted = count < capacity ? nil : evict { _ in true }
        let slot = Slot(key: key, content: Content(value: value))
        if let place = free.popLast() {
            slots[place] = slot
            index.insert(key.tableHash, place: place)
        } else {
            index.insert(key.tableHash, place: slots.count)
            slots.append(slot)
        }
        return evicted.map { ($0.key, $0.value) }
    }

    @discardableResult
    mutating func remove(_ key: Key) -> Value? {
        place(of: key).flatMap { remove(at: $0) }?.value
    }

    /// Takes the entry at a place out.
    mutating func remove(at place: Int) -> Removed? {
        guard let content = slots[place].content else { return nil }
        let key = slots[place].key
        slots[place].content = nil
        index.remove(key.tableHash, place: place)
        free.append(place)
        return (key, content.value, place)
    }

    mutating func removeAll() {
        self = BoundedTable(capacity: capacity)
    }

    /// Takes out an entry that may go and, if there is such a one nearby, was not used lately.
    ///
    /// - Parameter wasUsed: whether an entry was used without the table's knowledge since this was last asked.
    mutating func evict(where mayGo: (Value) -> Bool, wasUsed: (Value) -> Bool = { _ in false }) -> Removed? {
        guard !slots.isEmpty else { return nil }
        var used: Int?
        for _ in 0..<min(Self.handStepsMax, slots.count + 1) {
            let place = hand
            hand = hand + 1 < slots.count ? hand + 1 : 0
            guard let content = slots[place].content, mayGo(content.value) else { continue }
            let wasUsed = wasUsed(content.value)
            guard content.wasUsed || wasUsed else { return remove(at: place) }
            slots[place].content?.wasUsed = false
            if used == nil { used = place }
        }
        return used.flatMap { remove(at: $0) }
    }
}

extension BoundedTable: Sendable where Key: Sendable, Value: Sendable {}
extension BoundedTable.Slot: Sendable where Key: Sendable, Value: Sendable {}
extension BoundedTable.Content: Sendable where Value: Sendable {}
