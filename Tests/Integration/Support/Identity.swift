import Foundation
import NIOHTTP1

/// Who comes to Axonify's host, with what in hand.
enum Identity: String, CaseIterable, Sendable {
    // Nobody of Axonify's.
    case nobody, junkCookie, endedSession, unknownKey, endedKey
    /// The admin of Globex, with the cookie or the key that is good there.
    case neighboursSession, neighboursKey
    /// The neighbour's cookie and another beside it, as a sibling's page can set them.
    case tossedCookies
    /// A wrong key beside the admin's own cookie: the key alone is judged.
    case wrongKeyWithCookie
    // A person who was disabled after both were made.
    case disabledSession, disabledKey
    // The admin's own cookie, in a request that somebody else's page made, or that says nothing of where it is from.
    case siblingsPage, foreignPage, silentPage
    // Somebody who is no admin.
    case member, membersKey
    // The admin's keys.
    case readKey, adminsKey
    /// The admin, from a page of the workspace.
    case admin

    /// What it may be taken for.
    enum Standing: Sendable, Hashable {
        case unknown, disabled
        /// The admin's cookie from another origin; `silent` says nothing of the origin.
        case crossOrigin, silent
        case session(isAdmin: Bool)
        case key(isAdmin: Bool, writes: Bool)
    }

    var standing: Standing {
        switch self {
        case .nobody, .junkCookie, .endedSession, .unknownKey, .endedKey, .neighboursSession, .neighboursKey,
            .tossedCookies, .wrongKeyWithCookie:
            .unknown
        case .disabledSession, .disabledKey: .disabled
        case .siblingsPage, .foreignPage: .crossOrigin
        case .silentPage: .silent
        case .member: .session(isAdmin: false)
        case .admin: .session(isAdmin: true)
        case .membersKey: .key(isAdmin: false, writes: true)
        case .readKey: .key(isAdmin: true, writes: false)
        case .adminsKey: .key(isAdmin: true, writes: true)
        }
    }

    /// Whether a key alone is sent, as scripts do: nothing says of which site.
    var isScript: Bool {
        switch self {
        case .unknownKey, .endedKey, .neighboursKey, .disabledKey, .membersKey, .readKey, .adminsKey: true
        case .nobody, .junkCookie, .endedSession, .neighboursSession, .tossedCookies, .wrongKeyWithCookie,
            .disabledSession, .siblingsPage, .foreignPage, .silentPage, .member, .admin:
            false
        }
    }
}

/// Two tenants with people, sessions and keys of every kind, and what a change would hit.
struct IdentityScene {
    let world: World
    let headers: [Identity: HTTPHeaders]
    let susan: Browser
    /// What an admin of Axonify may change: a person and the admin's own key and session.
    let targets: Targets

    struct Targets {
        let user: String
        let key: String
        let session: String
    }

    /// The third person of Axonify's org.
    static let dana = "dwhitcomb@axonify.com.fullcpy"

    /// Signs everybody in.
    init(_ world: World) async throws {
        let susan = try await Self.person(world, "axonify", World.susan)
        let alex = try await Self.person(world, "axonify", World.alex)
        let dana = try await Self.person(world, "axonify", Self.dana)
        let hank = try await Self.person(world, "globex", World.hank)
        let gone = try await Self.person(world, "axonify", World.susan)
        let own = Self.cookie(of: susan, world.host("axonify"))
        let neighbours = Self.cookie(of: hank, world.host("globex"))
        let ended = try await Self.makeKey(susan, world, "axonify", scope: "full")
        let known: HTTPHeaders = ["Cookie": own]
        var headers: [Identity: HTTPHeaders] = [
            .nobody: [:], .junkCookie: ["Cookie": "formation_session=\(String(repeating: "x", count: 43))"],
            .endedSession: ["Cookie": Self.cookie(of: gone, world.host("axonify"))],
            .neighboursSession: ["Cookie": neighbours],
            .tossedCookies: ["Cookie": "formation_session=tossed; \(neighbours)"],
            .disabledSession: ["Cookie": Self.cookie(of: dana, world.host("axonify"))],
            .member: ["Cookie": Self.cookie(of: alex, world.host("axonify"))], .admin: known,
            .unknownKey: Self.bearer(String(ended.key.dropLast(4)) + "0000"), .endedKey: Self.bearer(ended.key),
            .neighboursKey: Self.bearer(try await Self.makeKey(hank, world, "globex", scope: "full").key),
            .disabledKey: Self.bearer(try await Self.makeKey(dana, world, "axonify", scope: "full").key),
            .membersKey: Self.bearer(try await Self.makeKey(alex, world, "axonify", scope: "full").key),
            .readKey: Self.bearer(try await Self.makeKey(susan, world, "axonify", scope: "read").key),
            .adminsKey: Self.bearer(try await Self.makeKey(susan, world, "axonify", scope: "full").key),
        ]
        headers[.wrongKeyWithCookie] = ["Cookie": own, "Authorization": "Bearer \(ended.key)"]
        for (identity, present) in headers where !identity.isScript {
            headers[identity] = present.merging(["Sec-Fetch-Site": "same-origin"])
        }
        headers[.siblingsPage] = known.merging([
            "Sec-Fetch-Site": "same-site", "Origin": "http://\(world.host("globex")):\(world.ports[0])",
        ])
        headers[.foreignPage] = known.merging(["Sec-Fetch-Site": "cross-site", "Origin": "https://elsewhere.example"])
        headers[.silentPage] = known
        self.world = world
        self.headers = headers
        self.susan = susan
        targets = Targets(
            user: try await Self.userID(dana, world),
            key: try await Self.makeKey(susan, world, "axonify", scope: "full").id,
            session: try await Self.spareSession(world, susan))
        try await Self.end(world, susan: susan, gone: gone, key: ended.id, person: targets.user)
    }

    /// One request of an identity; its cookies are the headers' alone.
    func send(
        _ identity: Identity, _ method: HTTPMethod, _ path: String, type: String? = nil, body: String? = nil
    ) async throws -> Browser.Page {
        var sent = headers[identity] ?? [:]
        if let type { sent.add(name: "Content-Type", value: type) }
        return try await world.browser().send(method, world.url("axonify", path), headers: sent, body: body)
    }

    /// A key that the admin may end.
    func makeSpareKey() async throws -> String {
        try await Self.makeKey(susan, world, "axonify", scope: "read").id
    }

    /// A session that the admin may end: of another browser of theirs.
    func makeSpareSession() async throws -> String {
        try await Self.spareSession(world, susan)
    }

    private static func person(_ world: World, _ tenant: String, _ username: String) async throws -> Browser {
        let browser = world.browser()
        try await browser.signIn(world, tenant, as: username)
        return browser
    }

    private static func cookie(of browser: Browser, _ host: String) -> String {
        "formation_session=" + (browser.cookie("formation_session", host: host) ?? "none")
    }

    private static func bearer(_ key: String) -> HTTPHeaders { ["Authorization": "Bearer \(key)"] }

    private static func makeKey(
        _ browser: Browser, _ world: World, _ tenant: String, scope: String
    ) async throws -> (id: String, key: String) {
        let made = try await browser.call(
            world, tenant, "/api/keys", method: .POST, body: #"{"name":"spare","scope":"\#(scope)"}"#
        ).json()
        return (made["id"] as? String ?? "", made["key"] as? String ?? "")
    }

    private static func userID(_ browser: Browser, _ world: World) async throws -> String {
        let me = try await browser.call(world, "axonify", "/api/me").json()
        return (me["user"] as? [String: Any])?["id"] as? String ?? ""
    }

    private static func spareSession(_ world: World, _ susan: Browser) async throws -> String {
        func sessions(_ browser: Browser) async throws -> [[String: Any]] {
            try await browser.call(world, "axonify", "/api/sessions").json()["sessions"] as? [[String: Any]] ?? []
        }
        let spare = try await person(world, "axonify", World.susan)
        return try await sessions(spare).first { $0["current"] as? Bool == true }?["id"] as? String ?? ""
    }

    /// Ends what is to be over, and waits until the gateway knows.
    private static func end(
        _ world: World, susan: Browser, gone: Browser, key: String, person: String
    ) async throws {
        _ = try await gone.call(world, "axonify", "/auth/logout", method: .POST)
        _ = try await susan.call(world, "axonify", "/api/keys/\(key)", method: .DELETE)
        _ = try await susan.call(
            world, "axonify", "/api/users/\(person)", method: .PATCH,
            headers: World.sameOrigin.merging(["Content-Type": "application/merge-patch+json"]),
            body: #"{"disabled":true}"#)
    }
}

extension HTTPHeaders {
    /// These, and others.
    func merging(_ others: HTTPHeaders) -> HTTPHeaders {
        var all = self
        all.add(contentsOf: others)
        return all
    }
}
