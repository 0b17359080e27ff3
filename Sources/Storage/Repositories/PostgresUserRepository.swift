internal import Domain
internal import Foundation
internal import Postgres

struct PostgresUserRepository: UserRepository {
    let database: Database

    func user(id: UserID, in customer: CustomerID) async throws -> User? {
        try await database.tenant(customer).query(
            "select \(fragment: User.columns) from users where customer_id = \(customer) and id = \(id)"
        ).first.map(User.init)
    }

    func user(salesforceUserID: SalesforceID, in customer: CustomerID) async throws -> User? {
        try await database.tenant(customer).query(
            """
            select \(fragment: User.columns) from users
            where customer_id = \(customer) and salesforce_user_id = \(salesforceUserID)
            """
        ).first.map(User.init)
    }

    func user(email: String, in customer: CustomerID) async throws -> User? {
        try await database.tenant(customer).query(
            """
            select \(fragment: User.columns) from users
            where customer_id = \(customer) and lower(email) = lower(\(email))
            """
        ).first.map(User.init)
    }

    func users(in customer: CustomerID) async throws -> [User] {
        try await database.tenant(customer).query(
            """
            select \(fragment: User.columns) from users
            where customer_id = \(customer) order by lower(email) collate "C"
            """
        ).map(User.init)
    }

    func create(_ user: User) async throws {
        try await database.tenant(user.customerID).query(user.insertion)
    }

    func claim(_ id: UserID, in customer: CustomerID, salesforceUserID: SalesforceID, at now: Date) async throws -> Bool
    {
        try await database.tenant(customer).query(
            """
            update users set salesforce_user_id = \(salesforceUserID), updated_at = \(now)
            where customer_id = \(customer) and id = \(id) and salesforce_user_id is null
            """
        ).affectedRows > 0
    }

    func noteSignIn(
        _ id: UserID, in customer: CustomerID, firstName: String, lastName: String, profile: String?, at now: Date
    ) async throws {
        try await database.tenant(customer).query(
            """
            update users
            set first_name = \(firstName), last_name = \(lastName), salesforce_profile = \(profile),
                last_login_at = \(now), updated_at = \(now)
            where customer_id = \(customer) and id = \(id)
            """)
    }
}
