import Crypto
import Foundation
import HTTPTypes
import NIOCore

/// Apex REST: echoes whatever comes, so that a test sees what arrived.
///
/// - `/services/apexrest/raw…` answers the request's own bytes with its own content type.
/// - `/services/apexrest/bytes?count=N` streams N bytes that repeat 0…250.
/// - `/services/apexrest/location` answers 302 with a relative `Location`.
/// - Anything else answers a JSON description of the request.
struct ApexREST: Sendable {
    let request: SimulatedRequest

    /// The most that `bytes` streams.
    private static let streamBytesMax = 4 * 1024 * 1024 * 1024

    func answer(_ principal: APIPrincipal) -> SimulatedAnswer {
        switch request.segments.dropFirst(2).first {
        case "raw":
            var answer = SimulatedAnswer(status: 200)
            answer.headers.append(("Content-Type", request.headers[.contentType] ?? "application/octet-stream"))
            answer.body = request.body
            return answer
        case "bytes":
            var answer = SimulatedAnswer(status: 200)
            answer.headers.append(("Content-Type", "application/octet-stream"))
            answer.streamedBytes = min(max(request.query["count"].flatMap { Int($0) } ?? 0, 0), Self.streamBytesMax)
            return answer
        case "location":
            return SimulatedAnswer(status: 302).adding("Location", "/services/apexrest/echo")
        case _: return echo(principal)
        }
    }

    private func echo(_ principal: APIPrincipal) -> SimulatedAnswer {
        let digest = SHA256.hash(data: Data(request.body.readableBytesView)).map(hexDigits).joined()
        let headers = request.headers.filter { $0.name != .authorization }.map {
            JSON.object([("name", .string($0.name.rawName)), ("value", .string($0.value))])
        }
        return .json(
            200,
            [
                "method": .string(request.method), "target": .string(request.target), "headers": .array(headers),
                "bodySize": .int(request.body.readableBytes), "bodySHA256": .string(digest),
                "body": .string(String(request.bodyText.prefix(JournalEntry.bodyBytesMax))),
                "username": .string(principal.user.username), "organizationId": .string(principal.org.longID),
            ])
    }
}
