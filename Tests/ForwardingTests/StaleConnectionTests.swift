import Forwarding
import GatewayTesting
import NIOCore
import Testing

/// Kept connections with Salesforce that have ended meanwhile.
@Suite(.timeLimit(.minutes(5)), .serialized) struct StaleConnectionTests {
    private static let path = "/services/data/v62.0/x"
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    private var options: WorldOptions {
        var options = WorldOptions()
        options.hasOneLoop = true
        return options
    }

    /// What happens to an idle connection.
    enum Fault: CaseIterable, Sendable { case closed, reset, answeredUnasked }

    /// A call is not put on a connection whose end has come, though the event loop has not heard of it: what must not be
    /// made twice could not be tried again. Nor does what came unasked become its answer.
    @Test(arguments: ["POST", "PATCH", "GET"], Fault.allCases)
    func theEndThatTheLoopHasNotSeen(method: String, fault: Fault) async throws {
        var options = options
        options.limits.upstreamFreshTime = .zero
        try await withWorld(options) { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let first = try await world.upstream.accept()
            _ = try await first.readRequest()
            try await first.send(Self.ok)
            _ = try await client.readResponse()

            // The loop is held while both come: the call, and the end of the connection. It sees the call first.
            let (held, free) = (Gate(), Hold())
            World.loop.execute {
                held.open()
                free.wait()
            }
            await held.pass()
            try await client.send(world.request(method, Self.path + "/2", ["Content-Length: 4"], body: "body"))
            switch fault {
            case .closed: await first.close()
            case .reset: await first.reset()
            case .answeredUnasked: try await first.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
            }
            free.open()
            let second = try await world.upstream.accept()
            #expect(try await second.readRequest().text == "body")
            try await second.send(Self.ok)
            #expect(try await client.readResponse().text == "ok")
            #expect(world.upstream.acceptedCount == 2)
        }
    }

    /// The second try goes over a new connection: others that are idle are as old as the first.
    @Test func theSecondTryIsFresh() async throws {
        try await withWorld(options) { world in
            var kept: [RawConnection] = []
            var clients: [RawConnection] = []
            for _ in 0..<3 {
                let client = try await world.connect()
                try await client.send(world.request("GET", Self.path))
                let salesforce = try await world.upstream.accept()
                _ = try await salesforce.readRequest()
                kept.append(salesforce)
                clients.append(client)
            }
            for (salesforce, client) in zip(kept, clients) {
                try await salesforce.send(Self.ok)
                _ = try await client.readResponse()
            }
            try await clients[0].send(world.request("GET", Self.path + "/again"))
            // Whichever gets the request closes without a word.
            _ = try await kept[2].readRequest()
            await kept[2].close()
            let fresh = try await world.upstream.accept()
            #expect(try await fresh.readRequest().target == Self.path + "/again")
            try await fresh.send(Self.ok)
            #expect(try await clients[0].readResponse().text == "ok")
        }
    }

    /// Idle connections are closed before Salesforce does it.
    @Test func idleConnectionsExpire() async throws {
        var options = options
        options.limits.upstreamKeepAlive = .milliseconds(50)
        options.limits.tick = .milliseconds(20)
        try await withWorld(options) { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send(Self.ok)
            _ = try await client.readResponse()
            #expect(try await salesforce.waitForEnd() == false)
        }
    }

    /// As many connections with a host as may be, and one call more is told to come again; so it goes with idle ones.
    @Test func connectionsAreBounded() async throws {
        var options = options
        options.limits.upstreamConnectionsPerHostMax = 2
        options.limits.upstreamIdlePerHostMax = 1
        try await withWorld(options) { world in
            var calls: [(client: RawConnection, salesforce: RawConnection)] = []
            for _ in 0..<2 {
                let client = try await world.connect()
                try await client.send(world.request("GET", Self.path))
                let salesforce = try await world.upstream.accept()
                _ = try await salesforce.readRequest()
                calls.append((client, salesforce))
            }
            let refused = try await world.refusal(world.request("GET", Self.path))
            #expect(refused.status == 503)
            #expect(refused["Retry-After"] == ["5"])
            for call in calls {
                try await call.salesforce.send(Self.ok)
                #expect(try await call.client.readResponse().text == "ok")
            }
            // One is kept, the other is closed.
            try await calls[1].salesforce.waitForEnd()
            try await calls[1].client.send(world.request("GET", Self.path))
            _ = try await calls[0].salesforce.readRequest()
        }
    }
}
