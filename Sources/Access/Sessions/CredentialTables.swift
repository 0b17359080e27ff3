internal import Domain
internal import Foundation

/// The credentials that a process has in memory, sharded, so that warm requests of different callers don't meet.
final class CredentialTables: Sendable {
    typealias Table = ShardedCache<CredentialHash, KnownCredential>

    let sessions: Table
    let keys: Table

    init(limits: AccessLimits) {
        let makeTable = {
            Table(
                capacity: limits.sessionsMax, missingCapacity: limits.unknownSessionsMax,
                missingSeconds: limits.unknownSessionSeconds, subjects: \.credential.subjects)
        }
        self.sessions = makeTable()
        self.keys = makeTable()
    }

    /// Puts a token beside a credential, if that is still in memory: its next call finds both at once.
    ///
    /// Not one that was retired meanwhile: whoever retires a token unlinks it next, by the same lock. The token knows
    /// the credential's shard already (``GrantTable/askWarm(_:credentialShard:at:)``).
    func link(_ token: LiveToken, to credential: Credential, at now: Date) {
        let table = credential.keyScope == nil ? sessions : keys
        let hash = credential.tableKey
        let shard = table.shard(of: hash)
        let replaced = shard.cached(hash, at: now) { known -> LiveToken? in
            guard known.credential === credential, token.isWarm(at: now) else { return nil }
            defer { known.token = token }
            return known.token
        }
        // Freed here, and not under the lock.
        withExtendedLifetime(replaced) {}
    }

    /// Takes a retired token away from the credentials that it was put beside. It would not be used, but its text is a
    /// secret that shall not outlive it here.
    func unlink(_ token: LiveToken) {
        for table in [sessions, keys] {
            table.update(subject: token.userID.rawValue, inShards: token.linkedShards) { known in
                if known.token === token { known.token = nil }
            }
        }
    }

    /// Drops what is known of a session, an access key or a user.
    func drop(subject: UUID) {
        sessions.drop(subject: subject)
        keys.drop(subject: subject)
    }

    func dropAll() {
        sessions.dropAll()
        keys.dropAll()
    }
}
