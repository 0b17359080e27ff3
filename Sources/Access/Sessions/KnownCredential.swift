internal import Domain
internal import Foundation

/// A session or an access key with its user, as kept in memory.
struct KnownCredential: Sendable {
    var proof: Caller.Proof
    let user: User
    /// When it was read from the database.
    let readAt: Date
    /// The last use that the database knows or was told of.
    var writtenAt: Date

    init(session: Session, user: User, readAt: Date) {
        self.proof = .session(session)
        self.user = user
        self.readAt = readAt
        self.writtenAt = session.lastSeenAt
    }

    init(key: AccessKey, user: User, readAt: Date) {
        self.proof = .accessKey(key)
        self.user = user
        self.readAt = readAt
        self.writtenAt = key.lastUsedAt ?? .distantPast
    }

    var customerID: CustomerID { user.customerID }

    /// The rows that it was made from.
    var subjects: [UUID] {
        switch proof {
        case .session(let session): [session.id.rawValue, user.id.rawValue]
        case .accessKey(let key): [key.id.rawValue, user.id.rawValue]
        }
    }

    /// The limit that no use moves.
    var expiresAt: Date {
        switch proof {
        case .session(let session): session.expiresAt
        case .accessKey(let key): key.expiresAt
        }
    }

    func endsAt(idleLimit: TimeInterval) -> Date {
        switch proof {
        case .session(let session): session.endsAt(idleLimit: idleLimit)
        case .accessKey(let key): key.expiresAt
        }
    }

    /// Notes a use; returns the write that it is time for.
    mutating func noteUse(at now: Date, touchInterval: TimeInterval) -> BackgroundWrite? {
        let isDue = now.timeIntervalSince(writtenAt) >= touchInterval
        if isDue { writtenAt = now }
        switch proof {
        case .session(var session):
            session.lastSeenAt = max(session.lastSeenAt, now)
            proof = .session(session)
            return isDue ? .touchSession(session.id, customer: session.customerID, at: now) : nil
        case .accessKey(var key):
            key.lastUsedAt = now
            proof = .accessKey(key)
            return isDue ? .touchKey(key.id, customer: key.customerID, at: now) : nil
        }
    }
}

/// A write that no request waits for.
enum BackgroundWrite: Sendable {
    case touchSession(SessionID, customer: CustomerID, at: Date)
    case touchKey(AccessKeyID, customer: CustomerID, at: Date)
    case audit(AuditEvent)
}
