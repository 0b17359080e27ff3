/// Finds the fields that a query names and turns its conditions into predicates.
struct SOQLResolver: Sendable {
    let engine: SOQLEngine
    let text: String

    typealias Predicate = @Sendable (Row) -> Bool

    func resolve(_ path: SOQLQuery.FieldPath, from object: ObjectDefinition) throws -> ResolvedPath {
        var object = object
        var lookups: [(String, String, ObjectDefinition)] = []
        for part in path.parts.dropLast() {
            guard let (field, target) = object.lookup(part), let next = Schema.object(target) else {
                throw SOQLError(
                    .invalidField,
                    "Didn't understand relationship '\(part)' in field path. If you are attempting to use a custom "
                        + "relationship, be sure to append the '__r' after the custom relationship name. Please "
                        + "reference your WSDL or the describe call for the appropriate names.", at: path.offset,
                    in: text)
            }
            lookups.append((field.name, field.relationship ?? part, next))
            object = next
        }
        let name = path.parts.last ?? ""
        guard let field = object.field(name) else {
            throw SOQLError(
                .invalidField,
                "No such column '\(name)' on entity '\(object.name)'. If you are attempting to use a custom field, be "
                    + "sure to append the '__c' after the custom field name. Please reference your WSDL or the "
                    + "describe call for the appropriate names.", at: path.offset, in: text)
        }
        return ResolvedPath(lookups: lookups, field: field)
    }

    func predicate(_ condition: SOQLQuery.Condition, object: ObjectDefinition) throws -> Predicate {
        switch condition {
        case .and(let left, let right):
            let (left, right) = (try predicate(left, object: object), try predicate(right, object: object))
            return { left($0) && right($0) }
        case .or(let left, let right):
            let (left, right) = (try predicate(left, object: object), try predicate(right, object: object))
            return { left($0) || right($0) }
        case .not(let inner):
            let inner = try predicate(inner, object: object)
            return { !inner($0) }
        case .comparison(let path, let comparison, let literal):
            let resolved = try filterable(path, object: object)
            let test = try SOQLComparison(path: path, field: resolved.field, text: text, today: engine.today)
                .test(comparison, literal)
            let database = engine.database
            return { test(resolved.value(of: $0, in: database)) }
        case .membership(let path, let literals, let isNegated):
            let resolved = try filterable(path, object: object)
            let comparison = SOQLComparison(path: path, field: resolved.field, text: text, today: engine.today)
            let tests = try literals.map { try comparison.test(.equal, $0) }
            let database = engine.database
            return { row in
                let value = resolved.value(of: row, in: database)
                return tests.contains { $0(value) } != isNegated
            }
        case .subquery(let path, let query, let isNegated):
            return try semiJoin(path, query, isNegated: isNegated, object: object)
        }
    }

    private func filterable(_ path: SOQLQuery.FieldPath, object: ObjectDefinition) throws -> ResolvedPath {
        let resolved = try resolve(path, from: object)
        if case .textArea = resolved.field.kind {
            throw SOQLError(
                .invalidField, "field '\(resolved.field.name)' can not be filtered in a query call", at: path.offset,
                in: text)
        }
        return resolved
    }

    /// `Id IN (SELECT AccountId FROM Opportunity …)`.
    private func semiJoin(
        _ path: SOQLQuery.FieldPath, _ query: SOQLQuery, isNegated: Bool, object: ObjectDefinition
    ) throws -> Predicate {
        let resolved = try resolve(path, from: object)
        guard let inner = Schema.object(query.object.value) else {
            throw SOQLEngine.unknownType(query.object, in: text)
        }
        guard query.select.count == 1, case .field(let innerPath)? = query.select.first else {
            throw SOQLError(.malformedQuery, "A semi join sub-select must select exactly one field")
        }
        let selected = try resolve(innerPath, from: inner)
        let rows = try engine.select(query, object: inner, resolver: self, includeDeleted: false)
        let database = engine.database
        let values = Set(engine.page(rows, of: query).map { selected.value(of: $0, in: database) })
        return { row in
            let value = resolved.value(of: row, in: database)
            return (!value.isNull && values.contains(value)) != isNegated
        }
    }
}

/// Compares one field with literals, as its type allows.
struct SOQLComparison {
    let path: SOQLQuery.FieldPath
    let field: FieldDefinition
    let text: String
    let today: CivilDate

    typealias Test = @Sendable (JSON) -> Bool

    /// Null equals null alone, differs from every other value, and is neither less nor greater than any.
    func test(_ comparison: SOQLQuery.Operator, _ literal: SOQLQuery.Literal) throws -> Test {
        if case .null = literal {
            switch comparison {
            case .equal: return { $0.isNull }
            case .notEqual: return { !$0.isNull }
            case .less, .lessOrEqual, .greater, .greaterOrEqual, .like: throw invalidOperator()
            }
        }
        switch field.kind {
        case .id, .reference: return try identifiers(comparison, literal)
        case .string, .textArea, .email, .phone, .url, .picklist: return try strings(comparison, literal)
        case .boolean:
            guard case .boolean(let value) = literal else { throw mismatch("boolean", quoted: false) }
            guard comparison == .equal || comparison == .notEqual else { throw invalidOperator() }
            return { ($0 == .bool(value)) == (comparison == .equal) }
        case .int, .double, .currency, .percent:
            guard case .number(let value) = literal else { throw mismatch(typeName, quoted: false) }
            return try ordered(comparison) { json in json.doubleValue.map { $0 < value ? -1 : $0 > value ? 1 : 0 } }
        case .date: return try dates(comparison, literal)
        case .dateTime: return try dateTimes(comparison, literal)
        }
    }

    private var typeName: String {
        switch field.kind {
        case .id, .reference: "id"
        case .string, .textArea, .email, .phone, .url, .picklist: "string"
        case .boolean: "boolean"
        case .int: "int"
        case .double: "double"
        case .currency: "currency"
        case .percent: "percent"
        case .date: "date"
        case .dateTime: "dateTime"
        }
    }

    private func mismatch(_ type: String, quoted: Bool) -> SOQLError {
        SOQLError(
            .invalidField,
            "value of filter criterion for field '\(field.name)' must be of type \(type) and should "
                + "\(quoted ? "" : "not ")be enclosed in quotes", at: path.offset, in: text)
    }

    private func invalidOperator() -> SOQLError {
        SOQLError(.invalidFilter, "invalid operator on \(typeName) field", at: path.offset, in: text)
    }

    private func ordered(
        _ comparison: SOQLQuery.Operator, _ order: @escaping @Sendable (JSON) -> Int?
    ) throws -> Test {
        switch comparison {
        case .equal: return { order($0) == 0 }
        case .notEqual: return { order($0) != 0 }
        case .less: return { (order($0) ?? 0) < 0 }
        case .lessOrEqual: return { (order($0) ?? 1) <= 0 }
        case .greater: return { (order($0) ?? 0) > 0 }
        case .greaterOrEqual: return { (order($0) ?? -1) >= 0 }
        case .like: throw invalidOperator()
        }
    }

    private func identifiers(_ comparison: SOQLQuery.Operator, _ literal: SOQLQuery.Literal) throws -> Test {
        guard case .string(let value) = literal else { throw mismatch("id", quoted: true) }
        guard comparison == .equal || comparison == .notEqual else { throw invalidOperator() }
        guard let id = RecordID(value) else {
            if value.isEmpty { return { $0.isNull == (comparison == .equal) } }
            throw SOQLError(.invalidFilter, "invalid ID field: \(value)", at: path.offset, in: text)
        }
        let long = JSON.string(id.long)
        return { ($0 == long) == (comparison == .equal) }
    }

    private func strings(_ comparison: SOQLQuery.Operator, _ literal: SOQLQuery.Literal) throws -> Test {
        guard case .string(let raw) = literal else { throw mismatch("string", quoted: true) }
        if comparison == .like {
            let pattern = Array(raw.lowercased())
            return { json in json.stringValue.map { Self.matches(Array($0.lowercased())[...], pattern[...]) } ?? false }
        }
        let value = EscapedWildcard.plain(raw).lowercased()
        // An empty string is what null is to a text field.
        if value.isEmpty, comparison == .equal || comparison == .notEqual {
            return { ($0.isNull || $0 == "") == (comparison == .equal) }
        }
        return try ordered(comparison) { json in
            json.stringValue.map { text in
                let text = text.lowercased()
                return text < value ? -1 : text > value ? 1 : 0
            }
        }
    }

    /// `%` is any run of characters, `_` any one. Linear but for the last `%` seen.
    private static func matches(_ text: ArraySlice<Character>, _ pattern: ArraySlice<Character>) -> Bool {
        var (text, pattern) = (text, pattern)
        var resume: (text: ArraySlice<Character>, pattern: ArraySlice<Character>)?
        while let character = text.first {
            if pattern.first == "%" {
                pattern = pattern.dropFirst()
                resume = (text, pattern)
            } else if let wanted = pattern.first,
                wanted == "_" || EscapedWildcard.plain(String(wanted)) == String(character)
            {
                text = text.dropFirst()
                pattern = pattern.dropFirst()
            } else if let point = resume {
                text = point.text.dropFirst()
                pattern = point.pattern
                resume = (text, pattern)
            } else {
                return false
            }
        }
        return pattern.allSatisfy { $0 == "%" }
    }

    private func dates(_ comparison: SOQLQuery.Operator, _ literal: SOQLQuery.Literal) throws -> Test {
        switch literal {
        case .date(let day): return try span(comparison, day.text, day.adding(days: 1).text)
        case .dateRange(let range):
            let (start, end) = range.days(from: today)
            return try span(comparison, start.text, end.text)
        case .null, .string, .number, .boolean, .dateTime: throw mismatch("date", quoted: false)
        }
    }

    private func dateTimes(_ comparison: SOQLQuery.Operator, _ literal: SOQLQuery.Literal) throws -> Test {
        switch literal {
        case .dateTime(let value):
            return try ordered(comparison) { json in
                json.stringValue.map { $0 < value ? -1 : $0 > value ? 1 : 0 }
            }
        case .dateRange(let range):
            let (start, end) = range.days(from: today)
            return try span(comparison, "\(start.text)T00:00:00.000+0000", "\(end.text)T00:00:00.000+0000")
        case .null, .string, .number, .boolean, .date: throw mismatch("dateTime", quoted: false)
        }
    }

    /// Compares with a span of time: equal means within it, less means before it.
    private func span(_ comparison: SOQLQuery.Operator, _ start: String, _ end: String) throws -> Test {
        try ordered(comparison) { json in
            json.stringValue.map { $0 < start ? -1 : $0 >= end ? 1 : 0 }
        }
    }
}
