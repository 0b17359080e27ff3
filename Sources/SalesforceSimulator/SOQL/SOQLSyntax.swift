/// A parsed SOQL query.
struct SOQLQuery: Sendable {
    var select: [SelectItem]
    var object: Located<String>
    var filter: Condition?
    var groupBy: [FieldPath] = []
    var orderBy: [OrderTerm] = []
    var limit: Int?
    var offset: Int?

    enum SelectItem: Sendable {
        case field(FieldPath)
        /// `COUNT()`, which stands alone.
        case countAll
        case aggregate(Aggregate, FieldPath?, alias: String?)
        /// `FIELDS(ALL | STANDARD | CUSTOM)`.
        case fields(FieldGroup)
        /// A query of the records that look up to this one.
        case children(SOQLQuery)
    }

    enum Aggregate: String, Sendable, CaseIterable {
        case count = "COUNT"
        case countDistinct = "COUNT_DISTINCT"
        case sum = "SUM"
        case average = "AVG"
        case minimum = "MIN"
        case maximum = "MAX"
    }

    enum FieldGroup: String, Sendable, CaseIterable {
        case all = "ALL"
        case standard = "STANDARD"
        case custom = "CUSTOM"
    }

    /// `Name`, `Account.Name`, `Account.Owner.Name`.
    struct FieldPath: Sendable {
        var parts: [String]
        var offset: Int
    }

    struct OrderTerm: Sendable {
        var path: FieldPath
        var isDescending: Bool
        /// Where nulls go; first for ascending and last for descending unless said.
        var nullsFirst: Bool
    }

    indirect enum Condition: Sendable {
        case and(Condition, Condition)
        case or(Condition, Condition)
        case not(Condition)
        case comparison(FieldPath, Operator, Literal)
        case membership(FieldPath, [Literal], isNegated: Bool)
        case subquery(FieldPath, SOQLQuery, isNegated: Bool)
    }

    enum Operator: String, Sendable, CaseIterable {
        case equal = "="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        case like = "LIKE"
    }

    enum Literal: Sendable {
        case null
        case string(String)
        case number(Double)
        case boolean(Bool)
        case date(CivilDate)
        /// In the form of `dateTimeText`.
        case dateTime(String)
        case dateRange(DateLiteral)
    }
}

/// A piece of a query with the place where it stands.
struct Located<Value: Sendable>: Sendable {
    var value: Value
    var offset: Int
}

/// Why a query is refused, in the shape of the REST API's errors.
struct SOQLError: Error, Sendable, Hashable {
    enum Code: String, Sendable {
        case malformedQuery = "MALFORMED_QUERY"
        case invalidField = "INVALID_FIELD"
        case invalidType = "INVALID_TYPE"
        case invalidFilter = "INVALID_QUERY_FILTER_OPERATOR"
        case outsideRange = "NUMBER_OUTSIDE_VALID_RANGE"
    }

    var code: Code
    var message: String

    init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// An error that points at its place in the query, as Salesforce draws it.
    init(_ code: Code, _ message: String, at offset: Int, in query: String) {
        let lines = query.utf8.prefix(offset).split(separator: 0x0A, omittingEmptySubsequences: false)
        let row = max(1, lines.count)
        let column = (lines.last?.count ?? 0) + 1
        let start = max(0, offset - 40)
        let excerpt = String(decoding: query.utf8.dropFirst(start).prefix(80), as: UTF8.self)
            .replacing("\n", with: " ")
        let marker = String(repeating: " ", count: offset - start) + "^"
        self.init(code, "\n\(excerpt)\n\(marker)\nERROR at Row:\(row):Column:\(column)\n\(message)")
    }
}

/// Characters that stand for `\_` and `\%` in a string, so that LIKE can tell them from its wildcards.
enum EscapedWildcard {
    static let underscore: Character = "\u{E000}"
    static let percent: Character = "\u{E001}"

    /// The text as every other comparison reads it.
    static func plain(_ text: String) -> String {
        String(text.map { $0 == underscore ? "_" : $0 == percent ? "%" : $0 })
    }
}
