import Access
import Foundation
import GatewayTesting
import Salesforce
import Testing

@testable import Workspace

/// Field mappings against an org's objects: what is known, what is not, and what can't be said.
@Suite struct MappingCheckTests {
    typealias Field = ObjectDescription.Field

    private static let account = ObjectDescription(
        name: "Account", label: "Account",
        fields: [
            Field(name: "Region__c", label: "Region"), Field(name: "Industry", label: "Industry"),
            Field(name: "OwnerId", label: "Owner ID", relationshipName: "Owner", referenceTo: ["User", "Group"]),
        ])
    private static let opportunity = ObjectDescription(
        name: "Opportunity", label: "Opportunity",
        fields: [
            Field(name: "Strategic__c", label: "Strategic"),
            Field(name: "AccountId", label: "Account ID", relationshipName: "Account", referenceTo: ["Account"]),
            Field(name: "Plan__c", label: "Plan", relationshipName: "Plan__r", referenceTo: ["Plan__c"]),
            Field(
                name: "AnyId", label: "Anything", relationshipName: "Any", referenceTo: (1...6).map { "Any\($0)__c" }),
        ])
    private static let contact = ObjectDescription(
        name: "Contact", label: "Contact", fields: [Field(name: "Email", label: "Email")])
    private static let others = [
        ObjectDescription(name: "User", label: "User", fields: [Field(name: "Alias", label: "Alias")]),
        ObjectDescription(name: "Plan__c", label: "Plan", fields: [Field(name: "Tier__c", label: "Tier")]),
        ObjectDescription(name: "Lead", label: "Lead", fields: [Field(name: "Score__c", label: "Score")]),
    ]
    private static let all = [account, opportunity, contact] + others
    private static let now = Fixtures.epoch

    /// Checks mappings, and notes which objects were looked at.
    private func review(
        _ mappings: [String: String], objects: [ObjectDescription] = Self.all,
        failing: [String: DescribeFailure] = [:]
    ) async -> (review: MappingReview, looks: [[String]]) {
        var check = MappingCheck(mappings)
        var looks: [[String]] = []
        let review = await check.review { names in
            looks.append(names)
            return Dictionary(
                names.map { name in
                    if let failure = failing[name] { return (name, ObjectSighting(.failed(failure), at: Self.now)) }
                    let object = objects.first { $0.name.lowercased() == name.lowercased() }
                    return (name, ObjectSighting(object.map { .described($0) } ?? .missing, at: Self.now))
                }
            ) { first, _ in first }
        }
        return (review, looks)
    }

    /// Without mappings nobody is asked.
    @Test func nothingIsAskedForNothing() async {
        let (review, looks) = await review([:])
        #expect(review == MappingReview())
        #expect(looks == [])
    }

    /// A field of any of the three objects, in any case; of one by its name; through relationships; of another object.
    @Test(arguments: [
        "Region__c", "region__C", "Industry", "Strategic__c", "Email", "Account.Region__c", "ACCOUNT.INDUSTRY",
        "Opportunity.Strategic__c", "Opportunity.Account.Region__c", "Owner.Alias", "Account.Owner.Alias",
        "Opportunity.Account.Owner.Alias", "Plan__r.Tier__c", "Lead.Score__c", "lead.score__c",
    ])
    func targetsThatLeadSomewhere(target: String) async {
        let (review, _) = await review(["x": target])
        #expect(review.warnings == [])
        #expect(review.checkedAt == Self.now)
    }

    /// What leads nowhere is told with what may be meant.
    @Test(arguments: [
        ("Regoin__c", ["Region__c"]), ("Region", ["Region__c"]), ("Strategic", ["Strategic__c"]),
        ("Account", ["AccountId"]), ("Account.Regoin__c", ["Account.Region__c"]),
        ("Acount.Region__c", ["Account.Region__c"]), ("AccountId.Region__c", ["Account.Region__c"]),
        ("Plan__c.Tier", ["Plan__c.Tier__c"]), ("Plan.Tier__c", ["Plan__r.Tier__c"]),
        ("Opportunity.Acount.Region__c", ["Opportunity.Account.Region__c"]), ("Owner.Alais", ["Owner.Alias"]),
        (" Region__c", ["Region__c"]), ("Opportunity.Region__c", []), ("Qqq.Like__c", []), ("Zzzzzz", []),
        ("", []), (".", []), ("Account.", []), (".Region__c", []), ("a.b.c.d.e.f.g.h", []),
    ])
    func targetsThatLeadNowhere(target: String, suggestions: [String]) async throws {
        let (review, _) = await review(["x": target])
        let warning = try #require(review.warnings.first)
        #expect(review.warnings.count == 1)
        #expect(warning.code == .unknownField)
        #expect(warning.pointer == "/fieldMappings/x")
        #expect(warning.suggestions == suggestions)
        #expect(warning.detail.hasSuffix("."))
    }

    /// The words say where it was looked for, and that a field can be hidden.
    @Test(arguments: [
        ("Regoin__c", "“Regoin__c” was not found in Account, Opportunity or Contact, or you may not see it."),
        ("Account.Regoin__c", "“Regoin__c” was not found in Account, or you may not see it."),
        ("Owner.Alais", "“Alais” was not found in User, or you may not see it."),
        ("Acount.Name", "No object or relationship “Acount” was found, or you may not see it."),
        ("Account.Ownr.Alias", "No relationship “Ownr” was found in Account, or you may not see it."),
        ("Account.", "“Account.” is neither a field nor a path to one."),
    ])
    func wordsSayWhere(target: String, words: String) async {
        #expect(await review(["x": target]).review.warnings.map(\.detail) == [words])
    }

    /// Warnings come in the order of their fields, with pointers that are escaped.
    @Test func warningsAreInOrder() async {
        let (review, looks) = await review(["b/c": "B__c", "a": "Region__c", "z~": "Z__c", "a2": "Q__c"])
        #expect(review.warnings.map(\.pointer) == ["/fieldMappings/a2", "/fieldMappings/b~1c", "/fieldMappings/z~0"])
        #expect(looks == [["Account", "Opportunity", "Contact"]])
    }

    /// Objects beyond the three are looked at where a path leads there, and each once.
    @Test func onlyWhatIsNeededIsLookedAt() async {
        let (_, looks) = await review(["a": "Owner.Alias", "b": "Account.Owner.Name", "c": "Lead.Score__c"])
        #expect(looks == [["Account", "Opportunity", "Contact"], ["User", "Group", "Lead"]])
    }

    /// What can be said is said where one object could not be looked at, and nothing else.
    @Test func oneFailureHidesLittle() async {
        let (review, _) = await review(
            ["a": "Region__c", "b": "Email", "c": "Account.Nothing__c", "d": "Nothing__c"],
            failing: ["Contact": .unusable(.timeout)])
        #expect(review.warnings.map(\.pointer) == ["/fieldMappings/b", "/fieldMappings/c", "/fieldMappings/d"])
        #expect(review.warnings.map(\.code) == [.notChecked, .unknownField, .notChecked])
        #expect(review.warnings.first?.detail == "“Email” was not checked. Salesforce did not answer in time.")
        #expect(review.checkedAt == Self.now)
    }

    /// One reason for everything is said once.
    @Test func oneReasonIsSaidOnce() async {
        let away = Dictionary(FieldCatalog.startingObjects.map { ($0, DescribeFailure.unusable(.unreachable)) }) { $1 }
        let (review, _) = await review(["a": "Region__c", "b": "Email"], failing: away)
        #expect(
            review.warnings == [
                .init(
                    code: .notChecked, field: nil,
                    detail: "The field mappings were not checked. Salesforce can't be reached.")
            ])
        #expect(review.warnings.first?.pointer == "/fieldMappings")
        #expect(review.checkedAt == nil)
    }

    /// Whoever sees none of the three objects is told of them all the same.
    @Test func hiddenObjectsHideFields() async {
        let (review, _) = await review(["a": "Region__c"], objects: [])
        #expect(
            review.warnings.map(\.detail) == [
                "“Region__c” was not found in Account, Opportunity or Contact, or you may not see it."
            ])
    }

    /// A relationship that can lead to many objects is not followed.
    @Test func wideRelationshipsAreNotFollowed() async {
        let (review, looks) = await review(["a": "Region__c", "b": "Any.Name"])
        #expect(review.warnings.map(\.code) == [.notChecked])
        #expect(looks.count == 1)
    }

    /// However many objects the mappings name, no more than so many are looked at, and only a few at once.
    @Test func looksAreBounded() async {
        let mappings = Dictionary((0..<500).map { ("field\($0)", "Object\($0)__c.Name") }) { $1 }
        let (review, looks) = await review(mappings)
        #expect(looks.map(\.count).reduce(0, +) == MappingCheck.objectsMax)
        #expect(looks.allSatisfy { $0.count <= MappingCheck.objectsAtOnceMax })
        #expect(review.warnings.count == 500)
        #expect(review.warnings.count { $0.code == .unknownField } == MappingCheck.objectsMax - 3)
    }

    /// Lists as people say them.
    @Test(arguments: [([], ""), (["A"], "A"), (["A", "B"], "A or B"), (["A", "B", "C"], "A, B or C")])
    func lists(names: [String], words: String) {
        #expect(MappingCheck.list(names) == words)
    }
}
