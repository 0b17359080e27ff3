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

/// A Bulk v1 job.
struct BulkJob: Sendable {
    var id: RecordID
    var object: String
    var operation: String
    var contentType: String
    var state: String
    var createdBy: RecordID
    var createdAt: Date
}
