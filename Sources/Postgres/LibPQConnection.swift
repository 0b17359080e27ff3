import CLibPQ
import Logging

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A connection of libpq's, owned, non-blocking. One of the two files that touch libpq's memory.
///
/// SAFETY: a `PGconn` belongs to one thread at a time. This class is not `Sendable`, so it stays with the thread that
/// made it. Its handle is never nil and is finished once, in `deinit`, which Swift also runs for an `init` that throws
/// after the properties are set. Pointers given to libpq live for the call, which copies what they point at.
final class LibPQConnection {
    private let handle: OpaquePointer
    let notices: NoticeSink

    /// Starts to connect. Resolves names, which may block.
    init(options: [String: String], logger: Logger) throws(PostgresError) {
        let keywords = options.keys.sorted()
        let values = keywords.map { options[$0] ?? "" }
        let started = Self.withCStrings(keywords) { keywords in
            Self.withCStrings(values) { PQconnectStartParams(keywords, $0, 0) }
        }
        guard let started else {
            throw PostgresError(code: .connectionFailed, text: "out of memory", connectionProblem: .other)
        }
        self.handle = started
        self.notices = NoticeSink(logger: logger)
        // Verbose, so that a failure to connect has the server's SQLSTATE in its text.
        PQsetErrorVerbosity(started, PQERRORS_VERBOSE)
        // SAFETY: the sink outlives the connection, as `deinit` finishes it before the sink can go. The receiver runs
        // inside libpq's calls, so on this thread.
        PQsetNoticeReceiver(
            started,
            { sink, result in
                guard let sink, let result else { return }
                Unmanaged<NoticeSink>.fromOpaque(sink).takeUnretainedValue()
                    .receive(PostgresResult.Notice(borrowing: result))
            },
            Unmanaged.passUnretained(self.notices).toOpaque())
        guard PQstatus(started) != CONNECTION_BAD else { throw PostgresError(connectFailure: self.errorText) }
        PQsetnonblocking(started, 1)
    }

    deinit {
        PQfinish(self.handle)
    }

    /// Calls with a null-terminated array of C strings, which live for the call.
    private static func withCStrings<Result>(
        _ strings: [String], _ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { copies.forEach { free($0) } }
        return (copies.map { UnsafePointer($0) } + [nil]).withUnsafeBufferPointer { body($0.baseAddress) }
    }

    // MARK: Connecting

    enum ConnectProgress {
        case wantsToRead, wantsToWrite, connected, failed
    }

    func continueConnecting() -> ConnectProgress {
        switch PQconnectPoll(self.handle) {
        case PGRES_POLLING_READING: .wantsToRead
        case PGRES_POLLING_WRITING: .wantsToWrite
        case PGRES_POLLING_OK: .connected
        default: .failed
        }
    }

    // MARK: State

    /// Changes while connecting.
    var descriptor: Int32 { PQsocket(self.handle) }
    var isBad: Bool { PQstatus(self.handle) == CONNECTION_BAD }
    var isInTransaction: Bool { PQtransactionStatus(self.handle) != PQTRANS_IDLE }
    var errorText: String { PQerrorMessage(self.handle).map { String(cString: $0) } ?? "" }
    var serverProcess: Int32 { PQbackendPID(self.handle) }

    func enterPipeline() -> Bool { PQenterPipelineMode(self.handle) == 1 }
    func exitPipeline() -> Bool { PQexitPipelineMode(self.handle) == 1 }

    // MARK: Sending

    /// Asks the server to prepare a statement. An empty name is the statement without a name.
    func sendPrepare(name: String, _ statement: Statement) -> Bool {
        let types = statement.parameters.map { Oid($0.type.oid) }
        return PQsendPrepare(self.handle, name, statement.text, Int32(types.count), types) == 1
    }

    /// Asks the server to run a prepared statement, and to answer in binary.
    func sendExecute(name: String, _ parameters: [PostgresParameter]) -> Bool {
        let count = parameters.count
        guard count > 0 else { return PQsendQueryPrepared(self.handle, name, 0, nil, nil, nil, 1) == 1 }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(parameters.reduce(0) { $0 + $1.byteCount + 1 })
        var offsets: [Int?] = []
        var lengths: [Int32] = []
        var formats: [Int32] = []
        for parameter in parameters {
            switch parameter.value {
            case .null, .unencodable:
                offsets.append(nil)
                formats.append(0)
            case .text(let value):
                offsets.append(bytes.count)
                formats.append(0)
                bytes += value
                bytes.append(0)  // libpq reads text up to here.
            case .binary(let value):
                offsets.append(bytes.count)
                formats.append(1)
                bytes += value
                bytes.append(0)
            }
            lengths.append(Int32(parameter.byteCount))
        }
        return bytes.withUnsafeBytes { buffer in
            let base = buffer.baseAddress
            let values = offsets.map { offset -> UnsafePointer<CChar>? in
                guard let offset, let base else { return nil }
                return (base + offset).assumingMemoryBound(to: CChar.self)
            }
            return PQsendQueryPrepared(self.handle, name, Int32(count), values, lengths, formats, 1) == 1
        }
    }

    /// Sends statements as text, for when there is no pipeline.
    func sendScript(_ text: String) -> Bool { PQsendQuery(self.handle, text) == 1 }

    /// Ends an implicit transaction, in a pipeline.
    func sendSync() -> Bool { PQpipelineSync(self.handle) == 1 }

    enum Flush {
        case done, pending, failed
    }

    func flush() -> Flush {
        switch PQflush(self.handle) {
        case 0: .done
        case 1: .pending
        default: .failed
        }
    }

    // MARK: Receiving

    /// Reads what has come. `false` where the connection ended.
    func consumeInput() -> Bool { PQconsumeInput(self.handle) == 1 }

    /// Whether the next result has not come yet.
    var isBusy: Bool { PQisBusy(self.handle) == 1 }

    /// The next result; `nil` between results. Blocks while ``isBusy``.
    func nextResult() -> PostgresResult? {
        PQgetResult(self.handle).map { PostgresResult(owning: $0) }
    }

    /// The next notification that has come.
    func nextNotification() -> (channel: String, payload: String)? {
        guard let notification = PQnotifies(self.handle) else { return nil }
        defer { PQfreemem(notification) }
        let channel = notification.pointee.relname.map { String(cString: $0) } ?? ""
        let payload = notification.pointee.extra.map { String(cString: $0) } ?? ""
        return (channel, payload)
    }

    // MARK: Cancelling

    /// Asks the server, on a connection of its own, to cancel what it runs. Blocks until the server has passed it on.
    func cancel() {
        guard let cancel = PQgetCancel(self.handle) else { return }
        defer { PQfreeCancel(cancel) }
        // What libpq says if it fails is of no use here: whoever cancels waits only so long for the effect.
        var message = [CChar](repeating: 0, count: 256)
        _ = PQcancel(cancel, &message, Int32(message.count))
    }
}

/// Where the server's notices go: to the log.
///
/// A notice may quote values (a trigger may raise whatever it likes), so its text is logged only while nothing with
/// parameters runs.
final class NoticeSink {
    private let logger: Logger
    /// Whether what runs now has parameters.
    var hidesText = false
    /// Whether the server said that it ends the connection.
    private(set) var sawFatal = false

    init(logger: Logger) {
        self.logger = logger
    }

    func receive(_ notice: PostgresResult.Notice) {
        if notice.isFatal { self.sawFatal = true }
        let text = self.hidesText ? "<hidden>" : PostgresError.readable(notice.message)
        self.logger.debug(
            "PostgreSQL notice",
            metadata: [
                "severity": "\(notice.severity)", "sqlstate": "\(notice.sqlState)", "notice": "\(text)",
            ])
    }
}

extension ConnectionOptions {
    /// Reads a connection string.
    static func parse(_ text: String) throws(PostgresError) -> [String: String] {
        // libpq's own message may quote a part of the string, and so of the password.
        let refused = PostgresError(
            code: .invalidConfiguration, text: "the connection string is not one that libpq can read")
        guard !text.utf8.contains(0) else { throw refused }
        var message: UnsafeMutablePointer<CChar>?
        defer { PQfreemem(message) }
        guard let parsed = PQconninfoParse(text, &message) else { throw refused }
        defer { PQconninfoFree(parsed) }
        var options: [String: String] = [:]
        var next = parsed
        while let keyword = next.pointee.keyword {
            if let value = next.pointee.val { options[String(cString: keyword)] = String(cString: value) }
            next += 1
        }
        return options
    }
}
