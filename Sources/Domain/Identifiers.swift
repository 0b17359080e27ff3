public import Foundation

/// The id of one kind of thing; ids of different kinds do not mix.
public struct Identifier<Subject>: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The id itself.
    public let rawValue: UUID

    /// Wraps an id.
    public init(_ rawValue: UUID) {
        self.rawValue = rawValue
    }

    /// Reads an id as text, in any case; `nil` where it is no UUID.
    public init?(_ text: String) {
        guard let value = UUID(uuidString: text) else { return nil }
        self.rawValue = value
    }

    public init(from decoder: any Decoder) throws {
        self.rawValue = try decoder.singleValueContainer().decode(UUID.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }

    /// The id in lower case, as PostgreSQL prints it.
    public var description: String { rawValue.uuidString.lowercased() }
}

/// Names a customer.
public typealias CustomerID = Identifier<Customer>
/// Names a user of a customer.
public typealias UserID = Identifier<User>
/// Names a customer's configuration.
public typealias CustomerConfigID = Identifier<CustomerConfig>
/// Names a grant: a user's Salesforce tokens.
public typealias OAuthTokenID = Identifier<OAuthToken>
/// Names a browser's session.
public typealias SessionID = Identifier<Session>
/// Names an access key.
public typealias AccessKeyID = Identifier<AccessKey>
/// Names an audit event.
public typealias AuditEventID = Identifier<AuditEvent>
