import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// A request as the listener makes it.
func request(
    _ method: HTTPRequest.Method, _ path: String, host: String = "axonify.formation.localhost:8080",
    headers: HTTPFields = [:], body: String = ""
) -> Request {
    Request(
        head: HTTPRequest(method: method, scheme: "http", authority: host, path: path, headerFields: headers),
        body: RequestBody(buffer: ByteBuffer(string: body)))
}

/// What a browser says that it wants when somebody follows a link.
let browserAccept: HTTPFields = [
    .accept: "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"
]

/// Collects what an answer's body writes.
private final class BodyCollector: ResponseBodyWriter {
    private(set) var bytes: [UInt8] = []

    func write(_ buffer: ByteBuffer) async throws { bytes += Array(buffer.readableBytesView) }
    func finish(_ trailingHeaders: HTTPFields?) async throws {}
}

extension Response {
    /// The body as bytes.
    func bytes() async throws -> [UInt8] {
        let collector = BodyCollector()
        try await body.write(collector)
        return collector.bytes
    }

    /// The body as text.
    func text() async throws -> String {
        String(decoding: try await bytes(), as: UTF8.self)
    }
}

extension String {
    /// How often a text is in this one.
    func count(of text: String) -> Int { components(separatedBy: text).count - 1 }
}
