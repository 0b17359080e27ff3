/// Header names that mean something to the plane, each with what it means, found by a name's bytes.
///
/// Names are compared without case, and with `_` and `.` read as `-`: what a lax reader takes for a header that we set
/// or drop is treated like it.
final class HeaderNames<Role: Sendable>: Sendable {
    /// Names of the table have at most so many bytes; longer ones can only begin with a prefix.
    private static var nameBytesMax: Int { 40 }

    /// The names, one behind the other, the shorter before the longer.
    private let names: [UInt8]
    private let roles: [Role]
    /// For each length of a name, how many names are shorter, and where the first that is not begins in `names`.
    private let places: [(index: Int, start: Int)]
    /// For each length of a name, the letters that a name with a role can begin with: bit 0 for `a`. The last one is
    /// for longer names. Most names are told apart by this alone.
    private let initials: [UInt32]
    private let prefixes: [(prefix: [UInt8], role: Role)]
    private let others: Role

    /// A table of names and prefixes, in lower case; every other name has the role `others`.
    init(_ table: [String: Role], prefixes: [(String, Role)], others: Role) {
        let entries = table.map { (name: Array($0.key.utf8), role: $0.value) }.sorted { $0.name.count < $1.name.count }
        // Invariant: the tables are constants of ours.
        precondition(entries.allSatisfy { (1...Self.nameBytesMax).contains($0.name.count) }, "A name is too long")
        self.names = entries.flatMap(\.name)
        self.roles = entries.map(\.role)
        self.places = (0...Self.nameBytesMax + 1).map { length in
            let shorter = entries.prefix { $0.name.count < length }
            return (shorter.count, shorter.reduce(0) { $0 + $1.name.count })
        }
        self.prefixes = prefixes.map { (Array($0.0.utf8), $0.1) }
        self.initials = Self.initials(of: entries.map(\.name), prefixes: self.prefixes.map(\.prefix))
        self.others = others
    }

    private static func initials(of names: [[UInt8]], prefixes: [[UInt8]]) -> [UInt32] {
        var initials = Array(repeating: UInt32(0), count: nameBytesMax + 2)
        for name in names { initials[name.count] |= name.first.flatMap(initial) ?? 0 }
        for prefix in prefixes {
            for length in prefix.count..<initials.count { initials[length] |= prefix.first.flatMap(initial) ?? 0 }
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
        let length = min(name.count, Self.nameBytesMax + 1)
        guard length > 0, let bit = Self.initial(name[0]), initials[length] & bit != 0 else { return others }
        if length <= Self.nameBytesMax {
            var start = places[length].start
            for index in places[length].index..<places[length + 1].index {
                if Self.begins(name, with: names, from: start, to: start + length) { return roles[index] }
                start += length
            }
        }
        for (prefix, role) in prefixes where Self.begins(name, with: prefix, from: 0, to: prefix.count) { return role }
        return others
    }

    /// Whether a name begins with a part of `names`.
    private static func begins(_ name: Span<UInt8>, with names: [UInt8], from start: Int, to end: Int) -> Bool {
        guard name.count >= end - start else { return false }
        for index in start..<end where folded(name[index - start]) != names[index] { return false }
        return true
    }

    private static func folded(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte | 0x20
        case UInt8(ascii: "_"), UInt8(ascii: "."): UInt8(ascii: "-")
        case _: byte
        }
    }
}
