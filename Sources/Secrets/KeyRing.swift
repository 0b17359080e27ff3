internal import Crypto
public import Foundation

/// The master keys: `ENCRYPTION_KEY` seals data keys, the retired ones still open them.
public struct KeyRing: Sendable, CustomStringConvertible, CustomReflectable {
    private let current: SealingKey
    private let all: [KeyID: SealingKey]

    /// Takes each key as 64 hexadecimal digits.
    ///
    /// - Throws: ``SealingError/keyNotHexadecimal``.
    public init(current: Secret<String>, retired: [Secret<String>] = []) throws {
        self.current = try SealingKey(bytes: Self.parse(current))
        let keys = try [self.current] + retired.map { try SealingKey(bytes: Self.parse($0)) }
        self.all = Dictionary(keys.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The name of the key that seals.
    public var currentKeyID: KeyID { current.id }

    /// The names of all keys that open, sorted.
    public var keyIDs: [KeyID] { all.keys.sorted { $0.description < $1.description } }

    /// The names of the keys, which say nothing of them.
    /// The names of the keys that open and no longer seal, sorted.
    public var retiredKeyIDs: [KeyID] { keyIDs.filter { $0 != current.id } }

    public var description: String { "<key ring \(keyIDs.map(\.description).joined(separator: ", "))>" }
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// A new random data key for a customer (or, with `nil`, the platform), and its sealed form to store.
    public func makeDataKey(customer: UUID?) throws -> (key: DataKey, sealed: Sealed) {
        var bytes = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
        defer { wipe(&bytes) }
        return try (DataKey(bytes: bytes), current.seal(bytes, context: Self.context(customer)))
    }

    /// Opens a stored data key.
    ///
    /// - Throws: ``SealingError``; `unknownKey` names the key that is missing.
    public func openDataKey(_ sealed: Sealed, customer: UUID?) throws -> DataKey {
        var bytes = try openBytes(sealed, customer: customer)
        defer { wipe(&bytes) }
        return DataKey(bytes: bytes)
    }

    /// The same data key sealed by the current master key; `nil` where it already is.
    public func rewrap(_ sealed: Sealed, customer: UUID?) throws -> Sealed? {
        guard sealed.keyID != current.id else { return nil }
        var bytes = try openBytes(sealed, customer: customer)
        defer { wipe(&bytes) }
        return try current.seal(bytes, context: Self.context(customer))
    }

    private func openBytes(_ sealed: Sealed, customer: UUID?) throws -> [UInt8] {
        guard let id = sealed.keyID else { throw SealingError.malformed }
        guard let key = all[id] else { throw SealingError.unknownKey(id, known: keyIDs) }
        let bytes = try key.open(sealed, context: Self.context(customer))
        // A shorter one would be AES-128, or nothing at all.
        guard bytes.count == SealingKey.byteCount else { throw SealingError.malformed }
        return bytes
    }

    /// A new master key: 64 hexadecimal digits.
    public static func generate() -> Secret<String> {
        var bytes = SymmetricKey(size: .bits256).withUnsafeBytes { Array($0) }
        defer { wipe(&bytes) }
        return Secret(bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())
    }

    private static func context(_ customer: UUID?) -> SealingContext {
        SealingContext(
            table: customer == nil ? "platform_keys" : "customers", column: "data_key", row: customer,
            customer: customer)
    }

    private static func parse(_ text: Secret<String>) throws -> [UInt8] {
        let digits = Array(text.exposed.utf8)
        guard digits.count == 64 else { throw SealingError.keyNotHexadecimal }
        return try stride(from: 0, to: 64, by: 2).map { index in
            guard let high = Self.nibble(digits[index]), let low = Self.nibble(digits[index + 1]) else {
                throw SealingError.keyNotHexadecimal
            }
            return high << 4 | low
        }
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        case _: nil
        }
    }
}

/// A customer's own key: everything secret of the customer is sealed by it, so that deleting it shreds the customer.
public struct DataKey: Sendable, CustomStringConvertible, CustomReflectable {
    private let key: SealingKey

    init(bytes: [UInt8]) {
        self.key = SealingKey(bytes: bytes)
    }

    /// The key's name.
    public var id: KeyID { key.id }

    public var description: String { "<data key \(id)>" }
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Seals a text for one place.
    public func seal(_ plaintext: Secret<String>, context: SealingContext) throws -> Sealed {
        try key.seal(Array(plaintext.exposed.utf8), context: context)
    }

    /// Opens what was sealed for this place.
    ///
    /// - Throws: ``SealingError``.
    public func open(_ sealed: Sealed, context: SealingContext) throws -> Secret<String> {
        try Secret(String(decoding: key.open(sealed, context: context), as: UTF8.self))
    }
}
