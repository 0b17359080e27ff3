import Foundation
import NIOHTTP1
import SalesforceSimulator
import Testing

/// Somebody with a session, who signs in again when a gateway asks for it.
actor Person {
    /// That a gateway asked somebody to sign in again, and how their grant stood then.
    struct Asking: Sendable, CustomStringConvertible {
        let username: String
        let row: GrantRows.Row

        /// Salesforce answered a refresh, and the answer never reached the row.
        var isOfLostAnswer: Bool { row.deadReason == "in_doubt" && row.standing == .spent(successors: 1) }

        /// A process was killed after it had said that it would refresh, and before Salesforce did: from the outside
        /// this looks no different.
        var isOfUnsentRequest: Bool { row.deadReason == "in_doubt" && row.standing == .living }

        var description: String { "\(username): \(row)" }
    }

    /// A sign-in ended without a session.
    struct NotIn: Error, CustomStringConvertible {
        let description: String
    }

    nonisolated let tenant: String
    nonisolated let username: String
    private(set) var askings: [Asking] = []
    private let fleet: Fleet
    private let rows: GrantRows
    private let callbackPort: Int
    private var session: String?
    private var signingIn: Task<String, any Error>?

    init(_ username: String, of tenant: String, in world: World, fleet: Fleet, rows: GrantRows) throws {
        self.username = username
        self.tenant = tenant
        self.fleet = fleet
        self.rows = rows
        self.callbackPort = try #require(world.ports.first)
    }

    /// The cookie's value; a new one where a gateway has refused the former, however many calls find that out.
    func session(insteadOf refused: String? = nil) async throws -> String {
        if let session, session != refused { return session }
        if let signingIn { return try await signingIn.value }
        // Unstructured: all of this person's calls await it.
        let task = Task {
            if refused != nil { askings.append(Asking(username: username, row: try await row())) }
            return try await signIn()
        }
        signingIn = task
        defer { signingIn = nil }
        let session = try await task.value
        self.session = session
        return session
    }

    /// The grant as it is stored.
    nonisolated func row() async throws -> GrantRows.Row {
        try await rows.row(of: username, in: tenant)
    }

    private func signIn() async throws -> String {
        while true {
            let member = try fleet.member(preferring: 0)
            do {
                return try await signIn(by: member)
            } catch {
                // Where it died on the way: from the start, by another.
                guard member.isKilled, !(error is NotIn) else { throw error }
            }
        }
    }

    private func signIn(by member: Fleet.Member) async throws -> String {
        let world = fleet.world(at: member)
        let browser = world.browser()
        let callback = try await browser.authorize(world, start: world.url(tenant, "/auth/login"), as: username)
        // The product has one address; whoever stands in front of the processes chooses one that is there.
        let page = try await browser.send(
            .GET, callback.replacing(":\(callbackPort)/", with: ":\(member.port)/"),
            headers: ["Accept": "text/html", "Sec-Fetch-Site": "cross-site"])
        guard let cookie = browser.cookie("formation_session", host: world.host(tenant)) else {
            throw NotIn(description: "\(username) got \(page.status): \(page.body)")
        }
        return cookie
    }
}
