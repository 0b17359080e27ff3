internal import Foundation
internal import NIOCore
internal import Salesforce
internal import Secrets
internal import Wire

/// Which headers pass, in both directions (contract §2, "Forwarded Salesforce calls"): the one place.
///
/// Lines pass as the bytes that came; runs of lines that pass are copied at once.
struct HeaderTable: Sendable {
    /// What a request's header is to the gateway.
    enum RequestRole: UInt8, Sendable {
        case passes, dropped, connection, host, contentLength, transferEncoding
        case authorization, sfdcSession, cookie, origin, secFetchSite, forwardedProto, requestID
        case accessControlRequestMethod, methodOverride, expect

        /// Whether such a line goes to Salesforce.
        var isPassed: Bool {
            switch self {
            case .passes, .contentLength, .requestID, .accessControlRequestMethod, .methodOverride: true
            case .dropped, .connection, .host, .transferEncoding, .authorization, .sfdcSession, .cookie, .origin,
                .secFetchSite, .forwardedProto, .expect:
                false
            }
        }
    }

    /// What an answer's header is to the gateway.
    enum AnswerRole: UInt8, Sendable {
        case passes, dropped, connection, contentLength, transferEncoding, location, date, contentType
        case contentEncoding, vary
    }

    let requests = HeaderNames<RequestRole>(
        [
            // Of one connection alone (RFC 9110 §7.6.1).
            "connection": .connection, "keep-alive": .dropped, "te": .dropped, "trailer": .dropped,
            "transfer-encoding": .transferEncoding, "upgrade": .dropped,
            // The gateway's own to say.
            "host": .host, "authorization": .authorization, "x-sfdc-session": .sfdcSession,
            // What belongs to the tenant's origin, and what edges say of the client.
            "cookie": .cookie, "cookie2": .dropped, "origin": .origin, "referer": .dropped,
            "sec-fetch-site": .secFetchSite, "forwarded": .dropped, "x-forwarded-proto": .forwardedProto,
            "x-request-start": .dropped, "via": .dropped,
            // Read here as well.
            "content-length": .contentLength, "x-request-id": .requestID,
            "access-control-request-method": .accessControlRequestMethod,
            // By which some servers, and Apex classes, let a request be of another method.
            "x-http-method-override": .methodOverride, "x-http-method": .methodOverride,
            "x-method-override": .methodOverride,
            // Answered here (RFC 9110 §10.1.1), so Salesforce need not say it again.
            "expect": .expect,
        ],
        prefixes: [
            ("proxy-", .dropped), ("sec-fetch-", .dropped), ("x-forwarded-", .dropped), ("x-formation-", .dropped),
        ], others: .passes)

    let answers = HeaderNames<AnswerRole>(
        [
            "connection": .connection, "keep-alive": .dropped, "te": .dropped, "trailer": .dropped,
            "transfer-encoding": .transferEncoding, "upgrade": .dropped,
            "alt-svc": .dropped, "clear-site-data": .dropped, "content-security-policy": .dropped, "nel": .dropped,
            "report-to": .dropped, "reporting-endpoints": .dropped, "server-timing": .dropped,
            "service-worker-allowed": .dropped, "set-cookie": .dropped, "set-cookie2": .dropped,
            "strict-transport-security": .dropped,
            "x-content-type-options": .dropped, "x-request-id": .dropped,
            "content-length": .contentLength, "location": .location, "date": .date, "content-type": .contentType,
            "content-encoding": .contentEncoding, "vary": .vary,
        ],
        prefixes: [("proxy-", .dropped), ("access-control-", .dropped), ("x-formation-", .dropped)], others: .passes)
}

// MARK: - Writing

extension HeaderTable {
    /// Copies lines of a head into another buffer: those that pass, in runs.
    struct LineCopier {
        private let source: ByteBuffer
        private var runStart: Int
        private var runEnd: Int

        /// Copies from a head that begins at the reader index of `source`.
        ///
        /// - Parameter start: where the first run begins.
        init(_ source: ByteBuffer, from start: Int = 0) {
            self.source = source
            self.runStart = start
            self.runEnd = start
        }

        /// The first run goes up to here.
        mutating func pass(to end: Int) {
            runEnd = end
        }

        /// The next line that passes.
        mutating func pass(_ line: ByteSlice, into buffer: inout ByteBuffer) {
            if line.startIndex != runEnd {
                finish(into: &buffer)
                runStart = line.startIndex
            }
            runEnd = line.end
        }

        /// Writes what was passed so far.
        mutating func finish(into buffer: inout ByteBuffer) {
            if runEnd > runStart {
                let bytes = source.readableBytesSpan
                buffer.writeBytes(bytes.extracting(runStart..<runEnd))
            }
            runStart = runEnd
        }
    }

    /// A redirect to the instance becomes one to the tenant's host; a relative one, or one to another host, stays.
    static func location(_ value: String, instance: InstanceURL, tenantOrigin: String) -> String {
        let schemeEnd: String.Index
        if let separator = value.range(of: "://") {
            guard value[..<separator.lowerBound].lowercased() == instance.scheme.rawValue else { return value }
            schemeEnd = separator.upperBound
        } else if value.hasPrefix("//") {
            schemeEnd = value.index(value.startIndex, offsetBy: 2)
        } else {
            return value
        }
        let rest = value[schemeEnd...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let defaultPort = instance.scheme == .https ? ":443" : ":80"
        var host = authority.lowercased()
        if instance.port == nil, host.hasSuffix(defaultPort) { host.removeLast(defaultPort.count) }
        guard host == instance.authority else { return value }
        return tenantOrigin + rest[authority.endIndex...]
    }
}
