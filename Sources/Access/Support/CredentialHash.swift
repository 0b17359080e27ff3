internal import Crypto

/// SHA-256 of a credential: what the database knows it by, and the key of the table in memory.
struct CredentialHash: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    init(_ credential: String) {
        self.init(credential.utf8.span)
    }

    init(_ credential: Span<UInt8>) {
        var hash = SHA256()
        credential.withUnsafeBytes { hash.update(bufferPointer: $0) }
        let digest = hash.finalize()
        self.words = digest.withUnsafeBytes { bytes in
            (
                bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self).littleEndian,
                bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self).littleEndian,
                bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self).littleEndian,
                bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self).littleEndian
            )
        }
    }

    /// The 32 bytes as they are stored.
    var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
        }
    }

    static func == (left: CredentialHash, right: CredentialHash) -> Bool {
        left.words == right.words
    }

    func hash(into hasher: inout Hasher) {
        // SHA-256 is spread already, and nobody can choose its values.
        hasher.combine(words.1)
    }
}

extension CredentialHash: TableKey {
    var tableHash: UInt64 { words.1 }

    /// With ``tableHash``, half of the hash: nobody can make another credential that agrees in 127 bits, and what is
    /// found is compared as a whole all the same (`SessionKeeper.use`).
    var kept: UInt64 { words.0 }
}
