import Domain
import Foundation
import GatewayTesting
import Salesforce
import Secrets
import Testing

@testable import Access

/// The machine's transitions, one line each: what it answers, and which state it is in afterwards.
@Suite struct GrantMachineTests {
    private let now = Fixtures.epoch
    private let grantID = OAuthTokenID(SequentialIDs().next())
    private let userID = UserID(SequentialIDs().next())

    private func token(_ version: Int64) throws -> LiveToken {
        LiveToken(
            grantID: grantID, userID: userID, version: version, accessToken: Secret("token-\(version)"),
            instance: try AllowedHosts().instance("https://axonify.my.salesforce.com"), mintedAt: now,
            expiresAt: now.addingTimeInterval(7_200))
    }

    private func live(_ version: Int64 = 1, renewAfter seconds: TimeInterval = 7_000) throws -> GrantMachine {
        var machine = GrantMachine()
        _ = machine.didAdopt(try token(version), renewAt: now + seconds)
        return machine
    }

    private func ask(
        _ machine: inout GrantMachine, after version: Int64? = nil, waiter: UInt64 = 1, max: Int = 10,
        in seconds: TimeInterval = 0
    ) -> String {
        machine.ask(after: version, waiter: waiter, waitersMax: max, at: now + seconds).label
    }

    private let passing = GrantMachine.Outcome.failed(
        .unavailable(.refreshPending, retryAfterSeconds: 2), restSeconds: 1)

    /// Nothing known: the first asker reads, the others wait for it.
    @Test func unknownIsReadOnce() throws {
        var machine = GrantMachine()
        #expect(ask(&machine, waiter: 1) == "read")
        #expect(ask(&machine, waiter: 2) == "wait")
        #expect(ask(&machine, after: 1, waiter: 3) == "wait")
        #expect(machine.state.label == "reading")
        #expect(machine.didRead(.token(try token(1), renewAt: now + 60)) == [2, 3])
        #expect(machine.state.label == "live")
        #expect(ask(&machine) == "use 1")
    }

    /// What was read while the feed said that it changed is not kept.
    @Test func outdatedReadingIsNotKept() throws {
        var machine = GrantMachine()
        _ = ask(&machine)
        machine.didChange()
        #expect(machine.didRead(.token(try token(1), renewAt: now)).isEmpty)
        #expect(machine.state.label == "unknown")
        #expect(ask(&machine) == "read")
        machine.didChange()
        #expect(machine.didRead(.dead(grantID)).isEmpty)
        #expect(machine.state.label == "unknown")
    }

    /// A failed reading leaves nothing behind.
    @Test func failedReading() {
        var machine = GrantMachine()
        _ = ask(&machine)
        _ = ask(&machine, waiter: 2)
        #expect(machine.didRead(.failed) == [2])
        #expect(machine.state.label == "unknown")
    }

    /// A row without a grant, or a dead one, refuses.
    @Test func deadRow() {
        for id in [grantID, nil] {
            var machine = GrantMachine()
            _ = ask(&machine)
            #expect(machine.didRead(.dead(id)).isEmpty)
            #expect(ask(&machine) == "refuse INVALID_SESSION_ID")
            machine.didChange()
            #expect(ask(&machine) == "read")
        }
    }

    /// A live token is used; called dead, it is refreshed once.
    @Test func liveCalledDead() throws {
        var machine = try live()
        #expect(ask(&machine) == "use 1")
        #expect(ask(&machine, after: 1, waiter: 1) == "refresh 1")
        #expect(ask(&machine, after: 1, waiter: 2) == "wait")
        #expect(ask(&machine, waiter: 3) == "wait")
        #expect(machine.knowsDead(1))
        #expect(!machine.knowsDead(2))
        #expect(machine.didRefresh(.token(try token(2), renewAt: now + 60), at: now, jitter: 0) == [1, 2, 3])
        #expect(ask(&machine, after: 1) == "use 2")
    }

    /// An asker whose token is older than ours gets ours; one whose token is newer makes us read again.
    @Test func askersOfOtherVersions() throws {
        var machine = try live(3)
        #expect(ask(&machine, after: 2) == "use 3")
        #expect(ask(&machine, after: 4) == "read")
    }

    /// Ahead of its end the token is used on, and one refresh begins.
    @Test func renewing() throws {
        var machine = try live(renewAfter: 10)
        #expect(ask(&machine, in: 9) == "use 1")
        #expect(ask(&machine, in: 10) == "use 1 and refresh")
        #expect(ask(&machine, in: 11) == "use 1")
        #expect(machine.state.label == "renewing")
        #expect(!machine.knowsDead(1))
        #expect(machine.didRefresh(.token(try token(2), renewAt: now + 60), at: now, jitter: 0).isEmpty)
        #expect(ask(&machine, in: 12) == "use 2")
    }

    /// A failed renewal leaves the token in use, and is tried again after a rest.
    @Test func failedRenewal() throws {
        var machine = try live(renewAfter: 0)
        #expect(ask(&machine) == "use 1 and refresh")
        #expect(machine.didRefresh(passing, at: now, jitter: 0.5).isEmpty)
        #expect(ask(&machine, in: 0.5) == "use 1")
        #expect(ask(&machine, in: 1.5) == "use 1 and refresh")
        #expect(machine.didRefresh(.dead, at: now, jitter: 0).isEmpty)
        #expect(ask(&machine) == "refuse INVALID_SESSION_ID")
    }

    /// A token called dead while it is being renewed waits for that very refresh.
    @Test func renewingCalledDead() throws {
        var machine = try live(renewAfter: 0)
        _ = ask(&machine)
        #expect(ask(&machine, after: 1, waiter: 7) == "wait")
        #expect(machine.knowsDead(1))
        #expect(machine.didRefresh(.token(try token(2), renewAt: now + 60), at: now, jitter: 0) == [7])
    }

    /// A renewal never takes a newer token away.
    @Test func olderOutcomeIsIgnored() throws {
        var machine = try live(3, renewAfter: 0)
        _ = ask(&machine)
        #expect(machine.didRefresh(.token(try token(2), renewAt: now + 60), at: now, jitter: 0).isEmpty)
        #expect(ask(&machine, in: -1) == "use 3")
    }

    /// After a failure it rests, longer each time, up to 30 s.
    @Test func resting() throws {
        var machine = try live()
        var at: TimeInterval = 0
        for rest in [1, 2, 4, 8, 16, 30, 30] as [TimeInterval] {
            #expect(ask(&machine, after: 1, in: at) == "refresh 1")
            _ = machine.didRefresh(passing, at: now + at, jitter: 0.5)
            #expect(ask(&machine, after: 1, in: at + rest - 0.1) == "refuse SERVER_UNAVAILABLE")
            #expect(ask(&machine, in: at + rest - 0.1) == "refuse SERVER_UNAVAILABLE")
            at += rest
        }
        #expect(ask(&machine, in: at) == "refresh 1")
        _ = machine.didRefresh(.token(try token(2), renewAt: now + 60), at: now, jitter: 0)
        #expect(machine.failures == 0)
    }

    /// A rest ends early where what it was for is mended, and no other does.
    @Test func mended() throws {
        var machine = try live()
        _ = ask(&machine, after: 1)
        let rejected = GrantMachine.Outcome.failed(.clientRejected, restSeconds: 30)
        _ = machine.didRefresh(rejected, at: now, jitter: 0.5)
        machine.didMend(.notConnected, at: now)
        #expect(ask(&machine, in: 1) == "refuse SALESFORCE_CLIENT_REJECTED")
        machine.didMend(.clientRejected, at: now)
        #expect(ask(&machine, after: 1, in: 1) == "refresh 1")
        machine.didMend(.clientRejected, at: now)
        #expect(machine.state.label == "refreshing")
    }

    /// The rest is spread by a quarter to either side.
    @Test func restIsSpread() throws {
        for (jitter, rest) in [(0.0, 0.75), (0.5, 1.0), (0.999, 1.2495)] {
            var machine = try live()
            _ = ask(&machine, after: 1)
            _ = machine.didRefresh(passing, at: now, jitter: jitter)
            #expect(ask(&machine, in: rest - 0.01) == "refuse SERVER_UNAVAILABLE")
            #expect(ask(&machine, in: rest + 0.01) == "refresh 1")
        }
    }

    /// A sign-in ends whatever was: those who wait go on, and a refresh under way comes too late.
    @Test func signInFirst() throws {
        var machine = try live()
        _ = ask(&machine, after: 1, waiter: 4)
        #expect(machine.didAdopt(try token(2), renewAt: now + 60) == [4])
        #expect(machine.didRefresh(.dead, at: now, jitter: 0).isEmpty)
        #expect(ask(&machine) == "use 2")
        var reading = GrantMachine()
        _ = ask(&reading)
        _ = ask(&reading, waiter: 5)
        #expect(reading.didAdopt(try token(2), renewAt: now + 60) == [5])
        #expect(reading.didRead(.dead(nil)).isEmpty)
        #expect(ask(&reading) == "use 2")
    }

    /// The feed makes it read again, but does not disturb a refresh under way.
    @Test func changes() throws {
        var machine = try live()
        machine.didChange()
        #expect(machine.state.label == "unknown")
        machine = try live(renewAfter: 0)
        _ = ask(&machine)
        machine.didChange()
        #expect(machine.state.label == "renewing")
        _ = ask(&machine, after: 1)
        machine.didChange()
        #expect(machine.state.label == "refreshing")
        _ = machine.didRefresh(passing, at: now, jitter: 0)
        machine.didChange()
        #expect(machine.state.label == "unknown")
    }

    /// Revoked, it refuses, and those who wait go on to be refused.
    @Test func revoked() throws {
        var machine = try live()
        _ = ask(&machine, after: 1, waiter: 8)
        #expect(machine.didRevoke() == [8])
        #expect(ask(&machine) == "refuse INVALID_SESSION_ID")
    }

    /// No more wait than are allowed.
    @Test func waitersAreBounded() throws {
        var machine = try live()
        _ = ask(&machine, after: 1, waiter: 1, max: 2)
        #expect(ask(&machine, waiter: 2, max: 2) == "wait")
        #expect(ask(&machine, waiter: 3, max: 2) == "refuse SERVER_UNAVAILABLE")
    }

    /// Only what nobody waits for may be forgotten.
    @Test func idle() throws {
        var machine = GrantMachine()
        #expect(machine.isIdle)
        _ = ask(&machine)
        #expect(!machine.isIdle)
        _ = machine.didRead(.token(try token(1), renewAt: now))
        #expect(machine.isIdle)
        _ = ask(&machine)
        #expect(!machine.isIdle)
    }
}

extension GrantMachine.Ask {
    fileprivate var label: String {
        switch self {
        case .use(let token): "use \(token.version)"
        case .useAndRefresh(let token): "use \(token.version) and refresh"
        case .read: "read"
        case .wait: "wait"
        case .refreshAndWait(_, let version): "refresh \(version)"
        case .refuse(let error): "refuse \(error.errorCode)"
        }
    }
}

extension GrantMachine.State {
    fileprivate var label: String {
        switch self {
        case .unknown: "unknown"
        case .reading: "reading"
        case .live: "live"
        case .renewing: "renewing"
        case .refreshing: "refreshing"
        case .resting: "resting"
        case .dead: "dead"
        }
    }
}
