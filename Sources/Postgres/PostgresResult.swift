import CLibPQ

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A result of libpq's, owned. One of the two files that touch libpq's memory.
///
/// SAFETY: `PGresult` is read-only after libpq has handed it over, and may then be read from any thread ("Behavior in
/// Threaded Programs", section 34.20); nothing here changes it, and it is cleared once, when the last reader is gone.
/// Every pointer taken from it is read inside this file while `self` is alive, within the length that libpq states.
final class PostgresResult: @unchecked Sendable {
    private let result: OpaquePointer
    let rowCount: Int
    let columnCount: Int

    /// Takes over a result.
    init(owning result: OpaquePointer) {
        self.result = result
        self.rowCount = Int(PQntuples(result))
        self.columnCount = Int(PQnfields(result))
    }

    deinit {
        PQclear(self.result)
    }

    /// What kind of answer it is.
    enum Status {
        case rows
        case done
        case pipelineSync
        case pipelineAborted
        case failed
        /// COPY and whatever else this client does not speak.
        case unsupported
    }

    var status: Status {
        switch PQresultStatus(self.result) {
        case PGRES_TUPLES_OK: .rows
        case PGRES_COMMAND_OK, PGRES_EMPTY_QUERY: .done
        case PGRES_PIPELINE_SYNC: .pipelineSync
        case PGRES_PIPELINE_ABORTED: .pipelineAborted
        case PGRES_FATAL_ERROR, PGRES_BAD_RESPONSE: .failed
        default: .unsupported
        }
    }

    /// Rows inserted, changed, deleted or selected; zero for other commands.
    var affectedRows: Int {
        PQcmdTuples(self.result).flatMap { Int(String(cString: $0)) } ?? 0
    }

    /// The command's tag, such as `COMMIT`.
    var commandTag: String {
        PQcmdStatus(self.result).map { String(cString: $0) } ?? ""
    }

    // MARK: Columns

    /// The first column of that name.
    func column(named name: String) -> Int32? {
        (0..<Int32(self.columnCount)).first { index in
            PQfname(self.result, index).map { field in name.withCString { strcmp($0, field) == 0 } } ?? false
        }
    }

    func name(column: Int32) -> String? {
        PQfname(self.result, column).map { String(cString: $0) }
    }

    func type(column: Int32) -> PostgresType {
        PostgresType(oid: PQftype(self.result, column))
    }

    // MARK: Values

    func isNull(row: Int32, column: Int32) -> Bool {
        PQgetisnull(self.result, row, column) == 1
    }

    func bytes(row: Int32, column: Int32) -> [UInt8] {
        Array(self.buffer(row, column))
    }

    func string(row: Int32, column: Int32) -> String? {
        String(validating: self.buffer(row, column), as: UTF8.self)
    }

    func integer<Value: FixedWidthInteger>(row: Int32, column: Int32, as type: Value.Type) -> Value? {
        let buffer = self.buffer(row, column)
        guard buffer.count == MemoryLayout<Value>.size else { return nil }
        return Value(bigEndian: UnsafeRawBufferPointer(buffer).loadUnaligned(as: Value.self))
    }

    /// Valid while `self` is; it must not leave this file. Rows and columns out of range have no value for libpq.
    private func buffer(_ row: Int32, _ column: Int32) -> UnsafeBufferPointer<UInt8> {
        guard let start = PQgetvalue(self.result, row, column) else { return UnsafeBufferPointer(start: nil, count: 0) }
        let count = Int(PQgetlength(self.result, row, column))
        // `char` and `UInt8` have the same size and alignment.
        return UnsafeBufferPointer(start: UnsafeRawPointer(start).assumingMemoryBound(to: UInt8.self), count: count)
    }

    // MARK: Errors and notices

    private func field(_ field: ErrorField) -> String? {
        PQresultErrorField(self.result, Int32(field.rawValue.value)).map { String(cString: $0) }
    }

    /// Whether the server ends the connection with this.
    var isFatal: Bool {
        let severity = self.field(.severity)
        return severity == "FATAL" || severity == "PANIC"
    }

    /// The error, without what may quote a value.
    ///
    /// - Parameter sawParameters: Whether values had been sent for the step that failed.
    func error(sawParameters: Bool) -> PostgresError {
        guard let sqlState = self.field(.sqlState) else {
            // libpq's own: it lost the server.
            return PostgresError(code: .connectionLost)
        }
        var error = PostgresError(code: self.isFatal ? .connectionLost : .server, sqlState: sqlState)
        error.constraint = self.field(.constraint)
        error.table = self.field(.table)
        error.column = self.field(.column)
        error.routine = self.field(.routine)
        if PostgresError.mayKeepMessage(sqlState: sqlState, sawParameters: sawParameters) {
            error.serverMessage = self.field(.message).map(PostgresError.readable)
        }
        return error
    }

    /// A notice, as libpq lends it to its receiver: read now, and not cleared.
    struct Notice: Sendable {
        let severity: String
        let sqlState: String
        let message: String

        init(borrowing result: OpaquePointer) {
            func field(_ field: ErrorField) -> String {
                PQresultErrorField(result, Int32(field.rawValue.value)).map { String(cString: $0) } ?? ""
            }
            self.severity = field(.severity)
            self.sqlState = field(.sqlState)
            self.message = field(.message)
        }

        var isFatal: Bool { self.severity == "FATAL" || self.severity == "PANIC" }
    }
}

/// The fields of an error or a notice (`PG_DIAG_…` in `postgres_ext.h`: macros of characters, which Swift doesn't see).
private enum ErrorField: Unicode.Scalar {
    case severity = "V"
    case sqlState = "C"
    case message = "M"
    case constraint = "n"
    case table = "t"
    case column = "c"
    case routine = "R"
}
