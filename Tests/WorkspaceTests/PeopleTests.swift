import Access
import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Hummingbird
import Secrets
import Testing

@testable import Workspace

/// `/api/users`, `/api/sessions`, `/api/audit`.
@Suite struct PeopleTests {
    private let merge: HTTPFields = [.contentType: "application/merge-patch+json"]

    /// Whoever signed in is listed, with what an admin may change.
    @Test func usersAreListed() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie(of: .susan)
        _ = try await scene.cookie(of: .ann)
        let users = try await list(scene, "/api/users", "users", susan)
        #expect(users.count == 2)
        for user in users {
            #expect(
                Set(user.keys) == [
                    "id", "email", "firstName", "lastName", "fullName", "role", "salesforceUserId",
                    "salesforceProfile", "lastLoginAt", "disabled", "disabledAt", "createdAt",
                ])
            #expect(user["disabled"] == .bool(false))
            guard case .string(let id)? = user["id"] else { continue }
            let one = try await scene.send(.get, "/api/users/\(id)", headers: scene.fetch(susan))
            #expect(try await scene.members(one) == user)
        }
    }

    /// A role is changed at once, for the next request of a session that was there before, and the log says by whom.
    @Test func rolesAreChanged() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie(of: .susan)
        let ann = try await scene.cookie(of: .ann)
        let id = try await userID(of: ann, scene)
        #expect(try await scene.send(.get, "/api/users", headers: scene.fetch(ann)).status == .forbidden)
        let changed = try await scene.send(
            .patch, "/api/users/\(id)", headers: scene.fetch(susan, merge), body: #"{"role":"admin"}"#)
        #expect(try await scene.members(changed)["role"] == .string("admin"))
        #expect(try await scene.send(.get, "/api/users", headers: scene.fetch(ann)).status == .ok)
        let event = try #require(scene.store.auditEvents.last)
        #expect(event.action == .userRoleChanged)
        #expect(event.detail == ["before": "ae", "after": "admin", "target": id])
        #expect(event.userID?.description == (try await userID(of: susan, scene)))
        #expect(event.requestID == Scene.requestID)
    }

    /// Who is disabled is out at once, and in again where that is taken back.
    @Test func peopleAreDisabled() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie(of: .susan)
        let ann = try await scene.cookie(of: .ann)
        let path = "/api/users/\(try await userID(of: ann, scene))"
        let off = try await scene.send(.patch, path, headers: scene.fetch(susan, merge), body: #"{"disabled":true}"#)
        #expect(try await scene.members(off)["disabledAt"] == .string("2026-01-01T00:00:00.000Z"))
        let refused = try await scene.send(.get, "/api/me", headers: scene.fetch(ann))
        #expect(refused.status == .forbidden)
        #expect(try await scene.members(refused)["code"] == .string("USER_DISABLED"))
        _ = try await scene.send(.patch, path, headers: scene.fetch(susan, merge), body: #"{"disabled":false}"#)
        #expect(try await scene.send(.get, "/api/me", headers: scene.fetch(ann)).status == .ok)
        #expect(scene.store.auditEvents.suffix(2).map(\.action) == [.userDisabled, .userEnabled])
    }

    /// The last admin stays one, by whatever way.
    @Test(arguments: [#"{"role":"ae"}"#, #"{"disabled":true}"#]) func theLastAdminStays(body: String) async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie(of: .susan)
        _ = try await scene.cookie(of: .ann)
        let path = "/api/users/\(try await userID(of: susan, scene))"
        let refused = try await scene.send(.patch, path, headers: scene.fetch(susan, merge), body: body)
        #expect(refused.status == .conflict)
        #expect(try await scene.members(refused)["code"] == .string("LAST_ADMIN"))
        #expect(try await scene.send(.get, "/api/users", headers: scene.fetch(susan)).status == .ok)
    }

    /// What is wrong is said, and where; nothing is changed. Nobody but an admin's own session gets so far.
    @Test func wrongChangesAreRefused() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie(of: .susan)
        let ann = try await scene.cookie(of: .ann)
        let path = "/api/users/\(try await userID(of: ann, scene))"
        for (body, pointers) in [
            (#"{"role":"king","disabled":1,"email":"x"}"#, ["/disabled", "/email", "/role"]), ("[]", [""]),
            (#"{"role":null}"#, ["/role"]),
        ] {
            let refused = try await scene.send(.patch, path, headers: scene.fetch(susan, merge), body: body)
            #expect(refused.status == .unprocessableContent)
            guard case .array(let errors)? = try await scene.members(refused)["errors"] else { continue }
            let found = errors.map { error -> String in
                guard case .object(let members) = error, case .string(let pointer)? = members["pointer"] else {
                    return "?"
                }
                return pointer
            }
            #expect(found == pointers)
        }
        let nobody = "/api/users/00000000-0000-4000-8000-000000000000"
        #expect(
            try await scene.send(.patch, nobody, headers: scene.fetch(susan, merge), body: "{}").status == .notFound)
        #expect(try await scene.send(.get, nobody, headers: scene.fetch(susan)).status == .notFound)
        #expect(
            try await scene.send(.patch, path, headers: scene.fetch(ann, merge), body: #"{"role":"admin"}"#).status
                == .forbidden)
        let foreign: HTTPFields = [.cookie: susan, .contentType: "application/json", .secFetchSite: "cross-site"]
        #expect(try await scene.send(.patch, path, headers: foreign, body: #"{"role":"admin"}"#).status == .forbidden)
        #expect(scene.store.auditEvents.allSatisfy { $0.action != .userRoleChanged })
    }

    /// A workspace that the operator suspended is read only for its own people, on the pages too; what ends something
    /// they may still do.
    @Test func aSuspendedWorkspaceIsReadOnly() async throws {
        let scene = try await Scene { $0.suspendedAt = Fixtures.epoch }
        let tenant = try #require(await scene.directory.tenant(scene.customer.subdomain))
        let admin = try #require(await scene.store.repositories.users.users(in: tenant.id).first)
        let key = scene.fixtures.makeAccessKey(of: admin)
        try await scene.store.repositories.accessKeys.create(key)
        // Who was signed in before still is.
        let other = try await scene.sessions.start(user: admin, in: tenant).session
        let own = try await scene.sessions.start(user: admin, in: tenant).cookie
        let cookie = "\(scene.sessions.cookieName)=\(own.exposed)"
        for (method, path, body) in [
            (HTTPRequest.Method.patch, "/api/config", #"{"priorityWeights":null}"#),
            (.patch, "/api/users/\(admin.id)", #"{"disabled":false}"#), (.post, "/api/keys", #"{"name":"x"}"#),
        ] {
            let headers = scene.fetch(cookie, [.contentType: "application/json"])
            let refused = try await scene.send(method, path, headers: headers, body: body)
            #expect(refused.status == .forbidden, "\(path)")
            #expect(try await scene.members(refused)["code"] == .string("WORKSPACE_SUSPENDED"), "\(path)")
        }
        let forms: [(String, KeyValuePairs<String, String>)] = [
            ("/settings/config", ["action": "restore"]), ("/settings/keys", ["action": "create", "name": "x"]),
            ("/settings/people", ["user": "\(admin.id)", "action": "role", "role": "am"]),
        ]
        for (path, fields) in forms {
            #expect(try await scene.submit(path, cookie, fields).status == .forbidden, "\(path)")
            #expect(try await scene.open(path, cookie).text().contains("<h2>Workspace suspended</h2>"), "\(path)")
        }
        for path in ["/api/me", "/api/config", "/api/users", "/api/keys", "/api/sessions", "/api/audit"] {
            #expect(try await scene.send(.get, path, headers: scene.fetch(cookie)).status == .ok, "\(path)")
        }
        for (method, path) in [
            (HTTPRequest.Method.delete, "/api/keys/\(key.id)"), (.delete, "/api/sessions/\(other.id)"),
            (.post, "/auth/logout"),
        ] {
            #expect(try await scene.send(method, path, headers: scene.fetch(cookie)).status == .noContent, "\(path)")
        }
    }

    /// Where the subscription has ended, people can still be kept out.
    @Test func peopleAreKeptOutWithoutASubscription() async throws {
        let scene = try await Scene { customer in
            customer.subscriptionStatus = .trial
            customer.trialEndsAt = Fixtures.epoch.addingTimeInterval(60)
        }
        let susan = try await scene.cookie(of: .susan)
        let ann = try await scene.cookie(of: .ann)
        let path = "/api/users/\(try await userID(of: ann, scene))"
        scene.clock.advance(by: 61)
        let off = try await scene.send(.patch, path, headers: scene.fetch(susan, merge), body: #"{"disabled":true}"#)
        #expect(off.status == .ok)
    }

    /// People see their own sessions, admins all; each can be ended from another one, and then it is over.
    @Test func sessionsAreListedAndEnded() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie(of: .susan)
        let here = try await scene.cookie(of: .ann)
        scene.clock.advance(by: 60)
        let there = try await scene.cookie(of: .ann, userAgent: "curl/8.14.1")
        #expect(try await list(scene, "/api/sessions", "sessions", susan).count == 3)
        let own = try await list(scene, "/api/sessions", "sessions", here)
        #expect(own.map { $0["current"] } == [.bool(false), .bool(true)])
        #expect(own.map { $0["userAgent"] } == [.string("curl/8.14.1"), .null])
        #expect(Set(own[0].keys) == ["id", "userId", "createdAt", "lastSeenAt", "expiresAt", "current", "userAgent"])
        guard case .string(let id)? = own.first?["id"] else {
            Issue.record("id is missing")
            return
        }
        let susans = try await list(scene, "/api/sessions", "sessions", susan).first { $0["current"] == .bool(true) }
        guard case .string(let foreign)? = susans?["id"] else {
            Issue.record("id is missing")
            return
        }
        for path in ["/api/sessions/\(foreign)", "/api/sessions/x"] {
            #expect(try await scene.send(.delete, path, headers: scene.fetch(here)).status == .notFound)
        }
        #expect(try await scene.send(.delete, "/api/sessions/\(id)", headers: scene.fetch(here)).status == .noContent)
        #expect(try await scene.send(.get, "/api/me", headers: scene.fetch(there)).status == .unauthorized)
        #expect(try await scene.send(.get, "/api/me", headers: scene.fetch(here)).status == .ok)
        #expect(await scene.salesforce.journal.revoked.isEmpty)
        // The last one takes the grant with it, as signing out does.
        let left = try await list(scene, "/api/sessions", "sessions", here).compactMap { $0["id"] }
        guard case .string(let last)? = left.first else { return }
        #expect(
            try await scene.send(.delete, "/api/sessions/\(last)", headers: scene.fetch(susan)).status == .noContent)
        #expect(await scene.salesforce.journal.revoked == ["5Aep.refresh.CANARY.ann"])
    }

    /// The log is read in parts that neither repeat nor leave out, newest first; only by admins.
    @Test func theAuditLogIsPaged() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie(of: .susan)
        let ann = try await scene.cookie(of: .ann)
        for _ in 0..<5 {
            // All at one time.
            _ = try await scene.send(.get, "/auth/callback?error=access_denied", headers: browserAccept)
        }
        let all = try await list(scene, "/api/audit?limit=200", "events", susan)
        #expect(all.count > 4)
        #expect(Set(all[0].keys) == ["id", "at", "action", "userId", "detail", "requestId"])
        var read: [[String: JSONValue]] = []
        var path: String? = "/api/audit?limit=2"
        while let next = path {
            let answer = try await scene.send(.get, next, headers: scene.fetch(susan))
            let members = try await scene.members(answer)
            read += try events(members, "events")
            path = answer.headers[.link]?.firstMatch(of: /<(.*)>; rel="next"/).map { String($0.1) }
            if case .string(let cursor)? = members["next"] {
                #expect(path == "/api/audit?before=\(cursor)&limit=2")
            } else {
                #expect(path == nil)
            }
        }
        #expect(read == all)
        #expect(try await list(scene, "/api/audit?before=2026-01-01T00:00:00Z", "events", susan).isEmpty)
        #expect(try await scene.send(.get, "/api/audit", headers: scene.fetch(ann)).status == .forbidden)
    }

    /// A wrong part of a list is refused in words.
    @Test(arguments: [
        "/api/audit?limit=0", "/api/audit?limit=201", "/api/audit?limit=x", "/api/audit?before=yesterday",
        "/api/audit?befor=1", "/api/users?after=%00", "/api/users?limit=-1", "/api/sessions?before=1.2",
        "/api/sessions?before=%FF", "/api/users?after=%4", "/api/audit?before=2027-02-30T00:00:00Z",
        "/api/audit?before=99999999999999999999.00000000-0000-4000-8000-000000000000",
        "/api/sessions?before=-9223372036854775808.00000000-0000-4000-8000-000000000000",
        "/api/sessions?before=9223372036854775807.00000000-0000-4000-8000-000000000000",
        "/api/sessions?before=-1.00000000-0000-4000-8000-000000000000",
    ])
    func wrongPartsAreRefused(path: String) async throws {
        let scene = try await Scene()
        let refused = try await scene.send(.get, path, headers: scene.fetch(try await scene.cookie()))
        #expect(refused.status == .badRequest)
        #expect(refused.headers[.contentType] == "application/problem+json")
    }

    // MARK: Support

    private func list(
        _ scene: Scene, _ path: String, _ name: String, _ cookie: String
    ) async throws -> [[String: JSONValue]] {
        let answer = try await scene.send(.get, path, headers: scene.fetch(cookie))
        #expect(answer.status == .ok)
        return try events(try await scene.members(answer), name)
    }

    private func events(_ members: [String: JSONValue], _ name: String) throws -> [[String: JSONValue]] {
        guard case .array(let values)? = members[name] else { throw SceneError.notAnObject }
        return try values.map { value in
            guard case .object(let members) = value else { throw SceneError.notAnObject }
            return members
        }
    }

    private func userID(of cookie: String, _ scene: Scene) async throws -> String {
        let me = try await scene.members(try await scene.send(.get, "/api/me", headers: scene.fetch(cookie)))
        guard case .object(let user)? = me["user"], case .string(let id)? = user["id"] else {
            throw SceneError.notAnObject
        }
        return id
    }
}
