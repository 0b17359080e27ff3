internal import Domain
internal import Foundation
internal import Secrets

struct InMemoryCustomerRepository: CustomerRepository {
    let store: InMemoryStore

    func customer(subdomain: Subdomain) async throws -> Customer? {
        try store.transaction { state, _ in state.customers.values.first { $0.subdomain == subdomain } }
    }

    func customer(id: CustomerID) async throws -> Customer? {
        try store.transaction { state, _ in state.customers[id] }
    }

    func customers() async throws -> [Customer] {
        try store.transaction { state, _ in state.customers.values.sorted { $0.subdomain.label < $1.subdomain.label } }
    }

    func create(_ customer: Customer, config: CustomerConfig, admin: User?) async throws {
        try store.transaction { state, _ in
            guard !state.customers.values.contains(where: { $0.subdomain == customer.subdomain }) else {
                throw RepositoryError.conflict(constraint: RepositoryError.Constraint.subdomain)
            }
            state.customers[customer.id] = customer.inMicroseconds
            state.record(.customer, customer.id, customer.id.rawValue)
            state.configs[customer.id] = config.inMicroseconds
            state.record(.config, customer.id, config.id.rawValue)
            if let admin { try state.insert(admin) }
        }
    }

    func setSalesforce(
        _ id: CustomerID, instanceURL: String, orgID: SalesforceID?, clientID: Sealed?, clientSecret: Sealed?,
        stagedSecret: Customer.StagedSecret?, endsSessions: Bool, at now: Date
    ) async throws {
        try store.transaction { state, _ in
            guard var customer = state.customers[id] else { return }
            customer.salesforceInstanceURL = instanceURL
            customer.salesforceOrgID = orgID
            customer.salesforceClientID = clientID
            customer.salesforceClientSecret = clientSecret
            customer.stagedClientSecret = stagedSecret
            customer.updatedAt = now
            if endsSessions {
                customer.rotatesRefreshTokens = false
                _ = state.removeSessions { $0.customerID == id }
                state.removeGrants { $0.customerID == id }
            }
            state.customers[id] = customer.inMicroseconds
            state.record(.customer, id, id.rawValue)
        }
    }

    func stageClientSecret(_ id: CustomerID, _ secret: Sealed, at now: Date) async throws -> Bool {
        try update(id) { customer in
            guard customer.salesforceClientID != nil, customer.salesforceClientSecret != nil else { return false }
            customer.stagedClientSecret = Customer.StagedSecret(secret: secret, since: now)
            customer.updatedAt = now
            return true
        }
    }

    func promoteClientSecret(_ id: CustomerID, expected: Sealed, as secret: Sealed, at now: Date) async throws -> Bool {
        try update(id) { customer in
            guard customer.stagedClientSecret?.secret == expected else { return false }
            customer.salesforceClientSecret = secret
            customer.stagedClientSecret = nil
            customer.updatedAt = now
            return true
        }
    }

    func pinOrganization(_ id: CustomerID, orgID: SalesforceID, at now: Date) async throws -> Bool {
        try update(id) { customer in
            guard customer.salesforceOrgID != orgID else { return true }
            guard customer.salesforceOrgID == nil else { return false }
            customer.salesforceOrgID = orgID
            customer.updatedAt = now
            return true
        }
    }

    func noteRotation(_ id: CustomerID, at now: Date) async throws {
        _ = try update(id) { customer in
            guard !customer.rotatesRefreshTokens else { return true }
            customer.rotatesRefreshTokens = true
            customer.updatedAt = now
            return true
        }
    }

    func setSuspended(_ id: CustomerID, since: Date?, at now: Date) async throws -> Bool {
        try update(id) { customer in
            customer.suspendedAt = since
            customer.updatedAt = now
            return true
        }
    }

    func delete(_ id: CustomerID) async throws -> Bool {
        try store.transaction { state, _ in
            guard state.customers.removeValue(forKey: id) != nil else { return false }
            _ = state.removeSessions { $0.customerID == id }
            state.removeGrants { $0.customerID == id }
            for key in state.accessKeys.values where key.customerID == id {
                state.accessKeys[key.id] = nil
                state.record(.accessKey, id, key.id.rawValue)
            }
            for user in state.users.values where user.customerID == id {
                state.users[user.id] = nil
                state.record(.user, id, user.id.rawValue)
            }
            if let config = state.configs.removeValue(forKey: id) { state.record(.config, id, config.id.rawValue) }
            state.record(.customer, id, id.rawValue)
            return true
        }
    }

    /// Changes a customer where there is one, and says what `change` said; `false` where there is none.
    private func update(_ id: CustomerID, _ change: (inout Customer) -> Bool) throws -> Bool {
        try store.transaction { state, _ in
            guard let before = state.customers[id] else { return false }
            var customer = before
            let result = change(&customer)
            guard customer != before else { return result }
            state.customers[id] = customer.inMicroseconds
            state.record(.customer, id, id.rawValue)
            return result
        }
    }
}

struct InMemoryUserRepository: UserRepository {
    let store: InMemoryStore

    func user(id: UserID, in customer: CustomerID) async throws -> User? {
        try first(in: customer) { $0.id == id }
    }

    func user(salesforceUserID: SalesforceID, in customer: CustomerID) async throws -> User? {
        try first(in: customer) { $0.salesforceUserID == salesforceUserID }
    }

    func user(email: String, in customer: CustomerID) async throws -> User? {
        try first(in: customer) { $0.email.lowercased() == email.lowercased() }
    }

    func users(in customer: CustomerID) async throws -> [User] {
        try store.transaction { state, _ in
            state.users.values.filter { $0.customerID == customer }
                .sorted { $0.email.lowercased() < $1.email.lowercased() }
        }
    }

    func users(in customer: CustomerID, behind email: String?, limit: Int) async throws -> [User] {
        let users = try await users(in: customer)
        return Array(
            users.filter { user in email.map { user.email.lowercased() > $0.lowercased() } ?? true }.prefix(limit))
    }

    func change(
        _ id: UserID, in customer: CustomerID, _ change: UserChange, at now: Date
    ) async throws -> UserChangeResult {
        try store.transaction { state, _ in
            guard let user = state.users[id], user.customerID == customer else { return .missing }
            let changed = change.applied(to: user, at: now).inMicroseconds
            guard changed != user else { return .changed(from: user, to: user) }
            if user.isActiveAdmin, !changed.isActiveAdmin {
                let others = state.users.values.filter { $0.customerID == customer && $0.id != id }
                guard others.contains(where: \.isActiveAdmin) else { return .lastAdmin }
            }
            state.users[id] = changed
            state.record(.user, customer, id.rawValue)
            return .changed(from: user, to: changed)
        }
    }

    func create(_ user: User) async throws {
        try store.transaction { state, _ in try state.insert(user) }
    }

    func claim(_ id: UserID, in customer: CustomerID, salesforceUserID: SalesforceID, at now: Date) async throws -> Bool
    {
        try store.transaction { state, _ in
            guard var user = state.users[id], user.customerID == customer, user.salesforceUserID == nil else {
                return false
            }
            guard
                !state.users.values.contains(where: {
                    $0.customerID == customer && $0.salesforceUserID == salesforceUserID
                })
            else { throw RepositoryError.conflict(constraint: RepositoryError.Constraint.salesforceUser) }
            user.salesforceUserID = salesforceUserID
            user.updatedAt = now
            state.users[id] = user.inMicroseconds
            state.record(.user, customer, id.rawValue)
            return true
        }
    }

    func noteSignIn(
        _ id: UserID, in customer: CustomerID, firstName: String, lastName: String, profile: String?, at now: Date
    ) async throws {
        try store.transaction { state, _ in
            guard var user = state.users[id], user.customerID == customer else { return }
            user.firstName = firstName
            user.lastName = lastName
            user.salesforceProfile = profile
            user.updateLastLogin(at: now)
            state.users[id] = user.inMicroseconds
            state.record(.user, customer, id.rawValue)
        }
    }

    private func first(in customer: CustomerID, where matches: (User) -> Bool) throws -> User? {
        try store.transaction { state, _ in state.users.values.first { $0.customerID == customer && matches($0) } }
    }
}

struct InMemoryCustomerConfigRepository: CustomerConfigRepository {
    let store: InMemoryStore

    func config(of customer: CustomerID) async throws -> CustomerConfig? {
        try store.transaction { state, _ in state.configs[customer] }
    }

    func update(_ config: CustomerConfig, expected: Date) async throws -> Bool {
        try store.transaction { state, _ in
            guard let stored = state.configs[config.customerID], stored.updatedAt == expected.inMicroseconds else {
                return false
            }
            var row = config.inMicroseconds
            // A clock that stands or steps back must not let the next writer take this row for the one it read.
            row.updatedAt = max(row.updatedAt, stored.updatedAt.addingTimeInterval(0.000_001).inMicroseconds)
            row.createdAt = stored.createdAt
            state.configs[config.customerID] = row
            state.record(.config, config.customerID, config.id.rawValue)
            return true
        }
    }
}
