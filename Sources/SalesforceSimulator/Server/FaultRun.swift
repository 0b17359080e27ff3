/// The faults that one request met, performed at their moments.
struct FaultRun: Sendable {
    let core: SimulatorCore
    let faults: [(id: SimulatedFault.ID, fault: SimulatedFault)]
    let request: SimulatedRequest

    /// What of it the journal tells.
    var labels: [String] { faults.map(\.fault.action.label) }

    /// Waits as the faults of a moment say.
    ///
    /// - Returns: The answer that takes the place of the real one, where a fault has one.
    func perform(_ moment: SimulatedFault.Moment) async -> SimulatedAnswer? {
        for (id, fault) in faults where fault.moment == moment {
            switch fault.action {
            case .delay(let duration): try? await Task.sleep(for: duration)
            case .hold: await core.holds.wait(for: id)
            case .answer(let status, let contentType, let body): return .text(status, body, type: contentType)
            case .tokenError(let error): return TokenEndpoints.failure(error, request: request)
            case .drop: return .dropped
            case .truncate, .wrongSignature, .foreignInstanceURL, .foreignIdentity: break
            }
        }
        return nil
    }

    /// Spoils a token answer.
    func change(_ answer: inout TokenAnswer) {
        for (_, fault) in faults {
            switch fault.action {
            case .wrongSignature: answer.signatureIsWrong = true
            case .foreignInstanceURL(let url): answer.instanceURL = url
            case .foreignIdentity(let url): answer.identityURL = url
            case .delay, .hold, .answer, .tokenError, .drop, .truncate: break
            }
        }
    }

    /// How many bytes of the body are sent before the connection closes.
    var truncation: Int? {
        for (_, fault) in faults {
            if case .truncate(let bytes) = fault.action { return bytes }
        }
        return nil
    }
}
