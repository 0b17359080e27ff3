internal import Domain
internal import Foundation
internal import NIOConcurrencyHelpers

/// Tenants whose client id or secret Salesforce refused lately: asking for each of their users would only repeat it.
final class TenantTroubles: Sendable {
    /// 10,000 tenants; who falls out is asked again.
    private static let tenantsMax = 10_000

    private let rejectedUntil = NIOLockedValueBox(BoundedTable<CustomerID, Date>(capacity: tenantsMax))

    func isRejected(_ tenant: CustomerID, at now: Date) -> Bool {
        rejectedUntil.withLockedValue { $0.value(for: tenant) }.map { now < $0 } ?? false
    }

    func noteRejected(_ tenant: CustomerID, until: Date) {
        _ = rejectedUntil.withLockedValue { $0.insert(until, for: tenant) }
    }

    func forget(_ tenant: CustomerID) {
        _ = rejectedUntil.withLockedValue { $0.remove(tenant) }
    }

    func forgetAll() {
        rejectedUntil.withLockedValue { $0.removeAll() }
    }
}
