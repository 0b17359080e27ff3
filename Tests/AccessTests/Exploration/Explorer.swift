/// What an exploration found.
struct Exploration: Sendable {
    /// A schedule at whose end something was wrong, and what.
    struct Failure: Sendable {
        let schedule: [Choice]
        let problems: [String]
    }

    /// Situations that differ in what can come of them.
    var situations = 0
    /// Steps from one to another: each was made by the real code.
    var steps = 0
    /// Situations in which nothing is left to be done.
    var ends = 0
    /// Ways from the beginning to an end: the schedules that were explored.
    var schedules = 0.0
    /// The first failure, of the fewest choices.
    var failure: Failure?
    /// Whether nothing was left out.
    var isExhausted = false

    var summary: String {
        "\(schedules.formatted()) schedules: \(situations) situations, \(steps) steps, \(ends) ends"
    }
}

extension Double {
    fileprivate func formatted() -> String {
        self < 1e15 ? "\(UInt64(self))" : "\(self)"
    }
}

/// Explores a scenario: every choice in every situation, breadth first, so that the first failure is a shortest one.
///
/// The real code can't be copied in the middle of its work, so each step is reached by playing its schedule from the
/// beginning. Schedules that lead to equal situations are followed up once.
struct Explorer {
    private struct Node {
        let parent: Int
        let choice: Choice?
        var choices: [Choice]
        var next: [Int] = []
    }

    let scenario: Scenario
    /// Whether equal situations are followed up once; without, each schedule is played by itself.
    var mergesSituations = true
    var situationsMax = 2_000_000

    /// Explores until nothing is left or something is wrong.
    func explore() async throws -> Exploration {
        let queue = OneQueue()
        return try await withTaskExecutorPreference(queue) { try await search(on: queue) }
    }

    /// Plays one schedule; what was wrong.
    func replay(_ choices: [Choice]) async throws -> [String] {
        let queue = OneQueue()
        return try await withTaskExecutorPreference(queue) {
            try await RefreshWorld.play(choices, in: Theatre(scenario, queue: queue)).problems
        }
    }

    private func search(on queue: OneQueue) async throws -> Exploration {
        let theatre = try await Theatre(scenario, queue: queue)
        var result = Exploration()
        let root = try await RefreshWorld.play([], in: theatre)
        var nodes = [Node(parent: 0, choice: nil, choices: root.choices)]
        var known = [root.situation: 0]
        var current = 0
        while current < nodes.count {
            let schedule = schedule(to: current, in: nodes)
            for choice in nodes[current].choices {
                let visit = try await RefreshWorld.play(schedule + [choice], in: theatre)
                result.steps += 1
                guard visit.problems.isEmpty else {
                    result.failure = Exploration.Failure(schedule: schedule + [choice], problems: visit.problems)
                    return result
                }
                let index = mergesSituations ? known[visit.situation] : nil
                if index == nil {
                    known[visit.situation] = nodes.count
                    nodes.append(Node(parent: current, choice: choice, choices: visit.choices))
                }
                nodes[current].next.append(index ?? nodes.count - 1)
            }
            current += 1
            guard nodes.count <= situationsMax else { return result }
        }
        result.situations = mergesSituations ? nodes.count : known.count
        result.ends = known.values.filter { nodes[$0].choices.isEmpty }.count
        result.schedules = Self.schedules(of: nodes)
        result.isExhausted = true
        return result
    }

    private func schedule(to index: Int, in nodes: [Node]) -> [Choice] {
        var choices: [Choice] = []
        var index = index
        while let choice = nodes[index].choice {
            choices.append(choice)
            index = nodes[index].parent
        }
        return choices.reversed()
    }

    /// Counts the ways from the first node to all ends.
    private static func schedules(of nodes: [Node]) -> Double {
        var counts = [Double?](repeating: nil, count: nodes.count)
        func count(_ index: Int) -> Double {
            if let count = counts[index] { return count }
            let node = nodes[index]
            let sum = node.next.isEmpty ? 1 : node.next.reduce(0) { $0 + count($1) }
            counts[index] = sum
            return sum
        }
        return count(0)
    }
}
