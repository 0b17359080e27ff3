internal import Access
internal import Domain
internal import Foundation
public import Logging
public import ServiceLifecycle
public import Telemetry

/// What a log says of one call.
public struct CallLine: Sendable {
    let endedAt: Date
    let requestID: CallID
    let tenant: Tenant?
    let user: UserID?
    /// A registered method, or `other`.
    let method: StaticString
    /// A template of the path: no ids, and no query.
    let path: String
    let status: Int
    let durationMilliseconds: Int
    let upstreamMilliseconds: Int?
    let bytesIn: Int
    let bytesOut: Int
    let ending: CallRecord.Ending
    /// The `errorCode` of an answer of the gateway's own.
    let error: String?
    /// Why Salesforce has no answer.
    let cause: String?
    let isReplayed: Bool

    /// What the line says first.
    static let message = "forwarded call"
}

/// Where the line of each call goes.
public protocol CallLog: Sendable {
    /// Writes a line; never waits.
    ///
    /// - Parameter loop: the number of the event loop that calls.
    func write(_ line: CallLine, loop: Int)
}

/// A call log that is an ordinary logger.
public struct LoggerCallLog: CallLog {
    private let logger: Logger

    /// Logs at `info`.
    public init(_ logger: Logger) {
        self.logger = logger
    }

    public func write(_ line: CallLine, loop: Int) {
        var metadata: Logger.Metadata = [
            "request_id": "\(line.requestID)", "method": "\(line.method)", "path": "\(line.path)",
            "status": "\(line.status)", "duration_ms": "\(line.durationMilliseconds)", "bytes_in": "\(line.bytesIn)",
            "bytes_out": "\(line.bytesOut)", "ending": "\(line.ending.text)",
        ]
        if let tenant = line.tenant { metadata["tenant"] = "\(tenant.customer.subdomain)" }
        if let user = line.user { metadata["user"] = "\(user)" }
        if let code = line.error { metadata["error"] = "\(code)" }
        if let cause = line.cause { metadata["cause"] = "\(cause)" }
        if line.isReplayed { metadata["replayed"] = "true" }
        if let milliseconds = line.upstreamMilliseconds { metadata["upstream_ms"] = "\(milliseconds)" }
        logger.info("\(CallLine.message)", metadata: metadata)
    }
}

/// A call log that costs a call next to nothing: lines are written in batches, by a thread of their own.
///
/// Nothing in a line can hold a secret (`CallLine`), so they are not searched for any.
public struct BatchedCallLog: CallLog, Service {
    private let log: BatchedLineLog

    /// Writes lines as the logger `label` would.
    ///
    /// - Parameter loops: how many event loops there are.
    public init(format: LogFormat, label: String, minimumLevel: Logger.Level, loops: Int, sink: LogSink) {
        self.log = BatchedLineLog(
            format: format, label: label, minimumLevel: minimumLevel, message: CallLine.message, shardCount: loops,
            sink: sink)
    }

    /// Writes until shutdown, and then what is left.
    public func run() async throws {
        await log.run()
        log.flush()
    }

    /// Writes what came after ``run()``: calls that were cut off at the very end.
    public func flush() {
        log.flush()
    }

    public func write(_ line: CallLine, loop: Int) {
        let nanoseconds = Int64(line.endedAt.timeIntervalSince1970 * 1e9)
        log.append(at: nanoseconds, shard: loop) { fields in
            // Sorted by name, as the logger's are.
            fields.add("bytes_in", line.bytesIn)
            fields.add("bytes_out", line.bytesOut)
            if let cause = line.cause { fields.add("cause", cause) }
            fields.add("duration_ms", line.durationMilliseconds)
            fields.add("ending", plain: line.ending.text)
            if let code = line.error { fields.add("error", code) }
            fields.add("method", plain: line.method)
            fields.add("path", line.path)
            if line.isReplayed { fields.add("replayed", plain: "true") }
            switch line.requestID {
            case .given(let text): fields.add("request_id", text)
            case .made(let id): fields.add("request_id", id)
            }
            fields.add("status", line.status)
            if let tenant = line.tenant { fields.add("tenant", tenant.customer.subdomain.label) }
            if let milliseconds = line.upstreamMilliseconds { fields.add("upstream_ms", milliseconds) }
            if let user = line.user { fields.add("user", user.rawValue) }
        }
    }
}
