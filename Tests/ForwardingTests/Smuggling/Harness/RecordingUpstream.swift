import GatewayTesting
import NIOConcurrencyHelpers

/// An upstream that keeps every byte of every connection, and answers each request that the strict reader finds with
/// what it took it for.
final class RecordingUpstream: Sendable {
    struct Connection: Sendable {
        var bytes: [UInt8] = []
        /// Up to where the strict reader found whole requests.
        var consumed = 0
        var isOver = false
    }

    /// How much had come on each connection at some time.
    struct Mark: Sendable {
        /// Before anything has come.
        static let beginning = Mark(counts: [])

        fileprivate let counts: [Int]
    }

    /// What came on a connection since a mark.
    struct Slice: Sendable {
        let connection: Int
        let bytes: [UInt8]
    }

    let port: Int
    private let listener: RawListener
    private let connections = NIOLockedValueBox<[Connection]>([])

    init(_ listener: RawListener) {
        self.listener = listener
        self.port = listener.port
    }

    /// Accepts and answers until it is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            while let connection = try? await listener.accept() {
                let index = connections.withLockedValue { connections in
                    connections.append(Connection())
                    return connections.count - 1
                }
                group.addTask { await self.serve(connection, as: index) }
            }
            group.cancelAll()
        }
    }

    /// What came since a mark, and the mark for what comes after it.
    func since(_ mark: Mark) -> (slices: [Slice], next: Mark) {
        connections.withLockedValue { connections in
            let slices = connections.enumerated().compactMap { index, connection -> Slice? in
                let known = index < mark.counts.count ? mark.counts[index] : 0
                guard connection.bytes.count > known else { return nil }
                return Slice(connection: index, bytes: Array(connection.bytes[known...]))
            }
            return (slices, Mark(counts: connections.map(\.bytes.count)))
        }
    }

    /// Whether the peer has ended a connection.
    func isOver(_ connection: Int) -> Bool { connections.withLockedValue { $0[connection].isOver } }

    private func serve(_ connection: RawConnection, as index: Int) async {
        while let bytes = try? await connection.readAvailable(), !bytes.isEmpty {
            let reading = connections.withLockedValue { connections in
                connections[index].bytes += bytes
                let reading = StrictReader.read(Array(connections[index].bytes[connections[index].consumed...]))
                connections[index].consumed += reading.consumed
                return reading
            }
            for request in reading.requests {
                // A peer that has gone needs no answer.
                try? await connection.send(Self.answer(request))
            }
            if case .malformed = reading.rest {
                try? await connection.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                break
            }
        }
        connections.withLockedValue { $0[index].isOver = true }
        await connection.close()
    }

    /// Without a body, so that the client can find its end without knowing which method it answers.
    private static func answer(_ request: ReadRequest) -> String {
        let target = request.target.prefix(200)
        return "HTTP/1.1 200 OK\r\n\(Answer.seenHeader): \(request.method) \(target)\r\nContent-Length: 0\r\n\r\n"
    }
}
