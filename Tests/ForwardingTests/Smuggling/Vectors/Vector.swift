/// A request that two readers could read differently, or that looks like one, and what must become of it.
struct Vector: Sendable {
    /// Unique, and stable: the table and the exceptions name it.
    let name: String
    let expectation: Expectation
    /// Where the rule stands.
    let rule: String
    /// What is sent, each piece on its own.
    let pieces: [[UInt8]]
    /// Whether the client ends what it sends after the vector, in place of the marker that otherwise follows.
    let endsSending: Bool

    init(
        _ name: String, _ expectation: Expectation, _ rule: String, pieces: [[UInt8]], endsSending: Bool = false
    ) {
        self.name = name
        self.expectation = expectation
        self.rule = rule
        self.pieces = pieces
        self.endsSending = endsSending
    }

    /// The vector with an access key in place of each mark.
    func filled(with key: String) -> Vector {
        Vector(
            name, expectation.filled(with: key), rule, pieces: pieces.map { $0.filled(with: key) },
            endsSending: endsSending)
    }

    var isHead: Bool { pieces.first?.starts(with: "HEAD ".wire) ?? false }
}

/// What must become of a vector.
enum Expectation: Sendable {
    /// Malformed: one answer of these statuses, and the connection ends. No byte reaches the upstream.
    case refused(Set<Int>)
    /// The head is sound and may have left before the fault of its body was seen: one answer of these statuses, and the
    /// connection ends. No whole request reaches the upstream, and the upstream's connection ends.
    case aborted(Set<Int>)
    /// Sound, and not for the upstream: one answer of these statuses. The connection may go on, in step.
    case answered(Set<Int>)
    /// One request reaches the upstream, and all readers read this.
    case forwarded(Passed)
    /// Legal, and rare enough to be refused: either of the two.
    case refusedOrForwarded(Set<Int>, Passed)
}

extension Expectation {
    /// What the upstream must see, if anything.
    var passed: Passed? {
        switch self {
        case .forwarded(let passed), .refusedOrForwarded(_, let passed): passed
        case .refused, .aborted, .answered: nil
        }
    }

    fileprivate func filled(with key: String) -> Expectation {
        switch self {
        case .refused, .aborted, .answered: self
        case .forwarded(let passed): .forwarded(passed.filled(with: key))
        case .refusedOrForwarded(let statuses, let passed): .refusedOrForwarded(statuses, passed.filled(with: key))
        }
    }
}

/// The request that the upstream must see.
struct Passed: Sendable {
    var method = "GET"
    var target = Wire.path
    var body: [UInt8] = []
    /// Whether the client's connection ends after the answer.
    var closes = false

    fileprivate func filled(with key: String) -> Passed {
        var filled = self
        filled.body = body.filled(with: key)
        return filled
    }

    func matches(_ request: ReadRequest) -> Bool {
        request.method == method && request.target == target && request.body == body
    }
}

/// Answered without a status: the connection ends.
let justCloses = 0

/// The bytes of requests.
enum Wire {
    static let path = "/services/data/v62.0/x"
    static let marker = "/services/data/v62.0/marker"
    static let probe = "/services/data/v62.0/probe"
    static let host = "Host: axonify.formation.localhost:8080"
    /// Stands in the vectors for an access key, which only a running gateway can give; as long as one.
    static let keyMark = "{key" + String(repeating: ".", count: 58) + "}"
    static let credential = "Authorization: Bearer \(keyMark)"
    static let end = "\r\n\r\n"

    /// A request of header lines after `Host` and the credential.
    static func request(_ line: String = "GET \(path) HTTP/1.1", _ lines: [String] = [], body: String = "") -> String {
        ([line, host, credential] + lines).joined(separator: "\r\n") + end + body
    }

    static func post(_ lines: [String], body: String = "") -> String {
        request("POST \(path) HTTP/1.1", lines, body: body)
    }

    static func chunked(_ body: String, coding: String = "Transfer-Encoding: chunked") -> String {
        post([coding], body: body)
    }

    /// A request that must never be seen: it hides in a body.
    static let smuggled = request("GET /services/data/v62.0/smuggled HTTP/1.1")

    static func follower(_ target: String) -> [UInt8] { request("GET \(target) HTTP/1.1").wire }
}

extension [UInt8] {
    /// The bytes with an access key in place of each mark.
    func filled(with key: String) -> [UInt8] { replacing(Wire.keyMark.utf8, with: Array(key.utf8)) }
}

extension String {
    /// The text's bytes: characters up to U+00FF are a byte each, others their UTF-8.
    var wire: [UInt8] {
        unicodeScalars.flatMap { $0.value < 0x100 ? [UInt8($0.value)] : Array(String($0).utf8) }
    }
}

/// Vectors about one thing.
struct Family: Sendable {
    let title: String
    let vectors: [Vector]

    /// A family of the vectors that are listed.
    init(_ title: String, @VectorList _ vectors: () -> [Vector]) {
        self.title = title
        self.vectors = vectors()
    }

    static let all: [Family] = [
        lengths, aliases, codings, lengthsAndCodings, names, values, lines, requestLines, targets, hosts, chunks,
        trailers, bodies, connections, limits, pieces, ends,
    ]
}

/// Vectors one after the other: each is a statement of its own, which keeps the compiler quick.
@resultBuilder enum VectorList {
    static func buildExpression(_ vector: Vector) -> [Vector] { [vector] }
    static func buildBlock(_ parts: [Vector]...) -> [Vector] { Array(parts.joined()) }
    static func buildArray(_ parts: [[Vector]]) -> [Vector] { Array(parts.joined()) }
}

// MARK: - Short forms of the tables

extension Family {
    /// A malformed request.
    static func bad(
        _ name: String, _ rule: String, _ text: String, _ statuses: Set<Int> = [400]
    ) -> Vector {
        Vector(name, .refused(statuses), rule, pieces: [text.wire])
    }

    /// A malformed body after a sound head.
    static func badBody(_ name: String, _ rule: String, _ text: String) -> Vector {
        Vector(name, .aborted([400]), rule, pieces: [text.wire])
    }

    /// A sound request that isn't forwarded.
    static func kept(_ name: String, _ rule: String, _ text: String, _ statuses: Set<Int>) -> Vector {
        Vector(name, .answered(statuses), rule, pieces: [text.wire])
    }

    /// A sound request.
    static func good(
        _ name: String, _ rule: String, _ text: String, method: String = "GET", target: String = Wire.path,
        body: String = "", closes: Bool = false
    ) -> Vector {
        Vector(
            name, .forwarded(Passed(method: method, target: target, body: body.wire, closes: closes)), rule,
            pieces: [text.wire])
    }

    /// A sound request that may be refused all the same.
    static func rare(
        _ name: String, _ rule: String, _ text: String, method: String = "GET", target: String = Wire.path,
        body: String = "", closes: Bool = false, statuses: Set<Int> = [400]
    ) -> Vector {
        let passed = Passed(method: method, target: target, body: body.wire, closes: closes)
        return Vector(name, .refusedOrForwarded(statuses, passed), rule, pieces: [text.wire])
    }
}
