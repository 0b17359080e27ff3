internal import Access
internal import Foundation
internal import Salesforce

/// Holds field mappings against what an org says of its objects.
struct MappingCheck: Sendable {
    /// Looks at objects.
    typealias Look = (_ objects: [String]) async -> [String: ObjectSighting]

    /// Objects that one check looks at: more than a sensible configuration leads to.
    static let objectsMax = 20
    /// As many at once, so that one check leaves room for others.
    static let objectsAtOnceMax = 3
    /// Warnings with suggestions: to compare a name with all fields takes a while.
    static let suggestedMax = 50

    private let mappings: [(field: String, target: String)]
    private var catalog = FieldCatalog()
    /// What may be suggested instead of a field, and of a step before it, by the objects where it was looked for.
    private var fieldNames: [[String]: NameSuggestions] = [:]
    private var wayNames: [[String]: NameSuggestions] = [:]

    init(_ mappings: [String: String]) {
        self.mappings = mappings.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// The warnings. Objects are looked at as far as they must be known, and each once.
    mutating func review(_ look: Look) async -> MappingReview {
        var verdicts = mappings.map { catalog.verdict(on: $0.target) }
        while true {
            var needed: [String] = []
            for case .needs(let objects) in verdicts {
                for object in objects where !needed.contains(where: { $0.lowercased() == object.lowercased() }) {
                    needed.append(object)
                }
            }
            guard !needed.isEmpty else { break }
            await get(needed, look)
            verdicts = mappings.map { catalog.verdict(on: $0.target) }
        }
        return review(verdicts)
    }

    private mutating func get(_ needed: [String], _ look: Look) async {
        let allowed = needed.prefix(max(0, Self.objectsMax - catalog.count))
        for object in needed.dropFirst(allowed.count) { catalog.leaveOut(object) }
        var rest = allowed
        while !rest.isEmpty {
            let part = Array(rest.prefix(Self.objectsAtOnceMax))
            rest = rest.dropFirst(part.count)
            let sightings = await look(part)
            for object in part {
                if let sighting = sightings[object] {
                    catalog.add(sighting, of: object)
                } else {
                    catalog.leaveOut(object)
                }
            }
        }
    }

    private mutating func review(_ verdicts: [FieldVerdict]) -> MappingReview {
        let obstacles = Set(verdicts.map(\.obstacle))
        // One reason for all of them is said once.
        if obstacles.count == 1, let only = obstacles.first, let obstacle = only { return .notChecked(obstacle.words) }
        var review = MappingReview(checkedAt: catalog.seenAt)
        for (mapping, verdict) in zip(mappings, verdicts) {
            switch verdict {
            case .known, .needs: break
            case .unclear(let obstacle):
                review.warnings.append(
                    .init(
                        code: .notChecked, field: mapping.field,
                        detail: "“\(mapping.target)” was not checked. \(obstacle.words)"))
            case .unknown(let doubt):
                let isSuggested = review.warnings.count < Self.suggestedMax
                review.warnings.append(
                    .init(
                        code: .unknownField, field: mapping.field, detail: Self.words(doubt, mapping.target),
                        suggestions: isSuggested ? suggestions(doubt, mapping.target) : []))
            }
        }
        return review
    }
}

// MARK: - Words

extension MappingCheck {
    private static let hidden = "or you may not see it."

    private static func words(_ doubt: FieldDoubt, _ target: String) -> String {
        let steps = target.split(separator: ".", omittingEmptySubsequences: false)
        switch doubt {
        case .noPath: return "“\(target)” is neither a field nor a path to one."
        case .field(let objects):
            let names = objects.isEmpty ? FieldCatalog.startingObjects : objects.map(\.name)
            return "“\(steps.last ?? "")” was not found in \(list(names)), \(hidden)"
        case .way(0, _): return "No object or relationship “\(steps[0])” was found, \(hidden)"
        case .way(let step, let objects):
            return "No relationship “\(steps[step])” was found in \(list(objects.map(\.name))), \(hidden)"
        }
    }

    /// `A, B or C`.
    static func list(_ names: [String]) -> String {
        guard let last = names.last, names.count > 1 else { return names.first ?? "" }
        return names.dropLast().joined(separator: ", ") + " or " + last
    }
}

// MARK: - Suggestions

extension MappingCheck {
    private mutating func suggestions(_ doubt: FieldDoubt, _ target: String) -> [String] {
        let steps = target.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        switch doubt {
        case .noPath: return []
        case .field(let objects):
            guard let field = steps.last else { return [] }
            return fieldNames(of: objects).names(like: field).map {
                (steps.dropLast() + [$0]).joined(separator: ".")
            }
        case .way(let step, let objects):
            let names = wayNames(of: objects, isFirst: step == 0)
            return names.names(like: steps[step]).map {
                (steps[..<step] + [$0] + steps[(step + 1)...]).joined(separator: ".")
            }
        }
    }

    private mutating func fieldNames(of objects: [ObjectDescription]) -> NameSuggestions {
        let key = objects.map(\.name)
        if let names = fieldNames[key] { return names }
        let names = NameSuggestions(
            objects.flatMap(\.fields).map { field in
                .init(field.name, others: [field.label, field.relationshipName].compactMap(\.self))
            })
        fieldNames[key] = names
        return names
    }

    /// The relationships of objects, which people also call by their field; first, the starting objects too.
    private mutating func wayNames(of objects: [ObjectDescription], isFirst: Bool) -> NameSuggestions {
        let key = objects.map(\.name) + (isFirst ? [""] : [])
        if let names = wayNames[key] { return names }
        let ways = objects.flatMap(\.fields).compactMap { field in
            field.relationshipName.map { NameSuggestions.Candidate($0, others: [field.name, field.label]) }
        }
        let starts = isFirst ? objects.map { NameSuggestions.Candidate($0.name, others: [$0.label]) } : []
        let names = NameSuggestions(starts + ways)
        wayNames[key] = names
        return names
    }
}

extension FieldVerdict {
    /// Why nothing can be said.
    fileprivate var obstacle: FieldObstacle? {
        switch self {
        case .unclear(let obstacle): obstacle
        case .known, .unknown, .needs: nil
        }
    }
}
