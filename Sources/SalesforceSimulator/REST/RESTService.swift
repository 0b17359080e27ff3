import Foundation

/// One call of the REST API below `/services/data/vNN.0`; composite resources make many of them.
struct RESTCall: Sendable {
    var method: String
    /// The path's parts after the version.
    var segments: [String]
    var query: FormFields
    var body: [UInt8]
    /// From `Sforce-Query-Options`.
    var batchSize: Int?

    /// The body as JSON; throws ``RESTError``.
    func json() throws -> JSON {
        do {
            return try JSONParser.parse(body)
        } catch let error as JSONParserError {
            throw RESTError(error)
        }
    }
}

/// What a call answers.
struct RESTResult: Sendable {
    var status: Int
    var body: JSON?
    var headers: [(name: String, value: String)] = []

    static func ok(_ body: JSON) -> RESTResult { RESTResult(status: 200, body: body) }
    static let noContent = RESTResult(status: 204)
}

/// The REST API of one org for one person: a value that holds the org while a call works on it.
struct RESTService: Sendable {
    var org: OrgState
    let user: UserState
    /// `v60.0`.
    let version: String
    let surroundings: Surroundings
    /// How much anonymous Apex ran.
    var anonymousExecutions = 0
    /// Cursors made by this call.
    var newCursors: [String: QueryCursor] = [:]
    /// How deep composite calls are within each other.
    var depth = 0

    /// Salesforce's newest version that the simulator knows, and the oldest it serves.
    static let versions = 31...67

    /// Throws ``RESTError``.
    mutating func call(_ call: RESTCall) throws -> RESTResult {
        do {
            let rest = Array(call.segments.dropFirst())
            switch call.segments.first?.lowercased() {
            case nil: return try only("GET", call) { .ok($0.versionDocument()) }
            case "query": return try query(call, rest: rest, includeDeleted: false)
            case "queryall": return try query(call, rest: rest, includeDeleted: true)
            case "sobjects": return try sObjects(call, rest: rest)
            case "limits" where rest.isEmpty: return try only("GET", call) { .ok($0.limits()) }
            case "recent" where rest.isEmpty: return try only("GET", call) { .ok(.array($0.recent(limit: 20))) }
            case "search" where rest.isEmpty: return try search(call)
            case "parameterizedsearch" where rest.isEmpty: return try parameterizedSearch(call)
            case "composite": return try composite(call, rest: rest)
            case "tooling": return try tooling(call, rest: rest)
            case _: throw RESTError.notFound
            }
        } catch let error as SOQLError {
            throw RESTError(error)
        }
    }

    private mutating func only(
        _ method: String, _ call: RESTCall, _ body: (inout RESTService) throws -> RESTResult
    ) throws -> RESTResult {
        guard call.method == method || (call.method == "HEAD" && method == "GET") else {
            throw RESTError.methodNotAllowed
        }
        return try body(&self)
    }

    // MARK: Root

    /// The list of resources; `identity` alone is absolute.
    private func versionDocument() -> JSON {
        let base = "/services/data/\(version)"
        var document: [(String, JSON)] = [
            "sobjects", "query", "queryAll", "search", "parameterizedSearch", "limits", "recent", "composite",
            "tooling", "jobs",
        ].map { ($0, .string("\(base)/\($0)")) }
        document.append(("identity", .string(surroundings.identityURL(org: org, user: user.id))))
        return .object(JSONObject(document))
    }

    /// The unauthenticated list of versions.
    static var versionList: JSON {
        .array(
            versions.map { number in
                [
                    "label": .string(label(number)), "url": .string("/services/data/v\(number).0"),
                    "version": .string("\(number).0"),
                ]
            })
    }

    /// v31 was Summer '14; three releases a year.
    private static func label(_ number: Int) -> String {
        let index = number - 31 + 1
        let season = ["Spring", "Summer", "Winter"][index % 3]
        return "\(season) '\(14 + (index + (index % 3 == 2 ? 1 : 0)) / 3)"
    }

    private func limits() -> JSON {
        func limit(_ maximum: Int, _ remaining: Int) -> JSON { ["Max": .int(maximum), "Remaining": .int(remaining)] }
        return [
            "DailyApiRequests": limit(org.apiRequestsMax, max(0, org.apiRequestsMax - org.apiRequestsUsed)),
            "DailyAsyncApexExecutions": limit(250_000, 250_000), "DailyBulkApiBatches": limit(15_000, 15_000),
            "DailyBulkV2QueryJobs": limit(10_000, 10_000), "DailyBulkV2QueryFileStorageMB": limit(976_562, 976_562),
            "DataStorageMB": limit(1_024, 1_000), "FileStorageMB": limit(1_024, 1_020),
            "HourlyTimeBasedWorkflow": limit(1_000, 1_000), "MassEmail": limit(5_000, 5_000),
            "SingleEmail": limit(5_000, 5_000),
        ]
    }

    /// The records that this person changed last.
    func recent(limit: Int, of object: ObjectDefinition? = nil) -> [JSON] {
        let objects = object.map { [$0] } ?? Schema.objects.filter(\.isWritable)
        let own = objects.flatMap { object in
            org.database.table(object.name).rows
                .filter { !$0.isDeleted && $0["LastModifiedById"].stringValue == user.id.long }.map { (object, $0) }
        }
        let newest = own.sorted {
            ($0.1["LastModifiedDate"].stringValue ?? "") > ($1.1["LastModifiedDate"].stringValue ?? "")
        }
        return newest.prefix(limit).map { object, row in
            [
                "attributes": SOQLProjection.attributes(object.name, row.id, version: version),
                "Id": .string(row.id.long), "Name": row["Name"],
            ]
        }
    }

    // MARK: Queries

    var engine: SOQLEngine {
        SOQLEngine(database: org.database, today: CivilDate(surroundings.now), version: version)
    }

    private mutating func query(_ call: RESTCall, rest: [String], includeDeleted: Bool) throws -> RESTResult {
        guard call.method == "GET" || call.method == "HEAD" else { throw RESTError.methodNotAllowed }
        if let locator = rest.first {
            guard rest.count == 1 else { throw RESTError.notFound }
            return .ok(try nextBatch(locator))
        }
        if let explained = call.query["explain"] {
            _ = try engine.run(explained, includeDeleted: includeDeleted)
            return .ok(["plans": []])
        }
        guard let text = call.query["q"] else {
            throw RESTError(400, "MALFORMED_QUERY", "A query string has to be specified")
        }
        let result = try engine.run(text, includeDeleted: includeDeleted)
        // Salesforce treats it as advice within 200...2000.
        let batchSize = min(max(call.batchSize ?? 2_000, 200), 2_000)
        guard result.records.count > batchSize else {
            return .ok([
                "totalSize": .int(result.totalSize), "done": true, "records": .array(result.records),
            ])
        }
        let id = RecordID(prefix: "01g", pod: org.database.pod, number: cursorNumber())
        newCursors[id.long] = QueryCursor(
            userID: user.id, records: result.records, batchSize: batchSize, createdAt: surroundings.now)
        return .ok(batch(of: result.records, from: 0, size: batchSize, cursor: id.long))
    }

    /// Locators must not be guessable, so they are random rather than counted.
    private func cursorNumber() -> Int {
        surroundings.environment.randomBytes(6).reduce(1) { $0 << 8 | Int($1) }
    }

    private func batch(of records: [JSON], from start: Int, size: Int, cursor: String) -> JSON {
        let end = min(start + size, records.count)
        var body: JSONObject = [("totalSize", .int(records.count)), ("done", .bool(end == records.count))]
        if end < records.count {
            body["nextRecordsUrl"] = .string("/services/data/\(version)/query/\(cursor)-\(end)")
        }
        body["records"] = .array(Array(records[start..<end]))
        return .object(body)
    }

    private func nextBatch(_ locator: String) throws -> JSON {
        let parts = locator.split(separator: "-")
        let cursor = parts.first.flatMap { newCursors[String($0)] ?? org.cursors[String($0)] }
        guard parts.count == 2, let start = Int(parts[1]), let cursor, cursor.userID == user.id,
            surroundings.now < cursor.createdAt.addingTimeInterval(QueryCursor.lifetime),
            (0..<cursor.records.count).contains(start)
        else { throw RESTError(400, "INVALID_QUERY_LOCATOR", "invalid query locator") }
        return batch(of: cursor.records, from: start, size: cursor.batchSize, cursor: String(parts[0]))
    }

    /// Keeps the cursors that a call made; each person's oldest end above ten.
    static func store(_ cursors: [String: QueryCursor], in org: inout OrgState) {
        for (id, cursor) in cursors {
            org.cursors[id] = cursor
            let own = org.cursors.filter { $0.value.userID == cursor.userID }
            guard own.count > QueryCursor.perUserMax else { continue }
            for (old, _) in own.sorted(by: { $0.value.createdAt < $1.value.createdAt })
                .prefix(own.count - QueryCursor.perUserMax)
            {
                org.cursors[old] = nil
            }
        }
    }

    // MARK: Tooling

    private mutating func tooling(_ call: RESTCall, rest: [String]) throws -> RESTResult {
        switch rest.first?.lowercased() {
        case "executeanonymous" where rest.count == 1:
            guard call.method == "GET" else { throw RESTError.methodNotAllowed }
            guard let code = call.query["anonymousBody"] else {
                throw RESTError(400, "MISSING_ARGUMENT", "Missing argument: anonymousBody")
            }
            anonymousExecutions += 1
            return .ok([
                "line": -1, "column": -1, "compiled": .bool(!code.isEmpty), "success": .bool(!code.isEmpty),
                "compileProblem": nil, "exceptionStackTrace": nil, "exceptionMessage": nil,
            ])
        case "query": return try query(call, rest: Array(rest.dropFirst()), includeDeleted: false)
        case _: throw RESTError.notFound
        }
    }
}
