import Foundation

/// What a bulk job does with its records.
enum BulkOperation: String, Sendable, CaseIterable {
    case insert, update, upsert, delete, hardDelete, query, queryAll

    var isQuery: Bool {
        switch self {
        case .query, .queryAll: true
        case .insert, .update, .upsert, .delete, .hardDelete: false
        }
    }

    /// Whether records are named by their ids and have no other value.
    var isDelete: Bool {
        switch self {
        case .delete, .hardDelete: true
        case .insert, .update, .upsert, .query, .queryAll: false
        }
    }
}

/// A job of either Bulk API.
///
/// Its work is done as soon as it is given; what came of it is kept for whoever asks.
struct BulkJob: Sendable {
    /// Which API the job was made by; no other knows it.
    enum API: Sendable {
        /// Bulk API 1, `/services/async`.
        case v1
        /// Bulk API 2.0, `/jobs/ingest`.
        case ingest
        /// Bulk API 2.0, `/jobs/query`.
        case query
    }

    /// Bulk API 1 has open, closed and aborted jobs, 2.0 all but closed ones.
    enum State: String, Sendable, CaseIterable {
        case open = "Open"
        case closed = "Closed"
        case uploadComplete = "UploadComplete"
        case complete = "JobComplete"
        case failed = "Failed"
        case aborted = "Aborted"
    }

    /// In what the records come and the results go.
    enum Content: String, Sendable, CaseIterable {
        case csv = "CSV"
        case json = "JSON"
    }

    let id: RecordID
    let api: API
    let object: ObjectDefinition
    let operation: BulkOperation
    /// The field that an upsert finds records by.
    let externalID: FieldDefinition?
    let content: Content
    var format = CSVFormat()
    /// `v60.0`.
    let version: String
    var isSerial = false
    var state: State
    let createdBy: RecordID
    let createdAt: Date
    var batches: [BulkBatch] = []
    /// The CSV of a Bulk API 2.0 job that waits for its end.
    var upload: [UInt8]?

    /// `60.0`.
    var apiVersion: String { String(version.dropFirst()) }

    var processedCount: Int { batches.reduce(0) { $0 + $1.processedCount } }
    var failedCount: Int { batches.reduce(0) { $0 + $1.failedCount } }
}

/// Records or a query of a job, and what came of them.
struct BulkBatch: Sendable {
    enum Outcome: Sendable {
        case written([BulkResult])
        case found(BulkRecords)
        /// Nothing was done, and why.
        case failed(String)
    }

    let id: RecordID
    /// Names what a query found.
    let resultID: RecordID
    let createdAt: Date
    /// As the client sent it.
    let request: [UInt8]
    let outcome: Outcome

    var processedCount: Int {
        switch outcome {
        case .written(let results): results.count
        case .found(let found): found.records.count
        case .failed: 0
        }
    }

    var failedCount: Int {
        switch outcome {
        case .written(let results): results.count { $0.error != nil }
        case .found, .failed: 0
        }
    }

    var failure: String? {
        switch outcome {
        case .written, .found: nil
        case .failed(let message): message
        }
    }
}

/// What came of one record.
struct BulkResult: Sendable {
    var id: RecordID?
    var isCreated = false
    var error: RESTError?

    /// `REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --`, as Salesforce writes it into CSV.
    var errorText: String {
        guard let error else { return "" }
        let fields = (error.fields ?? []).joined(separator: ", ")
        return "\(error.code):\(error.message):\(fields.isEmpty ? "" : "\(fields) ")--"
    }
}

/// What a bulk query found.
struct BulkRecords: Sendable {
    struct Column: Sendable, Hashable {
        /// `["Account", "Owner", "Name"]`.
        var path: [String]
        var isDateTime = false

        var name: String { path.joined(separator: ".") }
    }

    var columns: [Column]
    var records: [JSON]

    /// Some of the records as lines of CSV, under the names of the columns.
    func lines(_ range: Range<Int>) -> [[String]] {
        [columns.map(\.name)] + records[range].map { record in columns.map { Self.text(of: $0, in: record) } }
    }

    private static func text(of column: Column, in record: JSON) -> String {
        var value: JSON? = record
        for name in column.path { value = value?[name] }
        guard let value, !value.isNull else { return "" }
        guard let text = value.stringValue else { return value.text }
        // CSV has `Z` where REST has `+0000`.
        return column.isDateTime && text.hasSuffix("+0000") ? "\(text.dropLast(5))Z" : text
    }
}
