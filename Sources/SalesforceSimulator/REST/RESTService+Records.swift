import Foundation

/// Creating, changing and deleting records, with the checks that Salesforce makes.
extension RESTService {
    mutating func insert(_ fields: JSONObject, into object: ObjectDefinition) throws -> RecordID {
        try checkWritable(object)
        guard org.database.recordCount < Database.recordsMax else {
            throw RESTError(400, "STORAGE_LIMIT_EXCEEDED", "storage limit exceeded")
        }
        var values = try checked(fields, of: object)
        let missing = object.fields.filter { $0.isRequired && (values[$0.name] ?? .null).isNull }.map(\.name)
        guard missing.isEmpty else {
            throw RESTError(
                400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [\(missing.joined(separator: ", "))]",
                fields: missing)
        }
        let stamp = JSON.string(dateTimeText(surroundings.now))
        let me = JSON.string(user.id.long)
        for field in object.fields where field.kind == .boolean && values[field.name] == nil {
            values[field.name] = false
        }
        values.merge([
            "IsDeleted": false, "CreatedDate": stamp, "CreatedById": me, "LastModifiedDate": stamp,
            "LastModifiedById": me, "SystemModstamp": stamp,
        ]) { $1 }
        if object.field("OwnerId") != nil, (values["OwnerId"] ?? .null).isNull { values["OwnerId"] = me }
        if object.name == "Opportunity" { values["LastStageChangeDate"] = stamp }
        derive(&values, of: object)
        return org.database.insert(values, into: object)
    }

    mutating func update(_ id: RecordID, _ fields: JSONObject, of object: ObjectDefinition) throws {
        try checkWritable(object)
        guard let row = org.database.row(id) else { throw RESTError.notFound }
        let changes = try checked(fields, of: object, except: id)
        for field in object.fields where !field.isNillable && field.isWritable {
            guard changes[field.name]?.isNull != true else {
                throw RESTError(
                    400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [\(field.name)]", fields: [field.name])
            }
        }
        var values = row.values.merging(changes) { $1 }
        let stamp = JSON.string(dateTimeText(surroundings.now))
        values["LastModifiedDate"] = stamp
        values["SystemModstamp"] = stamp
        values["LastModifiedById"] = .string(user.id.long)
        if let stage = changes["StageName"], stage != row["StageName"] {
            values["LastStageChangeDate"] = stamp
            if changes["Probability"] == nil { values["Probability"] = nil }
        }
        derive(&values, of: object)
        org.database.update(id, values)
    }

    mutating func delete(_ id: RecordID, of object: ObjectDefinition) throws {
        try checkWritable(object)
        guard org.database.row(id) != nil else { throw RESTError(404, "ENTITY_IS_DELETED", "entity is deleted") }
        let stamp = JSON.string(dateTimeText(surroundings.now))
        org.database.update(id, ["IsDeleted": true, "LastModifiedDate": stamp, "SystemModstamp": stamp])
    }

    private func checkWritable(_ object: ObjectDefinition) throws {
        guard object.isWritable else {
            throw RESTError(
                400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type cannot be changed: \(object.name)")
        }
    }

    /// What Salesforce computes from other fields.
    private func derive(_ values: inout [String: JSON], of object: ObjectDefinition) {
        switch object.name {
        case "Contact":
            let parts = [values["FirstName"], values["LastName"]].compactMap { $0?.stringValue }
            values["Name"] = .string(parts.filter { !$0.isEmpty }.joined(separator: " "))
        case "Opportunity":
            guard let stage = Schema.stages.first(where: { .string($0.name) == values["StageName"] }) else { return }
            if (values["Probability"] ?? .null).isNull { values["Probability"] = .double(Double(stage.probability)) }
            values["IsClosed"] = .bool(stage.isClosed)
            values["IsWon"] = .bool(stage.isWon)
            values["ForecastCategoryName"] = .string(stage.forecast)
            let probability = values["Probability"]?.doubleValue ?? 0
            values["ExpectedRevenue"] = values["Amount"]?.doubleValue.map { .double($0 * probability / 100) } ?? .null
        case _: break
        }
    }

    // MARK: Checks

    /// The values of a request by the fields' own spelling; throws what Salesforce answers where one doesn't fit.
    private func checked(
        _ fields: JSONObject, of object: ObjectDefinition, except id: RecordID? = nil
    ) throws -> [String: JSON] {
        var values: [String: JSON] = [:]
        var readOnly: [String] = []
        for pair in fields.fields where pair.key != "attributes" {
            guard let field = object.field(pair.key) else { throw Self.unknownField(pair.key, object) }
            guard field.isWritable else {
                readOnly.append(field.name)
                continue
            }
            values[field.name] = try Self.converted(pair.value, for: field)
            try checkReference(values[field.name] ?? .null, field)
            try checkUnique(values[field.name] ?? .null, field, of: object, except: id)
        }
        guard readOnly.isEmpty else {
            throw RESTError(
                400, "INVALID_FIELD_FOR_INSERT_UPDATE",
                "Unable to create/update fields: \(readOnly.joined(separator: ", ")). Please check the security settings "
                    + "of this field and verify that it is read/write for your profile or permission set.",
                fields: readOnly)
        }
        return values
    }

    private func checkReference(_ value: JSON, _ field: FieldDefinition) throws {
        guard case .reference(let target, _, _) = field.kind, let text = value.stringValue, let id = RecordID(text)
        else { return }
        guard let object = Schema.object(target), id.prefix == object.keyPrefix, org.database.row(id) != nil else {
            throw RESTError(
                400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", fields: [field.name])
        }
    }

    private func checkUnique(
        _ value: JSON, _ field: FieldDefinition, of object: ObjectDefinition, except id: RecordID?
    ) throws {
        guard field.isExternalID, let text = value.stringValue,
            let other = rows(of: object, where: field, is: text).first(where: { $0.id != id })
        else { return }
        throw RESTError(
            400, "DUPLICATE_VALUE",
            "duplicate value found: \(field.name) duplicates value on record with id: \(other.id.short)")
    }

    private static func converted(_ value: JSON, for field: FieldDefinition) throws -> JSON {
        if value.isNull || (value == "" && field.kind != .boolean) { return .null }
        func wrongType(_ type: String) -> RESTError {
            RESTError(
                400, "JSON_PARSER_ERROR",
                "Cannot deserialize instance of \(type) from \(kind(of: value)) value \(value.text)")
        }
        switch field.kind {
        case .id, .reference:
            guard let text = value.stringValue else { throw wrongType("reference") }
            guard let id = RecordID(text) else {
                throw RESTError(
                    400, "MALFORMED_ID", "\(field.label): id value of incorrect type: \(text)", fields: [field.name])
            }
            return .string(id.long)
        case .string(let length), .textArea(let length): return try text(value, field, length: length)
        case .email:
            let converted = try text(value, field, length: 80)
            guard converted.stringValue?.wholeMatch(of: /[^@\s]+@[^@\s]+/) != nil else {
                throw RESTError(
                    400, "INVALID_EMAIL_ADDRESS", "\(field.label): invalid email address: \(value.stringValue ?? "")",
                    fields: [field.name])
            }
            return converted
        case .phone: return try text(value, field, length: 40)
        case .url: return try text(value, field, length: 255)
        case .picklist(let choices, let isRestricted):
            let converted = try text(value, field, length: 255)
            if isRestricted, let chosen = converted.stringValue, !choices.contains(chosen) {
                throw RESTError(
                    400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                    "\(field.label): bad value for restricted picklist field: \(chosen)", fields: [field.name])
            }
            return converted
        case .boolean:
            guard value.boolValue != nil else { throw wrongType("boolean") }
            return value
        case .int:
            guard let number = value.intValue else { throw wrongType("int") }
            return .int(number)
        case .double, .currency, .percent:
            guard let number = value.doubleValue else { throw wrongType("double") }
            return .double(number)
        case .date:
            guard let text = value.stringValue, let day = CivilDate(text.prefix(10)) else { throw wrongType("date") }
            return .string(day.text)
        case .dateTime:
            guard let date = value.stringValue.flatMap(parseDateTime) else { throw wrongType("datetime") }
            return .string(dateTimeText(date))
        }
    }

    private static func text(_ value: JSON, _ field: FieldDefinition, length: Int) throws -> JSON {
        let text: String
        switch value {
        case .string(let value): text = value
        case .int, .double, .bool: text = value.text
        case .null, .array, .object:
            throw RESTError(
                400, "JSON_PARSER_ERROR",
                "Cannot deserialize instance of string from \(kind(of: value)) value \(value.text)")
        }
        guard text.count <= length else {
            throw RESTError(
                400, "STRING_TOO_LONG", "\(field.label): data value too large: \(text) (max length=\(length))",
                fields: [field.name])
        }
        return .string(text)
    }

    private static func kind(of value: JSON) -> String {
        switch value {
        case .null: "VALUE_NULL"
        case .bool(let value): value ? "VALUE_TRUE" : "VALUE_FALSE"
        case .int: "VALUE_NUMBER_INT"
        case .double: "VALUE_NUMBER_FLOAT"
        case .string: "VALUE_STRING"
        case .array: "START_ARRAY"
        case .object: "START_OBJECT"
        }
    }
}
