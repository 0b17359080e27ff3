internal import Domain
internal import Foundation

/// A session or an access key with its user, as it was read from the database.
final class Credential: Sendable {
    // What each request looks at comes first, so that it lies together.
    let customerID: CustomerID
    let userID: UserID
    /// The limit that no use moves.
    let expiresAt: Date
    let isDisabled: Bool
    let keyScope: AccessKeyScope?
    /// When it was read from the database.
    let readAt: Date
    let user: User
    private let read: Caller.Proof

    init(session: Session, user: User, readAt: Date) {
        self.readAt = readAt
        self.customerID = user.customerID
        self.userID = user.id
        self.expiresAt = session.expiresAt
        self.isDisabled = user.disabledAt != nil
        self.keyScope = nil
        self.user = user
        self.read = .session(session)
    }

    init(key: AccessKey, user: User, readAt: Date) {
        self.readAt = readAt
        self.customerID = user.customerID
        self.userID = user.id
        self.expiresAt = key.expiresAt
        self.isDisabled = user.disabledAt != nil
        self.keyScope = key.scope
        self.user = user
        self.read = .accessKey(key)
    }

    /// What proves it, as of its last use (`.distantPast`: as it was read).
    func proof(lastUsedAt: Date) -> Caller.Proof {
        switch read {
        case .session(var session):
            session.lastSeenAt = max(session.lastSeenAt, lastUsedAt)
            return .session(session)
        case .accessKey(var key):
            if lastUsedAt > key.lastUsedAt ?? .distantPast { key.lastUsedAt = lastUsedAt }
            return .accessKey(key)
        }
    }

    /// The rows that it was made from.
    var subjects: [UUID] {
        switch read {
        case .session(let session): [session.id.rawValue, userID.rawValue]
        case .accessKey(let key): [key.id.rawValue, userID.rawValue]
        }
    }

    /// The write that notes a use.
    func touch(at now: Date) -> BackgroundWrite {
        switch read {
        case .session(let session): .touchSession(session.id, customer: customerID, at: now)
        case .accessKey(let key): .touchKey(key.id, customer: customerID, at: now)
        }
    }
}

/// A credential in memory with what its uses change.
struct KnownCredential: Sendable {
    let credential: Credential
    private(set) var lastUsedAt: Date
    /// The last use that the database knows or was told of.
    private var writtenAt: Date

    init(session: Session, user: User, readAt: Date) {
        self.credential = Credential(session: session, user: user, readAt: readAt)
        self.lastUsedAt = session.lastSeenAt
        self.writtenAt = session.lastSeenAt
    }

    init(key: AccessKey, user: User, readAt: Date) {
        self.credential = Credential(key: key, user: user, readAt: readAt)
        self.lastUsedAt = key.lastUsedAt ?? .distantPast
        self.writtenAt = lastUsedAt
    }

    /// When it ends if nothing more happens. An access key has no idle limit.
    func endsAt(idleLimit: TimeInterval) -> Date {
        guard credential.keyScope == nil else { return credential.expiresAt }
        return min(credential.expiresAt, lastUsedAt.addingTimeInterval(idleLimit))
    }

    /// Notes a use; returns the write that it is time for.
    mutating func noteUse(at now: Date, touchInterval: TimeInterval) -> BackgroundWrite? {
        lastUsedAt = max(lastUsedAt, now)
        guard now.timeIntervalSince(writtenAt) >= touchInterval else { return nil }
        writtenAt = now
        return credential.touch(at: now)
    }
}

/// A write that no request waits for.
enum BackgroundWrite: Sendable {
    case touchSession(SessionID, customer: CustomerID, at: Date)
    case touchKey(AccessKeyID, customer: CustomerID, at: Date)
    case audit(AuditEvent)
}
