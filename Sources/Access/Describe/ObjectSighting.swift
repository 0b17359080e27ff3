public import Foundation
public import Salesforce

/// What a person's look at one of their org's objects showed.
public struct ObjectSighting: Sendable, Hashable {
    /// What was to be seen.
    public enum Outcome: Sendable, Hashable {
        case described(ObjectDescription)
        /// There is no such object, or none that the person may see.
        case missing
        case failed(DescribeFailure)
    }

    public let outcome: Outcome
    /// When Salesforce was asked.
    public let at: Date

    /// A sighting as a test makes one.
    public init(_ outcome: Outcome, at: Date) {
        self.outcome = outcome
        self.at = at
    }
}

/// Why an object could not be looked at.
public enum DescribeFailure: Error, Sendable, Hashable {
    /// The person has no token that could be used, or too much is going on here.
    case refused(GatewayError)
    /// Salesforce gave no answer that could be used.
    case unusable(SalesforceError.Code)
    /// The time that the look was given is over.
    case tooSlow

    /// What happened, for a person to read.
    public var words: String {
        switch self {
        case .refused(let error): error.message
        case .unusable(let code): Self.words(of: code)
        case .tooSlow: GatewayError.upstreamTimeout.message
        }
    }

    private static func words(of code: SalesforceError.Code) -> String {
        switch code {
        case .unreachable: GatewayError.upstreamUnreachable(.unreachable).message
        case .brokenOff: GatewayError.upstreamUnreachable(.brokeOff).message
        case .timeout, .cancelled: GatewayError.upstreamTimeout.message
        case .rateLimited: "The Salesforce organization has no API calls left just now."
        case .deadSession: "Salesforce does not take this connection for it."
        case .tooLarge: "Salesforce's answer is too large."
        case .badStatus, .redirected: "Salesforce answered with an error."
        case _: SalesforceError(code).adminAdvice ?? "Salesforce's answer could not be understood."
        }
    }
}
