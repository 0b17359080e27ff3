import Access
import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Hummingbird
import Salesforce
import Testing

@testable import Workspace

/// `/api/config/warnings` and what the page shows of it.
@Suite struct ConfigWarningsTests {
    private static let path = "/api/config/warnings"
    private static let unknown =
        "“Regoin__c” was not found in Account, Opportunity or Contact, or you may not see it."

    private static func store(_ mappings: String, _ scene: Scene, _ cookie: String) async throws {
        let stored = try await scene.send(
            .patch, "/api/config", headers: scene.fetch(cookie, [.contentType: "application/json"]),
            body: "{\"fieldMappings\":\(mappings)}")
        #expect(stored.status == .ok)
        #expect(scene.describing.questions.isEmpty)
    }

    private static func warnings(_ scene: Scene, _ cookie: String) async throws -> JSONValue {
        let response = try await scene.send(.get, path, headers: scene.fetch(cookie))
        #expect(response.status == .ok)
        return .object(try await scene.members(response))
    }

    private static func notChecked(_ why: String) -> JSONValue {
        [
            "warnings": [
                [
                    "code": "NOT_CHECKED", "pointer": "/fieldMappings",
                    "detail": .string("The field mappings were not checked. \(why)"), "suggestions": [],
                ]
            ],
            "checkedAt": .null,
        ]
    }

    /// Storing a mapping asks nobody; the warnings say what leads nowhere, with suggestions, and when it was looked at.
    @Test func unknownFieldsAreTold() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        try await Self.store(
            #"{"region":"Regoin__c","industry":"INDUSTRY","owner":"Account.Owner.Alias","plan":"Plan__c.Name"}"#, scene,
            susan)
        let warnings = try await Self.warnings(scene, susan)
        #expect(
            warnings == [
                "warnings": [
                    [
                        "code": "UNKNOWN_FIELD", "pointer": "/fieldMappings/plan",
                        "detail": "No object or relationship “Plan__c” was found, or you may not see it.",
                        "suggestions": [],
                    ],
                    [
                        "code": "UNKNOWN_FIELD", "pointer": "/fieldMappings/region", "detail": .string(Self.unknown),
                        "suggestions": ["Region__c"],
                    ],
                ],
                "checkedAt": .time(scene.clock.now),
            ])
        let asked = scene.describing.questions
        #expect(Set(asked.map(\.object)) == ["Account", "Opportunity", "Contact", "User", "Plan__c"])
        #expect(asked.count == 5)
        #expect(asked.allSatisfy { $0.token.hasSuffix("susan") })
        // The configuration is as it was.
        let config = try await scene.send(.get, "/api/config", headers: scene.fetch(susan))
        #expect(try await scene.members(config).keys.contains("warnings") == false)
    }

    /// Everybody who may read the configuration gets the warnings, each by what they see: also by a key that reads.
    @Test func everybodySeesForThemselves() async throws {
        let scene = try await Scene()
        let ann = try await scene.cookie(of: .ann)
        try await Self.store(#"{"region":"Region__c"}"#, scene, try await scene.cookie())
        let made = try await scene.send(
            .post, "/api/keys", headers: scene.fetch(ann, [.contentType: "application/json"]),
            body: #"{"name":"nightly","scope":"read"}"#)
        let key = try #require(try await scene.members(made)["key"]?.text)
        let response = try await scene.send(.get, Self.path, headers: [.authorization: "Bearer \(key)"])
        #expect(response.status == .ok)
        #expect(try await scene.members(response)["warnings"] == [])
        #expect(scene.describing.questions.allSatisfy { $0.token.hasSuffix("ann") })
        #expect(try await scene.send(.get, Self.path).status == .unauthorized)
        #expect(try await scene.send(.post, Self.path, headers: scene.fetch(ann)).status == .methodNotAllowed)
    }

    /// Without mappings Salesforce is left alone.
    @Test func nothingIsAskedForNothing() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        #expect(try await Self.warnings(scene, susan) == ["warnings": [], "checkedAt": .null])
        #expect(try await scene.open("/settings/config", susan).status == .ok)
        #expect(scene.describing.questions.isEmpty)
    }

    /// A workspace that may not be used asks nobody, and says why.
    @Test func closedWorkspacesAskNobody() async throws {
        let scene = try await Scene { customer in
            customer.subscriptionStatus = .trial
            customer.trialEndsAt = Fixtures.epoch.addingTimeInterval(60)
        }
        let susan = try await scene.cookie()
        try await Self.store(#"{"region":"Regoin__c"}"#, scene, susan)
        scene.clock.advance(by: 61)
        let end = Fixtures.epoch.addingTimeInterval(60)
        let why = GatewayError.subscriptionInactive(.trialExpired(end)).message
        #expect(try await Self.warnings(scene, susan) == Self.notChecked(why))
        let page = try await scene.open("/settings/config", susan).text()
        #expect(page.contains("The field mappings were not checked. \(why)"))
        #expect(scene.describing.questions.isEmpty)
    }

    /// Whatever Salesforce does instead of answering is no error of ours: one warning says it.
    @Test(arguments: [
        (SalesforceError(.unreachable), "Salesforce can't be reached."),
        (SalesforceError(.timeout), "Salesforce did not answer in time."),
        (SalesforceError(.tooLarge, status: 200), "Salesforce's answer is too large."),
        (SalesforceError(.malformedAnswer, status: 200), "Salesforce's answer could not be understood."),
        (SalesforceError(.badStatus, status: 503), "Salesforce answered with an error."),
        (SalesforceError(.rateLimited, status: 403), "The Salesforce organization has no API calls left just now."),
    ])
    func failuresAreWarnings(error: SalesforceError, words: String) async throws {
        let describing = ScriptedDescribing()
        for object in FieldCatalog.startingObjects { describing.answer(object, with: .failure(error)) }
        let scene = try await Scene(describing: describing)
        let susan = try await scene.cookie()
        try await Self.store(#"{"region":"Region__c","industry":"Industry"}"#, scene, susan)
        #expect(try await Self.warnings(scene, susan) == Self.notChecked(words))
        let page = try await scene.open("/settings/config", susan)
        #expect(page.status == .ok)
        let text = try await page.text().replacing("&#39;", with: "'")
        #expect(text.count(of: "<p class=\"field-warning\">The field mappings were not checked. \(words)</p>") == 1)
        #expect(!text.contains("id=\"target-0-warning\""))
        // The second look was spared.
        #expect(describing.questions.count == 3)
    }

    /// An org that hangs keeps neither page nor program longer than they wait.
    @Test(arguments: [path, "/settings/config"]) func silenceIsNotWaitedFor(path: String) async throws {
        let describing = ScriptedDescribing()
        for object in FieldCatalog.startingObjects { describing.answer(object, with: .held(.missing)) }
        // The time is over once all three were asked.
        let scene = try await Scene(describing: describing, sleep: { _ in await describing.waitForQuestions(3) })
        let susan = try await scene.cookie()
        try await Self.store(#"{"region":"Region__c"}"#, scene, susan)
        let response = try await scene.open(path, susan)
        #expect(response.status == .ok)
        #expect(try await response.text().contains("Salesforce did not answer in time."))
    }

    // MARK: The page

    /// A warning stands at its input, which is not invalid: what it holds is stored.
    @Test func warningsStandAtTheirInputs() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        try await Self.store(#"{"a":"Industry","region":"Regoin__c","s":"Strategic"}"#, scene, susan)
        let text = try await scene.open("/settings/config", susan).text()
        let words = "\(Self.unknown) Did you mean Region__c?"
        #expect(text.contains("<p id=\"target-1-warning\" class=\"field-warning\">\(words)</p>"))
        #expect(text.contains("<p id=\"target-2-warning\" class=\"field-warning\">"))
        #expect(text.contains("Did you mean Strategic__c?"))
        #expect(!text.contains("id=\"target-0-warning\""))
        let input = try #require(text.firstMatch(of: /<input id="target-1"[^>]*>/)).0
        #expect(input.contains("aria-describedby=\"target-1-warning\""))
        #expect(!input.contains("aria-invalid"))
        let good = try #require(text.firstMatch(of: /<input id="target-0"[^>]*>/)).0
        #expect(!good.contains("aria-"))
        #expect(!text.contains("were not checked"))
    }

    /// Who only reads the page is told too.
    @Test func readersAreTold() async throws {
        let scene = try await Scene()
        let ann = try await scene.cookie(of: .ann)
        try await Self.store(#"{"region":"Regoin__c"}"#, scene, try await scene.cookie())
        let text = try await scene.open("/settings/config", ann).text()
        #expect(text.contains("<span class=\"line field-warning\">\(Self.unknown) Did you mean Region__c?</span>"))
    }

    /// A form that is shown again is about what was entered, and asks nobody.
    @Test func formsAreNotChecked() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        try await Self.store(#"{"region":"Regoin__c"}"#, scene, susan)
        let more = try await scene.submit(
            "/settings/config", susan,
            [
                "section": "fieldMappings", "tag": "\"x\"", "action": "more", "former": "region", "field": "region",
                "target": "Other__c",
            ])
        #expect(more.status == .ok)
        #expect(try await !more.text().contains("field-warning"))
        #expect(scene.describing.questions.isEmpty)
    }
}
