import Testing

@testable import Workspace

/// Which names are taken for what somebody meant.
@Suite struct NameSuggestionsTests {
    private let names = NameSuggestions([
        .init("Region__c", others: ["Region"]), .init("Sales_Area__c", others: ["Territory"]),
        .init("Industry", others: ["Industry"]), .init("Sales_Region__c", others: ["Sales Region"]),
        .init("OwnerId", others: ["Owner ID", "Owner"]), .init("ns__Tier__c", others: ["Stufe für Kunden"]),
        .init("Name", others: ["Account Name"]),
    ])

    /// A slip, a forgotten ending, one too many, another case, a label, a relationship, a part of a name.
    @Test(arguments: [
        ("Regoin__c", ["Region__c"]), ("Regio__c", ["Region__c", "Sales_Region__c"]),
        ("Region", ["Region__c", "Sales_Region__c"]),
        ("region", ["Region__c", "Sales_Region__c"]), ("Industry__c", ["Industry"]), ("INDUSTRI", ["Industry"]),
        ("Territory", ["Sales_Area__c"]), ("Teritory__c", ["Sales_Area__c"]), ("SalesArea", ["Sales_Area__c"]),
        ("Owner", ["OwnerId"]), ("Owner Id", ["OwnerId"]), ("Tier__c", ["ns__Tier__c"]),
        ("stufe für kunden", ["ns__Tier__c"]), ("Account Name", ["Name"]),
        ("Region__r", ["Region__c", "Sales_Region__c"]),
    ])
    func whatWasMeantIsFound(written: String, expected: [String]) {
        #expect(names.names(like: written) == expected)
    }

    /// What is like nothing, or too short to mean one, has no suggestion.
    @Test(arguments: ["", "__c", "x", "Zo", "Completely_Different__c", "\"><script>", "…"])
    func othersHaveNone(written: String) {
        #expect(names.names(like: written) == [])
    }

    /// There are three at most, the nearest first, and equals in the order of their names.
    @Test func theOrderIsTheSame() {
        let many = ["Tier_5__c", "Tier_1__c", "Tier_3__c", "Tier__c", "Tier_2__c"].map {
            NameSuggestions.Candidate($0, others: [])
        }
        for candidates in [many, many.reversed()] {
            #expect(NameSuggestions(candidates).names(like: "Tier_4__c") == ["Tier_1__c", "Tier_2__c", "Tier_3__c"])
            #expect(NameSuggestions(candidates).names(like: "tier") == ["Tier__c", "Tier_1__c", "Tier_2__c"])
        }
    }

    /// A name that several objects have is suggested once.
    @Test func namesAreSuggestedOnce() {
        let twice = NameSuggestions([.init("Name", others: ["Account Name"]), .init("Name", others: ["Full Name"])])
        #expect(twice.names(like: "Nmae") == ["Name"])
    }

    /// Letters missing, too many, other ones, and two that changed places, each counts one; further apart is too far.
    @Test(arguments: [
        ("", "", 0), ("a", "", 1), ("region", "region", 0), ("regoin", "region", 1), ("regio", "region", 1),
        ("regionn", "region", 1), ("regiom", "region", 1), ("ergoin", "region", 2), ("reason", "region", 2),
        ("abc", "xyz", 3), ("ab", "ba", 1), ("abcd", "badc", 2),
    ])
    func distances(one: String, other: String, distance: Int) {
        let (one, other) = (Array(one.unicodeScalars), Array(other.unicodeScalars))
        for max in 0...4 {
            let expected = distance <= max ? distance : nil
            #expect(NameSuggestions.distance(one, other, atMost: max) == expected, "\(max)")
            #expect(NameSuggestions.distance(other, one, atMost: max) == expected, "\(max)")
        }
    }
}
