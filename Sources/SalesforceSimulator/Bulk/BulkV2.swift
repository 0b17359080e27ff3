import Foundation
import HTTPTypes
import NIOCore

/// Bulk API 2.0: `/jobs/ingest`, to which records come as one CSV, and `/jobs/query`.
///
/// A job answers `UploadComplete` to whoever ends it, as Salesforce does, and is complete when asked again.
struct BulkV2: Sendable {
    let request: SimulatedRequest
    let work: BulkWork

    /// What is below `/jobs`; throws ``RESTError``.
    func answer(_ rest: [String]) throws -> SimulatedAnswer {
        let api: BulkJob.API
        switch rest.first {
        case "ingest": api = .ingest
        case "query": api = .query
        case _: throw RESTError.notFound
        }
        guard rest.count > 1 else { return try collection(api) }
        guard let job = work.job(rest[1], of: api) else { throw RESTError.notFound }
        switch (request.method, api, rest.dropFirst(2).first?.lowercased(), rest.count) {
        case ("GET", _, nil, 2): return .json(200, .object(job.info))
        case ("PATCH", _, nil, 2): return try change(job)
        case ("DELETE", _, nil, 2): return try delete(job)
        case ("PUT", .ingest, "batches", 3): return try upload(job)
        case ("GET", .ingest, "successfulresults", 3): return try results(job, areSuccessful: true)
        case ("GET", .ingest, "failedresults", 3): return try results(job, areSuccessful: false)
        case ("GET", .ingest, "unprocessedrecords", 3): return try unprocessed(job)
        case ("GET", .query, "results", 3): return try found(job)
        case (_, _, nil, 2): throw RESTError.methodNotAllowed
        case _: throw RESTError.notFound
        }
    }

    private func collection(_ api: BulkJob.API) throws -> SimulatedAnswer {
        switch request.method {
        case "GET":
            let jobs = work.jobs(of: api).map { JSON.object($0.info) }
            return .json(200, ["done": true, "records": .array(jobs), "nextRecordsUrl": nil])
        case "POST":
            let body = try json()
            return .json(200, .object(api == .query ? try createQuery(body) : try createIngest(body)))
        case _: throw RESTError.methodNotAllowed
        }
    }

    // MARK: Making jobs

    private func json() throws -> JSON {
        do {
            return try JSONParser.parse(request.body.readableBytesView)
        } catch let error as JSONParserError {
            throw RESTError(error)
        }
    }

    private static func invalid(_ message: String) -> RESTError {
        RESTError(400, "INVALIDJOB", "InvalidJob : \(message)")
    }

    private static func invalidState(_ message: String) -> RESTError {
        RESTError(400, "INVALIDJOBSTATE", "InvalidJobState : \(message)")
    }

    private func format(_ body: JSON) throws -> CSVFormat {
        let type = body["contentType"]?.stringValue ?? "CSV"
        guard type == "CSV" else { throw Self.invalid("Content type \(type) is not supported") }
        let (delimiter, ending) = (body["columnDelimiter"]?.stringValue, body["lineEnding"]?.stringValue)
        guard let delimiter = CSVFormat.Delimiter(rawValue: delimiter ?? "COMMA"),
            let ending = CSVFormat.LineEnding(rawValue: ending ?? "LF")
        else { throw Self.invalid("Unknown columnDelimiter or lineEnding") }
        return CSVFormat(delimiter: delimiter, lineEnding: ending)
    }

    private func createIngest(_ body: JSON) throws -> JSONObject {
        guard let operation = body["operation"]?.stringValue.flatMap(BulkOperation.init), !operation.isQuery else {
            throw Self.invalid("Operation must be one of insert, update, upsert, delete, hardDelete")
        }
        let name = body["object"]?.stringValue ?? ""
        guard let object = Schema.object(name), object.isWritable else {
            throw RESTError(400, "INVALIDENTITY", "InvalidEntity : Entity '\(name)' is not supported by the Bulk API.")
        }
        var key: FieldDefinition?
        if operation == .upsert {
            let name = body["externalIdFieldName"]?.stringValue ?? ""
            key = object.field(name)
            guard key?.isExternalID == true || key?.name == "Id" else {
                throw Self.invalid(
                    "Field name provided, \(name) does not match an External ID, Salesforce Id, or indexed field for "
                        + object.name)
            }
        }
        return try create(.ingest, object, operation, key: key, format: try format(body), state: .open).info
    }

    /// Runs the query at once: one that can't be run makes no job.
    private func createQuery(_ body: JSON) throws -> JSONObject {
        guard let operation = body["operation"]?.stringValue.flatMap(BulkOperation.init), operation.isQuery,
            let soql = body["query"]?.stringValue
        else { throw Self.invalid("A query and one of the operations query, queryAll are needed") }
        let format = try format(body)
        let (object, found) = try work.read(soql, operation)
        let job = try create(.query, object, operation, key: nil, format: format, state: .complete)
        let batch = work.batch(job, Array(soql.utf8), .found(found))
        _ = work.change(job) { $0.batches = [batch] }
        var answer = job
        answer.state = .uploadComplete
        return answer.info
    }

    private func create(
        _ api: BulkJob.API, _ object: ObjectDefinition, _ operation: BulkOperation, key: FieldDefinition?,
        format: CSVFormat, state: BulkJob.State
    ) throws -> BulkJob {
        let job = work.create { id, now in
            BulkJob(
                id: id, api: api, object: object, operation: operation, externalID: key, content: .csv,
                format: format, version: work.version, state: state, createdBy: work.principal.user.id,
                createdAt: now)
        }
        guard let job else { throw RESTError(400, "EXCEEDEDQUOTA", "ExceededQuota : Too many jobs") }
        return job
    }

    // MARK: Life of a job

    private func upload(_ job: BulkJob) throws -> SimulatedAnswer {
        guard job.state == .open, job.upload == nil else {
            throw Self.invalidState("Data can be uploaded once, to an open job")
        }
        guard (request.headers[.contentType] ?? "").lowercased().hasPrefix("text/csv") else {
            throw RESTError(415, "UNSUPPORTED_MEDIA_TYPE", "The job's data must be text/csv")
        }
        let bytes = Array(request.body.readableBytesView)
        _ = work.change(job) { $0.upload = bytes }
        return SimulatedAnswer(status: 201)
    }

    private func change(_ job: BulkJob) throws -> SimulatedAnswer {
        let text = try json()["state"]?.stringValue ?? ""
        switch (BulkJob.State(rawValue: text), job.api, job.state) {
        case (.aborted, .ingest, .open):
            return .json(200, .object((work.change(job) { $0.state = .aborted } ?? job).info))
        case (.uploadComplete, .ingest, .open): return .json(200, .object(process(job).info))
        case _: throw Self.invalidState("A job that is \(job.state.rawValue) can't become \(text)")
        }
    }

    /// Does the job, and answers it as it was before.
    private func process(_ job: BulkJob) -> BulkJob {
        // Whoever comes second finds it taken.
        var isTaken = false
        let taken = work.change(job) { job in
            isTaken = job.state == .open
            if isTaken { job.state = .uploadComplete }
        }
        guard let taken, isTaken else { return taken ?? job }
        let batch = work.batch(taken, taken.upload ?? [], work.write(taken.upload ?? [], taken))
        _ = work.change(taken) { job in
            job.state = batch.failure == nil ? .complete : .failed
            job.batches = [batch]
            job.upload = nil
        }
        return taken
    }

    private func delete(_ job: BulkJob) throws -> SimulatedAnswer {
        guard job.state != .open else { throw Self.invalidState("An open job must be aborted first") }
        work.remove(job)
        return SimulatedAnswer(status: 204)
    }
}

// MARK: - Results

extension BulkV2 {
    /// The largest and the usual number of records in one answer.
    private static let pageRecordsMax = 250_000

    private func csv(_ lines: [[String]], _ format: CSVFormat) -> SimulatedAnswer {
        .text(200, CSVTable.text(lines, format), type: "text/csv;charset=UTF-8")
    }

    /// What was sent, with the columns that it came in.
    private func table(_ bytes: [UInt8], _ job: BulkJob) -> CSVTable? {
        try? CSVTable(parsing: bytes, delimiter: job.format.delimiter)
    }

    private func results(_ job: BulkJob, areSuccessful: Bool) throws -> SimulatedAnswer {
        let (batch, second) = (job.batches.first, areSuccessful ? "sf__Created" : "sf__Error")
        guard let batch, let sent = table(batch.request, job) else { return csv([["sf__Id", second]], job.format) }
        var lines = [["sf__Id", second] + sent.columns]
        if case .written(let results) = batch.outcome {
            for (row, result) in zip(sent.rows, results) where (result.error == nil) == areSuccessful {
                let outcome = areSuccessful ? (result.isCreated ? "true" : "false") : result.errorText
                // A line may be shorter than the header.
                let values = row + Array(repeating: "", count: sent.columns.count - row.count)
                lines.append([result.id?.long ?? "", outcome] + values)
            }
        }
        return csv(lines, job.format)
    }

    /// The records of a job that ended before its work began.
    private func unprocessed(_ job: BulkJob) throws -> SimulatedAnswer {
        let bytes = job.batches.first?.request ?? job.upload ?? []
        guard let sent = table(bytes, job) else { return csv([], job.format) }
        let isUntouched = job.state == .aborted || job.batches.first?.failure != nil
        return csv([sent.columns] + (isUntouched ? sent.rows : []), job.format)
    }

    /// A page of what a query found; the locator names the first record of the next one.
    private func found(_ job: BulkJob) throws -> SimulatedAnswer {
        guard case .found(let found)? = job.batches.first?.outcome else { throw RESTError.notFound }
        let count = request.query["maxRecords"].map { Int($0) } ?? Self.pageRecordsMax
        guard let count, count > 0 else { throw Self.invalid("maxRecords must be a positive number") }
        let start = request.query["locator"].map(Self.position) ?? 0
        guard let start, (0...found.records.count).contains(start) else {
            throw Self.invalid("Unknown locator")
        }
        let end = start + min(count, Self.pageRecordsMax, found.records.count - start)
        return csv(found.lines(start..<end), job.format)
            .adding("Sforce-Locator", end < found.records.count ? Self.locator(end) : "null")
            .adding("Sforce-NumberOfRecords", String(end - start))
    }

    private static func locator(_ position: Int) -> String {
        Data(String(position).utf8).base64EncodedString().filter { $0 != "=" }
    }

    private static func position(_ locator: String) -> Int? {
        let padding = String(repeating: "=", count: (4 - locator.count % 4) % 4)
        return Data(base64Encoded: locator + padding).flatMap { Int(String(decoding: $0, as: UTF8.self)) }
    }
}

extension BulkJob {
    /// The job as Bulk API 2.0 describes it.
    fileprivate var info: JSONObject {
        var info: JSONObject = [
            ("id", .string(id.long)), ("operation", .string(operation.rawValue)), ("object", .string(object.name)),
            ("createdById", .string(createdBy.long)), ("createdDate", .string(dateTimeText(createdAt))),
            ("systemModstamp", .string(dateTimeText(createdAt))), ("state", .string(state.rawValue)),
            ("concurrencyMode", "Parallel"), ("contentType", .string(content.rawValue)),
            ("apiVersion", .double(Double(apiVersion) ?? 0)), ("lineEnding", .string(format.lineEnding.rawValue)),
            ("columnDelimiter", .string(format.delimiter.rawValue)),
            ("jobType", api == .query ? "V2Query" : "V2Ingest"), ("retries", 0), ("totalProcessingTime", 0),
            ("numberRecordsProcessed", .int(processedCount)),
        ]
        guard api == .ingest else { return info }
        if let externalID { info["externalIdFieldName"] = .string(externalID.name) }
        info["numberRecordsFailed"] = .int(failedCount)
        info["apiActiveProcessingTime"] = 0
        info["apexProcessingTime"] = 0
        if state == .open {
            info["contentUrl"] = .string("services/data/\(version)/jobs/ingest/\(id.long)/batches")
        }
        if let failure = batches.first?.failure { info["errorMessage"] = .string(failure) }
        return info
    }
}
