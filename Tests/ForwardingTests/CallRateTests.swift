import Domain
import Forwarding
import Foundation
import GatewayTesting
import Testing

@testable import Forwarding

/// Access keys keep to the rate of their tenant's tier.
@Suite(.timeLimit(.minutes(5))) struct CallRateTests {
    private static let second: UInt64 = 1_000_000_000
    private static let path = "/services/data/v62.0/limits"

    /// After a rest a burst, then as many a second as the rate says; who is refused is told when to come again.
    @Test func theMeterKeepsTheRate() {
        let meter = RateMeter()
        let rate = CallRate(perSecond: 20)
        var now = 100 * Self.second
        for _ in 0..<40 { #expect(meter.admit(rate, at: now) == nil) }
        #expect(meter.admit(rate, at: now) == Self.second / 20)
        // A refusal costs nothing.
        #expect(meter.admit(rate, at: now) == Self.second / 20)
        #expect(meter.admit(rate, at: now + Self.second / 20) == nil)
        now += Self.second
        var admitted = 0
        for step in 0..<1_000 where meter.admit(rate, at: now + UInt64(step) * Self.second / 1_000) == nil {
            admitted += 1
        }
        #expect((38...40).contains(admitted))
        // A long rest gives no more than a burst.
        now += 3_600 * Self.second
        #expect((0..<100).filter { _ in meter.admit(rate, at: now) == nil }.count == 40)
    }

    /// A clock that is a little behind, as another event loop's may be, takes nothing away and gives nothing.
    @Test func clocksMayDiffer() {
        let meter = RateMeter()
        let rate = CallRate(cost: Self.second / 10, burst: 1)
        #expect(meter.admit(rate, at: 5 * Self.second) == nil)
        let wait = meter.admit(rate, at: 5 * Self.second - 1_000_000)
        #expect(wait == Self.second / 10 + 1_000_000)
        #expect(meter.admit(rate, at: 5 * Self.second + Self.second / 10) == nil)
    }

    /// Many threads take together what is there, and no more.
    @Test func threadsShareTheAllowance() async {
        let line = TenantLine(concurrency: 1)
        let rate = CallRate(cost: Self.second, burst: 1_000)
        let admitted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<1_000).filter { _ in line.admit(rate, at: 9 * Self.second) == nil }.count }
            }
            return await group.reduce(0, +)
        }
        #expect(admitted == 1_000)
    }

    /// All keys of a tenant together; a person at a browser, and another tenant, are not held up.
    @Test func keysOfATenantAreLimited() async throws {
        var options = WorldOptions()
        // So slow that nothing comes back during the test.
        options.limits.keyRates.starter = CallRate(cost: 3_600 * Self.second, burst: 3)
        options.limits.keyRates.professional = options.limits.keyRates.starter
        options.limits.keyRates.enterprise = options.limits.keyRates.starter
        try await withWorld(options) { world in
            for key in [world.key, world.readKey, world.key] {
                let request = world.bare("GET", Self.path, ["Authorization: Bearer \(key)"])
                #expect(try await world.exchange(request, answer: Self.ok).answered.status == 200)
            }
            for key in [world.key, world.readKey] {
                let refused = try await world.refusal(world.bare("GET", Self.path, ["Authorization: Bearer \(key)"]))
                #expect(refused.status == 429)
                #expect(refused.text.contains(#""errorCode":"REQUEST_LIMIT_EXCEEDED""#))
                let seconds = try #require(refused["Retry-After"].first.flatMap { Int($0) })
                #expect((3_000...3_600).contains(seconds))
                #expect(refused["Proxy-Status"].first?.hasPrefix("formation; error=") == true)
            }
            #expect(try await world.exchange(world.request("GET", Self.path), answer: Self.ok).answered.status == 200)
        }
    }

    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
}
