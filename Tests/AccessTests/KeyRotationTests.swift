import Domain
import Foundation
import GatewayTesting
import NIOConcurrencyHelpers
import Secrets
import Testing

@testable import Access

/// Every data key comes under the current master key, whatever happens on the way, and stays the same key.
@Suite struct KeyRotationTests {
    /// More than two batches, and all of them: the platform's too. What is sealed by a data key opens as before.
    @Test func everythingIsSealedAnew() async throws {
        let scene = try await Scene(customers: 2 * KeyRotation.batchSize + 1)
        let before = try await scene.dataKeyIDs(opening: scene.old)
        let steps = Steps()
        let report = try await scene.rotation().run { steps.add($0) }
        #expect(report.isComplete)
        #expect(report.rewrapped == scene.customers.count + 1)
        #expect(report.damaged.isEmpty && !report.isPlatformDamaged)
        #expect(report.inventory.entries.map(\.standing) == [.current, .removable])
        // Without the former key.
        #expect(try await scene.dataKeyIDs(opening: KeyRing(current: scene.newKey)) == before)
        #expect(steps.all.first == KeyRotation.Progress(done: 0, total: report.rewrapped))
        #expect(steps.all.last == KeyRotation.Progress(done: report.rewrapped, total: report.rewrapped))
        #expect(steps.all.map(\.done) == steps.all.map(\.done).sorted())
        #expect(steps.all.count >= 5)
    }

    /// Nothing that processes cache changes: no row in the feed, and no edit.
    @Test func nobodyNotices() async throws {
        let scene = try await Scene(customers: 3)
        let before = try await scene.store.repositories.changes.latest()
        _ = try await scene.rotation().run()
        #expect(try await scene.store.repositories.changes.latest() == before)
        for customer in scene.customers {
            let stored = try await scene.store.repositories.customers.customer(id: customer.id)
            #expect(stored?.updatedAt == customer.updatedAt)
            #expect(stored?.dataKey != customer.dataKey)
        }
    }

    /// A rotation that is done opens nothing and writes nothing: it asks for counts, once.
    @Test func doneIsCheap() async throws {
        let scene = try await Scene(customers: 3)
        _ = try await scene.rotation().run()
        let before = scene.store.operationCount
        let report = try await scene.rotation().run()
        #expect(report.isComplete && report.rewrapped == 0)
        #expect(scene.store.operationCount == before + 1)
    }

    /// Ended between two batches, it goes on with what is left.
    @Test func resumes() async throws {
        let scene = try await Scene(customers: 3 * KeyRotation.batchSize)
        // The platform's key, then two batches.
        let failing = HookedDataKeys(scene.store.repositories.dataKeys) { call in
            if call == 3 { throw RepositoryError.unavailable("ended") }
        }
        await #expect(throws: RepositoryError.self) {
            try await KeyRotation(repository: failing, keys: scene.both).run()
        }
        let half = try await scene.inventory()
        #expect(half.rotatable == 2 * KeyRotation.batchSize)
        let report = try await scene.rotation().run()
        #expect(report.isComplete)
        #expect(report.rewrapped == 2 * KeyRotation.batchSize)
    }

    /// Two at once do the work between them, and no more.
    @Test func twoAtOnce() async throws {
        let scene = try await Scene(customers: 2 * KeyRotation.batchSize)
        let rotation = scene.rotation()
        let reports = try await withThrowingTaskGroup(of: KeyRotation.Report.self) { group in
            for _ in 0..<2 { group.addTask { try await rotation.run() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let areComplete = reports.map(\.isComplete)
        #expect(areComplete == [true, true])
        #expect(reports.map(\.rewrapped).reduce(0, +) == scene.customers.count + 1)
    }

    /// A row that changed since it was read is not overwritten: the next pass reads it again.
    @Test func changedRowIsNotOverwritten() async throws {
        let scene = try await Scene(customers: 2)
        let customer = scene.customers[0]
        let other = try scene.old.makeDataKey(customer: customer.id.rawValue)
        let hooked = HookedDataKeys(scene.store.repositories.dataKeys) { call in
            if call == 2 { scene.store.updateCustomer(customer.id) { $0.dataKey = other.sealed } }
        }
        let report = try await KeyRotation(repository: hooked, keys: scene.both).run()
        #expect(report.isComplete)
        let stored = try #require(try await scene.store.repositories.customers.customer(id: customer.id))
        #expect(try scene.both.openDataKey(stored.dataKey, customer: customer.id.rawValue).id == other.key.id)
    }

    /// What an old process makes behind the place where the rotation is, is found all the same.
    @Test func newCustomersOfOldProcessesAreFound() async throws {
        let scene = try await Scene(customers: KeyRotation.batchSize + 1)
        let late = try scene.makeCustomer("late", id: UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
        let hooked = HookedDataKeys(scene.store.repositories.dataKeys) { call in
            guard call == 3 else { return }
            try await scene.store.repositories.customers.create(
                late, config: scene.fixtures.makeConfig(for: late.id), admin: nil)
        }
        let report = try await KeyRotation(repository: hooked, keys: scene.both).run()
        #expect(report.isComplete)
        #expect(report.rewrapped == scene.customers.count + 2)
    }

    /// A key that is not at hand is named, with how much it seals; the rest is sealed anew.
    @Test func unknownKeyIsNamed() async throws {
        let scene = try await Scene(customers: 3)
        let stranger = try KeyRing(current: KeyRing.generate())
        let lost = scene.customers[1].id
        let sealed = try stranger.makeDataKey(customer: lost.rawValue).sealed
        scene.store.updateCustomer(lost) { $0.dataKey = sealed }
        let report = try await scene.rotation().run()
        #expect(!report.isComplete)
        #expect(report.rewrapped == 3)
        let missing = report.inventory.entries.filter { $0.standing == .missing }
        #expect(
            missing.map(\.use)
                == [MasterKeyUse(keyID: stranger.currentKeyID, customers: 1, sealsPlatform: false)])
        #expect(missing.first?.cure?.contains("ENCRYPTION_KEYS_RETIRED") == true)
        #expect(try await scene.store.repositories.customers.customer(id: lost)?.dataKey == sealed)
    }

    /// A row that was moved or changed does not open, though its key is at hand; it ends nothing.
    @Test func damagedRowsAreNamed() async throws {
        let scene = try await Scene(customers: 3)
        let victim = scene.customers[0]
        let moved = scene.customers[1].dataKey
        scene.store.updateCustomer(victim.id) { $0.dataKey = moved }
        let platform = try #require(try await scene.store.repositories.dataKeys.platformDataKey())
        let forged = try scene.old.makeDataKey(customer: victim.id.rawValue).sealed
        _ = try await scene.store.repositories.dataKeys.replace([
            RewrappedDataKey(customerID: nil, former: platform, sealed: forged)
        ])
        let report = try await scene.rotation().run()
        #expect(!report.isComplete)
        #expect(report.damaged == [victim.id])
        #expect(report.isPlatformDamaged)
        #expect(report.rewrapped == 2)
        #expect(report.inventory.rotatable == 2)
    }

    /// Each key stands as what is stored and what is at hand say, the current one first.
    @Test func standings() throws {
        let (old, new) = (KeyRing.generate(), KeyRing.generate())
        let ring = try KeyRing(current: new, retired: [old, KeyRing.generate()])
        let (oldID, newID) = try (KeyRing(current: old).currentKeyID, KeyRing(current: new).currentKeyID)
        let stranger = try KeyRing(current: KeyRing.generate()).currentKeyID
        let uses = [
            MasterKeyUse(keyID: nil, customers: 1, sealsPlatform: false),
            MasterKeyUse(keyID: oldID, customers: 2, sealsPlatform: true),
            MasterKeyUse(keyID: stranger, customers: 3, sealsPlatform: false),
        ]
        let inventory = KeyInventory(uses: uses, keys: ring)
        #expect(inventory.entries.first?.use.keyID == newID)
        #expect(Set(inventory.entries.map(\.standing)) == [.current, .retired, .removable, .missing, .unreadable])
        #expect(inventory.rotatable == 3)
        #expect(!inventory.isRotated)
        let words = Dictionary(uniqueKeysWithValues: inventory.entries.map { ($0.standing, $0.amount) })
        #expect(words[.retired] == "2 customers and the platform's key")
        #expect(words[.unreadable] == "1 customer")
        #expect(words[.current] == "nothing")

        // Without a key to compare with, keys are named and no more.
        let blind = KeyInventory(uses: uses, keys: nil)
        #expect(blind.entries.map(\.standing).filter { $0 == .unjudged }.count == 2)
        #expect(blind.entries.allSatisfy { $0.standing != .missing })
    }
}

/// Customers and a platform key that the old key sealed, in memory.
private struct Scene {
    let oldKey = KeyRing.generate()
    let newKey = KeyRing.generate()
    let old: KeyRing
    let both: KeyRing
    let store = InMemoryStore()
    let fixtures: Fixtures
    let customers: [Customer]

    init(customers count: Int) async throws {
        self.old = try KeyRing(current: oldKey)
        self.both = try KeyRing(current: newKey, retired: [oldKey])
        let fixtures = try Fixtures(encryptionKey: oldKey)
        self.fixtures = fixtures
        self.customers = try (0..<count).map {
            try fixtures.makeCustomer(subdomain: "c\($0)", clientID: nil, clientSecret: nil)
        }
        let repositories = store.repositories
        for customer in customers {
            try await repositories.customers.create(
                customer, config: fixtures.makeConfig(for: customer.id), admin: nil)
        }
        _ = try await repositories.platformKeys.dataKey { try fixtures.keys.makeDataKey(customer: nil).sealed }
    }

    func rotation() -> KeyRotation {
        KeyRotation(repository: store.repositories.dataKeys, keys: both)
    }

    func inventory() async throws -> KeyInventory {
        try await KeyInventory(uses: store.repositories.dataKeys.uses(), keys: both)
    }

    func makeCustomer(_ subdomain: String, id: UUID) throws -> Customer {
        try Customer(
            id: CustomerID(id), companyName: subdomain, subdomain: Subdomain(subdomain),
            salesforceInstanceURL: "https://axonify.my.salesforce.com",
            dataKey: old.makeDataKey(customer: id).sealed, createdAt: Fixtures.epoch, updatedAt: Fixtures.epoch)
    }

    /// The names of the data keys themselves, of all customers and the platform.
    func dataKeyIDs(opening ring: KeyRing) async throws -> [CustomerID?: KeyID] {
        var ids: [CustomerID?: KeyID] = [:]
        for customer in try await store.repositories.customers.customers() {
            ids[customer.id] = try customer.openedDataKey(with: ring).id
        }
        let platform = try #require(try await store.repositories.dataKeys.platformDataKey())
        ids[nil] = try ring.openDataKey(platform, customer: nil).id
        return ids
    }
}

/// Runs something before each replacement.
private struct HookedDataKeys: DataKeyRepository {
    let base: any DataKeyRepository
    let hook: @Sendable (Int) async throws -> Void
    private let calls = NIOLockedValueBox(0)

    init(_ base: any DataKeyRepository, hook: @escaping @Sendable (_ call: Int) async throws -> Void) {
        self.base = base
        self.hook = hook
    }

    func uses() async throws -> [MasterKeyUse] { try await base.uses() }

    func dataKeys(sealedBy keys: [KeyID], after: CustomerID?, limit: Int) async throws -> [StoredDataKey] {
        try await base.dataKeys(sealedBy: keys, after: after, limit: limit)
    }

    func platformDataKey() async throws -> Sealed? { try await base.platformDataKey() }

    func replace(_ keys: [RewrappedDataKey]) async throws -> Int {
        let call = calls.withLockedValue { calls in
            calls += 1
            return calls
        }
        try await hook(call)
        return try await base.replace(keys)
    }
}

/// What was said on the way.
private final class Steps: Sendable {
    private let steps = NIOLockedValueBox<[KeyRotation.Progress]>([])

    var all: [KeyRotation.Progress] { steps.withLockedValue { $0 } }

    func add(_ step: KeyRotation.Progress) {
        steps.withLockedValue { $0.append(step) }
    }
}
