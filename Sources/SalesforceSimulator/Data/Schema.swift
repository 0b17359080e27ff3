/// One field of an object.
struct FieldDefinition: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        case id
        case string(length: Int)
        case textArea(length: Int)
        case email, phone, url
        case picklist([String], isRestricted: Bool)
        case boolean
        case int, double, currency, percent
        case date, dateTime
        /// A lookup: the other object, the name by which a path goes there, and the name of the way back.
        case reference(to: String, relationship: String, children: String?)
    }

    var name: String
    var label: String
    var kind: Kind
    var isNillable = true
    /// Whether clients may set it; computed and system fields can't be set.
    var isWritable = true
    var isExternalID = false
    /// Needed to create a record.
    var isRequired = false

    var isCustom: Bool { name.hasSuffix("__c") }

    /// The name of the way to the other object.
    var relationship: String? {
        guard case .reference(_, let relationship, _) = kind else { return nil }
        return relationship
    }

    func required() -> FieldDefinition {
        var field = self
        field.isRequired = true
        field.isNillable = false
        return field
    }

    func readOnly() -> FieldDefinition {
        var field = self
        field.isWritable = false
        return field
    }

    func externalID() -> FieldDefinition {
        var field = self
        field.isExternalID = true
        return field
    }
}

/// One object (table) of an org.
struct ObjectDefinition: Sendable, Hashable {
    var name: String
    var label: String
    var labelPlural: String
    /// The first three characters of its records' ids.
    var keyPrefix: String
    /// Whether clients may create, change and delete records.
    var isWritable: Bool
    var fields: [FieldDefinition]

    /// A field by its name, whatever the case.
    func field(_ name: String) -> FieldDefinition? {
        let lowered = name.lowercased()
        return fields.first { $0.name.lowercased() == lowered }
    }

    /// The lookup by the name of its way, whatever the case.
    func lookup(_ relationship: String) -> (field: FieldDefinition, target: String)? {
        let lowered = relationship.lowercased()
        for field in fields {
            guard case .reference(let target, let name, _) = field.kind, name.lowercased() == lowered else { continue }
            return (field, target)
        }
        return nil
    }
}

/// The objects that every org has.
enum Schema {
    /// The object of a name, whatever the case.
    static func object(_ name: String) -> ObjectDefinition? { byName[name.lowercased()] }

    /// The object whose records' ids start so.
    static func object(keyPrefix: String) -> ObjectDefinition? { objects.first { $0.keyPrefix == keyPrefix } }

    /// The object and lookup field that are reached from an object by the name of the way back.
    static func children(of object: ObjectDefinition, named relationship: String) -> (ObjectDefinition, String)? {
        let lowered = relationship.lowercased()
        for candidate in objects {
            for field in candidate.fields {
                guard case .reference(let target, _, let children?) = field.kind, target == object.name,
                    children.lowercased() == lowered
                else { continue }
                return (candidate, field.name)
            }
        }
        return nil
    }

    static let objects: [ObjectDefinition] = [account, contact, opportunity, user, profile, organization]

    private static let byName = Dictionary(
        objects.map { ($0.name.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })

    // MARK: Fields

    private static func text(_ name: String, _ label: String, _ length: Int = 255) -> FieldDefinition {
        FieldDefinition(name: name, label: label, kind: .string(length: length))
    }

    private static func field(_ name: String, _ label: String, _ kind: FieldDefinition.Kind) -> FieldDefinition {
        FieldDefinition(name: name, label: label, kind: kind)
    }

    private static func lookup(
        _ name: String, _ label: String, to target: String, as relationship: String, children: String? = nil
    ) -> FieldDefinition {
        field(name, label, .reference(to: target, relationship: relationship, children: children))
    }

    private static func flag(_ name: String, _ label: String) -> FieldDefinition {
        FieldDefinition(name: name, label: label, kind: .boolean, isNillable: false)
    }

    private static let identifier = FieldDefinition(
        name: "Id", label: "Record ID", kind: .id, isNillable: false, isWritable: false)

    private static let systemFields: [FieldDefinition] = [
        flag("IsDeleted", "Deleted").readOnly(),
        field("CreatedDate", "Created Date", .dateTime).readOnly(),
        lookup("CreatedById", "Created By ID", to: "User", as: "CreatedBy").readOnly(),
        field("LastModifiedDate", "Last Modified Date", .dateTime).readOnly(),
        lookup("LastModifiedById", "Last Modified By ID", to: "User", as: "LastModifiedBy").readOnly(),
        field("SystemModstamp", "System Modstamp", .dateTime).readOnly(),
    ]

    private static let externalID = text("External_Id__c", "External Id", 64).externalID()

    // MARK: Objects

    static let stages: [(name: String, probability: Int, forecast: String, isClosed: Bool, isWon: Bool)] = [
        ("Prospecting", 10, "Pipeline", false, false),
        ("Qualification", 20, "Pipeline", false, false),
        ("Needs Analysis", 35, "Pipeline", false, false),
        ("Proposal", 60, "Best Case", false, false),
        ("Negotiation", 80, "Commit", false, false),
        ("Closed Won", 100, "Closed", true, true),
        ("Closed Lost", 0, "Omitted", true, false),
    ]

    static let industries = [
        "Retail", "Banking", "Insurance", "Healthcare", "Manufacturing", "Transportation", "Hospitality",
        "Telecommunications", "Energy", "Technology",
    ]

    private static let account = ObjectDefinition(
        name: "Account", label: "Account", labelPlural: "Accounts", keyPrefix: "001", isWritable: true,
        fields: [
            identifier, text("Name", "Account Name").required(),
            field(
                "Type", "Account Type", .picklist(["Prospect", "Customer", "Partner", "Other"], isRestricted: false)),
            field("Industry", "Industry", .picklist(industries, isRestricted: false)),
            field("Rating", "Account Rating", .picklist(["Hot", "Warm", "Cold"], isRestricted: true)),
            field("AnnualRevenue", "Annual Revenue", .currency),
            field("NumberOfEmployees", "Employees", .int),
            field("Phone", "Account Phone", .phone), field("Website", "Website", .url),
            text("BillingStreet", "Billing Street"), text("BillingCity", "Billing City", 40),
            text("BillingState", "Billing State/Province", 80),
            text("BillingPostalCode", "Billing Zip/Postal Code", 20),
            text("BillingCountry", "Billing Country", 80),
            field("Description", "Account Description", .textArea(length: 32_000)),
            lookup("ParentId", "Parent Account ID", to: "Account", as: "Parent", children: "ChildAccounts"),
            lookup("OwnerId", "Owner ID", to: "User", as: "Owner"), externalID,
        ] + systemFields)

    private static let contact = ObjectDefinition(
        name: "Contact", label: "Contact", labelPlural: "Contacts", keyPrefix: "003", isWritable: true,
        fields: [
            identifier, text("FirstName", "First Name", 40), text("LastName", "Last Name", 80).required(),
            text("Name", "Full Name", 121).readOnly(), text("Title", "Title", 128),
            text("Department", "Department", 80), field("Email", "Email", .email),
            field("Phone", "Business Phone", .phone), text("MailingCity", "Mailing City", 40),
            text("MailingState", "Mailing State/Province", 80), text("MailingCountry", "Mailing Country", 80),
            field("HasOptedOutOfEmail", "Email Opt Out", .boolean),
            lookup("AccountId", "Account ID", to: "Account", as: "Account", children: "Contacts"),
            lookup("OwnerId", "Owner ID", to: "User", as: "Owner"), externalID,
        ] + systemFields)

    private static let opportunity = ObjectDefinition(
        name: "Opportunity", label: "Opportunity", labelPlural: "Opportunities", keyPrefix: "006", isWritable: true,
        fields: [
            identifier, text("Name", "Name", 120).required(),
            field("StageName", "Stage", .picklist(stages.map(\.name), isRestricted: true)).required(),
            field("Amount", "Amount", .currency), field("CloseDate", "Close Date", .date).required(),
            field("Probability", "Probability (%)", .percent),
            field("ExpectedRevenue", "Expected Amount", .currency).readOnly(),
            field(
                "Type", "Opportunity Type",
                .picklist(["New Business", "Expansion", "Renewal"], isRestricted: false)),
            field(
                "LeadSource", "Lead Source",
                .picklist(["Web", "Partner Referral", "Event", "Outbound", "Customer Referral"], isRestricted: false)),
            field(
                "ForecastCategoryName", "Forecast Category",
                .picklist(["Omitted", "Pipeline", "Best Case", "Commit", "Closed"], isRestricted: true)
            ).readOnly(),
            text("NextStep", "Next Step"), field("Description", "Description", .textArea(length: 32_000)),
            flag("IsClosed", "Closed").readOnly(), flag("IsWon", "Won").readOnly(),
            field("LastActivityDate", "Last Activity", .date).readOnly(),
            field("LastStageChangeDate", "Last Stage Change Date", .dateTime).readOnly(),
            field("Engagement_Score__c", "Engagement Score", .double),
            flag("Strategic__c", "Strategic"),
            lookup("AccountId", "Account ID", to: "Account", as: "Account", children: "Opportunities"),
            lookup("ContactId", "Contact ID", to: "Contact", as: "Contact"),
            lookup("OwnerId", "Owner ID", to: "User", as: "Owner"), externalID,
        ] + systemFields)

    private static let user = ObjectDefinition(
        name: "User", label: "User", labelPlural: "Users", keyPrefix: "005", isWritable: false,
        fields: [
            identifier, text("Username", "Username", 80), text("Name", "Full Name", 121),
            text("FirstName", "First Name", 40), text("LastName", "Last Name", 80), text("Alias", "Alias", 8),
            field("Email", "Email", .email), text("Title", "Title", 80),
            text("CompanyName", "Company Name", 80), flag("IsActive", "Active"),
            field("UserType", "User Type", .picklist(["Standard"], isRestricted: true)),
            text("TimeZoneSidKey", "Time Zone", 40), text("LocaleSidKey", "Locale", 40),
            text("LanguageLocaleKey", "Language", 40), field("LastLoginDate", "Last Login", .dateTime),
            lookup("ProfileId", "Profile ID", to: "Profile", as: "Profile", children: "Users"),
            field("CreatedDate", "Created Date", .dateTime), field("LastModifiedDate", "Last Modified Date", .dateTime),
            field("SystemModstamp", "System Modstamp", .dateTime),
        ].map { $0.readOnly() })

    private static let profile = ObjectDefinition(
        name: "Profile", label: "Profile", labelPlural: "Profiles", keyPrefix: "00e", isWritable: false,
        fields: [
            identifier, text("Name", "Name"), text("Description", "Description"),
            flag("PermissionsModifyAllData", "Modify All Data"), flag("PermissionsViewAllData", "View All Data"),
            flag("PermissionsApiEnabled", "API Enabled"), flag("PermissionsViewSetup", "View Setup and Configuration"),
            field("UserType", "User Type", .picklist(["Standard"], isRestricted: true)),
            field("CreatedDate", "Created Date", .dateTime), field("LastModifiedDate", "Last Modified Date", .dateTime),
            field("SystemModstamp", "System Modstamp", .dateTime),
        ].map { $0.readOnly() })

    private static let organization = ObjectDefinition(
        name: "Organization", label: "Organization", labelPlural: "Organization", keyPrefix: "00D", isWritable: false,
        fields: [
            identifier, text("Name", "Name", 80), flag("IsSandbox", "Is Sandbox"),
            text("InstanceName", "Instance Name", 5), text("OrganizationType", "Organization Edition"),
            text("Country", "Country", 80), text("LanguageLocaleKey", "Language", 40),
            text("TimeZoneSidKey", "Time Zone", 40), text("NamespacePrefix", "Namespace Prefix", 15),
            field("TrialExpirationDate", "Trial Expiration Date", .dateTime),
            field("CreatedDate", "Created Date", .dateTime), field("LastModifiedDate", "Last Modified Date", .dateTime),
            field("SystemModstamp", "System Modstamp", .dateTime),
        ].map { $0.readOnly() })
}
