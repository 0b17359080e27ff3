import Domain
import Forwarding
import GatewayTesting
import Logging
import Testing

/// Clients that go away, in each phase of their call.
@Suite(.timeLimit(.minutes(5))) struct LeavingTests {
    private static let path = "/services/data/v62.0/x"
    /// An answer after which Salesforce's connection is not used again.
    private static let last = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

    enum Phase: CaseIterable, Sendable {
        case resolving, queued, connecting, uploading, waiting, inspecting, refreshing, relaying
    }

    enum Leaving: CaseIterable, Sendable { case byReset, byClosing }

    /// Salesforce's connection is given up, the tenant's place is free again, and the call is told of once.
    @Test(arguments: Phase.allCases, Leaving.allCases) func itsCallIsGivenUp(phase: Phase, how: Leaving) async throws {
        let gate = Gate()
        var options = WorldOptions()
        options.hasOneLoop = true
        options.isSecure = phase == .connecting
        options.limits.tenantConcurrency = 1
        options.limits.halfClosedTimeout = .milliseconds(50)
        options.limits.tick = .milliseconds(20)
        options.repositories = { all in
            guard phase == .resolving else { return all }
            return Repositories(gatingKeysOf: all, at: gate)
        }
        try await withWorld(options) { world in
            if phase == .refreshing { world.oauth.hold(at: gate) }
            let running = phase == .queued ? try await Self.occupy(world) : nil
            let client = try await world.connect()
            let salesforce = try await Self.bring(client, to: phase, world, gate)
            switch how {
            case .byReset: await client.reset()
            case .byClosing: await client.close()
            }
            var lines = Self.lines(world)
            while lines.isEmpty {
                _ = try await world.refusal(world.bare("GET", "/services/oauth2/token"))
                lines = Self.lines(world)
            }
            if let salesforce { try await salesforce.waitForEnd() }
            if let running {
                try await running.salesforce.send(Self.last)
                #expect(try await running.client.readResponse().text == "ok")
            }
            gate.open()
            try await Self.expectThePlaceIsFree(world, isSecure: phase == .connecting)
            #expect(Self.lines(world).count == 1)
            #expect(lines.first?.metadata["status"] == (phase == .relaying ? "200" : "499"))
        }
    }

    private static func lines(_ world: World) -> [CapturedLog.Line] {
        world.log.lines.filter { $0.message == "forwarded call" && $0.metadata["ending"] == "client_gone" }
    }

    /// Takes the tenant's only place.
    private static func occupy(_ world: World) async throws -> (client: RawConnection, salesforce: RawConnection) {
        let client = try await world.connect()
        try await client.send(world.request("GET", path))
        let salesforce = try await world.upstream.accept()
        _ = try await salesforce.readRequest()
        return (client, salesforce)
    }

    /// Makes a call, up to a phase; Salesforce's connection, where it has one that must be given up.
    private static func bring(
        _ client: RawConnection, to phase: Phase, _ world: World, _ gate: Gate
    ) async throws -> RawConnection? {
        switch phase {
        case .resolving:
            let unknown = world.key.dropLast() + (world.key.hasSuffix("a") ? "b" : "a")
            try await client.send(world.bare("GET", path, ["Authorization: Bearer \(unknown)"]))
            await gate.waitForArrivals()
            return nil
        case .queued:
            try await client.send(world.request("GET", path))
            for _ in 0..<5 { _ = try await world.refusal(world.bare("GET", "/services/oauth2/token")) }
            return nil
        case .connecting:
            try await client.send(world.request("GET", path))
            // Salesforce has the first bytes of a handshake, and says nothing.
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.read(count: 5)
            return salesforce
        case .uploading, .waiting, .inspecting, .refreshing, .relaying:
            let isPart = phase == .uploading
            try await client.send(world.request("PUT", path, ["Content-Length: 4"], body: isPart ? "bo" : "body"))
        }
        let salesforce = try await world.upstream.accept()
        _ = try await salesforce.readHead()
        _ = try await salesforce.read(count: phase == .uploading ? 2 : 4)
        switch phase {
        case .inspecting:
            try await salesforce.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\n[")
            for _ in 0..<5 { _ = try await world.refusal(world.bare("GET", "/services/oauth2/token")) }
        case .refreshing:
            let body = DeadSessionTests.json
            try await salesforce.send(
                "HTTP/1.1 401 Unauthorized\r\nContent-Length: \(body.utf8.count)\r\nConnection: close\r\n\r\n\(body)")
            await gate.waitForArrivals()
            return nil
        case .relaying:
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")
            _ = try await client.read(through: "begun")
        case .resolving, .queued, .connecting, .uploading, .waiting:
            break
        }
        return salesforce
    }

    private static func expectThePlaceIsFree(_ world: World, isSecure: Bool) async throws {
        let client = try await world.connect()
        try await client.send(world.request("GET", path + "/free"))
        guard !isSecure else {
            // It gets as far as Salesforce: it has its place.
            _ = try await world.upstream.accept()
            return
        }
        let salesforce = try await world.upstream.accept()
        #expect(try await salesforce.readRequest().target == path + "/free")
        try await salesforce.send(last)
        #expect(try await client.readResponse().text == "ok")
    }
}
