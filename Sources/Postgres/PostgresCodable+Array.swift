public import Foundation

/// What can be an element of an array. `UInt8` makes it bytea; anything else a one-dimensional array without nulls.
public protocol PostgresArrayElement: Sendable {
    static var postgresArrayType: PostgresType { get }
    static func encodeArray(_ array: [Self]) -> PostgresValue
    static func decodeArray(_ cell: PostgresCell) throws -> [Self]
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
    public static var postgresType: PostgresType { Element.postgresArrayType }
    public var postgresValue: PostgresValue { Element.encodeArray(self) }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
    public static func decode(_ cell: PostgresCell) throws -> [Element] { try Element.decodeArray(cell) }
}

extension UInt8: PostgresArrayElement {
    public static var postgresArrayType: PostgresType { .bytea }
    public static func encodeArray(_ array: [UInt8]) -> PostgresValue { .binary(array) }

    public static func decodeArray(_ cell: PostgresCell) throws -> [UInt8] {
        guard cell.type == .bytea, !cell.isNull else { throw cell.mismatch(expected: "bytea") }
        return cell.bytes
    }
}

extension Array: PostgresArrayElement where Element == UInt8 {
    public static var postgresArrayType: PostgresType { .byteaArray }

    public static func encodeArray(_ array: [[UInt8]]) -> PostgresValue {
        PostgresArrayForm.encode(array, element: .bytea)
    }

    public static func decodeArray(_ cell: PostgresCell) throws -> [[UInt8]] {
        try PostgresArrayForm.decode(cell, expected: "bytea[]")
    }
}

extension String: PostgresArrayElement {
    public static var postgresArrayType: PostgresType { .textArray }

    public static func encodeArray(_ array: [String]) -> PostgresValue {
        guard !array.contains(where: { $0.utf8.contains(0) }) else { return .unencodable("contains a NUL") }
        return PostgresArrayForm.encode(array.map { Array($0.utf8) }, element: .text)
    }

    /// Reads text[] and arrays of enum labels.
    public static func decodeArray(_ cell: PostgresCell) throws -> [String] {
        try PostgresArrayForm.decode(cell, expected: "text[]")
    }
}

extension Int: PostgresArrayElement {
    public static var postgresArrayType: PostgresType { .int8Array }

    public static func encodeArray(_ array: [Int]) -> PostgresValue {
        PostgresArrayForm.encode(array.map { Int64($0).postgresBytes }, element: .int8)
    }

    public static func decodeArray(_ cell: PostgresCell) throws -> [Int] {
        try PostgresArrayForm.decode(cell, expected: "int8[]")
    }
}

extension Int64: PostgresArrayElement {
    public static var postgresArrayType: PostgresType { .int8Array }

    public static func encodeArray(_ array: [Int64]) -> PostgresValue {
        PostgresArrayForm.encode(array.map(\.postgresBytes), element: .int8)
    }

    public static func decodeArray(_ cell: PostgresCell) throws -> [Int64] {
        try PostgresArrayForm.decode(cell, expected: "int8[]")
    }
}

extension UUID: PostgresArrayElement {
    public static var postgresArrayType: PostgresType { .uuidArray }

    public static func encodeArray(_ array: [UUID]) -> PostgresValue {
        PostgresArrayForm.encode(array.map(\.postgresBytes), element: .uuid)
    }

    public static func decodeArray(_ cell: PostgresCell) throws -> [UUID] {
        try PostgresArrayForm.decode(cell, expected: "uuid[]")
    }
}

extension Date: PostgresArrayElement {
    public static var postgresArrayType: PostgresType { .timestamptzArray }

    public static func encodeArray(_ array: [Date]) -> PostgresValue {
        var elements: [[UInt8]] = []
        for date in array {
            guard case .binary(let bytes) = date.postgresValue else { return date.postgresValue }
            elements.append(bytes)
        }
        return PostgresArrayForm.encode(elements, element: .timestamptz)
    }

    public static func decodeArray(_ cell: PostgresCell) throws -> [Date] {
        try PostgresArrayForm.decode(cell, expected: "timestamptz[]")
    }
}

/// The binary form of arrays (`array_send` and `array_recv` in PostgreSQL's `arrayfuncs.c`): dimensions, a flag for
/// nulls, the elements' type, each dimension's length and lower bound, then each element's length and bytes.
enum PostgresArrayForm {
    /// More is no list of values any more.
    static let elementsMax = 1_000_000

    static func encode(_ elements: [[UInt8]], element type: PostgresType) -> PostgresValue {
        guard elements.count <= Self.elementsMax else { return .unencodable("has too many elements") }
        let dimensions: Int32 = elements.isEmpty ? 0 : 1
        var bytes = dimensions.postgresBytes + Int32(0).postgresBytes + type.oid.postgresBytes
        guard !elements.isEmpty else { return .binary(bytes) }
        bytes += Int32(elements.count).postgresBytes + Int32(1).postgresBytes
        for element in elements {
            bytes += Int32(element.count).postgresBytes
            bytes += element
        }
        return .binary(bytes)
    }

    static func decode<Element: PostgresDecodable>(_ cell: PostgresCell, expected: String) throws -> [Element] {
        guard !cell.isNull else { throw cell.mismatch(expected: expected) }
        var reader = Reader(bytes: cell.bytes)
        guard let dimensions = reader.integer(), dimensions == 0 || dimensions == 1, reader.integer() != nil,
            let oid = reader.integer()
        else { throw cell.mismatch(expected: expected) }
        guard dimensions == 1 else { return [] }
        guard let count = reader.integer(), (0...Int32(Self.elementsMax)).contains(count), reader.integer() != nil
        else { throw cell.mismatch(expected: expected) }
        let type = PostgresType(oid: UInt32(bitPattern: oid))
        return try (0..<count).map { _ in
            guard let length = reader.integer() else { throw cell.mismatch(expected: expected) }
            guard length >= 0 else {
                return try Element.decode(PostgresCell(type: type, bytes: nil, columnName: cell.columnName))
            }
            guard let bytes = reader.bytes(Int(length)) else { throw cell.mismatch(expected: expected) }
            return try Element.decode(PostgresCell(type: type, bytes: bytes, columnName: cell.columnName))
        }
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
            guard count >= 0, self.bytes.count - self.position >= count else { return nil }
            defer { self.position += count }
            return self.bytes[self.position..<self.position + count]
        }

        mutating func integer() -> Int32? {
            self.bytes(4).map { $0.reduce(Int32.zero) { ($0 << 8) | Int32($1) } }
        }
    }
}
