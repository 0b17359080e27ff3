internal import Domain
internal import Foundation
internal import Secrets

struct InMemoryAuditRepository: AuditRepository {
    let store: InMemoryStore

    func append(_ event: AuditEvent) async throws {
        try store.transaction { state, _ in state.audit.append(event.inMicroseconds) }
    }

    func events(in customer: CustomerID, behind: TimeCursor?, limit: Int) async throws -> [AuditEvent] {
        try store.transaction { state, _ in
            state.audit.filter { $0.customerID == customer }.page(behind: behind, limit: limit) {
                TimeCursor(at: $0.at, id: $0.id.rawValue)
            }
        }
    }
}

struct InMemoryPlatformKeyRepository: PlatformKeyRepository {
    let store: InMemoryStore

    func dataKey(orStore make: @Sendable () throws -> Sealed) async throws -> Sealed {
        try store.transaction { state, _ in
            if let stored = state.platformKey { return stored }
            let made = try make()
            state.platformKey = made
            return made
        }
    }
}

struct InMemoryDataKeyRepository: DataKeyRepository {
    let store: InMemoryStore

    func uses() async throws -> [MasterKeyUse] {
        try store.transaction { state, _ in
            let platform = state.platformKey.map { [$0.keyID] } ?? []
            let customers = Dictionary(grouping: state.customers.values, by: \.dataKey.keyID)
            return Set(Array(customers.keys) + platform).map { key in
                MasterKeyUse(
                    keyID: key, customers: customers[key]?.count ?? 0, sealsPlatform: platform.contains(key))
            }.sorted { ($0.keyID?.description ?? "") < ($1.keyID?.description ?? "") }
        }
    }

    func dataKeys(sealedBy keys: [KeyID], after: CustomerID?, limit: Int) async throws -> [StoredDataKey] {
        try store.transaction { state, _ in
            let found = state.customers.values.filter { customer in
                customer.dataKey.keyID.map { keys.contains($0) } == true
                    && (after.map { customer.id.description > $0.description } ?? true)
            }
            return found.sorted { $0.id.description < $1.id.description }.prefix(limit)
                .map { StoredDataKey(customerID: $0.id, sealed: $0.dataKey) }
        }
    }

    func platformDataKey() async throws -> Sealed? {
        try store.transaction { state, _ in state.platformKey }
    }

    func replace(_ keys: [RewrappedDataKey]) async throws -> Int {
        try store.transaction { state, _ in
            keys.filter { key in
                guard let id = key.customerID else {
                    guard state.platformKey == key.former else { return false }
                    state.platformKey = key.sealed
                    return true
                }
                guard state.customers[id]?.dataKey == key.former else { return false }
                state.customers[id]?.dataKey = key.sealed
                return true
            }.count
        }
    }
}

struct InMemoryChangeRepository: ChangeRepository {
    let store: InMemoryStore

    func latest() async throws -> Int64 {
        try store.transaction { state, _ in state.lastSequence }
    }

    func changes(after sequence: Int64, limit: Int) async throws -> [Change] {
        try store.transaction { state, _ in
            Array(state.changes.drop { $0.sequence <= sequence }.prefix(limit))
        }
    }

    func hints() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        store.addHintListener(continuation)
        return stream
    }
}

extension Sequence {
    /// A page, newest first.
    func page(behind: TimeCursor?, limit: Int, _ cursor: (Element) -> TimeCursor) -> [Element] {
        func key(_ cursor: TimeCursor) -> (Date, String) { (cursor.at.inMicroseconds, cursor.id.uuidString) }
        let rows = map { (key: key(cursor($0)), row: $0) }
            .filter { entry in behind.map { entry.key < key($0) } ?? true }
        return rows.sorted { $0.key > $1.key }.prefix(limit).map(\.row)
    }
}
