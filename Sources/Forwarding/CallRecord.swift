public import Access
public import Domain
internal import Foundation
public import Logging
internal import Metrics
internal import NIOCore
internal import Wire

/// What is told of one call when it is over.
struct CallRecord {
    /// How a call ended; a metric label.
    enum Ending: String, Sendable {
        /// Salesforce's answer, whole.
        case forwarded
        /// An answer of the gateway's own.
        case refused
        case brokenOff = "broken_off"
        case clientGone = "client_gone"
        case timedOut = "timed_out"
    }

    private(set) var requestID = ""
    private(set) var began = NIODeadline.uptimeNanoseconds(0)
    private var sent: NIODeadline?
    private(set) var nanosecondsToAnswer: Int64 = 0
    /// What Salesforce took to the head of an answer, all attempts together.
    private(set) var upstreamNanoseconds: Int64?
    private(set) var tenant: Tenant?
    private(set) var user: UserID?
    private(set) var status = 0
    private(set) var code: String?
    var bytesIn = 0
    var bytesOut = 0
    var isReplayed = false

    mutating func begin(at now: NIODeadline, _ requestID: String) {
        self = CallRecord()
        began = now
        self.requestID = requestID
    }

    mutating func note(tenant: Tenant?, user: UserID?) {
        self.tenant = tenant
        self.user = user
    }

    mutating func note(status: Int, code: String? = nil) {
        self.status = status
        self.code = code
    }

    mutating func didSend(at now: NIODeadline) {
        sent = now
    }

    mutating func didAnswer(at now: NIODeadline, status: Int) {
        self.status = status
        nanosecondsToAnswer = (now - began).nanoseconds
        guard let sent else { return }
        upstreamNanoseconds = (upstreamNanoseconds ?? 0) + (now - sent).nanoseconds
        self.sent = nil
    }
}

/// What a log says of one call.
public struct CallLine: Sendable {
    public let requestID: String
    public let tenant: Tenant?
    public let user: UserID?
    /// A registered method, or `other`.
    public let method: String
    /// A template of the path: no ids, and no query.
    public let path: String
    public let status: Int
    public let durationMilliseconds: Int
    public let upstreamMilliseconds: Int?
    public let bytesIn: Int
    public let bytesOut: Int
    public let ending: String
    /// The `errorCode` of an answer of the gateway's own.
    public let error: String?
    public let isReplayed: Bool
}

/// Where the line of each call goes.
public protocol CallLog: Sendable {
    /// Writes a line; never waits.
    func write(_ line: CallLine)
}

/// A call log that is an ordinary logger.
public struct LoggerCallLog: CallLog {
    private let logger: Logger

    /// Logs at `info`.
    public init(_ logger: Logger) {
        self.logger = logger
    }

    public func write(_ line: CallLine) {
        var metadata: Logger.Metadata = [
            "request_id": "\(line.requestID)", "method": "\(line.method)", "path": "\(line.path)",
            "status": "\(line.status)", "duration_ms": "\(line.durationMilliseconds)", "bytes_in": "\(line.bytesIn)",
            "bytes_out": "\(line.bytesOut)", "ending": "\(line.ending)",
        ]
        if let tenant = line.tenant { metadata["tenant"] = "\(tenant.customer.subdomain)" }
        if let user = line.user { metadata["user"] = "\(user)" }
        if let code = line.error { metadata["error"] = "\(code)" }
        if line.isReplayed { metadata["replayed"] = "true" }
        if let milliseconds = line.upstreamMilliseconds { metadata["upstream_ms"] = "\(milliseconds)" }
        logger.info("forwarded call", metadata: metadata)
    }
}

/// Tells of each call that is over: its line and the metrics.
struct CallRecorder: Sendable {
    let log: any CallLog
    let now: @Sendable () -> Date
    let measuresTime: Bool
    private let metrics = ForwardingMetrics()

    init(log: any CallLog, now: @escaping @Sendable () -> Date, measuresTime: Bool) {
        self.log = log
        self.now = now
        self.measuresTime = measuresTime
    }

    func finish(_ record: CallRecord, _ ending: CallRecord.Ending, method: MethodKind, path: String) {
        let nanoseconds = measuresTime ? (NIODeadline.now() - record.began).nanoseconds : 0
        let template = PathTemplate(path: path)
        metrics.record(
            route: template.routeClass, status: record.status, seconds: Double(nanoseconds) / 1e9,
            upstreamSeconds: record.upstreamNanoseconds.map { Double($0) / 1e9 },
            isReplayed: record.isReplayed, bytesIn: record.bytesIn, bytesOut: record.bytesOut)
        log.write(
            CallLine(
                requestID: record.requestID, tenant: record.tenant, user: record.user, method: method.logName,
                path: template.text, status: record.status,
                durationMilliseconds: Int((nanoseconds + 500_000) / 1_000_000),
                upstreamMilliseconds: record.upstreamNanoseconds.map { Int(($0 + 500_000) / 1_000_000) },
                bytesIn: record.bytesIn, bytesOut: record.bytesOut, ending: ending.rawValue, error: record.code,
                isReplayed: record.isReplayed))
    }
}

extension MethodKind {
    /// A method can be any token; a log shows the registered ones.
    var logName: String {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .patch: "PATCH"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .trace, .connect, .other: "other"
        }
    }
}
