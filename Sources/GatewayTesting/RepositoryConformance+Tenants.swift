internal import Domain
internal import Foundation
internal import Secrets

extension RepositoryConformance {
    static let customerChecks: [Check] = [
        Check("customers: what is stored is read back, by subdomain and by id") { suite in
            let customers = suite.repositories.customers
            var customer = try suite.fixtures.makeCustomer(
                subdomain: "x\(suite.fixtures.ids.next().uuidString.suffix(12).lowercased())",
                stagedSecret: "staged", rotatesRefreshTokens: true, tier: .professional, status: .pastDue,
                trialEndsAt: suite.now.addingTimeInterval(1), pastDueSince: suite.now.addingTimeInterval(2),
                suspendedAt: suite.now.addingTimeInterval(3))
            customer.companyName = "Ünïcödé ' \" \\ Corp"
            let config = suite.fixtures.makeConfig(for: customer.id)
            try await customers.create(customer, config: config, admin: nil)
            try await expectEqual(customers.customer(subdomain: customer.subdomain), customer, "by subdomain")
            try await expectEqual(customers.customer(id: customer.id), customer, "by id")
            try await expectEqual(
                suite.repositories.configs.config(of: customer.id), config, "its configuration came with it")
            try await expectEqual(suite.repositories.users.users(in: customer.id), [], "no user was asked for")
        },
        Check("customers: an unknown subdomain or id is nobody's") { suite in
            let customers = suite.repositories.customers
            try await expectEqual(customers.customer(subdomain: Subdomain("nobody-here")), nil, "by subdomain")
            try await expectEqual(customers.customer(id: CustomerID(suite.fixtures.ids.next())), nil, "by id")
        },
        Check("customers: the list is sorted by subdomain") { suite in
            let (first, _) = try await suite.makeTenant()
            let (second, _) = try await suite.makeTenant()
            let labels = try await suite.repositories.customers.customers().map(\.subdomain.label)
            try expect(labels == labels.sorted(), "sorted")
            try expect(labels.contains(first.subdomain.label) && labels.contains(second.subdomain.label), "both in it")
        },
        Check("customers: a taken subdomain is refused, and nothing of the newcomer stays") { suite in
            let (customer, _) = try await suite.makeTenant()
            let newcomer = try suite.fixtures.makeCustomer(subdomain: customer.subdomain.label)
            try await expectConflict(RepositoryError.Constraint.subdomain) {
                try await suite.repositories.customers.create(
                    newcomer, config: suite.fixtures.makeConfig(for: newcomer.id), admin: nil)
            }
            try await expectEqual(suite.repositories.configs.config(of: newcomer.id), nil, "no configuration")
        },
        Check("customers: changed Salesforce settings can end sessions and grants, of that customer alone") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let (neighbour, other) = try await suite.makeTenant()
            for (tenant, user) in [(customer, admin), (neighbour, other)] {
                _ = try await suite.makeGrant(of: user, tenant)
                try await suite.repositories.sessions.create(suite.fixtures.makeSession(of: user))
            }
            try await suite.repositories.customers.noteRotation(customer.id, at: suite.now)
            let secret = Sealed(bytes: Array(repeating: 7, count: 60))
            try await suite.repositories.customers.setSalesforce(
                customer.id, instanceURL: "https://new.my.salesforce.com", orgID: nil, clientID: nil,
                clientSecret: secret, stagedSecret: nil, endsSessions: true, at: suite.now.addingTimeInterval(5))
            let changed = try await unwrap(
                suite.repositories.customers.customer(id: customer.id), "the customer is still there")
            try expectEqual(changed.salesforceInstanceURL, "https://new.my.salesforce.com", "login host")
            try expectEqual(changed.salesforceOrgID, nil, "org")
            try expectEqual(changed.salesforceClientID, nil, "client id")
            try expectEqual(changed.salesforceClientSecret, secret, "client secret")
            try expectEqual(changed.rotatesRefreshTokens, false, "rotation is forgotten")
            try expectEqual(changed.updatedAt, suite.now.addingTimeInterval(5), "updated")
            try await expectEqual(
                suite.repositories.sessions.sessions(of: admin.id, in: customer.id), [], "sessions ended")
            try await expectEqual(
                suite.repositories.grants.grant(of: admin.id, in: customer.id), nil, "grants deleted")
            try await expectEqual(
                suite.repositories.sessions.sessions(of: other.id, in: neighbour.id).count, 1, "not the neighbour's")
            try await expect(
                suite.repositories.grants.grant(of: other.id, in: neighbour.id) != nil, "not the neighbour's grant")
        },
        Check("customers: changed Salesforce settings can leave sessions alone") { suite in
            let (customer, admin) = try await suite.makeTenant()
            _ = try await suite.makeGrant(of: admin, customer)
            try await suite.repositories.customers.noteRotation(customer.id, at: suite.now)
            try await suite.repositories.customers.setSalesforce(
                customer.id, instanceURL: customer.salesforceInstanceURL, orgID: customer.salesforceOrgID,
                clientID: customer.salesforceClientID, clientSecret: nil, stagedSecret: nil, endsSessions: false,
                at: suite.now)
            try await expect(
                suite.repositories.grants.grant(of: admin.id, in: customer.id) != nil, "the grant is still there")
            try await expectEqual(
                suite.repositories.customers.customer(id: customer.id)?.rotatesRefreshTokens, true, "still known")
        },
        Check("customers: an org is pinned once") { suite in
            let id = suite.fixtures.ids.next().uuidString.suffix(12).lowercased()
            let customer = try suite.fixtures.makeCustomer(subdomain: "p\(id)", organizationID: nil)
            let customers = suite.repositories.customers
            try await customers.create(customer, config: suite.fixtures.makeConfig(for: customer.id), admin: nil)
            let first = try unwrap(SalesforceID("00D000000000001"), "an id")
            let second = try unwrap(SalesforceID("00D000000000002"), "an id")
            try await expect(customers.pinOrganization(customer.id, orgID: first, at: suite.now), "pinned")
            try await expect(customers.pinOrganization(customer.id, orgID: first, at: suite.now), "the same is fine")
            try await expect(!customers.pinOrganization(customer.id, orgID: second, at: suite.now), "another is not")
            try await expectEqual(customers.customer(id: customer.id)?.salesforceOrgID, first, "the first stays")
        },
        Check("customers: suspending and resuming") { suite in
            let (customer, _) = try await suite.makeTenant()
            let customers = suite.repositories.customers
            let since = suite.now.addingTimeInterval(60)
            try await expect(customers.setSuspended(customer.id, since: since, at: since), "suspended")
            try await expectEqual(customers.customer(id: customer.id)?.suspendedAt, since, "since then")
            try await expect(customers.setSuspended(customer.id, since: nil, at: since), "resumed")
            try await expectEqual(customers.customer(id: customer.id)?.suspendedAt, nil, "no longer")
            let nobody = CustomerID(suite.fixtures.ids.next())
            try await expect(!customers.setSuspended(nobody, since: since, at: since), "nobody to suspend")
        },
        Check("customers: deleting takes everything of it, and nothing of its neighbour") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let (neighbour, other) = try await suite.makeTenant()
            let repositories = suite.repositories
            _ = try await suite.makeGrant(of: admin, customer)
            let session = suite.fixtures.makeSession(of: admin)
            let key = suite.fixtures.makeAccessKey(of: admin)
            try await repositories.sessions.create(session)
            try await repositories.accessKeys.create(key)
            try await expect(repositories.customers.delete(customer.id), "deleted")
            try await expect(!repositories.customers.delete(customer.id), "only once")
            try await expectEqual(repositories.customers.customer(subdomain: customer.subdomain), nil, "customer")
            try await expectEqual(repositories.users.users(in: customer.id), [], "users")
            try await expectEqual(repositories.configs.config(of: customer.id), nil, "configuration")
            try await expectEqual(repositories.grants.grant(of: admin.id, in: customer.id), nil, "grant")
            try await expectEqual(repositories.sessions.session(tokenHash: session.tokenHash), nil, "session")
            try await expectEqual(repositories.accessKeys.key(keyHash: key.keyHash), nil, "access key")
            try await expectEqual(repositories.users.users(in: neighbour.id), [other], "the neighbour's users stay")
        },
    ]

    static let userChecks: [Check] = [
        Check("users: what is stored is read back, by id, email in any case and Salesforce user") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let users = suite.repositories.users
            try await expectEqual(users.user(id: admin.id, in: customer.id), admin, "by id")
            try await expectEqual(users.user(email: admin.email.uppercased(), in: customer.id), admin, "by email")
            let salesforceUserID = try unwrap(admin.salesforceUserID, "the admin is a Salesforce user")
            try await expectEqual(
                users.user(salesforceUserID: salesforceUserID, in: customer.id), admin, "by Salesforce user")
            try await expectEqual(users.users(in: customer.id), [admin], "in the list")
        },
        Check("users: a tenant does not see another's, whatever it asks for") { suite in
            let (_, admin) = try await suite.makeTenant()
            let (neighbour, other) = try await suite.makeTenant()
            let users = suite.repositories.users
            let salesforceUserID = try unwrap(admin.salesforceUserID, "the admin is a Salesforce user")
            try await expectEqual(users.user(id: admin.id, in: neighbour.id), nil, "by id")
            try await expectEqual(users.user(email: admin.email, in: neighbour.id), nil, "by email")
            try await expectEqual(
                users.user(salesforceUserID: salesforceUserID, in: neighbour.id), nil, "by Salesforce user")
            try await expectEqual(users.users(in: neighbour.id), [other], "in the list")
            try await users.noteSignIn(
                admin.id, in: neighbour.id, firstName: "Not", lastName: "Allowed", profile: nil, at: suite.now)
            try await expectEqual(
                users.user(id: admin.id, in: admin.customerID), admin, "a neighbour's update changes nothing")
        },
        Check("users: in pages, in the order of their emails") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let users = suite.repositories.users
            for name in ["Zoe", "anna", "Bert"] {
                try await users.create(suite.fixtures.makeUser(in: customer.id, email: "\(name)@axonify.com"))
            }
            let all = try await users.users(in: customer.id)
            try await expectEqual(users.users(in: customer.id, behind: nil, limit: 2), Array(all[..<2]), "page 1")
            let second = try await users.users(in: customer.id, behind: all[1].email.uppercased(), limit: 9)
            try expectEqual(second, Array(all[2...]), "page 2")
            let others = all.filter { $0.id != admin.id }.map { String($0.email.prefix(4)) }
            try expectEqual(others, ["anna", "Bert", "Zoe@"], "in any case")
        },
        Check("users: role and disabled are changed, and the last admin stays one") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let (neighbour, _) = try await suite.makeTenant()
            let users = suite.repositories.users
            let later = suite.now.addingTimeInterval(60)
            func change(_ user: User, _ change: UserChange) async throws -> UserChangeResult {
                try await users.change(user.id, in: customer.id, change, at: later)
            }
            try await expectEqual(change(admin, UserChange(role: .ae)), .lastAdmin, "the only one")
            try await expectEqual(change(admin, UserChange(isDisabled: true)), .lastAdmin, "disabled is none")
            try await expectEqual(change(admin, UserChange(role: .admin)), .changed(from: admin, to: admin), "as it is")
            let other = suite.fixtures.makeUser(in: customer.id, email: "other@axonify.com", role: .ae)
            try await users.create(other)
            var promoted = other
            (promoted.role, promoted.updatedAt) = (.admin, later)
            try await expectEqual(
                change(other, UserChange(role: .admin)), .changed(from: other, to: promoted), "promoted")
            try await expectEqual(users.user(id: other.id, in: customer.id), promoted, "stored")
            var disabled = admin
            (disabled.disabledAt, disabled.updatedAt) = (later, later)
            try await expectEqual(
                change(admin, UserChange(isDisabled: true)), .changed(from: admin, to: disabled), "disabled")
            try await expectEqual(
                users.change(admin.id, in: customer.id, UserChange(isDisabled: true), at: later.addingTimeInterval(9)),
                .changed(from: disabled, to: disabled), "since the first time")
            try await expectEqual(change(promoted, UserChange(role: .am)), .lastAdmin, "the other can't sign in")
            try await expectEqual(
                users.change(admin.id, in: neighbour.id, UserChange(role: .ae), at: later), .missing, "of a neighbour")
        },
        Check("users: of two admins who take each other away, one stays") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let users = suite.repositories.users
            let now = suite.now
            for round in 0..<20 {
                let other = suite.fixtures.makeUser(in: customer.id, email: "r\(round)@axonify.com", role: .admin)
                try await users.create(other)
                async let first = users.change(admin.id, in: customer.id, UserChange(role: .ae), at: now)
                async let second = users.change(other.id, in: customer.id, UserChange(isDisabled: true), at: now)
                let results = try await [first, second]
                try expectEqual(results.count { $0 == .lastAdmin }, 1, "one of them is refused")
                _ = try await users.change(admin.id, in: customer.id, UserChange(role: .admin), at: now)
                _ = try await users.change(other.id, in: customer.id, UserChange(role: .ae), at: now)
            }
        },
        Check("users: email is unique within the customer, in any case, and free elsewhere") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let (neighbour, _) = try await suite.makeTenant()
            let email = admin.email.uppercased()
            try await expectConflict(RepositoryError.Constraint.userEmail) {
                try await suite.repositories.users.create(suite.fixtures.makeUser(in: customer.id, email: email))
            }
            try await suite.repositories.users.create(suite.fixtures.makeUser(in: neighbour.id, email: email))
        },
        Check("users: a Salesforce user is one user of the customer") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let twin = suite.fixtures.makeUser(
                in: customer.id, email: "twin@example.com", salesforceUserID: admin.salesforceUserID?.rawValue)
            try await expectConflict(RepositoryError.Constraint.salesforceUser) {
                try await suite.repositories.users.create(twin)
            }
        },
        Check("users: a user needs its customer") { suite in
            let nobody = CustomerID(suite.fixtures.ids.next())
            try await expectConflict(RepositoryError.Constraint.userCustomer) {
                try await suite.repositories.users.create(suite.fixtures.makeUser(in: nobody))
            }
        },
        Check("users: an unclaimed row is claimed once, and by nobody who is there already") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let users = suite.repositories.users
            let row = suite.fixtures.makeUser(in: customer.id, email: "new@example.com")
            try await users.create(row)
            let claimant = try unwrap(SalesforceID("005000000claim1"), "an id")
            let late = try unwrap(SalesforceID("005000000claim2"), "an id")
            let existing = try unwrap(admin.salesforceUserID, "the admin is a Salesforce user")
            try await expectConflict(RepositoryError.Constraint.salesforceUser) {
                _ = try await users.claim(row.id, in: customer.id, salesforceUserID: existing, at: suite.now)
            }
            try await expect(
                users.claim(row.id, in: customer.id, salesforceUserID: claimant, at: suite.now), "claimed")
            try await expect(
                !users.claim(row.id, in: customer.id, salesforceUserID: late, at: suite.now), "only once")
            try await expectEqual(
                users.user(id: row.id, in: customer.id)?.salesforceUserID, claimant, "the first has it")
        },
        Check("users: a sign-in is noted") { suite in
            let (customer, admin) = try await suite.makeTenant()
            let then = suite.now.addingTimeInterval(7)
            try await suite.repositories.users.noteSignIn(
                admin.id, in: customer.id, firstName: "Sue", lastName: "M", profile: "Sales User", at: then)
            let user = try await unwrap(suite.repositories.users.user(id: admin.id, in: customer.id), "the user")
            try expectEqual(user.fullName, "Sue M", "names")
            try expectEqual(user.salesforceProfile, "Sales User", "profile")
            try expectEqual(user.lastLoginAt, then, "time")
        },
    ]

    static let configChecks: [Check] = [
        Check("configs: what is stored is read back") { suite in
            let (customer, _) = try await suite.makeTenant()
            var config = try await unwrap(suite.repositories.configs.config(of: customer.id), "the configuration")
            let read = config.updatedAt
            config.updateFieldMapping("customField", to: "Custom_Field__c")
            config.riskRules.highRiskStages = ["Vertrag \"prüfen\""]
            config.priorityWeights.dealSize = 0.125
            config.updatedAt = suite.now.addingTimeInterval(1.5)
            try await expect(suite.repositories.configs.update(config, expected: read), "stored")
            try await expectEqual(suite.repositories.configs.config(of: customer.id), config, "read back")
        },
        Check("configs: a lost update is refused, even where the clock stands") { suite in
            let (customer, _) = try await suite.makeTenant()
            let configs = suite.repositories.configs
            let original = try await unwrap(configs.config(of: customer.id), "the configuration")
            var mine = original
            mine.updateFieldMapping("a", to: "A__c")
            var theirs = original
            theirs.updateFieldMapping("b", to: "B__c")
            try await expect(configs.update(mine, expected: original.updatedAt), "the first is stored")
            try await expect(!configs.update(theirs, expected: original.updatedAt), "the second is refused")
            let stored = try await unwrap(configs.config(of: customer.id), "the configuration")
            try expectEqual(stored.fieldMappings, ["a": "A__c"], "the first one's")
            try expect(stored.updatedAt > original.updatedAt, "later than before")
        },
    ]
}
