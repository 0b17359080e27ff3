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
        var best: [(nearness: Nearness, name: String)] = []
        for candidate in candidates {
            // Who is not among the best so far need not be measured to the end.
            let most = best.count == Self.countMax ? best.last?.nearness : nil
            guard let nearness = candidate.stems.compactMap({ Self.nearness(of: $0, to: stem, atMost: most) }).min(),
                !best.contains(where: { $0.name == candidate.name && $0.nearness <= nearness })
            else { continue }
            best.removeAll { $0.name == candidate.name }
            best.append((nearness, candidate.name))
            best.sort { $0 < $1 }
            if best.count > Self.countMax { best.removeLast() }
        }
        return best.map(\.name)
    }

    private static func nearness(
        of stem: [Unicode.Scalar], to written: [Unicode.Scalar], atMost most: Nearness?
    ) -> Nearness? {
        if stem == written { return Nearness(tier: 0, distance: 0) }
        guard most.map({ $0.tier > 0 }) ?? true, written.count <= stemLengthMax, stem.count <= stemLengthMax else {
            return nil
        }
        let slips = min(slips(in: written.count), most.map { $0.tier == 1 ? $0.distance : .max } ?? .max)
        if let distance = distance(written, stem, atMost: slips) { return Nearness(tier: 1, distance: distance) }
        guard most.map({ $0.tier > 1 }) ?? true, written.count >= containedLengthMin, stem.contains(written) else {
            return nil
        }
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
        let far = max + 1
        var beforeLast = Array(repeating: far, count: other.count + 1)
        var last = (0...other.count).map { min($0, far) }
        var current = beforeLast
        for row in 1..<one.count + 1 {
            // Further from the diagonal it is further than allowed.
            let columns = Swift.max(1, row - max)..<Swift.min(other.count, row + max) + 1
            current[columns.lowerBound - 1] = columns.lowerBound == 1 ? Swift.min(row, far) : far
            var least = current[columns.lowerBound - 1]
            for column in columns {
                let change = last[column - 1] + (one[row - 1] == other[column - 1] ? 0 : 1)
                var here = Swift.min(change, last[column] + 1, current[column - 1] + 1, far)
                if row > 1, column > 1, one[row - 1] == other[column - 2], one[row - 2] == other[column - 1] {
                    here = Swift.min(here, beforeLast[column - 2] + 1)
                }
                current[column] = here
                least = Swift.min(least, here)
            }
            if columns.upperBound <= other.count { current[columns.upperBound] = far }
            // A slip later does not bring it nearer, but for two letters that change places.
            if least > max, last.allSatisfy({ $0 >= max }) { return nil }
            (beforeLast, last, current) = (last, current, beforeLast)
        }
        return last[other.count] <= max ? last[other.count] : nil
    }
}
