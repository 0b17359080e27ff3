/// Pauses between tries: doubled each time, up to a limit.
struct Backoff {
    private var next: Duration
    private let max: Duration

    init(first: Duration = .milliseconds(100), max: Duration = .seconds(1)) {
        self.next = first
        self.max = max
    }

    mutating func pause() -> Duration {
        defer { next = min(next * 2, max) }
        return next
    }
}
