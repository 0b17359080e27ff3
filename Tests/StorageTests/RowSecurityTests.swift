import Domain
import Foundation
import GatewayTesting
import Postgres
import Secrets
import Storage
import Testing

/// The second wall of architecture invariant 1, both ways: a statement sees what its scope may see, and nothing else.
@Suite("Row-level security")
struct RowSecurityTests {
    /// Tables about the schema itself: they hold nothing of a customer.
    static let bookkeeping: Set<String> = ["schema_migrations", "seeds_applied"]

    /// The database says itself how the wall stands.
    @Test(arguments: Wall.allCases)
    func stateIsFound(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            #expect(test.database.rowSecurity == wall.state)
            #expect(test.database.rowSecurity.isUp)
        }
    }

    /// A table that is added without row-level security fails here: by catalogue, not by list.
    @Test(arguments: Wall.allCases)
    func everyTableIsProtected(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            let rows = try await test.client.query(
                """
                select c.relname::text as name, c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
                    exists (select from pg_policy p where p.polrelid = c.oid and p.polname = 'dump') as dumpable
                from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
                """)
            var seen: Set<String> = []
            for row in rows {
                let name = try row.decode("name", as: String.self)
                seen.insert(name)
                guard !Self.bookkeeping.contains(name) else { continue }
                #expect(try row.decode("enabled", as: Bool.self), "\(name) has no row-level security")
                #expect(try row.decode("forced", as: Bool.self) == (wall == .forced), "\(name)")
                #expect(try row.decode("dumpable", as: Bool.self), "\(name) would be empty in a dump")
            }
            #expect(seen.isSuperset(of: Self.bookkeeping) && seen.contains("customers"))
        }
    }

    /// Every policy asks for a setting: none is open to a statement that set nothing.
    @Test func everyPolicyAsksForAScope() async throws {
        try await withTestDatabase(.appRole) { test in
            let rows = try await test.client.query(
                """
                select tablename::text || '.' || policyname::text as name,
                    coalesce(qual, '') || coalesce(with_check, '') as condition
                from pg_policies
                """)
            #expect(rows.count > 20)
            for row in rows {
                let name = try row.decode("name", as: String.self)
                #expect(try row.decode("condition", as: String.self).contains("current_setting('app."), "\(name)")
            }
        }
    }

    /// A statement without its scope returns nothing, from any table.
    @Test(arguments: Wall.allCases)
    func statementWithoutScopeReturnsNothing(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            let (customer, admin) = try await test.fixtures.store(in: test.repositories)
            try await test.fill(customer, admin)
            let tables = try await test.protectedTables()
            #expect(tables.count == 9)
            for table in tables {
                let all = try await test.withSuperuser { superuser in
                    try await value(
                        superuser.query("select count(*) from \(identifier: table)"), as: Int64.self)
                }
                #expect(all > 0, "\(table) has rows to hide")
                let seen = try await value(
                    test.withoutScope("select count(*) from \(identifier: table)"), as: Int64.self)
                #expect(seen == 0, "\(table)")
            }
            // A connection on which a scope was set before has empty settings, not absent ones.
            _ = try await test.repositories.users.users(in: customer.id)
            #expect(try await test.withoutScope("select 1 from users").isEmpty)
        }
    }

    /// In one tenant's scope, another's rows can't be read, whatever the statement says.
    @Test(arguments: Wall.allCases)
    func anotherTenantsRowsAreHidden(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            let (first, firstAdmin) = try await test.fixtures.store(in: test.repositories)
            let (second, secondAdmin) = try await test.fixtures.store(in: test.repositories, subdomain: "other")
            try await test.fill(first, firstAdmin)
            try await test.fill(second, secondAdmin)
            let scope = test.database.tenant(second.id)
            for table in ["users", "customer_configs", "oauth_tokens", "sessions", "access_keys", "audit_events"] {
                let rows = try await scope.query("select customer_id from \(identifier: table)")
                #expect(!rows.isEmpty, "\(table)")
                for row in rows {
                    #expect(try row.decode("customer_id", as: UUID.self) == second.id.rawValue, "\(table)")
                }
            }
            #expect(try await scope.query("select id from customers").count == 1)
            #expect(try await scope.query("select 1 from changes").isEmpty)
            #expect(try await scope.query("select 1 from platform_keys").isEmpty)
        }
    }

    /// In one tenant's scope, another's rows can't be written.
    @Test(arguments: Wall.allCases)
    func anotherTenantsRowsCannotBeWritten(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            let (first, admin) = try await test.fixtures.store(in: test.repositories)
            let (second, _) = try await test.fixtures.store(in: test.repositories, subdomain: "other")
            let scope = test.database.tenant(second.id)
            #expect(try await scope.query("update users set first_name = 'X'").affectedRows == 1)
            #expect(
                try await scope.query("update users set first_name = 'X' where id = \(admin.id.rawValue)")
                    .affectedRows == 0)
            #expect(try await scope.query("delete from customers where id = \(first.id.rawValue)").affectedRows == 0)
            #expect(try await test.repositories.users.user(id: admin.id, in: first.id) == admin)

            let insertion: SQL = """
                insert into users (customer_id, email) values (\(first.id.rawValue), 'intruder@example.com')
                """
            await #expect { try await scope.query(insertion) } throws: { isRefusal($0) }
            let move: SQL = "update users set customer_id = \(first.id.rawValue)"
            await #expect { try await scope.query(move) } throws: { isRefusal($0) }
        }
    }

    /// A row can't point at another tenant's user, even where row security would let it in.
    @Test func referencesStayWithinTheTenant() async throws {
        try await withTestDatabase(.appRole) { test in
            let (_, admin) = try await test.fixtures.store(in: test.repositories)
            let (second, _) = try await test.fixtures.store(in: test.repositories, subdomain: "other")
            for table in ["sessions", "access_keys", "oauth_tokens"] {
                let rows = try await test.client.query(
                    """
                    select pg_get_constraintdef(oid) as definition from pg_constraint
                    where conrelid = \(table)::regclass and confrelid = 'users'::regclass
                    """)
                #expect(
                    try value(rows, as: String.self)
                        == "FOREIGN KEY (customer_id, user_id) REFERENCES users(customer_id, id) ON DELETE CASCADE")
            }
            let session: SQL = """
                insert into sessions (customer_id, user_id, token_hash, expires_at)
                values (\(second.id.rawValue), \(admin.id.rawValue), \(test.fixtures.makeHash()), now())
                """
            await #expect(throws: RepositoryError.conflict(constraint: "sessions_user_fkey")) {
                try await test.database.tenant(second.id).query(session)
            }
        }
    }

    /// Whoever presents a key sees the row that it names, and can't change it or see another.
    @Test(arguments: Wall.allCases)
    func directoryShowsOneRow(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            let (first, admin) = try await test.fixtures.store(in: test.repositories)
            let (second, other) = try await test.fixtures.store(in: test.repositories, subdomain: "other")
            try await test.fill(first, admin)
            try await test.fill(second, other)
            let sessions = try await test.repositories.sessions.sessions(of: admin.id, in: first.id)
            let keys = try await test.repositories.accessKeys.keys(of: nil, in: first.id)
            let scopes: [(DatabaseScope, String)] = try [
                (test.database.directory(.subdomain(first.subdomain)), "customers"),
                (test.database.directory(.sessionHash(#require(sessions.first).tokenHash)), "sessions"),
                (test.database.directory(.keyHash(#require(keys.first).keyHash)), "access_keys"),
            ]
            for (scope, mine) in scopes {
                for table in try await test.protectedTables() {
                    let count = try await scope.query("select 1 from \(identifier: table)").count
                    #expect(count == (table == mine ? 1 : 0), "\(table) with a key of \(mine)")
                }
                let written = try? await scope.query("delete from \(identifier: mine)").affectedRows
                #expect((written ?? 0) == 0, "\(mine) was deleted from")
            }
        }
    }

    /// The platform's purposes see what they are for, and no tenant's secrets.
    @Test(arguments: Wall.allCases)
    func purposesAreNarrow(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            let (customer, admin) = try await test.fixtures.store(in: test.repositories)
            try await test.fill(customer, admin)
            let readable: [SystemPurpose: Set<String>] = [
                .changeFeed: ["changes"], .operators: ["customers", "audit_events"], .platform: ["platform_keys"],
                .keyRotation: ["customers", "platform_keys"], .sweep: ["sessions", "changes"],
                .lastUse: ["sessions", "access_keys"],
            ]
            for purpose in SystemPurpose.allCases {
                for table in try await test.protectedTables() {
                    let rows = try await test.database.system(purpose).query("select 1 from \(identifier: table)")
                    #expect(
                        rows.isEmpty == !(readable[purpose]?.contains(table) ?? false), "\(purpose) and \(table)")
                }
            }
        }
    }

    /// What is on record stays on record: nobody's scope updates or deletes audit events.
    @Test(arguments: Wall.allCases)
    func auditIsAppendOnly(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            let (customer, admin) = try await test.fixtures.store(in: test.repositories)
            try await test.fill(customer, admin)
            let scopes =
                [test.database.tenant(customer.id)] + SystemPurpose.allCases.map { test.database.system($0) }
            for scope in scopes {
                #expect((try? await scope.query("update audit_events set action = 'x'").affectedRows) ?? 0 == 0)
                #expect((try? await scope.query("delete from audit_events").affectedRows) ?? 0 == 0)
            }
            #expect(try await test.repositories.audit.events(in: customer.id, behind: nil, limit: 9).count == 1)
        }
    }
}

/// How the wall comes to stand, and how its absence is reported.
@Suite("Row security modes")
struct RowSecurityModeTests {
    /// An owner who may make roles gets the role at migration, and works as it.
    @Test func ownerWhoMayMakeRolesGetsTheRole() async throws {
        // A cluster of its own: roles belong to the cluster, and here the role must not be there yet.
        let cluster = try await PostgresCluster.start()
        try await cluster.withDatabase(ownerMayCreateRoles: true) { empty in
            try await withClient(empty.url) { client in
                _ = try await Migrator(client: client).migrate(rowSecurity: .auto)
                #expect(try await Database.open(client: client).rowSecurity == .appRole)
                let tables = try await client.query(
                    "select relname::text from pg_class where relkind = 'r' and relforcerowsecurity")
                #expect(tables.isEmpty, "the owner stays exempt, so that backups work")
            }
        }
    }

    /// A plain owner under `auto` has no second wall, and the reason names the cure.
    @Test func plainOwnerWithoutForceIsReported() async throws {
        try await withEmptyDatabase { empty in
            try await withClient(empty.url) { client in
                _ = try await Migrator(client: client).migrate(rowSecurity: .auto)
                let database = try await Database.open(client: client)
                guard case .down(let reason) = database.rowSecurity else {
                    Issue.record("the wall is up: \(database.rowSecurity)")
                    return
                }
                #expect(reason.contains("DATABASE_ROW_SECURITY=force"))
                #expect(!database.rowSecurity.isUp)

                // It works all the same, on the first wall.
                let repositories = PostgresRepositories.make(database: database, listening: client)
                let (customer, _) = try await Fixtures().store(in: repositories)
                #expect(try await repositories.customers.customer(id: customer.id) == customer)

                // The cure helps, and can be taken back.
                _ = try await Migrator(client: client).migrate(rowSecurity: .force)
                #expect(try await Database.open(client: client).rowSecurity == .forced)
                _ = try await Migrator(client: client).migrate(rowSecurity: .auto)
                #expect(try await !Database.open(client: client).rowSecurity.isUp)
            }
        }
    }

    /// A database without tables is not taken for a protected one.
    @Test func emptyDatabaseIsReported() async throws {
        try await withEmptyDatabase { empty in
            try await withClient(empty.url) { client in
                guard case .down(let reason) = try await Database.open(client: client).rowSecurity else {
                    Issue.record("the wall of an empty database is up")
                    return
                }
                #expect(reason.contains("formation db migrate"))
            }
        }
    }

    /// A table that lost its row security takes the wall down.
    @Test(arguments: Wall.allCases)
    func oneOpenTableIsEnough(_ wall: Wall) async throws {
        try await withTestDatabase(wall) { test in
            try await test.client.query("alter table sessions disable row level security")
            #expect(try await !Database.open(client: test.client).rowSecurity.isUp)
        }
    }
}

/// Whether PostgreSQL refused a row for its policies (42501), or the role for its rights.
private func isRefusal(_ error: any Error) -> Bool {
    (error as? PostgresError)?.sqlState == "42501"
}

extension TestDatabase {
    /// Gives a customer a row in every table.
    func fill(_ customer: Customer, _ admin: User) async throws {
        let fixtures = self.fixtures
        _ = try await repositories.grants.replace(user: admin.id, in: customer.id) { id, version in
            try fixtures.makeToken(id: id, version: version, of: admin, customer: customer)
        }
        try await repositories.sessions.create(fixtures.makeSession(of: admin))
        try await repositories.accessKeys.create(fixtures.makeAccessKey(of: admin))
        try await repositories.audit.append(fixtures.makeAuditEvent(in: customer.id, user: admin.id))
        _ = try await repositories.platformKeys.dataKey { try fixtures.keys.makeDataKey(customer: nil).sealed }
    }

    /// The tables with row-level security, by the catalogue.
    func protectedTables() async throws -> [String] {
        try await client.query(
            """
            select relname::text as name from pg_class
            where relnamespace = current_schema()::regnamespace and relkind = 'r' and relrowsecurity order by 1
            """
        ).map { try $0.decode("name", as: String.self) }
    }
}
