import Foundation
import Testing

@testable import SalesforceSimulator

/// Queries against a handful of records that are written down here.
@Suite struct SOQLTests {
    /// Three accounts, their contacts and deals; today is Wednesday, 15 July 2026.
    static let engine: SOQLEngine = {
        var database = Database(pod: "T0x")
        func insert(_ object: String, _ values: [String: JSON]) -> JSON {
            guard let object = Schema.object(object) else { return .null }
            return .string(database.insert(values.merging(["IsDeleted": false]) { old, _ in old }, into: object).long)
        }
        let acme = insert(
            "Account",
            [
                "Name": "Acme", "Industry": "Retail", "AnnualRevenue": 100.5, "NumberOfEmployees": 10,
                "CreatedDate": "2026-07-15T08:00:00.000+0000",
            ])
        let beta = insert(
            "Account",
            [
                "Name": "beta's 100%_real", "AnnualRevenue": 50, "CreatedDate": "2026-07-14T23:59:59.000+0000",
                "ParentId": acme,
            ])
        _ = insert(
            "Account",
            ["Name": "Zeta", "Industry": "Energy", "Rating": "Hot", "CreatedDate": "2026-01-01T00:00:00.000+0000"])
        _ = insert("Account", ["Name": "Gone", "IsDeleted": true])
        _ = insert("Contact", ["LastName": "One", "Name": "Ann One", "AccountId": acme, "HasOptedOutOfEmail": true])
        _ = insert("Contact", ["LastName": "Two", "Name": "Bob Two", "AccountId": acme, "HasOptedOutOfEmail": false])
        _ = insert("Contact", ["LastName": "Three", "Name": "Cy Three"])
        for (name, stage, amount, close, account) in [
            ("A", "Proposal", 10.0, "2026-07-15", acme), ("B", "Negotiation", 20.0, "2026-06-30", acme),
            ("C", "Proposal", 30.0, "2026-10-01", beta), ("D", "Closed Won", 40.0, "2025-12-31", beta),
        ] as [(String, String, Double, String, JSON)] {
            _ = insert(
                "Opportunity",
                [
                    "Name": .string(name), "StageName": .string(stage), "Amount": .double(amount),
                    "CloseDate": .string(close), "AccountId": account,
                ])
        }
        return SOQLEngine(
            database: database, today: CivilDate(year: 2026, month: 7, day: 15) ?? CivilDate(dayNumber: 0),
            version: "v60.0")
    }()

    private func names(_ soql: String, includeDeleted: Bool = false) throws -> [String] {
        try Self.engine.run(soql, includeDeleted: includeDeleted).records.map { $0["Name"]?.stringValue ?? "-" }
    }

    /// Conditions select what they say, text regardless of case, null as Salesforce treats it.
    @Test(arguments: [
        ("Account WHERE Name = 'acme'", ["Acme"]),
        ("Account WHERE Name != 'acme'", ["beta's 100%_real", "Zeta"]),
        ("Account WHERE Name = 'beta\\'s 100%_real'", ["beta's 100%_real"]),
        ("Account WHERE Name LIKE 'A%'", ["Acme"]),
        ("Account WHERE Name LIKE '_e_a'", ["Zeta"]),
        ("Account WHERE Name LIKE '%100\\%\\_real'", ["beta's 100%_real"]),
        ("Account WHERE Name LIKE '%e%a%'", ["beta's 100%_real", "Zeta"]),
        ("Account WHERE NOT (Name LIKE 'a%' OR Name LIKE 'z%')", ["beta's 100%_real"]),
        ("Account WHERE (NOT Name LIKE 'a%') AND Rating = null", ["beta's 100%_real"]),
        ("Account WHERE Industry = null", ["beta's 100%_real"]),
        ("Account WHERE Industry != null", ["Acme", "Zeta"]),
        ("Account WHERE Industry != 'Retail'", ["beta's 100%_real", "Zeta"]),
        ("Account WHERE Industry IN ('Retail', 'ENERGY')", ["Acme", "Zeta"]),
        ("Account WHERE Industry NOT IN ('Retail')", ["beta's 100%_real", "Zeta"]),
        ("Account WHERE AnnualRevenue >= 50 AND AnnualRevenue < 100.5", ["beta's 100%_real"]),
        ("Account WHERE AnnualRevenue > 5e1", ["Acme"]),
        ("Account WHERE Parent.Name = 'Acme'", ["beta's 100%_real"]),
        ("Account a WHERE a.Name = 'Acme'", ["Acme"]),
        ("Account WHERE Account.Name = 'Acme'", ["Acme"]),
        ("Account WHERE CreatedDate = TODAY", ["Acme"]),
        ("Account WHERE CreatedDate < TODAY", ["beta's 100%_real", "Zeta"]),
        ("Account WHERE CreatedDate >= 2026-07-15T01:00:00+02:00", ["Acme", "beta's 100%_real"]),
        ("Account WHERE CreatedDate = LAST_N_DAYS:1", ["Acme", "beta's 100%_real"]),
        ("Contact WHERE HasOptedOutOfEmail = TRUE", ["Ann One"]),
        ("Contact WHERE Account.Industry = 'Retail'", ["Ann One", "Bob Two"]),
        ("Contact WHERE AccountId = null", ["Cy Three"]),
        ("Opportunity WHERE CloseDate = THIS_QUARTER", ["A"]),
        ("Opportunity WHERE CloseDate = LAST_QUARTER", ["B"]),
        ("Opportunity WHERE CloseDate > THIS_QUARTER", ["C"]),
        ("Opportunity WHERE CloseDate < THIS_YEAR", ["D"]),
        ("Opportunity WHERE CloseDate = NEXT_N_DAYS:90", ["C"]),
        ("Opportunity WHERE CloseDate <= 2026-06-30", ["B", "D"]),
        ("Opportunity WHERE StageName IN ('Negotiation','Proposal') AND Amount > 15", ["B", "C"]),
        ("Account WHERE Id IN (SELECT AccountId FROM Opportunity WHERE Amount > 25)", ["beta's 100%_real"]),
        ("Account WHERE Id NOT IN (SELECT AccountId FROM Opportunity)", ["Zeta"]),
        ("Account ORDER BY Name DESC", ["Zeta", "beta's 100%_real", "Acme"]),
        ("Account ORDER BY Industry", ["beta's 100%_real", "Zeta", "Acme"]),
        ("Account ORDER BY Industry NULLS LAST, Name", ["Zeta", "Acme", "beta's 100%_real"]),
        ("Account ORDER BY AnnualRevenue DESC NULLS LAST LIMIT 1 OFFSET 1", ["beta's 100%_real"]),
        ("Opportunity ORDER BY Account.Name DESC, Amount DESC", ["D", "C", "B", "A"]),
        ("Account LIMIT 0", []),
    ])
    func conditions(query: String, expected: [String]) throws {
        #expect(try names("SELECT Name FROM \(query)") == expected)
    }

    /// queryAll sees what was deleted.
    @Test func deletedRecords() throws {
        #expect(try names("SELECT Name FROM Account WHERE IsDeleted = true", includeDeleted: true) == ["Gone"])
        #expect(try names("SELECT Name FROM Account WHERE IsDeleted = true") == [])
    }

    /// Related fields are nested in one object for each way, null where there is nothing.
    @Test func relatedFields() throws {
        let records = try Self.engine.run(
            "SELECT Name, Account.Name, Account.Industry FROM Contact ORDER BY Name", includeDeleted: false
        ).records
        #expect(records[0]["Account"]?["Name"] == "Acme")
        #expect(records[0]["Account"]?["Industry"] == "Retail")
        #expect(records[0]["Account"]?["attributes"]?["type"] == "Account")
        #expect(records[2]["Account"] == .null)
        let id = try #require(Self.engine.database.table("Contact").rows.first?.id.long)
        #expect(records[0]["attributes"]?["url"] == .string("/services/data/v60.0/sobjects/Contact/\(id)"))
    }

    /// Child queries answer a result of their own, null where there are none.
    @Test func childQueries() throws {
        let records = try Self.engine.run(
            "SELECT Name, (SELECT LastName FROM Contacts ORDER BY LastName DESC LIMIT 1) FROM Account ORDER BY Name",
            includeDeleted: false
        ).records
        #expect(records[0]["Contacts"]?["totalSize"] == 1)
        #expect(records[0]["Contacts"]?["records"]?.arrayValue?.first?["LastName"] == "Two")
        #expect(records[1]["Contacts"] == .null)
    }

    /// COUNT() has a size and no records; other aggregates are named or numbered.
    @Test func aggregates() throws {
        let count = try Self.engine.run("SELECT COUNT() FROM Account", includeDeleted: false)
        #expect(count.totalSize == 3 && count.records.isEmpty)
        let groups = try Self.engine.run(
            "SELECT StageName, COUNT(Id) n, SUM(Amount), MAX(CloseDate) FROM Opportunity GROUP BY StageName "
                + "ORDER BY StageName DESC LIMIT 1", includeDeleted: false
        ).records
        #expect(groups.count == 1)
        #expect(groups[0]["StageName"] == "Proposal")
        #expect(groups[0]["n"] == 2)
        #expect(groups[0]["expr0"] == 40.0)
        #expect(groups[0]["expr1"] == "2026-10-01")
        let none = try Self.engine.run("SELECT AVG(Amount) a FROM Opportunity WHERE Name = 'x'", includeDeleted: false)
        #expect(none.records.first?["a"] == .null)
    }

    /// FIELDS(ALL) shows every field, and needs a small limit.
    @Test func fieldGroups() throws {
        let record = try #require(
            try Self.engine.run("SELECT FIELDS(ALL) FROM Account LIMIT 200", includeDeleted: false).records.first)
        #expect(record["External_Id__c"] != nil && record["Name"] == "Acme")
        #expect(throws: SOQLError.self) {
            try Self.engine.run("SELECT FIELDS(ALL) FROM Account LIMIT 201", includeDeleted: false)
        }
    }

    /// What is wrong with a query is told with Salesforce's code and words.
    @Test(arguments: [
        ("SELECT Id FORM Account", "MALFORMED_QUERY", "unexpected token: 'FORM'"),
        ("SELECT FROM Account", "MALFORMED_QUERY", "unexpected token: 'Account'"),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Account WHERE Name = 'x", "MALFORMED_QUERY", "string literal is not closed"),
        (
            "SELECT Id FROM Account WHERE Name = 'a' AND Name = 'b' OR Name = 'c'", "MALFORMED_QUERY",
            "unexpected token: 'OR'"
        ),
        ("SELECT Id FROM Account; DROP", "MALFORMED_QUERY", "unexpected token: ';'"),
        ("SELECT Id FROM Account LIMIT -1", "MALFORMED_QUERY", "unexpected token: '-1'"),
        ("SELECT Nope FROM Account", "INVALID_FIELD", "No such column 'Nope' on entity 'Account'."),
        ("SELECT Id FROM Account WHERE Nope = 1", "INVALID_FIELD", "No such column 'Nope' on entity 'Account'."),
        ("SELECT Foo.Name FROM Account", "INVALID_FIELD", "Didn't understand relationship 'Foo' in field path."),
        ("SELECT Id, Id FROM Account", "INVALID_FIELD", "duplicate field selected: Id"),
        ("SELECT Id FROM Nope", "INVALID_TYPE", "sObject type 'Nope' is not supported."),
        (
            "SELECT Id FROM Account WHERE Name = 5", "INVALID_FIELD",
            "must be of type string and should be enclosed in quotes"
        ),
        (
            "SELECT Id FROM Account WHERE AnnualRevenue = '5'", "INVALID_FIELD",
            "must be of type currency and should not be enclosed in quotes"
        ),
        ("SELECT Id FROM Account WHERE CreatedDate = 2026-01-01", "INVALID_FIELD", "must be of type dateTime"),
        ("SELECT Id FROM Account WHERE Description = 'x'", "INVALID_FIELD", "can not be filtered in a query call"),
        ("SELECT Id FROM Account WHERE Id = 'abc'", "INVALID_QUERY_FILTER_OPERATOR", "invalid ID field: abc"),
        ("SELECT Id FROM Account OFFSET 2001", "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000"),
        ("SELECT Name, COUNT(Id) FROM Account", "MALFORMED_QUERY", "Field must be grouped or aggregated: Name"),
    ])
    func refusals(query: String, code: String, message: String) throws {
        let error = #expect(throws: SOQLError.self) { try Self.engine.run(query, includeDeleted: false) }
        #expect(error?.code.rawValue == code)
        #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
    }

    /// An error points at its place.
    @Test func errorsPointAtTheirPlace() throws {
        let error = #expect(throws: SOQLError.self) {
            try Self.engine.run("SELECT Id\nFROM Account WHERE Nope = 1", includeDeleted: false)
        }
        #expect(error?.message.contains("ERROR at Row:2:Column:20") == true)
        #expect(error?.message.hasPrefix("\nSELECT Id FROM Account WHERE Nope = 1\n") == true)
    }

    /// Nesting without end is refused, not followed.
    @Test func nestingIsBounded() throws {
        let deep = String(repeating: "(", count: 10_000) + "Name = 'x'" + String(repeating: ")", count: 10_000)
        let nots = String(repeating: "NOT ", count: 10_000) + "Name = 'x'"
        for filter in [deep, nots] {
            let error = #expect(throws: SOQLError.self) {
                try Self.engine.run("SELECT Id FROM Account WHERE \(filter)", includeDeleted: false)
            }
            #expect(error?.code == .malformedQuery)
        }
    }

    /// The spans of days that names stand for.
    @Test(arguments: [
        ("TODAY", nil, "2026-07-15", "2026-07-16"), ("YESTERDAY", nil, "2026-07-14", "2026-07-15"),
        ("THIS_WEEK", nil, "2026-07-12", "2026-07-19"), ("LAST_WEEK", nil, "2026-07-05", "2026-07-12"),
        ("THIS_MONTH", nil, "2026-07-01", "2026-08-01"), ("NEXT_MONTH", nil, "2026-08-01", "2026-09-01"),
        ("THIS_QUARTER", nil, "2026-07-01", "2026-10-01"), ("LAST_YEAR", nil, "2025-01-01", "2026-01-01"),
        ("LAST_N_DAYS", 30, "2026-06-15", "2026-07-16"), ("NEXT_N_DAYS", 7, "2026-07-16", "2026-07-23"),
        ("LAST_N_MONTHS", 2, "2026-05-01", "2026-07-01"), ("N_DAYS_AGO", 3, "2026-07-12", "2026-07-13"),
        ("NEXT_N_QUARTERS", 2, "2026-10-01", "2027-04-01"), ("LAST_90_DAYS", nil, "2026-04-16", "2026-07-16"),
    ])
    func dateLiterals(name: String, count: Int?, start: String, end: String) {
        let days = DateLiteral(name: name, count: count).days(from: Self.engine.today)
        #expect(days.start.text == start)
        #expect(days.end.text == end)
    }
}
