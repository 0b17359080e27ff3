import Foundation
import GatewayTesting
import Logging
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(5))) struct ErrorSafetyTests {
    private static let canary = "canary-4b1d"

    /// Statements that make PostgreSQL quote a parameter in its message or detail.
    private static let quoting: [(SQL, String)] = [
        ("insert into t (name) values (\(canary))", "23505"),
        ("insert into t (name, size) values (\(canary + "2"), \(canary)::text::int8)", "22P02"),
        ("select \(canary)::text::int8", "22P02"),
        ("select \(canary)::text::uuid", "22P02"),
        ("select \(canary)::text::timestamptz", "22007"),
        ("select \(canary)::text::jsonb", "22P02"),
        ("select \(canary)::text::regclass", "42P01"),
        ("select \(canary)::text::regrole", "42704"),
        ("select \(canary)::text::mood", "22P02"),
        ("select nextval(\(canary)::text)", "42P01"),
        ("insert into t (name, size) values (\(canary + "3"), -1)", "23514"),
        ("insert into t (name, parent) values (\(canary + "4"), \(canary + "5"))", "23503"),
        ("insert into short values (\(canary))", "22001"),
        ("select raise(\(canary))", "P0001"),
        ("select set_config(\(canary), 'x', true)", "42704"),
        ("select to_timestamp(\(canary), \(canary + "SSSSSS"))", "22007"),
    ]

    /// No error's description, fields or dump holds a parameter, in or out of a transaction, with and without
    /// preparing; nor does the log.
    @Test(arguments: [true, false]) func noParameterInAnyError(preparedStatements: Bool) async throws {
        let log = LogRecorder()
        try await withTestClient({ $0.preparedStatements = preparedStatements }, logger: log.logger) { client, _ in
            try await client.withTransaction { transaction in
                try await transaction.execute(
                    unsafeScript: """
                        create type mood as enum ('happy');
                        create table t (
                            name text constraint t_name_key primary key, size int8 constraint t_size_check check (size > 0),
                            parent text constraint t_parent_fkey references t);
                        create table short (name varchar(3));
                        create function raise(what text) returns int language plpgsql as $$
                        begin raise notice 'notice of %', what; raise exception 'exception of %', what; end $$;
                        """)
            }
            try await client.query("insert into t (name) values (\(Self.canary))")
            for (sql, sqlState) in Self.quoting {
                let plain = await failure {
                    try await client.query(sql, settings: [.init("app.customer", Self.canary)])
                }
                let inside = await failure { try await client.withTransaction { try await $0.query(sql) } }
                for error in [plain, inside] {
                    #expect(error?.sqlState == sqlState)
                    var printed = "\(error as Any) \(String(reflecting: error)) \(error?.localizedDescription ?? "")"
                    dump(error, to: &printed)
                    #expect(!printed.contains("canary"))
                }
            }
        }
        #expect(log.text.contains("PostgreSQL notice"))
        #expect(!log.text.contains("canary"))
    }

    /// What is left is enough to act on: code, SQLSTATE, constraint, table, column.
    @Test func namesAreKept() async throws {
        try await withTestClient { client, _ in
            try await client.query("create table t (name text constraint t_name_key unique, size int8 not null)")
            try await client.query("insert into t values (\("x"), 1)")
            let unique = await failure { try await client.query("insert into t values (\("x"), 2)") }
            #expect(unique?.isUniqueViolation == true)
            #expect(unique?.constraint == "t_name_key" && unique?.table == "t")
            #expect(
                unique?.description
                    == "PostgreSQL: server; SQLSTATE 23505 (unique_violation); constraint t_name_key; table t")
            let null = await failure { try await client.query("insert into t values (\("y"), null)") }
            #expect(null?.sqlState == "23502" && null?.column == "size" && null?.isConnectivity == false)
            let typo = await failure { try await client.query("select nme from t where name = \("x")") }
            #expect(typo?.serverMessage == "column \"nme\" does not exist")
        }
    }

    /// A notice's text is logged where nothing with parameters runs; nothing goes to the standard error stream.
    @Test func noticesAreLogged() async throws {
        let log = LogRecorder()
        try await withTestClient({ $0.connections = 1 }, logger: log.logger) { client, _ in
            try await client.withTransaction { transaction in
                try await transaction.execute(unsafeScript: "do $$ begin raise warning 'look here'; end $$")
            }
            try await client.query("drop table if exists missing_table")
        }
        #expect(log.text.contains("look here") && log.text.contains("WARNING"))
        #expect(log.text.contains("table \"missing_table\" does not exist, skipping"))
        #expect(log.text.contains("debug PostgreSQL notice"))
    }
}
