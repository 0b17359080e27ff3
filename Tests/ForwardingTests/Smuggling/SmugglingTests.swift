import Foundation
import GatewayTesting
import NIOConcurrencyHelpers
import Testing

/// Never two requests where one was sent, and never a head that the upstream reads otherwise than we did.
///
/// Each vector goes to this gateway, to nginx and to HAProxy, each in front of an upstream that keeps every byte. What
/// ours forwards is read by a strict reader and by a crowd of lax ones: they must all read the same request. The peers
/// show what is usual: where one of them refuses what we forward, ``strangers`` must say why.
///
/// `SMUGGLING_TABLE=path` writes what each did as a table (`docs/smuggling.md`).
@Suite(.timeLimit(.minutes(4)))
struct SmugglingTests {
    private static let lanes = 4
    private static let vectors = Family.all.flatMap(\.vectors)

    /// Vectors that we forward though a peer refuses them, and why.
    static let strangers: [String: String] = [
        "method-lower-case": "a method is any token (RFC 9110 §9.1); nginx takes capital letters and `_` and `-` alone",
        "method-odd-token": "a method is any token (RFC 9110 §9.1); nginx takes capital letters and `_` and `-` alone",
        "expect-continue-twice": "nginx takes any header that it knows but once; all readers read the same",
        "headers-190": "the contract allows 200 headers; HAProxy takes 101 unless it is told otherwise",
        "header-16-KB": "the contract allows 32 KiB of head; nginx takes 8 KiB a line and HAProxy 16 KiB in all",
        "target-15-KB": "the contract allows 16 KiB of target; nginx takes 8 KiB a line",
        "empty-lines-64-KB":
            "empty lines before a request are skipped (RFC 9112 §2.2); HAProxy's buffer is full of them",
    ]

    /// Every vector does what the table says of it, and nothing else reaches the upstream.
    @Test func nothingIsSmuggled() async throws {
        let names = Self.vectors.map(\.name)
        #expect(Set(names).count == names.count, "names are unique")
        #expect(names.count >= 250)
        let results = Results()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<Self.lanes { group.addTask { try await Self.tryOurs(lane, results) } }
            for peer in Peer.all { group.addTask { try await Self.tryPeer(peer, results) } }
            try await group.waitForAll()
        }
        let all = results.all
        for peer in Peer.all where all[peer.name] == nil {
            Issue.record("\(peer.name) is not installed, so nothing was compared with it", severity: .warning)
        }
        for vector in Self.vectors {
            let ours = try #require(all["ours"]?[vector.name], "\(vector.name) was not tried")
            #expect(ours.problems.isEmpty, "\(vector.name) (\(vector.rule))")
            guard ours.outcome.isPassage, Self.strangers[vector.name] == nil else { continue }
            for peer in Peer.all where all[peer.name]?[vector.name]?.outcome.isRefusal == true {
                Issue.record("\(peer.name) refuses \(vector.name), and we forward it")
            }
        }
        if let path = ProcessInfo.processInfo.environment["SMUGGLING_TABLE"] {
            let versions = try Peer.all.compactMap { try $0.version() }
            try SmugglingTable(families: Family.all, results: all, versions: versions, strangers: Self.strangers)
                .text.write(toFile: path, atomically: true, encoding: .utf8)
        }
    }

    /// One gateway with a part of the vectors, one after the other: so each byte at its upstream has its vector.
    private static func tryOurs(_ lane: Int, _ results: Results) async throws {
        try await withWorld { world in
            #expect(world.key.utf8.count == Wire.keyMark.utf8.count)
            let upstream = RecordingUpstream(world.upstream)
            let identity = Identity(host: world.instance, credential: "Bearer \(World.firstToken)")
            let subject = Subject(port: world.port, upstream: upstream, key: world.key, patience: .seconds(30))
            try await Self.tryAll(at: subject, lane: lane, of: "ours", identity: identity, results)
        }
    }

    private static func tryPeer(_ peer: Peer, _ results: Results) async throws {
        var upstreams: [RecordingUpstream] = []
        for _ in 0..<lanes { upstreams.append(RecordingUpstream(try await RawListener())) }
        try await peer.run(before: upstreams) { ports in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (lane, port) in ports.enumerated() {
                    let subject = Subject(
                        port: port, upstream: upstreams[lane], key: Wire.keyMark, patience: .milliseconds(400))
                    group.addTask {
                        try await Self.tryAll(at: subject, lane: lane, of: peer.name, identity: nil, results)
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    private static func tryAll(
        at subject: Subject, lane: Int, of name: String, identity: Identity?, _ results: Results
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await subject.upstream.run() }
            var mark = RecordingUpstream.Mark.beginning
            for index in stride(from: lane, to: vectors.count, by: lanes) {
                let vector = vectors[index].filled(with: subject.key)
                let trial = try await Trial.run(vector, at: subject, from: &mark)
                results.add(Judgement(vector, trial, identity: identity), of: vector.name, at: name)
            }
            let late = subject.upstream.since(mark).slices
            if identity != nil { #expect(late.isEmpty, "bytes reached the upstream after the last vector") }
            group.cancelAll()
        }
    }
}

/// What became of each vector, by proxy and name.
private final class Results: Sendable {
    private let state = NIOLockedValueBox<[String: [String: Judgement]]>([:])

    var all: [String: [String: Judgement]] { state.withLockedValue { $0 } }

    func add(_ judgement: Judgement, of vector: String, at proxy: String) {
        state.withLockedValue { $0[proxy, default: [:]][vector] = judgement }
    }
}
