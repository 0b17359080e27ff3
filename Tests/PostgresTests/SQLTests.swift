import Foundation
import Testing

@testable import Postgres

@Suite struct SQLTests {
    /// Each interpolated value becomes a parameter, in order, and none becomes text.
    @Test func valuesAreBound() throws {
        let sql: SQL = "select * from users where id = \(7) and name = \("a'b") and note is \(String?.none)"
        let statement = try sql.statement()
        #expect(statement.text == "select * from users where id = $1 and name = $2 and note is $3")
        #expect(statement.parameters.count == 3)
        #expect(statement.parameters[1].bytes == Array("a'b".utf8))
        #expect(statement.parameters[2].bytes == nil)
    }

    /// A fragment brings its values along, and the numbering goes on.
    @Test func fragmentsAreRenumbered() throws {
        let condition: SQL = "b = \(2)"
        let sql: SQL = "select \(1) where \(fragment: condition) and c = \(3)"
        #expect(try sql.statement().text == "select $1 where b = $2 and c = $3")
        #expect(try sql.statement().parameters.compactMap(\.bytes) == ["1", "2", "3"].map { Array($0.utf8) })
    }

    /// Quotes in a name are doubled, so that it can't end early.
    @Test func identifiersAreQuoted() throws {
        let sql: SQL = "table \(identifier: "a\"; drop table b; --")"
        #expect(try sql.statement().text == "table \"a\"\"; drop table b; --\"")
    }

    /// Lists are joined with a separator, values and all.
    @Test func partsAreJoined() throws {
        let parts: [SQL] = ["\(1)", "\(2)", "now()"]
        let sql: SQL = "values (\(fragment: parts.joined(separator: ", ")))"
        #expect(try sql.statement().text == "values ($1, $2, now())")
        #expect(try [SQL]().joined(separator: ", ").statement().text.isEmpty)
    }

    /// A NUL would end the text for libpq: it is refused wherever it stands, and what stands there is not told.
    @Test(arguments: [
        SQL(unsafeSQL: "select 1\0canary"), "select \("canary\0")", "select \(identifier: "canary\0")",
        "select \(["canary\0"])",
    ])
    func nulIsRefused(_ sql: SQL) {
        let error = #expect(throws: PostgresError.self) { try sql.statement() }
        #expect(error?.code == .encoding)
        #expect("\(error as Any)".contains("canary") == false)
    }

    /// Nothing that prints a statement, a setting or a configuration prints a value.
    @Test func nothingPrintsValues() {
        let canary = "canary-7f3a"
        var printed = ""
        let sql: SQL = "select \(canary)"
        dump(sql, to: &printed)
        dump(SessionSetting("app.customer", canary), to: &printed)
        dump(PostgresConfiguration(url: "postgres://u:\(canary)@h/d"), to: &printed)
        dump(canary.postgresValue, to: &printed)
        printed += "\(sql) \(SessionSetting("app.customer", canary)) \(PostgresConfiguration(url: canary))"
        printed += String(reflecting: sql) + String(reflecting: SessionSetting("a", canary))
        #expect(!printed.contains(canary))
    }

    /// All settings are made by one statement, names and values bound.
    @Test func settingsAreOneStatement() throws {
        #expect(try SessionSetting.statement([], timeLimit: nil) == nil)
        let settings = [SessionSetting("a.b", "1"), SessionSetting("c.d", "2")]
        let statement = try #require(try SessionSetting.statement(settings, timeLimit: nil))
        #expect(statement.text == "select set_config($1, $2, true), set_config($3, $4, true)")
        #expect(statement.parameters.compactMap(\.bytes) == ["a.b", "1", "c.d", "2"].map { Array($0.utf8) })
    }

    /// The limit of time is one of them, without a value; a request's own wins.
    @Test func timeLimitsTravel() throws {
        let alone = try #require(try SessionSetting.statement([], timeLimit: .milliseconds(1_500)))
        #expect(alone.text == "select set_config('statement_timeout', '1500', true)")
        #expect(alone.parameters.isEmpty)
        let own = try #require(
            try SessionSetting.statement([.init("statement_timeout", "9s")], timeLimit: .milliseconds(1_500)))
        #expect(own.text == "select set_config($1, $2, true)")
    }

    /// Times that PostgreSQL can't hold and numbers that are none are refused before they are sent.
    @Test func unencodableValuesAreRefused() {
        let sql: SQL = "select \(Date(timeIntervalSinceReferenceDate: .infinity))"
        #expect(throws: PostgresError.self) { try sql.statement() }
    }

    /// More parameters than the protocol can count are refused.
    @Test func tooManyParametersAreRefused() {
        let sql = (0...Statement.parametersMax).map { "\($0)" as SQL }.joined(separator: ",")
        #expect(throws: PostgresError.self) { try sql.statement() }
    }
}

extension PostgresParameter {
    /// What is sent; `nil` for null.
    var bytes: [UInt8]? {
        switch self.value {
        case .null, .unencodable: nil
        case .text(let bytes), .binary(let bytes): bytes
        }
    }
}
