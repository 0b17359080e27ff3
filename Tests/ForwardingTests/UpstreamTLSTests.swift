import Forwarding
import GatewayTesting
import NIOConcurrencyHelpers
import Testing

/// Salesforce over TLS.
@Suite(.timeLimit(.minutes(5))) struct UpstreamTLSTests {
    private static let path = "/services/data/v62.0/x"
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private static let good = Result { try Certificate.make(name: World.instanceName) }
    private static let other = Result { try Certificate.make(name: "other.my.localhost") }
    private static let expired = Result { try Certificate.make(name: World.instanceName, isExpired: true) }

    private static func options(_ certificate: Certificate?, trusting: Certificate) -> WorldOptions {
        var options = WorldOptions()
        options.hasOneLoop = true
        options.isSecure = true
        options.certificate = certificate
        options.authorities = trusting.authority
        options.limits.upstreamHeadTimeout = .seconds(50)
        return options
    }

    /// Calls are forwarded over it, and the connection is used again.
    @Test func forwarding() async throws {
        let good = try Self.good.get()
        let options = Self.options(good, trusting: good)
        try await withWorld(options) { world in
            let client = try await world.connect()
            try await client.send(world.request("POST", Self.path, ["Content-Length: 4"], body: "body"))
            let salesforce = try await world.upstream.accept()
            let received = try await salesforce.readRequest()
            #expect(received.text == "body")
            #expect(received["Host"] == [world.instance])
            #expect(options.negotiated.withLockedValue { $0 } == ["http/1.1"])
            try await salesforce.send(Self.ok)
            #expect(try await client.readResponse().text == "ok")
            let large = String(repeating: "l", count: 300_000)
            try await client.send(world.request("PUT", Self.path, ["Content-Length: \(large.utf8.count)"], body: large))
            #expect(try await salesforce.readRequest().text == large)
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: \(large.utf8.count)\r\n\r\n" + large)
            #expect(try await client.readResponse().text == large)
            #expect(world.upstream.acceptedCount == 1)
        }
    }

    enum Doubt: CaseIterable, Sendable { case otherName, expired, unknownAuthority }

    /// Who does not prove to be Salesforce gets nothing, and the caller 502.
    @Test(arguments: Doubt.allCases) func doubtfulCertificates(doubt: Doubt) async throws {
        let (certificate, trusted) =
            switch doubt {
            case .otherName: (try Self.other.get(), try Self.other.get())
            case .expired: (try Self.expired.get(), try Self.expired.get())
            case .unknownAuthority: (try Self.good.get(), try Self.other.get())
            }
        try await withWorld(Self.options(certificate, trusting: trusted)) { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let answered = try await client.readResponse()
            #expect(answered.status == 502)
            #expect(answered.text.contains("UPSTREAM_UNREACHABLE"))
            let salesforce = try await world.upstream.accept()
            #expect(try await salesforce.readToEnd() == [])
        }
    }

    /// A handshake that is broken off, answered by something else, or never answered.
    @Test(arguments: ["reset", "closed", "garbage", "silence"]) func brokenHandshakes(how: String) async throws {
        var options = Self.options(nil, trusting: try Self.good.get())
        options.limits.upstreamConnectTimeout = .milliseconds(how == "silence" ? 300 : 50_000)
        options.limits.tick = .milliseconds(20)
        try await withWorld(options) { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.read(count: 5)
            switch how {
            case "reset": await salesforce.reset()
            case "closed": await salesforce.close()
            case "garbage": try await salesforce.send("HTTP/1.1 400 Bad Request\r\n\r\n")
            default: break
            }
            #expect(try await client.readResponse().status == 502)
            try await salesforce.waitForEnd()
        }
    }

    /// Where Salesforce closes a connection in use, the next one is made before the next call.
    @Test func preWarming() async throws {
        let good = try Self.good.get()
        try await withWorld(Self.options(good, trusting: good)) { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let first = try await world.upstream.accept()
            _ = try await first.readRequest()
            try await first.send(Self.ok)
            _ = try await client.readResponse()
            await first.close()
            let second = try await world.upstream.accept()
            #expect(world.upstream.acceptedCount == 2)
            try await client.send(world.request("POST", Self.path, ["Content-Length: 0"]))
            _ = try await second.readRequest()
            try await second.send(Self.ok)
            #expect(try await client.readResponse().text == "ok")
            // What has not served yet is not made again: a host that is gone is not called for ever.
            #expect(world.upstream.acceptedCount == 2)
        }
    }

    /// A body that ends with its connection is whole where TLS says that it ends, and not where TCP alone does.
    @Test(arguments: [true, false]) func closeDelimitedAnswers(isProper: Bool) async throws {
        let good = try Self.good.get()
        try await withWorld(Self.options(good, trusting: good)) { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nbegun")
            _ = try await client.readHead()
            #expect(try await client.readChunk() == Array("begun".utf8))
            if isProper {
                await salesforce.close()
                #expect(try await client.readChunk() == [])
            } else {
                try await salesforce.close(below: "TLS")
                #expect(try await client.readToEnd() == [])
            }
        }
    }
}
