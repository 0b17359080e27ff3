internal import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import Logging
internal import NIOConcurrencyHelpers

/// What is told of one call when it is over: one log line and the metrics, always and once.
final class CallRecord: Sendable {
    /// How a call ended; a metric label.
    enum Ending: String, Sendable {
        /// Salesforce's answer, whole.
        case forwarded
        /// An answer of the gateway's own.
        case refused
        case brokenOff = "broken_off"
        case clientGone = "client_gone"
        case timedOut = "timed_out"
        /// The server gave the answer up before it was written.
        case abandoned
    }

    private struct State {
        var isFinished = false
        var status = 0
        var code: String?
        var user: UserID?
        var upstreamSeconds: TimeInterval?
        var isReplayed = false
        var bytesIn = 0
        var bytesOut = 0
    }

    private let call: TenantCall
    private let method: HTTPRequest.Method
    private let template: PathTemplate
    private let metrics: ForwardingMetrics
    private let now: @Sendable () -> Date
    private let state = NIOLockedValueBox(State())

    init(
        _ call: TenantCall, method: HTTPRequest.Method, path: String, metrics: ForwardingMetrics,
        now: @escaping @Sendable () -> Date
    ) {
        self.call = call
        self.method = method
        self.template = PathTemplate(path: path.prefix { $0 != "?" && $0 != "#" })
        self.metrics = metrics
        self.now = now
    }

    deinit { finish(.abandoned) }

    func note(user: UserID) { state.withLockedValue { $0.user = user } }
    func note(status: Int, code: String? = nil) { state.withLockedValue { ($0.status, $0.code) = (status, code) } }
    func noteReplay() { state.withLockedValue { $0.isReplayed = true } }
    func note(bytesIn: Int) { state.withLockedValue { $0.bytesIn = bytesIn } }
    func add(bytesOut: Int) { state.withLockedValue { $0.bytesOut += bytesOut } }

    /// Adds the time that Salesforce took to the head of an answer.
    func add(upstreamSeconds: TimeInterval) {
        state.withLockedValue { $0.upstreamSeconds = ($0.upstreamSeconds ?? 0) + upstreamSeconds }
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
            "request_id": "\(call.requestID)", "tenant": "\(call.tenant.customer.subdomain)",
            "method": "\(knownMethod)", "path": "\(template.text)", "status": "\(state.status)",
            "duration_ms": "\(Int((seconds * 1000).rounded()))", "bytes_in": "\(state.bytesIn)",
            "bytes_out": "\(state.bytesOut)", "ending": "\(ending.rawValue)",
        ]
        if let user = state.user { metadata["user"] = "\(user)" }
        if let code = state.code { metadata["error"] = "\(code)" }
        if state.isReplayed { metadata["replayed"] = "true" }
        if let seconds = state.upstreamSeconds { metadata["upstream_ms"] = "\(Int((seconds * 1000).rounded()))" }
        call.logger.info("forwarded call", metadata: metadata)
    }

    /// A method can be any token; a log shows the registered ones.
    private var knownMethod: String {
        [.get, .head, .post, .put, .patch, .delete, .options].contains(method) ? method.rawValue : "other"
    }
}
