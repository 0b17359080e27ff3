import Foundation
import NIOHTTP1
import Testing

@testable import SalesforceSimulator

@Suite struct RESTTests {
    /// The versions are public; the version document is not, and names the person absolutely.
    @Test func versions() async throws {
        try await Harness.run { harness in
            let list = try await harness.send(.GET, Harness.instance, "/services/data/")
            #expect(list.status == 200)
            #expect(try list.json().arrayValue?.last?["version"] == "67.0")
            #expect(list.headers.first(name: "Sforce-Limit-Info") == nil)
            #expect(try await harness.send(.GET, Harness.instance, "/services/data/v60.0").status == 401)
            let tokens = try await harness.signIn()
            let document = try await harness.api(.GET, "/services/data/v60.0", token: tokens.access).json()
            #expect(document["query"] == "/services/data/v60.0/query")
            #expect(document["identity"] == tokens.body["id"])
            for path in ["/services/data/v99.0/limits", "/services/data/v60.0/nope", "/services/nope"] {
                #expect(try await harness.api(.GET, path, token: tokens.access).status == 404)
            }
        }
    }

    /// Over two thousand rows come in batches, each with a relative address of the next.
    @Test func paging() async throws {
        try await Harness.run({ $0.orgs[0].contactCount = 2_600 }) { harness in
            let token = try await harness.signIn().access
            var reply = try await harness.query("SELECT Id FROM Contact", token: token).json()
            #expect(reply["totalSize"] == 2_600 && reply["done"] == false)
            var ids = Set(reply["records"]?.arrayValue?.compactMap { $0["Id"]?.stringValue } ?? [])
            #expect(ids.count == 2_000)
            let next = try #require(reply["nextRecordsUrl"]?.stringValue)
            #expect(next.hasPrefix("/services/data/v60.0/query/01g") && next.hasSuffix("-2000"))
            reply = try await harness.api(.GET, next, token: token).json()
            #expect(reply["done"] == true && reply["nextRecordsUrl"] == nil)
            ids.formUnion(reply["records"]?.arrayValue?.compactMap { $0["Id"]?.stringValue } ?? [])
            #expect(ids.count == 2_600)

            let other = try await harness.signIn(Harness.alex).access
            #expect(try await harness.api(.GET, next, token: other).text.contains("INVALID_QUERY_LOCATOR"))
            let small = try await harness.query(
                "SELECT Id FROM Contact", token: token, headers: [("Sforce-Query-Options", "batchSize=500")]
            ).json()
            #expect(small["records"]?.arrayValue?.count == 500)
        }
    }

    /// Locators end after two days.
    @Test func locatorsExpire() async throws {
        try await Harness.run({
            $0.orgs[0].contactCount = 300
            $0.orgs[0].apps[0].sessionTimeout = .seconds(1_000_000)
        }) { harness in
            let token = try await harness.signIn().access
            let options = [("Sforce-Query-Options", "batchSize=200")]
            let first = try await harness.query("SELECT Id FROM Contact", token: token, headers: options).json()
            let next = try #require(first["nextRecordsUrl"]?.stringValue)
            harness.simulator.advance(by: .seconds(172_800))
            let reply = try await harness.api(.GET, next, token: token)
            #expect(reply.status == 400)
            #expect(reply.text.contains("INVALID_QUERY_LOCATOR"))
        }
    }

    /// A record is created, read, changed and deleted; a deleted one is gone from queries but not from queryAll.
    @Test func recordLife() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            let base = "/services/data/v60.0/sobjects/Account"
            let made = try await harness.api(
                .POST, base, token: token, json: ["Name": "Initech", "Industry": "Technology"])
            #expect(made.status == 201)
            let id = try #require(try made.json()["id"]?.stringValue)
            #expect(id.count == 18 && RecordID(id) != nil)
            #expect(made.headers.first(name: "Location") == "\(base)/\(id)")
            let read = try await harness.api(.GET, "\(base)/\(id)?fields=Name,OwnerId", token: token).json()
            #expect(read["Name"] == "Initech")
            #expect(read["OwnerId"] == .string(try harness.simulator.userID(of: Harness.susan)))
            let changed = try await harness.api(
                .PATCH, "\(base)/\(id.prefix(15))", token: token, json: ["Name": "Initrode"])
            #expect(changed.status == 204 && changed.body.isEmpty)
            #expect(try await harness.api(.GET, "\(base)/\(id)", token: token).json()["Name"] == "Initrode")
            #expect(try await harness.api(.DELETE, "\(base)/\(id)", token: token).status == 204)
            let gone = try await harness.api(.GET, "\(base)/\(id)", token: token)
            #expect(gone.status == 404)
            #expect(gone.text.contains("ENTITY_IS_DELETED"))
            let soql = "SELECT Id FROM Account WHERE Name = 'Initrode'"
            #expect(try await harness.query(soql, token: token).json()["totalSize"] == 0)
            let all = try await harness.api(
                .GET, "/services/data/v60.0/queryAll?q=\(percentEncoded(soql))", token: token)
            #expect(try all.json()["totalSize"] == 1)
        }
    }

    /// What Salesforce computes follows what was set.
    @Test func derivedFields() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            let base = "/services/data/v60.0/sobjects/Opportunity"
            let made = try await harness.api(
                .POST, base, token: token,
                json: ["Name": "Deal", "StageName": "Proposal", "CloseDate": "2030-01-31", "Amount": 1_000])
            let id = try #require(try made.json()["id"]?.stringValue)
            var deal = try await harness.api(.GET, "\(base)/\(id)", token: token).json()
            #expect(deal["Probability"] == 60.0 && deal["ExpectedRevenue"] == 600.0 && deal["IsClosed"] == false)
            _ = try await harness.api(.PATCH, "\(base)/\(id)", token: token, json: ["StageName": "Closed Won"])
            deal = try await harness.api(.GET, "\(base)/\(id)", token: token).json()
            #expect(deal["Probability"] == 100.0 && deal["IsWon"] == true && deal["ForecastCategoryName"] == "Closed")
        }
    }

    /// What can't be stored is refused with Salesforce's codes.
    @Test(arguments: [
        (#"{"Industry":"Retail"}"#, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Name]"),
        (#"{"Name":"x","Nope":1}"#, "INVALID_FIELD", "No such column 'Nope' on sobject of type Account"),
        (#"{"Name":"x","CreatedDate":"2026-01-01"}"#, "INVALID_FIELD_FOR_INSERT_UPDATE", "CreatedDate"),
        (#"{"Name":"x","Rating":"Tepid"}"#, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "Tepid"),
        (#"{"Name":"x","ParentId":"nope"}"#, "MALFORMED_ID", "id value of incorrect type: nope"),
        (#"{"Name":"x","ParentId":"001000000000001"}"#, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id"),
        (#"{"Name":"x","External_Id__c":"ACC-10001"}"#, "DUPLICATE_VALUE", "duplicate value found"),
        (#"{"Name":"x","AnnualRevenue":"much"}"#, "JSON_PARSER_ERROR", "Cannot deserialize instance of double"),
        (#"{"Name":"#, "JSON_PARSER_ERROR", "Unexpected end-of-input"),
    ])
    func refusedRecords(body: String, code: String, message: String) async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            let reply = try await harness.send(
                .POST, Harness.instance, "/services/data/v60.0/sobjects/Account",
                headers: [("Authorization", "Bearer \(token)"), ("Content-Type", "application/json")], body: body)
            #expect(reply.status == 400)
            let error = try #require(try reply.json().arrayValue?.first)
            #expect(error["errorCode"] == .string(code))
            #expect(error["message"]?.stringValue?.contains(message) == true, "\(reply.text)")
        }
    }

    /// Upsert creates, then changes; an id that several records share is 300.
    @Test func upsertByExternalID() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            let target = "/services/data/v60.0/sobjects/Account/External_Id__c/X-1"
            let made = try await harness.api(.PATCH, target, token: token, json: ["Name": "One"])
            #expect(made.status == 201)
            #expect(try made.json()["created"] == true)
            let changed = try await harness.api(.PATCH, target, token: token, json: ["Name": "Two"])
            #expect(changed.status == 200)
            #expect(try changed.json()["created"] == false)
            #expect(try await harness.api(.GET, target, token: token).json()["Name"] == "Two")
            let wrong = try await harness.api(
                .GET, "/services/data/v60.0/sobjects/Account/Name/X-1", token: token)
            #expect(wrong.status == 404)
        }
    }

    /// Describe tells names, types and relationships.
    @Test func describe() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            let global = try await harness.api(.GET, "/services/data/v60.0/sobjects", token: token).json()
            let names = global["sobjects"]?.arrayValue?.compactMap { $0["name"]?.stringValue } ?? []
            #expect(Set(names).isSuperset(of: ["Account", "Contact", "Opportunity", "User", "Profile"]))
            let object = try await harness.api(
                .GET, "/services/data/v60.0/sobjects/opportunity/describe", token: token
            ).json()
            let stage = try #require(object["fields"]?.arrayValue?.first { $0["name"] == "StageName" })
            #expect(stage["type"] == "picklist" && stage["nillable"] == false)
            #expect(stage["picklistValues"]?.arrayValue?.contains { $0["value"] == "Negotiation" } == true)
            let account = try #require(object["fields"]?.arrayValue?.first { $0["name"] == "AccountId" })
            #expect(account["relationshipName"] == "Account" && account["referenceTo"] == ["Account"])
        }
    }

    /// The profile says whether somebody may modify all data.
    @Test func profiles() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            let reply = try await harness.query(
                "SELECT Username, Profile.Name, Profile.PermissionsModifyAllData FROM User ORDER BY Username DESC",
                token: token
            ).json()
            let users = reply["records"]?.arrayValue ?? []
            #expect(users.first?["Username"] == .string(Harness.susan))
            #expect(users.first?["Profile"]?["Name"] == "System Administrator")
            #expect(users.map { $0["Profile"]?["PermissionsModifyAllData"] } == [true, false])
        }
    }

    /// Composite calls refer to each other; all-or-none undoes what was done.
    @Test func composite() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            func request(allOrNone: Bool, name: String) -> JSON {
                [
                    "allOrNone": .bool(allOrNone),
                    "compositeRequest": [
                        [
                            "method": "POST", "url": "/services/data/v60.0/sobjects/Account", "referenceId": "account",
                            "body": ["Name": .string(name)],
                        ],
                        [
                            "method": "POST", "url": "/services/data/v60.0/sobjects/Contact", "referenceId": "contact",
                            "body": ["LastName": "L", "AccountId": "@{account.id}"],
                        ],
                        [
                            "method": "POST", "url": "/services/data/v60.0/sobjects/Contact", "referenceId": "bad",
                            "body": ["FirstName": "no last name"],
                        ],
                    ],
                ]
            }
            func count(_ name: String) async throws -> JSON? {
                try await harness.query(
                    "SELECT COUNT() FROM Contact WHERE Account.Name = '\(name)'", token: token
                ).json()["totalSize"]
            }
            let some = try await harness.api(
                .POST, "/services/data/v60.0/composite", token: token, json: request(allOrNone: false, name: "Some"))
            let parts = try some.json()["compositeResponse"]?.arrayValue ?? []
            #expect(parts.map { $0["httpStatusCode"] } == [201, 201, 400])
            #expect(parts.first?["httpHeaders"]?["Location"] != nil)
            #expect(try await count("Some") == 1)
            let none = try await harness.api(
                .POST, "/services/data/v60.0/composite", token: token, json: request(allOrNone: true, name: "None"))
            #expect(none.text.contains("PROCESSING_HALTED"))
            #expect(try await count("None") == 0)
        }
    }

    /// Batches and collections report each part.
    @Test func batchAndCollections() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            let batch = try await harness.api(
                .POST, "/services/data/v60.0/composite/batch", token: token,
                json: [
                    "batchRequests": [
                        ["method": "GET", "url": "v60.0/limits"], ["method": "GET", "url": "v60.0/sobjects/Nope"],
                    ]
                ]
            ).json()
            #expect(batch["hasErrors"] == true)
            #expect(batch["results"]?.arrayValue?.map { $0["statusCode"] } == [200, 404])
            let records: JSON = [
                ["attributes": ["type": "Account"], "Name": "Batch"], ["attributes": ["type": "Account"]],
            ]
            let target = "/services/data/v60.0/composite/sobjects"
            let part = try await harness.api(
                .POST, target, token: token, json: ["allOrNone": false, "records": records]
            ).json()
            #expect(part.arrayValue?.map { $0["success"] } == [true, false])
            let id = try #require(part.arrayValue?.first?["id"]?.stringValue)
            let none = try await harness.api(
                .POST, target, token: token, json: ["allOrNone": true, "records": records])
            #expect(none.text.contains("ALL_OR_NONE_OPERATION_ROLLED_BACK"))
            let count = try await harness.query("SELECT COUNT() FROM Account WHERE Name = 'Batch'", token: token)
            #expect(try count.json()["totalSize"] == 1)
            let changed = try await harness.api(
                .PATCH, target, token: token,
                json: ["records": [["attributes": ["type": "Account"], "id": .string(id), "Name": "Changed"]]])
            #expect(try changed.json().arrayValue?.first?["success"] == true)
            let read = try await harness.api(
                .GET, "\(target)/Account?ids=\(id),001000000000001&fields=Name", token: token)
            #expect(try read.json().arrayValue?.map { $0["Name"] } == ["Changed", nil])
            let deleted = try await harness.api(.DELETE, "\(target)?ids=\(id)", token: token)
            #expect(try deleted.json().arrayValue?.first?["success"] == true)
        }
    }

    /// Search finds records by any of their texts.
    @Test func search() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            _ = try await harness.api(
                .POST, "/services/data/v60.0/sobjects/Account", token: token, json: ["Name": "Unmistakable Ltd"])
            let sosl = percentEncoded(
                "FIND {unmistak*} IN ALL FIELDS RETURNING Account(Id, Name WHERE Name != null), Contact")
            let found = try await harness.api(.GET, "/services/data/v60.0/search?q=\(sosl)", token: token).json()
            #expect(found["searchRecords"]?.arrayValue?.map { $0["Name"] } == ["Unmistakable Ltd"])
            let simple = try await harness.api(
                .GET, "/services/data/v60.0/parameterizedSearch?q=unmistakable&sobject=Account&Account.fields=Name",
                token: token
            ).json()
            #expect(simple["searchRecords"]?.arrayValue?.count == 1)
        }
    }

    /// The limit header counts each call; beyond the limit is 403.
    @Test func limits() async throws {
        try await Harness.run({ $0.orgs[0].dailyAPIRequestsMax = 2 }) { harness in
            let token = try await harness.signIn().access
            let first = try await harness.api(.GET, "/services/data/v60.0/limits", token: token)
            #expect(first.headers.first(name: "Sforce-Limit-Info") == "api-usage=1/2")
            #expect(try first.json()["DailyApiRequests"] == ["Max": 2, "Remaining": 1])
            let second = try await harness.api(.GET, "/services/data/v60.0/nope", token: token)
            #expect(second.headers.first(name: "Sforce-Limit-Info") == "api-usage=2/2")
            let third = try await harness.api(.GET, "/services/data/v60.0/limits", token: token)
            #expect(third.status == 403)
            #expect(
                third.text == #"[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]"#)
        }
    }

    /// Anonymous Apex is counted and noted, whoever made it run.
    @Test func executeAnonymous() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            let reply = try await harness.api(
                .GET, "/services/data/v60.0/tooling/executeAnonymous?anonymousBody=System.debug(1)%3B", token: token)
            #expect(try reply.json()["success"] == true)
            #expect(harness.simulator.counters.anonymousExecutions == 1)
            #expect(harness.simulator.journal.last?.note == "executeAnonymous ran")
        }
    }

    /// Apex REST echoes method, target and body; bytes come back as they went, whatever the method.
    @Test func apexREST() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            for method in [HTTPMethod.GET, .POST, .PUT, .PATCH, .DELETE, .RAW(value: "PROPFIND")] {
                let body: JSON? = method == .GET ? nil : ["a": 1]
                let reply = try await harness.api(
                    method, "/services/apexrest/my/thing%2Fx?q=%2B+%27", token: token, json: body
                ).json()
                #expect(reply["method"] == .string(method.rawValue))
                #expect(reply["target"] == "/services/apexrest/my/thing%2Fx?q=%2B+%27")
                #expect(reply["body"] == .string(body?.text ?? ""))
            }
            let raw = try await harness.api(.POST, "/services/apexrest/raw", token: token, json: ["b": 2])
            #expect(raw.text == #"{"b":2}"#)
            let bytes = try await harness.api(.GET, "/services/apexrest/bytes?count=200000", token: token)
            #expect(bytes.body == (0..<200_000).map { UInt8($0 % 251) })
            #expect(bytes.headers.first(name: "Transfer-Encoding") == "chunked")
            let moved = try await harness.api(.GET, "/services/apexrest/location", token: token)
            #expect(moved.headers.first(name: "Location") == "/services/apexrest/echo")
        }
    }

    /// Bulk's first version has its own header and its own answer to a dead session.
    @Test func bulkV1() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            let dead = try await harness.send(
                .GET, Harness.instance, "/services/async/60.0/job/750x", headers: [("X-SFDC-Session", "dead")])
            #expect(dead.status == 400)
            #expect(dead.text.contains("<exceptionCode>InvalidSessionId</exceptionCode>"))
            let made = try await harness.send(
                .POST, Harness.instance, "/services/async/60.0/job",
                headers: [("X-SFDC-Session", token), ("Content-Type", "application/xml")],
                body: """
                    <jobInfo><operation>insert</operation><object>Account</object>\
                    <contentType>CSV</contentType></jobInfo>
                    """)
            #expect(made.status == 201)
            let id = try #require(made.text.firstMatch(of: /<id>(\w+)<\/id>/)).1
            let read = try await harness.send(
                .GET, Harness.instance, "/services/async/60.0/job/\(id)", headers: [("X-SFDC-Session", token)])
            #expect(read.text.contains("<state>Open</state>"))
        }
    }

    /// Every answer has the recorded headers, cookies and all.
    @Test func recordedHeaders() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            let reply = try await harness.api(.GET, "/services/data/v60.0/limits", token: token)
            #expect(reply.headers["Set-Cookie"].contains { $0.hasPrefix("BrowserId=") })
            #expect(reply.headers["Set-Cookie"].count == 3)
            #expect(reply.headers.first(name: "Strict-Transport-Security") == "max-age=63072000; includeSubDomains")
            #expect(reply.headers.first(name: "Transfer-Encoding") == "chunked")
            let head = try await harness.api(.HEAD, "/services/data/v60.0/limits", token: token)
            #expect(head.status == 200 && head.body.isEmpty)
        }
    }

    /// Compressed answers inflate to the plain ones.
    @Test func gzip() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            let soql = "SELECT FIELDS(ALL) FROM Account LIMIT 100"
            let plain = try await harness.query(soql, token: token)
            let packed = try await harness.query(soql, token: token, headers: [("Accept-Encoding", "gzip, br")])
            #expect(packed.headers.first(name: "Content-Encoding") == "gzip")
            #expect(packed.body.count * 2 < plain.body.count)
            #expect(try inflated(packed.body) == plain.body)
        }
    }
}

/// What `gzip -dc` makes of the bytes.
func inflated(_ bytes: [UInt8]) throws -> [UInt8] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["gzip", "-dc"]
    let (input, output) = (Pipe(), Pipe())
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    let file = input.fileHandleForWriting
    // Small enough for the pipe's buffer on both sides; the test bodies stay below it.
    try file.write(contentsOf: Data(bytes))
    try file.close()
    let result = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return Array(result)
}
