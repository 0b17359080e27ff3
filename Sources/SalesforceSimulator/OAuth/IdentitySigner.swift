import Crypto
import CryptoExtras
import Foundation
import NIOConcurrencyHelpers

/// Signs id tokens with RS256. The key is made when it is first needed, and lives as long as the simulator.
final class IdentitySigner: Sendable {
    /// The name of the key in `/id/keys`.
    static let keyID = "248"

    private let key = NIOLockedValueBox<_RSA.Signing.PrivateKey?>(nil)

    private func privateKey() throws -> _RSA.Signing.PrivateKey {
        try key.withLockedValue { key in
            if let key { return key }
            let made = try _RSA.Signing.PrivateKey(keySize: .bits2048)
            key = made
            return made
        }
    }

    /// A JWT of these claims.
    func token(_ claims: JSON) throws -> String {
        let header: JSON = ["kid": .string(Self.keyID), "typ": "JWT", "alg": "RS256"]
        let signed = "\(base64URL(header.encoded)).\(base64URL(claims.encoded))"
        let signature = try privateKey().signature(for: Data(signed.utf8), padding: .insecurePKCS1v1_5)
        return "\(signed).\(base64URL(signature.rawRepresentation))"
    }

    /// The public key as a JSON Web Key Set.
    func keySet() throws -> JSON {
        let primitives = try privateKey().publicKey.getKeyPrimitives()
        return [
            "keys": [
                [
                    "kty": "RSA", "use": "sig", "alg": "RS256", "kid": .string(Self.keyID),
                    "n": .string(base64URL(primitives.modulus)), "e": .string(base64URL(primitives.publicExponent)),
                ]
            ]
        ]
    }
}
