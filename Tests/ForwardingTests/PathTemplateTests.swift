import Testing

@testable import Forwarding

/// What logs and metrics show of a path.
@Suite struct PathTemplateTests {
    /// Ids, keys and names that customers made up are replaced; Salesforce's own words stay.
    @Test(arguments: [
        ("/services/data", "/services/data", PathTemplate.RouteClass.other),
        ("/services/data/v62.0", "/services/data/v62.0", .other),
        (
            "/services/data/v62.0/sobjects/Account/001D000000INjVe", "/services/data/v62.0/sobjects/Account/:id",
            .sobjects
        ),
        ("/services/data/v62.0/sobjects/Account/describe", "/services/data/v62.0/sobjects/Account/describe", .sobjects),
        (
            "/services/data/v62.0/sobjects/Thing2__c/Ext__c/susan",
            "/services/data/v62.0/sobjects/Thing2__c/Ext__c/:key",
            .sobjects
        ),
        (
            "/services/data/v62.0/sobjects/ContentVersion/068D00000000pgOIAQ/VersionData",
            "/services/data/v62.0/sobjects/ContentVersion/:id/VersionData", .sobjects
        ),
        ("/services/data/v62.0/sobjects/a%20b/x", "/services/data/v62.0/sobjects/:name/x", .sobjects),
        ("/services/data/v62.0/query/01gD0000002HU6KIAW-2000", "/services/data/v62.0/query/:id", .query),
        ("/services/data/v62.0/queryAll", "/services/data/v62.0/queryAll", .query),
        (
            "/services/data/v62.0/jobs/ingest/7505e000000abcdAAA/batches",
            "/services/data/v62.0/jobs/ingest/:id/batches",
            .jobs
        ),
        ("/services/data/v62.0/composite/tree/Account", "/services/data/v62.0/composite/tree/Account", .composite),
        ("/services/data/v62.0/parameterizedSearch", "/services/data/v62.0/parameterizedSearch", .search),
        ("/services/data/v62.0/tooling/query", "/services/data/v62.0/tooling/query", .tooling),
        ("/services/data/v62.0/limits", "/services/data/v62.0/limits", .limits),
        ("/services/data/susan@example.com", "/services/data/:id", .other),
        ("/services/apexrest/customers/susan", "/services/apexrest/:path", .apexrest),
        (
            "/services/async/62.0/job/750D0000000002lIAA/batch/751D0000000004rIAA/result",
            "/services/async/62.0/job/:id/batch/:id/result", .async
        ),
        ("/services/oauth2/userinfo", "/services/oauth2/userinfo", .userinfo),
        ("/services/oauth2/token", "/services/:other", .other),
        ("/cometd/62.0", "/services/:other", .other),
        ("", "/services/:other", .other),
    ])
    func templates(path: String, text: String, route: PathTemplate.RouteClass) {
        let template = PathTemplate(path: path)
        #expect(template.text == text)
        #expect(template.routeClass == route)
    }

    /// However deep a path is, its template is short.
    @Test func templatesAreBounded() {
        let path = "/services/data/v62.0" + String(repeating: "/connect", count: 2000)
        #expect(PathTemplate(path: path).text.utf8.count < 1000)
    }
}
