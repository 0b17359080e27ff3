internal import Foundation

/// Loading caches with a lock each, so that warm requests for different keys don't meet.
struct ShardedCache<Key: TableKey, Value: Sendable>: Sendable {
    private let shards: [LoadingCache<Key, Value>]

    /// As a cache's; the capacities are those of all shards together.
    init(
        capacity: Int, missingCapacity: Int, missingSeconds: TimeInterval,
        subjects: @escaping @Sendable (Value) -> [UUID]
    ) {
        self.shards = (0..<Shards.count).map { _ in
            LoadingCache(
                capacity: Shards.share(of: capacity), missingCapacity: Shards.share(of: missingCapacity),
                missingSeconds: missingSeconds, subjects: subjects)
        }
    }

    /// The cache that a key belongs to.
    func shard(of key: Key) -> LoadingCache<Key, Value> {
        shards[Shards.index(key.tableHash)]
    }

    /// Drops what was made from a row.
    func drop(subject: UUID) {
        for shard in shards { shard.drop(subject: subject) }
    }

    /// Changes what was made from a row in place, which does not count as a use of it.
    ///
    /// - Parameter chosen: The shards to look at, a bit each.
    func update(subject: UUID, inShards chosen: UInt64, _ body: (inout Value) -> Void) {
        for (number, shard) in shards.enumerated() where chosen & 1 << UInt64(number) != 0 {
            shard.update(subject: subject, body)
        }
    }

    /// Forgets which keys have no value.
    func dropMissing() {
        for shard in shards { shard.dropMissing() }
    }

    /// Drops everything.
    func dropAll() {
        for shard in shards { shard.dropAll() }
    }
}
