internal import Access
internal import Domain
internal import Foundation
internal import NIOCore
internal import Telemetry
internal import Wire

/// A request's id: its edge's, or one of ours, of which no text need be made.
enum CallID: Sendable, CustomStringConvertible {
    case given(String)
    case made(RequestID)

    var description: String {
        switch self {
        case .given(let text): text
        case .made(let id): id.description
        }
    }

    /// Writes the text.
    func write(into buffer: inout ByteBuffer) {
        switch self {
        case .given(let text): buffer.writeString(text)
        case .made(let id):
            buffer.writeMultipleIntegers(id.words.0, id.words.1, id.words.2, id.words.3)
        }
    }
}

/// What is told of one call when it is over.
struct CallRecord {
    /// How a call ended; a metric label.
    enum Ending: Sendable {
        /// Salesforce's answer, whole.
        case forwarded
        /// An answer of the gateway's own.
        case refused, brokenOff, clientGone, timedOut

        /// What the log says.
        var text: StaticString {
            switch self {
            case .forwarded: "forwarded"
            case .refused: "refused"
            case .brokenOff: "broken_off"
            case .clientGone: "client_gone"
            case .timedOut: "timed_out"
            }
        }
    }

    private(set) var requestID = CallID.given("")
    private(set) var receivedAt = Date.distantPast
    private(set) var began = NIODeadline.uptimeNanoseconds(0)
    private var sent: NIODeadline?
    private(set) var nanosecondsToAnswer: Int64 = 0
    /// What Salesforce took to the head of an answer, all attempts together.
    private(set) var upstreamNanoseconds: Int64?
    private(set) var tenant: Tenant?
    private(set) var user: UserID?
    private(set) var status = 0
    private(set) var code: String?
    /// Why Salesforce has no answer: a type of error of RFC 9209 §2.3.
    var cause: String?
    var bytesIn = 0
    var bytesOut = 0
    var isReplayed = false

    mutating func begin(at now: NIODeadline, receivedAt: Date, _ requestID: CallID) {
        began = now
        self.receivedAt = receivedAt
        self.requestID = requestID
        (sent, nanosecondsToAnswer, upstreamNanoseconds) = (nil, 0, nil)
        (tenant, user) = (nil, nil)
        (status, code, cause) = (0, nil, nil)
        (bytesIn, bytesOut, isReplayed) = (0, 0, false)
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

/// Tells of each call that is over: its line and the metrics.
///
/// One for each event loop: its counts are added to the process's now and then.
struct CallRecorder {
    private let log: any CallLog
    private var metrics: ForwardingMetricsBatch

    init(log: any CallLog, metrics: ForwardingMetrics) {
        self.log = log
        self.metrics = ForwardingMetricsBatch(metrics)
    }

    /// Adds what was counted since the last time.
    mutating func drain() {
        metrics.drain()
    }

    /// - Parameter loop: the number of the event loop that calls.
    mutating func finish(
        _ record: borrowing CallRecord, _ ending: CallRecord.Ending, method: MethodKind, template: PathTemplate,
        nanoseconds: Int64, loop: Int
    ) {
        metrics.record(
            ForwardingMetrics.Sample(
                route: template.routeClass, status: record.status, nanoseconds: nanoseconds,
                upstreamNanoseconds: record.upstreamNanoseconds, isReplayed: record.isReplayed,
                bytesIn: record.bytesIn, bytesOut: record.bytesOut))
        log.write(
            CallLine(
                endedAt: record.receivedAt.addingTimeInterval(Double(nanoseconds) / 1e9), requestID: record.requestID,
                tenant: record.tenant, user: record.user, method: method.logName, path: template.text,
                status: record.status, durationMilliseconds: Int((nanoseconds + 500_000) / 1_000_000),
                upstreamMilliseconds: record.upstreamNanoseconds.map { Int(($0 + 500_000) / 1_000_000) },
                bytesIn: record.bytesIn, bytesOut: record.bytesOut, ending: ending, error: record.code,
                cause: record.cause,
                isReplayed: record.isReplayed), loop: loop)
    }
}

extension MethodKind {
    /// A method can be any token; a log shows the registered ones.
    var logName: StaticString {
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
