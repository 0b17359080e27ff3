import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Hummingbird
import Testing

@testable import Workspace

@Suite struct ConfigRouteTests {
    private let patchType: HTTPFields = [.contentType: "application/merge-patch+json"]

    /// The configuration has a strong tag, by which a client sees that it has it already.
    @Test func configHasATag() async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie(of: .ann)
        let response = try await scene.send(.get, "/api/config", headers: scene.fetch(cookie))
        #expect(response.status == .ok)
        #expect(
            Set(try await scene.members(response).keys) == [
                "fieldMappings", "riskRules", "priorityWeights", "updatedAt",
            ])
        let tag = try #require(response.headers[.eTag])
        #expect(tag.hasPrefix("\""))
        let known = try await scene.send(.get, "/api/config", headers: scene.fetch(cookie, [.ifNoneMatch: tag]))
        #expect(known.status == .notModified)
        #expect(known.headers[.eTag] == tag)
        #expect(try await known.bytes().isEmpty)
        #expect(known.headers[.contentLength] == nil)
    }

    /// A change is stored, answered with its new tag, and noted in the audit log without its values.
    @Test func changeIsStoredAndNoted() async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        let before = try await scene.send(.get, "/api/config", headers: scene.fetch(cookie)).headers[.eTag]
        let response = try await scene.send(
            .patch, "/api/config", headers: scene.fetch(cookie, patchType),
            body: #"{"fieldMappings":{"region":"Region__c"},"riskRules":{"staleDealWarningDays":7}}"#)
        #expect(response.status == .ok)
        let tag = try #require(response.headers[.eTag])
        #expect(tag != before)
        let read = try await scene.send(.get, "/api/config", headers: scene.fetch(cookie))
        #expect(read.headers[.eTag] == tag)
        let stored = try #require(try await scene.store.repositories.configs.config(of: scene.customer.id))
        #expect(stored.fieldMappings == ["region": "Region__c"])
        #expect(stored.riskRules.staleDealWarningDays == 7)
        let event = try #require(scene.store.auditEvents.last { $0.action == .configChanged })
        #expect(
            event.detail == [
                "changed": "/fieldMappings/region /riskRules/staleDealWarningDays",
                "before": #"{"fieldMappings":{},"riskRules":{"staleDealWarningDays":14}}"#,
                "after": #"{"fieldMappings":{"region":"Region__c"},"riskRules":{"staleDealWarningDays":7}}"#,
            ])
        #expect(event.requestID == Scene.requestID)
        #expect(event.customerID == scene.customer.id)
    }

    /// What a key changed is told from what its owner changed; and JSON is UTF-8, in another encoding it is refused.
    @Test func aKeysChangesAreTold() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        let json: HTTPFields = [.contentType: "application/json"]
        let wish = #"{"name":"nightly","scope":"full"}"#
        let wide = wish.map { "\($0)\0" }.joined()
        let refused = try await scene.send(.post, "/api/keys", headers: scene.fetch(susan, json), body: wide)
        #expect(refused.status == .badRequest)
        let made = try await scene.members(
            try await scene.send(.post, "/api/keys", headers: scene.fetch(susan, json), body: wish))
        let (id, key) = (try #require(made["id"]?.text), try #require(made["key"]?.text))
        let headers: HTTPFields = [.authorization: "Bearer \(key)", .contentType: "application/json"]
        let changed = try await scene.send(
            .patch, "/api/config", headers: headers, body: #"{"fieldMappings":{"region":"Region__c"}}"#)
        #expect(changed.status == .ok)
        let event = try #require(scene.store.auditEvents.last { $0.action == .configChanged })
        #expect(event.detail["key"] == id)
    }

    /// A patch that changes nothing writes nothing.
    @Test func idlePatchWritesNothing() async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        let before = try await scene.send(.get, "/api/config", headers: scene.fetch(cookie)).headers[.eTag]
        scene.clock.advance(by: 60)
        let response = try await scene.send(
            .patch, "/api/config", headers: scene.fetch(cookie, patchType), body: #"{"fieldMappings":{"none":null}}"#)
        #expect(response.status == .ok)
        #expect(response.headers[.eTag] == before)
        #expect(!scene.store.auditEvents.contains { $0.action == .configChanged })
    }

    /// `If-Match` with an old tag is a lost update, and nothing is written.
    @Test func lostUpdatesAreRefused() async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        let tag = try #require(try await scene.send(.get, "/api/config", headers: scene.fetch(cookie)).headers[.eTag])
        var headers = scene.fetch(cookie, patchType)
        headers[.ifMatch] = tag
        let first = try await scene.send(
            .patch, "/api/config", headers: headers, body: #"{"riskRules":{"lowEngagementThreshold":4}}"#)
        #expect(first.status == .ok)
        let second = try await scene.send(
            .patch, "/api/config", headers: headers, body: #"{"riskRules":{"lowEngagementThreshold":5}}"#)
        #expect(second.status == .preconditionFailed)
        let stored = try await scene.store.repositories.configs.config(of: scene.customer.id)
        #expect(stored?.riskRules.lowEngagementThreshold == 4)
    }

    /// Changes at the same time without `If-Match` are all kept.
    @Test func concurrentChangesAreAllKept() async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<4 {
                group.addTask {
                    try await scene.send(
                        .patch, "/api/config", headers: scene.fetch(cookie, patchType),
                        body: #"{"fieldMappings":{"field\#(number)":"Field\#(number)__c"}}"#
                    ).status.code
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == [200, 200, 200, 200])
        let stored = try await scene.store.repositories.configs.config(of: scene.customer.id)
        #expect(stored?.fieldMappings.count == 4)
    }

    /// Invalid values are listed with their places, and nothing is written, not even what was right.
    @Test func invalidValuesAreListed() async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        let response = try await scene.send(
            .patch, "/api/config", headers: scene.fetch(cookie, patchType),
            body: #"{"fieldMappings":{"region":"Region__c"},"riskRules":{"nope":1},"priorityWeights":{"dealSize":0.9}}"#
        )
        #expect(response.status == .unprocessableContent)
        #expect(response.headers[.contentType] == "application/problem+json")
        guard case .array(let errors)? = try await scene.members(response)["errors"] else {
            Issue.record("errors are missing")
            return
        }
        let pointers = errors.map { error -> JSONValue? in
            guard case .object(let members) = error, members["detail"] != nil else { return nil }
            return members["pointer"]
        }
        #expect(pointers == [.string("/priorityWeights"), .string("/riskRules/nope")])
        #expect(try await scene.store.repositories.configs.config(of: scene.customer.id)?.fieldMappings.isEmpty == true)
        #expect(!scene.store.auditEvents.contains { $0.action == .configChanged })
    }

    /// A body of another type, no JSON, or over 64 KiB is refused; the largest is taken.
    @Test func bodiesAreBounded() async throws {
        let scene = try await Scene()
        let cookie = try await scene.cookie()
        func patch(_ body: String, type: String = "application/json") async throws -> Response {
            try await scene.send(
                .patch, "/api/config", headers: scene.fetch(cookie, [.contentType: type]), body: body)
        }
        let other = try await patch("{}", type: "text/plain")
        #expect(other.status == .unsupportedMediaType)
        #expect(other.headers[.acceptPatch] == "application/merge-patch+json, application/json")
        #expect(try await patch("{").status == .badRequest)
        #expect(try await patch("[]").status == .unprocessableContent)
        #expect(try await patch("{}" + String(repeating: " ", count: 64 * 1024 - 2)).status == .ok)
        #expect(try await patch("{}" + String(repeating: " ", count: 64 * 1024 - 1)).status == .contentTooLarge)
    }

    /// Only admins change it, from their own site, in a workspace that is in use.
    @Test func onlyAdminsChangeIt() async throws {
        let scene = try await Scene()
        let ann = try await scene.send(
            .patch, "/api/config", headers: scene.fetch(try await scene.cookie(of: .ann), patchType), body: "{}")
        #expect(ann.status == .forbidden)
        #expect(try await scene.members(ann)["code"] == .string("ADMIN_ONLY"))
        var headers: HTTPFields = patchType
        headers[.cookie] = try await scene.cookie()
        headers[.origin] = "http://other.formation.localhost:8080"
        let other = try await scene.send(.patch, "/api/config", headers: headers, body: "{}")
        #expect(try await scene.members(other)["code"] == .string("CROSS_ORIGIN_REQUEST"))
    }
}
