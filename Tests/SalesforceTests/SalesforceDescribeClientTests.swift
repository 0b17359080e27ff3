import Hummingbird
import NIOCore
import Salesforce
import Secrets
import Testing

/// Descriptions of objects: what is asked, what is kept of the answer, and what becomes of answers that are none.
@Suite struct SalesforceDescribeClientTests {
    private static let account = """
        {"name":"Account","label":"Konto","custom":false,"fields":[
        {"name":"Region__c","label":"Region","type":"picklist","picklistValues":[{"value":"x"}],"referenceTo":[]},
        {"name":"OwnerId","label":"Owner ID","relationshipName":"Owner","referenceTo":["User","Group"]},
        {"name":"Bare"},{"name":"no name","label":"x"}]}
        """
    private static let notFound =
        #"[{"errorCode":"NOT_FOUND","message":"The requested resource does not exist"}]"#
    private static let deadSession = #"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#

    private static func describe(
        _ object: String = "Account", at server: TestServer, limits: SalesforceDescribeClient.Limits = .init()
    ) async throws -> ObjectDescription? {
        try await SalesforceDescribeClient(http: server.http, limits: limits).describe(
            object, instance: server.hosts.instance(server.base), accessToken: Secret("00Dx!t"))
    }

    /// The object is asked for with the token, and names, labels and relationships are kept.
    @Test func objectsAreDescribed() async throws {
        try await TestServer.run({ _ in .json(Self.account) }) { server in
            let description = try await Self.describe("account", at: server)
            let expected = ObjectDescription(
                name: "Account", label: "Konto",
                fields: [
                    .init(name: "Region__c", label: "Region"),
                    .init(
                        name: "OwnerId", label: "Owner ID", relationshipName: "Owner", referenceTo: ["User", "Group"]),
                    .init(name: "Bare", label: "Bare"),
                ])
            #expect(description == expected)
            let request = try #require(await server.nextRequest())
            #expect(request.method == "GET")
            #expect(
                request.target == "/services/data/v\(SalesforceOAuthClient.apiVersion)/sobjects/account/describe")
            #expect(request.headers[.authorization] == "Bearer 00Dx!t")
        }
    }

    /// No object of that name, or none that the person may see, is no failure; a 404 of another kind is one.
    @Test func missingObjectsAreNone() async throws {
        try await TestServer.run({ _ in .json(Self.notFound, status: .notFound) }) { server in
            let description = try await Self.describe(at: server)
            #expect(description == nil)
        }
        try await TestServer.run({ _ in Response(status: .notFound) }) { server in
            await #expect(throws: SalesforceError(.badStatus, status: 404)) { try await Self.describe(at: server) }
        }
    }

    /// A dead session is told from everything else.
    @Test func deadSessionsAreTold() async throws {
        try await TestServer.run({ _ in .json(Self.deadSession, status: .unauthorized) }) { server in
            await #expect(throws: SalesforceError(.deadSession, status: 401)) { try await Self.describe(at: server) }
        }
    }

    /// What is no description is malformed: no JSON, another shape, an object without a name.
    @Test(arguments: ["<html>", "", "[]", "{}", #"{"name":"a b","fields":[]}"#, #"{"name":"Account","fields":{}}"#])
    func otherAnswersAreMalformed(body: String) async throws {
        try await TestServer.run({ _ in .json(body) }) { server in
            await #expect(throws: SalesforceError(.malformedAnswer, status: 200)) {
                try await Self.describe(at: server)
            }
        }
    }

    /// An answer has so many bytes and fields at most.
    @Test func answersAreBounded() async throws {
        try await TestServer.run({ _ in .json(Self.account) }) { server in
            var limits = SalesforceDescribeClient.Limits()
            limits.fieldsMax = 3
            await #expect(throws: SalesforceError(.tooLarge, status: 200)) {
                try await Self.describe(at: server, limits: limits)
            }
            limits.answerBytesMax = Self.account.utf8.count - 1
            await #expect(throws: SalesforceError(.tooLarge)) { try await Self.describe(at: server, limits: limits) }
        }
    }

    /// A server that says nothing is not waited for.
    @Test func silenceTimesOut() async throws {
        try await TestServer.run({ _ in
            try await Task.sleep(for: .seconds(3600))
            return Response(status: .ok)
        }) { server in
            var limits = SalesforceDescribeClient.Limits()
            limits.timeout = .milliseconds(100)
            await #expect(throws: SalesforceError(.timeout)) { try await Self.describe(at: server, limits: limits) }
        }
    }

    /// A redirect is not followed: the token would go elsewhere.
    @Test func redirectsAreNotFollowed() async throws {
        try await TestServer.run({ _ in Response(status: .found, headers: [.location: "/elsewhere"]) }) { server in
            await #expect(throws: SalesforceError(.redirected, status: 302)) { try await Self.describe(at: server) }
        }
    }

    /// What can't be an object's name becomes part of no URL, and nothing is sent.
    @Test(arguments: ["", "a/b", "Account?x", "../x", "1a", "_a", "Ünder", "a b", String(repeating: "a", count: 81)])
    func otherNamesAreNotSent(name: String) async throws {
        #expect(!ObjectDescription.isName(name))
        try await TestServer.run({ _ in .json(Self.account) }) { server in
            await #expect(throws: SalesforceError(.invalidRequest, requestMayHaveBeenSent: false)) {
                try await Self.describe(name, at: server)
            }
        }
    }

    /// Names as Salesforce has them.
    @Test(arguments: ["Account", "Region__c", "ns__Region__c", "a", String(repeating: "a", count: 80)])
    func namesAreNames(name: String) {
        #expect(ObjectDescription.isName(name))
    }
}
