import Access
import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Hummingbird
import Testing

@testable import Workspace

/// The API's document says what the API does. Every answer of all other tests is held against it too, by `Scene`.
@Suite struct OpenAPITests {
    private let document = APIDocument(cookieName: "formation_session").value

    /// Every path of the API is in it with every method, and nothing else is.
    @Test func routesAreDocumented() throws {
        guard case .object(let items)? = document["paths"] else { throw SceneError.notAnObject }
        #expect(Set(items.keys) == Set(Route.documented.map(\.template)))
        for (template, route) in Route.documented {
            #expect(Route(path: template) == route)
            guard case .object(let operations)? = items[template] else { continue }
            let methods = route.methods.filter { $0 != .head && $0 != .options }
            #expect(Set(operations.keys) == Set(methods.map { $0.rawValue.lowercased() }), "\(template)")
            #expect(APIGroup(route) != nil, "\(template)")
        }
        let others = Route.all.filter { $0.route.operations.isEmpty }.map(\.template)
        #expect(
            others == [
                "/", "/auth/callback", "/auth/login", "/settings", "/settings/audit", "/settings/billing",
                "/settings/config", "/settings/keys", "/settings/people", "/settings/sessions",
            ])
    }

    /// Names are there once, ids of paths are declared, and references lead somewhere.
    @Test func documentHoldsTogether() throws {
        let operations = Route.documented.flatMap(\.route.operations)
        #expect(Set(operations.map(\.id)).count == operations.count)
        for (template, route) in Route.documented {
            for operation in route.operations {
                let places = operation.parameters.filter { $0.place == .path }.map(\.name)
                #expect(places == (template.contains("{id}") ? ["id"] : []), "\(template)")
            }
        }
        let text = String(decoding: document.encoded, as: UTF8.self)
        for match in text.matches(of: /"\$ref":"#\/components\/(\w+)\/([\w-]+)"/) {
            #expect(document["components"]?[String(match.1)]?[String(match.2)] != nil, "\(match.0)")
        }
    }

    /// The examples are what they are examples of.
    @Test func examplesAreValid() {
        let validator = SchemaValidator(document: document)
        for operation in Route.documented.flatMap(\.route.operations) {
            for parameter in operation.parameters {
                #expect(validator.faults(of: parameter.example, against: parameter.schema).isEmpty, "\(operation.id)")
            }
            if let body = operation.body {
                #expect(validator.faults(of: body.example, against: body.schema.reference).isEmpty, "\(operation.id)")
            }
            for answer in operation.answers {
                guard case .json(let schema, let example)? = answer.content else { continue }
                #expect(validator.faults(of: example, against: schema.reference).isEmpty, "\(operation.id)")
            }
        }
    }

    /// What the document promises of each operation happens, with the bodies that it has for examples.
    @Test func operationsDoWhatIsDocumented() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie(of: .susan)
        let ann = try await scene.cookie(of: .ann)
        let person = try await firstID(scene, "/api/users", "users", susan)
        let made = try await scene.send(
            .post, "/api/keys", headers: scene.fetch(ann, [.contentType: "application/json"]), body: #"{"name":"a"}"#)
        let key = try #require(try await scene.members(made)["id"]?.text)
        let session = try await firstID(scene, "/api/sessions", "sessions", ann)
        let ids = ["/api/users/{id}": person, "/api/keys/{id}": key, "/api/sessions/{id}": session]
        for (template, route) in Route.documented where route != .logout {
            let path = ids[template].map { template.replacing("{id}", with: $0) } ?? template
            for operation in route.operations {
                var headers = scene.fetch(susan)
                headers[.contentType] = operation.body?.mediaTypes.first
                let body = operation.body.map { String(decoding: $0.example.encoded, as: UTF8.self) } ?? ""
                let response = try await scene.send(operation.method, path, headers: headers, body: body)
                #expect(response.status.code == operation.answers.first?.status, "\(operation.id)")
            }
        }
        #expect(try await scene.send(.post, "/auth/logout", headers: scene.fetch(susan)).status == .noContent)
    }

    /// A workspace that may not be used refuses changes as it is documented.
    @Test func closedWorkspacesRefuseAsDocumented() async throws {
        let scene = try await Scene { customer in
            customer.subscriptionStatus = .trial
            customer.trialEndsAt = Fixtures.epoch.addingTimeInterval(60)
        }
        let cookie = try await scene.cookie()
        scene.clock.advance(by: 61)
        let headers = scene.fetch(cookie, [.contentType: "application/json"])
        for (method, path) in [(HTTPRequest.Method.post, "/api/keys"), (.patch, "/api/config")] {
            let refused = try await scene.send(method, path, headers: headers, body: "{}")
            #expect(refused.status.code == 402)
        }
    }

    /// It is anybody's, holds nothing of a tenant, and is not sent again to who has it.
    @Test func documentIsPublic() async throws {
        let scene = try await Scene(companyName: "A company like no other")
        let response = try await scene.send(.get, "/api/openapi.json")
        #expect(response.status == .ok)
        #expect(response.headers[.contentType] == "application/json")
        #expect(response.headers[.cacheControl] == "public, no-cache")
        let text = try await response.text()
        #expect(text.hasPrefix("{") && !text.contains("A company like no other"))
        #expect(!text.contains(Scene.origin))
        let tag = try #require(response.headers[.eTag])
        let known = try await scene.send(.get, "/api/openapi.json", headers: [.ifNoneMatch: tag])
        #expect(known.status == .notModified)
        #expect(try await known.bytes().isEmpty)
        #expect(try await scene.send(.head, "/api/openapi.json").headers[.eTag] == tag)
        #expect(try await scene.send(.post, "/api/openapi.json").status == .methodNotAllowed)
        let secure = try await Scene(isSecure: true).send(.get, "/api/openapi.json").text()
        #expect(secure.contains(#""name":"__Host-formation_session""#))
    }

    private func firstID(_ scene: Scene, _ path: String, _ name: String, _ cookie: String) async throws -> String {
        let answer = try await scene.members(try await scene.send(.get, path, headers: scene.fetch(cookie)))
        guard case .array(let values)? = answer[name], let id = values.first?["id"]?.text else {
            throw SceneError.notAnObject
        }
        return id
    }
}

/// What holds answers against the document finds what is wrong with them.
@Suite struct ConformanceTests {
    private let conformance = Conformance(document: APIDocument(cookieName: "formation_session").value)

    /// An answer that the document does not tell of is found out, by its status, type, header or body.
    @Test func strangeAnswersAreFound() async throws {
        func faults(_ response: Response, _ path: String = "/api/me", _ method: HTTPRequest.Method = .get)
            async throws -> Int
        {
            try await conformance.faults(of: response, to: method, path).count
        }
        #expect(try await faults(.json(APIExample.me)) == 0)
        #expect(try await faults(.json(APIExample.me, status: .accepted)) == 1)
        #expect(try await faults(.json(APIExample.me.merging(["password": "x"]))) == 1)
        #expect(try await faults(.json(APIExample.session)) > 0)
        #expect(try await faults(.json(APIExample.me, headers: [.eTag: "\"1\""])) == 1)
        #expect(try await faults(Response(status: .ok, headers: [.contentType: "text/plain"])) == 1)
        #expect(try await faults(.json(APIExample.keys), "/api/keys/1", .delete) == 1)
        #expect(try await faults(.json(APIExample.me), "/api/me", .put) == 1)
        let problem = Problem(GatewayError.notSignedIn).jsonResponse(requestID: "1", instance: "/api/me")
        #expect(try await faults(problem) == 0)
        var other = Problem(GatewayError.notSignedIn)
        other.code = "ADMIN_ONLY"
        #expect(try await faults(other.jsonResponse(requestID: "1", instance: "/api/me")) == 1)
    }

    /// Each rule refuses what is against it, and nothing else.
    @Test(arguments: [
        (#"{"type":"string"}"#, #""a""#, "1"), (#"{"type":["string","null"]}"#, "null", "true"),
        (#"{"type":"integer"}"#, "2", "2.5"), (#"{"type":"number"}"#, "2.5", "null"),
        (#"{"type":"array","items":{"type":"boolean"}}"#, "[true]", "[1]"), (#"{"type":"object"}"#, "{}", "[]"),
        (#"{"required":["a"]}"#, #"{"a":1}"#, "{}"), (#"{"properties":{"a":{"const":1}}}"#, #"{"a":1}"#, #"{"a":2}"#),
        (#"{"properties":{"a":{}},"additionalProperties":false}"#, #"{"a":1}"#, #"{"b":1}"#),
        (#"{"additionalProperties":{"type":"string"}}"#, #"{"a":"b"}"#, #"{"a":1}"#),
        (#"{"propertyNames":{"maxLength":1}}"#, #"{"a":1}"#, #"{"ab":1}"#),
        (#"{"maxProperties":0}"#, "{}", #"{"a":1}"#),
        (#"{"enum":["a","b"]}"#, #""b""#, #""c""#), (#"{"const":null}"#, "null", "0"),
        (#"{"anyOf":[{"minimum":1},{"type":"null"}]}"#, "null", "0"),
        (#"{"oneOf":[{"minimum":1},{"minimum":2}]}"#, "1", "3"), (#"{"maximum":1}"#, "1", "1.1"),
        (#"{"minLength":1,"maxLength":2}"#, #""a""#, #""abc""#), (#"{"maxItems":1}"#, "[1]", "[1,2]"),
        (#"{"pattern":"^a$"}"#, #""a""#, #""ba""#), (#"{"format":"uuid"}"#, "1", #""1""#),
        (#"{"format":"date-time"}"#, #""2027-01-31T12:00:00Z""#, #""yesterday""#),
        (##"{"$ref":"#/a"}"##, "1", "2"), (#"{"description":"of nothing"}"#, "1", ""),
        (#"{}"#, "1", ""), (#"{"contains":{}}"#, "", "1"), (##"{"$ref":"#/b"}"##, "", "1"),
    ])
    func rulesAreKept(schema: String, good: String, bad: String) throws {
        let validator = SchemaValidator(document: ["a": ["const": 1]])
        let schema = try value(schema)
        if !good.isEmpty { #expect(validator.faults(of: try value(good), against: schema).isEmpty) }
        if !bad.isEmpty { #expect(!validator.faults(of: try value(bad), against: schema).isEmpty) }
    }

    private func value(_ text: String) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }
}

/// The same as a page.
@Suite struct APIPageTests {
    /// Every operation is on it with its path, its ways to fail and a line for the terminal; nothing runs in it.
    @Test func pageShowsEveryOperation() async throws {
        let scene = try await Scene()
        let response = try await scene.send(.get, "/api/docs", headers: browserAccept)
        #expect(response.status == .ok)
        #expect(response.headers[.contentType] == "text/html; charset=utf-8")
        let text = try await response.text()
        #expect(text.contains("<title>API · Axonify · FormationIQ</title>"))
        #expect(text.count(of: "<h1") == 1)
        for forbidden in ["<script", "{{", "style=", "`", "<p></p>"] {
            #expect(!text.contains(forbidden), "\(forbidden)")
        }
        for (template, route) in Route.documented {
            for operation in route.operations {
                #expect(text.contains("<h3 id=\"\(operation.id)\">\(operation.summary)</h3>".escapingApostrophes))
                #expect(text.contains("<b>\(operation.method)</b> \(template)</code>"))
            }
        }
        #expect(text.count(of: "In a terminal") == Route.documented.flatMap(\.route.operations).count)
        for shown in [
            "LAST_ADMIN", "PRECONDITION_FAILED", "riskRules.staleDealWarningDays",
            "curl \(Scene.origin)/api/me", "Authorization: Bearer $KEY", "href=\"/api/openapi.json\"",
            "integer, 1 to 200", "<code>Retry-After</code>",
        ] {
            #expect(text.contains(shown), "\(shown)")
        }
        let ids = text.matches(of: /\sid="([^"]+)"/).map { String($0.1) }
        #expect(Set(ids).count == ids.count)
        for link in text.matches(of: /href="#([^"]+)"/) { #expect(ids.contains(String(link.1))) }
    }

    /// Who has it already is not sent it again; the company's name is text, whatever it is.
    @Test func pageIsKept() async throws {
        let scene = try await Scene(companyName: "<script>alert(1)</script>")
        let response = try await scene.send(.get, "/api/docs")
        #expect(try await response.text().contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
        #expect(response.headers[.cacheControl] == "public, no-cache")
        let tag = try #require(response.headers[.eTag])
        let known = try await scene.send(.get, "/api/docs", headers: [.ifNoneMatch: tag])
        #expect(known.status == .notModified)
        #expect(try await known.bytes().isEmpty)
    }
}

extension String {
    /// As the pages escape them.
    fileprivate var escapingApostrophes: String { replacing("'", with: "&#39;") }
}
