import Foundation
import HTTPTypes
import Logging
import NIOCore

/// Bulk API 1: jobs by `X-SFDC-Session`, with batches of CSV or JSON records, or with a query each.
///
/// Documents of jobs and batches are XML or JSON: as the request's body is, or else as the job's records are.
struct BulkV1: Sendable {
    let core: SimulatorCore
    let request: SimulatedRequest
    let orgID: String

    func answer() -> SimulatedAnswer {
        let principal: APIPrincipal
        do {
            principal = try core.step { state, surroundings in
                try state.authenticate(
                    token: request.header("X-SFDC-Session"), orgID: orgID, needsAPI: true, now: surroundings.now)
            }
        } catch {
            return BulkV1Failure("InvalidSessionId", "Invalid session id").answer(asJSON: false)
        }
        let rest = Array(request.segments.dropFirst(3))
        do {
            guard rest.first == "job", request.segments.count > 3 else { throw BulkV1Failure.noResource }
            let work = BulkWork(core: core, principal: principal, version: "v\(request.segments[2])")
            return try answer(Array(rest.dropFirst()), work)
        } catch let failure as BulkV1Failure {
            return failure.answer(asJSON: isJSON ?? false)
        } catch {
            core.logger.error("Bulk call failed", metadata: ["error": "\(error)"])
            return BulkV1Failure("UnknownException", "An unexpected error occurred").answer(asJSON: isJSON ?? false)
        }
    }

    /// What is below `/job`.
    private func answer(_ rest: [String], _ work: BulkWork) throws -> SimulatedAnswer {
        guard let id = rest.first else {
            guard request.method == "POST" else { throw BulkV1Failure.noResource }
            return try create(work)
        }
        guard let job = work.job(id, of: .v1) else {
            throw BulkV1Failure("InvalidJob", "Unable to find job with id: \(id)")
        }
        switch (request.method, rest.count, rest.dropFirst().first) {
        case ("GET", 1, _): return info(job)
        case ("POST", 1, _): return try change(job, work)
        case ("POST", 2, "batch"): return try add(to: job, work)
        case ("GET", 2, "batch"): return list(job)
        case ("GET", 3..., "batch"): return try batch(job, id: rest[2], Array(rest.dropFirst(3)))
        case _: throw BulkV1Failure.noResource
        }
    }

    private func batch(_ job: BulkJob, id: String, _ rest: [String]) throws -> SimulatedAnswer {
        guard let batch = job.batches.first(where: { $0.id == RecordID(id) }) else {
            throw BulkV1Failure("InvalidBatch", "Unable to find batch with id: \(id)")
        }
        switch (rest.first, rest.count) {
        case (nil, _): return document("batchInfo", batch.fields(of: job), of: job)
        case ("request", 1): return SimulatedAnswer(status: 200, contentType: job.contentType, bytes: batch.request)
        case ("result", 1): return try results(batch, job)
        case ("result", 2):
            guard batch.resultID == RecordID(rest[1]) else {
                throw BulkV1Failure("InvalidBatch", "Unable to find result with id: \(rest[1])")
            }
            return try found(batch, job)
        case _: throw BulkV1Failure.noResource
        }
    }

    // MARK: Jobs

    /// A field of a document about a job, which is XML or JSON.
    private func field(_ name: String) -> String? {
        if let json = try? JSONParser.parse(request.body.readableBytesView) { return json[name]?.stringValue }
        let text = request.bodyText
        guard let start = text.firstRange(of: "<\(name)>"),
            let end = text[start.upperBound...].firstRange(of: "</\(name)>")
        else { return nil }
        return String(text[start.upperBound..<end.lowerBound])
    }

    private func create(_ work: BulkWork) throws -> SimulatedAnswer {
        guard let operation = field("operation").flatMap(BulkOperation.init), let name = field("object") else {
            throw BulkV1Failure("InvalidJob", "operation and object are needed")
        }
        guard let object = Schema.object(name), operation.isQuery || object.isWritable else {
            throw BulkV1Failure("InvalidEntity", "Entity '\(name)' is not supported by the Bulk API.")
        }
        guard let content = BulkJob.Content(rawValue: field("contentType") ?? "XML") else {
            throw BulkV1Failure("FeatureNotEnabled", "The simulator knows records in CSV and in JSON")
        }
        var key: FieldDefinition?
        if operation == .upsert {
            key = field("externalIdFieldName").flatMap(object.field)
            guard key?.isExternalID == true || key?.name == "Id" else {
                throw BulkV1Failure("InvalidJob", "An upsert needs the name of an external ID field")
            }
        }
        let isSerial = field("concurrencyMode") == "Serial"
        let job = work.create { id, now in
            BulkJob(
                id: id, api: .v1, object: object, operation: operation, externalID: key, content: content,
                version: work.version, isSerial: isSerial, state: .open, createdBy: work.principal.user.id,
                createdAt: now)
        }
        guard let job else { throw BulkV1Failure("ExceededQuota", "Too many jobs") }
        return info(job, status: 201)
    }

    private func change(_ job: BulkJob, _ work: BulkWork) throws -> SimulatedAnswer {
        guard let state = field("state").flatMap(BulkJob.State.init), [.closed, .aborted].contains(state) else {
            throw BulkV1Failure("InvalidJobState", "A job can be closed or aborted")
        }
        guard job.state == .open || job.state == state else {
            throw BulkV1Failure("InvalidJobState", "Job is \(job.state.rawValue) already")
        }
        return info(work.change(job) { $0.state = state } ?? job)
    }

    // MARK: Batches

    /// Does what a new batch says, and answers that it waits, as Salesforce does.
    private func add(to job: BulkJob, _ work: BulkWork) throws -> SimulatedAnswer {
        guard job.state == .open else { throw BulkV1Failure("InvalidJobState", "Job is \(job.state.rawValue)") }
        let bytes = Array(request.body.readableBytesView)
        guard !bytes.isEmpty else { throw BulkV1Failure("InvalidBatch", "The batch is empty") }
        let batch = work.batch(job, bytes, job.operation.isQuery ? run(job, work) : work.write(bytes, job))
        _ = work.change(job) { $0.batches.append(batch) }
        var fields = batch.fields(of: job)
        fields["state"] = "Queued"
        return document("batchInfo", fields, of: job, status: 201)
    }

    private func run(_ job: BulkJob, _ work: BulkWork) -> BulkBatch.Outcome {
        do {
            let (object, found) = try work.read(request.bodyText, job.operation)
            guard object == job.object else {
                return .failed("InvalidBatch : The query must be of \(job.object.name)")
            }
            return .found(found)
        } catch {
            let error = RESTService.restError(error)
            return .failed("InvalidBatch : Failed to process query: \(error.code): \(error.message)")
        }
    }

    private func results(_ batch: BulkBatch, _ job: BulkJob) throws -> SimulatedAnswer {
        switch batch.outcome {
        case .failed: throw BulkV1Failure("InvalidBatch", "Batch not completed")
        case .found:
            let id = batch.resultID.long
            guard job.content == .csv else { return .bulk(200, .array([.string(id)])) }
            return .bulk(200, element: "result-list", "<result>\(id)</result>")
        case .written(let results):
            guard job.content == .csv else { return .bulk(200, .array(results.map(\.json))) }
            let lines = results.map { result in
                [
                    result.id?.long ?? "", result.error == nil ? "true" : "false", result.isCreated ? "true" : "false",
                    result.errorText,
                ]
            }
            return .text(200, CSVTable.text([["Id", "Success", "Created", "Error"]] + lines), type: job.contentType)
        }
    }

    private func found(_ batch: BulkBatch, _ job: BulkJob) throws -> SimulatedAnswer {
        guard case .found(let found) = batch.outcome else {
            throw BulkV1Failure("InvalidBatch", "The batch is no query that was run")
        }
        guard job.content == .csv else { return .bulk(200, .array(found.records)) }
        guard !found.records.isEmpty else {
            return .text(200, "Records not found for this query", type: job.contentType)
        }
        return .text(200, CSVTable.text(found.lines(0..<found.records.count)), type: job.contentType)
    }
}

// MARK: - Documents

extension BulkV1 {
    /// Whether the request's body is JSON; `nil` where it is neither JSON nor XML.
    private var isJSON: Bool? {
        let type = request.headers[.contentType] ?? ""
        return type.contains("json") ? true : type.contains("xml") ? false : nil
    }

    private func info(_ job: BulkJob, status: Int = 200) -> SimulatedAnswer {
        document("jobInfo", job.fields, of: job, status: status)
    }

    private func list(_ job: BulkJob) -> SimulatedAnswer {
        let infos = job.batches.map { $0.fields(of: job) }
        if isJSON ?? (job.content == .json) { return .bulk(200, ["batchInfo": .array(infos.map(JSON.object))]) }
        return .bulk(200, element: "batchInfoList", infos.map { "<batchInfo>\($0.elements)</batchInfo>" }.joined())
    }

    private func document(
        _ name: String, _ fields: JSONObject, of job: BulkJob, status: Int = 200
    ) -> SimulatedAnswer {
        isJSON ?? (job.content == .json)
            ? .bulk(status, .object(fields)) : .bulk(status, element: name, fields.elements)
    }
}

/// An error in the shape of Bulk API 1.
struct BulkV1Failure: Error, Sendable, Hashable {
    var code: String
    var message: String

    init(_ code: String, _ message: String) {
        self.code = code
        self.message = message
    }

    static let noResource = BulkV1Failure("InvalidUrl", "The requested resource does not exist")

    func answer(asJSON: Bool) -> SimulatedAnswer {
        let fields: JSONObject = [("exceptionCode", .string(code)), ("exceptionMessage", .string(message))]
        return asJSON ? .bulk(400, .object(fields)) : .bulk(400, element: "error", fields.elements)
    }
}

extension SimulatedAnswer {
    /// JSON as Bulk API 1 sends it: some libraries take no type with parameters.
    fileprivate static func bulk(_ status: Int, _ json: JSON) -> SimulatedAnswer {
        SimulatedAnswer(status: status, contentType: "application/json", bytes: json.encoded)
    }

    fileprivate static func bulk(_ status: Int, element: String, _ content: String) -> SimulatedAnswer {
        .text(
            status,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
                + "<\(element) xmlns=\"http://www.force.com/2009/06/asyncapi/dataload\">\(content)</\(element)>",
            type: "application/xml")
    }
}

extension JSONObject {
    /// The fields as XML elements, without those that are null.
    fileprivate var elements: String {
        fields.filter { !$0.value.isNull }.map { field in
            "<\(field.key)>\(xmlEscaped(field.value.stringValue ?? field.value.text))</\(field.key)>"
        }.joined()
    }
}

extension BulkResult {
    fileprivate var json: JSON {
        var errors: [JSON] = []
        if let error {
            errors.append([
                "statusCode": .string(error.code), "message": .string(error.message),
                "fields": .array((error.fields ?? []).map(JSON.string)), "extendedErrorDetails": nil,
            ])
        }
        return [
            "success": .bool(error == nil), "created": .bool(isCreated), "id": JSON(id?.long),
            "errors": .array(errors),
        ]
    }
}

extension BulkJob {
    /// What the results are sent as.
    fileprivate var contentType: String {
        switch content {
        case .csv: "text/csv"
        case .json: "application/json"
        }
    }

    /// The job as Bulk API 1 describes it.
    fileprivate var fields: JSONObject {
        let failed = batches.count { $0.failure != nil }
        return [
            ("id", .string(id.long)), ("operation", .string(operation.rawValue)), ("object", .string(object.name)),
            ("createdById", .string(createdBy.long)), ("createdDate", .string(dateTimeText(createdAt))),
            ("systemModstamp", .string(dateTimeText(createdAt))), ("state", .string(state.rawValue)),
            ("externalIdFieldName", JSON(externalID?.name)), ("concurrencyMode", isSerial ? "Serial" : "Parallel"),
            ("contentType", .string(content.rawValue)), ("numberBatchesQueued", 0), ("numberBatchesInProgress", 0),
            ("numberBatchesCompleted", .int(batches.count - failed)), ("numberBatchesFailed", .int(failed)),
            ("numberBatchesTotal", .int(batches.count)), ("numberRecordsProcessed", .int(processedCount)),
            ("numberRetries", 0), ("apiVersion", .string(apiVersion)), ("numberRecordsFailed", .int(failedCount)),
            ("totalProcessingTime", 0), ("apiActiveProcessingTime", 0), ("apexProcessingTime", 0),
        ]
    }
}

extension BulkBatch {
    /// The batch as Bulk API 1 describes it.
    fileprivate func fields(of job: BulkJob) -> JSONObject {
        [
            ("id", .string(id.long)), ("jobId", .string(job.id.long)),
            ("state", failure == nil ? "Completed" : "Failed"), ("stateMessage", JSON(failure)),
            ("createdDate", .string(dateTimeText(createdAt))), ("systemModstamp", .string(dateTimeText(createdAt))),
            ("numberRecordsProcessed", .int(processedCount)), ("numberRecordsFailed", .int(failedCount)),
            ("totalProcessingTime", 0), ("apiActiveProcessingTime", 0), ("apexProcessingTime", 0),
        ]
    }
}
