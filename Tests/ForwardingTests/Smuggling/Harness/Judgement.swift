/// What a proxy made of a vector.
enum Outcome: Equatable, Sendable {
    case refused(Int)
    /// The connection ended without an answer, and nothing reached the upstream.
    case closed
    /// Half a request reached the upstream, whose connection then ended.
    case aborted(Int?)
    /// The proxy waited for more.
    case waited
    case forwarded
    /// One request, of another method, target or body than the one that was sent.
    case changed
    case several(Int)
    /// One request, which all lax readers read alike, and which the strict one refuses; with its reason.
    case unsound(String)
    /// Readers of the upstream's bytes read different requests; with the names of those that disagree.
    case ambiguous([String])

    /// Whether the proxy itself said no.
    var isRefusal: Bool {
        switch self {
        case .refused, .closed, .aborted: true
        case .waited, .forwarded, .changed, .several, .unsound, .ambiguous: false
        }
    }
}

extension Outcome {
    /// Whether something whole reached the upstream.
    var isPassage: Bool {
        switch self {
        case .forwarded, .changed, .several, .unsound, .ambiguous: true
        case .refused, .closed, .aborted, .waited: false
        }
    }
}

/// Who every request at the upstream must come from and go to.
struct Identity: Sendable {
    let host: String
    let credential: String
}

/// A trial, looked at.
struct Judgement: Sendable {
    let outcome: Outcome
    /// How the trial departs from the vector's expectation.
    let problems: [String]

    init(_ vector: Vector, _ trial: Trial, identity: Identity? = nil) {
        let seen = Upstream(trial.slices, identity: identity)
        self.outcome = Self.outcome(vector, trial, seen)
        var problems = seen.problems
        if trial.probe != Answer(status: 200, seen: "GET \(Wire.probe)") {
            problems.append("the next client was answered \(trial.probe.map { "\($0)" } ?? "nothing")")
        }
        if trial.hasWaited { problems.append("the client was left waiting") }
        self.problems = problems + Self.departures(vector.expectation, trial, seen, isHead: vector.isHead)
    }

    private static func outcome(_ vector: Vector, _ trial: Trial, _ seen: Upstream) -> Outcome {
        if !seen.disagreeing.isEmpty { return .ambiguous(seen.disagreeing) }
        if seen.requests.count > 1 { return .several(seen.requests.count) }
        if let why = seen.unsound { return .unsound(why) }
        if let request = seen.requests.first {
            return vector.expectation.passed.map { $0.matches(request) } ?? true ? .forwarded : .changed
        }
        if trial.hasWaited { return .waited }
        let status = trial.answers.first { $0.seen == nil }?.status
        if seen.hasHalf { return .aborted(status) }
        if let status { return .refused(status) }
        return .closed
    }

    // MARK: Expectations

    private static func departures(
        _ expectation: Expectation, _ trial: Trial, _ seen: Upstream, isHead: Bool
    ) -> [String] {
        switch expectation {
        case .refused(let statuses):
            refusal(statuses, trial, seen) + (seen.hasHalf ? ["half a request reached the upstream"] : [])
        case .aborted(let statuses):
            refusal(statuses, trial, seen)
                + (trial.endsHalves ? [] : ["the upstream's connection with half a request was left open"])
        case .answered(let statuses): answer(statuses, trial, seen)
        case .forwarded(let passed): forwarding(passed, trial, seen)
        case .refusedOrForwarded(let statuses, let passed):
            seen.requests.isEmpty ? answer(statuses, trial, seen) : forwarding(passed, trial, seen)
        }
    }

    private static func refusal(_ statuses: Set<Int>, _ trial: Trial, _ seen: Upstream) -> [String] {
        var problems: [String] = []
        let got = trial.answers.map(\.status)
        let allowed = statuses.map { $0 == justCloses ? [] : [$0] }
        if !allowed.contains(got) {
            problems.append("was answered \(got), not \(statuses.sorted()) alone")
        }
        if !trial.hasEnded { problems.append("the connection went on after the refusal") }
        if !seen.requests.isEmpty { problems.append("\(seen.requests.count) requests reached the upstream") }
        if seen.markers > 0 { problems.append("what followed the refused request reached the upstream") }
        return problems
    }

    private static func answer(_ statuses: Set<Int>, _ trial: Trial, _ seen: Upstream) -> [String] {
        var problems: [String] = []
        guard let first = trial.answers.first, first.seen == nil, statuses.contains(first.status) else {
            return ["was answered \(trial.answers.map(\.status)), not \(statuses.sorted())"]
        }
        let rest = Array(trial.answers.dropFirst())
        if !seen.requests.isEmpty || seen.hasHalf { problems.append("it reached the upstream") }
        if !(rest.isEmpty && trial.hasEnded && seen.markers == 0 || rest == [marker] && seen.markers == 1) {
            problems.append("the next request was answered \(rest)")
        }
        return problems
    }

    private static func forwarding(_ passed: Passed, _ trial: Trial, _ seen: Upstream) -> [String] {
        var problems: [String] = []
        if seen.requests.count != 1 { problems.append("\(seen.requests.count) requests reached the upstream, not one") }
        if let request = seen.requests.first, !passed.matches(request) {
            problems.append(
                "the upstream read \(request.method) \(request.target.prefix(80)), \(request.body.count) bytes")
        }
        if seen.hasHalf { problems.append("half a request reached the upstream") }
        let own = Answer(status: 200, seen: "\(passed.method) \(passed.target.prefix(200))")
        if trial.answers != (passed.closes ? [own] : [own, marker]) {
            problems.append("was answered \(trial.answers)")
        }
        if passed.closes != (seen.markers == 0) { problems.append("\(seen.markers) requests after it were forwarded") }
        if passed.closes, !trial.hasEnded { problems.append("the connection went on") }
        return problems
    }

    private static let marker = Answer(status: 200, seen: "GET \(Wire.marker)")
}

/// What reached the upstream for a vector, the marker and the probe taken away.
struct Upstream {
    var requests: [ReadRequest] = []
    var markers = 0
    var hasHalf = false
    var disagreeing: [String] = []
    /// Why the strict reader refuses what came.
    var unsound: String?
    var problems: [String] = []

    init(_ slices: [RecordingUpstream.Slice], identity: Identity?) {
        for slice in slices {
            let strict = StrictReader.read(slice.bytes)
            var reference = strict
            if case .malformed(let why) = strict.rest {
                unsound = why
                problems.append("the upstream got what no request is: \(why)")
                reference = LenientReader.read(slice.bytes, as: Personality.all[0])
            }
            for request in reference.requests {
                if let identity {
                    if request.hosts != [identity.host] || request.credentials != [identity.credential] {
                        problems.append("the upstream read another host or credential")
                    }
                    if request.trailers > 0 { problems.append("the upstream got trailers") }
                    if strict.holdsHTTP10 { problems.append("the upstream got HTTP/1.0") }
                }
                switch request.target {
                case Wire.marker: markers += 1
                case Wire.probe: break
                default: requests.append(request)
                }
            }
            if reference.rest == .incomplete { hasHalf = true }
            for who in Personality.all {
                let lenient = LenientReader.read(slice.bytes, as: who)
                guard lenient.requests != reference.requests || lenient.rest != reference.rest else { continue }
                if !disagreeing.contains(who.name) { disagreeing.append(who.name) }
                problems.append(
                    "another reader (\(who.name)) reads \(lenient.requests.count) requests, \(lenient.rest)")
            }
        }
    }
}
