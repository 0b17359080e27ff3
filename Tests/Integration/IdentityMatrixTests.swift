import Foundation
import GatewayTesting
import HTTPTypes
import NIOHTTP1
import Postgres
import SalesforceSimulator
import Testing

@testable import Workspace

/// Two tenants, and every route with every identity that may come to it (contract §2).
///
/// The routes are the program's own list. A route without a rule here does not compile.
extension WorldTests {
    @Suite(.serialized) struct IdentityMatrixTests {
        /// Who gets something at an entry, as the contract says it and independently of the code.
        enum Rule: Sendable, Hashable {
            case everyone
            /// The sign-in page for nobody, the workspace for somebody.
            case startPage
            /// Ends what there is to end, from the tenant's own pages.
            case logout
            /// Whoever is signed in, keys too.
            case person
            /// Whoever is signed in, by a session.
            case session
            /// What is one person's own: others don't find it, but for the admin.
            case ownSession
            /// An admin; a key too, if it is not read-only.
            case admin
            /// An admin by a session.
            case adminSession
            /// A page of whoever is signed in by a session: others are sent to sign in.
            case page
            /// A page of admins.
            case adminPage
            /// A forwarded call.
            case forwarded(reads: Bool, runsCode: Bool)
            case nothingThere
            /// An API that is not forwarded, refused in its own dialect with these words.
            case unforwarded(String)
        }

        enum Verdict: Sendable, Hashable {
            case passes
            /// A status, and what the body says, but for a page's.
            case refused(Int, String)
            /// A page that leads to sign-in.
            case signIn
        }

        struct Entry: Sendable {
            let method: HTTPMethod
            let path: String
            let rule: Rule
            var type: String?
            var body: String?

            var isSafe: Bool { method == .GET || method == .HEAD }
        }

        /// Nobody gets at anything of another's, by any route, and nothing of it changes; who may, does.
        @Test func everyRouteWithEveryIdentity() async throws {
            try await World.run(configure: { $0.orgs[0].users.append(Self.dana) }) { world in
                let scene = try await IdentityScene(world)
                let entries = try await Self.entries(of: scene, targets: scene.targets)
                let before = try await Self.rows(world)
                world.simulator.clearJournal()
                for entry in entries {
                    for identity in Identity.allCases {
                        let verdict = Self.verdict(entry, identity)
                        // What may change something is for the end.
                        if verdict == .passes, !entry.isSafe { continue }
                        try await Self.check(entry, identity, verdict, scene)
                    }
                }
                #expect(try await Self.rows(world) == before)
                try await Self.change(scene)
            }
        }

        /// Whatever a route does not do, it does for nobody.
        @Test func otherMethodsAreRefused() async throws {
            try await World.run { world in
                let browser = world.browser()
                for (template, route) in Route.all {
                    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"]
                    where !route.methods.map(\.rawValue).contains(method) {
                        let answer = try await browser.send(
                            HTTPMethod(rawValue: method), world.url("axonify", template.filled(UUID().uuidString)),
                            headers: World.sameOrigin)
                        #expect(answer.status == 405, "\(method) \(template)")
                        #expect(answer.headers.first(name: "Allow") == route.methods.allowValue)
                    }
                }
            }
        }

        /// The rule of a route's method. Exhaustive: a new route needs one.
        static func rule(_ route: Route, isSafe: Bool) -> Rule {
            switch route {
            case .home: .startPage
            case .asset, .login, .callback, .settingsStart, .openAPI, .docs: .everyone
            case .logout: .logout
            case .session, .me, .configWarnings: .person
            case .config: isSafe ? .person : .admin
            case .keys, .sessions: .session
            case .key, .someSession: .ownSession
            case .users, .user: .adminSession
            case .audit: .admin
            case .settings(let page): page.isForAdmins || (page == .config && !isSafe) ? .adminPage : .page
            case .unknownAPI, .unknown: .nothingThere
            }
        }

        /// What a route's method is sent.
        static func body(_ route: Route, _ targets: IdentityScene.Targets, tag: String) -> (type: String, text: String)?
        {
            let form = "application/x-www-form-urlencoded"
            let merge = "application/merge-patch+json"
            switch route {
            case .config: return (merge, #"{"riskRules":{"staleOpportunityDays":77}}"#)
            case .keys: return ("application/json", #"{"name":"made by the matrix","scope":"full"}"#)
            case .user: return (merge, #"{"role":"csm"}"#)
            case .settings(.config): return (form, "section=riskRules&action=restore&tag=\(QueryString.encode(tag))")
            case .settings(.people): return (form, "user=\(targets.user)&action=role&role=csm")
            case .settings(.keys): return (form, "key=\(targets.key)&action=revoke")
            case .settings(.sessions): return (form, "session=\(targets.session)&action=end")
            case .home, .asset, .login, .callback, .settingsStart, .openAPI, .docs, .logout, .session, .me,
                .configWarnings, .sessions, .key, .someSession, .users, .audit, .settings(.audit), .settings(.billing),
                .unknownAPI, .unknown:
                return nil
            }
        }

        /// Every route with each of its methods, and the forwarded calls.
        static func entries(of scene: IdentityScene, targets: IdentityScene.Targets) async throws -> [Entry] {
            let config = try await scene.susan.call(scene.world, "axonify", "/api/config")
            let tag = try #require(config.headers.first(name: "ETag"))
            let routes = Route.all + [("/api/nothing", .unknownAPI), ("/nothing", .unknown)]
            let own = routes.flatMap { template, route in
                (route.methods.isEmpty ? [.get, .post] : route.methods).filter { $0 != .options }.map { method in
                    let isSafe = method == .get || method == .head
                    let body = isSafe ? nil : body(route, targets, tag: tag)
                    return Entry(
                        method: HTTPMethod(rawValue: method.rawValue), path: path(template, route, targets),
                        rule: rule(route, isSafe: isSafe), type: body?.type, body: body?.text)
                }
            }
            return own + forwarded
        }

        private static func path(_ template: String, _ route: Route, _ targets: IdentityScene.Targets) -> String {
            switch route {
            case .key: template.filled(targets.key)
            case .user: template.filled(targets.user)
            case .someSession: template.filled(targets.session)
            case .home, .asset, .login, .callback, .logout, .session, .me, .config, .configWarnings, .keys, .users,
                .sessions, .audit, .settingsStart, .settings, .openAPI, .docs, .unknownAPI, .unknown:
                template
            }
        }

        private static let forwarded: [Entry] = [
            Entry(method: .GET, path: "/services/data", rule: .forwarded(reads: true, runsCode: false)),
            Entry(method: .GET, path: "/services/data/v62.0/limits", rule: .forwarded(reads: true, runsCode: false)),
            Entry(
                method: .GET, path: "/services/data/v62.0/query?q=SELECT+Id+FROM+Account+LIMIT+1",
                rule: .forwarded(reads: true, runsCode: false)),
            Entry(
                method: .POST, path: "/services/data/v62.0/sobjects/Account",
                rule: .forwarded(reads: false, runsCode: false), type: "application/json",
                body: #"{"Name":"made by the matrix"}"#),
            Entry(
                method: .GET, path: "/services/data/v62.0/tooling/executeAnonymous?anonymousBody=System.debug(1)%3B",
                rule: .forwarded(reads: false, runsCode: true)),
            Entry(method: .GET, path: "/services/apexrest/echo", rule: .forwarded(reads: false, runsCode: true)),
            Entry(
                method: .GET, path: "/services/oauth2/userinfo", rule: .forwarded(reads: true, runsCode: false)),
            Entry(method: .POST, path: "/services/oauth2/token", rule: .nothingThere),
            Entry(method: .POST, path: "/services/oauth2/revoke", rule: .nothingThere),
            Entry(method: .GET, path: "/services/oauth2/authorize", rule: .nothingThere),
            Entry(method: .GET, path: "/services/anything", rule: .nothingThere),
            Entry(
                method: .POST, path: "/services/Soap/u/62.0",
                rule: .unforwarded("<faultcode>sf:FUNCTIONALITY_NOT_ENABLED</faultcode>")),
            Entry(method: .POST, path: "/cometd/62.0", rule: .unforwarded(#""successful":false"#)),
        ]

        /// A person of Axonify's beside the demo's.
        private static let dana = SimulatedUser(
            username: IdentityScene.dana, password: SimulatorConfiguration.demoPassword, firstName: "Dana",
            lastName: "Whitcomb", profile: .standardUser)

        /// Everything that a request of one tenant could change, but for what mere use writes.
        private static func rows(_ world: World) async throws -> [String] {
            try await PostgresCluster.shared().withSuperuser(database: world.database.name) { client in
                try await client.query(
                    """
                    select text from (
                        select 'customer ' || to_jsonb(c)::text as text from customers c
                        union all select 'user ' || (to_jsonb(u) - 'last_login_at' - 'updated_at')::text from users u
                        union all select 'config ' || to_jsonb(c)::text from customer_configs c
                        union all select 'session ' || (to_jsonb(s) - 'last_seen_at')::text from sessions s
                        union all select 'key ' || (to_jsonb(k) - 'last_used_at')::text from access_keys k
                    ) as everything order by text
                    """
                ).map { try $0.decode("text", as: String.self) }
            }
        }
    }
}

extension WorldTests.IdentityMatrixTests {
    /// What an identity is to get at an entry.
    static func verdict(_ entry: Entry, _ identity: Identity) -> Verdict {
        let isSafe = entry.isSafe
        switch entry.rule {
        case .everyone: return .passes
        case .nothingThere: return .refused(404, #""NOT_FOUND""#)
        case .unforwarded(let words): return .refused(404, words)
        case .startPage:
            return identity.standing == .disabled ? .refused(403, #""USER_DISABLED""#) : .passes
        case .logout: return logout(identity)
        case .forwarded(let reads, let runsCode):
            return forwarded(identity.standing, reads: reads, runsCode: runsCode, isSafe: isSafe)
        case .page, .adminPage:
            if identity.standing == .unknown { return isSafe ? .signIn : .refused(401, "") }
            return own(entry.rule, identity.standing, isSafe: isSafe)
        case .person, .session, .ownSession, .admin, .adminSession:
            return own(entry.rule, identity.standing, isSafe: isSafe)
        }
    }

    private static func own(_ rule: Rule, _ standing: Identity.Standing, isSafe: Bool) -> Verdict {
        let isForAdmins = [.admin, .adminSession, .adminPage].contains(rule)
        switch standing {
        case .unknown: return .refused(401, #""INVALID_SESSION_ID""#)
        case .disabled: return .refused(403, #""USER_DISABLED""#)
        case .crossOrigin, .silent: return isSafe ? .passes : .refused(403, #""CROSS_ORIGIN_REQUEST""#)
        case .session(isAdmin: true): return .passes
        case .session(isAdmin: false):
            if rule == .ownSession { return .refused(404, #""NOT_FOUND""#) }
            return isForAdmins ? .refused(403, #""ADMIN_ONLY""#) : .passes
        case .key(let isAdmin, let writes):
            if rule == .person { return .passes }
            guard rule == .admin, writes else { return .refused(403, #""KEY_SCOPE""#) }
            return isAdmin ? .passes : .refused(403, #""ADMIN_ONLY""#)
        }
    }

    private static func forwarded(
        _ standing: Identity.Standing, reads: Bool, runsCode: Bool, isSafe: Bool
    ) -> Verdict {
        switch standing {
        case .unknown: .refused(401, #""INVALID_SESSION_ID""#)
        case .disabled: .refused(403, #""USER_DISABLED""#)
        case .crossOrigin: .refused(403, #""CROSS_ORIGIN_REQUEST""#)
        case .silent: isSafe && !runsCode ? .passes : .refused(403, #""CROSS_ORIGIN_REQUEST""#)
        case .session, .key(_, writes: true): .passes
        case .key(_, writes: false): reads ? .passes : .refused(403, #""KEY_SCOPE""#)
        }
    }

    /// Who has nothing to end is told that it has ended; keys end no session.
    private static func logout(_ identity: Identity) -> Verdict {
        switch identity.standing {
        case .unknown: identity.isScript ? .refused(403, #""CROSS_ORIGIN_REQUEST""#) : .passes
        case .disabled: .refused(403, #""USER_DISABLED""#)
        case .crossOrigin, .silent: .refused(403, #""CROSS_ORIGIN_REQUEST""#)
        case .key: .refused(403, #""KEY_SCOPE""#)
        case .session: .passes
        }
    }

    /// Asks, and holds the answer against the verdict.
    static func check(
        _ entry: Entry, _ identity: Identity, _ verdict: Verdict, _ scene: IdentityScene
    ) async throws {
        let answer = try await scene.send(
            identity, entry.method, entry.path, type: entry.type, body: entry.body)
        let what: Comment = "\(identity) \(entry.method) \(entry.path): \(answer.status) \(answer.body.prefix(200))"
        switch verdict {
        case .passes:
            #expect(![401, 402, 403].contains(answer.status) && answer.status < 500, what)
            #expect(answer.location?.hasPrefix("/auth/login") != true, what)
        case .signIn:
            #expect(answer.status == 303, what)
            #expect(answer.location?.hasPrefix("/auth/login?return_to=") == true, what)
        case .refused(let status, let words):
            #expect(answer.status == status, what)
            #expect(entry.method == .HEAD || answer.isPage || answer.body.contains(words), what)
            let secrets = ["McGovern", World.susan, World.alex, scene.targets.key, scene.targets.session, "spare"]
            // The address that was asked for stands in the answer, with the id in it.
            let told = answer.body.replacing(entry.path, with: "")
            #expect(!secrets.contains { told.contains($0) }, what)
        }
    }

    /// Who may change things does: each with a target of its own, so that the refusals above refused something.
    static func change(_ scene: IdentityScene) async throws {
        for identity in [Identity.adminsKey, .member, .admin] {
            let targets = IdentityScene.Targets(
                user: scene.targets.user, key: try await scene.makeSpareKey(),
                session: try await scene.makeSpareSession())
            let entries = try await entries(of: scene, targets: targets)
            // The end of one's own session comes last.
            for entry in entries.sorted(by: { $0.rule != .logout && $1.rule == .logout }) where !entry.isSafe {
                guard verdict(entry, identity) == .passes else { continue }
                // Two entries end the same key, and the same session.
                let answer = try await scene.send(
                    identity, entry.method, entry.path, type: entry.type, body: entry.body)
                let isGone = answer.status == 404 && entry.path.hasPrefix("/settings/")
                #expect(
                    (200..<400).contains(answer.status) || isGone,
                    "\(identity) \(entry.method) \(entry.path): \(answer.status) \(answer.body.prefix(300))")
            }
        }
    }
}

extension Browser.Page {
    fileprivate var isPage: Bool { headers.first(name: "Content-Type")?.hasPrefix("text/html") == true }
}

extension String {
    /// A route's template with an id.
    fileprivate func filled(_ id: String) -> String { replacing("{id}", with: id) }
}
