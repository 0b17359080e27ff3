import Domain
import Foundation
import GatewayTesting
import NIOConcurrencyHelpers
import Testing

@testable import Access

/// The change feed: what one process writes, the others forget.
@Suite struct ChangeFollowerTests {
    /// A session that ends at one process is over at the other after its next poll.
    @Test func endedSession() async throws {
        let world = try World()
        let (_, user) = try await world.makeCustomer()
        let (here, there) = (world.process(), world.process())
        for process in [here, there] { await process.follower.pollOnce() }
        let tenant = try await here.tenant()
        let (caller, cookie) = try await here.signedIn(user, in: tenant)
        let headers = there.cookieHeader(cookie)
        _ = try await there.sessions.identify(headers: headers, query: nil, in: try await there.tenant())
        guard case .session(let session) = caller.proof else { throw Missing() }
        try await here.sessions.end(session, in: tenant)
        let atOnce = await gatewayError { try await here.sessions.identify(headers: headers, query: nil, in: tenant) }
        #expect(atOnce == .notSignedIn)
        await there.follower.pollOnce()
        let afterPoll = await gatewayError {
            try await there.sessions.identify(headers: headers, query: nil, in: tenant)
        }
        #expect(afterPoll == .notSignedIn)
    }

    /// A disabled user, or a new role, arrives with the next poll.
    @Test func changedUser() async throws {
        let world = try World()
        let (_, user) = try await world.makeCustomer()
        let process = world.process()
        await process.follower.pollOnce()
        let tenant = try await process.tenant()
        let (_, cookie) = try await process.signedIn(user, in: tenant)
        let headers = process.cookieHeader(cookie)
        world.store.updateUser(user.id) { $0.role = .csm }
        await process.follower.pollOnce()
        let caller = try await process.sessions.identify(headers: headers, query: nil, in: tenant)
        #expect(caller.user.role == .csm)
        world.store.updateUser(user.id) { $0.disabledAt = world.clock.now }
        await process.follower.pollOnce()
        let error = await gatewayError {
            try await process.sessions.identify(headers: headers, query: nil, in: tenant)
        }
        #expect(error == .userDisabled)
    }

    /// After an outage what has changed meanwhile is read anew.
    @Test func outagesAreCaughtUpWith() async throws {
        let world = try World()
        let (customer, _) = try await world.makeCustomer()
        let process = world.process()
        await process.follower.pollOnce()
        _ = try await process.tenant()
        world.store.isAvailable = false
        world.clock.advance(by: 10)
        await process.follower.pollOnce()
        #expect(process.follower.staleSince != nil)
        world.store.isAvailable = true
        world.store.updateCustomer(customer.id) { $0.companyName = "New" }
        await process.follower.pollOnce()
        #expect(process.follower.staleSince == nil)
        let tenant = try await process.tenant()
        #expect(tenant.customer.companyName == "New")
    }

    /// What has not changed stays known after an outage: a database that comes back for a moment takes nobody's session
    /// with it when it goes again.
    @Test func whatIsKnownOutlivesOutages() async throws {
        let world = try World()
        let (_, user) = try await world.makeCustomer()
        let process = world.process()
        await process.follower.pollOnce()
        let tenant = try await process.tenant()
        let (_, cookie) = try await process.signedIn(user, in: tenant)
        await process.follower.pollOnce()
        let again = try await process.tenant()
        _ = try await process.sessions.identify(headers: process.cookieHeader(cookie), query: nil, in: again)
        for isAvailable in [false, true, false] {
            world.store.isAvailable = isAvailable
            world.clock.advance(by: 60)
            await process.follower.pollOnce()
        }
        let known = try await process.tenant()
        _ = try await process.sessions.identify(headers: process.cookieHeader(cookie), query: nil, in: known)
    }

    /// After a time that the log may not reach back to, everything is read anew.
    @Test func longOutagesDropAll() async throws {
        let world = try World()
        let (customer, _) = try await world.makeCustomer()
        let changes = LosingChanges(store: world.store)
        let process = world.process(repositories: changes.repositories)
        await process.follower.pollOnce()
        _ = try await process.tenant()
        world.store.updateCustomer(customer.id) { $0.companyName = "New" }
        changes.loseTold(after: 0)
        world.clock.advance(by: FeedCursor.followableSeconds + 1)
        await process.follower.pollOnce()
        #expect(try await process.tenant().customer.companyName == "New")
    }

    /// A log without the newest change that was seen is another one, as after a standby took over that had not got it:
    /// everything is read anew, though nobody was away.
    @Test func anotherLogDropsAll() async throws {
        let world = try World()
        let (customer, _) = try await world.makeCustomer()
        let changes = LosingChanges(store: world.store)
        let process = world.process(repositories: changes.repositories)
        await process.follower.pollOnce()
        world.store.updateCustomer(customer.id) { $0.companyName = "Lost" }
        world.clock.advance(by: 61)
        await process.follower.pollOnce()
        _ = try await process.tenant()
        let seen = try await world.store.repositories.changes.latest()
        world.store.updateCustomer(customer.id) { $0.companyName = "New" }
        changes.loseTold(after: seen - 1)
        await process.follower.pollOnce()
        #expect(try await process.tenant().customer.companyName == "New")
    }

    /// One failed poll does not make it stale, and loses nothing.
    @Test func oneFailedPoll() async throws {
        let world = try World()
        let (customer, _) = try await world.makeCustomer()
        let process = world.process()
        await process.follower.pollOnce()
        _ = try await process.tenant()
        world.store.isAvailable = false
        await process.follower.pollOnce()
        world.clock.advance(by: 1)
        #expect(process.follower.staleSince == nil)
        world.store.isAvailable = true
        world.store.updateCustomer(customer.id) { $0.companyName = "New" }
        await process.follower.pollOnce()
        let tenant = try await process.tenant()
        #expect(tenant.customer.companyName == "New")
    }

    /// More changes than one query gives are all told of.
    @Test func manyPages() async throws {
        let world = try World()
        let (customer, _) = try await world.makeCustomer()
        let (other, _) = try await world.makeCustomer("umbrella")
        let process = world.process()
        await process.follower.pollOnce()
        _ = try await process.tenant("umbrella")
        for index in 0..<2_500 { world.store.updateCustomer(customer.id) { $0.companyName = "\(index)" } }
        world.store.updateCustomer(other.id) { $0.companyName = "New" }
        await process.follower.pollOnce()
        let tenant = try await process.tenant("umbrella")
        #expect(tenant.customer.companyName == "New")
    }

    /// The service polls by itself, hurried by hints, until it is cancelled.
    @Test func service() async throws {
        let world = try World()
        let (customer, _) = try await world.makeCustomer()
        let process = world.process()
        let follower = process.follower
        let service = Task { try await follower.run() }
        while world.sleeper.count + world.store.operationCount < 3 { await Task.yield() }
        _ = try await process.tenant()
        world.store.updateCustomer(customer.id) { $0.companyName = "New" }
        while try await process.tenant().customer.companyName != "New" { await Task.yield() }
        service.cancel()
        try await service.value
    }

    // MARK: The cursor

    /// A smaller number that appears after a larger one is still taken, once.
    @Test func lateNumbers() {
        let now = Fixtures.epoch
        var cursor = FeedCursor(latest: 100, at: now)
        #expect(cursor.start(at: now) == 0)
        let taken = [cursor.take(103, at: now), cursor.take(102, at: now), cursor.take(103, at: now)]
        #expect(taken == [true, true, false])
        #expect(cursor.start(at: now + 59) == 0)
        let late = [cursor.take(101, at: now + 59), cursor.take(99, at: now + 59)]
        #expect(late == [true, true])
    }

    /// What was seen long ago is settled: nothing below it is asked for again.
    @Test func settledNumbers() {
        let now = Fixtures.epoch
        var cursor = FeedCursor(latest: 100, at: now)
        _ = cursor.take(150, at: now + 30)
        #expect(cursor.start(at: now + 60) == 100)
        // The newest one comes again all the same, as the sign that this is the same log.
        #expect(cursor.start(at: now + 90) == 149)
        let settled = cursor.take(150, at: now + 90)
        #expect(!settled)
    }

    /// It looks back over no more than 2,000 numbers.
    @Test func overlapIsBounded() {
        let now = Fixtures.epoch
        var cursor = FeedCursor(latest: 0, at: now)
        for number in 1...5_000 { _ = cursor.take(Int64(number), at: now) }
        #expect(cursor.start(at: now) == 3_000)
    }
}

/// The changes of a store, of which some can be lost.
private final class LosingChanges: ChangeRepository {
    private let store: InMemoryStore
    private let lostAfter = NIOLockedValueBox<Int64?>(nil)

    init(store: InMemoryStore) {
        self.store = store
    }

    var repositories: Repositories {
        let own = store.repositories
        return Repositories(
            customers: own.customers, users: own.users, configs: own.configs, grants: own.grants,
            sessions: own.sessions, accessKeys: own.accessKeys, audit: own.audit, platformKeys: own.platformKeys,
            dataKeys: own.dataKeys,
            changes: self)
    }

    /// From now on the log has nothing above a number.
    func loseTold(after sequence: Int64) {
        lostAfter.withLockedValue { $0 = sequence }
    }

    func latest() async throws -> Int64 {
        let latest = try await store.repositories.changes.latest()
        return lostAfter.withLockedValue { $0 }.map { min($0, latest) } ?? latest
    }

    func changes(after sequence: Int64, limit: Int) async throws -> [Change] {
        let changes = try await store.repositories.changes.changes(after: sequence, limit: limit)
        guard let lostAfter = lostAfter.withLockedValue({ $0 }) else { return changes }
        return changes.filter { $0.sequence <= lostAfter }
    }

    func hints() -> AsyncStream<Void> {
        store.repositories.changes.hints()
    }
}
