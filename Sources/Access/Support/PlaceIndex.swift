/// Hash → place in some array, for as many places a hash as there are. Eight bytes a cell, linear probing.
///
/// It knows no keys: whoever asks says whether a place is the one. A lookup reads one cache line, mostly; removal moves
/// what follows up, so there are no tombstones and nothing but growth ever rebuilds it.
struct PlaceIndex: Sendable {
    /// The hash's lower half above the place plus one; 0 is empty.
    private var cells: [UInt64] = []
    private(set) var count = 0

    /// The first place of a hash that is the one.
    func first(_ hash: UInt64, where isIt: (Int) -> Bool) -> Int? {
        guard !cells.isEmpty else { return nil }
        let mask = cells.count &- 1
        var at = Int(truncatingIfNeeded: hash) & mask
        while cells[at] != 0 {
            if cells[at] >> 32 == hash & 0xFFFF_FFFF {
                let place = Int(truncatingIfNeeded: cells[at] & 0xFFFF_FFFF) &- 1
                if isIt(place) { return place }
            }
            at = (at &+ 1) & mask
        }
        return nil
    }

    /// The places of a hash, and perhaps those of others whose lower half is the same.
    func all(_ hash: UInt64) -> [Int] {
        var places: [Int] = []
        _ = first(hash) { place in
            places.append(place)
            return false
        }
        return places
    }

    /// Adds a place.
    mutating func insert(_ hash: UInt64, place: Int) {
        if (count + 1) * 4 > cells.count * 3 { grow() }
        put(Self.cell(hash, place))
        count += 1
    }

    /// Takes a place away, if it is there.
    mutating func remove(_ hash: UInt64, place: Int) {
        guard !cells.isEmpty else { return }
        let mask = cells.count - 1
        let cell = Self.cell(hash, place)
        var hole = Int(truncatingIfNeeded: hash) & mask
        while cells[hole] != cell {
            guard cells[hole] != 0 else { return }
            hole = (hole + 1) & mask
        }
        var at = (hole + 1) & mask
        while cells[at] != 0 {
            let home = Int(truncatingIfNeeded: cells[at] >> 32) & mask
            if (at - home) & mask >= (at - hole) & mask {
                cells[hole] = cells[at]
                hole = at
            }
            at = (at + 1) & mask
        }
        cells[hole] = 0
        count -= 1
    }

    private mutating func grow() {
        let old = cells
        cells = Array(repeating: 0, count: max(8, old.count * 2))
        for cell in old where cell != 0 { put(cell) }
    }

    private mutating func put(_ cell: UInt64) {
        let mask = cells.count - 1
        var at = Int(truncatingIfNeeded: cell >> 32) & mask
        while cells[at] != 0 { at = (at + 1) & mask }
        cells[at] = cell
    }

    private static func cell(_ hash: UInt64, _ place: Int) -> UInt64 {
        hash << 32 | UInt64(truncatingIfNeeded: place + 1)
    }
}
