import NIOHTTP1
import Testing

@testable import SalesforceSimulator

/// Bulk API 1 as its clients call it.
private struct BulkV1Client {
    let harness: Harness
    let token: String

    func send(
        _ method: HTTPMethod = .GET, _ path: String = "", type: String? = nil, _ body: String? = nil
    ) async throws -> Harness.Reply {
        var headers = [("X-SFDC-Session", token)]
        if let type { headers.append(("Content-Type", type)) }
        return try await harness.send(
            method, Harness.instance, "/services/async/60.0/job\(path)", headers: headers, body: body)
    }

    func jsonJob(_ fields: JSON) async throws -> String {
        let made = try await send(.POST, type: "application/json", fields.text)
        #expect(made.status == 201, "\(made.text)")
        return try #require(try made.json()["id"]?.stringValue)
    }

    /// A job in XML with records in CSV.
    func csvJob(_ operation: String, more: String = "") async throws -> String {
        let made = try await send(
            .POST, type: "application/xml; charset=UTF-8",
            "<?xml version='1.0' encoding='UTF-8'?>\n<jobInfo xmlns=\"http://www.force.com/2009/06/asyncapi/dataload\">"
                + "<operation>\(operation)</operation><object>Account</object>\(more)"
                + "<contentType>CSV</contentType></jobInfo>")
        #expect(made.status == 201, "\(made.text)")
        return try Self.element("id", of: made)
    }

    func jsonBatch(_ job: String, _ records: JSON) async throws -> [JSON] {
        let added = try await send(.POST, "/\(job)/batch", type: "application/json", records.text).json()
        #expect(added["state"] == "Queued")
        let batch = try #require(added["id"]?.stringValue)
        let info = try await send(.GET, "/\(job)/batch/\(batch)", type: "application/json").json()
        #expect(info["state"] == "Completed", "\(info.text)")
        let results = try await send(.GET, "/\(job)/batch/\(batch)/result", type: "application/json")
        return try #require(try results.json().arrayValue)
    }

    /// The id of the new batch.
    func csvBatch(_ job: String, _ text: String) async throws -> String {
        let added = try await send(.POST, "/\(job)/batch", type: "text/csv; charset=UTF-8", text)
        #expect(added.status == 201, "\(added.text)")
        #expect(try Self.element("state", of: added) == "Queued")
        return try Self.element("id", of: added)
    }

    func csvResults(_ job: String, _ batch: String) async throws -> CSVTable {
        let results = try await send(.GET, "/\(job)/batch/\(batch)/result")
        #expect(results.headers.first(name: "Content-Type") == "text/csv")
        let table = try CSVTable(parsing: results.body)
        #expect(table.columns == ["Id", "Success", "Created", "Error"])
        return table
    }

    static func element(_ name: String, of reply: Harness.Reply) throws -> String {
        let start = try #require(reply.text.firstRange(of: "<\(name)>"))
        let end = try #require(reply.text[start.upperBound...].firstRange(of: "</\(name)>"))
        return String(reply.text[start.upperBound..<end.lowerBound])
    }
}

@Suite struct BulkV1Tests {
    private static func run(_ body: @escaping @Sendable (BulkV1Client) async throws -> Void) async throws {
        try await Harness.run { harness in
            try await body(BulkV1Client(harness: harness, token: try await harness.signIn().access))
        }
    }

    /// A job from its first batch to its end, in JSON.
    @Test func jsonRecords() async throws {
        try await Self.run { client in
            let insert = try await client.jsonJob([
                "operation": "insert", "object": "Account", "concurrencyMode": 0, "contentType": "JSON",
            ])
            let results = try await client.jsonBatch(
                insert, [["Name": "Bulk", "NumberOfEmployees": 5], ["Industry": "no name"]])
            #expect(results.map { $0["success"] } == [true, false])
            #expect(results.map { $0["created"] } == [true, false])
            #expect(results[1]["errors"]?.arrayValue?.first?["statusCode"] == "REQUIRED_FIELD_MISSING")
            let id = try #require(results[0]["id"])
            let info = try await client.send(.POST, "/\(insert)", type: "application/json", #"{"state":"Closed"}"#)
                .json()
            #expect(info["state"] == "Closed" && info["numberBatchesTotal"] == 1)
            #expect(info["numberRecordsProcessed"] == 2 && info["numberRecordsFailed"] == 1)
            let late = try await client.send(.POST, "/\(insert)/batch", type: "application/json", "[]")
            #expect(late.status == 400)
            #expect(try late.json()["exceptionCode"] == "InvalidJobState")

            let update = try await client.jsonJob([
                "operation": "update", "object": "Account", "contentType": "JSON",
            ])
            let changed = try await client.jsonBatch(
                update, [["Id": id, "Name": "Changed"], ["Name": "x"], ["Id": "001000000000001", "Name": "x"]])
            #expect(changed.map { $0["success"] } == [true, false, false])
            let delete = try await client.jsonJob(["operation": "delete", "object": "Account", "contentType": "JSON"])
            let deleted = try await client.jsonBatch(delete, [["Id": id], ["Id": id]])
            #expect(deleted.map { $0["success"] } == [true, false])
            #expect(deleted[1]["errors"]?.arrayValue?.first?["statusCode"] == "ENTITY_IS_DELETED")
        }
    }

    /// Queries answer one result, a JSON array of records; deleted ones come with `queryAll`.
    @Test func jsonQuery() async throws {
        try await Self.run { client in
            let account = try await client.harness.api(
                .POST, "/services/data/v60.0/sobjects/Account", token: client.token, json: ["Name": "Gone"])
            let id = try #require(try account.json()["id"]?.stringValue)
            _ = try await client.harness.api(
                .DELETE, "/services/data/v60.0/sobjects/Account/\(id)", token: client.token)
            for (operation, count) in [("query", 12), ("queryAll", 13)] {
                let job = try await client.jsonJob([
                    "operation": .string(operation), "object": "Account", "contentType": "JSON",
                ])
                let added = try await client.send(
                    .POST, "/\(job)/batch", type: "application/json", "SELECT Id, Owner.Name FROM Account")
                let batch = try #require(try added.json()["id"]?.stringValue)
                let list = try await client.send(.GET, "/\(job)/batch/\(batch)/result", type: "application/json").json()
                let result = try #require(list.arrayValue?.first?.stringValue)
                let found = try await client.send(.GET, "/\(job)/batch/\(batch)/result/\(result)").json()
                #expect(found.arrayValue?.count == count)
                #expect(found.arrayValue?.first?["Owner"]?["Name"]?.stringValue != nil)
                #expect(found.arrayValue?.first?["attributes"]?["type"] == "Account")
            }
        }
    }

    /// XML jobs with CSV: quoted values, upserts, and values that empty a field.
    @Test func csvRecords() async throws {
        try await Self.run { client in
            let job = try await client.csvJob(
                "upsert", more: "<externalIdFieldName>External_Id__c</externalIdFieldName>")
            let batch = try await client.csvBatch(
                job,
                "External_Id__c,Name,Description,NumberOfEmployees\r\nB-1,\"Smith, \"\"Inc\"\"\",\"two\r\nlines\",7\r\n"
                    + "B-2,Plain,,many\r\n,No key,,\r\n")
            let first = try await client.csvResults(job, batch)
            #expect(first.rows.map { $0[1] } == ["true", "false", "false"])
            #expect(first.rows.map { $0[2] } == ["true", "false", "false"])
            #expect(first.rows[1][3].hasPrefix("INVALID_TYPE_ON_FIELD_IN_RECORD:"))
            let again = try await client.csvBatch(
                job, "External_Id__c,Description,NumberOfEmployees,Parent.External_Id__c\nB-1,#N/A,,\n")
            let second = try await client.csvResults(job, again)
            #expect(second.rows.map { Array($0[1...2]) } == [["true", "false"]])
            #expect(second.rows[0][0] == first.rows[0][0])
            let soql = "SELECT Name, Description, NumberOfEmployees FROM Account WHERE External_Id__c = 'B-1'"
            let read = try await client.harness.query(soql, token: client.token).json()
            let record = try #require(read["records"]?.arrayValue?.first)
            #expect(record["Name"] == #"Smith, "Inc""# && record["Description"]?.isNull == true)
            #expect(record["NumberOfEmployees"] == 7)
            let list = try await client.send(.GET, "/\(job)/batch")
            #expect(list.text.contains("<batchInfoList ") && list.text.ranges(of: "<batchInfo>").count == 2)
            let request = try await client.send(.GET, "/\(job)/batch/\(again)/request")
            #expect(request.text.hasPrefix("External_Id__c,Description"))
        }
    }

    /// A query's result ids come as XML, its records as CSV.
    @Test func csvQuery() async throws {
        try await Self.run { client in
            let job = try await client.csvJob("query")
            let batch = try await client.csvBatch(job, "SELECT Id, Owner.Name, CreatedDate FROM Account LIMIT 3")
            let list = try await client.send(.GET, "/\(job)/batch/\(batch)/result")
            #expect(list.headers.first(name: "Content-Type") == "application/xml")
            let result = try BulkV1Client.element("result", of: list)
            let found = try await client.send(.GET, "/\(job)/batch/\(batch)/result/\(result)")
            let table = try CSVTable(parsing: found.body)
            #expect(table.columns == ["Id", "Owner.Name", "CreatedDate"])
            #expect(table.rows.count == 3 && table.rows.allSatisfy { !$0[1].isEmpty && $0[2].hasSuffix("Z") })
        }
    }

    /// A batch that can't be done fails as a whole, with the reason in its info.
    @Test func failedBatches() async throws {
        try await Self.run { client in
            let cases = [
                ("insert", "Nme\nx\n", "InvalidBatch : Field name not found : Nme"),
                ("delete", "Id,Name\n1,2\n", "InvalidBatch : The 'delete' batch must contain only ids"),
                ("insert", "Name\n\"x\n", "InvalidBatch : A quoted value does not end"),
                ("query", "SELECT Nope FROM Account", "InvalidBatch : Failed to process query: INVALID_FIELD"),
                ("query", "SELECT COUNT() FROM Account", "Aggregate Relationships not supported in Bulk Query"),
                ("query", "SELECT Id FROM Contact", "InvalidBatch : The query must be of Account"),
            ]
            for (operation, body, message) in cases {
                let job = try await client.csvJob(operation)
                let batch = try await client.csvBatch(job, body)
                let info = try await client.send(.GET, "/\(job)/batch/\(batch)")
                #expect(try BulkV1Client.element("state", of: info) == "Failed")
                let reason = try BulkV1Client.element("stateMessage", of: info).replacing("&#39;", with: "'")
                #expect(reason.contains(message))
                #expect(try await client.send(.GET, "/\(job)/batch/\(batch)/result").status == 400)
            }
        }
    }

    /// Records that are deleted for good are in no query.
    @Test func hardDelete() async throws {
        try await Self.run { client in
            let before = try await client.harness.query(
                "SELECT Id FROM Account ORDER BY Name LIMIT 2", token: client.token)
            let ids = try before.json()["records"]?.arrayValue?.compactMap { $0["Id"]?.stringValue } ?? []
            let job = try await client.csvJob("hardDelete")
            let batch = try await client.csvBatch(job, "Id\n\(ids[0])\n\(ids[0])\n")
            #expect(try await client.csvResults(job, batch).rows.map { $0[1] } == ["true", "false"])
            let soql = percentEncoded("SELECT Id FROM Account WHERE Id IN ('\(ids[0])','\(ids[1])')")
            let left = try await client.harness.api(
                .GET, "/services/data/v60.0/queryAll?q=\(soql)", token: client.token
            ).json()
            #expect(left["records"]?.arrayValue?.map { $0["Id"] } == [.string(ids[1])])
        }
    }

    /// Errors are as the request is: XML or JSON.
    @Test func errors() async throws {
        try await Self.run { client in
            let xml = try await client.send(.GET, "/750000000000001", type: "application/xml")
            #expect(xml.status == 400)
            #expect(xml.text.contains("<exceptionCode>InvalidJob</exceptionCode>"))
            let json = try await client.send(
                .POST, type: "application/json", #"{"operation":"insert","object":"Nope","contentType":"JSON"}"#)
            #expect(json.status == 400)
            #expect(try json.json()["exceptionCode"] == "InvalidEntity")
        }
    }
}
