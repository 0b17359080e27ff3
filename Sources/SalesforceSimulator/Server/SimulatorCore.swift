import Foundation
import Logging
import NIOConcurrencyHelpers

/// The simulator's state with what it needs to work on it. All state is behind one lock, held for short steps only.
final class SimulatorCore: Sendable {
    let configuration: SimulatorConfiguration
    let environment: SimulatorEnvironment
    let logger: Logger
    let holds = HoldTable()
    let port = BoundPort()
    let signer = IdentitySigner()
    private let state: NIOLockedValueBox<SimulatorState>

    init(configuration: SimulatorConfiguration, environment: SimulatorEnvironment, logger: Logger) {
        self.configuration = configuration
        self.environment = environment
        self.logger = logger
        state = NIOLockedValueBox(SimulatorState(configuration: configuration, now: environment.now()))
    }

    /// Works on the state. The closure must neither wait nor call back.
    func withState<Value>(_ body: (inout SimulatorState) throws -> Value) rethrows -> Value {
        try state.withLockedValue(body)
    }

    /// Works on the state with the time and the address of this moment.
    func step<Value>(_ body: (inout SimulatorState, Surroundings) throws -> Value) rethrows -> Value {
        let port = port.current ?? 0
        return try state.withLockedValue { state in
            let surroundings = Surroundings(
                now: environment.now().addingTimeInterval(state.clockOffset), environment: environment, port: port,
                genericLoginHost: configuration.genericLoginHost)
            return try body(&state, surroundings)
        }
    }

    /// The time by the controllable clock.
    var now: Date { step { $1.now } }
}
