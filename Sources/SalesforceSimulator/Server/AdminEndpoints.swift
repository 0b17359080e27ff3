/// The simulator's own API.
struct AdminEndpoints: Sendable {
    let core: SimulatorCore
    let request: SimulatedRequest

    func answer() async -> SimulatedAnswer { RESTError.notFound.answer }
}
