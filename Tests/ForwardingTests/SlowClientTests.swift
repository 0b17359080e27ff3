import Forwarding
import GatewayTesting
import NIOConcurrencyHelpers
import Testing

/// Many clients that are slow, and one that is not.
@Suite(.timeLimit(.minutes(5))) struct SlowClientTests {
    private static let rounds = 3
    private static let callCount = 200

    /// 2,000 clients that send, read or idle slowly keep another from no answer, and get all of their own.
    @Test func slowClientsBesideAFastOne() async throws {
        let count = SlowClients.allowed(of: 2_000)
        try await withWorld(SlowClients.options(count: count)) { world in
            try await withSalesforce(of: world) {
                let slow = try await SlowClients.begin(count, in: world)
                let isDone = NIOLockedValueBox(false)
                async let trickling: Void = {
                    defer { isDone.withLockedValue { $0 = true } }
                    try await slow.goOn(rounds: Self.rounds)
                }()
                let fast = try await world.connect()
                var number = 0
                while number < Self.callCount || !isDone.withLockedValue({ $0 }) {
                    let target = PlayedSalesforce.Call.echo.target(count + number)
                    try await fast.send(world.request("GET", target))
                    let answered = try await fast.readResponse()
                    guard answered.status == 200, answered.text == target else {
                        Issue.record("call \(number) got \(answered.head)")
                        break
                    }
                    number += 1
                }
                try await trickling
                try await slow.finish(afterRounds: Self.rounds)
            }
        }
    }
}
