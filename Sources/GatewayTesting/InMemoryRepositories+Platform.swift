internal import Domain
internal import Foundation
internal import Secrets

struct InMemoryAuditRepository: AuditRepository {
    let store: InMemoryStore

    func append(_ event: AuditEvent) async throws {
        try store.transaction { state, _ in state.audit.append(event.inMicroseconds) }
    }

    func events(in customer: CustomerID, before: Date?, limit: Int) async throws -> [AuditEvent] {
        try store.transaction { state, _ in
            let events = state.audit.filter { event in
                event.customerID == customer && (before.map { event.at < $0 } ?? true)
            }
            return Array(events.sorted { ($0.at, $0.id.description) > ($1.at, $1.id.description) }.prefix(limit))
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
