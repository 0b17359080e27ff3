internal import Domain
internal import Foundation
internal import Postgres
internal import Secrets

struct PostgresCustomerRepository: CustomerRepository {
    let database: Database

    func customer(subdomain: Subdomain) async throws -> Customer? {
        try await database.directory(.subdomain(subdomain)).query(
            "select \(fragment: Customer.columns) from customers where subdomain = \(subdomain)"
        ).first.map(Customer.init)
    }

    func customer(id: CustomerID) async throws -> Customer? {
        try await database.tenant(id).query("select \(fragment: Customer.columns) from customers where id = \(id)")
            .first.map(Customer.init)
    }

    func customers() async throws -> [Customer] {
        try await database.system(.operators).query(
            "select \(fragment: Customer.columns) from customers order by subdomain collate \"C\""
        ).map(Customer.init)
    }

    func create(_ customer: Customer, config: CustomerConfig, admin: User?) async throws {
        try await database.tenant(customer.id).transaction { transaction in
            try await transaction.query(customer.insertion)
            try await transaction.query(config.insertion)
            if let admin { try await transaction.query(admin.insertion) }
        }
    }

    func setSalesforce(
        _ id: CustomerID, instanceURL: String, orgID: SalesforceID?, clientID: Sealed?, clientSecret: Sealed?,
        stagedSecret: Customer.StagedSecret?, endsSessions: Bool, at now: Date
    ) async throws {
        try await database.tenant(id).transaction { transaction in
            try await transaction.query(
                """
                update customers
                set salesforce_instance_url = \(instanceURL), salesforce_org_id = \(orgID),
                    salesforce_client_id = \(clientID), salesforce_client_secret = \(clientSecret),
                    salesforce_client_secret_staged = \(stagedSecret?.secret),
                    salesforce_client_secret_staged_at = \(stagedSecret?.since),
                    rotates_refresh_tokens = rotates_refresh_tokens and not \(endsSessions), updated_at = \(now)
                where id = \(id)
                """)
            guard endsSessions else { return }
            try await transaction.query("delete from sessions where customer_id = \(id)")
            try await transaction.query("delete from oauth_tokens where customer_id = \(id)")
        }
    }

    func stageClientSecret(_ id: CustomerID, _ secret: Sealed, at now: Date) async throws -> Bool {
        try await database.tenant(id).query(
            """
            update customers
            set salesforce_client_secret_staged = \(secret), salesforce_client_secret_staged_at = \(now),
                updated_at = \(now)
            where id = \(id) and salesforce_client_id is not null and salesforce_client_secret is not null
            """
        ).affectedRows > 0
    }

    func promoteClientSecret(_ id: CustomerID, expected: Sealed, as secret: Sealed, at now: Date) async throws -> Bool {
        try await database.tenant(id).query(
            """
            update customers
            set salesforce_client_secret = \(secret), salesforce_client_secret_staged = null,
                salesforce_client_secret_staged_at = null, updated_at = \(now)
            where id = \(id) and salesforce_client_secret_staged = \(expected)
            """
        ).affectedRows > 0
    }

    func pinOrganization(_ id: CustomerID, orgID: SalesforceID, at now: Date) async throws -> Bool {
        let scope = database.tenant(id)
        let pinned = try await scope.query(
            """
            update customers set salesforce_org_id = \(orgID), updated_at = \(now)
            where id = \(id) and salesforce_org_id is null
            """)
        if pinned.affectedRows > 0 { return true }
        // A statement of its own, so that it sees what another sign-in pinned while the first one waited.
        return try await scope.query("select 1 from customers where id = \(id) and salesforce_org_id = \(orgID)")
            .first != nil
    }

    func noteRotation(_ id: CustomerID, at now: Date) async throws {
        try await database.tenant(id).query(
            """
            update customers set rotates_refresh_tokens = true, updated_at = \(now)
            where id = \(id) and not rotates_refresh_tokens
            """)
    }

    func setSuspended(_ id: CustomerID, since: Date?, at now: Date) async throws -> Bool {
        try await database.tenant(id).query(
            "update customers set suspended_at = \(since), updated_at = \(now) where id = \(id)"
        ).affectedRows > 0
    }

    func delete(_ id: CustomerID) async throws -> Bool {
        try await database.tenant(id).query("delete from customers where id = \(id)").affectedRows > 0
    }
}

struct PostgresCustomerConfigRepository: CustomerConfigRepository {
    let database: Database

    func config(of customer: CustomerID) async throws -> CustomerConfig? {
        try await database.tenant(customer).query(
            "select \(fragment: CustomerConfig.columns) from customer_configs where customer_id = \(customer)"
        ).first.map(CustomerConfig.init)
    }

    func update(_ config: CustomerConfig, expected: Date) async throws -> Bool {
        // A clock that stands or steps back must not let the next writer take this row for the one it read.
        try await database.tenant(config.customerID).query(
            """
            update customer_configs
            set field_mappings = \(PostgresJSON(config.fieldMappings)), risk_rules = \(PostgresJSON(config.riskRules)),
                priority_weights = \(PostgresJSON(config.priorityWeights)),
                updated_at = greatest(\(config.updatedAt), updated_at + interval '1 microsecond')
            where customer_id = \(config.customerID) and updated_at = \(expected)
            """
        ).affectedRows > 0
    }
}
