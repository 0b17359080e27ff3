/// Composite resources: many calls in one.
extension RESTService {
    /// Calls within one composite or batch.
    private static let subrequestsMax = 25
    /// Records within one collection.
    private static let collectionMax = 200

    mutating func composite(_ call: RESTCall, rest: [String]) throws -> RESTResult {
        guard depth == 0 || rest.first == "sobjects" else {
            throw RESTError(400, "INVALID_BATCH_REQUEST", "Composite calls can't be nested")
        }
        switch rest.first {
        case nil:
            if call.method == "GET" {
                let base = "/services/data/\(version)/composite"
                return .ok(["sobjects": .string("\(base)/sobjects"), "batch": .string("\(base)/batch")])
            }
            return try compositeRequest(call)
        case "batch" where rest.count == 1: return try batch(call)
        case "sobjects": return try collection(call, rest: Array(rest.dropFirst()))
        case _: throw RESTError.notFound
        }
    }

    // MARK: Composite

    private mutating func compositeRequest(_ call: RESTCall) throws -> RESTResult {
        guard call.method == "POST" else { throw RESTError.methodNotAllowed }
        let body = try call.json()
        let requests = body["compositeRequest"]?.arrayValue ?? []
        try Self.checkCount(requests.count)
        let allOrNone = body["allOrNone"]?.boolValue ?? false
        let before = org
        var answers: [(reference: String, status: Int, body: JSON, headers: JSON)] = []
        var references: [String: JSON] = [:]
        for request in requests {
            let reference = request["referenceId"]?.stringValue ?? ""
            guard !reference.isEmpty, references[reference] == nil else {
                throw RESTError(400, "JSON_PARSER_ERROR", "Each referenceId must be given, once")
            }
            let (status, answer, headers) = subrequest(request, references: references)
            references[reference] = answer
            answers.append((reference, status, answer, headers))
            if allOrNone, status >= 400 {
                org = before
                return .ok(["compositeResponse": .array(Self.halted(requests, failed: reference, status, answer))])
            }
        }
        return .ok([
            "compositeResponse": .array(
                answers.map {
                    [
                        "body": $0.body, "httpHeaders": $0.headers, "httpStatusCode": .int($0.status),
                        "referenceId": .string($0.reference),
                    ]
                })
        ])
    }

    /// What every part says when one of an all-or-none composite has failed.
    private static func halted(_ requests: [JSON], failed: String, _ status: Int, _ answer: JSON) -> [JSON] {
        let halted: JSON = [
            [
                "errorCode": "PROCESSING_HALTED",
                "message": "The transaction was rolled back since another operation in the same transaction failed.",
            ]
        ]
        return requests.map { request in
            let isCause = request["referenceId"]?.stringValue == failed
            return [
                "body": isCause ? answer : halted, "httpHeaders": [:], "httpStatusCode": .int(isCause ? status : 400),
                "referenceId": request["referenceId"] ?? .null,
            ]
        }
    }

    private static func checkCount(_ count: Int) throws {
        guard count > 0 else { throw RESTError(400, "INVALID_INPUT", "At least one subrequest is needed") }
        guard count <= subrequestsMax else {
            throw RESTError(400, "LIMIT_EXCEEDED", "At most \(subrequestsMax) subrequests are allowed")
        }
    }

    private mutating func subrequest(_ request: JSON, references: [String: JSON]) -> (Int, JSON, JSON) {
        do {
            let url = try Self.substituted(request["url"]?.stringValue ?? "", references)
            let payload = try request["body"].map { try Self.substituted($0, references) }
            let result = try perform(
                method: request["method"]?.stringValue ?? "GET", url: url, body: payload)
            let headers = JSONObject(result.headers.map { ($0.name, .string($0.value)) })
            return (result.status, result.body ?? .null, .object(headers))
        } catch {
            let error = Self.restError(error)
            return (error.status, .array([error.json]), [:])
        }
    }

    static func restError(_ error: any Error) -> RESTError {
        (error as? RESTError) ?? RESTError(500, "UNKNOWN_EXCEPTION", "An unexpected error occurred")
    }

    /// Runs a call by its URL. Answers name the outer call's version, whatever version the URL has.
    private mutating func perform(method: String, url: String, body: JSON?) throws -> RESTResult {
        let halves = url.split(separator: "?", maxSplits: 1)
        var segments = (halves.first ?? "").split(separator: "/").map { percentDecoded($0, plusIsSpace: false) }
        if segments.starts(with: ["services", "data"]) { segments.removeFirst(2) }
        guard let first = segments.first, first.wholeMatch(of: /v\d\d\.0/) != nil else {
            throw RESTError(400, "INVALID_INPUT", "The URL of a subrequest must name the API version: \(url)")
        }
        depth += 1
        defer { depth -= 1 }
        return try self.call(
            RESTCall(
                method: method.uppercased(), segments: Array(segments.dropFirst()),
                query: FormFields(parsing: halves.count > 1 ? halves[1] : ""), body: body?.encoded ?? []))
    }

    /// Puts earlier answers in the place of `@{reference.path}`.
    private static func substituted(_ text: String, _ references: [String: JSON]) throws -> String {
        var result = ""
        var rest = text[...]
        while let match = rest.firstMatch(of: /@\{([^}]+)\}/) {
            result += rest[..<match.range.lowerBound]
            result += try value(of: String(match.1), references)
            rest = rest[match.range.upperBound...]
        }
        return result + rest
    }

    private static func substituted(_ json: JSON, _ references: [String: JSON]) throws -> JSON {
        switch json {
        case .string(let text): .string(try substituted(text, references))
        case .array(let values): .array(try values.map { try substituted($0, references) })
        case .object(let object):
            .object(JSONObject(try object.fields.map { ($0.key, try substituted($0.value, references)) }))
        case .null, .bool, .int, .double: json
        }
    }

    private static func value(of path: String, _ references: [String: JSON]) throws -> String {
        let steps = path.matches(of: /[^.\[\]]+/).map { String($0.0) }
        var value = steps.first.flatMap { references[$0] }
        for step in steps.dropFirst() {
            if let values = value?.arrayValue, let index = Int(step), values.indices.contains(index) {
                value = values[index]
            } else {
                value = value?[step]
            }
        }
        guard let value else {
            throw RESTError(400, "PROCESSING_HALTED", "Invalid reference specified. No value for \(path) found")
        }
        return value.stringValue ?? value.text
    }

    // MARK: Batch

    private mutating func batch(_ call: RESTCall) throws -> RESTResult {
        guard call.method == "POST" else { throw RESTError.methodNotAllowed }
        let body = try call.json()
        let requests = body["batchRequests"]?.arrayValue ?? []
        try Self.checkCount(requests.count)
        let haltOnError = body["haltOnError"]?.boolValue ?? false
        var hasErrors = false
        var results: [JSON] = []
        for request in requests {
            if hasErrors, haltOnError {
                let error = RESTError(412, "BATCH_PROCESSING_HALTED", "Batch processing halted")
                results.append(["statusCode": 412, "result": .array([error.json])])
                continue
            }
            do {
                let result = try perform(
                    method: request["method"]?.stringValue ?? "GET", url: request["url"]?.stringValue ?? "",
                    body: request["richInput"])
                results.append(["statusCode": .int(result.status), "result": result.body ?? .null])
            } catch {
                let error = Self.restError(error)
                hasErrors = true
                results.append(["statusCode": .int(error.status), "result": .array([error.json])])
            }
        }
        return .ok(["hasErrors": .bool(hasErrors), "results": .array(results)])
    }

    // MARK: Collections

    private mutating func collection(_ call: RESTCall, rest: [String]) throws -> RESTResult {
        switch (call.method, rest.count) {
        case ("GET", 1):
            let ids = (call.query["ids"] ?? "").split(separator: ",").map(String.init)
            return .ok(try retrieve(rest[0], ids: ids, fields: call.query["fields"]))
        case ("POST", 1):
            let body = try call.json()
            let ids = body["ids"]?.arrayValue?.compactMap(\.stringValue) ?? []
            let fields = body["fields"]?.arrayValue?.compactMap(\.stringValue).joined(separator: ",")
            return .ok(try retrieve(rest[0], ids: ids, fields: fields))
        case ("POST", 0), ("PATCH", 0), ("PATCH", 2): return try write(call, rest: rest)
        case ("DELETE", 0):
            let ids = (call.query["ids"] ?? "").split(separator: ",").map { JSON.string(String($0)) }
            return try each(ids, allOrNone: call.query["allOrNone"] == "true") { service, id in
                let text = id.stringValue ?? ""
                guard let id = RecordID(text), let object = Schema.object(keyPrefix: id.prefix) else {
                    throw RESTError.malformedID(text)
                }
                _ = try service.find(object, id: text)
                try service.delete(id, of: object)
                return (id, nil)
            }
        case _: throw RESTError.methodNotAllowed
        }
    }

    private func retrieve(_ name: String, ids: [String], fields: String?) throws -> JSON {
        guard let object = Schema.object(name) else { throw RESTError.notFound }
        guard ids.count <= 2_000 else { throw RESTError(400, "EXCEEDED_ID_LIMIT", "record limit reached") }
        guard let fields, !fields.isEmpty else {
            throw RESTError(400, "MISSING_ARGUMENT", "The fields parameter is needed")
        }
        return .array(
            try ids.map { text in
                guard let row = try? find(object, id: text) else { return .null }
                return try show(row, of: object, fields: fields)
            })
    }

    private mutating func write(_ call: RESTCall, rest: [String]) throws -> RESTResult {
        let body = try call.json()
        let records = body["records"]?.arrayValue ?? []
        let isUpdate = call.method == "PATCH" && rest.isEmpty
        return try each(records, allOrNone: body["allOrNone"]?.boolValue ?? false) { service, record in
            let type = record["attributes"]?["type"]?.stringValue ?? rest.first ?? ""
            guard var fields = record.objectValue, let object = Schema.object(type) else {
                throw RESTError(400, "INVALID_TYPE", "sObject type '\(type)' is not supported.")
            }
            fields["attributes"] = nil
            if isUpdate {
                let key = fields.fields.first { $0.key.lowercased() == "id" }?.key ?? "Id"
                let row = try service.find(object, id: fields[key]?.stringValue ?? "")
                fields[key] = nil
                try service.update(row.id, fields, of: object)
                return (row.id, nil)
            }
            guard rest.count == 2 else { return (try service.insert(fields, into: object), nil) }
            guard let field = object.field(rest[1]), field.isExternalID || field.name == "Id" else {
                throw RESTError(
                    404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: \(rest[1])")
            }
            let value = fields.fields.first { $0.key.lowercased() == field.name.lowercased() }?.value.stringValue ?? ""
            let (id, isCreated) = try service.upsert(fields, into: object, by: field, value: value)
            return (id, isCreated)
        }
    }

    /// Works on each record; with `allOrNone` one failure undoes all.
    private mutating func each(
        _ records: [JSON], allOrNone: Bool,
        _ body: (inout RESTService, JSON) throws -> (id: RecordID, isCreated: Bool?)
    ) throws -> RESTResult {
        guard records.count <= Self.collectionMax else {
            throw RESTError(400, "EXCEEDED_ID_LIMIT", "record limit reached. cannot submit more than 200 records")
        }
        let before = org
        var hasFailed = false
        var results: [JSON] = []
        for record in records {
            do {
                let (id, isCreated) = try body(&self, record)
                var result: JSONObject = [("id", .string(id.long)), ("success", true), ("errors", [])]
                if let isCreated { result["created"] = .bool(isCreated) }
                results.append(.object(result))
            } catch {
                hasFailed = true
                results.append(Self.failedResult(Self.restError(error)))
            }
        }
        if hasFailed, allOrNone {
            org = before
            let rolledBack = RESTError(
                400, "ALL_OR_NONE_OPERATION_ROLLED_BACK",
                "Record rolled back because not all records were valid and the request was using AllOrNone header")
            results = results.map { $0["success"] == true ? Self.failedResult(rolledBack) : $0 }
        }
        return .ok(.array(results))
    }

    private static func failedResult(_ error: RESTError) -> JSON {
        [
            "success": false,
            "errors": [
                [
                    "statusCode": .string(error.code), "message": .string(error.message),
                    "fields": .array((error.fields ?? []).map(JSON.string)),
                ]
            ],
        ]
    }
}
