import GatewayTesting
import NIOConcurrencyHelpers
import NIOHTTP1
import Postgres
import SalesforceSimulator
import Testing

/// People who call again and again while something happens, and how all their calls ended.
final class Traffic: Sendable {
    /// Somebody who is signed in.
    struct Person: Sendable {
        let tenant: String
        let cookie: String

        init(_ browser: Browser, _ world: World, _ tenant: String) throws {
            self.tenant = tenant
            self.cookie = try #require(browser.cookie("formation_session", host: world.host(tenant)))
        }

        /// One call at a gateway.
        func call(_ world: World, gateway: Int = 0, path: String = Traffic.path) async throws -> Browser.Page {
            let headers: HTTPHeaders = [
                "Cookie": "formation_session=\(cookie)", "Sec-Fetch-Site": "same-origin",
            ]
            return try await Browser(client: world.client).call(world, tenant, path, gateway: gateway, headers: headers)
        }
    }

    private struct State {
        var isOver = false
        var count = 0
        /// By status; 0 for calls without an answer.
        var endings: [Int: Int] = [:]
        var waiting: [(count: Int, continuation: CheckedContinuation<Void, Never>)] = []
    }

    static let path = "/services/data/v62.0/limits"

    private let state = NIOLockedValueBox(State())

    /// Lets each person call at each gateway, one call after the other, until the body is done. Each has called once
    /// before it begins: nobody is a stranger to any process.
    ///
    /// - Returns: how many calls ended with which status, 0 where there was no answer.
    static func run(
        _ world: World, _ people: [Person], gateways: [Int] = [0], _ body: (Traffic) async throws -> Void
    ) async throws -> [Int: Int] {
        for org in ["Axonify", "Globex"] { try world.simulator.setAPIRequests(used: 0, of: 1_000_000_000, org: org) }
        let traffic = Traffic()
        for person in people {
            for gateway in gateways { #expect(try await person.call(world, gateway: gateway).status == 200) }
        }
        await withDiscardingTaskGroup { group in
            for person in people {
                for gateway in gateways {
                    group.addTask {
                        while !traffic.isOver {
                            traffic.note(try? await person.call(world, gateway: gateway).status)
                        }
                    }
                }
            }
            do {
                try await body(traffic)
            } catch {
                Issue.record(error)
            }
            traffic.state.withLockedValue { $0.isOver = true }
        }
        return traffic.state.withLockedValue { $0.endings }
    }

    /// Waits until so many more calls have ended.
    func wait(_ count: Int) async {
        await withCheckedContinuation { continuation in
            state.withLockedValue { $0.waiting.append(($0.count + count, continuation)) }
        }
    }

    private var isOver: Bool { state.withLockedValue { $0.isOver } }

    private func note(_ status: Int?) {
        let due = state.withLockedValue { state in
            state.count += 1
            state.endings[status ?? 0, default: 0] += 1
            let count = state.count
            defer { state.waiting.removeAll { $0.count <= count } }
            return state.waiting.filter { $0.count <= count }
        }
        for waiter in due { waiter.continuation.resume() }
    }
}

extension World {
    /// What `/readyz` says.
    func readiness(gateway: Int = 0) async throws -> Browser.Page {
        try await browser().send(.GET, url("axonify", "/readyz", gateway: gateway))
    }

    /// Waits until every gateway has heard of all that has changed so far. What it hears of, it reads anew: where the
    /// database goes away in between, it can't.
    ///
    /// It ends a session behind the gateways' backs, which they learn of after everything else.
    func everythingIsHeard(on cluster: PostgresCluster) async throws {
        let last = try await signedIn("globex", as: World.hank).person
        for gateway in ports.indices { _ = try await last.call(self, gateway: gateway) }
        try await cluster.withSuperuser(database: database.name) { client in
            try await client.query(
                """
                delete from sessions where user_id in (select id from users where email = \(World.hank))
                """)
        }
        for gateway in ports.indices {
            try await eventually { try await last.call(self, gateway: gateway).status == 401 }
        }
    }

    /// Signs somebody in, in a browser of their own.
    func signedIn(_ tenant: String, as username: String) async throws -> (browser: Browser, person: Traffic.Person) {
        let browser = browser()
        try await browser.signIn(self, tenant, as: username)
        return try (browser, Traffic.Person(browser, self, tenant))
    }
}
