internal import Access
internal import Foundation
internal import Salesforce

/// What is known of an org's objects, and what it says of a mapping's target.
///
/// Pure: it says which objects it would have to know, and somebody else looks at them.
struct FieldCatalog: Sendable {
    /// The objects that a field without a path may be in: those that the product reads.
    static let startingObjects = ["Account", "Opportunity", "Contact"]
    /// An object and five relationships, as far as Salesforce's own paths go, and the field.
    static let stepsMax = 7
    /// More objects that one relationship can lead to are not looked at.
    static let waysMax = 5

    /// What is known of an object.
    private enum Entry: Sendable {
        case object(SeenObject)
        case missing
        case obstacle(FieldObstacle)
    }

    /// By names in lower case.
    private var entries: [String: Entry] = [:]
    /// When the oldest of what was seen was asked for; `nil` where nothing was seen.
    private(set) var seenAt: Date?

    /// How many objects there is something known of.
    var count: Int { entries.count }

    /// Somebody looked at an object.
    mutating func add(_ sighting: ObjectSighting, of object: String) {
        switch sighting.outcome {
        case .described(let description): entries[object.lowercased()] = .object(SeenObject(description))
        case .missing: entries[object.lowercased()] = .missing
        case .failed(let failure):
            entries[object.lowercased()] = .obstacle(.failed(failure))
            return
        }
        seenAt = min(seenAt ?? sighting.at, sighting.at)
    }

    /// An object was one too many to look at.
    mutating func leaveOut(_ object: String) {
        entries[object.lowercased()] = .obstacle(.tooMany)
    }

    /// Whether a target leads to a field.
    func verdict(on target: String) -> FieldVerdict {
        let steps = target.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard let field = steps.last, steps.count <= Self.stepsMax, !steps.contains("") else {
            return .unknown(.noPath)
        }
        var place = lookUp(Self.startingObjects)
        for (index, step) in steps.dropLast().enumerated() {
            if !place.needed.isEmpty { return .needs(place.needed) }
            let next = index == 0 ? start(step, from: place) : follow(step, from: place)
            guard next.needed.isEmpty else { return .needs(next.needed) }
            guard next.objects.isEmpty else {
                place = next
                continue
            }
            if let obstacle = next.obstacle { return .unclear(obstacle) }
            return .unknown(.way(step: index, objects: place.objects.map(\.description)))
        }
        if !place.needed.isEmpty { return .needs(place.needed) }
        if place.objects.contains(where: { $0.fields.contains(field.lowercased()) }) { return .known }
        if let obstacle = place.obstacle { return .unclear(obstacle) }
        return .unknown(.field(objects: place.objects.map(\.description)))
    }
}

/// What a catalog says of a target.
enum FieldVerdict: Sendable, Hashable {
    case known
    case unknown(FieldDoubt)
    /// It can't be said.
    case unclear(FieldObstacle)
    /// It can't be said before these objects are known.
    case needs([String])
}

/// What of a target was not found.
enum FieldDoubt: Sendable, Hashable {
    /// It is no path to a field at all.
    case noPath
    /// One of its steps before the field, by its number. The objects are those where it was looked for.
    case way(step: Int, objects: [ObjectDescription])
    /// Its field, in these objects.
    case field(objects: [ObjectDescription])
}

/// Why nothing can be said of a target.
enum FieldObstacle: Sendable, Hashable {
    case failed(DescribeFailure)
    /// A relationship can lead to too many objects.
    case tooWide
    /// The mappings lead to too many objects.
    case tooMany

    /// For a person to read.
    var words: String {
        switch self {
        case .failed(let failure): failure.words
        case .tooWide: "The relationship can lead to more objects than are looked at."
        case .tooMany: "The mappings lead to more objects than are looked at."
        }
    }
}

// MARK: - Steps

extension FieldCatalog {
    /// How far a path has led.
    private struct Place {
        var objects: [SeenObject] = []
        /// Why there could be more.
        var obstacle: FieldObstacle?
        /// What must be known before it can be said.
        var needed: [String] = []
    }

    private func lookUp(_ names: [String]) -> Place {
        var place = Place()
        for name in names {
            switch entries[name.lowercased()] {
            case .object(let object): place.objects.append(object)
            case .missing: break
            case .obstacle(let obstacle): place.obstacle = obstacle
            case nil: place.needed.append(name)
            }
        }
        return place
    }

    /// The first step: one of the starting objects by its name, or a relationship of theirs, or any object by its name.
    private func start(_ step: String, from place: Place) -> Place {
        if let object = Self.startingObjects.first(where: { $0.lowercased() == step.lowercased() }) {
            let named = lookUp([object])
            // A relationship of this name leads there too.
            if !named.objects.isEmpty || named.obstacle != nil { return named }
        }
        let next = follow(step, from: place)
        guard next.objects.isEmpty, next.needed.isEmpty, next.obstacle != .tooWide, ObjectDescription.isName(step)
        else { return next }
        var named = lookUp([step])
        if named.objects.isEmpty { named.obstacle = named.obstacle ?? next.obstacle }
        return named
    }

    /// A relationship. What is missing in the objects of before may be in one that could not be looked at.
    private func follow(_ step: String, from place: Place) -> Place {
        var names: [String] = []
        for target in place.objects.flatMap({ $0.ways[step.lowercased()] ?? [] }) where !names.contains(target) {
            names.append(target)
        }
        guard names.count <= Self.waysMax else { return Place(obstacle: .tooWide) }
        var next = lookUp(names)
        next.obstacle = next.obstacle ?? place.obstacle
        return next
    }
}

/// An object, ready to be searched: names have no case.
private struct SeenObject: Sendable {
    let description: ObjectDescription
    let fields: Set<String>
    /// Where relationships lead.
    let ways: [String: [String]]

    init(_ description: ObjectDescription) {
        self.description = description
        self.fields = Set(description.fields.map { $0.name.lowercased() })
        let ways = description.fields.compactMap { field in
            field.relationshipName.map { ($0.lowercased(), field.referenceTo) }
        }
        self.ways = Dictionary(ways) { $0 + $1 }
    }
}
