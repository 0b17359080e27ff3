public import Foundation

/// One request that the simulator received, and what it answered.
public struct JournalEntry: Sendable, Hashable {
    /// One header field as it came.
    public struct Header: Sendable, Hashable {
        /// The name as it was written.
        public var name: String
        /// The value.
        public var value: String
    }

    /// Counts from 1.
    public var id: Int
    /// When it came, by the simulator's clock.
    public var receivedAt: Date
    /// The method.
    public var method: String
    /// The `Host` header, with its port.
    public var host: String
    /// Path and query as sent.
    public var target: String
    /// The header fields in their order, without `Host`.
    public var headers: [Header]
    /// The size of the body in bytes.
    public var bodySize: Int
    /// The body's SHA-256, in lower-case hexadecimal.
    public var bodySHA256: String
    /// The body, or its first ``bodyBytesMax`` bytes.
    public var body: [UInt8]
    /// The 15-character id of the org that the host belongs to.
    public var orgID: String?
    /// The client id of the app that the request was for, where it can be told.
    public var clientID: String?
    /// The status answered; `nil` while the answer is under way, or where the connection was closed instead.
    public var status: Int?
    /// What a fault did to it.
    public var faults: [String] = []
    /// What is worth saying, e.g. that anonymous Apex ran.
    public var note: String?

    /// How much of a body is kept, in bytes.
    public static let bodyBytesMax = 64 * 1024

    /// The value of the first header of a name, whatever its case.
    public func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    /// The target up to the query.
    public var path: String { String(target.prefix { $0 != "?" }) }

    /// The kept body as text.
    public var bodyText: String { String(decoding: body, as: UTF8.self) }
}

/// The last requests, the oldest first.
struct Journal: Sendable {
    private(set) var entries: [JournalEntry] = []
    private var firstID = 1
    private var nextID = 1
    private let entriesMax: Int

    init(entriesMax: Int) { self.entriesMax = max(1, entriesMax) }

    mutating func append(_ entry: JournalEntry) -> Int {
        var entry = entry
        entry.id = nextID
        nextID += 1
        entries.append(entry)
        // In steps, so that the array is not shifted with every request.
        let slack = entriesMax / 4 + 1
        if entries.count > entriesMax + slack {
            entries.removeFirst(slack)
            firstID += slack
        }
        return entry.id
    }

    mutating func update(_ id: Int, _ change: (inout JournalEntry) -> Void) {
        let index = id - firstID
        guard entries.indices.contains(index) else { return }
        change(&entries[index])
    }

    mutating func removeAll() {
        entries.removeAll()
        firstID = nextID
    }
}
