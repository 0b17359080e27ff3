import Foundation

/// What is left of a large result, for `nextRecordsUrl`.
struct QueryCursor: Sendable {
    var userID: RecordID
    var records: [JSON]
    var batchSize: Int
    var createdAt: Date

    /// Locators are good for two days.
    static let lifetime: TimeInterval = 2 * 24 * 60 * 60
    /// How many one user may have; the next one ends the oldest.
    static let perUserMax = 10
}
