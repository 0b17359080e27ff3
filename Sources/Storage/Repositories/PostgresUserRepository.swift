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

    func users(in customer: CustomerID, behind email: String?, limit: Int) async throws -> [User] {
        let later: SQL = email.map { "and lower(email) collate \"C\" > lower(\($0)) collate \"C\"" } ?? ""
        return try await database.tenant(customer).query(
            """
            select \(fragment: User.columns) from users where customer_id = \(customer) \(fragment: later)
            order by lower(email) collate "C" limit \(limit)
            """
        ).map(User.init)
    }

    func change(
        _ id: UserID, in customer: CustomerID, _ change: UserChange, at now: Date
    ) async throws -> UserChangeResult {
        try await database.tenant(customer).transaction { transaction in
            // Whoever takes an admin away holds all admins' rows, so that two at once can't leave none: the second
            // waits, and sees what the first has left. In order, so that they don't wait for each other.
            let admins = try await transaction.query(
                """
                select id from users where customer_id = \(customer) and role = 'admin' and disabled_at is null
                order by id for no key update
                """
            ).map { try $0.decode("id", as: UserID.self) }
            let row = try await transaction.query(
                """
                select \(fragment: User.columns) from users where customer_id = \(customer) and id = \(id)
                for no key update
                """
            ).first
            guard let user = try row.map(User.init) else { return .missing }
            let changed = change.applied(to: user, at: now)
            guard changed != user else { return .changed(from: user, to: user) }
            if user.isActiveAdmin, !changed.isActiveAdmin, admins.allSatisfy({ $0 == id }) { return .lastAdmin }
            let stored = try await transaction.query(
                """
                update users
                set role = \(changed.role), disabled_at = \(changed.disabledAt), updated_at = \(changed.updatedAt)
                where customer_id = \(customer) and id = \(id) returning \(fragment: User.columns)
                """
            ).first.map(User.init)
            return .changed(from: user, to: stored ?? changed)
        }
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
