import GatewayTesting
import NIOConcurrencyHelpers
import Testing

/// Bodies stream: what nobody takes is not fetched.
@Suite(.timeLimit(.minutes(5))) struct StreamingTests {
    private static let path = "/services/data/v62.0/x"
    private static let partBytes = 64 * 1024
    /// 24 MB: more than all kernel buffers on the way can hold (at most about 10 MB on Linux).
    private static let partCount = 384

    private static let pattern = (0..<partBytes).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    private static func part(_ number: Int) -> [UInt8] {
        var part = pattern
        part[number] = UInt8(truncatingIfNeeded: number)
        return part
    }

    /// Returns when a count has stopped growing while the gateway did other work.
    private func settle(_ world: World, _ count: () -> Int) async throws {
        var last = -1
        while last != count() {
            last = count()
            for _ in 0..<20 { _ = try await world.refusal(world.bare("GET", "/services/oauth2/token")) }
        }
    }

    private func send(over connection: RawConnection, counting sent: NIOLockedValueBox<Int>) async throws {
        for number in 0..<Self.partCount {
            try await connection.send(Self.part(number))
            sent.withLockedValue { $0 += 1 }
        }
    }

    private func expectParts(on connection: RawConnection) async throws {
        for number in 0..<Self.partCount {
            guard try await connection.read(count: Self.partBytes) == Self.part(number) else {
                Issue.record("part \(number) differs")
                return
            }
        }
    }

    /// A client that does not read holds Salesforce up; when it reads, all is there.
    @Test func aSlowReaderHoldsTheAnswerUp() async throws {
        try await withWorld { world in
            let client = try await world.connect(bufferBytes: 64 * 1024)
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send(
                "HTTP/1.1 200 OK\r\nContent-Length: \(Self.partBytes * Self.partCount)\r\n\r\n")
            let sent = NIOLockedValueBox(0)
            async let sending: Void = send(over: salesforce, counting: sent)
            _ = try await client.readHead()
            try await settle(world) { sent.withLockedValue { $0 } }
            #expect(sent.withLockedValue { $0 } < Self.partCount)
            try await expectParts(on: client)
            try await sending
        }
    }

    /// A Salesforce that does not read holds the client up; when it reads, all is there.
    @Test func aSlowSalesforceHoldsTheUploadUp() async throws {
        try await withWorld { world in
            let client = try await world.connect(bufferBytes: 64 * 1024)
            try await client.send(
                world.request("POST", Self.path, ["Content-Length: \(Self.partBytes * Self.partCount)"]))
            let sent = NIOLockedValueBox(0)
            async let sending: Void = send(over: client, counting: sent)
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readHead()
            try await settle(world) { sent.withLockedValue { $0 } }
            #expect(sent.withLockedValue { $0 } < Self.partCount)
            try await expectParts(on: salesforce)
            try await sending
            try await salesforce.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            #expect(try await client.readResponse().status == 201)
        }
    }

    /// Parts pass when they come, and don't wait for the next.
    @Test func partsPassAtOnce() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("POST", Self.path, ["Transfer-Encoding: chunked"]))
            try await client.send("3\r\none\r\n")
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readHead()
            #expect(try await salesforce.readChunk() == Array("one".utf8))
            try await client.send("3\r\ntwo\r\n")
            #expect(try await salesforce.readChunk() == Array("two".utf8))
            try await client.send("0\r\n\r\n")
            #expect(try await salesforce.readChunk() == [])
            try await salesforce.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            _ = try await client.readHead()
            for text in ["three", "four"] {
                try await salesforce.send("\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n")
                #expect(try await client.readChunk() == Array(text.utf8))
            }
            try await salesforce.send("0\r\n\r\n")
            #expect(try await client.readChunk() == [])
        }
    }
}
