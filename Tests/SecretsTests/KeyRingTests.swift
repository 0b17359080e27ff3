import Foundation
import Testing

@testable import Secrets

/// Master keys come and go; what they sealed stays readable as long as one of them is in the ring.
@Suite struct KeyRingTests {
    private static let old = Secret(String(repeating: "11", count: 32))
    private static let new = Secret(String(repeating: "2f", count: 32))
    private static let customer = UUID(uuid: (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    private static let other = UUID(uuid: (2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
    private static let context = SealingContext(table: "t", column: "c", row: nil, customer: customer)

    /// A data key opens again, and is the same key.
    @Test func dataKeyOpens() throws {
        let ring = try KeyRing(current: Self.old)
        let (key, sealed) = try ring.makeDataKey(customer: Self.customer)
        let again = try ring.openDataKey(sealed, customer: Self.customer)
        #expect(again.id == key.id)
        #expect(try again.open(key.seal(Secret("x"), context: Self.context), context: Self.context) == Secret("x"))
    }

    /// Each customer has a key of its own, and another's row does not open.
    @Test func dataKeyBelongsToItsCustomer() throws {
        let ring = try KeyRing(current: Self.old)
        let (key, sealed) = try ring.makeDataKey(customer: Self.customer)
        #expect(try ring.makeDataKey(customer: Self.other).key.id != key.id)
        #expect(throws: SealingError.notAuthentic) { try ring.openDataKey(sealed, customer: Self.other) }
        #expect(throws: SealingError.notAuthentic) { try ring.openDataKey(sealed, customer: nil) }
        let platform = try ring.makeDataKey(customer: nil).sealed
        #expect(throws: SealingError.notAuthentic) { try ring.openDataKey(platform, customer: Self.customer) }
        #expect(throws: Never.self) { try ring.openDataKey(platform, customer: nil) }
    }

    /// A retired key opens but does not seal.
    @Test func retiredKeyOpens() throws {
        let before = try KeyRing(current: Self.old)
        let (key, sealed) = try before.makeDataKey(customer: Self.customer)
        let after = try KeyRing(current: Self.new, retired: [Self.old])
        #expect(try after.openDataKey(sealed, customer: Self.customer).id == key.id)
        #expect(try after.makeDataKey(customer: Self.customer).sealed.keyID == after.currentKeyID)
        #expect(Set(after.keyIDs) == [before.currentKeyID, after.currentKeyID])
    }

    /// Without the key that sealed, the error names it and those at hand, and says the cure.
    @Test func unknownKeyIsNamed() throws {
        let before = try KeyRing(current: Self.old)
        let sealed = try before.makeDataKey(customer: Self.customer).sealed
        let after = try KeyRing(current: Self.new)
        let expected = SealingError.unknownKey(before.currentKeyID, known: [after.currentKeyID])
        #expect(throws: expected) { try after.openDataKey(sealed, customer: Self.customer) }
        #expect(throws: expected) { try after.rewrap(sealed, customer: Self.customer) }
        #expect(expected.description.contains("\(before.currentKeyID)"))
        #expect(expected.description.contains("\(after.currentKeyID)"))
        #expect(expected.description.contains("ENCRYPTION_KEYS_RETIRED"))
    }

    /// Re-wrapped, the same data key opens with the new master key alone.
    @Test func rewrappedKeyIsTheSame() throws {
        let (key, sealed) = try KeyRing(current: Self.old).makeDataKey(customer: Self.customer)
        let both = try KeyRing(current: Self.new, retired: [Self.old])
        let rewrapped = try #require(try both.rewrap(sealed, customer: Self.customer))
        let after = try KeyRing(current: Self.new)
        let opened = try after.openDataKey(rewrapped, customer: Self.customer)
        #expect(opened.id == key.id)
        #expect(try opened.open(key.seal(Secret("x"), context: Self.context), context: Self.context) == Secret("x"))
        #expect(try after.rewrap(rewrapped, customer: Self.customer) == nil)
        #expect(throws: SealingError.notAuthentic) { try both.rewrap(sealed, customer: Self.other) }
    }

    /// Digits in either case are one key; naming a key twice is no harm.
    @Test func keysAreReadInEitherCase() throws {
        let lower = try KeyRing(current: Secret(String(repeating: "af", count: 32)))
        let upper = try KeyRing(
            current: Secret(String(repeating: "AF", count: 32)), retired: [Secret(String(repeating: "aF", count: 32))])
        #expect(lower.currentKeyID == upper.currentKeyID)
        #expect(upper.keyIDs == [upper.currentKeyID])
    }

    /// What is not 64 hexadecimal digits is refused, without a word of it in the error.
    @Test(arguments: [
        "", "11", String(repeating: "1", count: 63), String(repeating: "1", count: 65),
        String(repeating: "g", count: 64),
        String(repeating: "1", count: 62) + " 1", String(repeating: "1", count: 62) + "é",
        String(repeating: "+1", count: 32),
        "0x" + String(repeating: "1", count: 62),
    ])
    func otherKeysAreRefused(text: String) {
        #expect(throws: SealingError.keyNotHexadecimal) { try KeyRing(current: Secret(text)) }
        #expect(throws: SealingError.keyNotHexadecimal) { try KeyRing(current: Self.old, retired: [Secret(text)]) }
    }

    /// A generated key is one, and another each time.
    @Test func generatedKeysAreKeys() throws {
        let keys = (0..<100).map { _ in KeyRing.generate() }
        #expect(Set(keys.map(\.exposed)).count == 100)
        for key in keys { #expect(throws: Never.self) { try KeyRing(current: key) } }
    }

    /// A sealed key of another length than 32 bytes is no data key, though the master key sealed it.
    @Test func shortDataKeyIsRefused() throws {
        let ring = try KeyRing(current: Self.old)
        let master = SealingKey(bytes: [UInt8](repeating: 0x11, count: 32))
        let context = SealingContext(table: "platform_keys", column: "data_key", row: nil, customer: nil)
        let sealed = try master.seal([UInt8](repeating: 1, count: 16), context: context)
        #expect(throws: SealingError.malformed) { try ring.openDataKey(sealed, customer: nil) }
    }

    /// What a key sealed is found by how it begins, and the key's name is read from there.
    @Test func sealedPrefixNamesTheKey() throws {
        let ring = try KeyRing(current: Self.new, retired: [Self.old])
        let sealed = try ring.makeDataKey(customer: Self.customer).sealed
        #expect(sealed.bytes.starts(with: ring.currentKeyID.sealedPrefix))
        #expect(KeyID(sealedPrefix: ring.currentKeyID.sealedPrefix) == ring.currentKeyID)
        #expect(KeyID(sealedPrefix: Array(sealed.bytes.prefix(10))) == nil)
        #expect(KeyID(sealedPrefix: []) == nil)
        #expect(KeyID(sealedPrefix: [2] + ring.currentKeyID.sealedPrefix.dropFirst()) == nil)
        #expect(try ring.retiredKeyIDs == [KeyRing(current: Self.old).currentKeyID])
    }

    /// The name of a key is eight bytes of a hash, which another process computes alike.
    @Test func keyNameIsStable() throws {
        #expect(try KeyRing(current: Self.old).currentKeyID.description == "721e36c00c27c273")
    }
}
