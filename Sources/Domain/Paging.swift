public import Foundation

/// Where a page of rows begins that are listed newest first: behind this row.
public struct TimeCursor: Sendable, Hashable {
    public let at: Date
    public let id: UUID

    /// Behind one row.
    public init(at: Date, id: UUID) {
        self.at = at
        self.id = id
    }

    /// Behind all rows of a time: those that are older.
    public init(before at: Date) {
        self.init(at: at, id: UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)))
    }
}
