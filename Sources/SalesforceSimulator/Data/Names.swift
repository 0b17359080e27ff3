/// Words that the demo data is made of. Companies and addresses are invented.
enum Names {
    /// The `index`th company's name; the first few thousand differ.
    static func company(_ index: Int) -> String {
        let first = companyFirst[index % companyFirst.count]
        let second = companySecond[(index / companyFirst.count + index) % companySecond.count]
        let suffix = companySuffix[index / (companyFirst.count * companySecond.count) % companySuffix.count]
        return suffix.isEmpty ? "\(first) \(second)" : "\(first) \(second) \(suffix)"
    }

    private static let companyFirst = [
        "Northwind", "Bluebird", "Harbour", "Cascade", "Maple", "Granite", "Summit", "Lakeside", "Evergreen", "Copper",
        "Silverline", "Redwood", "Prairie", "Atlantic", "Meridian", "Juniper", "Keystone", "Beacon", "Willow",
        "Orchard",
        "Falcon", "Aurora", "Ironbridge", "Clearwater", "Sterling", "Halcyon", "Pinnacle", "Riverbend", "Stonegate",
        "Westbrook",
    ]

    private static let companySecond = [
        "Grocers", "Logistics", "Financial", "Insurance", "Outfitters", "Pharmacy", "Foods", "Airways", "Hotels",
        "Motors", "Telecom", "Energy", "Hardware", "Health", "Distribution", "Apparel",
    ]

    private static let companySuffix = ["", "Group", "Holdings", "Partners", "International"]

    static let places: [(city: String, state: String, country: String)] = [
        ("Toronto", "ON", "Canada"), ("Waterloo", "ON", "Canada"), ("Montréal", "QC", "Canada"),
        ("Vancouver", "BC", "Canada"), ("Calgary", "AB", "Canada"), ("New York", "NY", "United States"),
        ("Chicago", "IL", "United States"), ("Austin", "TX", "United States"), ("Seattle", "WA", "United States"),
        ("Atlanta", "GA", "United States"), ("London", "England", "United Kingdom"),
        ("Dublin", "Leinster", "Ireland"),
    ]

    static let streets = [
        "King Street West", "Queen Street", "Market Street", "Main Street", "Lakeshore Road", "Elm Avenue",
        "Bay Street", "Station Road", "Mill Lane", "Harbour Drive",
    ]

    static let firstNames = [
        "Olivia", "Liam", "Amara", "Noah", "Priya", "Ethan", "Sofia", "Lucas", "Chloé", "Mateo", "Aisha", "Henry",
        "Mei", "Oscar", "Fatima", "Theo", "Ingrid", "Diego", "Hannah", "Kwame", "Leila", "Jonas", "Nora", "Rafael",
    ]

    static let lastNames = [
        "Martin", "Singh", "Tremblay", "Nguyen", "O'Brien", "García", "Chen", "Patel", "Kowalski", "Okafor", "Smith",
        "Müller", "Rossi", "Haddad", "Andersson", "Dubois", "Yamamoto", "Campbell", "Silva", "Novak", "Roy", "Khan",
    ]

    static let roles: [(title: String, department: String)] = [
        ("Chief Learning Officer", "Learning"), ("VP Operations", "Operations"), ("Director of Training", "Learning"),
        ("Store Operations Manager", "Operations"), ("Head of Procurement", "Procurement"),
        ("HR Business Partner", "Human Resources"), ("IT Director", "Information Technology"),
        ("Chief Financial Officer", "Finance"), ("Regional Manager", "Operations"),
        ("Enablement Lead", "Sales"),
    ]

    static let nextSteps = [
        "Send revised proposal", "Book security review", "Meet the economic buyer", "Agree on pilot scope",
        "Legal review of the agreement", "Reference call with a customer", "Confirm budget",
    ]
}
