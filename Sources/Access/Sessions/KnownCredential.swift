internal import Domain
internal import Foundation
internal import Synchronization

/// A session or an access key with its user, as it was read from the database, and when it was used since.
///
/// A million of these are in memory: what is in it once is not there twice, and texts lie in one piece.
final class Credential: Sendable {
    // What each request looks at comes first, so that it lies together.
    private let hash: CredentialHash
    let customerID: CustomerID
    private let lastUsed: AtomicDate
    /// The last use that the database knows or was told of.
    private let written: AtomicDate
    /// The limit that no use moves.
    let expiresAt: Date
    let isDisabled: Bool
    let keyScope: AccessKeyScope?
    let userID: UserID
    /// When it was read from the database.
    let readAt: Date
    private let id: UUID
    private let createdAt: Date
    private let keyName: String
    private let person: PackedUser

    init(session: Session, hash: CredentialHash, user: User, readAt: Date) {
        self.hash = hash
        self.customerID = user.customerID
        self.lastUsed = AtomicDate(session.lastSeenAt)
        self.written = AtomicDate(session.lastSeenAt)
        self.expiresAt = session.expiresAt
        self.isDisabled = user.disabledAt != nil
        self.keyScope = nil
        self.userID = user.id
        self.readAt = readAt
        self.id = session.id.rawValue
        self.createdAt = session.createdAt
        self.keyName = ""
        self.person = PackedUser(user)
    }

    init(key: AccessKey, hash: CredentialHash, user: User, readAt: Date) {
        self.hash = hash
        self.customerID = user.customerID
        self.lastUsed = AtomicDate(key.lastUsedAt ?? .distantPast)
        self.written = AtomicDate(key.lastUsedAt ?? .distantPast)
        self.expiresAt = key.expiresAt
        self.isDisabled = user.disabledAt != nil
        self.keyScope = key.scope
        self.userID = user.id
        self.readAt = readAt
        self.id = key.id.rawValue
        self.createdAt = key.createdAt
        self.keyName = key.name
        self.person = PackedUser(user)
    }

    /// Whether it is the credential of a hash: all 256 bits of it.
    func has(_ hash: CredentialHash) -> Bool {
        self.hash == hash
    }

    /// What the tables know it by.
    var tableKey: CredentialHash { hash }

    /// The last use; `.distantPast` for a key that was never used.
    var lastUsedAt: Date { lastUsed.value }

    /// The person, as last read.
    var user: User { person.user(id: userID, customerID: customerID) }

    /// What proves it, as of its last use (`.distantPast`: as it was read).
    func proof(lastUsedAt: Date) -> Caller.Proof {
        guard let keyScope else {
            return .session(
                Session(
                    id: SessionID(id), customerID: customerID, userID: userID, tokenHash: hash.bytes,
                    createdAt: createdAt, lastSeenAt: lastUsedAt, expiresAt: expiresAt))
        }
        return .accessKey(
            AccessKey(
                id: AccessKeyID(id), customerID: customerID, userID: userID, name: keyName, scope: keyScope,
                keyHash: hash.bytes, createdAt: createdAt, expiresAt: expiresAt,
                lastUsedAt: lastUsedAt == .distantPast ? nil : lastUsedAt))
    }

    /// The rows that it was made from.
    var subjects: [UUID] { [id, userID.rawValue] }

    /// When it ends if nothing more happens. An access key has no idle limit.
    func endsAt(idleLimit: TimeInterval) -> Date {
        guard keyScope == nil else { return expiresAt }
        return min(expiresAt, lastUsedAt.addingTimeInterval(idleLimit))
    }

    /// Notes a use; returns the write that it is time for. Only under the lock of the table that holds it.
    func noteUse(at now: Date, touchInterval: TimeInterval) -> CredentialUse? {
        if now > lastUsed.value { lastUsed.value = now }
        guard now.timeIntervalSince(written.value) >= touchInterval else { return nil }
        written.value = now
        return keyScope == nil
            ? .session(LastUse(id: SessionID(id), customerID: customerID, at: now))
            : .key(LastUse(id: AccessKeyID(id), customerID: customerID, at: now))
    }
}

/// A credential in memory, and beside it the token that its calls used last, so that both are fetched at once.
struct KnownCredential: Sendable {
    let credential: Credential
    /// A hint: the token itself says whether it may be used.
    var token: LiveToken?

    init(_ credential: Credential) {
        self.credential = credential
    }
}
