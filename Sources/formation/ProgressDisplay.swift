internal import Foundation
internal import NIOConcurrencyHelpers

/// How far a long command is, on stderr: a bar on a terminal, elsewhere a line now and then.
final class ProgressDisplay: Sendable {
    /// A terminal's bar is drawn five times a second; a log gets a line every 5 s.
    private static let barInterval: Duration = .milliseconds(200)
    private static let lineInterval: Duration = .seconds(5)
    private static let barColumns = 30

    private struct Shown {
        var done = 0
        var at: ContinuousClock.Instant?
        /// What was last said; nothing is said twice.
        var text = ""
    }

    private let unit: String
    private let isTerminal: Bool
    private let shown = NIOLockedValueBox(Shown())

    /// A display of so many of a unit, such as `data keys`.
    init(unit: String, isTerminal: Bool = isatty(STDERR_FILENO) == 1) {
        self.unit = unit
        self.isTerminal = isTerminal
    }

    /// Says how far it is: the first piece of work and the last at once, others when it is time.
    func show(done: Int, total: Int) {
        guard total > 0 else { return }
        let interval = isTerminal ? Self.barInterval : Self.lineInterval
        let text = isTerminal ? bar(done: done, total: total) : "\(done) of \(total) \(unit)"
        let isDue = shown.withLockedValue { shown in
            let isFirst = shown.at == nil || shown.done == 0 && done > 0
            let isLast = done >= total
            guard isFirst || isLast || shown.at.map({ ContinuousClock.now - $0 >= interval }) == true,
                shown.text != text
            else { return false }
            shown = Shown(done: done, at: .now, text: text)
            return true
        }
        guard isDue else { return }
        if isTerminal {
            FileHandle.standardError.write(Data(("\r" + text).utf8))
        } else {
            Console.progress(text)
        }
    }

    /// Leaves the bar's line.
    func finish() {
        let wasShown = shown.withLockedValue { $0.at != nil }
        if isTerminal, wasShown { Console.progress("") }
    }

    private func bar(done: Int, total: Int) -> String {
        let filled = min(Self.barColumns, done * Self.barColumns / total)
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.barColumns - filled)
        return "\(bar) \(done) of \(total) \(unit)"
    }
}
