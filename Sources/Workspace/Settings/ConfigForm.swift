internal import Domain
internal import Foundation

/// What was entered in one of the configuration's three forms, and what it asks for.
struct ConfigForm: Sendable {
    /// 500 mappings with names of a usual length, three times over, escaped.
    static let bodyBytesMax = 512 * 1024

    /// A form of its own each.
    enum Section: String, Sendable, Hashable {
        case riskRules, priorityWeights, fieldMappings
    }

    /// Its buttons.
    enum Wish: String, Sendable, Hashable {
        case save, restore
        /// More rows for mappings; nothing is stored.
        case more
    }

    /// One row of the mappings.
    struct Row: Sendable, Hashable {
        /// The product's field as the page first showed it; empty for a new row.
        var former = ""
        var field = ""
        var target = ""
        var isRemoved = false

        var isBlank: Bool { field.isEmpty && target.isEmpty }
    }

    let section: Section
    let wish: Wish
    /// The version that the page showed.
    let tag: String
    let rows: [Row]
    private let texts: [String: String]

    /// - Throws: ``RequestError/bodyNotForm``.
    init(_ form: FormBody) throws(RequestError) {
        guard let section = form["section"].flatMap(Section.init(rawValue:)),
            let wish = Wish(rawValue: form["action"] ?? Wish.save.rawValue), let tag = form["tag"]
        else { throw .bodyNotForm }
        let formers = form.values("former")
        let fields = form.values("field")
        let targets = form.values("target")
        let removed = Set(form.values("remove").compactMap(Int.init))
        guard formers.count == fields.count, fields.count == targets.count else { throw .bodyNotForm }
        self.section = section
        self.wish = wish
        self.tag = tag
        self.rows = formers.indices.map { index in
            Row(
                former: formers[index], field: fields[index].trimmingCharacters(in: .whitespacesAndNewlines),
                target: targets[index].trimmingCharacters(in: .whitespacesAndNewlines),
                isRemoved: removed.contains(index))
        }
        self.texts = Dictionary(form.fields.map { ($0.name, $0.value) }) { first, _ in first }
    }

    /// What was entered for a member of the section.
    func text(_ member: String) -> String {
        (texts[member] ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Rows whose field an earlier row has too: a patch can't say both.
    var repeatedRows: [Int] {
        var seen: Set<String> = []
        return rows.indices.filter { index in
            let row = rows[index]
            return !row.isRemoved && !row.isBlank && !seen.insert(row.field).inserted
        }
    }

    /// What the form changes, for the same check that the JSON API has.
    var patch: ConfigPatch {
        let value: JSONValue =
            switch (wish, section) {
            case (.restore, _): .null
            case (.save, .riskRules), (.more, .riskRules): .object(rules)
            case (.save, .priorityWeights), (.more, .priorityWeights): .object(weights)
            case (.save, .fieldMappings), (.more, .fieldMappings): .object(mappings)
            }
        return ConfigPatch(.object([section.rawValue: value]))
    }

    private var rules: [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        for rule in ConfigWords.counts { members[rule.member] = Self.number(text(rule.member)) }
        members["highRiskStages"] = .array(
            text("highRiskStages").split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
                .filter { !$0.isEmpty }.map(JSONValue.string))
        return members
    }

    private var weights: [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        for weight in ConfigWords.weights {
            // Who writes 0,25 means 0.25; no weight has thousands.
            members[weight.member] = Self.number(text(weight.member).replacing(",", with: "."))
        }
        return members
    }

    private var mappings: [String: JSONValue] {
        var members: [String: JSONValue] = [:]
        for row in rows where !row.former.isEmpty && (row.isRemoved || row.field != row.former) {
            members[row.former] = .null
        }
        for row in rows where !row.isRemoved && !row.isBlank { members[row.field] = .string(row.target) }
        return members
    }

    /// What is no number stays a text, which the check then refuses.
    private static func number(_ text: String) -> JSONValue {
        Double(text).map(JSONValue.number) ?? .string(text)
    }
}

/// The configuration's members in words.
enum ConfigWords {
    struct Count: Sendable {
        let member: String
        let label: String
        let hint: String
        let value: @Sendable (RiskRules) -> Int
    }

    struct Weight: Sendable {
        let member: String
        let label: String
        let value: @Sendable (PriorityWeights) -> Double
    }

    static let counts = [
        Count(
            member: "staleOpportunityDays", label: "Stale opportunity (days)",
            hint: "Days without activity after which an opportunity is stale; 1 or more.",
            value: \.staleOpportunityDays),
        Count(
            member: "staleDealWarningDays", label: "Warning before that (days)",
            hint: "Days without activity after which a deal is warned of; 1 or more.",
            value: \.staleDealWarningDays),
        Count(
            member: "lowEngagementThreshold", label: "Low engagement (activities)",
            hint: "With fewer activities, engagement counts as low; 0 or more.", value: \.lowEngagementThreshold),
    ]

    static let weights = [
        Weight(member: "dealSize", label: "Deal size", value: \.dealSize),
        Weight(member: "closeProximity", label: "Closeness of the close date", value: \.closeProximity),
        Weight(member: "riskScore", label: "Risk score", value: \.riskScore),
        Weight(member: "engagementLevel", label: "Engagement", value: \.engagementLevel),
        Weight(member: "strategicValue", label: "Strategic value", value: \.strategicValue),
    ]

    /// As short as it can be said exactly, e.g. `0.25`.
    static func text(_ weight: Double) -> String {
        weight.rounded() == weight ? String(Int(weight)) : "\(weight)"
    }
}

/// What is wrong with a form, by the input that it is about.
struct ConfigProblems: Sendable, Hashable {
    /// Words by an input's id.
    private(set) var words: [String: String] = [:]
    /// In the order of the page.
    private(set) var causes: [SettingsTrouble.Cause] = []

    /// The id of the words about all weights together.
    static let weightsID = "weights-problem"
    /// The id of the words about all mappings together.
    static let mappingsID = "mappings-problem"

    init() {}

    /// Places what the check of a patch refused.
    init(_ violations: [Violation], _ form: ConfigForm) {
        for violation in violations {
            let steps = violation.pointer.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
            let detail = Self.sentence(violation.detail)
            switch (form.section, steps.dropFirst().first) {
            case (.priorityWeights, nil): add(Self.weightsID, detail, target: ConfigWords.weights[0].member)
            case (.fieldMappings, nil): add(Self.mappingsID, detail, target: "target-0")
            case (.fieldMappings, .some): place(detail, pointer: violation.pointer, form)
            case (.riskRules, .some(let member)) where steps.count == 3:
                // Which line of the text it is.
                let line = steps.last.flatMap { Int($0) }.map { "Line \($0 + 1): " } ?? ""
                add(String(member), line + violation.detail + ".", target: String(member))
            case (.riskRules, .some(let member)), (.priorityWeights, .some(let member)):
                add(String(member), detail, target: String(member))
            case (.riskRules, nil): add("staleOpportunityDays", detail, target: "staleOpportunityDays")
            }
        }
    }

    /// Says of rows that their fields are there twice.
    init(repeatedRows: [Int]) {
        for row in repeatedRows {
            add("field-\(row)", "This field is mapped in a row above already.", target: "field-\(row)")
        }
    }

    var isEmpty: Bool { causes.isEmpty }

    private mutating func place(_ detail: String, pointer: String, _ form: ConfigForm) {
        let index = form.rows.firstIndex { row in
            !row.isRemoved && !row.isBlank && pointer == "/fieldMappings" + JSONPointer.step(row.field)
        }
        guard let index else { return add(Self.mappingsID, detail, target: "target-0") }
        let isAboutField = detail.hasPrefix("The product")
        let id = isAboutField ? "field-\(index)" : "target-\(index)"
        add(id, detail, target: id)
    }

    private mutating func add(_ id: String, _ detail: String, target: String) {
        guard words[id] == nil else { return }
        words[id] = detail
        // In a list above the page, the words need to say of what.
        let label = Self.label(of: id).map { "\($0): \(detail)" } ?? detail
        causes.append(SettingsTrouble.Cause(words: label, target: target))
    }

    /// What an input is called; `nil` where the words are about a group.
    private static func label(of id: String) -> String? {
        if id == "highRiskStages" { return "High-risk stages" }
        if let row = id.split(separator: "-").last.flatMap({ Int($0) }) { return "Mapping \(row + 1)" }
        return ConfigWords.counts.first { $0.member == id }?.label
            ?? ConfigWords.weights.first { $0.member == id }?.label
    }

    private static func sentence(_ detail: String) -> String {
        let plain = detail.replacing(ConfigPatch.nullHint, with: "")
        return plain.prefix(1).uppercased() + plain.dropFirst() + "."
    }
}
