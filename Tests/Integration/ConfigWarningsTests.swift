import Foundation
import NIOHTTP1
import SalesforceSimulator
import Testing

/// Field mappings against what the simulated org says of its objects, over sockets.
extension WorldTests {
    @Suite(.serialized) struct ConfigWarningsTests {
        private struct Warning: Equatable {
            let code: String?
            let pointer: String?
            let suggestions: [String]?
        }

        private static func store(_ mappings: String, _ browser: Browser, _ world: World) async throws {
            let stored = try await browser.call(
                world, "axonify", "/api/config", method: .PATCH, body: "{\"fieldMappings\":\(mappings)}")
            #expect(stored.status == 200)
        }

        private static func warnings(_ browser: Browser, _ world: World) async throws -> [Warning] {
            let answer = try await browser.call(world, "axonify", "/api/config/warnings")
            #expect(answer.status == 200)
            let warnings = try #require(try answer.json()["warnings"] as? [[String: Any]])
            return warnings.map {
                Warning(
                    code: $0["code"] as? String, pointer: $0["pointer"] as? String,
                    suggestions: $0["suggestions"] as? [String])
            }
        }

        private static let describes = "/services/data/v60.0/sobjects/"

        private static func describeCount(_ world: World) -> Int {
            world.simulator.journal.count { $0.target.hasPrefix(describes) && $0.target.hasSuffix("/describe") }
        }

        /// A slip is told with the field that the org really has; the page says the same, and the org is asked once.
        @Test func slipsAreTold() async throws {
            try await World.run { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                let described = try await browser.call(
                    world, "axonify", "/services/data/v62.0/sobjects/Opportunity/describe")
                #expect(described.body.contains("\"name\":\"Strategic__c\""))
                world.simulator.clearJournal()
                try await Self.store(
                    #"{"industry":"account.industry","owner":"Account.Owner.Alias","strategic":"Stratgeic__c"}"#,
                    browser, world)
                #expect(Self.describeCount(world) == 0)
                let expected = Warning(
                    code: "UNKNOWN_FIELD", pointer: "/fieldMappings/strategic", suggestions: ["Strategic__c"])
                #expect(try await Self.warnings(browser, world) == [expected])
                #expect(Self.describeCount(world) == 4)
                let page = try await browser.open(world.url("axonify", "/settings/config"))
                #expect(page.body.contains("Did you mean Strategic__c?"))
                #expect(Self.describeCount(world) == 4)
            }
        }

        /// A dead session is refreshed, once, and the fields are looked at then.
        @Test func deadSessionsAreRefreshed() async throws {
            try await World.run { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                try await Self.store(#"{"amount":"Amount"}"#, browser, world)
                try world.simulator.expireAccessTokens()
                #expect(try await Self.warnings(browser, world) == [])
                #expect(world.simulator.counters.refreshes == 1)
            }
        }

        /// Where Salesforce gives no description, the configuration is stored and shown all the same.
        @Test(arguments: [
            SimulatedFault.Action.answer(status: 503, contentType: "text/html", body: "<html>away</html>"),
            .answer(status: 200, contentType: "application/json", body: "{"), .truncate(bytes: 100), .drop,
        ])
        func failuresAreNoErrors(action: SimulatedFault.Action) async throws {
            try await World.run { world in
                let browser = world.browser()
                try await browser.signIn(world, "axonify", as: World.susan)
                _ = world.simulator.add(SimulatedFault(action, pathPrefix: Self.describes))
                try await Self.store(#"{"amount":"Amount"}"#, browser, world)
                let expected = Warning(code: "NOT_CHECKED", pointer: "/fieldMappings", suggestions: [])
                #expect(try await Self.warnings(browser, world) == [expected])
                let page = try await browser.open(world.url("axonify", "/settings/config"))
                #expect(page.status == 200)
                #expect(page.body.contains("The field mappings were not checked."))
                world.simulator.clearFaults()
            }
        }
    }
}
