import Foundation

extension RESTService {
    /// `/sobjects` and what is below it.
    mutating func sObjects(_ call: RESTCall, rest: [String]) throws -> RESTResult {
        guard let name = rest.first else {
            guard call.method == "GET" || call.method == "HEAD" else { throw RESTError.methodNotAllowed }
            return .ok(Describe.global(version: version))
        }
        guard let object = Schema.object(name) else { throw RESTError.notFound }
        switch rest.count {
        case 1:
            switch call.method {
            case "GET", "HEAD":
                return .ok([
                    "objectDescribe": Describe.summary(object, version: version),
                    "recentItems": .array(recent(limit: 10, of: object)),
                ])
            case "POST": return try create(object, call)
            case _: throw RESTError.methodNotAllowed
            }
        case 2 where rest[1] == "describe":
            guard call.method == "GET" || call.method == "HEAD" else { throw RESTError.methodNotAllowed }
            return .ok(Describe.object(object, version: version))
        case 2: return try record(object, id: rest[1], call)
        case 3: return try external(object, field: rest[1], value: rest[2], call)
        case _: throw RESTError.notFound
        }
    }

    private mutating func create(_ object: ObjectDefinition, _ call: RESTCall) throws -> RESTResult {
        guard let fields = try call.json().objectValue else {
            throw RESTError(400, "JSON_PARSER_ERROR", "The HTTP entity body must be a JSON object")
        }
        let id = try insert(fields, into: object)
        return RESTResult(
            status: 201, body: ["id": .string(id.long), "success": true, "errors": []],
            headers: [("Location", "/services/data/\(version)/sobjects/\(object.name)/\(id.long)")])
    }

    // MARK: One record

    private mutating func record(_ object: ObjectDefinition, id text: String, _ call: RESTCall) throws -> RESTResult {
        let row = try find(object, id: text)
        switch call.method {
        case "GET", "HEAD": return .ok(try show(row, of: object, fields: call.query["fields"]))
        case "PATCH":
            guard let fields = try call.json().objectValue else {
                throw RESTError(400, "JSON_PARSER_ERROR", "The HTTP entity body must be a JSON object")
            }
            try update(row.id, fields, of: object)
            return .noContent
        case "DELETE":
            try delete(row.id, of: object)
            return .noContent
        case _: throw RESTError.methodNotAllowed
        }
    }

    /// A living record by its id; throws what Salesforce answers where there is none.
    func find(_ object: ObjectDefinition, id text: String) throws -> Row {
        guard let id = RecordID(text), id.prefix == object.keyPrefix else {
            // Neither an id of this object nor an external id field without a value.
            throw RESTError(
                404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: \(text)")
        }
        guard let row = org.database.table(object.name)[id] else {
            throw RESTError.notFound
        }
        guard !row.isDeleted else { throw RESTError(404, "ENTITY_IS_DELETED", "entity is deleted") }
        return row
    }

    /// A record with all fields, or with those asked for.
    func show(_ row: Row, of object: ObjectDefinition, fields list: String?) throws -> JSON {
        var record: [(String, JSON)] = [
            ("attributes", SOQLProjection.attributes(object.name, row.id, version: version))
        ]
        if let list, !list.isEmpty {
            for name in list.split(separator: ",").map({ $0.filter { $0 != " " } }) {
                guard let field = object.field(name) else { throw Self.unknownField(name, object) }
                record.append((field.name, row[field.name]))
            }
            if !record.contains(where: { $0.0 == "Id" }) { record.append(("Id", .string(row.id.long))) }
        } else {
            record += object.fields.map { ($0.name, row[$0.name]) }
        }
        return .object(JSONObject(record))
    }

    static func unknownField(_ name: String, _ object: ObjectDefinition) -> RESTError {
        RESTError(400, "INVALID_FIELD", "No such column '\(name)' on sobject of type \(object.name)")
    }

    // MARK: External ids

    private mutating func external(
        _ object: ObjectDefinition, field name: String, value: String, _ call: RESTCall
    ) throws -> RESTResult {
        guard let field = object.field(name), field.isExternalID || field.name == "Id" else {
            throw RESTError(
                404, "NOT_FOUND", "Provided external ID field does not exist or is not accessible: \(name)")
        }
        let matches = rows(of: object, where: field, is: value)
        if matches.count > 1 {
            // 300 with the relative addresses of all that match.
            let base = "/services/data/\(version)/sobjects/\(object.name)"
            return RESTResult(status: 300, body: .array(matches.map { .string("\(base)/\($0.id.long)") }))
        }
        if call.method == "PATCH" {
            guard let fields = try call.json().objectValue else {
                throw RESTError(400, "JSON_PARSER_ERROR", "The HTTP entity body must be a JSON object")
            }
            let (id, isCreated) = try upsert(fields, into: object, by: field, value: value)
            return RESTResult(
                status: isCreated ? 201 : 200,
                body: ["id": .string(id.long), "success": true, "errors": [], "created": .bool(isCreated)])
        }
        guard let row = matches.first else { throw RESTError.notFound }
        return try record(object, id: row.id.long, call)
    }

    func rows(of object: ObjectDefinition, where field: FieldDefinition, is value: String) -> [Row] {
        if field.name == "Id" {
            return RecordID(value).flatMap { org.database.row($0) }.map { [$0] } ?? []
        }
        let lowered = value.lowercased()
        return org.database.table(object.name).rows.filter {
            !$0.isDeleted && $0[field.name].stringValue?.lowercased() == lowered
        }
    }

    /// Creates or changes the one record with this external id.
    mutating func upsert(
        _ fields: JSONObject, into object: ObjectDefinition, by field: FieldDefinition, value: String
    ) throws -> (id: RecordID, isCreated: Bool) {
        guard
            !fields.fields.contains(where: {
                $0.key.lowercased() == field.name.lowercased() && $0.value != .string(value)
            })
        else {
            throw RESTError(
                400, "INVALID_FIELD",
                "The \(field.name) field should not be specified in the sobject data.", fields: [field.name])
        }
        if let row = rows(of: object, where: field, is: value).first {
            var changed = fields
            for pair in fields.fields where pair.key.lowercased() == field.name.lowercased() { changed[pair.key] = nil }
            try update(row.id, changed, of: object)
            return (row.id, false)
        }
        guard field.name != "Id" else { throw RESTError.notFound }
        var complete = fields
        complete[field.name] = .string(value)
        return (try insert(complete, into: object), true)
    }
}
