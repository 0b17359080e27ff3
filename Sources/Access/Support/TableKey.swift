internal import Domain
internal import Foundation

/// A key of the tables in memory: its hash chooses the shard (the top bits) and the place (the lower half).
///
/// A poor hash costs probes, bounded by the shard's size, and nothing else.
protocol TableKey: Hashable, Sendable {
    /// What a table keeps of the key beside its hash.
    associatedtype Kept: Equatable & Sendable = Self

    var tableHash: UInt64 { get }
    var kept: Kept { get }
}

extension TableKey where Kept == Self {
    var kept: Self { self }
}

extension TableKey {
    var tableHash: UInt64 {
        // The standard library's 62 good bits, with the top ones good too.
        UInt64(truncatingIfNeeded: hashValue) &* 0x9E37_79B9_7F4A_7C15
    }
}

extension UUID {
    /// Two words mixed. Ids are random and none of a stranger's choice, so a keyed hash would protect nothing.
    var tableHash: UInt64 {
        let words = withUnsafeBytes(of: uuid) { bytes in
            (
                bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self),
                bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            )
        }
        let mixed = (words.0 ^ (words.1 &* 0x9E37_79B9_7F4A_7C15)) &* 0xD6E8_FEB8_6659_FD93
        return (mixed ^ (mixed >> 32)) &* 0x9E37_79B9_7F4A_7C15
    }
}

extension Identifier: TableKey {
    var tableHash: UInt64 { rawValue.tableHash }
}

extension Subdomain: TableKey {
    /// FNV-1a, with its top bits mixed. Not keyed: names that strangers make up end in the small table of missing ones.
    var tableHash: UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in label.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return (hash ^ (hash >> 32)) &* 0x9E37_79B9_7F4A_7C15
    }
}

/// How many shards the tables have whose locks warm requests take.
enum Shards {
    static let count = 64

    /// The shard of a hash.
    static func index(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash >> 58)
    }

    /// One shard's part of a limit, with an eighth more: hashes do not spread evenly, and a full shard beside a free
    /// one would evict for nothing.
    static func share(of limit: Int) -> Int {
        max(1, (limit + limit / 8) / count)
    }
}
