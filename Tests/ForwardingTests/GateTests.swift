import Forwarding
import GatewayTesting
import Testing

/// A tenant's calls at one time are bounded, and so is their line.
@Suite(.timeLimit(.minutes(5))) struct GateTests {
    private static let path = "/services/data/v62.0/x"

    private func options(queueWait: Duration = .seconds(50)) -> WorldOptions {
        var options = WorldOptions()
        options.hasOneLoop = true
        options.limits.tenantConcurrency = 1
        options.limits.tenantQueueWait = queueWait
        return options
    }

    /// One runs, one waits, one is refused; the place is free when the answer's body is done, not before.
    @Test func onePlaceIsHeldToTheEndOfTheAnswer() async throws {
        try await withWorld(options()) { world in
            let running = try await world.connect()
            try await running.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha")
            _ = try await running.readHead()
            // The head is there and the body isn't whole: of two more calls one waits, and one is refused.
            let statuses = try await withThrowingTaskGroup(of: RawMessage.self) { group in
                for _ in 0..<2 {
                    group.addTask {
                        let client = try await world.connect()
                        try await client.send(world.request("GET", Self.path))
                        return try await client.readResponse()
                    }
                }
                let refused = try #require(try await group.next())
                #expect(refused["Retry-After"] == ["5"])
                #expect(refused.text.contains("SERVER_UNAVAILABLE"))
                #expect(world.upstream.acceptedCount == 1)
                try await salesforce.send("lf")
                #expect(try await running.read(count: 4) == Array("half".utf8))
                let next = try await salesforce.readRequest()
                #expect(next.target == Self.path)
                try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                let served = try #require(try await group.next())
                return [refused.status, served.status]
            }
            #expect(statuses == [503, 200])
        }
    }

    /// The wait is bounded too.
    @Test func theWaitIsBounded() async throws {
        try await withWorld(options(queueWait: .milliseconds(50))) { world in
            let running = try await world.connect()
            try await running.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            let answered = try await world.refusal(world.request("GET", Self.path))
            #expect(answered.status == 503)
            #expect(answered["Retry-After"] == ["5"])
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            #expect(try await running.readResponse().status == 200)
        }
    }

    /// Every way to end a call frees its place: an answer without a body, a broken one, a client that left, a refusal.
    @Test func everyEndFreesThePlace() async throws {
        try await withWorld(options()) { world in
            let (_, empty) = try await world.exchange(
                world.request("GET", Self.path), answer: "HTTP/1.1 204 No Content\r\n\r\n")
            #expect(empty.status == 204)

            let broken = try await world.connect()
            try await broken.send(world.request("GET", Self.path))
            let first = try await world.upstream.accept()
            _ = try await first.readRequest()
            try await first.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha")
            await first.close()
            _ = try await broken.readToEnd()

            let leaving = try await world.connect()
            try await leaving.send(world.request("GET", Self.path))
            let second = try await world.upstream.accept()
            _ = try await second.readRequest()
            await leaving.reset()
            try await second.waitForEnd()

            let failing = try await world.connect()
            try await failing.send(world.request("POST", Self.path, ["Content-Length: 0"]))
            let third = try await world.upstream.accept()
            _ = try await third.readRequest()
            await third.close()
            #expect(try await failing.readResponse().status == 502)

            let (_, last) = try await world.exchange(
                world.request("GET", Self.path), answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            #expect(last.status == 200)
        }
    }
}
