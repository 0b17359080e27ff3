import Foundation

/// The records that an org starts with: the same for the same org and day, whoever starts it.
struct DemoData {
    private var random: SplitMix
    private var database: Database
    private let org: SimulatedOrg
    private let users: [UserState]
    private let today: CivilDate

    /// - Parameters:
    ///   - org: How much to make.
    ///   - id: Seeds the generator.
    ///   - today: The day around which deals close.
    static func database(
        of org: SimulatedOrg, id: RecordID, pod: String, users: [UserState], today: CivilDate
    ) -> Database {
        var data = DemoData(
            random: SplitMix(
                seed: id.short.utf8.reduce(14_695_981_039_346_656_037) { ($0 ^ UInt64($1)) &* 1_099_511_628_211 }),
            database: Database(pod: pod), org: org, users: users, today: today)
        data.addSetup(id)
        let accounts = data.addAccounts()
        let contacts = data.addContacts(accounts)
        data.addOpportunities(accounts, contacts: contacts)
        return data.database
    }

    private func definition(_ name: String) -> ObjectDefinition {
        // Invariant: only names of `Schema.objects` are asked for here.
        guard let object = Schema.object(name) else { preconditionFailure("no object \(name)") }
        return object
    }

    private func at(daysAgo days: Int, hour: Int = 9) -> JSON {
        let seconds = today.adding(days: -days).dayNumber * 86_400 + hour * 3_600
        return .string(dateTimeText(Date(timeIntervalSince1970: Double(seconds))))
    }

    // MARK: Setup objects

    private mutating func addSetup(_ orgID: RecordID) {
        let created = at(daysAgo: 900)
        let stamps: [String: JSON] = ["CreatedDate": created, "LastModifiedDate": created, "SystemModstamp": created]
        var profiles: [SimulatedUser.Profile: RecordID] = [:]
        for (index, profile) in SimulatedUser.Profile.allCases.enumerated() {
            let id = RecordID(prefix: "00e", pod: database.pod, number: 1_000 + index)
            profiles[profile] = id
            let isAdministrator = profile == .systemAdministrator
            database.insert(
                stamps.merging([
                    "Name": .string(profile.rawValue), "UserType": "Standard",
                    "PermissionsModifyAllData": .bool(isAdministrator),
                    "PermissionsViewAllData": .bool(isAdministrator), "PermissionsApiEnabled": true,
                    "PermissionsViewSetup": .bool(isAdministrator),
                ]) { $1 }, into: definition("Profile"), id: id)
        }
        for user in users {
            let account = user.account
            database.insert(
                stamps.merging([
                    "Username": .string(account.username), "Name": .string(account.fullName),
                    "FirstName": .string(account.firstName), "LastName": .string(account.lastName),
                    "Alias": .string(String((account.firstName.prefix(1) + account.lastName).lowercased().prefix(8))),
                    "Email": .string(account.email), "CompanyName": .string(org.name),
                    "IsActive": .bool(account.isActive), "UserType": "Standard",
                    "TimeZoneSidKey": .string(account.timeZone), "LocaleSidKey": "en_CA",
                    "LanguageLocaleKey": "en_US", "ProfileId": JSON(profiles[account.profile]?.long),
                ]) { $1 }, into: definition("User"), id: user.id)
        }
        database.insert(
            stamps.merging([
                "Name": .string(org.name), "IsSandbox": .bool(org.isSandbox),
                "InstanceName": .string(org.isSandbox ? "CS42" : "NA42"),
                "OrganizationType": "Enterprise Edition", "Country": "CA", "LanguageLocaleKey": "en_US",
                "TimeZoneSidKey": "America/Toronto",
            ]) { $1 }, into: definition("Organization"), id: orgID)
    }

    private mutating func owner() -> JSON {
        users.isEmpty ? .null : .string(users[random.below(users.count)].id.long)
    }

    private func stamped(_ values: [String: JSON], createdDaysAgo: Int, modifiedDaysAgo: Int) -> [String: JSON] {
        let owner = values["OwnerId"] ?? .null
        return values.merging([
            "IsDeleted": false, "CreatedDate": at(daysAgo: createdDaysAgo), "CreatedById": owner,
            "LastModifiedDate": at(daysAgo: modifiedDaysAgo, hour: 15), "LastModifiedById": owner,
            "SystemModstamp": at(daysAgo: modifiedDaysAgo, hour: 15),
        ]) { $1 }
    }

    // MARK: Customers

    private mutating func addAccounts() -> [(id: RecordID, name: String, domain: String)] {
        let object = definition("Account")
        return (0..<org.accountCount).map { index in
            let name = Names.company(index)
            let domain = name.lowercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) } + ".example"
            let place = random.pick(Names.places)
            let employees = 50 * (1 + random.below(400))
            let created = 60 + random.below(800)
            let id = database.insert(
                stamped(
                    [
                        "Name": .string(name), "Type": .string(random.pick(["Prospect", "Customer", "Customer"])),
                        "Industry": .string(random.pick(Schema.industries)),
                        "Rating": .string(random.pick(["Hot", "Warm", "Cold"])),
                        "AnnualRevenue": .double(Double(employees) * 180_000),
                        "NumberOfEmployees": .int(employees), "Phone": .string(phone()),
                        "Website": .string("https://www.\(domain)"),
                        "BillingStreet": .string("\(1 + random.below(900)) \(random.pick(Names.streets))"),
                        "BillingCity": .string(place.city), "BillingState": .string(place.state),
                        "BillingPostalCode": .string(String(10_000 + random.below(89_999))),
                        "BillingCountry": .string(place.country), "OwnerId": owner(),
                        "External_Id__c": .string("ACC-\(10_001 + index)"),
                    ], createdDaysAgo: created, modifiedDaysAgo: random.below(created)), into: object)
            return (id, name, domain)
        }
    }

    private mutating func phone() -> String {
        "+1 555 01\(random.below(9))\(random.below(9)) \(1_000 + random.below(9_000))"
    }

    private mutating func addContacts(_ accounts: [(id: RecordID, name: String, domain: String)]) -> [[RecordID]] {
        let object = definition("Contact")
        var contacts = accounts.map { _ in [RecordID]() }
        guard !accounts.isEmpty else { return contacts }
        for index in 0..<org.contactCount {
            let (first, last) = (random.pick(Names.firstNames), random.pick(Names.lastNames))
            let account = accounts[index % accounts.count]
            let place = random.pick(Names.places)
            let created = 10 + random.below(700)
            let role = random.pick(Names.roles)
            let id = database.insert(
                stamped(
                    [
                        "FirstName": .string(first), "LastName": .string(last), "Name": .string("\(first) \(last)"),
                        "Title": .string(role.title), "Department": .string(role.department),
                        "Email": .string("\(first).\(last).\(index)@\(account.domain)".lowercased()),
                        "Phone": .string(phone()), "MailingCity": .string(place.city),
                        "MailingState": .string(place.state), "MailingCountry": .string(place.country),
                        "HasOptedOutOfEmail": .bool(random.below(20) == 0), "AccountId": .string(account.id.long),
                        "OwnerId": owner(), "External_Id__c": .string("CON-\(10_001 + index)"),
                    ], createdDaysAgo: created, modifiedDaysAgo: random.below(created)), into: object)
            contacts[index % accounts.count].append(id)
        }
        return contacts
    }

    // MARK: Deals

    private mutating func addOpportunities(
        _ accounts: [(id: RecordID, name: String, domain: String)], contacts: [[RecordID]]
    ) {
        guard !accounts.isEmpty else { return }
        let object = definition("Opportunity")
        for index in 0..<org.opportunityCount {
            let position = random.below(accounts.count)
            let account = accounts[position]
            let stage = Schema.stages[index % Schema.stages.count]
            let created = 20 + random.below(300)
            // Closed deals closed in the past; open ones close within half a year, and a few are overdue.
            let closesIn = stage.isClosed ? -(1 + random.below(created)) : random.below(190) - 10
            let idle = stage.isClosed ? -closesIn : random.below(min(created, 60))
            let amount = Double(5_000 + 2_500 * random.below(180))
            let kind = random.pick(["New Business", "Expansion", "Renewal"])
            let closes = today.adding(days: closesIn)
            let contact = contacts[position].isEmpty ? nil : random.pick(contacts[position])
            _ = database.insert(
                stamped(
                    [
                        "Name": .string("\(account.name) – \(kind) \(closes.components.year)"),
                        "StageName": .string(stage.name), "Amount": .double(amount),
                        "CloseDate": .string(closes.text), "Probability": .double(Double(stage.probability)),
                        "ExpectedRevenue": .double(amount * Double(stage.probability) / 100),
                        "ForecastCategoryName": .string(stage.forecast), "IsClosed": .bool(stage.isClosed),
                        "IsWon": .bool(stage.isWon), "Type": .string(kind),
                        "LeadSource": .string(
                            random.pick(["Web", "Partner Referral", "Event", "Outbound", "Customer Referral"])),
                        "NextStep": stage.isClosed ? .null : .string(random.pick(Names.nextSteps)),
                        "LastActivityDate": .string(today.adding(days: -idle).text),
                        "LastStageChangeDate": at(daysAgo: idle + random.below(created - min(idle, created - 1))),
                        "Engagement_Score__c": .double(Double(random.below(100)) / 10),
                        "Strategic__c": .bool(amount > 350_000), "AccountId": .string(account.id.long),
                        "ContactId": JSON(contact?.long), "OwnerId": owner(),
                        "External_Id__c": .string("OPP-\(10_001 + index)"),
                    ], createdDaysAgo: created, modifiedDaysAgo: idle), into: object)
        }
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): small, and the same everywhere.
struct SplitMix: Sendable {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to, not including, `bound`; 0 where the bound is not positive.
    mutating func below(_ bound: Int) -> Int { bound > 0 ? Int(next() % UInt64(bound)) : 0 }

    /// One of a list that is not empty.
    mutating func pick<Element>(_ list: [Element]) -> Element { list[below(list.count)] }
}
