/// Finds what somebody meant who wrote a name that is not there.
///
/// A name is compared by its stem: without case, underscores, spaces and the ending of what an org has added itself
/// (`__c`). So whoever writes the label, or forgets the ending, is understood.
struct NameSuggestions: Sendable {
    /// How many are suggested for one name.
    static let countMax = 3
    /// Longer stems are compared for being equal and for nothing else.
    private static let stemLengthMax = 80
    /// Shorter stems are in too many names to mean one.
    private static let containedLengthMin = 3

    /// A name that is there.
    struct Candidate: Sendable {
        /// What is suggested.
        let name: String
        fileprivate let stems: [[Unicode.Scalar]]

        /// - Parameter others: What else somebody may call it, e.g. its label.
        init(_ name: String, others: [String]) {
            self.name = name
            var stems = [NameSuggestions.stem(name)]
            for stem in others.map(NameSuggestions.stem) where !stems.contains(stem) { stems.append(stem) }
            self.stems = stems.filter { !$0.isEmpty }
        }
    }

    /// How near a candidate is; the smallest is the best.
    private struct Nearness: Comparable {
        /// 0: equal; 1: a slip or two apart; 2: a part of it.
        let tier: Int
        let distance: Int

        static func < (one: Nearness, other: Nearness) -> Bool {
            (one.tier, one.distance) < (other.tier, other.distance)
        }
    }

    let candidates: [Candidate]

    init(_ candidates: [Candidate]) {
        self.candidates = candidates
    }

    /// The names that are nearest to what was written, the nearest first.
    func names(like written: String) -> [String] {
        let stem = Self.stem(written)
        guard !stem.isEmpty else { return [] }
        var near: [String: Nearness] = [:]
        for candidate in candidates {
            guard let nearness = candidate.stems.compactMap({ Self.nearness(of: $0, to: stem) }).min() else { continue }
            near[candidate.name] = min(near[candidate.name] ?? nearness, nearness)
        }
        let best = near.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
        return best.prefix(Self.countMax).map(\.key)
    }

    private static func nearness(of stem: [Unicode.Scalar], to written: [Unicode.Scalar]) -> Nearness? {
        if stem == written { return Nearness(tier: 0, distance: 0) }
        guard written.count <= stemLengthMax, stem.count <= stemLengthMax else { return nil }
        if let distance = distance(written, stem, atMost: slips(in: written.count)) {
            return Nearness(tier: 1, distance: distance)
        }
        guard written.count >= containedLengthMin, stem.contains(written) else { return nil }
        return Nearness(tier: 2, distance: stem.count - written.count)
    }

    /// How many slips a name of a length can have and still be known again.
    private static func slips(in length: Int) -> Int {
        length < 3 ? 0 : min(3, (length + 2) / 4)
    }

    /// Letters and digits in lower case, without the ending of a custom name.
    private static func stem(_ text: String) -> [Unicode.Scalar] {
        let lowered = text.lowercased()
        let ending = ["__pc", "__c", "__r"].first { lowered.hasSuffix($0) && lowered.count > $0.count }
        return lowered.dropLast(ending?.count ?? 0).unicodeScalars.filter {
            $0.properties.isAlphabetic || $0.properties.numericType != nil
        }
    }

    /// How many letters are missing, too many, other ones, or changed places with the next one (the optimal string
    /// alignment distance); `nil` where they are more than allowed.
    static func distance(_ one: [Unicode.Scalar], _ other: [Unicode.Scalar], atMost max: Int) -> Int? {
        guard abs(one.count - other.count) <= max else { return nil }
        var beforeLast: [Int] = []
        var last = Array(0...other.count)
        for row in 0..<one.count {
            var current = [row + 1]
            current.reserveCapacity(other.count + 1)
            for column in 0..<other.count {
                let change = last[column] + (one[row] == other[column] ? 0 : 1)
                var least = min(change, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, one[row] == other[column - 1], one[row - 1] == other[column] {
                    least = min(least, beforeLast[column - 1] + 1)
                }
                current.append(least)
            }
            // From here on it only grows: each way to the end leads through one of these two rows.
            if let least = current.min(), let before = last.min(), min(least, before) > max { return nil }
            (beforeLast, last) = (last, current)
        }
        return last[other.count] <= max ? last[other.count] : nil
    }
}
