/// What bodies look like, for people. Every one is valid against its schema.
enum APIExample {
    static let id = "0b9d3f0e-2a51-4c7e-9a34-6f1f5d1c8e20"
    static let tag = "\"5f2b6c1d9e8a7f3b4c5d6e7f8091a2b3\""
    private static let susanID: JSONValue = "8d6f3f4a-51b7-4a55-8f0e-0c6d0f1f2a11"
    private static let made: JSONValue = "2027-01-04T08:15:00.000Z"
    private static let used: JSONValue = "2027-01-31T11:58:00.000Z"
    private static let end: JSONValue = "2027-01-31T13:00:00.000Z"

    private static let user: JSONValue = [
        "id": susanID, "email": "susan@axonify.example", "firstName": "Susan", "lastName": "McGovern",
        "fullName": "Susan McGovern", "role": "admin", "salesforceUserId": "005Hs00000AbCdE",
        "salesforceProfile": "System Administrator", "lastLoginAt": made,
    ]

    private static let customer: JSONValue = [
        "id": "3c1f7d52-7f0b-4f0a-9f5e-2f6f6a3b9c01", "companyName": "Axonify", "subdomain": "axonify",
        "subscriptionTier": "enterprise", "subscriptionStatus": "active",
        "trialEndsAt": .null, "salesforceInstanceUrl": "https://axonify.my.salesforce.com",
    ]

    static let me: JSONValue = ["user": user, "customer": customer, "session": ["expiresAt": end]]
    static let session: JSONValue = ["user": user, "customer": customer, "expiresAt": end]

    static let config: JSONValue = [
        "fieldMappings": ["region": "Region__c"],
        "riskRules": [
            "staleOpportunityDays": 30, "highRiskStages": ["Negotiation"], "lowEngagementThreshold": 3,
            "staleDealWarningDays": 7,
        ],
        "priorityWeights": [
            "dealSize": 0.3, "closeProximity": 0.25, "riskScore": 0.2, "engagementLevel": 0.15, "strategicValue": 0.1,
        ],
        "updatedAt": made,
    ]

    static let configWarnings: JSONValue = [
        "warnings": [
            [
                "code": "UNKNOWN_FIELD", "pointer": "/fieldMappings/region",
                "detail": "“Regoin__c” was not found in Account, Opportunity or Contact, or you may not see it.",
                "suggestions": ["Region__c"],
            ]
        ],
        "checkedAt": used,
    ]

    static let configPatch: JSONValue = [
        "fieldMappings": ["region": "Region__c", "segment": .null], "riskRules": ["staleDealWarningDays": 7],
    ]

    private static let key: JSONValue = [
        "id": .string(id), "userId": susanID, "name": "nightly export", "scope": "read", "createdAt": made,
        "expiresAt": "2027-04-04T08:15:00.000Z", "lastUsedAt": .null,
    ]

    static let keys: JSONValue = ["keys": [key]]
    static let newKey = key.merging(["key": "00DHs0000012abc!fiq.abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"])
    static let keyRequest: JSONValue = ["name": "nightly export", "scope": "read"]

    static let managedUser = user.merging(["disabled": false, "disabledAt": .null, "createdAt": made])
    static let users: JSONValue = ["users": [managedUser], "next": .null]

    static let sessions: JSONValue = [
        "sessions": [
            [
                "id": .string(id), "userId": susanID, "createdAt": made, "lastSeenAt": used, "expiresAt": end,
                "current": true,
                "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            ]
        ],
        "next": "1799050500000000.0b9d3f0e-2a51-4c7e-9a34-6f1f5d1c8e20",
    ]

    static let events: JSONValue = [
        "events": [
            [
                "id": .string(id), "at": used, "action": "user.role_changed", "userId": susanID,
                "detail": ["before": "ae", "after": "admin", "target": "5a0c9a54-0a3c-4a52-8d49-9a0f5b6f6f10"],
                "requestId": "6f1f5d1c-8e20-4c7e-9a34-0b9d3f0e2a51",
            ]
        ],
        "next": .null,
    ]
}
