/// The statements that one connection has prepared, with the least recently used one leaving first.
///
/// It only keeps the books: whoever asks sends what ``use(_:mayEvict:)`` says.
struct StatementCache {
    /// A statement is its text and the types of its parameters.
    struct Key: Hashable {
        let text: String
        let types: [UInt32]
    }

    /// How a statement is to be sent.
    enum Use: Equatable {
        /// It is prepared under this name.
        case known(name: String)
        /// It must be prepared under this name, after the other one was let go.
        case prepare(name: String, evict: String?)
        /// It has no room: prepare it without a name, for this once.
        case unnamed
    }

    private struct Entry {
        let name: String
        var lastUse: UInt64
    }

    /// Each prepared statement costs the server memory of the order of tens of kilobytes.
    static let statementsMax = 256

    let capacity: Int
    private let namePrefix: String
    private var entries: [Key: Entry] = [:]
    private var tick: UInt64 = 0
    private var batchStart: UInt64 = 0
    /// Names are never used twice on a connection: a name whose statement failed may or may not exist.
    private var namesGiven: UInt64 = 0

    init(capacity: Int = Self.statementsMax, namePrefix: String = "s") {
        self.capacity = capacity
        self.namePrefix = namePrefix
    }

    var count: Int { self.entries.count }

    /// What is used from now on is not let go until the next batch: its execution may not have been read yet.
    mutating func beginBatch() {
        self.batchStart = self.tick + 1
    }

    /// Notes a use.
    ///
    /// - Parameter mayEvict: `false` inside a transaction, where a `DEALLOCATE` that failed would abort it.
    mutating func use(_ key: Key, mayEvict: Bool) -> Use {
        self.tick += 1
        if let entry = self.entries[key] {
            self.entries[key]?.lastUse = self.tick
            return .known(name: entry.name)
        }
        var evicted: String?
        if self.entries.count >= self.capacity {
            let oldest = self.entries.min { $0.value.lastUse < $1.value.lastUse }
            guard mayEvict, let oldest, oldest.value.lastUse < self.batchStart else { return .unnamed }
            self.entries[oldest.key] = nil
            evicted = oldest.value.name
        }
        self.namesGiven += 1
        let name = "\(self.namePrefix)\(self.namesGiven)"
        self.entries[key] = Entry(name: name, lastUse: self.tick)
        return .prepare(name: name, evict: evicted)
    }

    /// Forgets a statement, if it still goes by this name.
    mutating func forget(_ key: Key, name: String) {
        guard self.entries[key]?.name == name else { return }
        self.entries[key] = nil
    }

    /// Forgets all statements: a server that has forgotten one has most likely forgotten all. Their names, as it may
    /// not have.
    mutating func forgetAll() -> [String] {
        defer { self.entries.removeAll() }
        return self.entries.values.map(\.name)
    }
}
