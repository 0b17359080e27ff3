/// Search: the simple form of SOSL, and the parameterised one.
extension RESTService {
    private struct Search {
        var text: String
        var returning: [(object: ObjectDefinition, fields: [String])]
        var limit: Int
    }

    /// How many records a search answers at most.
    private static let recordsMax = 2_000

    /// `FIND {text} [IN … FIELDS] [RETURNING Account(Id, Name), Contact] [LIMIT n]`.
    mutating func search(_ call: RESTCall) throws -> RESTResult {
        guard call.method == "GET" else { throw RESTError.methodNotAllowed }
        guard let text = call.query["q"] else {
            throw RESTError(
                400, "MALFORMED_SEARCH", "No search term found. The search term must be enclosed in braces.")
        }
        let pattern =
            #/(?i)\s*FIND\s*\{([^}]*)\}(?:\s+IN\s+\w+\s+FIELDS)?(?:\s+RETURNING\s+(.*?))?(?:\s+LIMIT\s+(\d+))?\s*/#
        guard let match = text.wholeMatch(of: pattern) else {
            throw RESTError(400, "MALFORMED_SEARCH", "unexpected token in search: \(text)")
        }
        let returning = try match.2.map { try Self.returning(String($0)) } ?? Self.searchable.map { ($0, ["Id"]) }
        return .ok(
            [
                "searchRecords": .array(
                    try run(
                        Search(
                            text: String(match.1), returning: returning,
                            limit: match.3.flatMap { Int($0) } ?? Self.recordsMax)))
            ])
    }

    /// `?q=text&sobject=Account&Account.fields=Id,Name&Account.limit=5`; as JSON too.
    mutating func parameterizedSearch(_ call: RESTCall) throws -> RESTResult {
        let text: String?
        var returning: [(ObjectDefinition, [String])] = []
        var limit = Self.recordsMax
        switch call.method {
        case "GET":
            text = call.query["q"]
            for pair in call.query.pairs where pair.name == "sobject" {
                guard let object = Schema.object(pair.value) else { throw Self.unknownObject(pair.value) }
                let fields = call.query["\(pair.value).fields"] ?? call.query["fields"] ?? "Id"
                returning.append((object, fields.split(separator: ",").map { $0.filter { $0 != " " } }))
                limit = call.query["\(pair.value).limit"].flatMap { Int($0) } ?? limit
            }
        case "POST":
            let body = try call.json()
            text = body["q"]?.stringValue
            for entry in body["sobjects"]?.arrayValue ?? [] {
                let name = entry["name"]?.stringValue ?? ""
                guard let object = Schema.object(name) else { throw Self.unknownObject(name) }
                let fields = (entry["fields"] ?? body["fields"])?.arrayValue?.compactMap(\.stringValue) ?? ["Id"]
                returning.append((object, fields))
            }
            limit = body["overallLimit"]?.intValue ?? limit
        case _: throw RESTError.methodNotAllowed
        }
        guard let text else { throw RESTError(400, "MISSING_ARGUMENT", "Missing argument: q") }
        if returning.isEmpty { returning = Self.searchable.map { ($0, ["Id"]) } }
        return .ok(["searchRecords": .array(try run(Search(text: text, returning: returning, limit: limit)))])
    }

    private static let searchable = Schema.objects.filter(\.isWritable)

    private static func unknownObject(_ name: String) -> RESTError {
        RESTError(400, "INVALID_TYPE", "sObject type '\(name)' is not supported.")
    }

    private static func returning(_ text: String) throws -> [(object: ObjectDefinition, fields: [String])] {
        try text.matches(of: /(\w+)\s*(?:\(([^)]*)\))?/).map { match in
            guard let object = Schema.object(String(match.1)) else { throw unknownObject(String(match.1)) }
            let list = match.2.map { $0.prefixUpToClause } ?? "Id"
            return (object, list.split(separator: ",").map { $0.filter { $0 != " " } })
        }
    }

    /// Records any text of which contains every word, whatever the case; `*` stands for any run.
    private func run(_ search: Search) throws -> [JSON] {
        let words = search.text.lowercased().split { $0 == " " || $0 == "*" || $0 == "\"" }.map(String.init)
        guard words.contains(where: { $0.count > 1 }) else {
            throw RESTError(400, "MALFORMED_SEARCH", "search term must be longer than one character: \(search.text)")
        }
        var found: [JSON] = []
        for (object, fields) in search.returning {
            let columns = try fields.map { name in
                guard let field = object.field(name) else { throw Self.unknownField(name, object) }
                return field.name
            }
            for row in org.database.table(object.name).rows where !row.isDeleted {
                guard found.count < min(search.limit, Self.recordsMax) else { return found }
                let text = object.fields.compactMap { field in
                    Self.isSearched(field.kind) ? row[field.name].stringValue?.lowercased() : nil
                }.joined(separator: "\n")
                guard words.allSatisfy({ text.contains($0) }) else { continue }
                let attributes = SOQLProjection.attributes(object.name, row.id, version: version)
                found.append(.object(JSONObject([("attributes", attributes)] + columns.map { ($0, row[$0]) })))
            }
        }
        return found
    }

    private static func isSearched(_ kind: FieldDefinition.Kind) -> Bool {
        switch kind {
        case .string, .textArea, .email, .phone, .url: true
        case .id, .picklist, .boolean, .int, .double, .currency, .percent, .date, .dateTime, .reference: false
        }
    }
}

extension Substring {
    /// The field list of a RETURNING clause, without the WHERE, ORDER BY or LIMIT that may follow it.
    fileprivate var prefixUpToClause: String {
        guard let clause = firstMatch(of: #/(?i)\s+(WHERE|ORDER|LIMIT|USING)\s/#) else { return String(self) }
        return String(self[..<clause.range.lowerBound])
    }
}
