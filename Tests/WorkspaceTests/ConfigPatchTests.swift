import Domain
import Foundation
import GatewayTesting
import Testing

@testable import Workspace

@Suite struct ConfigPatchTests {
    private let config: CustomerConfig

    init() throws {
        let fixtures = try Fixtures()
        config = fixtures.makeConfig(
            for: CustomerID(fixtures.ids.next()), fieldMappings: ["region": "Region__c", "segment": "Segment__c"])
    }

    private func apply(_ json: String) throws -> CustomerConfig {
        let patch = try #require(JSONValue(Array(json.utf8)))
        return try ConfigPatch(patch).applied(to: config)
    }

    private func pointers(_ json: String) throws -> [String] {
        do {
            _ = try apply(json)
            return []
        } catch RequestError.invalid(let violations) {
            return violations.map(\.pointer)
        }
    }

    /// A patch changes what it names and nothing else.
    @Test func namedMembersChange() throws {
        let changed = try apply(
            #"{"fieldMappings":{"region":"Area__c","tier":"Tier__c"},"riskRules":{"staleOpportunityDays":45},"#
                + #""priorityWeights":{"dealSize":0.35,"engagementLevel":0.05}}"#)
        #expect(changed.fieldMappings == ["region": "Area__c", "segment": "Segment__c", "tier": "Tier__c"])
        #expect(changed.riskRules == RiskRules(staleOpportunityDays: 45))
        #expect(changed.priorityWeights == PriorityWeights(dealSize: 0.35, engagementLevel: 0.05))
    }

    /// An empty patch changes nothing.
    @Test func emptyPatchChangesNothing() throws {
        #expect(try apply("{}") == config)
        #expect(try apply(#"{"riskRules":{},"fieldMappings":{},"priorityWeights":{}}"#) == config)
    }

    /// `null` removes a mapping; one that is not there may be removed too.
    @Test func nullRemovesMappings() throws {
        #expect(
            try apply(#"{"fieldMappings":{"region":null,"never":null}}"#).fieldMappings == ["segment": "Segment__c"])
        #expect(try apply(#"{"fieldMappings":null}"#).fieldMappings.isEmpty)
    }

    /// `null` restores the default of a rule, of a weight, and of a whole section.
    @Test func nullRestoresDefaults() throws {
        var own = config
        own.riskRules = RiskRules(
            staleOpportunityDays: 5, highRiskStages: [], lowEngagementThreshold: 0, staleDealWarningDays: 1)
        own.priorityWeights = PriorityWeights(
            dealSize: 1, closeProximity: 0, riskScore: 0, engagementLevel: 0, strategicValue: 0)
        let rules = try ConfigPatch(.object(["riskRules": .object(["staleOpportunityDays": .null])])).applied(to: own)
        #expect(rules.riskRules.staleOpportunityDays == 30)
        #expect(rules.riskRules.staleDealWarningDays == 1)
        let all = try ConfigPatch(.object(["riskRules": .null, "priorityWeights": .null])).applied(to: own)
        #expect(all.riskRules == RiskRules())
        #expect(all.priorityWeights == PriorityWeights())
        let weights: JSONValue = .object([
            "dealSize": .null, "closeProximity": .null, "riskScore": .null, "engagementLevel": .null,
            "strategicValue": .null,
        ])
        #expect(
            try ConfigPatch(.object(["priorityWeights": weights])).applied(to: own).priorityWeights
                == PriorityWeights())
    }

    /// What is wrong is refused with the place where it stands.
    @Test(arguments: [
        ("[]", [""]), ("null", [""]), ("3", [""]),
        (#"{"other":1}"#, ["/other"]), (#"{"a/b~c":1}"#, ["/a~1b~0c"]),
        (#"{"updatedAt":"2026-01-01"}"#, ["/updatedAt"]),
        (#"{"riskRules":[]}"#, ["/riskRules"]), (#"{"riskRules":{"unknownRule":1}}"#, ["/riskRules/unknownRule"]),
        (#"{"riskRules":{"staleOpportunityDays":0}}"#, ["/riskRules/staleOpportunityDays"]),
        (#"{"riskRules":{"staleOpportunityDays":-1}}"#, ["/riskRules/staleOpportunityDays"]),
        (#"{"riskRules":{"staleOpportunityDays":1.5}}"#, ["/riskRules/staleOpportunityDays"]),
        (#"{"riskRules":{"staleOpportunityDays":"30"}}"#, ["/riskRules/staleOpportunityDays"]),
        (#"{"riskRules":{"staleOpportunityDays":true}}"#, ["/riskRules/staleOpportunityDays"]),
        (#"{"riskRules":{"staleOpportunityDays":1e300}}"#, ["/riskRules/staleOpportunityDays"]),
        (#"{"riskRules":{"staleDealWarningDays":0}}"#, ["/riskRules/staleDealWarningDays"]),
        (#"{"riskRules":{"lowEngagementThreshold":-1}}"#, ["/riskRules/lowEngagementThreshold"]),
        (#"{"riskRules":{"highRiskStages":"Negotiation"}}"#, ["/riskRules/highRiskStages"]),
        (
            #"{"riskRules":{"highRiskStages":["Proposal",1,""]}}"#,
            ["/riskRules/highRiskStages/1", "/riskRules/highRiskStages/2"]
        ),
        (#"{"priorityWeights":{"dealSize":1.1}}"#, ["/priorityWeights/dealSize"]),
        (#"{"priorityWeights":{"dealSize":-0.1}}"#, ["/priorityWeights/dealSize"]),
        (#"{"priorityWeights":{"dealSize":"0.3"}}"#, ["/priorityWeights/dealSize"]),
        (#"{"priorityWeights":{"dealSize":true}}"#, ["/priorityWeights/dealSize"]),
        (#"{"priorityWeights":{"dealSize":0.4}}"#, ["/priorityWeights"]),
        (#"{"priorityWeights":{"dealSize":0.302}}"#, ["/priorityWeights"]),
        (#"{"priorityWeights":{"size":0.3}}"#, ["/priorityWeights/size"]),
        (#"{"fieldMappings":"x"}"#, ["/fieldMappings"]),
        (#"{"fieldMappings":{"region":3}}"#, ["/fieldMappings/region"]),
        (#"{"fieldMappings":{"region":""}}"#, ["/fieldMappings/region"]),
        (#"{"fieldMappings":{"":"A__c"}}"#, ["/fieldMappings/"]),
        (#"{"fieldMappings":{"region":"a\u0000b"}}"#, ["/fieldMappings/region"]),
        (
            #"{"other":1,"riskRules":{"staleDealWarningDays":0},"priorityWeights":{"dealSize":2}}"#,
            ["/other", "/priorityWeights/dealSize", "/riskRules/staleDealWarningDays"]
        ),
    ])
    func wrongValuesAreNamed(json: String, expected: [String]) throws {
        #expect(try pointers(json) == expected)
    }

    /// What lies just inside the limits is taken.
    @Test(arguments: [
        #"{"priorityWeights":{"dealSize":0.3009}}"#, #"{"priorityWeights":{"dealSize":0.2991}}"#,
        #"{"priorityWeights":{"dealSize":1,"closeProximity":0,"riskScore":0,"engagementLevel":0,"strategicValue":0}}"#,
        #"{"riskRules":{"staleOpportunityDays":1,"lowEngagementThreshold":0,"highRiskStages":[]}}"#,
        #"{"riskRules":{"staleOpportunityDays":30.0}}"#,
    ])
    func limitsAreInclusive(json: String) throws {
        #expect(try pointers(json).isEmpty)
    }

    /// Names have at most 255 characters, on either side of a mapping; there are at most 500 mappings.
    @Test func mappingsAreBounded() throws {
        let longest = String(repeating: "é", count: 255)
        let tooLong = longest + "x"
        #expect(try apply(#"{"fieldMappings":{"\#(longest)":"\#(longest)"}}"#).fieldMappings[longest] == longest)
        #expect(try pointers(#"{"fieldMappings":{"\#(tooLong)":"A__c"}}"#) == ["/fieldMappings/\(tooLong)"])
        #expect(try pointers(#"{"fieldMappings":{"region":"\#(tooLong)"}}"#) == ["/fieldMappings/region"])
        let many = (0..<499).map { #""field\#($0)":"A__c""# }.joined(separator: ",")
        #expect(try pointers(#"{"fieldMappings":{\#(many)}}"#) == ["/fieldMappings"])
    }
}
