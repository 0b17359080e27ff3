import Foundation
import Testing

@testable import Secrets

/// A secret is not to be seen, however it is printed and whatever it is inside.
@Suite struct SecretTests {
    private struct Holder {
        let secret = Secret("canary")
        let list = [Secret("canary")]
        let optional: Secret<String>? = Secret("canary")
        let bytes = Secret(Array("canary".utf8))
    }

    private enum Wrapped: Error {
        case failed(Secret<String>)
    }

    private static func dumped(_ value: Any) -> String {
        var text = ""
        dump(value, to: &text)
        return text
    }

    /// By itself and inside of structs, arrays, optionals and errors.
    @Test func secretPrintsAsRedacted() {
        let secret = Secret("canary")
        #expect("\(secret)" == "<redacted>")
        #expect(String(describing: secret) == "<redacted>")
        #expect(String(reflecting: secret) == "<redacted>")
        let values: [Any] = [secret, Holder(), [secret], Wrapped.failed(secret), ["key": secret], (1, secret)]
        for value in values {
            for text in [String(describing: value), String(reflecting: value), Self.dumped(value), "\(value)"] {
                #expect(!text.contains("canary"))
            }
        }
    }

    /// Reflection finds nothing either.
    @Test func secretHasNoChildren() {
        #expect(Mirror(reflecting: Secret("canary")).children.isEmpty)
        #expect(Mirror(reflecting: Secret("canary")).descendant("exposed") == nil)
    }

    /// Secrets can't be written into JSON by accident.
    @Test func secretIsNotCodable() {
        let value: Any = Secret("canary")
        #expect(!(value is any Encodable))
        #expect(!(value is any Decodable))
    }

    /// Equal secrets are equal; length, content and case matter.
    @Test func equalityIsExact() {
        #expect(Secret("abc") == Secret("abc"))
        #expect(Secret("abc") != Secret("abd"))
        #expect(Secret("abc") != Secret("ab"))
        #expect(Secret("abc") != Secret("ABC"))
        #expect(Secret("") == Secret(""))
        #expect(Secret([UInt8](0...255)) == Secret([UInt8](0...255)))
        #expect(Secret([1, 2, 3] as [UInt8]) != Secret([1, 2, 4]))
        // The same letter in two spellings: Swift's own comparison takes them for equal, a token's must not.
        #expect(Secret("\u{E9}") != Secret("e\u{301}"))
    }

    /// What is made from a secret is one.
    @Test func mappedSecretIsASecret() {
        let mapped = Secret("canary").map { $0 + "!" }
        #expect("\(mapped)" == "<redacted>")
        #expect(mapped.exposed == "canary!")
    }

    /// Keys show their names and no more.
    @Test func keysPrintTheirNames() throws {
        let hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        let ring = try KeyRing(current: Secret(hex))
        let key = try ring.makeDataKey(customer: nil).key
        #expect("\(key)" == "<data key \(key.id)>")
        #expect("\(ring)" == "<key ring \(ring.currentKeyID)>")
        for text in [Self.dumped(key), Self.dumped(ring), Self.dumped([key])] {
            // A dump of bytes would have one a line.
            #expect(text.split(separator: "\n").count <= 3)
        }
        #expect(Mirror(reflecting: key).children.isEmpty)
        #expect(Mirror(reflecting: ring).children.isEmpty)
        #expect(Mirror(reflecting: SealingKey(bytes: [UInt8](repeating: 7, count: 32))).children.isEmpty)
    }
}
