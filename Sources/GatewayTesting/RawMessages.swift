internal import Foundation

/// An HTTP/1.1 message as it stood on the wire, cut apart and otherwise untouched.
public struct RawMessage: Sendable {
    /// The request or status line, without its line end.
    public let startLine: String
    /// Header lines in their order: the name as written, the value without the spaces around it.
    public let headers: [(name: String, value: String)]
    /// The body without its framing.
    public let body: [UInt8]
    /// Everything up to the empty line, with it.
    public let head: String

    /// The values of a header, whatever the case of its name.
    public subscript(_ name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The second word of the start line: a request's target, or a response's status.
    public var target: String {
        let words = startLine.split(separator: " ", omittingEmptySubsequences: false)
        return words.count > 1 ? String(words[1]) : ""
    }

    /// A response's status.
    public var status: Int { Int(target) ?? 0 }

    /// The body as text.
    public var text: String { String(decoding: body, as: UTF8.self) }

    fileprivate init(head: String, body: [UInt8]) throws {
        let lines = head.components(separatedBy: "\r\n").dropLast(2)
        guard let startLine = lines.first else { throw RawSocketError.notHTTP(head) }
        self.startLine = startLine
        self.headers = try lines.dropFirst().map { line in
            guard let colon = line.firstIndex(of: ":") else { throw RawSocketError.notHTTP(line) }
            return (
                String(line[..<colon]),
                line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
            )
        }
        self.head = head
        self.body = body
    }
}

extension RawConnection {
    /// Reads one request: its head, and its body by `Content-Length` or chunks.
    public func readRequest() async throws -> RawMessage {
        let head = try await readHead()
        return try await RawMessage(head: head.head, body: readBody(of: head, isResponse: false))
    }

    /// Reads one response; `toHead` where it answers HEAD and so has no body. One that neither states a length nor is
    /// chunked goes to the end of the connection.
    public func readResponse(toHead: Bool = false) async throws -> RawMessage {
        let head = try await readHead()
        guard !toHead, head.status >= 200, head.status != 204, head.status != 304 else { return head }
        return try await RawMessage(head: head.head, body: readBody(of: head, isResponse: true))
    }

    /// Reads a head alone; the body stays to be read.
    public func readHead() async throws -> RawMessage {
        try await RawMessage(head: String(decoding: read(through: "\r\n\r\n"), as: UTF8.self), body: [])
    }

    /// Reads one chunk of a chunked body; empty at the last.
    public func readChunk() async throws -> [UInt8] {
        let line = try await read(through: "\r\n")
        let digits = String(
            decoding: line.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: "\r") }, as: UTF8.self)
        guard let length = Int(digits, radix: 16) else { throw RawSocketError.notHTTP(digits) }
        guard length > 0 else {
            // Trailer lines up to an empty one.
            while try await read(through: "\r\n").count > 2 {}
            return []
        }
        return Array(try await read(count: length + 2).dropLast(2))
    }

    private func readBody(of head: RawMessage, isResponse: Bool) async throws -> [UInt8] {
        if let coding = head["Transfer-Encoding"].last {
            guard coding.lowercased() == "chunked" else { throw RawSocketError.notHTTP(coding) }
            var body: [UInt8] = []
            while true {
                let chunk = try await readChunk()
                if chunk.isEmpty { return body }
                body += chunk
            }
        }
        if let length = head["Content-Length"].first {
            guard let length = Int(length) else { throw RawSocketError.notHTTP(length) }
            return try await read(count: length)
        }
        return isResponse ? try await readToEnd() : []
    }
}
