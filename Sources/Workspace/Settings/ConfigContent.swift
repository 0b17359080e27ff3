internal import Domain

/// `config.mustache`.
struct ConfigContent: Sendable, Hashable {
    let isEditable: Bool
    let rules: RulesPart
    let weights: WeightsPart
    let mappings: MappingsPart

    /// The page of a stored configuration.
    ///
    /// - Parameters:
    ///   - form: What was entered and not stored; `nil` where nothing was. It stands in place of the stored values.
    ///   - isConflict: Whether somebody else has stored something meanwhile. What that is stands beside the entries,
    ///     and storing them goes on from there.
    ///   - review: What was found out about the stored mappings.
    init(
        _ config: CustomerConfig, isEditable: Bool, form: ConfigForm? = nil, problems: ConfigProblems = .init(),
        isConflict: Bool = false, review: MappingReview = MappingReview()
    ) {
        let current = Workspace.tag(of: config).text
        func draft(_ section: ConfigForm.Section) -> ConfigDraft {
            guard let form, form.section == section, form.wish != .restore else {
                return ConfigDraft(tag: current)
            }
            return ConfigDraft(
                tag: isConflict ? current : form.tag, form: form, problems: problems, showsStored: isConflict)
        }
        self.isEditable = isEditable
        rules = RulesPart(config.riskRules, draft(.riskRules))
        weights = WeightsPart(config.priorityWeights, draft(.priorityWeights))
        mappings = MappingsPart(config.fieldMappings, draft(.fieldMappings), isEditable: isEditable, review: review)
    }
}

/// What a section's form shows beside the stored values.
struct ConfigDraft: Sendable {
    /// The version that the form changes.
    let tag: String
    /// What was entered; `nil` where nothing was.
    var form: ConfigForm?
    var problems = ConfigProblems()
    /// Whether stored values are shown that differ from what was entered.
    var showsStored = false

    /// An input of a section, with what was entered, or what is stored.
    func field(
        _ member: String, label: String, stored: String, hint: String? = nil, keyboard: String,
        lengthMax: Int = 20, groupProblem: String? = nil
    ) -> PageField {
        let entered = form?.text(member) ?? stored
        return PageField(
            id: member, label: label, value: entered, hint: hint,
            stored: showsStored && entered != stored ? stored : nil, problem: problems.words[member],
            keyboard: keyboard, lengthMax: lengthMax, groupProblem: groupProblem)
    }
}

/// The risk rules.
struct RulesPart: Sendable, Hashable {
    let tag: String
    let fields: [PageField]
    let stages: PageField
    /// The stages as a list to be read.
    let stageNames: [String]
    let defaults: [PageFact]

    init(_ rules: RiskRules, _ draft: ConfigDraft) {
        tag = draft.tag
        fields = ConfigWords.counts.map {
            draft.field(
                $0.member, label: $0.label, stored: String($0.value(rules)), hint: $0.hint, keyboard: "numeric")
        }
        stages = draft.field(
            "highRiskStages", label: "High-risk stages", stored: rules.highRiskStages.joined(separator: "\n"),
            hint: "Names of Salesforce stages, one a line.", keyboard: "text")
        stageNames = rules.highRiskStages
        let standard = RiskRules()
        defaults =
            ConfigWords.counts.map { PageFact(name: $0.label, value: String($0.value(standard))) } + [
                PageFact(name: "High-risk stages", value: standard.highRiskStages.joined(separator: ", "))
            ]
    }
}

/// The priority weights.
struct WeightsPart: Sendable, Hashable {
    let tag: String
    let fields: [PageField]
    /// What is wrong with all of them together.
    let sumProblem: String?
    let defaults: [PageFact]

    init(_ weights: PriorityWeights, _ draft: ConfigDraft) {
        tag = draft.tag
        let problem = draft.problems.words[ConfigProblems.weightsID]
        sumProblem = problem
        fields = ConfigWords.weights.map {
            draft.field(
                $0.member, label: $0.label, stored: ConfigWords.text($0.value(weights)), keyboard: "decimal",
                groupProblem: problem.map { _ in ConfigProblems.weightsID })
        }
        let standard = PriorityWeights()
        defaults = ConfigWords.weights.map { PageFact(name: $0.label, value: ConfigWords.text($0.value(standard))) }
    }
}

/// The field mappings.
struct MappingsPart: Sendable, Hashable {
    /// Empty rows to write in.
    private static let blankRows = 3

    let tag: String
    let rows: [MappingRow]
    /// What is wrong with all of them together.
    let groupProblem: String?
    /// Why they could not be checked.
    let notice: String?
    let isEmpty: Bool

    init(_ mappings: [String: String], _ draft: ConfigDraft, isEditable: Bool, review: MappingReview) {
        tag = draft.tag
        groupProblem = draft.problems.words[ConfigProblems.mappingsID]
        notice = review.warnings.first { $0.field == nil }?.detail
        isEmpty = mappings.isEmpty
        let stored = mappings.sorted { $0.key < $1.key }.map { name, target in
            ConfigForm.Row(former: name, field: name, target: target)
        }
        let blanks = Array(repeating: ConfigForm.Row(), count: Self.blankRows)
        let shown: [ConfigForm.Row] =
            if let form = draft.form {
                form.wish == .more ? form.rows + blanks : form.rows
            } else {
                isEditable ? stored + blanks : stored
            }
        let warnings = Dictionary(
            review.warnings.compactMap { warning in warning.field.map { ($0, warning.words) } }
        ) { first, _ in first }
        rows = shown.enumerated().map { index, row in
            MappingRow(
                row, index: index, stored: draft.showsStored ? mappings[row.former] : nil, draft.problems,
                warning: draft.form == nil && !row.isBlank ? warnings[row.field] : nil)
        }
    }
}

/// One mapping: the product's field, Salesforce's field.
struct MappingRow: Sendable, Hashable {
    let index: Int
    let number: Int
    let former: String
    let fieldText: String
    let targetText: String
    let isRemoved: Bool
    /// Whether there is something to remove.
    let isStored: Bool
    let fieldProblem: String?
    let targetProblem: String?
    /// What was found out about the stored target. It is stored, so it is not invalid.
    let targetWarning: String?
    /// The ids of the texts that describe the target; `nil` where none does.
    let targetDescriptions: String?
    let storedTarget: String?

    init(
        _ row: ConfigForm.Row, index: Int, stored: String?, _ problems: ConfigProblems, warning: String? = nil
    ) {
        self.index = index
        number = index + 1
        former = row.former
        fieldText = row.field
        targetText = row.target
        isRemoved = row.isRemoved
        isStored = !row.former.isEmpty
        fieldProblem = problems.words["field-\(index)"]
        targetProblem = problems.words["target-\(index)"]
        targetWarning = warning
        let ids = [
            targetProblem.map { _ in "target-\(index)-problem" }, warning.map { _ in "target-\(index)-warning" },
        ].compactMap(\.self)
        targetDescriptions = ids.isEmpty ? nil : ids.joined(separator: " ")
        storedTarget = stored == row.target ? nil : stored
    }
}

extension MappingReview.Warning {
    /// The warning as a page says it.
    fileprivate var words: String {
        suggestions.isEmpty ? detail : "\(detail) Did you mean \(MappingCheck.list(suggestions))?"
    }
}
