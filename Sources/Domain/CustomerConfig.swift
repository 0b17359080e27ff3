public import Foundation

/// A customer's own settings: Salesforce field names, risk rules and priority weights.
public struct CustomerConfig: Sendable, Hashable {
    public let id: CustomerConfigID
    public let customerID: CustomerID
    /// The product's field → the customer's Salesforce field, e.g. `customField` → `Custom_Field__c`.
    public var fieldMappings: [String: String]
    public var riskRules: RiskRules
    public var priorityWeights: PriorityWeights
    public var createdAt: Date
    public var updatedAt: Date

    /// A configuration; the defaults are the seed document's.
    public init(
        id: CustomerConfigID, customerID: CustomerID, fieldMappings: [String: String] = [:],
        riskRules: RiskRules = RiskRules(), priorityWeights: PriorityWeights = PriorityWeights(), createdAt: Date,
        updatedAt: Date
    ) {
        self.id = id
        self.customerID = customerID
        self.fieldMappings = fieldMappings
        self.riskRules = riskRules
        self.priorityWeights = priorityWeights
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    /// Maps one of the product's fields to a Salesforce field; `nil` removes the mapping.
    public mutating func updateFieldMapping(_ field: String, to salesforceField: String?) {
        fieldMappings[field] = salesforceField
    }
}

/// When a deal counts as a risk.
public struct RiskRules: Sendable, Hashable, Codable {
    /// Days without activity after which an opportunity is stale; 1 or more.
    public var staleOpportunityDays: Int
    /// Stages that are a high risk.
    public var highRiskStages: [String]
    /// Activities below which engagement is low; 0 or more.
    public var lowEngagementThreshold: Int
    /// Days without activity after which a deal is warned of; 1 or more.
    public var staleDealWarningDays: Int

    /// Rules; the defaults are the seed document's.
    public init(
        staleOpportunityDays: Int = 30, highRiskStages: [String] = ["Negotiation", "Proposal"],
        lowEngagementThreshold: Int = 3, staleDealWarningDays: Int = 14
    ) {
        self.staleOpportunityDays = staleOpportunityDays
        self.highRiskStages = highRiskStages
        self.lowEngagementThreshold = lowEngagementThreshold
        self.staleDealWarningDays = staleDealWarningDays
    }
}

/// How much each aspect counts in a deal's priority: each 0…1, their sum 1 (±0.001).
public struct PriorityWeights: Sendable, Hashable, Codable {
    public var dealSize: Double
    public var closeProximity: Double
    public var riskScore: Double
    public var engagementLevel: Double
    public var strategicValue: Double

    /// Weights; the defaults are the seed document's.
    public init(
        dealSize: Double = 0.3, closeProximity: Double = 0.25, riskScore: Double = 0.25,
        engagementLevel: Double = 0.1, strategicValue: Double = 0.1
    ) {
        self.dealSize = dealSize
        self.closeProximity = closeProximity
        self.riskScore = riskScore
        self.engagementLevel = engagementLevel
        self.strategicValue = strategicValue
    }

    /// How far the sum may be from 1.
    public static let sumTolerance = 0.001

    /// The sum of all weights.
    public var sum: Double { dealSize + closeProximity + riskScore + engagementLevel + strategicValue }
}
