import Foundation
import GatewayTesting
import NIOConcurrencyHelpers

/// What became of calls.
struct CallTally: Sendable {
    /// Milliseconds of each call that Salesforce answered with 200.
    var answered: [Double] = []
    /// Calls whose connection ended with its process.
    var cutOff = 0
    /// Calls that were told to come back later, by person.
    var putOff: [String: Int] = [:]
    /// Everything else, by what came.
    var failures: [String: Int] = [:]

    var failureCount: Int { failures.values.reduce(0, +) }

    /// So many in a hundred answers took no longer, in milliseconds.
    func percentile(_ percent: Double) -> Double {
        let sorted = answered.sorted()
        guard !sorted.isEmpty else { return 0 }
        return sorted[min(sorted.count - 1, Int(Double(sorted.count) * percent / 100))]
    }
}

/// Calls of a number of people over connections of their own, one after the other on each, as behind a load balancer.
struct CallLoad: Sendable {
    /// One connection: whose it is, and the gateway that it goes to while that is there.
    struct Caller: Sendable {
        let person: Person
        let home: Int
    }

    let fleet: Fleet
    let callers: [Caller]
    /// Where nothing but the answer counts.
    var path = "/services/data/v62.0/limits"

    /// Calls without a pause while the body runs: as many calls are under way as there are callers.
    func run(during body: () async throws -> Void) async throws -> CallTally {
        let isOver = NIOLockedValueBox(false)
        return try await withThrowingTaskGroup(of: CallTally.self) { group in
            for caller in callers {
                group.addTask { await calls(of: caller) { _ in isOver.withLockedValue { $0 } } }
            }
            try await body()
            isOver.withLockedValue { $0 = true }
            return try await Self.sum(of: &group)
        }
    }

    /// Calls until each caller has so many answers, where a failure counts as one, and for so long at least.
    func run(times: Int, for duration: Duration = .zero) async throws -> CallTally {
        let end = ContinuousClock.now + duration
        return try await withThrowingTaskGroup(of: CallTally.self) { group in
            for caller in callers {
                group.addTask { await calls(of: caller) { $0 >= times && ContinuousClock.now >= end } }
            }
            return try await Self.sum(of: &group)
        }
    }

    private func calls(of caller: Caller, until isOver: (Int) -> Bool) async -> CallTally {
        var line = Line(caller: caller, fleet: fleet, path: path)
        while !isOver(line.tally.answered.count + line.tally.failureCount), !Task.isCancelled { await line.call() }
        await line.hangUp()
        return line.tally
    }

    private static func sum(of group: inout ThrowingTaskGroup<CallTally, any Error>) async throws -> CallTally {
        var sum = CallTally()
        for try await tally in group {
            sum.answered += tally.answered
            sum.cutOff += tally.cutOff
            sum.putOff.merge(tally.putOff, uniquingKeysWith: +)
            sum.failures.merge(tally.failures, uniquingKeysWith: +)
        }
        return sum
    }
}

/// A caller's connection, and what came of its calls.
private struct Line {
    let caller: CallLoad.Caller
    let fleet: Fleet
    let path: String
    private(set) var tally = CallTally()
    private var connection: (RawConnection, Fleet.Member)?

    init(caller: CallLoad.Caller, fleet: Fleet, path: String) {
        self.caller = caller
        self.fleet = fleet
        self.path = path
    }

    mutating func call() async {
        do {
            let member = try fleet.member(preferring: caller.home)
            do {
                try await call(member)
            } catch {
                guard member.isKilled, !(error is Person.NotIn) else { throw error }
                tally.cutOff += 1
                await hangUp()
            }
        } catch {
            tally.failures["\(error)", default: 0] += 1
            await hangUp()
        }
    }

    mutating func hangUp() async {
        await connection?.0.close()
        connection = nil
    }

    private mutating func call(_ member: Fleet.Member) async throws {
        let begin = ContinuousClock.now
        let session = try await caller.person.session()
        let connection = try await connection(to: member)
        try await connection.send(
            """
            GET \(path) HTTP/1.1\r
            Host: \(caller.person.tenant).\(World.baseDomain):\(member.port)\r
            Cookie: formation_session=\(session)\r
            Sec-Fetch-Site: same-origin\r
            \r

            """)
        let response = try await connection.readResponse()
        let isOfGateway = !response["Proxy-Status"].isEmpty
        switch (response.status, isOfGateway) {
        case (200, _):
            tally.answered.append((ContinuousClock.now - begin) / .milliseconds(1))
        case (401, true):
            _ = try await caller.person.session(insteadOf: session)
        case (503, true):
            tally.putOff[caller.person.username, default: 0] += 1
            try await Task.sleep(for: .seconds(Int(response["Retry-After"].first ?? "") ?? 1))
        case (let status, _):
            let source = isOfGateway ? "the gateway" : "Salesforce"
            tally.failures["\(status) of \(source): \(response.text)", default: 0] += 1
        }
    }

    private mutating func connection(to member: Fleet.Member) async throws -> RawConnection {
        if let (open, end) = connection, end === member { return open }
        await hangUp()
        let opened = try await RawConnection.connect(port: member.port)
        connection = (opened, member)
        return opened
    }
}
