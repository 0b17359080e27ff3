import Foundation
import NIOHTTP1
import SalesforceSimulator
import Testing

extension WorldTests {
    /// A client secret is rolled while people work: staged here, given to the app there, and nobody notices.
    @Suite(.serialized) struct SecretRollTests {
        private static let limits = "/services/data/v62.0/limits"
        private static let newSecret = "canary-of-the-next-client-secret"
        private static let promoted = "A staged client secret took the other's place"
        private static let refused = "Salesforce refuses a customer's client settings"

        /// Sixty calls on an expired token at two gateways in each phase of the roll: every call is answered, each
        /// expiry is one refresh, no spent token is shown, and the new secret is promoted once, when the old one ends.
        @Test(arguments: [true, false]) func rollUnderCalls(rotates: Bool) async throws {
            try await World.run(
                gateways: 2,
                configure: {
                    $0.orgs[0].apps[0].rotatesRefreshTokens = rotates
                    $0.tokenProcessingTime = .milliseconds(20)
                }
            ) { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                #expect(try await world.statuses(of: 2, browser, path: Self.limits) == [200: 2])

                func expectSixtyAnswers(refreshes: Int, attempts: Int) async throws {
                    try world.simulator.expireAccessTokens()
                    #expect(try await world.statuses(of: 60, browser, path: Self.limits) == [200: 60])
                    #expect(world.simulator.counters.refreshes == refreshes)
                    #expect(world.simulator.counters.refreshAttempts == attempts)
                }

                try await world.stage(Self.newSecret)
                try await expectSixtyAnswers(refreshes: 1, attempts: 1)
                #expect(try await world.shownCustomer().contains("set, and a secret staged on"))

                // Both live: there is no need for the new one yet.
                try world.changeApp {
                    $0.previousClientSecret = $0.clientSecret
                    $0.clientSecret = Self.newSecret
                }
                try await expectSixtyAnswers(refreshes: 2, attempts: 2)
                #expect(world.log.count(of: Self.promoted) == 0)

                // The old one ends: it is shown once more, refused, and the new one takes its place.
                try world.changeApp { $0.previousClientSecret = nil }
                try await expectSixtyAnswers(refreshes: 3, attempts: 4)
                try await world.eventually { world.log.count(of: Self.promoted) == 1 }
                #expect(try await !world.shownCustomer().contains("staged"))

                try await world.waitForFeed()
                try await expectSixtyAnswers(refreshes: 4, attempts: 5)
                #expect(world.simulator.counters.refreshTokenReuses == 0)
                #expect(world.log.count(of: Self.promoted) == 1)
                #expect(world.log.count(of: Self.refused) == 0)
                #expect(try await browser.call(world, "axonify", "/auth/session").status == 200)
                #expect(!world.log.text.contains(Self.newSecret))
            }
        }

        /// Whichever of two live secrets Salesforce signs with, its answers are believed: no successor is thrown away.
        @Test(arguments: [SimulatedApp.SigningSecret.current, .previous])
        func eitherSecretSigns(signer: SimulatedApp.SigningSecret) async throws {
            try await World.run { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                try await world.stage(Self.newSecret)
                try world.changeApp {
                    $0.previousClientSecret = $0.clientSecret
                    $0.clientSecret = Self.newSecret
                    $0.signingSecret = signer
                }
                for round in 1...2 {
                    try world.simulator.expireAccessTokens()
                    #expect(try await world.statuses(of: 10, browser, path: Self.limits) == [200: 10])
                    #expect(world.simulator.counters.refreshAttempts == round)
                }
                #expect(try await world.browser().signIn(world, "axonify", as: World.alex).location == "/")
                #expect(world.simulator.counters.refreshTokenReuses == 0)
            }
        }

        /// Somebody who signs in just when the old secret has ended comes in, and theirs is the exchange that promotes.
        @Test func signInDuringTheRoll() async throws {
            try await World.run { world in
                try await world.browser().signIn(world, "axonify", as: World.susan)
                try await world.stage(Self.newSecret)
                try world.changeApp { $0.clientSecret = Self.newSecret }
                let alex = world.browser()
                #expect(try await alex.signIn(world, "axonify", as: World.alex).location == "/")
                #expect(try await alex.call(world, "axonify", Self.limits).status == 200)
                try await world.eventually { world.log.count(of: Self.promoted) == 1 }
                #expect(world.log.count(of: Self.refused) == 0)
            }
        }

        /// A staged secret that is wrong too: each was shown once, not by every call, the operator is told once; and
        /// the right one works as soon as it is staged. Nobody has to sign in again.
        @Test func wrongSecretsAreMended() async throws {
            try await World.run { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                try await world.stage("not-the-secret-of-anybody")
                try world.changeApp { $0.clientSecret = Self.newSecret }
                try world.simulator.expireAccessTokens()
                for _ in 1...2 {
                    #expect(try await world.statuses(of: 30, browser, path: Self.limits) == [502: 30])
                }
                #expect(world.simulator.counters.refreshAttempts == 2)
                #expect(world.log.count(of: Self.refused) == 1)

                try await world.stage(Self.newSecret)
                #expect(try await world.statuses(of: 30, browser, path: Self.limits) == [200: 30])
                #expect(world.simulator.counters.refreshAttempts == 4)
                #expect(world.simulator.counters.refreshTokenReuses == 0)
            }
        }
    }
}
