import Testing

@testable import Forwarding

/// Who is looked up and who waits, without threads.
@Suite struct LookupBoardTests {
    private typealias Board = LookupBoard<Int>

    private func ticket(_ result: Board.JoinResult) throws -> Board.Ticket {
        switch result {
        case .begin(let ticket), .waits(let ticket): return ticket
        case .refused:
            Issue.record("refused")
            throw CancellationError()
        }
    }

    private func begins(_ result: Board.JoinResult) -> Bool {
        switch result {
        case .begin: true
        case .waits, .refused: false
        }
    }

    /// Who asks for a host that is looked up, or waits, gets its answer, even where no other host may wait.
    @Test func aHostIsThereOnce() {
        var board = Board(runningMax: 1, waitingMax: 1)
        #expect(begins(board.join("a", 1)))
        #expect(!begins(board.join("a", 2)))
        #expect(!begins(board.join("b", 3)))
        #expect(board.join("c", 4) == .refused)
        #expect(board.join("a", 5) != .refused)
        #expect(board.join("b", 6) != .refused)
        let first = board.finish("a")
        #expect(first.askers.sorted() == [1, 2, 5])
        #expect(first.next == "b")
        let second = board.finish("b")
        #expect(second.askers.sorted() == [3, 6])
        #expect(second.next == nil)
        #expect(board.runningCount == 0)
    }

    /// A thread goes to the host that has waited longest, and is counted until nobody waits.
    @Test func threadsArePassedOn() {
        var board = Board(runningMax: 2, waitingMax: 2)
        for (number, host) in ["a", "b", "c", "d"].enumerated() {
            #expect(begins(board.join(host, number)) == (number < 2))
        }
        #expect(board.join("e", 4) == .refused)
        #expect(board.finish("b").next == "c")
        #expect(board.join("e", 4) != .refused)
        #expect(board.finish("a").next == "d")
        #expect(board.runningCount == 2)
        #expect(board.finish("c").next == "e")
        #expect(board.finish("d").next == nil)
        #expect(board.finish("e").next == nil)
        #expect(board.runningCount == 0)
    }

    /// A host that nobody wants any more leaves the line; one that is looked up stays, and its next asker joins.
    @Test func whoLeavesIsNotTold() throws {
        var board = Board(runningMax: 1, waitingMax: 1)
        let running = try ticket(board.join("a", 1))
        let waiting = [try ticket(board.join("b", 2)), try ticket(board.join("b", 3))]
        board.leave(running)
        board.leave(waiting[0])
        #expect(board.join("c", 4) == .refused)
        board.leave(waiting[1])
        #expect(board.join("c", 5) != .refused)
        #expect(!begins(board.join("a", 6)))
        let finished = board.finish("a")
        #expect(finished.askers == [6])
        #expect(finished.next == "c")
        #expect(board.finish("c").askers == [5])
    }

    /// Leaving after the answer, or twice, touches nobody who asks for the same host later.
    @Test func leavingLate() throws {
        var board = Board(runningMax: 1, waitingMax: 1)
        let early = try ticket(board.join("a", 1))
        #expect(board.finish("a").askers == [1])
        #expect(begins(board.join("a", 2)))
        board.leave(early)
        board.leave(early)
        #expect(board.finish("a").askers == [2])
        #expect(board.finish("a").askers == [])
        #expect(board.runningCount == 0)
    }
}
