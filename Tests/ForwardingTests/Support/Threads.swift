import Dispatch
import Domain
import Foundation
import NIOConcurrencyHelpers

@testable import Forwarding

/// Random numbers that are the same in each run (splitmix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Runs a body on so many threads at once, none of the concurrency pool's, and waits until all are through.
func onThreads(_ count: Int, _ body: @escaping @Sendable (_ thread: Int) -> Void) async {
    await withTaskGroup(of: Void.self) { group in
        for number in 0..<count {
            group.addTask {
                await withCheckedContinuation { continuation in
                    Thread.detachNewThread {
                        body(number)
                        continuation.resume()
                    }
                }
            }
        }
    }
}

/// Keeps whose turn it was.
final class Turns: Sendable {
    private let tickets = NIOLockedValueBox<[TenantLine.Ticket]>([])

    var taken: [TenantLine.Ticket] { tickets.withLockedValue { $0 } }

    @Sendable func add(_ ticket: TenantLine.Ticket) { tickets.withLockedValue { $0.append(ticket) } }
}

/// Ids of tenants for tests.
enum TenantGateTenant {
    /// The n-th tenant, whose line lies in this shard.
    static func id(_ number: Int, shard: UInt8) -> CustomerID {
        let (low, high) = (UInt8(truncatingIfNeeded: number), UInt8(truncatingIfNeeded: number >> 8))
        return CustomerID(UUID(uuid: (1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, high, low, shard)))
    }
}

/// Holds a thread until it is opened: for an event loop that must not see something yet.
final class Hold: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func wait() { semaphore.wait() }
    func open() { semaphore.signal() }
}
