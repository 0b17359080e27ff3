/// A statement whose values travel beside its text.
///
/// Written as a literal, `"select * from users where id = \(id)"`: each interpolated value becomes a bound parameter
/// (`$1`, `$2` …), so that no value can become SQL. Text that is made at run time can't become a `SQL` but through
/// ``init(unsafeSQL:)``. What it prints is its text; never a value.
public struct SQL: ExpressibleByStringInterpolation, Sendable {
    enum Segment: Sendable {
        case text(String)
        case parameter(PostgresParameter)
    }

    var segments: [Segment]

    /// A statement without values. Only a literal is a `StaticString`.
    public init(stringLiteral value: StaticString) {
        self.segments = [.text(value.description)]
    }

    /// A statement with values.
    public init(stringInterpolation: StringInterpolation) {
        self.segments = stringInterpolation.segments
    }

    /// A statement from text that the compiler can't vouch for. Every use is a place to look at in a review: nothing
    /// that came from outside may be part of it.
    public init(unsafeSQL text: String) {
        self.segments = [.text(text)]
    }

    /// The pieces of a ``SQL`` literal.
    public struct StringInterpolation: StringInterpolationProtocol {
        var segments: [Segment]

        public init(literalCapacity: Int, interpolationCount: Int) {
            self.segments = []
            self.segments.reserveCapacity(2 * interpolationCount + 1)
        }

        public mutating func appendLiteral(_ literal: StaticString) {
            guard literal.utf8CodeUnitCount > 0 else { return }
            self.segments.append(.text(literal.description))
        }

        /// A bound value.
        public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value) {
            self.segments.append(
                .parameter(PostgresParameter(type: Value.postgresType, value: value.postgresValue)))
        }

        /// A bound value, or null.
        public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
            self.segments.append(
                .parameter(PostgresParameter(type: Value.postgresType, value: value?.postgresValue ?? .null)))
        }

        /// A quoted name of a table, column, role …
        public mutating func appendInterpolation(identifier: String) {
            self.segments.append(.text(SQL.quoted(identifier: identifier)))
        }

        /// A part made elsewhere, with its own values.
        public mutating func appendInterpolation(fragment: SQL) {
            self.segments.append(contentsOf: fragment.segments)
        }
    }

    /// A name in double quotes, with the quotes inside it doubled (PostgreSQL, section 4.1.1).
    static func quoted(identifier: String) -> String {
        "\"" + identifier.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    /// The text with `$1` … in place of the values.
    var text: String {
        var text = ""
        var count = 0
        for segment in self.segments {
            switch segment {
            case .text(let part):
                text += part
            case .parameter:
                count += 1
                text += "$\(count)"
            }
        }
        return text
    }

    /// What is sent.
    ///
    /// - Throws: ``PostgresError`` with ``PostgresError/Code/encoding`` where a value can't be sent, there are too many
    ///   of them, or the text holds a NUL.
    func statement() throws(PostgresError) -> Statement {
        let text = self.text
        // libpq takes C strings: it would cut the text at a NUL, and run what stands before it.
        guard !text.utf8.contains(0) else {
            throw PostgresError(code: .encoding, text: "the statement's text contains a NUL")
        }
        var parameters: [PostgresParameter] = []
        for segment in self.segments {
            guard case .parameter(let parameter) = segment else { continue }
            try parameter.validate(position: parameters.count + 1)
            parameters.append(parameter)
        }
        guard parameters.count <= Statement.parametersMax else {
            throw PostgresError(code: .encoding, text: "a statement has at most \(Statement.parametersMax) parameters")
        }
        return Statement(text: text, parameters: parameters)
    }
}

extension SQL: CustomStringConvertible, CustomReflectable {
    /// The text, with `$1` … in place of the values.
    public var description: String { self.text }
    public var customMirror: Mirror { Mirror(self, children: ["text": self.text]) }
}

extension Sequence where Element == SQL {
    /// One statement of several parts, for lists of columns, conditions or rows.
    public func joined(separator: SQL = "") -> SQL {
        var joined = SQL(unsafeSQL: "")
        var isFirst = true
        for part in self {
            if !isFirst { joined.segments.append(contentsOf: separator.segments) }
            joined.segments.append(contentsOf: part.segments)
            isFirst = false
        }
        return joined
    }
}

/// A statement as it is sent: text with `$n`, and values that are known to be sendable.
struct Statement: Sendable {
    /// The protocol counts parameters in 16 bits.
    static let parametersMax = 65_535

    let text: String
    let parameters: [PostgresParameter]

    init(text: String, parameters: [PostgresParameter] = []) {
        self.text = text
        self.parameters = parameters
    }

    var cacheKey: StatementCache.Key {
        StatementCache.Key(text: self.text, types: self.parameters.map(\.type.oid))
    }
}

/// A configuration setting that holds for one query or one transaction, and not after it.
///
/// It travels with the query as `set_config(name, value, true)` in the same implicit transaction: no extra round trip.
/// Afterwards `current_setting(name, true)` on that connection is the empty string for a name with a dot, as it is for
/// PostgreSQL after any `SET LOCAL` (so policies need `nullif(…, '')`).
public struct SessionSetting: Sendable {
    let name: String
    let value: String

    /// A setting by its name, such as `app.customer`.
    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }

    /// One statement that makes all of the settings; `nil` where there are none.
    ///
    /// - Parameter timeLimit: The `statement_timeout` where the settings don't have their own. It stands in the text,
    ///   so that a request without other values has none.
    static func statement(_ settings: [SessionSetting], timeLimit: Duration?) throws(PostgresError) -> Statement? {
        var calls = settings.map { "set_config(\($0.name), \($0.value), true)" as SQL }
        if let timeLimit, !settings.contains(where: { $0.name == "statement_timeout" }) {
            calls.append(SQL(unsafeSQL: "set_config('statement_timeout', '\(timeLimit.wholeMilliseconds)', true)"))
        }
        guard !calls.isEmpty else { return nil }
        return try ("select \(fragment: calls.joined(separator: ", "))" as SQL).statement()
    }
}

extension SessionSetting: CustomStringConvertible, CustomReflectable {
    /// The name alone: the value may be a key's hash.
    public var description: String { self.name }
    public var customMirror: Mirror { Mirror(self, children: ["name": self.name]) }
}
