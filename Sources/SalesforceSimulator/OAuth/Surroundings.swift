import Foundation

/// What a step of the protocol needs besides the state: the time, randomness and the simulator's own address.
struct Surroundings: Sendable {
    var now: Date
    var environment: SimulatorEnvironment
    var port: Int
    var genericLoginHost: String

    func randomText(_ count: Int) -> String { environment.randomText(count) }

    /// An origin of the simulator, e.g. `http://axonify.my.salesforce.localhost:40001`.
    func origin(of host: String) -> String { "http://\(host):\(port)" }

    /// The identity URL of a person, which is at the generic login host whatever host they signed in at.
    func identityURL(org: OrgState, user: RecordID) -> String {
        "\(origin(of: genericLoginHost))/id/\(org.longID)/\(user.long)"
    }
}
