internal import Access
internal import Domain

/// The shapes of what the JSON API reads and writes (JSON Schema 2020-12), by the names that the document gives them.
///
/// Limits are those that the code checks, and sets of words those of the domain's types.
enum APISchema: String, Sendable, CaseIterable {
    case user = "User"
    case customer = "Customer"
    case me = "Me"
    case session = "Session"
    case config = "Config"
    case configWarnings = "ConfigWarnings"
    case configPatch = "ConfigPatch"
    case managedUser = "ManagedUser"
    case userPatch = "UserPatch"
    case users = "Users"
    case accessKey = "AccessKey"
    case accessKeys = "AccessKeys"
    case keyRequest = "KeyRequest"
    case newAccessKey = "NewAccessKey"
    case listedSession = "ListedSession"
    case sessions = "Sessions"
    case auditEvent = "AuditEvent"
    case auditEvents = "AuditEvents"
    case problem = "Problem"

    /// Where the document has it.
    var reference: JSONValue { ["$ref": .string("#/components/schemas/\(rawValue)")] }

    var schema: JSONValue {
        switch self {
        case .user: Self.object(Self.userMembers)
        case .customer: Self.customerSchema
        case .me:
            Self.object([
                "user": APISchema.user.reference, "customer": APISchema.customer.reference,
                "session": Self.object(["expiresAt": Self.time("When the right to call ends if nothing more happens")]),
            ])
        case .session:
            Self.object([
                "user": APISchema.user.reference, "customer": APISchema.customer.reference,
                "expiresAt": Self.time("When the session ends if nothing more happens"),
            ])
        case .config: Self.configSchema
        case .configWarnings: Self.configWarningsSchema
        case .configPatch: Self.configPatchSchema
        case .managedUser: Self.object(Self.userMembers.merging(Self.managedMembers) { $1 })
        case .userPatch: Self.userPatchSchema
        case .users: Self.list("users", of: .managedUser)
        case .accessKey: Self.object(Self.keyMembers)
        case .accessKeys: Self.object(["keys": ["type": "array", "items": APISchema.accessKey.reference]])
        case .keyRequest: Self.keyRequestSchema
        case .newAccessKey: Self.object(Self.keyMembers.merging(["key": Self.keySchema]) { $1 })
        case .listedSession: Self.listedSessionSchema
        case .sessions: Self.list("sessions", of: .listedSession)
        case .auditEvent: Self.auditEventSchema
        case .auditEvents: Self.list("events", of: .auditEvent)
        case .problem: Self.problemSchema
        }
    }
}

// MARK: - Parts

extension APISchema {
    /// An object with these members and no others; all of them are there but the optional ones.
    static func object(_ members: [String: JSONValue], optional: Set<String> = []) -> JSONValue {
        [
            "type": "object", "properties": .object(members), "additionalProperties": false,
            "required": .array(members.keys.filter { !optional.contains($0) }.sorted().map(JSONValue.string)),
        ]
    }

    static func string(_ detail: String) -> JSONValue { ["type": "string", "description": .string(detail)] }

    static func id(_ detail: String) -> JSONValue {
        ["type": "string", "format": "uuid", "description": .string(detail)]
    }

    static func time(_ detail: String) -> JSONValue {
        ["type": "string", "format": "date-time", "description": .string(detail)]
    }

    static func bool(_ detail: String) -> JSONValue { ["type": "boolean", "description": .string(detail)] }

    /// One of the words of a type.
    static func word<Words: CaseIterable & RawRepresentable>(_ words: Words.Type, _ detail: String) -> JSONValue
    where Words.RawValue == String {
        [
            "type": "string", "enum": .array(words.allCases.map { .string($0.rawValue) }),
            "description": .string(detail),
        ]
    }

    /// The same, or null.
    static func orNull(_ schema: JSONValue) -> JSONValue {
        guard let type = schema["type"] else { return schema }
        return schema.merging(["type": [type, "null"]])
    }

    /// A part of a long list.
    private static func list(_ name: String, of item: APISchema) -> JSONValue {
        object([
            name: [
                "type": "array", "items": item.reference, "maxItems": .number(Double(PageRequest.limitMax)),
            ],
            "next": orNull(string("The cursor of the next part; null at the end")),
        ])
    }
}

// MARK: - Answers

extension APISchema {
    private static let userMembers: [String: JSONValue] = [
        "id": id("Of the person within this workspace"),
        "email": string("The Salesforce username or email by which the person is known here"),
        "firstName": string("First name"), "lastName": string("Last name"), "fullName": string("Both names"),
        "role": word(UserRole.self, "Account executive, account manager, customer success manager, administrator"),
        "salesforceUserId": orNull(["type": "string", "pattern": "^[A-Za-z0-9]{15}$"])
            .merging(["description": "The person's id at Salesforce; null until they sign in"]),
        "salesforceProfile": orNull(string("The name of their profile at Salesforce")),
        "lastLoginAt": orNull(time("When they last signed in")),
    ]

    private static let managedMembers: [String: JSONValue] = [
        "disabled": bool("Whether they are kept out"), "disabledAt": orNull(time("Since when")),
        "createdAt": time("When they became known here"),
    ]

    private static let customerSchema = object([
        "id": id("Of the customer"), "companyName": string("The company's name"),
        "subdomain": [
            "type": "string", "pattern": "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
            "description": "The label of the workspace's host",
        ],
        "subscriptionTier": word(SubscriptionTier.self, "What is paid for"),
        "subscriptionStatus": word(SubscriptionStatus.self, "Where the subscription stands"),
        "trialEndsAt": orNull(time("When the trial ends")),
        "salesforceInstanceUrl": string("Where the company's people log in at Salesforce"),
    ])

    private static let configSchema = object([
        "fieldMappings": [
            "type": "object", "additionalProperties": ["type": "string"],
            "description": "The product's field names, and the Salesforce field that each one means",
        ],
        "riskRules": object([
            "staleOpportunityDays": count(atLeast: 1, "After how many days without a change a deal is stale"),
            "highRiskStages": ["type": "array", "items": ["type": "string"], "description": "Stages that are risky"],
            "lowEngagementThreshold": count(atLeast: 0, "Fewer activities than these are few"),
            "staleDealWarningDays": count(atLeast: 1, "How many days before that a warning is given"),
        ]),
        "priorityWeights": object(Dictionary(uniqueKeysWithValues: weightNames.map { ($0, weight) })),
        "updatedAt": time("When it was last changed"),
    ])

    private static let configWarningsSchema = object([
        "warnings": [
            "type": "array", "maxItems": .number(Double(ConfigPatch.Limits.mappingsMax)),
            "description": "In the order of the mappings' names",
            "items": object([
                "code": word(
                    MappingReview.Warning.Code.self,
                    "`UNKNOWN_FIELD`: not found, or the caller may not see it; `NOT_CHECKED`: nobody knows"),
                "pointer": string("Which setting: a JSON pointer (RFC 6901) into the configuration"),
                "detail": string("What was found, for people"),
                "suggestions": [
                    "type": "array", "items": ["type": "string"],
                    "maxItems": .number(Double(NameSuggestions.countMax)),
                    "description": "What may be meant, the likeliest first",
                ],
            ]),
        ],
        "checkedAt": orNull(time("When Salesforce gave the oldest of the answers; null where it gave none")),
    ])

    private static let keyMembers: [String: JSONValue] = [
        "id": id("Of the key"), "userId": id("As whom it calls"), "name": string("What it is for"),
        "scope": word(AccessKeyScope.self, "`read` reads only; `full` does whatever the person may"),
        "createdAt": time("When it was made"), "expiresAt": time("When it ends"),
        "lastUsedAt": orNull(time("When it was last used, to the minute")),
    ]

    private static let keySchema: JSONValue = [
        "type": "string", "pattern": #"^00D[0-9A-Za-z]{12}!fiq\.[0-9A-Za-z]{43}$"#,
        "description": "The key itself. It is shown here and never again",
    ]

    private static let listedSessionSchema = object([
        "id": id("Of the session"), "userId": id("Whose it is"), "createdAt": time("When it began"),
        "lastSeenAt": time("When it was last used, to the minute"),
        "expiresAt": time("When it ends if nothing more happens"),
        "current": bool("Whether it is the session of this very request"),
        "userAgent": orNull(string("What the browser called itself at the sign-in; null where it did not")),
    ])

    private static let auditEventSchema = object([
        "id": id("Of the event"), "at": time("When it happened"), "action": word(AuditAction.self, "What happened"),
        "userId": orNull(id("Who did it; null where nobody of the workspace did")),
        "detail": [
            "type": "object", "additionalProperties": ["type": "string"], "description": "What there is to say of it",
        ],
        "requestId": orNull(string("The `X-Request-Id` of the request that did it")),
    ])

    private static let problemSchema: JSONValue = object(
        [
            "type": string("Names the kind of problem"), "title": string("A few words for people"),
            "status": ["type": "integer", "minimum": 400, "maximum": 599, "description": "The HTTP status"],
            "detail": string("What happened and what to do, for people"),
            "instance": string("The path of the request"),
            "code": [
                "type": "string", "pattern": "^[A-Z_]+$", "description": "Names the kind of problem, for programs",
            ],
            "requestId": string("Names this request in the operator's log"),
            "errors": [
                "type": "array", "description": "Everything that is wrong in a body",
                "items": object([
                    "pointer": string("Where: a JSON pointer (RFC 6901)"), "detail": string("What, for people"),
                ]),
            ],
        ], optional: ["errors"])
}

// MARK: - Bodies

extension APISchema {
    private static let weightNames = [
        "dealSize", "closeProximity", "riskScore", "engagementLevel", "strategicValue",
    ]
    private static let weight: JSONValue = ["type": "number", "minimum": 0, "maximum": 1]
    private static let mappingName: JSONValue = [
        "minLength": 1, "maxLength": .number(Double(ConfigPatch.Limits.nameLengthMax)), "pattern": #"^[^\u0000]*$"#,
    ]

    private static func count(atLeast least: Int, _ detail: String) -> JSONValue {
        [
            "type": "integer", "minimum": .number(Double(least)),
            "maximum": .number(Double(ConfigPatch.Limits.countMax)), "description": .string(detail),
        ]
    }

    /// An object of which any part may be left out.
    private static func patch(_ members: [String: JSONValue]) -> JSONValue {
        object(members, optional: Set(members.keys))
    }

    private static let configPatchSchema: JSONValue = patch([
        "fieldMappings": [
            "type": ["object", "null"], "maxProperties": .number(Double(ConfigPatch.Limits.mappingsMax)),
            "propertyNames": mappingName,
            "additionalProperties": mappingName.merging(["type": ["string", "null"]]),
            "description": "A mapping that is null is removed; null for the section removes all",
        ],
        "riskRules": orNull(
            patch([
                "staleOpportunityDays": orNull(count(atLeast: 1, "Null restores the default")),
                "highRiskStages": [
                    "type": ["array", "null"], "maxItems": .number(Double(ConfigPatch.Limits.stagesMax)),
                    "items": mappingName.merging(["type": "string"]), "description": "Replaced as a whole",
                ],
                "lowEngagementThreshold": orNull(count(atLeast: 0, "Null restores the default")),
                "staleDealWarningDays": orNull(count(atLeast: 1, "Null restores the default")),
            ])
        ).merging(["description": "Null restores all defaults"]),
        "priorityWeights": orNull(patch(Dictionary(uniqueKeysWithValues: weightNames.map { ($0, orNull(weight)) })))
            .merging([
                "description": "With those that are kept they add up to 1 (±0.001); null restores the defaults"
            ]),
    ])

    private static let userPatchSchema = patch([
        "role": word(UserRole.self, "What the person is"), "disabled": bool("Whether they are kept out, at once"),
    ])

    private static let keyRequestSchema = object(
        [
            "name": [
                "type": "string", "minLength": 1, "maxLength": .number(Double(SessionKeeper.keyNameCharactersMax)),
                "pattern": #"^[^\u0000-\u001F\u007F]*$"#,
                "description": "What it is for: without control characters, and not of spaces alone",
            ],
            "scope": word(AccessKeyScope.self, "What it may do").merging(["default": "read"]),
            "expiresAt": orNull(time("When it ends: within a year; null or left out, after 90 days")),
        ], optional: ["scope", "expiresAt"])
}
