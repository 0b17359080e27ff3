internal import Foundation
internal import NIOConcurrencyHelpers

/// What was loaded, by key: bounded, with one load per key however many ask at once.
///
/// What is not there is remembered too, bounded and shortly. Entries are dropped by *subject*: the ids of the rows that
/// they were made from. A load during which anything was dropped is given to those who had asked for it, and not kept;
/// who asks after the drop does not join it. So nobody sees, after a drop, what was read before it.
final class LoadingCache<Key: TableKey, Value: Sendable>: Sendable {
    /// What is remembered of a key.
    enum Cached<Result> {
        case found(Result)
        /// Known not to exist.
        case nothing
        case unknown
    }

    fileprivate typealias FlightID = UInt64

    fileprivate enum Landing: Sendable {
        case value(Value?)
        case failure(any Error)
        /// The load was given up with its caller; somebody else must load.
        case again
    }

    fileprivate struct Flight: Sendable {
        let id: FlightID
        let generation: UInt64
    }

    fileprivate struct State: Sendable {
        var entries: HashedTable<Key, Value>
        var missing: BoundedTable<Key, Date>
        /// The short hashes of entries by the subjects that they were made from.
        var bySubject = PlaceIndex()
        /// Grows with each drop.
        var generation: UInt64 = 0
        var lastFlight: FlightID = 0
        var flights: [Key: Flight] = [:]
        var waiters: [FlightID: [CheckedContinuation<Landing, Never>]] = [:]

        mutating func isMissing(_ key: Key, at now: Date) -> Bool {
            guard let until = missing.value(for: key) else { return false }
            if now < until { return true }
            missing.remove(key)
            return false
        }

        mutating func link(_ hash: Int, to subjects: [UUID]) {
            for subject in subjects { bySubject.insert(subject.tableHash, place: hash) }
        }

        mutating func unlink(_ hash: Int, from subjects: [UUID]) {
            for subject in subjects { bySubject.remove(subject.tableHash, place: hash) }
        }
    }

    private enum Turn {
        case cached(Value?)
        case lead(Flight)
        case join(FlightID)
    }

    private let state: NIOLockedValueBox<State>
    private let missingSeconds: TimeInterval
    private let subjects: @Sendable (Value) -> [UUID]

    /// - Parameters:
    ///   - missingSeconds: How long a key without a value is remembered.
    ///   - subjects: The ids of the rows that a value was made from.
    init(
        capacity: Int, missingCapacity: Int, missingSeconds: TimeInterval,
        subjects: @escaping @Sendable (Value) -> [UUID]
    ) {
        self.state = NIOLockedValueBox(
            State(entries: HashedTable(capacity: capacity), missing: BoundedTable(capacity: missingCapacity)))
        self.missingSeconds = missingSeconds
        self.subjects = subjects
    }

    /// Looks at what is in memory, and may change it in place: one lock.
    func cached<Result>(_ key: Key, at now: Date, _ body: (inout Value) -> Result) -> Cached<Result> {
        state.withLockedValue { state in
            if let result = state.entries.update(key, body) { return .found(result) }
            return state.isMissing(key, at: now) ? .nothing : .unknown
        }
    }

    /// The value of a key, from memory or loaded; `nil` where there is none.
    ///
    /// - Parameter usesMemory: Whether what is in memory is fresh enough. A load under way is joined all the same.
    /// - Throws: what `load` throws.
    func value(
        for key: Key, at now: Date, usesMemory: Bool = true, load: () async throws -> Value?
    ) async throws -> Value? {
        while true {
            switch turn(key, at: now, usesMemory: usesMemory) {
            case .cached(let value):
                return value
            case .lead(let flight):
                do {
                    let value = try await load()
                    land(flight, key: key, .value(value), at: now)
                    return value
                } catch {
                    let isGivenUp = error is CancellationError || Task.isCancelled
                    land(flight, key: key, isGivenUp ? .again : .failure(error), at: now)
                    throw error
                }
            case .join(let id):
                switch await landing(of: id) {
                case .value(let value): return value
                case .failure(let error): throw error
                case .again: continue
                }
            }
        }
    }

    /// Drops what was made from a row.
    func drop(subject: UUID) {
        // The first round ends what is being loaded too; in most, it is the only one.
        while drop(subject: subject, atMost: Self.dropsAtOnceMax).count == Self.dropsAtOnceMax {}
    }

    /// Entries that are dropped while the lock is held once: 64. A subject can be that of a whole table.
    private static var dropsAtOnceMax: Int { 64 }

    /// Returns what was dropped, so that it is not the lock's holder who frees it.
    private func drop(subject: UUID, atMost max: Int) -> [Value] {
        state.withLockedValue { state in
            state.generation += 1
            var dropped: [Value] = []
            while dropped.count < max,
                let hash = state.bySubject.first(
                    subject.tableHash,
                    where: { hash in
                        state.entries.contains(hash) { subjects($0).contains(subject) }
                    }),
                let removed = state.entries.remove(hash, where: { subjects($0).contains(subject) })
            {
                state.unlink(hash, from: subjects(removed.value))
                dropped.append(removed.value)
            }
            return dropped
        }
    }

    /// Changes what was made from a row in place, which does not count as a use of it.
    func update(subject: UUID, _ body: (inout Value) -> Void) {
        state.withLockedValue { state in
            for hash in state.bySubject.all(subject.tableHash) {
                state.entries.updateAll(hash) { value in
                    if subjects(value).contains(subject) { body(&value) }
                }
            }
        }
    }

    /// Drops one key.
    func drop(key: Key) {
        let dropped = state.withLockedValue { state -> Value? in
            state.generation += 1
            state.missing.remove(key)
            guard let removed = state.entries.remove(key) else { return nil }
            state.unlink(removed.hash, from: subjects(removed.value))
            return removed.value
        }
        withExtendedLifetime(dropped) {}
    }

    /// Forgets which keys have no value.
    func dropMissing() {
        state.withLockedValue { state in
            state.generation += 1
            if state.missing.count > 0 { state.missing.removeAll() }
        }
    }

    /// Drops everything.
    func dropAll() {
        let dropped = state.withLockedValue { state in
            state.generation += 1
            let dropped = state.entries
            state.entries = HashedTable(capacity: dropped.capacity)
            state.missing.removeAll()
            state.bySubject = PlaceIndex()
            return dropped
        }
        // Freeing thousands of entries takes a while: not under the lock.
        withExtendedLifetime(dropped) {}
    }

    /// How many values are in memory.
    var count: Int { state.withLockedValue { $0.entries.count } }

    private func turn(_ key: Key, at now: Date, usesMemory: Bool) -> Turn {
        state.withLockedValue { state in
            if usesMemory {
                if let value = state.entries.value(for: key) { return .cached(value) }
                if state.isMissing(key, at: now) { return .cached(nil) }
            }
            if let flight = state.flights[key], flight.generation == state.generation { return .join(flight.id) }
            state.lastFlight += 1
            let flight = Flight(id: state.lastFlight, generation: state.generation)
            state.flights[key] = flight
            state.waiters[flight.id] = []
            return .lead(flight)
        }
    }

    private func land(_ flight: Flight, key: Key, _ landing: Landing, at now: Date) {
        let waiters = state.withLockedValue { state in
            if state.flights[key]?.id == flight.id { state.flights[key] = nil }
            if case .value(let value) = landing, flight.generation == state.generation {
                if let value {
                    keep(value, for: key, in: &state)
                } else {
                    state.missing.insert(now.addingTimeInterval(missingSeconds), for: key)
                }
            }
            return state.waiters.removeValue(forKey: flight.id) ?? []
        }
        for waiter in waiters { waiter.resume(returning: landing) }
    }

    private func keep(_ value: Value, for key: Key, in state: inout State) {
        state.missing.remove(key)
        if let gone = state.entries.insert(value, for: key) { state.unlink(gone.hash, from: subjects(gone.value)) }
        state.link(HashedTable<Key, Value>.shortHash(of: key), to: subjects(value))
    }

    private func landing(of id: FlightID) async -> Landing {
        await withCheckedContinuation { continuation in
            let isOver = state.withLockedValue { state in
                guard state.waiters[id] != nil else { return true }
                state.waiters[id]?.append(continuation)
                return false
            }
            if isOver { continuation.resume(returning: .again) }
        }
    }
}
