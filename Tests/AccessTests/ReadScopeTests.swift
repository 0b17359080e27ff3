import Domain
import HTTPTypes
import Testing

@testable import Access

/// What a read-only key may call: reads, and nothing that could run code.
@Suite struct ReadScopeTests {
    private static let reads = [
        "/services/data", "/services/data/", "/services/data/v60.0", "/services/data/v60.0/",
        "/services/data/v60.0/sobjects", "/services/data/v60.0/sobjects/Account",
        "/services/data/v60.0/sobjects/Account/describe", "/services/data/v60.0/sobjects/Account/001000000000001AAA",
        "/services/data/v60.0/sobjects/Attachment/00P000000000001/Body",
        "/services/data/v60.0/sobjects/Account/Ext__c/a%20b", "/services/data/v60.0/query",
        "/services/data/v60.0/query/", "/services/data/v60.0/query/01gD0000002HU6KIAW-2000",
        "/services/data/v60.0/queryAll", "/services/data/v60.0/queryAll/01gD0000002HU6KIAW-2000",
        "/services/data/v60.0/search", "/services/data/v60.0/parameterizedSearch", "/services/data/v60.0/limits",
        "/services/data/v60.0/limits/recordCount", "/services/data/v60.0/recent",
        "/services/data/v60.0/ui-api/records/001000000000001", "/services/data/v60.0/jobs/query",
        "/services/data/v60.0/jobs/query/750000000000001/results", "/services/data/v60.0/jobs/ingest/750000000000001",
        "/services/oauth2/userinfo", "/services/async/60.0/job/750000000000001",
        "/services/async/60.0/job/750000000000001/batch", "/services/async/60.0/job/750000000000001/batch/751/result",
        "/services/async/60.0/job/750000000000001/batch/751/result/752",
    ]

    private static let refused = [
        "", "/", "services/data", "/services", "/services/", "/services/data/60.0", "/services/data/v60",
        "/services/data/v60.0.0", "/services/data/vx.y", "/services/data/v60.0/tooling",
        "/services/data/v60.0/tooling/executeAnonymous", "/services/data/v60.0/tooling/executeAnonymous/",
        "/services/data/v60.0/tooling/query", "/services/data/v60.0/TOOLING/executeAnonymous",
        "/services/data/v60.0/Query", "/services/data/v60.0/SOBJECTS/Account", "/Services/data/v60.0/query",
        "/services/Data/v60.0/query", "/services/data/V60.0/query", "/services/apexrest", "/services/apexrest/x",
        "/services/data/v60.0/../../apexrest/x", "/services/data/v60.0/sobjects/../tooling/executeAnonymous",
        "/services/data/v60.0/sobjects/%2e%2e/tooling/executeAnonymous", "/services/data/v60.0/sobjects/..",
        "/services/data/v60.0/sobjects/%2E./tooling", "/services/data/v60.0/sobjects/a%2f..%2ftooling",
        "/services/data/v60.0/sobjects/a%5c..%5ctooling", "/services/data/v60.0/sobjects\\..\\tooling",
        "/services/data/v60.0/sobjects;x/Account", "/services/data/v60.0/sobjects/%252e%252e/tooling",
        "/services/data/v60.0//tooling/executeAnonymous", "//services/data/v60.0/query",
        "/services/data//v60.0/query", "/services/data/v60.0/query//", "/services/data/v60.0/query/explain",
        "/services/data/v60.0/query/01g/x", "/services/data/v60.0/composite", "/services/data/v60.0/composite/batch",
        "/services/data/v60.0/jobs", "/services/data/v60.0/jobs/other", "/services/data/v60.0/actions/custom/apex/X",
        "/services/data/v60.0/process/rules", "/services/data/v60.0/connect/x", "/services/data/v60.0/chatter/x",
        "/services/data/v60.0/analytics/reports", "/services/data/v60.0/wave", "/services/data/v60.0/graphql",
        "/services/data/v60.0/event", "/services/data/v60.0/parameterizedSearch/x", "/services/async/60.0/job",
        "/services/async/60.0", "/services/async/v60.0/job/750", "/services/async/60.0/job/750/other",
        "/services/async/60.0/job/750/batch/751/other", "/services/oauth2/token", "/services/oauth2/revoke",
        "/services/oauth2/userinfo/x", "/services/Soap/u/60.0", "/services/data/v60.0/query?q=x",
        "/services/data/v60.0/query#x", "/services/data/v60.0/sobjects/a b", "/services/data/v60.0/sobjects/\u{0}",
    ]

    /// Reads pass, by GET and HEAD.
    @Test(arguments: reads) func read(path: String) {
        #expect(SessionKeeper.allows(.read, method: .get, path: path))
        #expect(SessionKeeper.allows(.read, method: .head, path: path))
    }

    /// No other method passes, wherever it goes.
    @Test(arguments: reads) func otherMethods(path: String) throws {
        let query = try #require(HTTPRequest.Method("QUERY"))
        let lowerCase = try #require(HTTPRequest.Method("get"))
        for method in [.post, .put, .patch, .delete, .options, .trace, .connect, query, lowerCase] {
            #expect(!SessionKeeper.allows(.read, method: method, path: path))
        }
    }

    /// Whatever is not known to be a read is refused.
    @Test(arguments: refused) func anythingElse(path: String) {
        #expect(!SessionKeeper.allows(.read, method: .get, path: path))
    }

    /// A full key may do what its user may.
    @Test(arguments: reads + refused) func fullScope(path: String) {
        #expect(SessionKeeper.allows(.full, method: .post, path: path))
    }
}
