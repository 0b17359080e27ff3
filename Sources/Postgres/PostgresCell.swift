/// One value of a result, in PostgreSQL's binary form.
///
/// Custom ``PostgresDecodable`` types read it through one of the types that the module decodes; it is valid as long as
/// anything holds it.
public struct PostgresCell: Sendable {
    enum Storage: Sendable {
        case result(PostgresResult, row: Int32, column: Int32)
        case bytes(ArraySlice<UInt8>)
        case null
    }

    /// The value's type.
    public let type: PostgresType
    let storage: Storage
    let columnName: String?

    init(result: PostgresResult, row: Int32, column: Int32) {
        self.type = result.type(column: column)
        self.storage = result.isNull(row: row, column: column) ? .null : .result(result, row: row, column: column)
        self.columnName = result.name(column: column)
    }

    init(type: PostgresType, bytes: ArraySlice<UInt8>?, columnName: String?) {
        self.type = type
        self.storage = bytes.map { .bytes($0) } ?? .null
        self.columnName = columnName
    }

    /// Whether the value is SQL's null.
    public var isNull: Bool {
        switch self.storage {
        case .null: true
        case .result, .bytes: false
        }
    }

    /// The raw bytes; empty for null.
    var bytes: [UInt8] {
        switch self.storage {
        case .null: []
        case .result(let result, let row, let column): result.bytes(row: row, column: column)
        case .bytes(let slice): Array(slice)
        }
    }

    /// The value as UTF-8; `nil` where it is null or isn't UTF-8.
    var string: String? {
        switch self.storage {
        case .null: nil
        case .result(let result, let row, let column): result.string(row: row, column: column)
        case .bytes(let slice): String(validating: slice, as: UTF8.self)
        }
    }

    /// The value as an integer in network byte order; `nil` where its length isn't that of `Value`.
    func integer<Value: FixedWidthInteger>(as type: Value.Type = Value.self) -> Value? {
        switch self.storage {
        case .null:
            return nil
        case .result(let result, let row, let column):
            return result.integer(row: row, column: column, as: type)
        case .bytes(let slice):
            guard slice.count == MemoryLayout<Value>.size else { return nil }
            return slice.reduce(Value.zero) { ($0 << 8) | Value(truncatingIfNeeded: $1) }
        }
    }

    /// The error for a value that isn't what was asked for. It names the column and both types, never the value.
    public func mismatch(expected: String) -> PostgresError {
        let name = self.columnName.map { "column \"\($0)\"" } ?? "a value"
        let found = self.isNull ? "null" : self.type.description
        return PostgresError(
            code: .decoding, text: "\(name) is \(found), not \(expected)", column: self.columnName)
    }

    /// The error for a value of the right type whose content can't be represented.
    func unrepresentable(as expected: String) -> PostgresError {
        let name = self.columnName.map { "column \"\($0)\"" } ?? "a value"
        return PostgresError(
            code: .decoding, text: "\(name) holds a \(self.type) that is no \(expected)", column: self.columnName)
    }
}

/// A value that can be read from a result.
public protocol PostgresDecodable: Sendable {
    /// Reads the value.
    ///
    /// - Throws: ``PostgresError`` with ``PostgresError/Code/decoding``, as ``PostgresCell/mismatch(expected:)`` makes
    /// it.
    static func decode(_ cell: PostgresCell) throws -> Self
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
    public static func decode(_ cell: PostgresCell) throws -> Self {
        guard let value = Self(rawValue: try RawValue.decode(cell)) else {
            throw cell.unrepresentable(as: "\(Self.self)")
        }
        return value
    }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
    public static func decode(_ cell: PostgresCell) throws -> Wrapped? {
        cell.isNull ? nil : try Wrapped.decode(cell)
    }
}

extension Optional: PostgresEncodable where Wrapped: PostgresEncodable {
    public static var postgresType: PostgresType { Wrapped.postgresType }
    public var postgresValue: PostgresValue { self?.postgresValue ?? .null }
}
