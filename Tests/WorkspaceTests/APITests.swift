import Access
import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Hummingbird
import Testing

@testable import Workspace

@Suite struct APITests {
    /// `GET /api/me` says who one is, with the contract's members and no others.
    @Test func meSaysWhoOneIs() async throws {
        let scene = try await Scene()
        let response = try await scene.send(.get, "/api/me", headers: scene.fetch(try await scene.cookie()))
        #expect(response.status == .ok)
        #expect(response.headers[.contentType] == "application/json")
        let members = try await scene.members(response)
        guard case .object(let user)? = members["user"], case .object(let customer)? = members["customer"] else {
            Issue.record("user or customer is missing")
            return
        }
        #expect(Set(members.keys) == ["user", "customer", "session"])
        #expect(
            Set(user.keys) == [
                "id", "email", "firstName", "lastName", "fullName", "role", "salesforceUserId", "salesforceProfile",
                "lastLoginAt",
            ])
        #expect(
            Set(customer.keys) == [
                "id", "companyName", "subdomain", "subscriptionTier", "subscriptionStatus", "trialEndsAt",
                "salesforceInstanceUrl",
            ])
        #expect(user["role"] == .string("admin"))
        #expect(user["salesforceUserId"] == .string(PretendSalesforce.Person.susan.userID))
        #expect(user["lastLoginAt"] == .string("2026-01-01T00:00:00.000Z"))
        #expect(customer["subdomain"] == .string("axonify"))
        #expect(customer["trialEndsAt"] == .null)
        #expect(members["session"] == .object(["expiresAt": .string("2026-01-01T01:00:00.000Z")]))
    }

    /// Who is not signed in gets problem details with a challenge, a browser too.
    @Test(arguments: [
        "/api/me", "/api/config", "/api/config/warnings", "/api/keys", "/api/users", "/api/users/1", "/api/sessions",
        "/api/audit", "/auth/session",
    ])
    func signedOutIsUnauthorized(path: String) async throws {
        let scene = try await Scene()
        let response = try await scene.send(.get, path, headers: browserAccept)
        #expect(response.status == .unauthorized)
        #expect(response.headers[.wwwAuthenticate] == "Bearer")
        #expect(response.headers[.contentType] == "application/problem+json")
        let members = try await scene.members(response)
        #expect(members["type"] == .string("tag:pikesquare.co,2026:formation/invalid-session-id"))
        #expect(members["status"] == .number(401))
        #expect(members["instance"] == .string(path))
        #expect(members["requestId"] == .string(Scene.requestID))
        #expect(members["title"] != nil && members["detail"] != nil)
    }

    /// A credential header is judged alone: a wrong one never falls back to the cookie.
    @Test func junkCredentialIsJudgedAlone() async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        let response = try await scene.send(
            .get, "/api/me", headers: scene.fetch(cookie, [.authorization: "Bearer junk"]))
        #expect(response.status == .unauthorized)
    }

    /// What is not in the API is 404, whatever the client reads; a wrong method is 405 and says the right ones.
    @Test func unknownPathsAndMethods() async throws {
        let scene = try await Scene()
        for path in ["/api", "/api/", "/api/nothing", "/api/me/", "/api/users/", "/api/users/1/2"] {
            let response = try await scene.send(.get, path, headers: browserAccept)
            #expect(response.status == .notFound)
            #expect(response.headers[.contentType] == "application/problem+json")
        }
        for (method, path, allow) in [
            (HTTPRequest.Method.post, "/api/me", "GET, HEAD, OPTIONS"),
            (.delete, "/api/config", "GET, HEAD, PATCH, OPTIONS"), (.put, "/api/keys", "GET, HEAD, POST, OPTIONS"),
            (.get, "/api/keys/1", "DELETE, OPTIONS"), (.post, "/", "GET, HEAD, OPTIONS"),
        ] {
            let response = try await scene.send(method, path)
            #expect(response.status == .methodNotAllowed)
            #expect(response.headers[.allow] == allow)
            #expect(try await scene.send(.options, path).headers[.allow] == allow)
        }
    }

    /// While the database is away, what is not known is 503 with a time to come back.
    @Test func databaseAwayIsUnavailable() async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        scene.store.isAvailable = false
        let response = try await scene.send(.get, "/api/config", headers: scene.fetch(cookie))
        #expect(response.status == .serviceUnavailable)
        #expect(response.headers[.retryAfter].flatMap(Int.init) ?? 0 > 0)
    }
}

@Suite struct KeyTests {
    private let json: HTTPFields = [.contentType: "application/json"]

    /// A key is shown once, when it is made, and works until it is ended.
    @Test func keyLivesUntilItIsEnded() async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        let made = try await scene.send(
            .post, "/api/keys", headers: scene.fetch(cookie, json), body: #"{"name":"reports","scope":"read"}"#)
        #expect(made.status == .created)
        #expect(made.headers[.cacheControl] == "no-store")
        let members = try await scene.members(made)
        guard case .string(let key)? = members["key"], case .string(let id)? = members["id"] else {
            Issue.record("key or id is missing")
            return
        }
        #expect(key.wholeMatch(of: /00D[0-9A-Za-z]{12}!fiq\.[0-9A-Za-z]{43}/) != nil)
        #expect(made.headers[.location] == "/api/keys/\(id)")
        #expect(members["expiresAt"] == .string("2026-04-01T00:00:00.000Z"))

        let listed = try await scene.send(.get, "/api/keys", headers: scene.fetch(cookie)).text()
        #expect(listed.contains(id) && !listed.contains("!fiq"))
        let me = try await scene.send(.get, "/api/me", headers: [.authorization: "Bearer \(key)"])
        #expect(try await scene.members(me)["session"] == .object(["expiresAt": .string("2026-04-01T00:00:00.000Z")]))

        #expect(try await scene.send(.delete, "/api/keys/\(id)", headers: scene.fetch(cookie)).status == .noContent)
        #expect(try await scene.send(.delete, "/api/keys/\(id)", headers: scene.fetch(cookie)).status == .notFound)
        #expect(
            try await scene.send(.get, "/api/me", headers: [.authorization: "Bearer \(key)"]).status == .unauthorized)
    }

    /// Keys never manage keys; a read-only one changes nothing.
    @Test func keysDoNotManage() async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        let made = try await scene.send(
            .post, "/api/keys", headers: scene.fetch(cookie, json), body: #"{"name":"reports"}"#)
        guard case .string(let key)? = try await scene.members(made)["key"] else {
            Issue.record("key is missing")
            return
        }
        var headers: HTTPFields = [.authorization: "Bearer \(key)", .contentType: "application/json"]
        for (method, path) in [
            (HTTPRequest.Method.get, "/api/keys"), (.post, "/api/keys"), (.delete, "/api/keys/1"),
            (.post, "/auth/logout"), (.patch, "/api/config"),
        ] {
            let response = try await scene.send(method, path, headers: headers, body: "{}")
            #expect(response.status == .forbidden, "\(path)")
            #expect(try await scene.members(response)["code"] == .string("KEY_SCOPE"))
        }
        headers[.contentType] = nil
        #expect(try await scene.send(.get, "/api/config", headers: headers).status == .ok)
    }

    /// People see and end their own keys; admins all.
    @Test func keysAreOnesOwn() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie(of: .susan)
        let ann = try await scene.cookie(of: .ann)
        let made = try await scene.send(.post, "/api/keys", headers: scene.fetch(susan, json), body: #"{"name":"s"}"#)
        guard case .string(let id)? = try await scene.members(made)["id"] else {
            Issue.record("id is missing")
            return
        }
        #expect(try await scene.send(.get, "/api/keys", headers: scene.fetch(ann)).text() == #"{"keys":[]}"#)
        #expect(try await scene.send(.delete, "/api/keys/\(id)", headers: scene.fetch(ann)).status == .notFound)
        let own = try await scene.send(.post, "/api/keys", headers: scene.fetch(ann, json), body: #"{"name":"a"}"#)
        guard case .string(let annID)? = try await scene.members(own)["id"] else {
            Issue.record("id is missing")
            return
        }
        #expect(try await scene.send(.delete, "/api/keys/\(annID)", headers: scene.fetch(susan)).status == .noContent)
    }

    /// When an admin ends the last key of somebody who has no session, their grant is revoked at Salesforce.
    @Test func lastKeyOfAnotherReleasesTheGrant() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie(of: .susan)
        let ann = try await scene.cookie(of: .ann)
        var ids: [String] = []
        for _ in 0..<2 {
            let made = try await scene.send(.post, "/api/keys", headers: scene.fetch(ann, json), body: #"{"name":"a"}"#)
            guard case .string(let id)? = try await scene.members(made)["id"] else { continue }
            ids.append(id)
        }
        try #require(ids.count == 2)
        _ = try await scene.send(.post, "/auth/logout", headers: scene.fetch(ann))
        _ = try await scene.send(.delete, "/api/keys/\(ids[0])", headers: scene.fetch(susan))
        #expect(await scene.salesforce.journal.revoked.isEmpty)
        _ = try await scene.send(.delete, "/api/keys/\(ids[1])", headers: scene.fetch(susan))
        #expect(await scene.salesforce.journal.revoked == ["5Aep.refresh.CANARY.ann"])
    }

    /// A wrong body is refused for its type, form, or content.
    @Test(arguments: [
        ("text/plain", #"{"name":"x"}"#, 415), ("application/json", "{", 400),
        ("application/json", #"{"name":7}"#, 422),
        ("application/json", #"{"name":"x","expiresAt":"2020-01-01T00:00:00Z"}"#, 422),
        ("application/json", #"{"name":"x","expiresAt":"2099-01-01T00:00:00Z"}"#, 422),
        ("application/json", #"{"name":"\#(String(repeating: "x", count: 101))"}"#, 422),
        ("application/json", #"{"name":"x","name":"y"}"#, 400), ("application/json", "[]", 422),
        ("application/json", #"{"name":"\#(String(repeating: "x", count: KeyRequest.bodyBytesMax))"}"#, 413),
    ])
    func wrongBodiesAreRefused(type: String, body: String, status: Int) async throws {
        let scene = try await Scene()
        let headers = scene.fetch(try await scene.cookie(), [.contentType: type])
        #expect(try await scene.send(.post, "/api/keys", headers: headers, body: body).status.code == status)
        #expect(try await scene.send(.delete, "/api/keys/no-uuid", headers: headers).status == .notFound)
    }

    /// Both events of a key's life name the request that did it.
    @Test func keysAreInTheAuditLog() async throws {
        let scene = try await Scene()
        let headers = scene.fetch(try await scene.cookie(), [.contentType: "application/json"])
        let made = try await scene.send(.post, "/api/keys", headers: headers, body: #"{"name":"a"}"#)
        let location = try #require(made.headers[.location])
        #expect(try await scene.send(.delete, location, headers: headers).status == .noContent)
        let events = scene.store.auditEvents.suffix(2)
        #expect(events.map(\.action) == [.keyCreated, .keyEnded])
        #expect(events.allSatisfy { $0.requestID == Scene.requestID })
    }

    /// What is well-formed and wrong is named by its place; so is a member that stands twice, by its name.
    @Test func whatIsWrongIsNamed() async throws {
        let scene = try await Scene()
        let headers = scene.fetch(try await scene.cookie(), [.contentType: "application/json"])
        let wrong = try await scene.send(
            .post, "/api/keys", headers: headers, body: #"{"name":"a\nb","expiresAt":"2020-01-01T00:00:00Z"}"#)
        #expect(wrong.status == .unprocessableContent)
        let members = try await scene.members(wrong)
        #expect(members["code"] == .string("INVALID_VALUE"))
        guard case .array(let errors) = members["errors"] else {
            Issue.record("no errors are listed")
            return
        }
        let pointers = errors.map { error -> JSONValue? in
            guard case .object(let members) = error else { return nil }
            return members["pointer"]
        }
        #expect(pointers == [.string("/expiresAt"), .string("/name")])
        for (method, path) in [(HTTPRequest.Method.post, "/api/keys"), (.patch, "/api/config")] {
            let twice = try await scene.send(method, path, headers: headers, body: #"{"a":1,"b":{"c":1,"c":2}}"#)
            #expect(twice.status == .badRequest)
            let problem = try await scene.members(twice)
            #expect(problem["code"] == .string("BAD_REQUEST"))
            guard case .string(let detail) = problem["detail"] else {
                Issue.record("no detail")
                continue
            }
            #expect(detail.hasPrefix(#"The body has the member "c" twice"#))
        }
    }

    /// Another site's page can't make a key with somebody's cookie.
    @Test func otherSitesMakeNoKeys() async throws {
        let scene = try await Scene()
        let headers: HTTPFields = [
            .cookie: try await scene.cookie(), .contentType: "application/json", .secFetchSite: "same-site",
            .origin: "http://other.formation.localhost:8080",
        ]
        let response = try await scene.send(.post, "/api/keys", headers: headers, body: #"{"name":"x"}"#)
        #expect(response.status == .forbidden)
        #expect(try await scene.members(response)["code"] == .string("CROSS_ORIGIN_REQUEST"))
    }
}
