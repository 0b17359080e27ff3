internal import Access
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Secrets
internal import Telemetry

/// `/healthz`, `/readyz` and `/metrics`: exact paths, on any host (contract §1).
struct Probes: Sendable {
    let state: GatewayState
    let outageSeconds: TimeInterval
    /// Whether there is no connection with the database, as far as is known at this moment.
    let isDatabaseAway: @Sendable () -> Bool
    let metricsToken: Secret<String>?
    let renderMetrics: @Sendable () -> String
    let now: @Sendable () -> Date

    /// The probe's answer, or `nil` where the path is none.
    func answer(method: HTTPRequest.Method, path: String, headers: HTTPFields) -> Response? {
        switch path {
        case "/healthz": health(method)
        case "/readyz": readiness(method)
        case "/metrics": metrics(method, headers)
        case _: nil
        }
    }

    private func health(_ method: HTTPRequest.Method) -> Response {
        json(method, .ok, #"{"status":"up"}"#)
    }

    private func readiness(_ method: HTTPRequest.Method) -> Response {
        if state.isDraining { return json(method, .serviceUnavailable, #"{"status":"draining"}"#) }
        if let obstacle = state.obstacle {
            return json(method, .serviceUnavailable, #"{"status":"\#(obstacle.rawValue)"}"#)
        }
        // A connection that ends says so at once; a server that falls silent is missed when the feed is stale.
        guard let follower = state.sites?.follower, isDatabaseAway() || follower.staleSince != nil else {
            return json(method, .ok, #"{"status":"ready","database":"reachable"}"#)
        }
        let seconds = max(0, Int(now().timeIntervalSince(follower.lastReadAt)))
        let within = Double(seconds) < outageSeconds
        let members = #""database":"away","awaySeconds":\#(seconds),"graceSeconds":\#(Int(outageSeconds))"#
        return json(
            method, within ? .ok : .serviceUnavailable,
            #"{"status":"\#(within ? "ready" : "database_away")",\#(members)}"#)
    }

    private func metrics(_ method: HTTPRequest.Method, _ headers: HTTPFields) -> Response? {
        guard let metricsToken else { return nil }
        guard let presented = headers[.authorization], presented.lowercased().hasPrefix("bearer "),
            Secret(String(presented.dropFirst("bearer ".count))) == metricsToken
        else {
            return Response(
                status: .unauthorized, headers: [.wwwAuthenticate: "Bearer", .cacheControl: "no-store"])
        }
        return text(method, .ok, renderMetrics(), type: "text/plain; version=0.0.4; charset=utf-8")
    }

    private func json(_ method: HTTPRequest.Method, _ status: HTTPResponse.Status, _ body: String) -> Response {
        text(method, status, body + "\n", type: "application/json")
    }

    private func text(
        _ method: HTTPRequest.Method, _ status: HTTPResponse.Status, _ body: String, type: String
    ) -> Response {
        guard method == .get || method == .head else {
            return Response(status: .methodNotAllowed, headers: [.allow: "GET, HEAD"])
        }
        let headers: HTTPFields = [
            .contentType: type, .cacheControl: "no-store", .contentLength: String(body.utf8.count),
        ]
        return Response(
            status: status, headers: headers, body: method == .head ? .init() : .init(byteBuffer: .init(string: body)))
    }
}
