/// The rows that a statement gave.
public struct PostgresRows: Sequence, Sendable {
    private let result: PostgresResult

    init(_ result: PostgresResult) {
        self.result = result
    }

    /// How many rows there are.
    public var count: Int { self.result.rowCount }

    /// Whether there are none.
    public var isEmpty: Bool { self.count == 0 }

    /// How many rows the statement inserted, updated, deleted or selected.
    public var affectedRows: Int { self.result.affectedRows }

    /// The command's tag, such as `COMMIT`.
    var commandTag: String { self.result.commandTag }

    /// The first row.
    public var first: PostgresRow? { self.isEmpty ? nil : self[0] }

    /// A row by its position, which must be within ``count``.
    public subscript(_ position: Int) -> PostgresRow {
        precondition((0..<self.count).contains(position), "there is no such row")
        return PostgresRow(result: self.result, row: Int32(position))
    }

    public var underestimatedCount: Int { self.count }

    public func makeIterator() -> Iterator { Iterator(rows: self) }

    /// Goes through the rows.
    public struct Iterator: IteratorProtocol, Sendable {
        private let rows: PostgresRows
        private var position = 0

        init(rows: PostgresRows) {
            self.rows = rows
        }

        public mutating func next() -> PostgresRow? {
            guard self.position < self.rows.count else { return nil }
            defer { self.position += 1 }
            return self.rows[self.position]
        }
    }
}

/// One row. What it prints holds no value.
public struct PostgresRow: Sendable {
    private let result: PostgresResult
    private let row: Int32

    init(result: PostgresResult, row: Int32) {
        self.result = result
        self.row = row
    }

    /// Reads a column by its name.
    ///
    /// - Throws: ``PostgresError`` with ``PostgresError/Code/decoding``, naming the column and the types.
    public func decode<Value: PostgresDecodable>(_ column: String, as type: Value.Type = Value.self) throws -> Value {
        guard let index = self.result.column(named: column) else {
            throw PostgresError(code: .decoding, text: "there is no column \"\(column)\"", column: column)
        }
        return try Value.decode(PostgresCell(result: self.result, row: self.row, column: index))
    }

    /// Reads a column by its position, from zero.
    ///
    /// - Throws: ``PostgresError`` with ``PostgresError/Code/decoding``, naming the column and the types.
    public func decode<Value: PostgresDecodable>(at column: Int, as type: Value.Type = Value.self) throws -> Value {
        guard (0..<self.result.columnCount).contains(column) else {
            throw PostgresError(code: .decoding, text: "there is no column \(column)")
        }
        return try Value.decode(PostgresCell(result: self.result, row: self.row, column: Int32(column)))
    }
}

extension PostgresRow: CustomStringConvertible, CustomReflectable {
    public var description: String { "PostgresRow" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

extension PostgresRows: CustomStringConvertible, CustomReflectable {
    public var description: String { "PostgresRows(count: \(self.count))" }
    public var customMirror: Mirror { Mirror(self, children: ["count": self.count]) }
}
