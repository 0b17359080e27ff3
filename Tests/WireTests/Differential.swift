import NIOCore
import Wire

/// Where two ways of reading the same bytes disagree; each returns a sentence about the first place, or `nil`.
enum Differential {
    /// Wire and NIO. What NIO refuses and Wire accepts must be `isTolerated`; where Wire refuses, it is stricter.
    static func disagreement(_ bytes: [UInt8], _ direction: Direction) -> String? {
        let ours = WireReader.read(bytes, direction)
        let theirs = NIOReader.read(bytes, direction)
        for (index, our) in ours.messages.enumerated() {
            guard index < theirs.messages.count else {
                // NIO reads no further behind the preface of HTTP/2, and says nothing.
                let isSilent = theirs.refusal == nil && !our.startLine.hasPrefix("PRI ")
                if !isSilent, isTolerated(our, direction) { return nil }
                return "message \(index): NIO has none (\(theirs.refusal ?? "wants more")), Wire: \(our)"
            }
            var their = theirs.messages[index]
            // A body that Wire refuses is cut off somewhere; one that NIO refuses must not be accepted whole.
            let isRefused = !our.isComplete && ours.refusal != nil
            if theirs.refusal != nil, !their.isComplete, our.isComplete {
                return "message \(index): NIO refuses its body (\(theirs.refusal ?? "")), Wire: \(our)"
            }
            if isRefused || (theirs.refusal != nil && !their.isComplete) {
                their.body = our.body
                their.isComplete = our.isComplete
            }
            // Of `close` and `keep-alive`, `close` wins here; there, the last one may.
            if !our.keepsAlive, our.fields.contains(where: { $0.lowercased().hasPrefix("connection:") }) {
                their.keepsAlive = false
            }
            if our != their { return "message \(index): Wire: \(our), NIO: \(their)" }
            if isRefused { return nil }
        }
        guard ours.refusal == nil, !ours.isOver, theirs.messages.count > ours.messages.count else { return nil }
        return "Wire wants more, NIO: \(theirs.messages[ours.messages.count])"
    }

    /// What Wire accepts though NIO does not:
    /// - methods that llhttp does not list: a method is a token, and whether it is forwarded is the caller's to say;
    /// - targets that do not begin with `/`: which form a target has is the caller's to judge.
    private static func isTolerated(_ message: Message, _ direction: Direction) -> Bool {
        guard direction == .requests else { return false }
        let parts = message.startLine.split(separator: " ")
        return !commonMethods.contains(String(parts[0])) || !parts[1].hasPrefix("/") || parts[0] == "CONNECT"
    }

    private static let commonMethods: Set<String> = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
    ]

    /// Wire on the whole and Wire on pieces.
    static func disagreement(_ bytes: [UInt8], _ direction: Direction, splitAt cuts: [Int]) -> String? {
        let whole = WireReader.read(bytes, direction)
        var reader = WireReader(direction)
        var start = 0
        for cut in cuts + [bytes.count] where cut >= start && cut <= bytes.count {
            reader.take(bytes[start..<cut])
            start = cut
        }
        reader.endPieces()
        guard reader.reading.withoutRefusedBody != whole.withoutRefusedBody else { return nil }
        return "split at \(cuts): \(reader.reading), whole: \(whole)"
    }

    /// A chunked body's end, as both modes see it on the whole and on pieces.
    static func chunkedDisagreement(_ bytes: [UInt8], splitAt cuts: [Int]) -> String? {
        let decoded = ChunkedReading(bytes, .decoding, splitAt: [])
        let passed = ChunkedReading(bytes, .passing, splitAt: [])
        guard (decoded.count, decoded.isEnd, decoded.problem) == (passed.count, passed.isEnd, passed.problem) else {
            return "decoding: \(decoded), passing: \(passed)"
        }
        for (mode, whole) in [(ChunkedBody.Mode.decoding, decoded), (.passing, passed)] {
            let pieces = ChunkedReading(bytes, mode, splitAt: cuts)
            guard pieces.isEnd == whole.isEnd, pieces.problem == whole.problem, pieces.count == whole.count,
                whole.problem != nil || pieces.output == whole.output
            else { return "split at \(cuts): \(pieces), whole: \(whole)" }
        }
        guard passed.isEnd else { return nil }
        // What is passed on is a chunked body itself, and says the same.
        let again = ChunkedReading(passed.output, .decoding, splitAt: [])
        guard again.isEnd, again.left == 0, again.output == decoded.output else {
            return "passed on: \(again), received: \(decoded)"
        }
        return nil
    }
}

/// What `ChunkedBody` made of bytes.
struct ChunkedReading {
    private(set) var output: [UInt8] = []
    private(set) var slices = 0
    private(set) var count = 0
    private(set) var left = 0
    private(set) var isEnd = false
    private(set) var problem: ChunkProblem?

    init(_ bytes: [UInt8], _ mode: ChunkedBody.Mode, splitAt cuts: [Int]) {
        var body = ChunkedBody()
        var pending = buffer([])
        var start = 0
        for cut in cuts + [bytes.count] where cut >= start && cut <= bytes.count {
            pending.writeBytes(bytes[start..<cut])
            start = cut
            do throws(ChunkProblem) {
                isEnd = try body.take(&pending, mode) {
                    output += $0.readableBytesView
                    slices += 1
                }
            } catch {
                problem = error
                break
            }
        }
        count = body.dataByteCount
        left = pending.readableBytes
    }
}
