internal import Access
internal import Domain
internal import Foundation

/// What the JSON API shows of the domain's models (contract §2). Named member by member: a new stored field shows up
/// in no answer by itself.
extension JSONValue {
    static func user(_ user: User) -> JSONValue {
        .object([
            "id": .string("\(user.id)"),
            "email": .string(user.email),
            "firstName": .string(user.firstName),
            "lastName": .string(user.lastName),
            "fullName": .string(user.fullName),
            "role": .string(user.role.rawValue),
            "salesforceUserId": .optional(user.salesforceUserID?.rawValue),
            "salesforceProfile": .optional(user.salesforceProfile),
            "lastLoginAt": .optional(user.lastLoginAt),
        ])
    }

    static func customer(_ customer: Customer) -> JSONValue {
        .object([
            "id": .string("\(customer.id)"),
            "companyName": .string(customer.companyName),
            "subdomain": .string("\(customer.subdomain)"),
            "subscriptionTier": .string(customer.subscriptionTier.rawValue),
            "subscriptionStatus": .string(customer.subscriptionStatus.rawValue),
            "trialEndsAt": .optional(customer.trialEndsAt),
            "salesforceInstanceUrl": .string(customer.salesforceInstanceURL),
        ])
    }

    static func config(_ config: CustomerConfig) -> JSONValue {
        let rules = config.riskRules
        let weights = config.priorityWeights
        return .object([
            "fieldMappings": .object(config.fieldMappings.mapValues(JSONValue.string)),
            "riskRules": .object([
                "staleOpportunityDays": .number(Double(rules.staleOpportunityDays)),
                "highRiskStages": .array(rules.highRiskStages.map(JSONValue.string)),
                "lowEngagementThreshold": .number(Double(rules.lowEngagementThreshold)),
                "staleDealWarningDays": .number(Double(rules.staleDealWarningDays)),
            ]),
            "priorityWeights": .object([
                "dealSize": .number(weights.dealSize),
                "closeProximity": .number(weights.closeProximity),
                "riskScore": .number(weights.riskScore),
                "engagementLevel": .number(weights.engagementLevel),
                "strategicValue": .number(weights.strategicValue),
            ]),
            "updatedAt": .time(config.updatedAt),
        ])
    }

    /// A user as admins see them.
    static func managedUser(_ user: User) -> JSONValue {
        guard case .object(var members) = JSONValue.user(user) else { return .null }
        members["disabled"] = .bool(user.disabledAt != nil)
        members["disabledAt"] = .optional(user.disabledAt)
        members["createdAt"] = .time(user.createdAt)
        return .object(members)
    }

    /// - Parameter isCurrent: Whether it is the session of the request.
    static func session(_ session: Session, endsAt: Date, isCurrent: Bool) -> JSONValue {
        .object([
            "id": .string("\(session.id)"),
            "userId": .string("\(session.userID)"),
            "createdAt": .time(session.createdAt),
            "lastSeenAt": .time(session.lastSeenAt),
            "expiresAt": .time(endsAt),
            "current": .bool(isCurrent),
            "userAgent": .optional(session.userAgent),
        ])
    }

    static func auditEvent(_ event: AuditEvent) -> JSONValue {
        .object([
            "id": .string("\(event.id)"),
            "at": .time(event.at),
            "action": .string(event.action.rawValue),
            "userId": .optional(event.userID.map { "\($0)" }),
            "detail": .object(event.detail.mapValues(JSONValue.string)),
            "requestId": .optional(event.requestID),
        ])
    }

    /// A key without its secret, which nobody has any more.
    static func accessKey(_ key: AccessKey) -> JSONValue {
        .object([
            "id": .string("\(key.id)"),
            "userId": .string("\(key.userID)"),
            "name": .string(key.name),
            "scope": .string(key.scope.rawValue),
            "createdAt": .time(key.createdAt),
            "expiresAt": .time(key.expiresAt),
            "lastUsedAt": .optional(key.lastUsedAt),
        ])
    }
}
