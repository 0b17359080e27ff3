public import Foundation

/// When a session or an access key was used last.
public struct LastUse<ID: Sendable & Hashable>: Sendable, Hashable {
    public let id: ID
    public let customerID: CustomerID
    public let at: Date

    /// A use with every field given.
    public init(id: ID, customerID: CustomerID, at: Date) {
        self.id = id
        self.customerID = customerID
        self.at = at
    }
}
