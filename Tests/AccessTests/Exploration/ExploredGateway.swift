import Domain
import Foundation
import GatewayTesting
import Salesforce

@testable import Access

/// One gateway process of a schedule: the whole ledger with its service, and calls that ask it for a token at once.
///
/// Its lines of work are the calls and the refresh that they wait for.
struct ExploredGateway: Sendable {
    let parts: ProcessParts
    let role: Role
    let scenario: Scenario
    let ground: Ground
    let ledger: TokenLedger

    private var steps: ProcessSteps { parts.steps }
    private var clock: TestClock { parts.clock }

    init(parts: ProcessParts, role: Role, scenario: Scenario, ground: Ground) {
        self.parts = parts
        self.role = role
        self.scenario = scenario
        self.ground = ground
        parts.clock.set(Fixtures.epoch)
        self.ledger = TokenLedger(context: parts.context)
    }

    /// Whether a refresh is under way.
    var isRefreshing: Bool {
        ledger.table.query(ground.user.id) { machine in
            switch machine.state {
            case .renewing, .refreshing: true
            case .unknown, .reading, .live, .resting, .dead: false
            }
        }
    }

    /// Knows the grant's first token from the beginning, as a process does that served calls with it.
    func knowTheFirstToken() throws {
        steps.observe("knows the first token")
        let token = try LiveToken(row: ground.firstRow, dataKey: ground.tenant.dataKey, hosts: ground.hosts)
        let now = clock.now
        let renewAt = role == .renewsAhead ? now : parts.context.renewalTime(of: ground.firstRow)
        ledger.table.tell(ground.user.id) { $0.didAdopt(token, renewAt: renewAt) }
    }

    /// A call: uses a token, and asks for a newer one while Salesforce calls it dead. Tried again after a failure, as
    /// people do.
    func call() async {
        for _ in 0..<scenario.triesMax {
            do {
                var token = try await ledger.token(for: ground.caller)
                steps.notes.didUse(token, by: steps.number)
                while role == .findsTheTokenDead, token.version <= scenario.lastDeadVersion {
                    token = try await ledger.token(after: token, for: ground.caller)
                    steps.notes.didUse(token, by: steps.number)
                }
                break
            } catch GatewayError.grantDead {
                break
            } catch {
                clock.advance(by: GrantMachine.restSecondsMax * 2)
            }
        }
        steps.notes.change { $0.answers[steps.number, default: 0] += 1 }
    }
}
