/// The type of a column or a parameter, as PostgreSQL numbers it.
public struct PostgresType: Sendable, Hashable {
    let oid: UInt32

    /// A type by its number in `pg_type`.
    public init(oid: UInt32) {
        self.oid = oid
    }

    /// Left to the server, which infers it from where the parameter stands.
    public static let inferred = PostgresType(oid: 0)
    public static let bool = PostgresType(oid: 16)
    public static let bytea = PostgresType(oid: 17)
    public static let char = PostgresType(oid: 18)
    public static let name = PostgresType(oid: 19)
    public static let int8 = PostgresType(oid: 20)
    public static let int2 = PostgresType(oid: 21)
    public static let int4 = PostgresType(oid: 23)
    public static let text = PostgresType(oid: 25)
    public static let oid = PostgresType(oid: 26)
    public static let json = PostgresType(oid: 114)
    public static let float4 = PostgresType(oid: 700)
    public static let float8 = PostgresType(oid: 701)
    public static let unknown = PostgresType(oid: 705)
    public static let byteaArray = PostgresType(oid: 1001)
    public static let int4Array = PostgresType(oid: 1007)
    public static let textArray = PostgresType(oid: 1009)
    public static let int8Array = PostgresType(oid: 1016)
    public static let bpchar = PostgresType(oid: 1042)
    public static let varchar = PostgresType(oid: 1043)
    public static let timestamptz = PostgresType(oid: 1184)
    public static let uuid = PostgresType(oid: 2950)
    public static let uuidArray = PostgresType(oid: 2951)
    public static let timestamptzArray = PostgresType(oid: 1185)
    public static let jsonb = PostgresType(oid: 3802)

    /// Types of the database's own, not of PostgreSQL, have numbers from here (`FirstNormalObjectId`).
    static let firstOwn: UInt32 = 16_384

    private static let names: [PostgresType: String] = [
        .bool: "bool", .bytea: "bytea", .char: "\"char\"", .name: "name", .int8: "int8", .int2: "int2", .int4: "int4",
        .text: "text", .oid: "oid", .json: "json", .float4: "float4", .float8: "float8", .unknown: "unknown",
        .byteaArray: "bytea[]", .int4Array: "int4[]", .textArray: "text[]", .int8Array: "int8[]",
        .bpchar: "bpchar", .varchar: "varchar",
        .timestamptz: "timestamptz", .timestamptzArray: "timestamptz[]", .uuid: "uuid", .uuidArray: "uuid[]",
        .jsonb: "jsonb",
    ]
}

extension PostgresType: CustomStringConvertible {
    public var description: String { Self.names[self] ?? "type \(self.oid)" }
}

/// A value as it is sent.
public enum PostgresValue: Sendable {
    case null
    /// The text form that the type's input function reads. Holds no NUL: that is refused when it is sent.
    case text([UInt8])
    /// The binary form that the type's receive function reads.
    case binary([UInt8])
    /// It can't be sent; the reason (which must not quote the value).
    case unencodable(String)
}

extension PostgresValue: CustomStringConvertible, CustomReflectable {
    /// Never the value.
    public var description: String { "<value>" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// A value that can be bound to a statement.
///
/// Own types conform by delegating to one of the types here; a `RawRepresentable` one needs no more than to say so.
public protocol PostgresEncodable: Sendable {
    /// The parameter's type. ``PostgresType/inferred`` unless the value only ever means one type.
    static var postgresType: PostgresType { get }
    /// The value as it is sent.
    var postgresValue: PostgresValue { get }
}

extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
    public static var postgresType: PostgresType { RawValue.postgresType }
    public var postgresValue: PostgresValue { self.rawValue.postgresValue }
}

/// A value with its type.
struct PostgresParameter: Sendable {
    let type: PostgresType
    let value: PostgresValue

    func validate(position: Int) throws(PostgresError) {
        switch self.value {
        case .null, .binary:
            break
        case .text(let bytes):
            // libpq takes text as C strings and would cut it; PostgreSQL's text can't hold a NUL either.
            guard !bytes.contains(0) else {
                throw PostgresError(code: .encoding, text: "parameter $\(position) contains a NUL")
            }
        case .unencodable(let reason):
            throw PostgresError(code: .encoding, text: "parameter $\(position) \(reason)")
        }
        if self.byteCount > Self.bytesMax {
            throw PostgresError(code: .encoding, text: "parameter $\(position) is larger than PostgreSQL takes")
        }
    }

    /// PostgreSQL refuses values of 1 GB.
    static let bytesMax = 1_073_741_823

    var byteCount: Int {
        switch self.value {
        case .null, .unencodable: 0
        case .text(let bytes), .binary(let bytes): bytes.count
        }
    }
}
