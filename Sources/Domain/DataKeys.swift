public import Secrets

/// A customer's data key as it is stored: sealed by a master key.
public struct StoredDataKey: Sendable, Hashable {
    /// Whose it is.
    public let customerID: CustomerID
    /// The key, sealed.
    public let sealed: Sealed

    /// A key as the repository found it.
    public init(customerID: CustomerID, sealed: Sealed) {
        self.customerID = customerID
        self.sealed = sealed
    }
}

/// A data key that is to stand in place of its former form: the same key, sealed by another master key.
public struct RewrappedDataKey: Sendable, Hashable {
    /// Whose it is; `nil`: the platform's own.
    public let customerID: CustomerID?
    /// What must still be stored.
    public let former: Sealed
    /// What is stored instead.
    public let sealed: Sealed

    /// A key and what it replaces.
    public init(customerID: CustomerID?, former: Sealed, sealed: Sealed) {
        self.customerID = customerID
        self.former = former
        self.sealed = sealed
    }
}

/// How much one master key seals.
public struct MasterKeyUse: Sendable, Hashable {
    /// The key's name; `nil`: what is stored is no ciphertext of ours.
    public let keyID: KeyID?
    /// How many customers' data keys it seals.
    public let customers: Int
    /// Whether it seals the platform's data key.
    public let sealsPlatform: Bool

    /// A key with what it seals.
    public init(keyID: KeyID?, customers: Int, sealsPlatform: Bool) {
        self.keyID = keyID
        self.customers = customers
        self.sealsPlatform = sealsPlatform
    }

    /// How many data keys that are.
    public var count: Int { customers + (sealsPlatform ? 1 : 0) }
}

/// Data keys as master keys sealed them: what a rotation reads and writes. (System scope.)
public protocol DataKeyRepository: Sendable {
    /// How much each master key seals, by its name.
    func uses() async throws -> [MasterKeyUse]
    /// Customers' data keys that one of these master keys sealed, ascending by the customer's id, from behind `after`
    /// on, at most `limit`.
    func dataKeys(sealedBy keys: [KeyID], after: CustomerID?, limit: Int) async throws -> [StoredDataKey]
    /// The platform's data key; `nil` where it has none yet.
    func platformDataKey() async throws -> Sealed?
    /// Stores each whose former form still stands; how many. Where somebody else is writing a row just now, that is
    /// waited for.
    ///
    /// It stays the same data key, so it leaves no change in the feed, and `updated_at` as it was.
    func replace(_ keys: [RewrappedDataKey]) async throws -> Int
}
