/// Which hosts are being looked up, which wait for a thread, and who wants to know: a pure machine.
///
/// A host is there once, however many ask for it. Those who ask are bounded by the connections that may be made.
struct LookupBoard<Asker: Sendable>: Sendable {
    /// One who asks for a host.
    struct Ticket: Hashable, Sendable {
        let host: String
        fileprivate let number: UInt64
    }

    enum JoinResult: Equatable, Sendable {
        /// The host must be looked up now.
        case begin(Ticket)
        /// The host's answer will come, for others have asked before; or it waits behind other hosts.
        case waits(Ticket)
        /// As many hosts are looked up, and wait, as may; nothing has changed.
        case refused
    }

    struct FinishResult: Sendable {
        /// All who want the answer.
        let askers: [Asker]
        /// What must be looked up in its place.
        let next: String?
    }

    private struct Lookup: Sendable {
        var askers: [UInt64: Asker]
        /// Whether it has a thread. Can transition to: true.
        var isRunning: Bool
    }

    let runningMax: Int
    let waitingMax: Int
    private(set) var runningCount = 0
    private var lookups: [String: Lookup] = [:]
    /// Hosts without a thread, oldest first.
    private var line: [String] = []
    private var lastNumber: UInt64 = 0

    /// - Parameters:
    ///   - runningMax: Hosts that are looked up at one time.
    ///   - waitingMax: Hosts that wait for that.
    init(runningMax: Int, waitingMax: Int) {
        self.runningMax = runningMax
        self.waitingMax = waitingMax
    }

    mutating func join(_ host: String, _ asker: Asker) -> JoinResult {
        lastNumber += 1
        let ticket = Ticket(host: host, number: lastNumber)
        if lookups[host] != nil {
            lookups[host]?.askers[ticket.number] = asker
            return .waits(ticket)
        }
        if runningCount < runningMax {
            runningCount += 1
            lookups[host] = Lookup(askers: [ticket.number: asker], isRunning: true)
            return .begin(ticket)
        }
        guard line.count < waitingMax else { return .refused }
        line.append(host)
        lookups[host] = Lookup(askers: [ticket.number: asker], isRunning: false)
        return .waits(ticket)
    }

    /// One wants the answer no more. A host that nobody wants leaves the line; one that has a thread keeps it.
    mutating func leave(_ ticket: Ticket) {
        guard var lookup = lookups[ticket.host] else { return }
        lookup.askers[ticket.number] = nil
        if lookup.askers.isEmpty, !lookup.isRunning {
            lookups[ticket.host] = nil
            line.removeAll { $0 == ticket.host }
        } else {
            lookups[ticket.host] = lookup
        }
    }

    /// The look-up of a host has ended: its thread goes to the host that has waited longest.
    mutating func finish(_ host: String) -> FinishResult {
        guard let lookup = lookups[host], lookup.isRunning else { return FinishResult(askers: [], next: nil) }
        lookups[host] = nil
        let askers = Array(lookup.askers.values)
        guard let next = line.first else {
            runningCount -= 1
            return FinishResult(askers: askers, next: nil)
        }
        line.removeFirst()
        lookups[next]?.isRunning = true
        return FinishResult(askers: askers, next: next)
    }
}
