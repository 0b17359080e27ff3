internal import Access
internal import Domain
internal import Foundation
internal import Hummingbird

/// `/settings/billing`: what is paid for, to be read.
extension Workspace {
    func billingPage(_ visit: SettingsVisit) -> Response {
        page(visit, BillingContent(visit.exchange.tenant.customer, at: visit.exchange.call.receivedAt))
    }
}

/// `billing.mustache`.
struct BillingContent: Sendable, Hashable {
    let plan: String
    let status: String
    let trialEnds: PageTime?
    /// What the status means for the people of the workspace.
    let meaning: String

    init(_ customer: Customer, at now: Date) {
        plan = customer.subscriptionTier.rawValue.capitalized
        status = customer.subscriptionStatus.words
        trialEnds = customer.subscriptionStatus == .trial ? customer.trialEndsAt.map(PageTime.init) : nil
        meaning =
            switch customer.subscriptionAccess(at: now) {
            case .allowed: Self.allowance(of: customer)
            case .trialExpired:
                "The trial is over. Nobody can use Salesforce through this workspace until a plan is chosen."
            case .pastDueTooLong:
                "Payment is overdue for more than \(Self.graceDays) days. Nobody can use Salesforce through this"
                    + " workspace until it is settled."
            case .cancelled:
                "The subscription was cancelled. Nobody can use Salesforce through this workspace until a plan is"
                    + " chosen."
            }
    }

    private static let graceDays = Int(Customer.pastDueGrace / (24 * 60 * 60))

    private static func allowance(of customer: Customer) -> String {
        switch customer.subscriptionStatus {
        case .active: "Everything works."
        case .trial: "Everything works until the trial ends. After that, a plan is needed."
        case .pastDue:
            "Payment is due. Everything works until \(PageTime(customer.subscriptionEndsAt).words), and then no more"
                + " until it is settled."
        case .cancelled: "The subscription was cancelled."
        }
    }
}

extension SubscriptionStatus {
    /// The status as people say it.
    fileprivate var words: String {
        switch self {
        case .trial: "Trial"
        case .active: "Active"
        case .pastDue: "Payment due"
        case .cancelled: "Cancelled"
        }
    }
}
