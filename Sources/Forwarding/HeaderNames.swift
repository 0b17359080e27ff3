/// Header names that mean something to the plane, each with what it means, found by a name's bytes.
///
/// Names are compared without case, and with `_` and `.` read as `-`: what a lax reader takes for a header that we set
/// or drop is treated like it.
final class HeaderNames<Role: Sendable>: Sendable {
    /// Open addressing; a power of two, and mostly empty.
    private static var slotCount: Int { 256 }
    private static var initialsCount: Int { 48 }

    /// For each length of a name, the letters that those of the table begin with: bit 0 for `a`. The last one is for
    /// longer names. Most names are told apart by this alone.
    private let initials: [UInt32]
    /// 0: an empty slot.
    private let hashes: [UInt64]
    private let names: [[UInt8]]
    private let roles: [Role]
    private let prefixes: [(prefix: [UInt8], role: Role)]
    private let others: Role

    /// A table of names and prefixes, in lower case; every other name has the role `others`.
    init(_ table: [String: Role], prefixes: [(String, Role)], others: Role) {
        // Invariant: the tables are constants of ours; a search must meet an empty slot.
        precondition(table.count <= Self.slotCount / 2, "The table of header names is too small")
        var hashes: [UInt64] = Array(repeating: 0, count: Self.slotCount)
        var names: [[UInt8]] = Array(repeating: [], count: Self.slotCount)
        var roles = Array(repeating: others, count: Self.slotCount)
        for (name, role) in table {
            let bytes = Array(name.utf8)
            let hash = bytes.reduce(Self.basis, Self.mixed) | 1
            var place = Self.place(of: hash)
            while hashes[place] != 0 { place = (place + 1) % Self.slotCount }
            (hashes[place], names[place], roles[place]) = (hash, bytes, role)
        }
        self.others = others
        self.hashes = hashes
        self.names = names
        self.roles = roles
        self.prefixes = prefixes.map { (Array($0.0.utf8), $0.1) }
        self.initials = Self.initials(of: table.keys.map { Array($0.utf8) }, prefixes: self.prefixes.map(\.prefix))
    }

    private static func initials(of names: [[UInt8]], prefixes: [[UInt8]]) -> [UInt32] {
        var initials = Array(repeating: UInt32(0), count: initialsCount)
        for name in names {
            initials[min(name.count, initialsCount - 1)] |= name.first.flatMap(initial) ?? 0
        }
        for prefix in prefixes {
            for length in min(prefix.count, initialsCount - 1)..<initialsCount {
                initials[length] |= prefix.first.flatMap(initial) ?? 0
            }
        }
        return initials
    }

    /// The bit of a letter; `nil` for what is none.
    private static func initial(_ byte: UInt8) -> UInt32? {
        let letter = (byte | 0x20) &- UInt8(ascii: "a")
        return letter < 26 ? 1 << UInt32(letter) : nil
    }

    /// The role of a name.
    func role(of name: Span<UInt8>) -> Role {
        let length = min(name.count, Self.initialsCount - 1)
        guard length > 0, let bit = Self.initial(name[0]), initials[length] & bit != 0 else { return others }
        var hash = Self.basis
        for index in name.indices { hash = Self.mixed(hash, Self.folded(name[index])) }
        hash |= 1
        var place = Self.place(of: hash)
        while hashes[place] != 0 {
            if hashes[place] == hash, Self.isEqual(name, names[place]) { return roles[place] }
            place = (place + 1) % Self.slotCount
        }
        for prefix in prefixes where Self.begins(name, with: prefix.prefix) { return prefix.role }
        return others
    }

    private static func isEqual(_ name: Span<UInt8>, _ other: [UInt8]) -> Bool {
        name.count == other.count && begins(name, with: other)
    }

    private static func begins(_ name: Span<UInt8>, with prefix: [UInt8]) -> Bool {
        guard name.count >= prefix.count else { return false }
        for index in 0..<prefix.count where folded(name[index]) != prefix[index] { return false }
        return true
    }

    // FNV-1a, 64 bits: short names, and a match is verified.
    private static var basis: UInt64 { 0xCBF2_9CE4_8422_2325 }

    private static func mixed(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }

    private static func place(of hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash >> 56)
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
        case UInt8(ascii: "_"), UInt8(ascii: "."): UInt8(ascii: "-")
        case _: byte
        }
    }
}
