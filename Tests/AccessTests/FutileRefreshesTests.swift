import Domain
import Foundation
import GatewayTesting
import Testing

@testable import Access

/// Refreshes that did not help are begun again ever more seldom.
@Suite struct FutileRefreshesTests {
    private let now = Fixtures.epoch

    private func occasion(_ route: String = "/services/data/v62.0/limits") async throws -> RefreshOccasion {
        let world = try World()
        let (_, user) = try await world.makeCustomer()
        let process = world.process()
        let (caller, _) = try await process.signedIn(user, in: try await process.tenant())
        return .deadSession(of: caller, route: route)
    }

    /// 1 s, doubled each time, up to a minute.
    @Test func theWaitGrows() async throws {
        let futile = FutileRefreshes()
        let occasion = try await occasion()
        #expect(!futile.isFutile(occasion, at: now))
        var time = now
        for wait in [1, 2, 4, 8, 16, 32, 60, 60] as [TimeInterval] {
            futile.note(occasion, at: time)
            #expect(futile.isFutile(occasion, at: time + wait - 0.001))
            #expect(!futile.isFutile(occasion, at: time + wait))
            time += wait
        }
    }

    /// One that helps ends it.
    @Test func helpEndsTheWait() async throws {
        let futile = FutileRefreshes()
        let occasion = try await occasion()
        futile.note(occasion, at: now)
        futile.forget(occasion)
        #expect(!futile.isFutile(occasion, at: now))
        futile.note(occasion, at: now)
        #expect(!futile.isFutile(occasion, at: now + 1))
    }

    /// Each part of the API is judged by itself.
    @Test func occasionsAreApart() async throws {
        let futile = FutileRefreshes()
        futile.note(try await occasion("/services/data/v62.0/limits"), at: now)
        #expect(!futile.isFutile(try await occasion("/services/data/v62.0/query"), at: now))
    }
}
