import Crypto
import Foundation
import Testing

@testable import Secrets

/// What is sealed opens where it belongs, with the key that sealed it, unchanged; and nowhere else.
@Suite struct SealingTests {
    private static let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
    private static let otherHex = String(repeating: "a5", count: 32)
    private static let customer = id(1)
    private static let context = SealingContext(
        table: "oauth_tokens", column: "access_token", row: id(2), customer: customer)

    private static func id(_ number: UInt8) -> UUID {
        UUID(uuid: (number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    }

    private static func dataKey() throws -> DataKey {
        try KeyRing(current: Secret(hex)).makeDataKey(customer: customer).key
    }

    /// Every text comes back as it was, the empty one too.
    @Test(arguments: ["", "x", "00Dx!token", "pässwörd ✓ \u{0}", String(repeating: "long", count: 10_000)])
    func sealedTextOpens(text: String) throws {
        let key = try Self.dataKey()
        let sealed = try key.seal(Secret(text), context: Self.context)
        #expect(try key.open(sealed, context: Self.context) == Secret(text))
        #expect(try key.open(Sealed(bytes: sealed.bytes), context: Self.context) == Secret(text))
    }

    /// `01 ‖ key id (8) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`, opened here by hand with the documented associated data.
    @Test func layoutIsAsDocumented() throws {
        let raw = [UInt8](0..<32)
        let key = SealingKey(bytes: raw)
        let sealed = try key.seal(Array("hello".utf8), context: Self.context)
        let bytes = sealed.bytes
        #expect(bytes.count == 1 + 8 + 12 + 5 + 16)
        #expect(bytes[0] == 1)
        let keyID = Array(SHA256.hash(data: Array("formation/key-id/1".utf8) + raw).prefix(8))
        #expect(Array(bytes[1..<9]) == keyID)
        #expect(sealed.keyID?.bytes == keyID)
        var associated = Array(bytes[..<9]) + Array("formation/seal/1".utf8)
        for part in [
            "oauth_tokens", "access_token", "02000000-0000-0000-0000-000000000000",
            "01000000-0000-0000-0000-000000000000",
        ] {
            associated += [0, 0, 0, UInt8(part.utf8.count)] + Array(part.utf8)
        }
        let box = try AES.GCM.SealedBox(
            nonce: .init(data: bytes[9..<21]), ciphertext: bytes[21..<26], tag: bytes[26...])
        let opened = try AES.GCM.open(box, using: SymmetricKey(data: raw), authenticating: associated)
        #expect(Array(opened) == Array("hello".utf8))
    }

    /// A value that an earlier process sealed opens today: the format must not drift. Made with Python's cryptography.
    @Test func storedValueOpens() throws {
        let stored = try #require(Data(base64Encoded: Self.storedValue))
        let key = SealingKey(bytes: [UInt8](0..<32))
        #expect(try key.open(Sealed(bytes: Array(stored)), context: Self.context) == Array("5Aep861".utf8))
    }

    private static let storedValue = "ARLCaVwUitSfZGVmZ2hpamtsbW5vfVq7FkHfZ2zN8fFBHP4F64my/duQurU="

    /// Moved to another row, column, table or customer, or to none, it does not open.
    @Test func movedValueDoesNotOpen() throws {
        let key = try Self.dataKey()
        let sealed = try key.seal(Secret("x"), context: Self.context)
        let others = [
            SealingContext(table: "customers", column: "access_token", row: Self.id(2), customer: Self.customer),
            SealingContext(table: "oauth_tokens", column: "refresh_token", row: Self.id(2), customer: Self.customer),
            SealingContext(table: "oauth_tokens", column: "access_token", row: Self.id(3), customer: Self.customer),
            SealingContext(table: "oauth_tokens", column: "access_token", row: nil, customer: Self.customer),
            SealingContext(table: "oauth_tokens", column: "access_token", row: Self.id(2), customer: Self.id(9)),
            SealingContext(table: "oauth_tokens", column: "access_token", row: Self.id(2), customer: nil),
            SealingContext(table: "oauth_tokens", column: "access_token", row: Self.customer, customer: Self.id(2)),
            SealingContext(table: "oauth_token", column: "saccess_token", row: Self.id(2), customer: Self.customer),
        ]
        for other in others {
            #expect(throws: SealingError.notAuthentic) { try key.open(sealed, context: other) }
        }
    }

    /// No two contexts give the same bytes, wherever the border between their parts lies.
    @Test func contextsAreUnambiguous() {
        let contexts = [
            SealingContext(table: "ab", column: "c", row: nil, customer: nil),
            SealingContext(table: "a", column: "bc", row: nil, customer: nil),
            SealingContext(table: "abc", column: "", row: nil, customer: nil),
            SealingContext(table: "", column: "abc", row: nil, customer: nil),
            SealingContext(table: "ab", column: "c", row: Self.id(1), customer: nil),
            SealingContext(table: "ab", column: "c", row: nil, customer: Self.id(1)),
        ]
        #expect(Set(contexts.map(\.associatedData)).count == contexts.count)
    }

    /// Each bit of each byte counts, version, key id, nonce, ciphertext and tag alike.
    @Test func everyFlippedBitIsNoticed() throws {
        let key = try Self.dataKey()
        let sealed = try key.seal(Secret("secret text"), context: Self.context)
        for index in sealed.bytes.indices {
            for bit in 0..<8 {
                var bytes = sealed.bytes
                bytes[index] ^= 1 << bit
                #expect(throws: SealingError.self) { try key.open(Sealed(bytes: bytes), context: Self.context) }
            }
        }
    }

    /// Cut at any length, or with more behind it, it does not open.
    @Test func everyOtherLengthIsNoticed() throws {
        let key = try Self.dataKey()
        let sealed = try key.seal(Secret("secret text"), context: Self.context)
        for length in sealed.bytes.indices {
            #expect(throws: SealingError.self) {
                try key.open(Sealed(bytes: Array(sealed.bytes.prefix(length))), context: Self.context)
            }
        }
        #expect(throws: SealingError.notAuthentic) {
            try key.open(Sealed(bytes: sealed.bytes + [0]), context: Self.context)
        }
    }

    /// A ciphertext relabelled for another key does not open with that key, even where the bytes of both are known.
    @Test func relabelledValueDoesNotOpen() throws {
        let first = try Self.dataKey()
        let second = try Self.dataKey()
        let sealed = try first.seal(Secret("x"), context: Self.context)
        #expect(throws: SealingError.unknownKey(first.id, known: [second.id])) {
            try second.open(sealed, context: Self.context)
        }
        var bytes = sealed.bytes
        bytes.replaceSubrange(1..<9, with: second.id.bytes)
        #expect(throws: SealingError.notAuthentic) { try second.open(Sealed(bytes: bytes), context: Self.context) }
    }

    /// The same text sealed twice is not the same: nobody can tell that two customers share a secret.
    @Test func noncesAreFresh() throws {
        let key = try Self.dataKey()
        let sealed = try (0..<1_000).map { _ in try key.seal(Secret("x"), context: Self.context) }
        #expect(Set(sealed.map { Array($0.bytes[9..<21]) }).count == 1_000)
        #expect(Set(sealed).count == 1_000)
    }

    /// What is no ciphertext of ours is malformed, not a crash.
    @Test(arguments: [[], [1], [UInt8](repeating: 1, count: 36), [UInt8](repeating: 2, count: 100)])
    func otherBytesAreMalformed(bytes: [UInt8]) throws {
        let key = try Self.dataKey()
        #expect(Sealed(bytes: bytes).keyID == nil)
        #expect(throws: SealingError.malformed) { try key.open(Sealed(bytes: bytes), context: Self.context) }
        let ring = try KeyRing(current: Secret(Self.hex))
        #expect(throws: SealingError.malformed) { try ring.openDataKey(Sealed(bytes: bytes), customer: nil) }
    }
}
