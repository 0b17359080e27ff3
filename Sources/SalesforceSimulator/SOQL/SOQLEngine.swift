import Foundation

/// What a query found.
struct QueryResult: Sendable {
    var totalSize: Int
    var records: [JSON]
}

/// Runs queries against one org's records.
struct SOQLEngine: Sendable {
    let database: Database
    let today: CivilDate
    /// `v60.0`, for the records' URLs.
    let version: String

    /// The largest OFFSET.
    static let offsetMax = 2_000
    /// The largest LIMIT with FIELDS().
    static let fieldsLimitMax = 200

    /// Throws ``SOQLError``.
    func run(_ text: String, includeDeleted: Bool) throws -> QueryResult {
        let query = try SOQLParser.parse(text)
        return try run(query, text: text, includeDeleted: includeDeleted)
    }

    private func run(_ query: SOQLQuery, text: String, includeDeleted: Bool) throws -> QueryResult {
        guard let object = Schema.object(query.object.value) else {
            throw Self.unknownType(query.object, in: text)
        }
        let resolver = SOQLResolver(engine: self, text: text)
        let rows = try select(query, object: object, resolver: resolver, includeDeleted: includeDeleted)
        if case .countAll? = query.select.first {
            guard query.select.count == 1 else {
                throw SOQLError(.malformedQuery, "COUNT() must be the only item selected")
            }
            return QueryResult(totalSize: page(rows, of: query).count, records: [])
        }
        let isAggregate = query.select.contains {
            if case .aggregate = $0 { true } else { false }
        }
        if isAggregate || !query.groupBy.isEmpty {
            let groups = try SOQLAggregation(query: query, object: object, resolver: resolver).records(of: rows)
            let taken = Array(page(groups, of: query))
            return QueryResult(totalSize: taken.count, records: taken)
        }
        let projection = try SOQLProjection(query: query, object: object, resolver: resolver)
        let taken = page(rows, of: query)
        return QueryResult(totalSize: taken.count, records: taken.map(projection.record))
    }

    /// Runs a query for the Bulk APIs, which know neither groups nor child records; throws ``SOQLError``, and
    /// ``RESTError`` for those.
    func runInBulk(_ text: String, includeDeleted: Bool) throws -> (object: ObjectDefinition, found: BulkRecords) {
        let query = try SOQLParser.parse(text)
        guard let object = Schema.object(query.object.value) else { throw Self.unknownType(query.object, in: text) }
        let isGrouped = query.select.contains {
            switch $0 {
            case .countAll, .aggregate: true
            case .field, .fields, .children: false
            }
        }
        guard !isGrouped, query.groupBy.isEmpty else {
            throw RESTError(400, "FUNCTIONALITY_NOT_ENABLED", "Aggregate Relationships not supported in Bulk Query")
        }
        let resolver = SOQLResolver(engine: self, text: text)
        guard let columns = try SOQLProjection(query: query, object: object, resolver: resolver).columns else {
            throw RESTError(400, "FUNCTIONALITY_NOT_ENABLED", "Foreign Key Relationships not supported in Bulk Query")
        }
        let found = try run(query, text: text, includeDeleted: includeDeleted)
        return (object, BulkRecords(columns: columns, records: found.records))
    }

    static func unknownType(_ name: Located<String>, in text: String) -> SOQLError {
        SOQLError(
            .invalidType,
            "sObject type '\(name.value)' is not supported. If you are attempting to use a custom object, be sure to "
                + "append the '__c' after the entity name. Please reference your WSDL or the describe call for the "
                + "appropriate names.", at: name.offset, in: text)
    }

    /// The rows that a query is about, filtered and ordered, before LIMIT and OFFSET.
    func select(
        _ query: SOQLQuery, object: ObjectDefinition, resolver: SOQLResolver, includeDeleted: Bool,
        among candidates: [Row]? = nil
    ) throws -> [Row] {
        if let offset = query.offset, offset > Self.offsetMax {
            throw SOQLError(.outsideRange, "Maximum SOQL offset allowed is \(Self.offsetMax)")
        }
        let matches = try query.filter.map { try resolver.predicate($0, object: object) }
        var rows = (candidates ?? database.table(object.name).rows).filter { row in
            (includeDeleted || !row.isDeleted) && (matches?(row) ?? true)
        }
        guard !query.orderBy.isEmpty, query.groupBy.isEmpty else { return rows }
        let terms = try query.orderBy.map { (term: $0, path: try resolver.resolve($0.path, from: object)) }
        let keyed = rows.enumerated().map { index, row in
            (row: row, index: index, keys: terms.map { $0.path.value(of: row, in: database) })
        }
        let ordered = keyed.sorted { left, right in
            for (position, term) in terms.enumerated() {
                let order = Self.compare(left.keys[position], right.keys[position], term.term)
                if order != 0 { return order < 0 }
            }
            return left.index < right.index
        }
        rows = ordered.map(\.row)
        return rows
    }

    func page<Element>(_ rows: [Element], of query: SOQLQuery) -> ArraySlice<Element> {
        let rest = rows.dropFirst(query.offset ?? 0)
        return query.limit.map { rest.prefix($0) } ?? rest
    }

    private static func compare(_ left: JSON, _ right: JSON, _ term: SOQLQuery.OrderTerm) -> Int {
        switch (left.isNull, right.isNull) {
        case (true, true): return 0
        case (true, false): return term.nullsFirst ? -1 : 1
        case (false, true): return term.nullsFirst ? 1 : -1
        case (false, false): return term.isDescending ? -compare(left, right) : compare(left, right)
        }
    }

    /// Orders two values that are not null: numbers by size, text regardless of case.
    static func compare(_ left: JSON, _ right: JSON) -> Int {
        if let left = left.doubleValue, let right = right.doubleValue {
            return left < right ? -1 : left > right ? 1 : 0
        }
        if let left = left.boolValue, let right = right.boolValue {
            return left == right ? 0 : right ? -1 : 1
        }
        let (left, right) = ((left.stringValue ?? "").lowercased(), (right.stringValue ?? "").lowercased())
        return left < right ? -1 : left > right ? 1 : 0
    }
}

/// A path from an object to a field, over lookups.
struct ResolvedPath: Sendable {
    /// The lookup fields to follow, with the name of each way.
    var lookups: [(field: String, relationship: String, target: ObjectDefinition)]
    var field: FieldDefinition

    func value(of row: Row, in database: Database) -> JSON {
        var row = row
        for lookup in lookups {
            guard let text = row[lookup.field].stringValue, let id = RecordID(text),
                let next = database.table(lookup.target.name)[id]
            else { return .null }
            row = next
        }
        return row[field.name]
    }
}
