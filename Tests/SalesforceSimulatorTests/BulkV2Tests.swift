import NIOHTTP1
import Testing

@testable import SalesforceSimulator

/// Bulk API 2.0 as its clients call it.
private struct BulkV2Client {
    let harness: Harness
    let token: String

    static let jobs = "/services/data/v60.0/jobs"

    func call(_ method: HTTPMethod = .GET, _ path: String, json: JSON? = nil) async throws -> Harness.Reply {
        try await harness.api(method, "\(Self.jobs)/\(path)", token: token, json: json)
    }

    func create(_ operation: String, object: String = "Account", _ more: [(String, JSON)] = []) async throws -> String {
        let fields = [("operation", JSON.string(operation)), ("object", JSON.string(object))] + more
        let made = try await call(.POST, "ingest", json: .object(JSONObject(fields)))
        #expect(made.status == 200, "\(made.text)")
        let job = try made.json()
        #expect(job["state"] == "Open" && job["contentUrl"]?.stringValue?.hasSuffix("/batches") == true)
        return try #require(job["id"]?.stringValue)
    }

    func upload(_ job: String, _ text: String) async throws -> Harness.Reply {
        try await harness.send(
            .PUT, Harness.instance, "\(Self.jobs)/ingest/\(job)/batches",
            headers: [("Authorization", "Bearer \(token)"), ("Content-Type", "text/csv; charset=UTF-8")], body: text)
    }

    /// Uploads and ends; the job when it is done.
    func run(_ job: String, _ text: String) async throws -> JSON {
        #expect(try await upload(job, text).status == 201)
        let ended = try await call(.PATCH, "ingest/\(job)", json: ["state": "UploadComplete"]).json()
        #expect(ended["state"] == "UploadComplete")
        return try await call(.GET, "ingest/\(job)").json()
    }

    func table(_ path: String, delimiter: CSVFormat.Delimiter = .comma) async throws -> CSVTable {
        try CSVTable(parsing: try await call(.GET, path).body, delimiter: delimiter)
    }
}

@Suite struct BulkV2Tests {
    private static func run(_ body: @escaping @Sendable (BulkV2Client) async throws -> Void) async throws {
        try await Harness.run { harness in
            try await body(BulkV2Client(harness: harness, token: try await harness.signIn().access))
        }
    }

    /// Records are written, and each is told of with what was sent.
    @Test func ingest() async throws {
        try await Self.run { client in
            let insert = try await client.create("insert")
            let info = try await client.run(insert, "Name,Rating\n\"New, one\",Hot\nNew two,Lukewarm\nNew three,\n")
            #expect(info["state"] == "JobComplete" && info["jobType"] == "V2Ingest")
            #expect(info["numberRecordsProcessed"] == 3 && info["numberRecordsFailed"] == 1)
            let done = try await client.table("ingest/\(insert)/successfulResults")
            #expect(done.columns == ["sf__Id", "sf__Created", "Name", "Rating"])
            #expect(done.rows.map { Array($0[1...]) } == [["true", "New, one", "Hot"], ["true", "New three", ""]])
            let failed = try await client.table("ingest/\(insert)/failedResults")
            #expect(failed.columns == ["sf__Id", "sf__Error", "Name", "Rating"])
            #expect(failed.rows.first?[1].hasPrefix("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST:") == true)
            #expect(try await client.table("ingest/\(insert)/unprocessedrecords").rows.isEmpty)
            let count = try await client.harness.query(
                "SELECT COUNT() FROM Account WHERE Name LIKE 'New%'", token: client.token)
            #expect(try count.json()["totalSize"] == 2)

            let delete = try await client.create("delete", [("lineEnding", "CRLF")])
            let gone = try await client.run(delete, "Id\r\n\(done.rows[0][0])\r\n")
            #expect(gone["numberRecordsFailed"] == 0 && gone["numberRecordsProcessed"] == 1)
            #expect(try await client.call(.DELETE, "ingest/\(delete)").status == 204)
            #expect(try await client.call(.GET, "ingest/\(delete)").status == 404)
        }
    }

    /// Upserts find records by their key, and lookups by the other record's key.
    @Test func upsert() async throws {
        try await Self.run { client in
            let key: [(String, JSON)] = [("externalIdFieldName", "External_Id__c"), ("columnDelimiter", "PIPE")]
            for created in ["true", "false"] {
                let job = try await client.create("upsert", key)
                let info = try await client.run(job, "External_Id__c|Name\nV2-1|Named \(created)\n")
                #expect(info["externalIdFieldName"] == "External_Id__c")
                let done = try await client.table("ingest/\(job)/successfulResults", delimiter: .pipe)
                #expect(done.rows.map { Array($0[1...]) } == [[created, "V2-1", "Named \(created)"]])
            }
            let contacts = try await client.create("insert", object: "Contact")
            let info = try await client.run(
                contacts, "LastName,Account.External_Id__c,HasOptedOutOfEmail\nWith,V2-1,true\nWithout,nope,false\n")
            #expect(info["numberRecordsFailed"] == 1)
            let soql = "SELECT LastName, HasOptedOutOfEmail FROM Contact WHERE Account.External_Id__c = 'V2-1'"
            let found = try await client.harness.query(soql, token: client.token).json()["records"]?.arrayValue ?? []
            #expect(found.map { $0["LastName"] } == ["With"] && found[0]["HasOptedOutOfEmail"] == true)
        }
    }

    /// A job whose data can't be read fails, and nothing of it was processed.
    @Test func failedJobs() async throws {
        try await Self.run { client in
            for (text, message) in [
                ("Nme\nx\n", "InvalidBatch : Field name not found : Nme"),
                ("Name\r\nx\r\n", "ClientInputError : LineEnding is invalid on user data."),
            ] {
                let job = try await client.create("insert")
                let info = try await client.run(job, text)
                #expect(info["state"] == "Failed")
                #expect(info["errorMessage"]?.stringValue?.hasPrefix(message) == true)
                #expect(try await client.table("ingest/\(job)/unprocessedrecords").rows == [["x"]])
                #expect(try await client.table("ingest/\(job)/successfulResults").rows.isEmpty)
            }
            let aborted = try await client.create("insert")
            #expect(try await client.upload(aborted, "Name\nx\n").status == 201)
            #expect(try await client.upload(aborted, "Name\nx\n").status == 400)
            let info = try await client.call(.PATCH, "ingest/\(aborted)", json: ["state": "Aborted"]).json()
            #expect(info["state"] == "Aborted")
            let late = try await client.call(.PATCH, "ingest/\(aborted)", json: ["state": "UploadComplete"])
            #expect(late.status == 400)
            #expect(late.text.contains("INVALIDJOBSTATE"))
        }
    }

    /// Jobs that can't be are refused in the shape of the REST API.
    @Test func refusedJobs() async throws {
        try await Self.run { client in
            let refused: [(String, JSON, String)] = [
                ("ingest", ["operation": "insert", "object": "Nope"], "INVALIDENTITY"),
                ("ingest", ["operation": "query", "object": "Account"], "INVALIDJOB"),
                ("ingest", ["operation": "upsert", "object": "Account", "externalIdFieldName": "Name"], "INVALIDJOB"),
                ("ingest", ["operation": "insert", "object": "Account", "columnDelimiter": "COLON"], "INVALIDJOB"),
                ("query", ["operation": "query", "query": "SELECT Nope FROM Account"], "INVALID_FIELD"),
                (
                    "query", ["operation": "query", "query": "SELECT COUNT(Id) FROM Account"],
                    "FUNCTIONALITY_NOT_ENABLED"
                ),
            ]
            for (path, body, code) in refused {
                let answer = try await client.call(.POST, path, json: body)
                #expect(answer.status == 400)
                #expect(try answer.json().arrayValue?.first?["errorCode"] == .string(code))
            }
        }
    }

    /// Results come in pages of the size that was asked for, until the locator is `null`.
    @Test func query() async throws {
        try await Self.run { client in
            let made = try await client.call(
                .POST, "query",
                json: ["operation": "query", "query": "SELECT Id, Account.Name FROM Contact ORDER BY Id"]
            ).json()
            #expect(made["state"] == "UploadComplete" && made["object"] == "Contact")
            let job = try #require(made["id"]?.stringValue)
            let info = try await client.call(.GET, "query/\(job)").json()
            #expect(info["state"] == "JobComplete" && info["numberRecordsProcessed"] == 30)
            var (ids, locator, pages): (Set<String>, String?, [String?]) = ([], "", [])
            while let place = locator {
                let more = place.isEmpty ? "" : "&locator=\(place)"
                let page = try await client.call(.GET, "query/\(job)/results?maxRecords=13\(more)")
                let table = try CSVTable(parsing: page.body)
                #expect(table.columns == ["Id", "Account.Name"])
                ids.formUnion(table.rows.map { $0[0] })
                pages.append(page.headers.first(name: "Sforce-NumberOfRecords"))
                let next = try #require(page.headers.first(name: "Sforce-Locator"))
                locator = next == "null" ? nil : next
            }
            #expect(ids.count == 30 && pages == ["13", "13", "4"])
            #expect(try await client.call(.GET, "query/\(job)/results?locator=junk").status == 400)
            let list = try await client.call(.GET, "query").json()
            #expect(list["done"] == true && list["records"]?.arrayValue?.map { $0["id"] } == [.string(job)])
        }
    }

    /// Who finds nothing gets the header.
    @Test func emptyQuery() async throws {
        try await Self.run { client in
            let made = try await client.call(
                .POST, "query",
                json: ["operation": "queryAll", "query": "SELECT Id FROM Account WHERE Name = 'nobody'"]
            ).json()
            let page = try await client.call(.GET, "query/\(made["id"]?.stringValue ?? "")/results")
            #expect(page.text == "\"Id\"\n")
            #expect(page.headers.first(name: "Sforce-NumberOfRecords") == "0")
            #expect(page.headers.first(name: "Sforce-Locator") == "null")
        }
    }
}
