import Foundation
import GatewayTesting

/// A proxy that is tried: where it listens, and the upstream behind it.
struct Subject: Sendable {
    let port: Int
    let upstream: RecordingUpstream
    /// An access key that it takes.
    let key: String
    /// How long it may be silent. A proxy that waits for the rest of what it takes for a body says nothing; ours never
    /// has to, so there it only bounds a failure.
    let patience: Duration
}

/// What one vector did at one proxy.
struct Trial: Sendable {
    /// What the client got on the vector's connection.
    let answers: [Answer]
    /// Whether the proxy ended the client's connection by itself.
    let hasEnded: Bool
    /// Whether it was silent for longer than its patience.
    let hasWaited: Bool
    /// What the next client got, which sent a sound request.
    let probe: Answer?
    let slices: [RecordingUpstream.Slice]
    /// Whether every upstream connection with half a request was ended by the proxy.
    let endsHalves: Bool

    /// Sends a vector that holds the subject's key, then a sound request on a connection of its own, and gathers what
    /// became of both.
    ///
    /// - Parameter mark: where the trial before left off, and then where this one did: bytes that come late count too.
    static func run(
        _ vector: Vector, at subject: Subject, from mark: inout RecordingUpstream.Mark
    ) async throws -> Trial {
        let client = try await RawConnection.connect(port: subject.port)
        var pieces = vector.pieces
        if !vector.endsSending {
            // In one piece with the vector's last, so that a reader that loses step finds it in its buffer.
            pieces[pieces.count - 1] += Wire.follower(Wire.marker).filled(with: subject.key)
        }
        var exchange = Exchange(isHead: vector.isHead)
        let isDone = await exchange.run(
            on: client, sending: pieces, endingWith: vector.endsSending, patience: subject.patience)
        if !isDone {
            // Says that nothing more comes, which ends a wait for the rest of a body.
            try? await client.finishSending()
            _ = await exchange.run(on: client, sending: [], endingWith: false, patience: subject.patience)
        }
        await client.close()
        let probe = try await Self.probe(subject)
        var slices = subject.upstream.since(mark).slices
        let halves = slices.filter { StrictReader.read($0.bytes).rest == .incomplete }.map(\.connection)
        let endsHalves = await within(subject.patience) {
            for connection in halves {
                while !subject.upstream.isOver(connection) { try await Task.sleep(for: .milliseconds(1)) }
            }
        }
        (slices, mark) = subject.upstream.since(mark)
        return Trial(
            answers: exchange.answers, hasEnded: exchange.isOver && isDone, hasWaited: !isDone, probe: probe,
            slices: slices, endsHalves: endsHalves)
    }

    private static func probe(_ subject: Subject) async throws -> Answer? {
        let client = try await RawConnection.connect(port: subject.port)
        var exchange = Exchange(isHead: false)
        _ = await exchange.run(
            on: client, sending: [Wire.follower(Wire.probe).filled(with: subject.key)], endingWith: false,
            patience: subject.patience, answersMax: 1)
        await client.close()
        return exchange.answers.first
    }
}

/// The client's side of a trial.
private struct Exchange {
    let isHead: Bool
    var bytes: [UInt8] = []
    var isOver = false

    init(isHead: Bool) { self.isHead = isHead }

    var answers: [Answer] { Answer.read(bytes, isHead: isHead, isOver: isOver) }

    /// Sends, and reads until the marker is answered or the connection ends; `false` where neither came in time.
    mutating func run(
        on client: RawConnection, sending pieces: [[UInt8]], endingWith endsSending: Bool, patience: Duration,
        answersMax: Int = .max
    ) async -> Bool {
        let received = Received(bytes)
        let isHead = isHead
        let isDone = await within(patience) {
            do {
                for piece in pieces { try await client.send(piece) }
                if endsSending { try await client.finishSending() }
            } catch {
                // The peer closes as soon as it has refused; its answer may be there to be read.
                try Task.checkCancellation()
            }
            while true {
                let more = try await client.readAvailable()
                try Task.checkCancellation()
                if received.add(more, isHead: isHead, answersMax: answersMax) { return }
            }
        }
        (bytes, isOver) = received.value
        return isDone
    }
}
