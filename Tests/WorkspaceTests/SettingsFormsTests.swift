import Access
import Domain
import Foundation
import GatewayTesting
import HTTPTypes
import Hummingbird
import Testing

@testable import Workspace

/// `/settings/config` and `/settings/keys`.
@Suite struct SettingsFormsTests {
    private func tag(_ scene: Scene, _ cookie: String) async throws -> String {
        let text = try await scene.open("/settings/config", cookie).text()
        let tag = try #require(text.firstMatch(of: /name="tag" value="([^"]+)"/)).1
        return tag.unescaped
    }

    private func stored(_ scene: Scene) async throws -> CustomerConfig {
        try #require(try await scene.store.repositories.configs.config(of: scene.customer.id))
    }

    private func rules(_ tag: String, days: String = "21") -> KeyValuePairs<String, String> {
        [
            "section": "riskRules", "tag": tag, "action": "save", "staleOpportunityDays": days,
            "staleDealWarningDays": "9", "lowEngagementThreshold": "0",
            "highRiskStages": "Proposal\r\n\r\n Closing \r\n",
        ]
    }

    // MARK: Configuration

    /// Rules are stored as the API would, with the audit log's note.
    @Test func rulesAreSaved() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        let answer = try await scene.submit("/settings/config", susan, rules(try await tag(scene, susan)))
        #expect(answer.status == .seeOther)
        #expect(answer.headers[.location] == "/settings/config?done=saved")
        let now = try await stored(scene)
        #expect(
            now.riskRules
                == RiskRules(
                    staleOpportunityDays: 21, highRiskStages: ["Proposal", "Closing"], lowEngagementThreshold: 0,
                    staleDealWarningDays: 9))
        #expect(now.priorityWeights == PriorityWeights())
        let event = try #require(scene.store.auditEvents.last)
        #expect(event.action == .configChanged)
        #expect(event.detail["changed"]?.contains("/riskRules/staleOpportunityDays") == true)
    }

    /// What is wrong stands at its input, with what was entered, and nothing is stored.
    @Test func wrongRulesAreShownAgain() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        let before = try await stored(scene)
        let answer = try await scene.submit("/settings/config", susan, rules(try await tag(scene, susan), days: "soon"))
        #expect(answer.status == .unprocessableContent)
        let text = try await answer.text()
        #expect(text.contains("value=\"soon\""))
        #expect(
            text.contains(
                "<p id=\"staleOpportunityDays-problem\" class=\"field-error\">Must be a whole number from 1.</p>"))
        #expect(
            text.contains(
                "<a href=\"#staleOpportunityDays\">Stale opportunity (days): Must be a whole number from 1.</a>"))
        #expect(
            text.contains(
                "aria-describedby=\"staleOpportunityDays-problem staleOpportunityDays-hint\" aria-invalid=\"true\""))
        #expect(text.count(of: "aria-invalid") == 1)
        #expect(text.contains("value=\"9\""))
        #expect(!text.contains("null"))
        #expect(try await stored(scene) == before)
    }

    /// Weights add up to 1, or all of them are marked; a decimal comma is understood.
    @Test func weightsAddUp() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        func weights(_ first: String) async throws -> Response {
            try await scene.submit(
                "/settings/config", susan,
                [
                    "section": "priorityWeights", "tag": try await tag(scene, susan), "dealSize": first,
                    "closeProximity": "0.2", "riskScore": "0.2", "engagementLevel": "0.2", "strategicValue": "0",
                ])
        }
        let wrong = try await weights("0.5")
        #expect(wrong.status == .unprocessableContent)
        let text = try await wrong.text()
        #expect(text.contains("<p id=\"weights-problem\" class=\"field-error\">The weights must add up to 1"))
        #expect(text.count(of: "aria-invalid") == 5)
        #expect(text.contains("value=\"0.5\""))
        #expect(try await weights("1.5").text().contains("Must be a number from 0 to 1."))
        #expect(try await weights("0,4").status == .seeOther)
        #expect(try await stored(scene).priorityWeights.dealSize == 0.4)
    }

    /// Mappings are added, changed, renamed and removed in one go; rows that are left empty mean nothing.
    @Test func mappingsAreEdited() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        _ = try await scene.send(
            .patch, "/api/config", headers: scene.fetch(susan, [.contentType: "application/json"]),
            body: #"{"fieldMappings":{"a":"A__c","b":"B__c","c":"C__c","d":"D__c"}}"#)
        let answer = try await scene.submit(
            "/settings/config", susan,
            [
                "section": "fieldMappings", "tag": try await tag(scene, susan), "action": "save",
                "former": "a", "field": "a", "target": "A2__c",
                "former": "b", "field": "bee", "target": "B__c",
                "former": "c", "field": "c", "target": "C__c", "remove": "2",
                "former": "d", "field": "", "target": "",
                "former": "", "field": "e", "target": " E__c ",
                "former": "", "field": "", "target": "",
            ])
        #expect(answer.status == .seeOther)
        #expect(try await stored(scene).fieldMappings == ["a": "A2__c", "bee": "B__c", "e": "E__c"])
    }

    /// Rows that can't be stored are shown again, each with its reason.
    @Test func wrongMappingsAreShownAgain() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        func save(_ fields: KeyValuePairs<String, String>) async throws -> String {
            let answer = try await scene.submit("/settings/config", susan, fields)
            #expect(answer.status == .unprocessableContent)
            return try await answer.text()
        }
        let version = try await tag(scene, susan)
        let twice = try await save([
            "section": "fieldMappings", "tag": version, "former": "", "field": "a", "target": "A__c", "former": "",
            "field": "a", "target": "B__c",
        ])
        #expect(twice.contains("<p id=\"field-1-problem\" class=\"field-error\">This field is mapped in a row above"))
        #expect(twice.contains("value=\"B__c\""))
        let half = try await save([
            "section": "fieldMappings", "tag": version, "former": "", "field": "a", "target": "", "former": "",
            "field": "", "target": "B__c",
        ])
        #expect(half.contains("<p id=\"target-0-problem\""))
        #expect(half.contains("<p id=\"field-1-problem\""))
        #expect(try await stored(scene).fieldMappings.isEmpty)
    }

    /// More rows keep what was entered, and store nothing.
    @Test func moreRowsKeepEntries() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        let answer = try await scene.submit(
            "/settings/config", susan,
            [
                "section": "fieldMappings", "tag": try await tag(scene, susan), "action": "more", "former": "",
                "field": "a", "target": "A__c",
            ])
        #expect(answer.status == .ok)
        let text = try await answer.text()
        #expect(text.contains("value=\"A__c\""))
        #expect(text.count(of: "class=\"mapping\"") == 4)
        #expect(try await stored(scene).fieldMappings.isEmpty)
    }

    /// Each section goes back to its defaults by itself.
    @Test func defaultsAreRestored() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        _ = try await scene.send(
            .patch, "/api/config", headers: scene.fetch(susan, [.contentType: "application/json"]),
            body: #"{"fieldMappings":{"a":"A__c"},"riskRules":{"staleDealWarningDays":7}}"#)
        let answer = try await scene.submit(
            "/settings/config", susan,
            ["section": "riskRules", "tag": try await tag(scene, susan), "action": "restore"])
        #expect(answer.headers[.location] == "/settings/config?done=restored")
        #expect(try await stored(scene).riskRules == RiskRules())
        #expect(try await stored(scene).fieldMappings == ["a": "A__c"])
    }

    /// Who was slower is told so, with both values, and may then decide.
    @Test func lostUpdatesAreShown() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        let old = try await tag(scene, susan)
        #expect(try await scene.submit("/settings/config", susan, rules(old, days: "40")).status == .seeOther)
        let late = try await scene.submit("/settings/config", susan, rules(old, days: "50"))
        #expect(late.status == .conflict)
        let text = try await late.text()
        #expect(text.contains("Somebody else changed the configuration since you opened this page."))
        #expect(text.contains("value=\"50\""))
        #expect(text.contains("<p id=\"staleOpportunityDays-stored\" class=\"stored\">Stored now: 40</p>"))
        #expect(try await stored(scene).riskRules.staleOpportunityDays == 40)
        let new = try #require(text.firstMatch(of: /name="tag" value="([^"]+)"/)).1.unescaped
        #expect(try await scene.submit("/settings/config", susan, rules(new, days: "50")).status == .seeOther)
        #expect(try await stored(scene).riskRules.staleOpportunityDays == 50)
    }

    /// Others read the configuration and change nothing of it.
    @Test func othersReadIt() async throws {
        let scene = try await Scene()
        let ann = try await scene.cookie(of: .ann)
        let text = try await scene.open("/settings/config", ann).text()
        #expect(text.contains("<dt>Stale opportunity (days)</dt><dd>30</dd>"))
        #expect(!text.contains("name=\"section\""))
        let answer = try await scene.submit("/settings/config", ann, rules(try await tag(scene, scene.cookie())))
        #expect(answer.status == .forbidden)
        #expect(try await stored(scene).riskRules == RiskRules())
    }

    // MARK: Access keys

    /// A key is on the page that answers the form, once, and that page is kept nowhere.
    @Test func aKeyIsShownOnce() async throws {
        let scene = try await Scene()
        let ann = try await scene.cookie(of: .ann)
        let made = try await scene.submit(
            "/settings/keys", ann, ["action": "create", "name": " Nightly ", "scope": "read", "days": "30"])
        #expect(made.status == .created)
        #expect(made.headers[.cacheControl] == "no-store")
        let text = try await made.text()
        let key = try #require(text.firstMatch(of: /00D\w{12}!fiq\.\w{43}/)).0
        #expect(text.count(of: String(key)) == 1)
        #expect(text.contains("data-copy=\"new-key\" hidden"))
        #expect(text.contains("<script src=\"/assets/"))
        let used = try await scene.send(.get, "/api/me", headers: [.authorization: "Bearer \(key)"])
        #expect(used.status == .ok)
        let listed = try await scene.open("/settings/keys", ann).text()
        for shown in ["<h3>Nightly</h3>", "Read only", "31 Jan 2026, 00:00 UTC"] {
            #expect(listed.contains(shown), "\(shown)")
        }
        #expect(!listed.contains(key))
    }

    /// Each lifetime that is offered is one that is given.
    @Test(arguments: [7, 30, 90, 365]) func everyLifetimeIsGiven(days: Int) async throws {
        let scene = try await Scene()
        let ann = try await scene.cookie(of: .ann)
        let made = try await scene.submit(
            "/settings/keys", ann, ["action": "create", "name": "x", "scope": "full", "days": "\(days)"])
        #expect(made.status == .created)
        let keys = try await scene.store.repositories.accessKeys.keys(of: nil, in: scene.customer.id)
        #expect(keys.map(\.expiresAt) == [scene.clock.now.addingTimeInterval(TimeInterval(days) * 86_400)])
        #expect(keys.map(\.scope) == [.full])
    }

    /// A key without a name is refused at its input; with another lifetime or scope it is no form of ours.
    @Test func wrongKeysAreRefused() async throws {
        let scene = try await Scene()
        let ann = try await scene.cookie(of: .ann)
        let nameless = try await scene.submit(
            "/settings/keys", ann, ["action": "create", "name": " ", "scope": "full", "days": "7"])
        #expect(nameless.status == .unprocessableContent)
        let text = try await nameless.text()
        #expect(text.contains("<p id=\"name-problem\" class=\"field-error\">Enter a name.</p>"))
        #expect(text.contains("value=\"full\" checked"))
        let long = try await scene.submit(
            "/settings/keys", ann,
            ["action": "create", "name": String(repeating: "x", count: 101), "scope": "read", "days": "7"])
        #expect(long.status == .unprocessableContent)
        for (scope, days) in [("all", "7"), ("read", "8"), ("read", "")] {
            let refused = try await scene.submit(
                "/settings/keys", ann, ["action": "create", "name": "x", "scope": scope, "days": days])
            #expect(refused.status == .badRequest)
        }
        #expect(try await scene.store.repositories.accessKeys.keys(of: nil, in: scene.customer.id).isEmpty)
    }

    /// Admins see whose keys there are and revoke any; others revoke their own alone.
    @Test func keysAreRevoked() async throws {
        let scene = try await Scene()
        let susan = try await scene.cookie()
        let ann = try await scene.cookie(of: .ann)
        for cookie in [susan, ann] {
            _ = try await scene.submit(
                "/settings/keys", cookie, ["action": "create", "name": "script", "scope": "read", "days": "7"])
        }
        let all = try await scene.open("/settings/keys", susan).text()
        #expect(all.contains("<dd>Ann McGovern</dd>") && all.contains("<dd>Yours</dd>"))
        let own = try await scene.open("/settings/keys", ann).text()
        let annKeys = own.matches(of: /name="key" value="([^"]+)"/).map { String($0.1) }
        #expect(annKeys.count == 1)
        let id = try #require(annKeys.first)
        let others = all.matches(of: /name="key" value="([^"]+)"/).map { String($0.1) }.filter { $0 != id }
        let foreign = try #require(others.first)
        let refused = try await scene.submit("/settings/keys", ann, ["action": "revoke", "key": foreign])
        #expect(refused.status == .notFound)
        let done = try await scene.submit("/settings/keys", susan, ["action": "revoke", "key": id])
        #expect(done.headers[.location] == "/settings/keys?done=key-revoked")
        #expect(!(try await scene.open("/settings/keys", ann).text().contains(id)))
    }
}

@Suite struct FormBodyTests {
    /// Names come again, in order; escapes and line breaks are undone.
    @Test func namesComeAgain() throws {
        let form = try #require(FormBody("a=1&b=x+y%2B&a=%C3%A4&c&a=l%0D%0Am&=e".utf8))
        #expect(form.values("a") == ["1", "ä", "l\nm"])
        #expect(form["a"] == "1")
        #expect(form["b"] == "x y+")
        #expect(form["c"]?.isEmpty == true)
        #expect(form["d"] == nil)
    }

    /// What is not UTF-8, broken or too much is no form.
    @Test func otherBytesAreNoForm() {
        #expect(FormBody([0xFF, 0x3D]) == nil)
        #expect(FormBody("a=%FF".utf8) == nil)
        #expect(FormBody("a=%2".utf8) == nil)
        let most = Array(repeating: "a", count: FormBody.fieldsMax).joined(separator: "&")
        #expect(FormBody(most.utf8)?.fields.count == FormBody.fieldsMax)
        #expect(FormBody((most + "&a").utf8) == nil)
    }
}
