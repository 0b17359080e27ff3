internal import Domain
internal import Foundation
internal import Logging
internal import NIOConcurrencyHelpers

/// Writes audit events. One that can't be written is logged and does not fail what it tells of.
struct AuditTrail: Sendable {
    private let context: AccessContext
    private let quota: Quota

    init(context: AccessContext) {
        self.context = context
        self.quota = Quota()
    }

    /// An event as of now.
    func event(
        _ action: AuditAction, customer: CustomerID, user: UserID? = nil, detail: [String: String] = [:],
        requestID: String? = nil
    ) -> AuditEvent {
        AuditEvent(
            id: AuditEventID(context.makeID()), customerID: customer, userID: user, action: action, detail: detail,
            requestID: requestID, at: context.now())
    }

    func record(_ event: AuditEvent) async {
        do {
            try await context.repositories.audit.append(event)
        } catch {
            context.logger.warning(
                "An audit event could not be written",
                metadata: ["action": "\(event.action.rawValue)", "error": "\(type(of: error))"])
        }
    }

    func record(
        _ action: AuditAction, customer: CustomerID, user: UserID? = nil, detail: [String: String] = [:],
        requestID: String? = nil
    ) async {
        await record(event(action, customer: customer, user: user, detail: detail, requestID: requestID))
    }

    /// Whether an event that strangers can cause may be written: so many a minute for each tenant, no more.
    func admitsFromStrangers(_ action: AuditAction, customer: CustomerID) -> Bool {
        quota.admits(Quota.Subject(customer: customer, action: action), at: context.now())
    }
}

/// Counts events by subject and minute.
private final class Quota: Sendable {
    struct Subject: TableKey {
        let customer: CustomerID
        let action: AuditAction
    }

    private struct Window {
        var since: Date
        var count: Int
    }

    /// 10 events a minute, of 10,000 subjects.
    private static let eventsPerWindowMax = 10
    private static let windowSeconds: TimeInterval = 60
    private static let subjectsMax = 10_000

    private let windows = NIOLockedValueBox(BoundedTable<Subject, Window>(capacity: subjectsMax))

    func admits(_ subject: Subject, at now: Date) -> Bool {
        windows.withLockedValue { windows in
            let isAdmitted = windows.update(subject) { window in
                if now.timeIntervalSince(window.since) >= Self.windowSeconds { window = Window(since: now, count: 0) }
                window.count += 1
                return window.count <= Self.eventsPerWindowMax
            }
            if let isAdmitted { return isAdmitted }
            windows.insert(Window(since: now, count: 1), for: subject)
            return true
        }
    }
}
