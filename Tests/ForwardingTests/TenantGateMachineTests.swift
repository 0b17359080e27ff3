import Domain
import Foundation
import Testing

@testable import Forwarding

/// The line at the gate, without time and tasks.
@Suite struct TenantGateMachineTests {
    private let first = CustomerID(UUID(uuid: (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
    private let second = CustomerID(UUID(uuid: (2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))

    private func ticket(_ result: TenantGateMachine.EnterResult) throws -> TenantGateMachine.Ticket {
        guard case .queued(let ticket) = result else {
            Issue.record("not queued: \(result)")
            throw CancellationError()
        }
        return ticket
    }

    /// As many run as may, as many again wait, and the next is refused.
    @Test func theLineIsBounded() throws {
        var machine = TenantGateMachine(concurrency: 2)
        #expect(machine.enter(first) == .entered)
        #expect(machine.enter(first) == .entered)
        _ = try ticket(machine.enter(first))
        _ = try ticket(machine.enter(first))
        #expect(machine.enter(first) == .refused)
    }

    /// A full line of one tenant costs another nothing.
    @Test func tenantsDontWaitForEachOther() {
        var machine = TenantGateMachine(concurrency: 1)
        #expect(machine.enter(first) == .entered)
        #expect(machine.enter(second) == .entered)
    }

    /// Who waits longest is next.
    @Test func theOldestIsNext() throws {
        var machine = TenantGateMachine(concurrency: 2)
        _ = machine.enter(first)
        _ = machine.enter(first)
        let third = try ticket(machine.enter(first))
        let fourth = try ticket(machine.enter(first))
        #expect(machine.leave(first) == .passedOn(third))
        #expect(machine.leave(first) == .passedOn(fourth))
        #expect(machine.leave(first) == .freed)
        #expect(machine.leave(first) == .freed)
        #expect(machine.tenantCount == 0)
    }

    /// Who gave up is passed over, and makes room in the line.
    @Test func whoGaveUpIsPassedOver() throws {
        var machine = TenantGateMachine(concurrency: 1)
        _ = machine.enter(first)
        let waiting = try ticket(machine.enter(first))
        #expect(machine.enter(first) == .refused)
        #expect(machine.abandon(waiting) == .removed)
        let next = try ticket(machine.enter(first))
        #expect(machine.leave(first) == .passedOn(next))
    }

    /// Giving up after the place was passed on is too late: the place must be left.
    @Test func givingUpTooLate() throws {
        var machine = TenantGateMachine(concurrency: 1)
        _ = machine.enter(first)
        let waiting = try ticket(machine.enter(first))
        #expect(machine.leave(first) == .passedOn(waiting))
        #expect(machine.abandon(waiting) == .hasEntered)
        #expect(machine.leave(first) == .freed)
        #expect(machine.enter(first) == .entered)
    }

    /// A tenant without calls takes no memory.
    @Test func nothingIsKeptOfIdleTenants() {
        var machine = TenantGateMachine(concurrency: 3)
        for _ in 0..<3 { _ = machine.enter(first) }
        for _ in 0..<3 { _ = machine.leave(first) }
        #expect(machine.tenantCount == 0)
        #expect(machine.leave(first) == .freed)
    }
}
