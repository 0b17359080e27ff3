import Domain
import Testing

@testable import Forwarding

/// The line at the gate, without time and threads.
@Suite struct TenantGateMachineTests {
    private static func tenant(_ number: Int) -> CustomerID {
        TenantGateTenant.id(number, shard: UInt8(truncatingIfNeeded: number))
    }

    private let first = tenant(1)
    private let second = tenant(2)

    private func ticket(_ entry: TenantLine.Entry) throws -> TenantLine.Ticket {
        guard case .queued(let ticket) = entry else {
            Issue.record("not queued: \(entry)")
            throw CancellationError()
        }
        return ticket
    }

    // MARK: - The word

    /// As many run as may, as many again wait, and the next is refused.
    @Test func theLineIsBounded() {
        var machine = TenantGateMachine(concurrency: 2)
        #expect(machine.enter() == .entered)
        #expect(machine.enter() == .entered)
        #expect(machine.enter() == .queued)
        #expect(machine.enter() == .queued)
        #expect(machine.enter() == .refused)
        #expect(machine.running == 2)
        #expect(machine.waiting == 2)
    }

    /// A place goes to who waits before it is free for those who come.
    @Test func placesArePassedOn() {
        var machine = TenantGateMachine(concurrency: 1)
        #expect(machine.enter() == .entered)
        #expect(machine.enter() == .queued)
        #expect(machine.leave() == .passedOn)
        #expect(machine.running == 1)
        #expect(machine.enter() == .queued)
        machine.abandon()
        #expect(machine.leave() == .freed)
        #expect(machine.leave() == .wasEmpty)
        #expect(machine.word == TenantGateMachine.emptyWord)
    }

    /// Both counts survive the way through the word, up to the highest.
    @Test(arguments: [(0, 0), (1, 0), (3, 2), (Int(Int32.max), Int(Int32.max))])
    func theWordTellsItAll(running: Int, waiting: Int) {
        let word = UInt64(running) << 32 | UInt64(waiting)
        let machine = TenantGateMachine(concurrency: TenantGateMachine.concurrencyMax, word: word)
        #expect(machine.running == running)
        #expect(machine.waiting == waiting)
        #expect(machine.word == word)
    }

    // MARK: - The queue

    /// The queue gives the oldest first, and any by its number, once.
    @Test func theQueueKeepsItsOrder() {
        var queue = NumberedQueue<String>()
        var model: [(number: UInt64, element: String)] = []
        var generator = SeededGenerator(seed: 7)
        for round in 0..<20_000 {
            switch Int.random(in: 0..<5, using: &generator) {
            case 0...2 where model.count < 300:
                model.append((queue.append("\(round)"), "\(round)"))
            case 3 where !model.isEmpty:
                let index = Int.random(in: model.indices, using: &generator)
                let taken = model.remove(at: index)
                #expect(queue.remove(taken.number) == taken.element)
                #expect(queue.remove(taken.number) == nil)
            case _:
                let taken = queue.popFirst()
                #expect(taken?.number == model.first?.number)
                #expect(taken?.element == model.first?.element)
                if let taken {
                    model.removeFirst()
                    #expect(queue.remove(taken.number) == nil)
                }
            }
            #expect(queue.count == model.count)
        }
    }

    // MARK: - Word and queue together

    /// A full line of one tenant costs another nothing.
    @Test func tenantsDontWaitForEachOther() {
        let gate = TenantGate(concurrency: 1)
        #expect(gate.line(of: first).tryEnter())
        let (line, other) = (gate.line(of: first), gate.line(of: second))
        #expect(!line.tryEnter())
        #expect(other.tryEnter())
    }

    /// Who waits longest is next.
    @Test func theOldestIsNext() throws {
        let (line, turns) = (TenantLine(concurrency: 2), Turns())
        #expect(line.enter(whenTurn: turns.add) == .entered)
        #expect(line.enter(whenTurn: turns.add) == .entered)
        let third = try ticket(line.enter(whenTurn: turns.add))
        let fourth = try ticket(line.enter(whenTurn: turns.add))
        #expect(line.enter(whenTurn: turns.add) == .refused)
        #expect(turns.taken == [])
        line.leave()
        #expect(turns.taken == [third])
        line.leave()
        #expect(turns.taken == [third, fourth])
        line.leave()
        line.leave()
        #expect(line.state == TenantGateMachine(concurrency: 2))
        #expect(turns.taken == [third, fourth])
    }

    /// Who gave up is passed over, and makes room in the line.
    @Test func whoGaveUpIsPassedOver() throws {
        let (line, turns) = (TenantLine(concurrency: 1), Turns())
        #expect(line.tryEnter())
        let waiting = try ticket(line.enter(whenTurn: turns.add))
        #expect(line.enter(whenTurn: turns.add) == .refused)
        #expect(line.abandon(waiting))
        #expect(!line.abandon(waiting))
        let next = try ticket(line.enter(whenTurn: turns.add))
        line.leave()
        #expect(turns.taken == [next])
    }

    /// Giving up after the place was passed on is too late: the place must be left.
    @Test func givingUpTooLate() throws {
        let (line, turns) = (TenantLine(concurrency: 1), Turns())
        #expect(line.tryEnter())
        let waiting = try ticket(line.enter(whenTurn: turns.add))
        line.leave()
        #expect(turns.taken == [waiting])
        #expect(!line.abandon(waiting))
        #expect(!line.tryEnter())
        line.leave()
        #expect(line.tryEnter())
    }

    /// Leaving more often than entering gives no places away.
    @Test func leavingTwiceIsHarmless() {
        let line = TenantLine(concurrency: 1)
        line.leave()
        #expect(line.tryEnter())
        #expect(!line.tryEnter())
    }

    /// Tenants without calls take bounded memory, and a line that is held stays the same.
    @Test func idleLinesAreLetGo() {
        let gate = TenantGate(concurrency: 1)
        let held = gate.line(of: first)
        #expect(held.tryEnter())
        for number in 0..<20_000 { _ = gate.line(of: Self.tenant(number)) }
        #expect(gate.line(of: first) === held)
        #expect(!gate.line(of: first).tryEnter())
        #expect(gate.lineCount <= TenantGate.shardCount * TenantGate.shardLinesMin)
    }

    /// Lines that are held are all kept, however many they are.
    @Test func busyLinesAreKept() {
        let gate = TenantGate(concurrency: 1)
        let held = (0..<5_000).map { gate.line(of: Self.tenant($0)) }
        #expect(held.allSatisfy { $0.tryEnter() })
        #expect((0..<5_000).allSatisfy { gate.line(of: Self.tenant($0)) === held[$0] })
        #expect(gate.lineCount == 5_000)
    }
}
