internal import Domain

/// A JSON merge patch (RFC 7396) for a customer's configuration: checked as a whole before anything is written.
///
/// `null` removes a mapping and restores the default of a rule or weight, or of a whole section.
struct ConfigPatch: Sendable {
    /// RFC 7396 §4.
    static let mediaType = "application/merge-patch+json"

    /// The limits of a configuration.
    enum Limits {
        static let bodyBytesMax = 64 * 1024
        static let mappingsMax = 500
        static let nameLengthMax = 255
        static let stagesMax = 100
        /// A hundred years, and more activities than anybody has.
        static let countMax = 36_500
    }

    /// How the words on a wrong value end for programs; a form has no `null` to send.
    static let nullHint = ", or null for the default"

    private let patch: JSONValue

    init(_ patch: JSONValue) {
        self.patch = patch
    }

    /// The configuration with the patch applied.
    ///
    /// - Throws: ``RequestError/invalid(_:)`` with everything that is wrong.
    func applied(to config: CustomerConfig) throws(RequestError) -> CustomerConfig {
        var config = config
        var reader = Reader()
        if let sections = reader.members(of: patch, at: "", known: ["fieldMappings", "riskRules", "priorityWeights"]) {
            if let section = sections["fieldMappings"] { reader.apply(section, to: &config.fieldMappings) }
            if let section = sections["riskRules"] { reader.apply(section, to: &config.riskRules) }
            if let section = sections["priorityWeights"] { reader.apply(section, to: &config.priorityWeights) }
        }
        guard reader.violations.isEmpty else { throw .invalid(reader.violations.sorted { $0.pointer < $1.pointer }) }
        return config
    }
}

extension ConfigPatch {
    /// Reads sections and notes what is wrong with them.
    private struct Reader {
        var violations: [Violation] = []

        mutating func note(_ pointer: String, _ detail: String) {
            violations.append(Violation(pointer: pointer, detail: detail))
        }

        /// An object's members; notes those that are unknown.
        mutating func members(of value: JSONValue, at pointer: String, known: [String]?) -> [String: JSONValue]? {
            guard case .object(let members) = value else {
                note(pointer, "must be an object")
                return nil
            }
            guard let known else { return members }
            for name in members.keys where !known.contains(name) {
                note(pointer + JSONPointer.step(name), "is not known; known are \(known.joined(separator: ", "))")
            }
            return members
        }

        mutating func apply(_ section: JSONValue, to mappings: inout [String: String]) {
            guard section != .null else {
                mappings = [:]
                return
            }
            guard let members = members(of: section, at: "/fieldMappings", known: nil) else { return }
            for (name, value) in members {
                let pointer = "/fieldMappings" + JSONPointer.step(name)
                guard isName(name) else {
                    note(pointer, "the product's field name must have 1 to \(Limits.nameLengthMax) characters")
                    continue
                }
                switch value {
                case .null: mappings[name] = nil
                case .string(let field) where isName(field): mappings[name] = field
                case .string: note(pointer, "must have 1 to \(Limits.nameLengthMax) characters")
                case .bool, .number, .array, .object: note(pointer, "must be a string, or null to remove the mapping")
                }
            }
            if mappings.count > Limits.mappingsMax {
                note("/fieldMappings", "there may be at most \(Limits.mappingsMax) mappings")
            }
        }

        mutating func apply(_ section: JSONValue, to rules: inout RiskRules) {
            let defaults = RiskRules()
            guard section != .null else {
                rules = defaults
                return
            }
            let pointer = "/riskRules"
            let known = ["staleOpportunityDays", "highRiskStages", "lowEngagementThreshold", "staleDealWarningDays"]
            guard let members = members(of: section, at: pointer, known: known) else { return }
            for (name, value) in members {
                let pointer = pointer + JSONPointer.step(name)
                switch name {
                case "staleOpportunityDays":
                    set(&rules.staleOpportunityDays, value, defaults.staleOpportunityDays, atLeast: 1, at: pointer)
                case "staleDealWarningDays":
                    set(&rules.staleDealWarningDays, value, defaults.staleDealWarningDays, atLeast: 1, at: pointer)
                case "lowEngagementThreshold":
                    set(&rules.lowEngagementThreshold, value, defaults.lowEngagementThreshold, atLeast: 0, at: pointer)
                case "highRiskStages":
                    set(&rules.highRiskStages, value, defaults.highRiskStages, at: pointer)
                case _: break
                }
            }
        }

        mutating func apply(_ section: JSONValue, to weights: inout PriorityWeights) {
            let defaults = PriorityWeights()
            guard section != .null else {
                weights = defaults
                return
            }
            let pointer = "/priorityWeights"
            let known: [(String, WritableKeyPath<PriorityWeights, Double>)] = [
                ("dealSize", \.dealSize), ("closeProximity", \.closeProximity), ("riskScore", \.riskScore),
                ("engagementLevel", \.engagementLevel), ("strategicValue", \.strategicValue),
            ]
            guard let members = members(of: section, at: pointer, known: known.map(\.0)) else { return }
            let before = violations.count
            for (name, weight) in known {
                guard let value = members[name] else { continue }
                switch value {
                case .null: weights[keyPath: weight] = defaults[keyPath: weight]
                case .number(let number) where (0...1).contains(number): weights[keyPath: weight] = number
                case .number, .bool, .string, .array, .object:
                    note(pointer + JSONPointer.step(name), "must be a number from 0 to 1\(nullHint)")
                }
            }
            // The sum of what is wrong already says nothing more.
            guard violations.count == before, abs(weights.sum - 1) > PriorityWeights.sumTolerance else { return }
            note(pointer, "the weights must add up to 1 (±\(PriorityWeights.sumTolerance))")
        }

        private mutating func set(
            _ target: inout Int, _ value: JSONValue, _ fallback: Int, atLeast least: Int, at pointer: String
        ) {
            switch value {
            case .null: target = fallback
            case .number(let number) where number.rounded() == number && number >= Double(least):
                guard number <= Double(Limits.countMax) else {
                    note(pointer, "must be at most \(Limits.countMax)")
                    return
                }
                target = Int(number)
            case .number, .bool, .string, .array, .object:
                note(pointer, "must be a whole number from \(least)\(nullHint)")
            }
        }

        private mutating func set(
            _ stages: inout [String], _ value: JSONValue, _ fallback: [String], at pointer: String
        ) {
            switch value {
            case .null: stages = fallback
            case .array(let values) where values.count <= Limits.stagesMax:
                let names = values.enumerated().compactMap { index, value -> String? in
                    guard case .string(let name) = value, isName(name) else {
                        note("\(pointer)/\(index)", "must be a string of 1 to \(Limits.nameLengthMax) characters")
                        return nil
                    }
                    return name
                }
                if names.count == values.count { stages = names }
            case .array: note(pointer, "there may be at most \(Limits.stagesMax) stages")
            case .number, .bool, .string, .object:
                note(pointer, "must be an array of strings\(nullHint)")
            }
        }

        /// Characters as Salesforce and PostgreSQL count them: code points. PostgreSQL stores no NUL.
        private func isName(_ text: String) -> Bool {
            (1...Limits.nameLengthMax).contains(text.unicodeScalars.count) && !text.unicodeScalars.contains("\0")
        }
    }
}

/// JSON pointers (RFC 6901).
enum JSONPointer {
    /// One step down, e.g. `/a~1b`.
    static func step(_ name: String) -> String {
        "/" + name.replacing("~", with: "~0").replacing("/", with: "~1")
    }
}
