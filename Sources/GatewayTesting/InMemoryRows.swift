internal import Domain
internal import Foundation

// PostgreSQL keeps times to the microsecond; so does the in-memory store, or a value read back would differ in the one
// and not in the other.

extension Date {
    /// The time as `timestamptz` keeps it.
    var inMicroseconds: Date {
        Date(timeIntervalSince1970: (timeIntervalSince1970 * 1_000_000).rounded() / 1_000_000)
    }
}

extension Customer {
    var inMicroseconds: Customer {
        var row = self
        row.stagedClientSecret = stagedClientSecret.map {
            StagedSecret(secret: $0.secret, since: $0.since.inMicroseconds)
        }
        row.trialEndsAt = trialEndsAt?.inMicroseconds
        row.pastDueSince = pastDueSince?.inMicroseconds
        row.suspendedAt = suspendedAt?.inMicroseconds
        row.createdAt = createdAt.inMicroseconds
        row.updatedAt = updatedAt.inMicroseconds
        return row
    }
}

extension User {
    var inMicroseconds: User {
        var row = self
        row.lastLoginAt = lastLoginAt?.inMicroseconds
        row.disabledAt = disabledAt?.inMicroseconds
        row.createdAt = createdAt.inMicroseconds
        row.updatedAt = updatedAt.inMicroseconds
        return row
    }
}

extension CustomerConfig {
    var inMicroseconds: CustomerConfig {
        var row = self
        row.createdAt = createdAt.inMicroseconds
        row.updatedAt = updatedAt.inMicroseconds
        return row
    }
}

extension OAuthToken {
    var inMicroseconds: OAuthToken {
        var row = self
        row.expiresAt = expiresAt.inMicroseconds
        row.leaseExpiresAt = leaseExpiresAt?.inMicroseconds
        row.spendingSince = spendingSince?.inMicroseconds
        row.createdAt = createdAt.inMicroseconds
        row.updatedAt = updatedAt.inMicroseconds
        return row
    }
}

extension Session {
    var inMicroseconds: Session {
        Session(
            id: id, customerID: customerID, userID: userID, tokenHash: tokenHash, createdAt: createdAt.inMicroseconds,
            lastSeenAt: lastSeenAt.inMicroseconds, expiresAt: expiresAt.inMicroseconds, userAgent: userAgent)
    }
}

extension AccessKey {
    var inMicroseconds: AccessKey {
        AccessKey(
            id: id, customerID: customerID, userID: userID, name: name, scope: scope, keyHash: keyHash,
            createdAt: createdAt.inMicroseconds, expiresAt: expiresAt.inMicroseconds,
            lastUsedAt: lastUsedAt?.inMicroseconds)
    }
}

extension AuditEvent {
    var inMicroseconds: AuditEvent {
        AuditEvent(
            id: id, customerID: customerID, userID: userID, action: action, detail: detail, requestID: requestID,
            at: at.inMicroseconds)
    }
}
