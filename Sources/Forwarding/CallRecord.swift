public import Access
public import Domain
internal import Foundation
internal import HTTPTypes
internal import Logging
internal import NIOConcurrencyHelpers

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

    /// Tells it, the first time.
    func finish(_ ending: Ending) {
        let (state, isFirst) = state.withLockedValue { state in
            defer { state.isFinished = true }
            return (state, !state.isFinished)
        }
        guard isFirst else { return }
        let seconds = max(0, now().timeIntervalSince(call.receivedAt))
        metrics.record(
            ForwardingMetrics.Sample(
                route: template.routeClass, status: state.status, nanoseconds: Int64(seconds * 1_000_000_000),
                upstreamNanoseconds: state.upstreamSeconds.map { Int64($0 * 1_000_000_000) },
                isReplayed: state.isReplayed, bytesIn: state.bytesIn, bytesOut: state.bytesOut))
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
    private var knownMethod: String {
        [.get, .head, .post, .put, .patch, .delete, .options].contains(method) ? method.rawValue : "other"
    }
}
