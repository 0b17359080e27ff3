/// What a bulk job does to each of its records.
struct BulkLoad: Sendable {
    let object: ObjectDefinition
    let operation: BulkOperation
    /// The field that an upsert finds records by.
    let externalID: FieldDefinition?
    /// Whether all values are text, and empty ones mean nothing: records from CSV.
    let isText: Bool
}

/// The work of a bulk job, record by record: what fails concerns its record alone.
extension RESTService {
    /// Empties a field where the records are CSV, in which an empty value means that there is none.
    private static let emptyMark = "#N/A"

    mutating func load(_ records: some Sequence<JSONObject>, _ load: BulkLoad) -> [BulkResult] {
        let results = records.map { record in
            do {
                return try write(record, load)
            } catch {
                return BulkResult(id: nil, error: Self.bulkError(Self.restError(error)))
            }
        }
        if load.operation == .hardDelete {
            org.database.erase(Set(results.compactMap { $0.error == nil ? $0.id : nil }), from: load.object)
        }
        return results
    }

    private mutating func write(_ record: JSONObject, _ load: BulkLoad) throws -> BulkResult {
        var fields = try values(of: record, load)
        switch load.operation {
        case .insert: return BulkResult(id: try insert(fields, into: load.object), isCreated: true)
        case .update:
            let row = try named(Self.take("Id", from: &fields), load)
            try update(row.id, fields, of: load.object)
            return BulkResult(id: row.id)
        case .upsert: return try upsert(fields, load)
        case .delete, .hardDelete:
            let row = try named(Self.take("Id", from: &fields), load)
            try delete(row.id, of: load.object)
            return BulkResult(id: row.id)
        case .query, .queryAll: throw RESTError(400, "INVALID_OPERATION", "A query writes nothing")
        }
    }

    private mutating func upsert(_ fields: JSONObject, _ load: BulkLoad) throws -> BulkResult {
        guard let field = load.externalID else {
            throw RESTError(400, "MISSING_ARGUMENT", "An upsert needs the name of an external ID field")
        }
        var fields = fields
        let key = Self.take(field.name, from: &fields)
        let value = key?.stringValue ?? key.flatMap { $0.isNull ? nil : $0.text } ?? ""
        if field.name == "Id" {
            // Records without an id are new ones.
            guard !value.isEmpty else { return BulkResult(id: try insert(fields, into: load.object), isCreated: true) }
            let row = try named(key, load)
            try update(row.id, fields, of: load.object)
            return BulkResult(id: row.id)
        }
        guard !value.isEmpty else {
            throw RESTError(400, "MISSING_ARGUMENT", "\(field.name) not specified")
        }
        let (id, isCreated) = try upsert(fields, into: load.object, by: field, value: value)
        return BulkResult(id: id, isCreated: isCreated)
    }

    /// The living record that an `Id` names.
    private func named(_ value: JSON?, _ load: BulkLoad) throws -> Row {
        guard let text = value?.stringValue, !text.isEmpty else {
            throw RESTError(400, "MISSING_ARGUMENT", "Id not specified in \(load.operation.rawValue) call")
        }
        guard let id = RecordID(text) else { throw RESTError(400, "MALFORMED_ID", "bad id \(text)", fields: ["Id"]) }
        guard id.prefix == load.object.keyPrefix, let row = org.database.table(load.object.name)[id] else {
            throw RESTError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id")
        }
        guard !row.isDeleted else { throw RESTError(400, "ENTITY_IS_DELETED", "entity is deleted") }
        return row
    }

    /// Takes a field out of a record, whatever the case of its name.
    private static func take(_ name: String, from fields: inout JSONObject) -> JSON? {
        guard let key = fields.fields.first(where: { $0.key.lowercased() == name.lowercased() })?.key else {
            return nil
        }
        defer { fields[key] = nil }
        return fields[key]
    }

    /// REST's complaint of a value's type has another name here.
    private static func bulkError(_ error: RESTError) -> RESTError {
        guard error.code == "JSON_PARSER_ERROR" else { return error }
        return RESTError(error.status, "INVALID_TYPE_ON_FIELD_IN_RECORD", error.message, fields: error.fields)
    }

    // MARK: Values

    /// The record as REST would send it: values in their types, and lookups by id.
    private func values(of record: JSONObject, _ load: BulkLoad) throws -> JSONObject {
        var values = JSONObject()
        for field in record.fields where field.key != "attributes" {
            if let value = field.value.objectValue {
                guard let (lookup, id) = try found(by: field.key, value, load.object) else { continue }
                values[lookup] = .string(id.long)
            } else if load.isText {
                guard let text = field.value.stringValue, !text.isEmpty else { continue }
                let definition = load.object.field(field.key)
                values[field.key] = try text == Self.emptyMark ? .null : Self.typed(text, definition)
            } else {
                values[field.key] = field.value
            }
        }
        return values
    }

    /// The lookup field and the id behind `Account: {External_Id__c: "A-1"}`; `nil` where there is no value.
    private func found(
        by way: String, _ key: JSONObject, _ object: ObjectDefinition
    ) throws -> (lookup: String, id: RecordID)? {
        guard let (field, target) = object.lookup(way), let other = Schema.object(target),
            let pair = key.fields.first(where: { $0.key != "attributes" }), let keyField = other.field(pair.key),
            keyField.isExternalID || keyField.name == "Id"
        else { throw Self.unknownField(way, object) }
        guard let value = pair.value.stringValue, !value.isEmpty else { return nil }
        guard let row = rows(of: other, where: keyField, is: value).first else {
            throw RESTError(
                400, "INVALID_FIELD",
                "Foreign key external ID: \(value) not found for field \(keyField.name) in entity \(other.name)")
        }
        return (field.name, row.id)
    }

    /// A value of CSV in its field's type.
    private static func typed(_ text: String, _ field: FieldDefinition?) throws -> JSON {
        let value: JSON?
        switch field?.kind {
        case .boolean: value = ["true": true, "1": true, "false": false, "0": false][text.lowercased()]
        case .int: value = Int(text).map(JSON.int)
        case .double, .currency, .percent: value = Double(text).flatMap { $0.isFinite ? JSON.double($0) : nil }
        case .id, .string, .textArea, .email, .phone, .url, .picklist, .date, .dateTime, .reference, nil:
            value = .string(text)
        }
        guard let value else {
            let name = field?.name ?? ""
            throw RESTError(
                400, "INVALID_TYPE_ON_FIELD_IN_RECORD", "\(name): value not of required type: \(text)", fields: [name])
        }
        return value
    }
}
