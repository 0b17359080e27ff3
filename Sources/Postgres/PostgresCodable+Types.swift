public import Foundation

// Each type says what is sent and what is read. Text and numbers leave the parameter's type to the server, so that a
// String can stand for an enum's label and an Int for any width; what only means one type says so.

extension String: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .inferred }
    public var postgresValue: PostgresValue { .text(Array(self.utf8)) }

    private static let readable: Set<PostgresType> = [.text, .varchar, .bpchar, .name, .char, .unknown, .json]

    /// Reads text, varchar, char, name, json, and the labels of enum types.
    public static func decode(_ cell: PostgresCell) throws -> String {
        // The binary form of an enum (and of citext) is its text; their numbers are the database's own.
        guard !cell.isNull, Self.readable.contains(cell.type) || cell.type.oid >= PostgresType.firstOwn else {
            throw cell.mismatch(expected: "text")
        }
        guard let string = cell.string, !string.utf8.contains(0) else { throw cell.unrepresentable(as: "text") }
        return string
    }
}

extension Int: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .inferred }
    public var postgresValue: PostgresValue { .text(Array(String(self).utf8)) }

    /// Reads int2, int4, int8 and oid.
    public static func decode(_ cell: PostgresCell) throws -> Int { Int(try Int64.decode(cell)) }
}

extension Int64: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .inferred }
    public var postgresValue: PostgresValue { .text(Array(String(self).utf8)) }

    /// Reads int2, int4, int8 and oid.
    public static func decode(_ cell: PostgresCell) throws -> Int64 {
        let value: Int64? =
            switch cell.type {
            case .int8: cell.integer(as: Int64.self)
            case .int4: cell.integer(as: Int32.self).map(Int64.init)
            case .int2: cell.integer(as: Int16.self).map(Int64.init)
            case .oid: cell.integer(as: UInt32.self).map(Int64.init)
            default: nil
            }
        guard let value else { throw cell.mismatch(expected: "an integer") }
        return value
    }
}

extension Int32: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .inferred }
    public var postgresValue: PostgresValue { .text(Array(String(self).utf8)) }

    /// Reads int2 and int4.
    public static func decode(_ cell: PostgresCell) throws -> Int32 {
        let value: Int32? =
            switch cell.type {
            case .int4: cell.integer(as: Int32.self)
            case .int2: cell.integer(as: Int16.self).map(Int32.init)
            default: nil
            }
        guard let value else { throw cell.mismatch(expected: "a 32-bit integer") }
        return value
    }
}

extension Bool: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .bool }
    public var postgresValue: PostgresValue { .binary([self ? 1 : 0]) }

    /// Reads bool.
    public static func decode(_ cell: PostgresCell) throws -> Bool {
        guard cell.type == .bool, let byte = cell.integer(as: UInt8.self) else {
            throw cell.mismatch(expected: "bool")
        }
        return byte != 0
    }
}

extension Double: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .inferred }
    public var postgresValue: PostgresValue { .text(Array(String(self).utf8)) }

    /// Reads float4 and float8.
    public static func decode(_ cell: PostgresCell) throws -> Double {
        let value: Double? =
            switch cell.type {
            case .float8: cell.integer(as: UInt64.self).map { Double(bitPattern: $0) }
            case .float4: cell.integer(as: UInt32.self).map { Double(Float(bitPattern: $0)) }
            default: nil
            }
        guard let value else { throw cell.mismatch(expected: "a floating-point number") }
        return value
    }
}

extension UUID: PostgresEncodable, PostgresDecodable {
    public static var postgresType: PostgresType { .uuid }
    public var postgresValue: PostgresValue { .binary(self.postgresBytes) }

    /// The sixteen bytes.
    var postgresBytes: [UInt8] {
        let id = self.uuid
        return [
            id.0, id.1, id.2, id.3, id.4, id.5, id.6, id.7, id.8, id.9, id.10, id.11, id.12, id.13, id.14, id.15,
        ]
    }

    /// Reads uuid.
    public static func decode(_ cell: PostgresCell) throws -> UUID {
        let id = cell.bytes
        guard cell.type == .uuid, id.count == 16 else { throw cell.mismatch(expected: "uuid") }
        return UUID(
            uuid: (
                id[0], id[1], id[2], id[3], id[4], id[5], id[6], id[7], id[8], id[9], id[10], id[11], id[12], id[13],
                id[14], id[15]
            ))
    }
}

extension Date: PostgresEncodable, PostgresDecodable {
    /// PostgreSQL counts from 2000-01-01, `Date` from 2001-01-01, 366 days later.
    private static let secondsBetweenEpochs: Double = 366 * 86_400
    private static let microsecondsASecond: Double = 1_000_000

    public static var postgresType: PostgresType { .timestamptz }

    /// A timestamptz, rounded to the microsecond.
    public var postgresValue: PostgresValue {
        let seconds = self.timeIntervalSinceReferenceDate + Self.secondsBetweenEpochs
        guard let microseconds = Int64(exactly: (seconds * Self.microsecondsASecond).rounded()) else {
            return .unencodable("is no time that PostgreSQL can hold")
        }
        return .binary(microseconds.postgresBytes)
    }

    /// Reads timestamptz. `infinity` is no `Date` and throws.
    public static func decode(_ cell: PostgresCell) throws -> Date {
        guard cell.type == .timestamptz, let microseconds = cell.integer(as: Int64.self) else {
            throw cell.mismatch(expected: "timestamptz")
        }
        guard microseconds != .max, microseconds != .min else { throw cell.unrepresentable(as: "time") }
        return Date(
            timeIntervalSinceReferenceDate: Double(microseconds) / Self.microsecondsASecond - Self.secondsBetweenEpochs)
    }
}

extension FixedWidthInteger {
    /// Network byte order.
    var postgresBytes: [UInt8] {
        (0..<Self.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: self >> ($0 * 8)) }
    }
}

/// A value that travels as jsonb.
///
/// Written and read with `JSONEncoder` and `JSONDecoder` as they come.
public struct PostgresJSON<Value: Sendable>: Sendable {
    /// What is in it.
    public var value: Value

    /// Wraps a value, so that it travels as jsonb.
    public init(_ value: Value) {
        self.value = value
    }
}

extension PostgresJSON: PostgresEncodable where Value: Encodable {
    public static var postgresType: PostgresType { .jsonb }

    public var postgresValue: PostgresValue {
        guard let json = try? JSONEncoder().encode(self.value) else { return .unencodable("has no JSON form") }
        return .text(Array(json))
    }
}

extension PostgresJSON: PostgresDecodable where Value: Decodable {
    /// Reads jsonb and json.
    public static func decode(_ cell: PostgresCell) throws -> PostgresJSON<Value> {
        let bytes = cell.bytes
        let json: ArraySlice<UInt8>
        switch cell.type {
        case .jsonb where bytes.first == 1:  // The version of jsonb's binary form.
            json = bytes.dropFirst()
        case .json where !cell.isNull:
            json = bytes[...]
        default:
            throw cell.mismatch(expected: "jsonb")
        }
        do {
            return PostgresJSON(try JSONDecoder().decode(Value.self, from: Data(json)))
        } catch {
            // The decoder's own error quotes what it read.
            throw cell.unrepresentable(as: "\(Value.self)")
        }
    }
}

extension PostgresJSON: Equatable where Value: Equatable {}
extension PostgresJSON: Hashable where Value: Hashable {}
