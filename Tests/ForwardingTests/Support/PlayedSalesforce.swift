import Foundation
import GatewayTesting
import NIOConcurrencyHelpers

/// A Salesforce that answers many callers at once, each call by what its path says.
final class PlayedSalesforce: Sendable {
    /// What calls are about. A number makes each target another.
    enum Call: String {
        /// The answer is the target.
        case echo
        /// The answer is ``part``, ``large`` or ``huge``.
        case part, large, huge
        /// The answer says how many bytes of ``upload`` came.
        case upload
        /// The session is dead when a target is called first; then it is an upload.
        case dead

        func target(_ number: Int) -> String { "/services/data/v62.0/\(rawValue)/\(number)" }
    }

    /// 256 KB, and a few bytes that make no round number.
    static let large = (0..<256_021).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    /// 300 KB.
    static let upload = (0..<300_007).map { UInt8(truncatingIfNeeded: $0 &* 17 &+ $0 >> 8) }
    /// Its first 30 KB.
    static let part = large.prefix(30_011)
    /// 8 MB: more than all kernel buffers on the way to a slow reader hold.
    private static let huge = large + [UInt8](repeating: 0, count: 8 * 1024 * 1024)

    /// What is answered where so many bytes of ``upload`` came.
    static func answer(toUpload count: Int) -> String { "\(count) bytes came" }

    private let called = NIOLockedValueBox<Set<String>>([])

    /// Answers the gateway's connections until it is cancelled.
    func serve(_ listener: RawListener) async {
        await withDiscardingTaskGroup { group in
            while let connection = try? await listener.accept() {
                group.addTask { await self.serveToTheEnd(connection) }
            }
            group.cancelAll()
        }
    }

    /// A connection ends where the gateway closes it, whose caller has left, or where nobody shall be answered any more,
    /// not even one that does not read.
    private func serveToTheEnd(_ connection: RawConnection) async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                for await _ in AsyncStream<Never>.makeStream().stream {}
                await connection.close()
            }
            try? await self.serve(connection)
            group.cancelAll()
        }
    }

    private func serve(_ connection: RawConnection) async throws {
        while true {
            let request = try await connection.readRequest()
            let (status, body) = answer(to: request)
            try await connection.send(Array("HTTP/1.1 \(status)\r\nContent-Length: \(body.count)\r\n\r\n".utf8) + body)
        }
    }

    private func answer(to request: RawMessage) -> (status: String, body: [UInt8]) {
        let words = request.target.split(separator: "/")
        switch words.dropLast().last.flatMap({ Call(rawValue: String($0)) }) {
        case .echo: return ("200 OK", Array(request.target.utf8))
        case .part: return ("200 OK", Array(Self.part))
        case .large: return ("200 OK", Self.large)
        case .huge: return ("200 OK", Self.huge)
        case .upload: return got(request)
        case .dead where called.withLockedValue({ $0.insert(request.target).inserted }):
            return ("401 Unauthorized", Array(DeadSessionTests.json.utf8))
        case .dead: return got(request)
        case nil: return ("404 Not Found", [])
        }
    }

    private func got(_ request: RawMessage) -> (status: String, body: [UInt8]) {
        let isRight = isSame(request.body, Self.upload.prefix(request.body.count))
        return ("200 OK", Array((isRight ? Self.answer(toUpload: request.body.count) : "something else").utf8))
    }
}

/// Runs a body while Salesforce answers.
func withSalesforce(of world: World, _ body: () async throws -> Void) async throws {
    async let _ = PlayedSalesforce().serve(world.upstream)
    try await body()
}

/// Whether bytes are the same: in a debug build many times faster than what compares two arrays.
func isSame(_ first: some Collection<UInt8>, _ second: some Collection<UInt8>) -> Bool {
    Data(first) == Data(second)
}
