import HTTPTypes
import NIOCore

/// A request as the simulator looks at it.
struct SimulatedRequest: Sendable {
    let method: String
    /// The `Host` header, lower-cased and without its port.
    let host: String
    /// Path and query as sent.
    let target: String
    let headers: HTTPFields
    let body: ByteBuffer

    /// The target up to the query.
    let path: String
    let query: FormFields
    /// The path's parts, percent-decoded.
    let segments: [String]

    init(method: String, authority: String, target: String, headers: HTTPFields, body: ByteBuffer) {
        self.method = method.uppercased()
        self.target = target
        self.headers = headers
        self.body = body
        host = Self.hostName(authority)
        let halves = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = halves.first.map(String.init) ?? ""
        query = FormFields(parsing: halves.count > 1 ? halves[1] : "")
        segments = path.split(separator: "/").map { percentDecoded($0, plusIsSpace: false) }
    }

    /// The host of an authority: no port, no brackets, no final dot.
    static func hostName(_ authority: String) -> String {
        var host = authority.lowercased()
        if let bracket = host.firstIndex(of: "]"), host.first == "[" {
            return String(host[host.index(after: host.startIndex)..<bracket])
        }
        if let colon = host.lastIndex(of: ":") { host = String(host[..<colon]) }
        if host.hasSuffix(".") { host.removeLast() }
        return host
    }

    func header(_ name: String) -> String? {
        HTTPField.Name(name).flatMap { headers[$0] }
    }

    var bodyText: String { String(buffer: body) }

    /// The fields of a form body.
    var form: FormFields { FormFields(parsing: bodyText) }

    /// The value of a cookie.
    func cookie(_ name: String) -> String? {
        for pair in (headers[.cookie] ?? "").split(separator: ";") {
            let halves = pair.split(separator: "=", maxSplits: 1)
            guard halves.count == 2, halves[0].trimmed == name else { continue }
            return halves[1].trimmed
        }
        return nil
    }

    /// The token of an `Authorization: Bearer` or `OAuth` header, whatever the case of the scheme.
    var accessToken: String? {
        let parts = (headers[.authorization] ?? "").split(separator: " ", maxSplits: 1)
        guard parts.count == 2, ["bearer", "oauth"].contains(parts[0].lowercased()) else { return nil }
        return parts[1].trimmed
    }

    /// Whether the client asked for XML.
    var wantsXML: Bool {
        let accept = headers[.accept]?.lowercased() ?? ""
        return path.hasSuffix(".xml") || (accept.contains("application/xml") && !accept.contains("application/json"))
    }
}

extension Substring {
    fileprivate var trimmed: String {
        let head = drop { $0 == " " || $0 == "\t" }
        guard let last = head.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return String(head[...last])
    }
}

/// An answer of the simulator.
struct SimulatedAnswer: Sendable {
    var status: Int
    var headers: [(name: String, value: String)] = []
    var body: ByteBuffer = ByteBuffer()
    /// Bytes that are made while they are sent, instead of ``body``.
    var streamedBytes: Int?
    /// What the journal says of it.
    var note: String?
    /// Whether the connection is closed instead of answering.
    var isDropped = false

    static var dropped: SimulatedAnswer {
        var answer = SimulatedAnswer(status: 0)
        answer.isDropped = true
        return answer
    }

    init(status: Int, contentType: String? = nil, bytes: some Sequence<UInt8>) {
        self.status = status
        if let contentType { headers.append(("Content-Type", contentType)) }
        body = ByteBuffer(bytes: bytes)
    }

    init(status: Int) { self.init(status: status, bytes: []) }

    static func json(_ status: Int = 200, _ json: JSON) -> SimulatedAnswer {
        SimulatedAnswer(status: status, contentType: "application/json;charset=UTF-8", bytes: json.encoded)
    }

    static func text(_ status: Int, _ text: String, type: String = "text/html;charset=UTF-8") -> SimulatedAnswer {
        SimulatedAnswer(status: status, contentType: type, bytes: text.utf8)
    }

    static func redirect(to location: String) -> SimulatedAnswer {
        SimulatedAnswer(status: 302).adding("Location", location)
    }

    func adding(_ name: String, _ value: String) -> SimulatedAnswer {
        var answer = self
        answer.headers.append((name, value))
        return answer
    }
}
