import Domain
import Foundation
import GatewayTesting
import Salesforce
import Secrets
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

    private func token(
        _ version: Int64, of grant: OAuthTokenID = OAuthTokenID(UUID())
    ) throws -> FutileRefreshes.TokenVersion {
        FutileRefreshes.TokenVersion(
            LiveToken(
                grantID: grant, userID: UserID(UUID()), version: version, accessToken: Secret("00D!a"),
                instance: try AllowedHosts().instance("https://axonify.my.salesforce.com"), mintedAt: now,
                expiresAt: now))
    }

    /// None after the first, then 1 s, doubled each time, up to a minute.
    @Test func theWaitGrows() async throws {
        let futile = FutileRefreshes()
        let occasion = try await occasion()
        #expect(!futile.isFutile(occasion, at: now))
        futile.note(occasion, of: try token(1), at: now)
        #expect(!futile.isFutile(occasion, at: now))
        var time = now
        for (index, wait) in ([1, 2, 4, 8, 16, 32, 60, 60] as [TimeInterval]).enumerated() {
            futile.note(occasion, of: try token(Int64(index + 2)), at: time)
            #expect(futile.isFutile(occasion, at: time + wait - 0.001))
            #expect(!futile.isFutile(occasion, at: time + wait))
            time += wait
        }
    }

    /// A thousand calls that one refresh did not help are one refresh.
    @Test func eachRefreshCountsOnce() async throws {
        let futile = FutileRefreshes()
        let (occasion, grant) = (try await occasion(), OAuthTokenID(UUID()))
        for version in [1, 2] as [Int64] {
            for _ in 0..<1000 { futile.note(occasion, of: try token(version, of: grant), at: now) }
        }
        #expect(futile.isFutile(occasion, at: now + 0.999))
        #expect(!futile.isFutile(occasion, at: now + 1))
    }

    /// One that helps ends it.
    @Test func helpEndsTheWait() async throws {
        let futile = FutileRefreshes()
        let occasion = try await occasion()
        for version in [1, 2, 3] as [Int64] { futile.note(occasion, of: try token(version), at: now) }
        #expect(futile.isFutile(occasion, at: now))
        futile.forget(occasion)
        #expect(!futile.isFutile(occasion, at: now))
        futile.note(occasion, of: try token(4), at: now)
        #expect(!futile.isFutile(occasion, at: now))
    }

    /// Each part of the API is judged by itself.
    @Test func occasionsAreApart() async throws {
        let futile = FutileRefreshes()
        let occasion = try await occasion("/services/data/v62.0/limits")
        for version in [1, 2] as [Int64] { futile.note(occasion, of: try token(version), at: now) }
        #expect(futile.isFutile(occasion, at: now))
        #expect(!futile.isFutile(try await self.occasion("/services/data/v62.0/query"), at: now))
    }
}
