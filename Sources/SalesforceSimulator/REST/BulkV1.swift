import Foundation
import NIOCore

/// Bulk API 1: jobs by `X-SFDC-Session`, in XML. Jobs are made, read and closed; batches are not simulated.
struct BulkV1: Sendable {
    let core: SimulatorCore
    let request: SimulatedRequest
    let orgID: String

    /// How many jobs an org keeps.
    private static let jobsMax = 1_000

    func answer() -> SimulatedAnswer {
        let principal: APIPrincipal
        do {
            principal = try core.step { state, surroundings in
                try state.authenticate(
                    token: request.header("X-SFDC-Session"), orgID: orgID, needsAPI: true, now: surroundings.now)
            }
        } catch {
            return Self.failure("InvalidSessionId", "Invalid session id")
        }
        let rest = Array(request.segments.dropFirst(3))
        guard rest.first == "job" else { return Self.failure("InvalidUrl", "The requested resource does not exist") }
        switch (request.method, rest.count) {
        case ("POST", 1): return create(principal)
        case ("GET", 2):
            return job(rest[1]).map(Self.info) ?? Self.failure("InvalidJob", "Unable to find job \(rest[1])")
        case ("POST", 2): return change(rest[1])
        case _: return Self.failure("FeatureNotEnabled", "The simulator does not process batches")
        }
    }

    private static func failure(_ code: String, _ message: String) -> SimulatedAnswer {
        .text(
            400,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><error xmlns=\"http://www.force.com/2009/06/asyncapi/dataload\">"
                + "<exceptionCode>\(code)</exceptionCode><exceptionMessage>\(xmlEscaped(message))</exceptionMessage></error>",
            type: "application/xml;charset=UTF-8")
    }

    private func field(_ name: String) -> String? {
        if let json = try? JSONParser.parse(request.body.readableBytesView) { return json[name]?.stringValue }
        let text = request.bodyText
        guard let start = text.firstRange(of: "<\(name)>"),
            let end = text[start.upperBound...].firstRange(of: "</\(name)>")
        else { return nil }
        return String(text[start.upperBound..<end.lowerBound])
    }

    private func create(_ principal: APIPrincipal) -> SimulatedAnswer {
        guard let operation = field("operation"), let name = field("object"), let object = Schema.object(name) else {
            return Self.failure("InvalidJob", "operation and object are needed")
        }
        let contentType = field("contentType") ?? "XML"
        return core.step { state, surroundings in
            guard (state.orgs[orgID]?.bulkJobs.count ?? 0) < Self.jobsMax else {
                return Self.failure("ExceededQuota", "Too many jobs")
            }
            let id = RecordID(prefix: "750", pod: principal.org.database.pod, number: state.nextSequence())
            let job = BulkJob(
                id: id, object: object.name, operation: operation, contentType: contentType, state: "Open",
                createdBy: principal.user.id, createdAt: surroundings.now)
            state.orgs[orgID]?.bulkJobs[id.short] = job
            return Self.info(job, status: 201)
        }
    }

    private func job(_ id: String) -> BulkJob? {
        RecordID(id).flatMap { id in core.withState { $0.orgs[orgID]?.bulkJobs[id.short] } }
    }

    private func change(_ id: String) -> SimulatedAnswer {
        guard var job = job(id) else { return Self.failure("InvalidJob", "Unable to find job \(id)") }
        guard let state = field("state"), ["Closed", "Aborted"].contains(state) else {
            return Self.failure("InvalidJobState", "A job can be closed or aborted")
        }
        job.state = state
        core.withState { $0.orgs[orgID]?.bulkJobs[job.id.short] = job }
        return Self.info(job)
    }

    private static func info(_ job: BulkJob) -> SimulatedAnswer { info(job, status: 200) }

    private static func info(_ job: BulkJob, status: Int) -> SimulatedAnswer {
        let created = dateTimeText(job.createdAt)
        let fields = [
            ("id", job.id.long), ("operation", job.operation), ("object", job.object),
            ("createdById", job.createdBy.long), ("createdDate", created), ("systemModstamp", created),
            ("state", job.state), ("concurrencyMode", "Parallel"), ("contentType", job.contentType),
            ("numberBatchesTotal", "0"), ("numberRecordsProcessed", "0"),
        ]
        let elements = fields.map { "<\($0.0)>\(xmlEscaped($0.1))</\($0.0)>" }.joined()
        return .text(
            status,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
                + "<jobInfo xmlns=\"http://www.force.com/2009/06/asyncapi/dataload\">\(elements)</jobInfo>",
            type: "application/xml;charset=UTF-8")
    }
}
