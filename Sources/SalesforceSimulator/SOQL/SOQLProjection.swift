/// Turns rows into the records of an answer.
struct SOQLProjection: Sendable {
    private indirect enum Node: Sendable {
        case field(String)
        case relation(name: String, lookup: String, target: ObjectDefinition, nodes: [Node])
        case children(name: String, query: SOQLQuery, object: ObjectDefinition, SOQLProjection, [RecordID: [Row]])
    }

    private let object: ObjectDefinition
    private let resolver: SOQLResolver
    private var nodes: [Node] = []

    init(query: SOQLQuery, object: ObjectDefinition, resolver: SOQLResolver) throws {
        self.object = object
        self.resolver = resolver
        var seen: Set<String> = []
        for item in query.select {
            switch item {
            case .field(let path):
                let resolved = try resolver.resolve(path, from: object)
                let key = (resolved.lookups.map(\.relationship) + [resolved.field.name]).joined(separator: ".")
                guard seen.insert(key).inserted else {
                    throw SOQLError(.invalidField, "duplicate field selected: \(path.parts.last ?? "")")
                }
                Self.add(resolved, to: &nodes)
            case .fields(let group):
                try addGroup(group, query: query, seen: &seen)
            case .children(let inner):
                nodes.append(try children(inner))
            case .countAll, .aggregate:
                throw SOQLError(.malformedQuery, "COUNT() must be the only item selected")
            }
        }
    }

    private mutating func addGroup(
        _ group: SOQLQuery.FieldGroup, query: SOQLQuery, seen: inout Set<String>
    ) throws {
        if group != .standard, (query.limit ?? .max) > SOQLEngine.fieldsLimitMax {
            throw SOQLError(
                .malformedQuery, "The SOQL FIELDS function must have a LIMIT of at most \(SOQLEngine.fieldsLimitMax)")
        }
        for field in object.fields where group == .all || field.isCustom == (group == .custom) {
            guard seen.insert(field.name).inserted else {
                throw SOQLError(.invalidField, "duplicate field selected: \(field.name)")
            }
            nodes.append(.field(field.name))
        }
    }

    private static func add(_ path: ResolvedPath, to nodes: inout [Node]) {
        guard let step = path.lookups.first else {
            nodes.append(.field(path.field.name))
            return
        }
        var rest = path
        rest.lookups.removeFirst()
        for index in nodes.indices {
            guard case .relation(step.relationship, let lookup, let target, var inner) = nodes[index] else { continue }
            add(rest, to: &inner)
            nodes[index] = .relation(name: step.relationship, lookup: lookup, target: target, nodes: inner)
            return
        }
        var inner: [Node] = []
        add(rest, to: &inner)
        nodes.append(.relation(name: step.relationship, lookup: step.field, target: step.target, nodes: inner))
    }

    private func children(_ query: SOQLQuery) throws -> Node {
        guard let (child, lookup) = Schema.children(of: object, named: query.object.value) else {
            throw SOQLError(
                .invalidType,
                "Didn't understand relationship '\(query.object.value)' in FROM part of query call. If you are "
                    + "attempting to use a custom relationship, be sure to append the '__r' after the custom "
                    + "relationship name. Please reference your WSDL or the describe call for the appropriate names.",
                at: query.object.offset, in: resolver.text)
        }
        let projection = try SOQLProjection(query: query, object: child, resolver: resolver)
        let rows = try resolver.engine.select(query, object: child, resolver: resolver, includeDeleted: false)
        var byParent: [RecordID: [Row]] = [:]
        for row in rows {
            guard let text = row[lookup].stringValue, let parent = RecordID(text) else { continue }
            byParent[parent, default: []].append(row)
        }
        return .children(name: query.object.value, query: query, object: child, projection, byParent)
    }

    func record(_ row: Row) -> JSON { record(row, object: object, nodes: nodes) }

    private func record(_ row: Row, object: ObjectDefinition, nodes: [Node]) -> JSON {
        var record: [(String, JSON)] = [
            ("attributes", Self.attributes(object.name, row.id, version: resolver.engine.version))
        ]
        for node in nodes {
            switch node {
            case .field(let name): record.append((name, row[name]))
            case .relation(let name, let lookup, let target, let inner):
                let related = row[lookup].stringValue.flatMap(RecordID.init)
                    .flatMap { resolver.engine.database.table(target.name)[$0] }
                record.append((name, related.map { self.record($0, object: target, nodes: inner) } ?? .null))
            case .children(let name, let query, _, let projection, let byParent):
                let rows = resolver.engine.page(byParent[row.id] ?? [], of: query)
                guard !rows.isEmpty else {
                    record.append((name, .null))
                    continue
                }
                record.append(
                    (
                        name,
                        [
                            "totalSize": .int(rows.count), "done": true, "records": .array(rows.map(projection.record)),
                        ]
                    ))
            }
        }
        return .object(JSONObject(record))
    }

    /// The fields as columns of a table; `nil` where records have child records.
    var columns: [BulkRecords.Column]? { Self.columns(nodes, of: object, below: []) }

    private static func columns(
        _ nodes: [Node], of object: ObjectDefinition, below path: [String]
    ) -> [BulkRecords.Column]? {
        var columns: [BulkRecords.Column] = []
        for node in nodes {
            switch node {
            case .field(let name):
                let isDateTime = object.field(name)?.kind == .dateTime
                columns.append(BulkRecords.Column(path: path + [name], isDateTime: isDateTime))
            case .relation(let name, _, let target, let inner):
                guard let inner = Self.columns(inner, of: target, below: path + [name]) else { return nil }
                columns += inner
            case .children: return nil
            }
        }
        return columns
    }

    /// The `attributes` of a record.
    static func attributes(_ type: String, _ id: RecordID, version: String) -> JSON {
        ["type": .string(type), "url": .string("/services/data/\(version)/sobjects/\(type)/\(id.long)")]
    }
}

/// Groups rows and computes aggregates.
struct SOQLAggregation {
    let query: SOQLQuery
    let object: ObjectDefinition
    let resolver: SOQLResolver

    private struct Column {
        var name: String
        var function: SOQLQuery.Aggregate?
        var path: ResolvedPath?
    }

    func records(of rows: [Row]) throws -> [JSON] {
        let database = resolver.engine.database
        let keys = try query.groupBy.map { try resolver.resolve($0, from: object) }
        let columns = try columns(keys)
        var groups: [[JSON]: [Row]] = [:]
        var order: [[JSON]] = []
        for row in rows {
            let key = keys.map { $0.value(of: row, in: database) }
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(row)
        }
        if keys.isEmpty, order.isEmpty {
            order = [[]]
            groups[[]] = []
        }
        try sort(&order, keys: keys)
        return order.map { key in
            let members = groups[key] ?? []
            var record: [(String, JSON)] = [("attributes", ["type": "AggregateResult"])]
            for column in columns {
                let values = column.path.map { path in
                    members.map { path.value(of: $0, in: database) }.filter { !$0.isNull }
                }
                let value =
                    column.function.map { Self.aggregate($0, values, rows: members.count) }
                    ?? column.path.flatMap { path in members.first.map { path.value(of: $0, in: database) } } ?? .null
                record.append((column.name, value))
            }
            return .object(JSONObject(record))
        }
    }

    private func columns(_ keys: [ResolvedPath]) throws -> [Column] {
        var unnamed = 0
        return try query.select.map { item in
            switch item {
            case .field(let path):
                let resolved = try resolver.resolve(path, from: object)
                guard
                    query.groupBy.contains(where: {
                        $0.parts.map { $0.lowercased() } == path.parts.map { $0.lowercased() }
                    })
                else {
                    throw SOQLError(
                        .malformedQuery,
                        "Field must be grouped or aggregated: \(path.parts.joined(separator: "."))", at: path.offset,
                        in: resolver.text)
                }
                return Column(name: resolved.field.name, function: nil, path: resolved)
            case .aggregate(let function, let path, let alias):
                defer { if alias == nil { unnamed += 1 } }
                return Column(
                    name: alias ?? "expr\(unnamed)", function: function,
                    path: try path.map { try resolver.resolve($0, from: object) })
            case .countAll:
                defer { unnamed += 1 }
                return Column(name: "expr\(unnamed)", function: .count, path: nil)
            case .fields, .children:
                throw SOQLError(.malformedQuery, "Only fields and aggregates may be selected in a grouped query")
            }
        }
    }

    /// Only the grouped fields can order groups here.
    private func sort(_ order: inout [[JSON]], keys: [ResolvedPath]) throws {
        guard !query.orderBy.isEmpty else { return }
        let terms = try query.orderBy.map { term in
            let wanted = term.path.parts.map { $0.lowercased() }
            guard let index = query.groupBy.firstIndex(where: { $0.parts.map { $0.lowercased() } == wanted }) else {
                throw SOQLError(
                    .malformedQuery, "Ordered field must be grouped: \(term.path.parts.joined(separator: "."))",
                    at: term.path.offset, in: resolver.text)
            }
            return (index: index, isDescending: term.isDescending)
        }
        order.sort { left, right in
            for term in terms {
                let result = SOQLEngine.compare(left[term.index], right[term.index])
                if result != 0 { return (result < 0) != term.isDescending }
            }
            return false
        }
    }

    private static func aggregate(_ function: SOQLQuery.Aggregate, _ column: [JSON]?, rows: Int) -> JSON {
        let values = column ?? []
        let numbers = values.compactMap(\.doubleValue)
        let sum = numbers.reduce(0, +)
        switch function {
        case .count: return .int(column?.count ?? rows)
        case .countDistinct: return .int(Set(values).count)
        case .sum: return numbers.isEmpty ? .null : .double(sum)
        case .average: return numbers.isEmpty ? .null : .double(sum / Double(numbers.count))
        case .minimum: return values.min { SOQLEngine.compare($0, $1) < 0 } ?? .null
        case .maximum: return values.max { SOQLEngine.compare($0, $1) < 0 } ?? .null
        }
    }
}
