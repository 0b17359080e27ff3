import Crypto
import CryptoExtras
import Foundation

/// Signs id tokens with RS256. The key is made when it is first needed, and serves every simulator of the process.
enum IdentitySigner {
    /// The name of the key in `/id/keys`.
    static let keyID = "248"

    private static let key = Result { try _RSA.Signing.PrivateKey(keySize: .bits2048) }

    /// A JWT of these claims.
    static func token(_ claims: JSON) throws -> String {
        let header: JSON = ["kid": .string(Self.keyID), "typ": "JWT", "alg": "RS256"]
        let signed = "\(base64URL(header.encoded)).\(base64URL(claims.encoded))"
        let signature = try key.get().signature(for: Data(signed.utf8), padding: .insecurePKCS1v1_5)
        return "\(signed).\(base64URL(signature.rawRepresentation))"
    }

    /// The public key as a JSON Web Key Set.
    static func keySet() throws -> JSON {
        let primitives = try key.get().publicKey.getKeyPrimitives()
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
