internal import Domain
internal import Foundation
internal import Logging
internal import NIOConcurrencyHelpers
internal import Salesforce
internal import Secrets

/// Which of a tenant's client secrets Salesforce takes. Every exchange of a code or refresh token goes through here.
///
/// While an app's secret is rolled, the customer has two. The staged one is tried where Salesforce refuses the other,
/// and takes its place when Salesforce took it. The row is written behind the exchange's back: until it is, each
/// exchange finds out for itself, so nothing is lost with a process that dies in between.
final class ClientSecrets: Sendable {
    private enum Work: Sendable {
        case promotion(of: Customer.StagedSecret, as: Secret<String>, Tenant)
        case audit(AuditEvent)
    }

    /// 10,000 tenants whose secrets were promoted lately; who falls out is promoted again, which changes nothing.
    private static let tenantsMax = 10_000
    /// 1,000 rows may wait to be written.
    private static let workMax = 1_000
    /// Times that a promotion is tried. The next exchange begins anew.
    private static let promotionTriesMax = 5

    private let context: AccessContext
    private let trail: AuditTrail
    private let troubles: TenantTroubles
    private let work = WorkQueue<Work>(capacity: workMax)
    /// What is being promoted, or was: calls that still have the tenant of before must not write the row again.
    private let promoted = NIOLockedValueBox(BoundedTable<CustomerID, Sealed>(capacity: tenantsMax))

    init(context: AccessContext, trail: AuditTrail, troubles: TenantTroubles) {
        self.context = context
        self.trail = trail
        self.troubles = troubles
    }

    /// Runs an exchange with the secret that Salesforce takes.
    func exchange(
        for tenant: Tenant, as client: OAuthClient,
        _ exchange: (OAuthClient) async throws(SalesforceError) -> TokenAnswer
    ) async throws(SalesforceError) -> TokenAnswer {
        do throws(SalesforceError) {
            let exchanged = try await client.withEitherSecret(exchange)
            if let host = exchanged.answer.foreignHost {
                troubles.noteAccepted(tenant.id)
                alert(foreignHost: host, tenant: tenant)
            } else {
                troubles.forget(tenant.id)
            }
            if exchanged.usedStagedSecret, let secret = client.stagedSecret { promote(secret, of: tenant) }
            return exchanged.answer
        } catch {
            if error.failureClass == .wrongClient { alert(error, tenant: tenant) }
            if error.code == .foreignInstance { alert(foreignHost: error.foreignHost, tenant: tenant) }
            throw error
        }
    }

    /// Writes rows until it is closed, and then what is left.
    func run() async {
        for await item in work.stream {
            switch item {
            case .promotion(let staged, let secret, let tenant): await write(staged, as: secret, of: tenant)
            case .audit(let event): await trail.record(event)
            }
        }
    }

    func close() {
        work.close()
    }

    // MARK: Promotion

    private func promote(_ secret: Secret<String>, of tenant: Tenant) {
        guard let staged = tenant.customer.stagedClientSecret else { return }
        let isNew = promoted.withLockedValue { promoted in
            guard promoted.value(for: tenant.id) != staged.secret else { return false }
            promoted.insert(staged.secret, for: tenant.id)
            return true
        }
        guard isNew, !work.submit(.promotion(of: staged, as: secret, tenant)) else { return }
        forgetPromotion(of: tenant)
    }

    private func write(_ staged: Customer.StagedSecret, as secret: Secret<String>, of tenant: Tenant) async {
        var backoff = Backoff()
        for _ in 0..<Self.promotionTriesMax {
            do {
                let sealed = try tenant.dataKey.seal(secret, context: Customer.clientSecretContext(tenant.id))
                let isPromoted = try await context.repositories.customers.promoteClientSecret(
                    tenant.id, expected: staged.secret, as: sealed, at: context.now())
                // Otherwise another process was first, or an operator gave yet another one.
                guard isPromoted else { return }
                context.logger.notice(
                    "A staged client secret took the other's place", metadata: ["customer": "\(tenant.id)"])
                await trail.record(
                    .clientSecretPromoted, customer: tenant.id, detail: ["staged": staged.since.ISO8601Format()])
                return
            } catch {
                try? await context.sleep(backoff.pause())
            }
        }
        context.logger.warning(
            "A staged client secret works and is not promoted yet: the next refresh tries again",
            metadata: ["customer": "\(tenant.id)"])
        forgetPromotion(of: tenant)
    }

    private func forgetPromotion(of tenant: Tenant) {
        _ = promoted.withLockedValue { $0.remove(tenant.id) }
    }

    // MARK: What is for the operator

    /// An org's API is at a host that is not to be called, once until it is elsewhere or the customer is changed.
    private func alert(foreignHost host: String?, tenant: Tenant) {
        guard troubles.isNews(.foreignInstance, of: tenant.id) else { return }
        context.logger.error(
            """
            Salesforce names a host for a customer's org that is not allowed, and is not called. \
            If it is the customer's, add it to SALESFORCE_ALLOWED_HOSTS.
            """, metadata: ["customer": "\(tenant.id)", "host": "\(host ?? "malformed")"])
    }

    /// Tells the operator, once until it works again or the customer is changed.
    private func alert(_ error: SalesforceError, tenant: Tenant) {
        guard troubles.isNews(error.code, of: tenant.id) else { return }
        let hasStaged = tenant.oauthClient?.stagedSecret != nil
        context.logger.error(
            "Salesforce refuses a customer's client settings",
            metadata: ["customer": "\(tenant.id)", "reason": "\(error.metricLabel)", "staged": "\(hasStaged)"])
        let event = trail.event(
            .clientRejected, customer: tenant.id,
            detail: ["reason": error.metricLabel, "staged": hasStaged ? "yes" : "no"])
        work.submit(.audit(event))
    }
}
