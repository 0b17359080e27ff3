import Forwarding
import GatewayTesting
import NIOCore
import Testing

/// Salesforce's hosts are looked up beside the calls of all others.
@Suite(.timeLimit(.minutes(5))) struct LookupTests {
    private static let path = "/services/data/v62.0/x"
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private let lookups = ScriptedLookups()

    private var options: WorldOptions {
        var options = WorldOptions()
        options.hasOneLoop = true
        options.lookups = lookups
        options.neighbours = ["near"]
        options.limits.upstreamConnectTimeout = .seconds(50)
        options.limits.upstreamHeadTimeout = .seconds(55)
        return options
    }

    /// Answers the next call that reaches Salesforce, and returns what its client got.
    private func serve(_ client: RawConnection, in world: World) async throws -> RawMessage {
        let salesforce = try await world.upstream.accept()
        _ = try await salesforce.readRequest()
        try await salesforce.send(Self.ok)
        return try await client.readResponse()
    }

    /// A host whose name servers are silent costs a tenant on the same event loop nothing.
    @Test func aHangingLookupHoldsUpNobodyElse() async throws {
        let (lookups, latch) = (lookups, Latch())
        lookups.set(World.instanceName, .hangs(latch))
        try await withWorld(options) { world in
            defer { latch.open() }
            let hanging = try await world.connect()
            try await hanging.send(world.request("GET", Self.path))
            #expect(await lookups.nextAsked() == World.instanceName)
            let client = try await world.connect()
            try await client.send(world.request(of: "near", Self.path))
            #expect(try await serve(client, in: world).text == "ok")
            #expect(world.upstream.acceptedCount == 1)
            latch.open()
            #expect(try await serve(hanging, in: world).text == "ok")
            #expect(lookups.asked == [World.instanceName, World.instanceName(of: "near")])
        }
    }

    /// The connect timeout covers the look-up; an answer that comes later makes no connection.
    @Test func aHangingLookupIsRefusedInTime() async throws {
        let (lookups, latch) = (lookups, Latch())
        lookups.set(World.instanceName, .hangs(latch))
        var options = options
        options.limits.upstreamConnectTimeout = .seconds(1)
        try await withWorld(options) { world in
            defer { latch.open() }
            // The latch is closed: nothing but the timeout ends the call.
            let refused = try await world.refusal(world.request("GET", Self.path))
            #expect(refused.status == 502)
            #expect(refused.text.contains("UPSTREAM_UNREACHABLE"))
            latch.open()
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            #expect(try await serve(client, in: world).text == "ok")
            #expect(world.upstream.acceptedCount == 1)
        }
    }

    /// Many calls to a host that hangs take one thread: it is looked up once, and the answer is for all.
    @Test func callsShareALookup() async throws {
        let (lookups, latch) = (lookups, Latch())
        lookups.set(World.instanceName, .hangs(latch))
        var options = options
        options.limits.upstreamConnectionsPerHostMax = 8
        try await withWorld(options) { world in
            defer { latch.open() }
            let statuses = try await withThrowingTaskGroup(of: Int?.self) { group in
                for _ in 0..<9 {
                    group.addTask {
                        let client = try await world.connect()
                        try await client.send(world.request("GET", Self.path))
                        return try await client.readResponse().status
                    }
                }
                // Beyond as many connections as may be, one call is refused: so all others have theirs being made.
                #expect(try await group.next() == 503)
                // And all of them have asked for the host when the event loop is through what it had to do.
                try await World.loop.submit {}.get()
                #expect(lookups.asked == [World.instanceName])
                latch.open()
                for _ in 0..<8 {
                    let salesforce = try await world.upstream.accept()
                    _ = try await salesforce.readRequest()
                    try await salesforce.send(Self.ok)
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(statuses == Array(repeating: 200, count: 8))
            #expect(lookups.asked == [World.instanceName])
        }
    }

    /// A host that is not found is 502; nothing is remembered of that, so the next call asks again.
    @Test func aFailedLookupIsAskedAgain() async throws {
        let lookups = lookups
        lookups.set(World.instanceName, .fails)
        try await withWorld(options) { world in
            let refused = try await world.refusal(world.request("GET", Self.path))
            #expect(refused.status == 502)
            #expect(refused.text.contains("\"errorCode\":\"UPSTREAM_UNREACHABLE\""))
            lookups.set(World.instanceName, .addresses(["127.0.0.1"]))
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            #expect(try await serve(client, in: world).text == "ok")
            #expect(lookups.asked == [World.instanceName, World.instanceName])
        }
    }

    /// An address where nobody listens is passed over, of either family, before or behind the one that answers.
    @Test(arguments: [["127.0.0.2", "127.0.0.1"], ["127.0.0.1", "127.0.0.2"], ["127.0.0.1", "::1"]])
    func anotherAddressIsTried(addresses: [String]) async throws {
        lookups.set(World.instanceName, .addresses(addresses))
        try await withWorld(options) { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            #expect(try await serve(client, in: world).text == "ok")
        }
    }

    /// Where nobody listens at any address, or there is none, the caller is told.
    @Test(arguments: [["127.0.0.2", "127.0.0.3"], []]) func noAddressAnswers(addresses: [String]) async throws {
        lookups.set(World.instanceName, .addresses(addresses))
        try await withWorld(options) { world in
            let refused = try await world.refusal(world.request("GET", Self.path))
            #expect(refused.status == 502)
        }
    }

    /// Beyond as many hosts as may be looked up and wait, a call is refused at once.
    @Test func lookupsAreBounded() async throws {
        let (lookups, latch) = (lookups, Latch())
        lookups.set(World.instanceName, .hangs(latch))
        var options = options
        options.limits.lookupsMax = 1
        options.limits.lookupsWaitingMax = 0
        try await withWorld(options) { world in
            defer { latch.open() }
            let hanging = try await world.connect()
            try await hanging.send(world.request("GET", Self.path))
            #expect(await lookups.nextAsked() == World.instanceName)
            // The latch is closed: the refusal waits for nothing.
            let refused = try await world.refusal(world.request(of: "near", Self.path))
            #expect(refused.status == 502)
            #expect(refused.text.contains("UPSTREAM_UNREACHABLE"))
            latch.open()
            #expect(try await serve(hanging, in: world).text == "ok")
            let client = try await world.connect()
            try await client.send(world.request(of: "near", Self.path))
            #expect(try await serve(client, in: world).text == "ok")
            #expect(lookups.asked == [World.instanceName, World.instanceName(of: "near")])
        }
    }
}
