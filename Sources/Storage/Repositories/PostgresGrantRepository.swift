internal import Domain
internal import Foundation
internal import Postgres

/// Grants, with the lease of architecture invariant 4: one statement each, by the database's clock.
struct PostgresGrantRepository: GrantRepository {
    let database: Database

    func grant(of user: UserID, in customer: CustomerID) async throws -> OAuthToken? {
        try await database.tenant(customer).query(
            """
            select \(fragment: OAuthToken.columns) from oauth_tokens
            where customer_id = \(customer) and user_id = \(user)
            """
        ).first.map(OAuthToken.init)
    }

    func replace(
        user: UserID, in customer: CustomerID,
        make: @Sendable (_ id: OAuthTokenID, _ version: Int64) throws -> OAuthToken
    ) async throws -> OAuthToken? {
        try await database.tenant(customer).transaction { transaction in
            // Two sign-ins of one person wait for each other here: without a grant yet there is no row of it to lock.
            let users = try await transaction.query(
                "select 1 from users where customer_id = \(customer) and id = \(user) for no key update")
            guard users.first != nil else {
                throw RepositoryError.conflict(constraint: RepositoryError.Constraint.grantUser)
            }
            let previous = try await transaction.query(
                """
                select \(fragment: OAuthToken.columns) from oauth_tokens
                where customer_id = \(customer) and user_id = \(user) for update
                """
            ).first.map(OAuthToken.init)
            if let previous {
                let version = previous.version + 1
                let token = try make(previous.id, version)
                try await transaction.query(Self.replacement(of: previous, by: token, version: version))
            } else {
                let row = try await transaction.query("select gen_random_uuid() as id").first
                guard let id = try row?.decode("id", as: OAuthTokenID.self) else {
                    throw RepositoryError.unavailable("the database made no id")
                }
                let token = try make(id, 1)
                try await transaction.query(Self.insertion(of: token, id: id, user: user, customer: customer))
            }
            return previous
        }
    }

    private static func insertion(of token: OAuthToken, id: OAuthTokenID, user: UserID, customer: CustomerID) -> SQL {
        """
        insert into oauth_tokens (id, user_id, customer_id, access_token, refresh_token, instance_url, expires_at,
            created_at, updated_at)
        values (\(id), \(user), \(customer), \(token.accessToken), \(token.refreshToken), \(token.instanceURL),
            \(token.expiresAt), \(token.createdAt), \(token.updatedAt))
        """
    }

    /// The fence grows too: whoever held a lease on the grant that was there holds nothing now.
    private static func replacement(of previous: OAuthToken, by token: OAuthToken, version: Int64) -> SQL {
        """
        update oauth_tokens
        set access_token = \(token.accessToken), refresh_token = \(token.refreshToken),
            instance_url = \(token.instanceURL), expires_at = \(token.expiresAt), version = \(version),
            fence = fence + 1, lease_expires_at = null, spending_since = null, asked_in_doubt = false,
            dead_reason = null, updated_at = \(token.updatedAt)
        where customer_id = \(previous.customerID) and id = \(previous.id)
        """
    }

    func acquireLease(_ id: OAuthTokenID, in customer: CustomerID, for duration: Duration) async throws
        -> GrantLeaseAnswer
    {
        let scope = database.tenant(customer)
        let given = try await scope.query(
            """
            update oauth_tokens
            set fence = fence + 1,
                lease_expires_at = clock_timestamp() + make_interval(secs => \(duration / .seconds(1)))
            where customer_id = \(customer) and id = \(id)
                and (lease_expires_at is null or lease_expires_at <= clock_timestamp())
            returning \(fragment: OAuthToken.columns)
            """)
        if let row = given.first {
            let token = try OAuthToken(row)
            return .given(GrantLease(fence: token.fence, token: token))
        }
        let held = try await scope.query(
            "select \(fragment: OAuthToken.columns) from oauth_tokens where customer_id = \(customer) and id = \(id)")
        return try held.first.map { .held(try OAuthToken($0)) } ?? .missing
    }

    func beginSpending(_ lease: GrantLease, in customer: CustomerID, for duration: Duration) async throws -> Bool {
        try await database.tenant(customer).query(
            """
            update oauth_tokens
            set asked_in_doubt = spending_since is not null, spending_since = clock_timestamp(),
                lease_expires_at = clock_timestamp() + make_interval(secs => \(duration / .seconds(1)))
            where customer_id = \(customer) and id = \(lease.token.id) and fence = \(lease.fence)
                and lease_expires_at > clock_timestamp()
            """
        ).affectedRows > 0
    }

    func storeSuccessor(_ token: OAuthToken, succeeding version: Int64) async throws -> Bool {
        try await database.tenant(token.customerID).query(
            """
            update oauth_tokens
            set access_token = \(token.accessToken), refresh_token = \(token.refreshToken),
                instance_url = \(token.instanceURL), expires_at = \(token.expiresAt), version = version + 1,
                lease_expires_at = null, spending_since = null, asked_in_doubt = false, dead_reason = null,
                updated_at = \(token.updatedAt)
            where customer_id = \(token.customerID) and id = \(token.id) and version = \(version)
            """
        ).affectedRows > 0
    }

    func release(_ lease: GrantLease, in customer: CustomerID, unspent: Bool) async throws {
        try await database.tenant(customer).query(
            """
            update oauth_tokens
            set lease_expires_at = null,
                spending_since = case when \(unspent) and version = \(lease.token.version)
                    then \(lease.token.spendingSince) else spending_since end,
                asked_in_doubt = case when \(unspent) and version = \(lease.token.version)
                    then \(lease.token.wasAskedInDoubt) else asked_in_doubt end
            where customer_id = \(customer) and id = \(lease.token.id) and fence = \(lease.fence)
            """)
    }

    func markDead(_ id: OAuthTokenID, in customer: CustomerID, version: Int64, reason: String, at now: Date)
        async throws -> Bool
    {
        // One statement, so that no session of a later sign-in is among those that end.
        try await database.tenant(customer).query(
            """
            with dead as (
                update oauth_tokens
                set dead_reason = \(reason), lease_expires_at = null, spending_since = null, asked_in_doubt = false,
                    updated_at = \(now)
                where customer_id = \(customer) and id = \(id) and version = \(version)
                returning user_id),
            ended as (
                delete from sessions using dead
                where sessions.customer_id = \(customer) and sessions.user_id = dead.user_id)
            select user_id from dead
            """
        ).first != nil
    }

    func delete(_ id: OAuthTokenID, in customer: CustomerID) async throws {
        try await database.tenant(customer).query(
            "delete from oauth_tokens where customer_id = \(customer) and id = \(id)")
    }
}
