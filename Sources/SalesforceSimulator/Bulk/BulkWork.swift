import Foundation

/// Why a job or a batch can't be done at all: `InvalidBatch : Field name not found : Nme`.
struct BulkFailure: Error, Sendable, Hashable {
    var message: String

    static func batch(_ message: String) -> BulkFailure { BulkFailure(message: "InvalidBatch : \(message)") }
}

/// Does the work of bulk jobs of one person, for both APIs.
struct BulkWork: Sendable {
    let core: SimulatorCore
    let principal: APIPrincipal
    /// `v60.0`.
    let version: String

    /// Records within one step, as in Salesforce; between two steps others see what is done so far.
    private static let stepRecordsMax = 200
    /// Records in one batch of Bulk API 1.
    static let batchRecordsMax = 10_000

    // MARK: Jobs

    /// How many jobs an org keeps.
    private static let jobsMax = 1_000

    /// Keeps a new job; `nil` where the org has too many.
    func create(_ make: (_ id: RecordID, _ now: Date) -> BulkJob) -> BulkJob? {
        core.step { state, surroundings in
            guard (state.orgs[principal.org.id]?.bulkJobs.count ?? 0) < Self.jobsMax else { return nil }
            let job = make(id(prefix: "750", state.nextSequence()), surroundings.now)
            state.orgs[principal.org.id]?.bulkJobs[job.id.short] = job
            return job
        }
    }

    /// A job by its id, of one API.
    func job(_ text: String, of api: BulkJob.API) -> BulkJob? {
        guard let id = RecordID(text), let job = core.withState({ $0.orgs[principal.org.id]?.bulkJobs[id.short] })
        else { return nil }
        return job.api == api ? job : nil
    }

    /// The org's jobs, the newest first.
    func jobs(of api: BulkJob.API) -> [BulkJob] {
        let jobs = core.withState { $0.orgs[principal.org.id]?.bulkJobs.values.filter { $0.api == api } } ?? []
        return jobs.sorted { ($0.createdAt, $0.id.short) > ($1.createdAt, $1.id.short) }
    }

    /// Changes a job that is kept; `nil` where it is gone.
    func change(_ job: BulkJob, _ change: (inout BulkJob) -> Void) -> BulkJob? {
        core.withState { state in
            guard var job = state.orgs[principal.org.id]?.bulkJobs[job.id.short] else { return nil }
            change(&job)
            state.orgs[principal.org.id]?.bulkJobs[job.id.short] = job
            return job
        }
    }

    func remove(_ job: BulkJob) {
        core.withState { $0.orgs[principal.org.id]?.bulkJobs[job.id.short] = nil }
    }

    private func id(prefix: String, _ number: Int) -> RecordID {
        RecordID(prefix: prefix, pod: principal.org.database.pod, number: number)
    }

    // MARK: Batches

    /// A batch with what came of it.
    func batch(_ job: BulkJob, _ request: [UInt8], _ outcome: BulkBatch.Outcome) -> BulkBatch {
        core.step { state, surroundings in
            BulkBatch(
                id: id(prefix: "751", state.nextSequence()), resultID: id(prefix: "752", state.nextSequence()),
                createdAt: surroundings.now, request: request, outcome: outcome)
        }
    }

    /// Writes the records of a batch.
    func write(_ request: [UInt8], _ job: BulkJob) -> BulkBatch.Outcome {
        do {
            let records = try job.records(request)
            if job.api == .v1, records.count > Self.batchRecordsMax {
                throw BulkFailure.batch("Records over limit of \(Self.batchRecordsMax): \(records.count)")
            }
            return .written(write(records, job))
        } catch let failure as BulkFailure {
            return .failed(failure.message)
        } catch {
            return .failed("UnknownError : \(error)")
        }
    }

    private func write(_ records: [JSONObject], _ job: BulkJob) -> [BulkResult] {
        let load = BulkLoad(
            object: job.object, operation: job.operation, externalID: job.externalID, isText: job.content == .csv)
        var results: [BulkResult] = []
        while results.count < records.count {
            let part = records[results.count...].prefix(Self.stepRecordsMax)
            core.step { state, surroundings in
                var service = RESTService(
                    org: state.orgs[principal.org.id] ?? principal.org, user: principal.user, version: version,
                    surroundings: surroundings)
                results += service.load(part, load)
                state.orgs[principal.org.id] = service.org
            }
        }
        return results
    }

    /// Runs a query on a snapshot; throws ``RESTError``.
    func read(_ soql: String, _ operation: BulkOperation) throws -> (object: ObjectDefinition, found: BulkRecords) {
        let (org, surroundings) = core.step { state, surroundings in
            (state.orgs[principal.org.id] ?? principal.org, surroundings)
        }
        let service = RESTService(org: org, user: principal.user, version: version, surroundings: surroundings)
        do {
            return try service.engine.runInBulk(soql, includeDeleted: operation == .queryAll)
        } catch let error as SOQLError {
            throw RESTError(error)
        }
    }
}

extension BulkJob {
    /// The records of a batch; throws ``BulkFailure``.
    func records(_ request: [UInt8]) throws -> [JSONObject] {
        switch content {
        case .csv: try csvRecords(request)
        case .json: try jsonRecords(request)
        }
    }

    private func csvRecords(_ request: [UInt8]) throws -> [JSONObject] {
        let table: CSVTable
        do {
            table = try CSVTable(parsing: request, delimiter: format.delimiter)
        } catch let error as CSVError {
            throw BulkFailure.batch(error.message)
        }
        if api == .ingest, let actual = table.lineEnding, actual != format.lineEnding {
            throw BulkFailure(
                message: "ClientInputError : LineEnding is invalid on user data. Current LineEnding setting is "
                    + format.lineEnding.rawValue)
        }
        try table.columns.forEach(checkColumn)
        return table.rows.map { row in
            // A path such as Account.External_Id__c becomes an object, as it is in JSON.
            let fields = zip(table.columns, row).map { name, value -> (String, JSON) in
                let path = name.split(separator: ".").map(String.init)
                guard path.count == 2 else { return (name, .string(value)) }
                return (path[0], .object([(path[1], .string(value))]))
            }
            return JSONObject(fields)
        }
    }

    private func checkColumn(_ name: String) throws {
        if operation.isDelete, name.lowercased() != "id" {
            throw BulkFailure.batch("The '\(operation.rawValue)' batch must contain only ids")
        }
        let path = name.split(separator: ".").map(String.init)
        let isKnown =
            path.count == 2
            ? object.lookup(path[0]).flatMap { Schema.object($0.target)?.field(path[1]) } != nil
            : object.field(name) != nil
        guard isKnown else { throw BulkFailure.batch("Field name not found : \(name)") }
    }

    private func jsonRecords(_ request: [UInt8]) throws -> [JSONObject] {
        let records: [JSONObject]? =
            if let list = (try? JSONParser.parse(request))?.arrayValue {
                list.compactMap(\.objectValue).count == list.count ? list.compactMap(\.objectValue) : nil
            } else {
                nil
            }
        guard let records else { throw BulkFailure.batch("Records must be a JSON array of objects") }
        if operation.isDelete {
            for field in records.flatMap(\.fields) where field.key != "attributes" { try checkColumn(field.key) }
        }
        return records
    }
}
