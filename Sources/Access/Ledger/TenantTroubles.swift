internal import Domain
internal import Foundation
internal import NIOConcurrencyHelpers
internal import Salesforce

/// Tenants whose client id or secret Salesforce refused lately: asking for each of their users would only repeat it.
final class TenantTroubles: Sendable {
    private struct Trouble {
        /// Until when nobody asks again.
        var rejectedUntil = Date.distantPast
        /// What the operator was told last.
        var told: SalesforceError.Code?
    }

    /// 10,000 tenants; who falls out is asked again.
    private static let tenantsMax = 10_000

    private let troubles = NIOLockedValueBox(BoundedTable<CustomerID, Trouble>(capacity: tenantsMax))

    func isRejected(_ tenant: CustomerID, at now: Date) -> Bool {
        troubles.withLockedValue { $0.value(for: tenant) }.map { now < $0.rejectedUntil } ?? false
    }

    func noteRejected(_ tenant: CustomerID, until: Date) {
        change(tenant) { $0.rejectedUntil = until }
    }

    /// Salesforce takes the client; what else the operator was told of stays.
    func noteAccepted(_ tenant: CustomerID) {
        change(tenant) { $0.rejectedUntil = .distantPast }
    }

    /// Whether the operator was not told of this yet, and is to be now.
    func isNews(_ code: SalesforceError.Code, of tenant: CustomerID) -> Bool {
        change(tenant) { trouble in
            defer { trouble.told = code }
            return trouble.told != code
        }
    }

    func forget(_ tenant: CustomerID) {
        _ = troubles.withLockedValue { $0.remove(tenant) }
    }

    func forgetAll() {
        troubles.withLockedValue { $0.removeAll() }
    }

    private func change<Result>(_ tenant: CustomerID, _ body: (inout Trouble) -> Result) -> Result {
        troubles.withLockedValue { troubles in
            if let result = troubles.update(tenant, body) { return result }
            var trouble = Trouble()
            defer { troubles.insert(trouble, for: tenant) }
            return body(&trouble)
        }
    }
}
