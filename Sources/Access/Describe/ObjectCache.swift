internal import Domain
internal import Foundation
internal import NIOConcurrencyHelpers

/// What people saw of their orgs' objects lately, and who is looking now: one look at a time for each person and
/// object, which others wait for.
///
/// Unlike ``LoadingCache``, whoever waits here can stop waiting: a page has less patience than a program.
final class ObjectCache: Sendable {
    /// Whose view of which object of which org.
    struct Key: TableKey {
        let customer: CustomerID
        let user: UserID
        let instance: String
        /// In lower case: names of objects have no case.
        let object: String
    }

    /// What somebody who asks does next.
    enum Turn: Sendable {
        case seen(ObjectSighting)
        /// Look, and ``ObjectCache/land(_:_:seconds:at:)``.
        case lead
        /// Wait for what another one sees. A stream that ends without it says that the look was given up.
        case join(AsyncStream<ObjectSighting>)
        /// Too many looks are under way.
        case full
    }

    private struct Entry {
        let sighting: ObjectSighting
        let until: Date
    }

    private struct State {
        var entries: BoundedTable<Key, Entry>
        /// Who waits, by what is being looked at.
        var flights: [Key: [AsyncStream<ObjectSighting>.Continuation]] = [:]
        var byTenant: [CustomerID: Int] = [:]
    }

    private let state: NIOLockedValueBox<State>
    private let limits: AccessLimits

    init(limits: AccessLimits) {
        self.limits = limits
        self.state = NIOLockedValueBox(State(entries: BoundedTable(capacity: limits.objectDescriptionsMax)))
    }

    func turn(_ key: Key, at now: Date) -> Turn {
        state.withLockedValue { state in
            if let entry = state.entries.value(for: key) {
                if now < entry.until { return .seen(entry.sighting) }
                state.entries.remove(key)
            }
            if let waiters = state.flights[key] {
                guard waiters.count < limits.describeWaitersMax else { return .full }
                let (stream, continuation) = AsyncStream.makeStream(of: ObjectSighting.self)
                state.flights[key] = waiters + [continuation]
                return .join(stream)
            }
            guard state.flights.count < limits.describesMax,
                state.byTenant[key.customer, default: 0] < limits.describesPerTenantMax
            else { return .full }
            state.flights[key] = []
            state.byTenant[key.customer, default: 0] += 1
            return .lead
        }
    }

    /// Ends a look: tells whoever waits, and remembers what was seen for so long.
    ///
    /// - Parameter sighting: `nil` where the look was given up; then one of those who wait looks.
    func land(_ key: Key, _ sighting: ObjectSighting?, seconds: TimeInterval, at now: Date) {
        let waiters = state.withLockedValue { state in
            let left = state.byTenant[key.customer, default: 1] - 1
            state.byTenant[key.customer] = left > 0 ? left : nil
            if let sighting, seconds > 0 {
                state.entries.insert(Entry(sighting: sighting, until: now.addingTimeInterval(seconds)), for: key)
            }
            return state.flights.removeValue(forKey: key) ?? []
        }
        for waiter in waiters {
            if let sighting { waiter.yield(sighting) }
            waiter.finish()
        }
    }

    /// Remembers what was seen for so long, unless somebody has seen more meanwhile, or is looking.
    func remember(_ key: Key, _ sighting: ObjectSighting, seconds: TimeInterval, at now: Date) {
        state.withLockedValue { state in
            guard state.flights[key] == nil, state.entries.value(for: key).map({ $0.until <= now }) ?? true else {
                return
            }
            state.entries.insert(Entry(sighting: sighting, until: now.addingTimeInterval(seconds)), for: key)
        }
    }
}
