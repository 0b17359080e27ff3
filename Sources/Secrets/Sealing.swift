internal import Crypto
public import Foundation

/// What a ciphertext belongs to. It is authenticated with it, so one moved to another place does not open.
///
/// Architecture invariant 2.
public struct SealingContext: Sendable, Hashable {
    /// The table's name, e.g. `customers`; for what is not stored, a name of its kind, e.g. `pending_sign_in`.
    public let table: String
    /// The column's name.
    public let column: String
    /// The row's id; `nil` for what is not stored in a row.
    public let row: UUID?
    /// The customer that the value belongs to; `nil` for the platform's own.
    public let customer: UUID?

    /// Names the place that a ciphertext belongs to.
    public init(table: String, column: String, row: UUID?, customer: UUID?) {
        self.table = table
        self.column = column
        self.row = row
        self.customer = customer
    }

    /// Unambiguous bytes: each part with its length in front, so that no two contexts read alike.
    var associatedData: [UInt8] {
        var bytes = Array("formation/seal/1".utf8)
        for part in [table, column, row?.uuidString.lowercased() ?? "", customer?.uuidString.lowercased() ?? ""] {
            withUnsafeBytes(of: UInt32(part.utf8.count).bigEndian) { bytes.append(contentsOf: $0) }
            bytes.append(contentsOf: part.utf8)
        }
        return bytes
    }
}

/// A ciphertext as it is stored: version, key id, nonce, ciphertext and tag.
///
/// `01 ‖ key id (8 bytes) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. AES-256-GCM.
public struct Sealed: Sendable, Hashable {
    /// The stored bytes.
    public let bytes: [UInt8]

    /// Takes bytes as stored; whether they open is found out by opening them.
    public init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    static let version: UInt8 = 1
    static let overhead = 1 + KeyID.byteCount + 12 + 16

    /// The key that sealed it, or `nil` where the bytes are no ciphertext of ours.
    public var keyID: KeyID? {
        guard bytes.count >= Self.overhead, bytes[0] == Self.version else { return nil }
        return KeyID(bytes: Array(bytes[1..<(1 + KeyID.byteCount)]))
    }
}

/// The name of a key: the first eight bytes of a hash of it, so it says nothing of the key.
public struct KeyID: Sendable, Hashable, CustomStringConvertible {
    static let byteCount = 8
    let bytes: [UInt8]

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    init(of key: SymmetricKey) {
        var hash = SHA256()
        hash.update(data: Array("formation/key-id/1".utf8))
        key.withUnsafeBytes { hash.update(bufferPointer: $0) }
        self.bytes = Array(hash.finalize().prefix(Self.byteCount))
    }

    /// Sixteen hexadecimal digits.
    public var description: String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }
}

extension KeyID {
    /// How everything begins that this key sealed: the version and the key's name. To find it without opening it.
    public var sealedPrefix: [UInt8] { [Sealed.version] + bytes }

    /// The key that sealed what begins so; `nil` where that is no ciphertext of ours.
    public init?(sealedPrefix: [UInt8]) {
        guard sealedPrefix.count == 1 + Self.byteCount, sealedPrefix[0] == Sealed.version else { return nil }
        self.init(bytes: Array(sealedPrefix.dropFirst()))
    }
}

/// Why something did not open. No case carries a key or a plaintext; a key's name is no secret.
public enum SealingError: Error, Equatable, CustomStringConvertible {
    /// The bytes are no ciphertext of ours: too short, or of another version.
    case malformed
    /// It was sealed by a key that is not in the ring; the ids that are.
    case unknownKey(KeyID, known: [KeyID])
    /// The tag does not match: changed, or moved from another row, column or customer.
    case notAuthentic
    /// The key is not 64 hexadecimal digits.
    case keyNotHexadecimal

    public var description: String {
        switch self {
        case .malformed:
            "The sealed value is not in a form that this version can read."
        case .unknownKey(let id, let known):
            "The value was sealed with key \(id); the keys at hand are"
                + " \(known.map(\.description).joined(separator: ", "))."
                + " Put the key that sealed the data back, as ENCRYPTION_KEY or in ENCRYPTION_KEYS_RETIRED."
        case .notAuthentic:
            "The sealed value does not open: it was changed, or does not belong where it stands."
        case .keyNotHexadecimal:
            "An encryption key is 64 hexadecimal digits (32 bytes). Make one with: formation key generate"
        }
    }
}

/// A symmetric key with its name: seals and opens what belongs to one context.
struct SealingKey: Sendable, CustomReflectable {
    /// 32 bytes: AES-256.
    static let byteCount = 32

    let id: KeyID
    private let key: SymmetricKey

    var customMirror: Mirror { Mirror(self, children: []) }

    init(bytes: [UInt8]) {
        self.key = SymmetricKey(data: bytes)
        self.id = KeyID(of: self.key)
    }

    func seal(_ plaintext: [UInt8], context: SealingContext) throws -> Sealed {
        // The key id is authenticated too: a ciphertext relabelled for another key does not open.
        let header = [Sealed.version] + id.bytes
        let box = try AES.GCM.seal(plaintext, using: key, authenticating: header + context.associatedData)
        return Sealed(bytes: header + Array(box.nonce) + Array(box.ciphertext) + Array(box.tag))
    }

    func open(_ sealed: Sealed, context: SealingContext) throws -> [UInt8] {
        guard let id = sealed.keyID else { throw SealingError.malformed }
        guard id == self.id else { throw SealingError.unknownKey(id, known: [self.id]) }
        let headerLength = 1 + KeyID.byteCount
        do {
            let box = try AES.GCM.SealedBox(combined: sealed.bytes[headerLength...])
            let header = Array(sealed.bytes[..<headerLength])
            return try Array(AES.GCM.open(box, using: key, authenticating: header + context.associatedData))
        } catch {
            throw SealingError.notAuthentic
        }
    }
}
