/// Something that goes wrong with matching requests, a number of times or until it is cleared.
public struct SimulatedFault: Sendable, Hashable {
    /// What goes wrong.
    public enum Action: Sendable, Hashable {
        /// The request waits.
        case delay(Duration)
        /// The request waits until the fault is cleared.
        case hold
        /// An answer of our own.
        case answer(status: Int, contentType: String, body: String)
        /// One of the token endpoint's errors, with HTTP 400.
        case tokenError(TokenError)
        /// The connection is closed before the head of an answer.
        case drop
        /// The connection is closed after so many bytes of the answer's body.
        case truncate(bytes: Int)
        /// The token answer carries a signature that doesn't fit.
        case wrongSignature
        /// The token answer names another `instance_url`.
        case foreignInstanceURL(String)
        /// The token answer names another identity URL; the signature fits it.
        case foreignIdentity(String)
    }

    /// When it goes wrong.
    public enum Moment: String, Sendable, Hashable, CaseIterable {
        /// Before the request is looked at: it has no effect.
        case before
        /// At the token endpoint, while a refresh token counts as being processed; elsewhere as ``before``.
        case during
        /// After the request had its effect: the answer is lost or late.
        case after
    }

    /// What goes wrong.
    public var action: Action
    /// When; the ones that change a token answer always come after.
    public var moment: Moment
    /// Only requests with this method.
    public var method: String?
    /// Only requests whose target starts so.
    public var pathPrefix: String?
    /// Only requests at hosts of this org: its id, name or a host.
    public var org: String?
    /// Only requests for this app: a client id.
    public var app: String?
    /// How many requests it concerns; `nil` means until it is cleared.
    public var count: Int?

    /// A fault for all requests that match.
    public init(
        _ action: Action, moment: Moment = .before, method: String? = nil, pathPrefix: String? = nil,
        org: String? = nil, app: String? = nil, count: Int? = nil
    ) {
        self.action = action
        self.moment = moment
        self.method = method
        self.pathPrefix = pathPrefix
        self.org = org
        self.app = app
        self.count = count
    }

    /// Names a fault that was added.
    public struct ID: Sendable, Hashable {
        /// Counts from 1.
        public let rawValue: Int

        /// The id of a fault that was added before.
        public init(rawValue: Int) { self.rawValue = rawValue }
    }
}

extension SimulatedFault.Action {
    /// A word for the journal.
    var label: String {
        switch self {
        case .delay: "delay"
        case .hold: "hold"
        case .answer(let status, _, _): "answer \(status)"
        case .tokenError(let error): "tokenError \(error.rawValue)"
        case .drop: "drop"
        case .truncate: "truncate"
        case .wrongSignature: "wrongSignature"
        case .foreignInstanceURL: "foreignInstanceURL"
        case .foreignIdentity: "foreignIdentity"
        }
    }
}

/// What a fault is matched against.
struct FaultSubject: Sendable {
    var method: String
    var target: String
    var org: OrgState?
    var clientID: String?
}

/// The faults in force, in the order in which they were added.
struct FaultTable: Sendable {
    private(set) var faults: [(id: SimulatedFault.ID, fault: SimulatedFault)] = []
    private var nextID = 1

    mutating func add(_ fault: SimulatedFault) -> SimulatedFault.ID {
        let id = SimulatedFault.ID(rawValue: nextID)
        nextID += 1
        faults.append((id, fault))
        return id
    }

    mutating func remove(_ id: SimulatedFault.ID) { faults.removeAll { $0.id == id } }

    mutating func removeAll() { faults.removeAll() }

    /// Takes the faults that concern a request, counting them down.
    mutating func take(for subject: FaultSubject) -> [(id: SimulatedFault.ID, fault: SimulatedFault)] {
        var taken: [(SimulatedFault.ID, SimulatedFault)] = []
        for index in faults.indices where Self.matches(faults[index].fault, subject) {
            if let count = faults[index].fault.count {
                guard count > 0 else { continue }
                faults[index].fault.count = count - 1
            }
            taken.append(faults[index])
        }
        // A hold stays until it is cleared, or those whom it holds could never be let go.
        faults.removeAll { $0.fault.count == 0 && $0.fault.action != .hold }
        return taken
    }

    private static func matches(_ fault: SimulatedFault, _ subject: FaultSubject) -> Bool {
        if let method = fault.method, method.uppercased() != subject.method.uppercased() { return false }
        if let prefix = fault.pathPrefix, !subject.target.hasPrefix(prefix) { return false }
        if let app = fault.app, app != subject.clientID { return false }
        if let name = fault.org {
            guard let org = subject.org else { return false }
            let names = [org.id, org.longID, org.name, org.loginHost, org.instanceHost]
            guard names.contains(where: { $0.lowercased() == name.lowercased() }) else { return false }
        }
        return true
    }
}
