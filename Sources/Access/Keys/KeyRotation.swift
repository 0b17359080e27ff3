public import Domain
public import Secrets

/// Seals every data key anew, by the current master key, while the gateways serve.
///
/// Customers are gone through by id, a batch at a time. Between batches it holds neither a lock nor a transaction, and
/// each row is compared with what was read of it, so it can be killed at any time, run twice at once, and run again:
/// what the current key seals is not looked at.
public struct KeyRotation: Sendable {
    /// Data keys that one statement replaces.
    public static let batchSize = 200
    /// How often the customers are gone through at most. A customer that an old process made meanwhile, behind the
    /// place where the rotation was, is found by the next pass.
    private static let passesMax = 5

    /// How far it is.
    public struct Progress: Sendable, Hashable {
        /// Data keys that were sealed anew.
        public var done: Int
        /// Those that there were to do at the beginning. More can appear while an old process makes customers.
        public let total: Int
    }

    /// What came of it.
    public struct Report: Sendable, Hashable {
        /// Data keys that were sealed anew.
        public var rewrapped: Int
        /// Customers whose data key bears a known key's name and does not open.
        public var damaged: Set<CustomerID>
        /// Whether that is so of the platform's.
        public var isPlatformDamaged: Bool
        /// What every master key seals now.
        public var inventory: KeyInventory

        /// Whether the current master key seals everything.
        public var isComplete: Bool { inventory.isRotated }
    }

    private let repository: any DataKeyRepository
    private let keys: KeyRing

    /// A rotation to the current key of a ring, whose retired keys open what there is.
    public init(repository: any DataKeyRepository, keys: KeyRing) {
        self.repository = repository
        self.keys = keys
    }

    /// Runs it to the end. `progress` is called before the first batch and after each.
    ///
    /// - Throws: `RepositoryError`; `CancellationError` between two batches. What was done stays.
    public func run(progress: @Sendable (Progress) -> Void = { _ in }) async throws -> Report {
        let retired = keys.retiredKeyIDs
        var report = try await Report(
            rewrapped: 0, damaged: [], isPlatformDamaged: false,
            inventory: KeyInventory(uses: repository.uses(), keys: keys))
        var state = Progress(done: 0, total: report.inventory.rotatable)
        progress(state)
        guard state.total > 0 else { return report }
        report.isPlatformDamaged = try await !rotatePlatform(&state)
        progress(state)
        for _ in 0..<Self.passesMax {
            let before = state.done
            guard try await pass(retired, &state, &report.damaged, progress), state.done > before else { break }
        }
        report.rewrapped = state.done
        report.inventory = try await KeyInventory(uses: repository.uses(), keys: keys)
        return report
    }

    /// `false` where the platform's data key does not open.
    private func rotatePlatform(_ state: inout Progress) async throws -> Bool {
        guard let former = try await repository.platformDataKey(), let id = former.keyID,
            keys.retiredKeyIDs.contains(id)
        else { return true }
        do {
            guard let sealed = try keys.rewrap(former, customer: nil) else { return true }
            let key = RewrappedDataKey(customerID: nil, former: former, sealed: sealed)
            state.done += try await repository.replace([key])
            return true
        } catch is SealingError {
            return false
        }
    }

    /// Goes through all customers once. `false` where there was nothing to do.
    private func pass(
        _ retired: [KeyID], _ state: inout Progress, _ damaged: inout Set<CustomerID>,
        _ progress: @Sendable (Progress) -> Void
    ) async throws -> Bool {
        var last: CustomerID?
        while true {
            try Task.checkCancellation()
            let batch = try await repository.dataKeys(sealedBy: retired, after: last, limit: Self.batchSize)
            guard let end = batch.last else { return last != nil }
            last = end.customerID
            var rewrapped: [RewrappedDataKey] = []
            for key in batch {
                do {
                    guard let sealed = try keys.rewrap(key.sealed, customer: key.customerID.rawValue) else { continue }
                    rewrapped.append(
                        RewrappedDataKey(customerID: key.customerID, former: key.sealed, sealed: sealed))
                } catch is SealingError {
                    damaged.insert(key.customerID)
                }
            }
            state.done += try await repository.replace(rewrapped)
            progress(state)
        }
    }
}
