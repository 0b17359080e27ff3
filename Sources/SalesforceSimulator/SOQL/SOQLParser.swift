/// Reads SOQL.
struct SOQLParser {
    /// The longest query, in bytes (Salesforce's limit of 100,000 characters).
    static let queryBytesMax = 100_000
    /// How deep conditions and queries nest.
    static let depthMax = 40

    private let query: String
    private let tokens: [SOQLToken]
    private var index = 0
    private var depth = 0

    private init(_ query: String) throws {
        self.query = query
        tokens = try SOQLLexer.tokens(of: query)
    }

    /// Throws ``SOQLError``.
    static func parse(_ query: String) throws -> SOQLQuery {
        guard query.utf8.count <= queryBytesMax else { throw SOQLError(.malformedQuery, "SOQL statement is too long") }
        var parser = try SOQLParser(query)
        let parsed = try parser.queryExpression(isNested: false)
        guard parser.token.kind == .end else { throw parser.unexpected() }
        return parsed
    }

    // MARK: Tokens

    private var token: SOQLToken { tokens[min(index, tokens.count - 1)] }

    private func unexpected() -> SOQLError {
        SOQLError(.malformedQuery, "unexpected token: \(token.shown)", at: token.offset, in: query)
    }

    private func isKeyword(_ keyword: String, at distance: Int = 0) -> Bool {
        guard index + distance < tokens.count, case .word(let word) = tokens[index + distance].kind else {
            return false
        }
        return word.uppercased() == keyword
    }

    private mutating func takeKeyword(_ keyword: String) -> Bool {
        guard isKeyword(keyword) else { return false }
        index += 1
        return true
    }

    private mutating func expectKeyword(_ keyword: String) throws {
        guard takeKeyword(keyword) else { throw unexpected() }
    }

    private mutating func takeSymbol(_ symbol: String) -> Bool {
        guard token.kind == .symbol(symbol) else { return false }
        index += 1
        return true
    }

    private mutating func expectSymbol(_ symbol: String) throws {
        guard takeSymbol(symbol) else { throw unexpected() }
    }

    private mutating func word() throws -> Located<String> {
        guard case .word(let word) = token.kind else { throw unexpected() }
        let located = Located(value: word, offset: token.offset)
        index += 1
        return located
    }

    private mutating func wholeNumber() throws -> Int {
        guard case .number(let text) = token.kind, let number = Int(text), number >= 0 else { throw unexpected() }
        index += 1
        return number
    }

    private mutating func nested<Value>(_ body: (inout SOQLParser) throws -> Value) throws -> Value {
        guard depth < Self.depthMax else { throw SOQLError(.malformedQuery, "The query is nested too deeply") }
        depth += 1
        defer { depth -= 1 }
        return try body(&self)
    }

    private static let reserved: Set<String> = [
        "WHERE", "ORDER", "LIMIT", "OFFSET", "GROUP", "WITH", "FOR", "ALL", "USING", "HAVING",
    ]

    // MARK: Clauses

    private mutating func queryExpression(isNested: Bool) throws -> SOQLQuery {
        try nested { parser in
            try parser.expectKeyword("SELECT")
            var select = [try parser.selectItem(isNested: isNested)]
            while parser.takeSymbol(",") { select.append(try parser.selectItem(isNested: isNested)) }
            try parser.expectKeyword("FROM")
            let object = try parser.word()
            var parsed = SOQLQuery(select: select, object: object)
            let alias = parser.alias()
            try parser.clauses(of: &parsed)
            if let alias { parsed.dropAlias(alias) }
            parsed.dropAlias(object.value)
            return parsed
        }
    }

    private mutating func alias() -> String? {
        _ = takeKeyword("AS")
        guard case .word(let word) = token.kind, !Self.reserved.contains(word.uppercased()) else { return nil }
        index += 1
        return word
    }

    private mutating func clauses(of parsed: inout SOQLQuery) throws {
        if takeKeyword("USING") {
            try expectKeyword("SCOPE")
            _ = try word()
        }
        if takeKeyword("WHERE") { parsed.filter = try condition() }
        if takeKeyword("WITH") {
            let mode = try word().value.uppercased()
            guard ["SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"].contains(mode) else { throw unexpected() }
        }
        if takeKeyword("GROUP") {
            try expectKeyword("BY")
            repeat { parsed.groupBy.append(try path()) } while takeSymbol(",")
        }
        if takeKeyword("ORDER") {
            try expectKeyword("BY")
            repeat { parsed.orderBy.append(try orderTerm()) } while takeSymbol(",")
        }
        if takeKeyword("LIMIT") { parsed.limit = try wholeNumber() }
        if takeKeyword("OFFSET") { parsed.offset = try wholeNumber() }
        if takeKeyword("ALL") { try expectKeyword("ROWS") }
        if takeKeyword("FOR") {
            let purpose = try word().value.uppercased()
            guard ["VIEW", "REFERENCE", "UPDATE"].contains(purpose) else { throw unexpected() }
        }
    }

    private mutating func selectItem(isNested: Bool) throws -> SOQLQuery.SelectItem {
        if takeSymbol("(") {
            guard !isNested else { throw unexpected() }
            let children = try queryExpression(isNested: true)
            try expectSymbol(")")
            return .children(children)
        }
        guard index + 1 < tokens.count, tokens[index + 1].kind == .symbol("(") else { return .field(try path()) }
        let start = token
        let function = try word().value.uppercased()
        try expectSymbol("(")
        if function == "FIELDS" {
            guard let group = SOQLQuery.FieldGroup(rawValue: try word().value.uppercased()) else { throw unexpected() }
            try expectSymbol(")")
            return .fields(group)
        }
        guard let aggregate = SOQLQuery.Aggregate(rawValue: function) else {
            throw SOQLError(.malformedQuery, "unexpected token: \(start.shown)", at: start.offset, in: query)
        }
        if aggregate == .count, takeSymbol(")") { return .countAll }
        let argument = try path()
        try expectSymbol(")")
        var alias: String?
        if case .word(let name) = token.kind, name.uppercased() != "FROM" {
            alias = name
            index += 1
        }
        return .aggregate(aggregate, argument, alias: alias)
    }

    private mutating func path() throws -> SOQLQuery.FieldPath {
        let name = try word()
        let parts = name.value.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.allSatisfy({ !$0.isEmpty }), parts.count <= 6 else {
            throw SOQLError(.malformedQuery, "unexpected token: '\(name.value)'", at: name.offset, in: query)
        }
        return SOQLQuery.FieldPath(parts: parts, offset: name.offset)
    }

    private mutating func orderTerm() throws -> SOQLQuery.OrderTerm {
        let path = try path()
        var isDescending = false
        if takeKeyword("DESC") { isDescending = true } else { _ = takeKeyword("ASC") }
        var nullsFirst = !isDescending
        if takeKeyword("NULLS") {
            if takeKeyword("FIRST") {
                nullsFirst = true
            } else {
                try expectKeyword("LAST")
                nullsFirst = false
            }
        }
        return SOQLQuery.OrderTerm(path: path, isDescending: isDescending, nullsFirst: nullsFirst)
    }

    // MARK: Conditions

    /// AND and OR may not be mixed without parentheses, as in Salesforce.
    private mutating func condition() throws -> SOQLQuery.Condition {
        try nested { parser in
            var left = try parser.term()
            if parser.isKeyword("AND") {
                while parser.takeKeyword("AND") { left = .and(left, try parser.term()) }
            } else {
                while parser.takeKeyword("OR") { left = .or(left, try parser.term()) }
            }
            if parser.isKeyword("AND") || parser.isKeyword("OR") { throw parser.unexpected() }
            return left
        }
    }

    private mutating func term() throws -> SOQLQuery.Condition {
        if takeKeyword("NOT") { return try nested { .not(try $0.term()) } }
        if takeSymbol("(") {
            let inner = try condition()
            try expectSymbol(")")
            return inner
        }
        let path = try path()
        if takeKeyword("LIKE") { return .comparison(path, .like, try literal()) }
        let isNegated = isKeyword("NOT") && isKeyword("IN", at: 1)
        if isNegated { index += 1 }
        if takeKeyword("IN") { return try membership(path, isNegated: isNegated) }
        guard case .symbol(let symbol) = token.kind, let comparison = SOQLQuery.Operator(rawValue: symbol) else {
            throw unexpected()
        }
        index += 1
        return .comparison(path, comparison, try literal())
    }

    private mutating func membership(
        _ path: SOQLQuery.FieldPath, isNegated: Bool
    ) throws -> SOQLQuery.Condition {
        try expectSymbol("(")
        if isKeyword("SELECT") {
            let inner = try queryExpression(isNested: true)
            try expectSymbol(")")
            return .subquery(path, inner, isNegated: isNegated)
        }
        var values = [try literal()]
        while takeSymbol(",") { values.append(try literal()) }
        try expectSymbol(")")
        return .membership(path, values, isNegated: isNegated)
    }

    private mutating func literal() throws -> SOQLQuery.Literal {
        switch token.kind {
        case .string(let text):
            index += 1
            return .string(text)
        case .number(let text):
            guard let literal = Self.number(text) else { throw unexpected() }
            index += 1
            return literal
        case .word(let word): return try wordLiteral(word.uppercased())
        case .symbol, .end: throw unexpected()
        }
    }

    private static func number(_ text: String) -> SOQLQuery.Literal? {
        if let number = Double(text), number.isFinite { return .number(number) }
        if let date = CivilDate(text) { return .date(date) }
        return parseDateTime(text.uppercased()).map { .dateTime(dateTimeText($0)) }
    }

    private mutating func wordLiteral(_ word: String) throws -> SOQLQuery.Literal {
        let refused = unexpected()
        index += 1
        switch word {
        case "NULL": return .null
        case "TRUE": return .boolean(true)
        case "FALSE": return .boolean(false)
        case _: break
        }
        guard let takesNumber = DateLiteral.names[word] else { throw refused }
        guard takesNumber else { return .dateRange(DateLiteral(name: word, count: nil)) }
        try expectSymbol(":")
        return .dateRange(DateLiteral(name: word, count: min(try wholeNumber(), 10_000)))
    }
}

extension SOQLQuery {
    /// Takes an alias, or the object's own name, off the front of every path.
    fileprivate mutating func dropAlias(_ alias: String) {
        let lowered = alias.lowercased()
        func strip(_ path: FieldPath) -> FieldPath {
            guard path.parts.count > 1, path.parts[0].lowercased() == lowered else { return path }
            return FieldPath(parts: Array(path.parts.dropFirst()), offset: path.offset)
        }
        select = select.map { item in
            switch item {
            case .field(let path): .field(strip(path))
            case .aggregate(let function, let path, let alias): .aggregate(function, path.map(strip), alias: alias)
            case .countAll, .fields, .children: item
            }
        }
        groupBy = groupBy.map(strip)
        orderBy = orderBy.map {
            OrderTerm(path: strip($0.path), isDescending: $0.isDescending, nullsFirst: $0.nullsFirst)
        }
        filter = filter?.mapPaths(strip)
    }
}

extension SOQLQuery.Condition {
    fileprivate func mapPaths(_ change: (SOQLQuery.FieldPath) -> SOQLQuery.FieldPath) -> SOQLQuery.Condition {
        switch self {
        case .and(let left, let right): .and(left.mapPaths(change), right.mapPaths(change))
        case .or(let left, let right): .or(left.mapPaths(change), right.mapPaths(change))
        case .not(let inner): .not(inner.mapPaths(change))
        case .comparison(let path, let comparison, let literal): .comparison(change(path), comparison, literal)
        case .membership(let path, let values, let isNegated):
            .membership(change(path), values, isNegated: isNegated)
        case .subquery(let path, let query, let isNegated): .subquery(change(path), query, isNegated: isNegated)
        }
    }
}
