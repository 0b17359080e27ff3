import Access
import Foundation
import NIOHTTP1
import SalesforceSimulator
import Testing

/// Rolling the secret of Axonify's app.
extension World {
    private static let axonifyClientID = "3MVG9simulated.axonify.consumer.key"

    /// Changes Axonify's app at Salesforce.
    func changeApp(_ change: @Sendable (inout SimulatedApp) -> Void) throws {
        try simulator.updateApp(Self.axonifyClientID, org: "Axonify", change)
    }

    /// Stages a client secret by the command line, and waits until every gateway knows.
    func stage(_ secret: String) async throws {
        let output = try await FormationProcess.run(
            ["customer", "credentials", "axonify", "--stage"], environment: environment(port: ports[0]),
            stdin: secret + "\n")
        #expect(output.status == 0, "\(output.stderr)")
        try await waitForFeed()
    }

    /// What `formation customer show` says of Axonify.
    func shownCustomer() async throws -> String {
        try await FormationProcess.run(["customer", "show", "axonify"], environment: environment(port: ports[0])).stdout
    }

    /// Waits until every gateway has heard of the customers' changes so far: it then knows a customer that came after
    /// them, whose name it had looked up in vain.
    func waitForFeed() async throws {
        let label = "late-\(UUID().uuidString.prefix(8).lowercased())"
        for gateway in ports.indices {
            #expect(try await browser().send(.GET, url(label, "/", gateway: gateway)).status == 404)
        }
        _ = try await withAdministration {
            try await $0.create(
                CustomerAdministration.Draft(
                    companyName: "Late", subdomain: label, salesforceURL: "https://late.my.salesforce.com"))
        }
        for gateway in ports.indices {
            try await eventually {
                try await browser().send(.GET, url(label, "/", gateway: gateway)).status != 404
            }
        }
    }

    /// How many of `count` concurrent calls of a session, spread over the gateways, had which status.
    func statuses(of count: Int, _ browser: Browser, path: String) async throws -> [Int: Int] {
        let cookie = try #require(browser.cookie("formation_session", host: host("axonify")))
        return try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<count {
                group.addTask {
                    let headers: HTTPHeaders = [
                        "Cookie": "formation_session=\(cookie)", "Sec-Fetch-Site": "same-origin",
                    ]
                    return try await Browser(client: client).call(
                        self, "axonify", path, gateway: index % ports.count, headers: headers
                    ).status
                }
            }
            return try await group.reduce(into: [:]) { $0[$1, default: 0] += 1 }
        }
    }
}
