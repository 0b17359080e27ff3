import Foundation
import Secrets
import Testing

@testable import Salesforce

/// What the token endpoint answers is believed only as far as it was checked.
@Suite struct AnswerTests {
    /// Computed with Python's hmac and hashlib.
    private static let secret = Secret("s3cr3t-é")
    private static let signature = "RiBlz87E9WKQHmNiYhLEVXb9c4nSxzQfiwDH5+x6FPo="
    private static let id = "https://login.salesforce.com/id/00Dx0000000BV7zEAK/005x00000012Q9PAAU"

    private static func fields() -> [String: String] {
        [
            "access_token": "00Dx0000000BV7z!AR8AQAxo9UfVkh8A.lV0Gomt9", "refresh_token": "5Aep861canary",
            "signature": signature, "scope": "refresh_token api openid", "instance_url": "https://na1.salesforce.com",
            "id": id, "token_type": "Bearer", "issued_at": "1700000000123",
        ]
    }

    private static func read(
        _ fields: [String: String], secret: Secret<String>? = secret, former: InstanceURL? = nil
    ) throws -> TokenAnswer {
        let body = try JSONSerialization.data(withJSONObject: fields)
        let reply = BoundedExchange.Reply(
            status: 200, contentType: "application/json", contentEncoding: "", body: Array(body))
        return try TokenAnswer(reply, signers: [secret].compactMap(\.self), hosts: AllowedHosts(), former: former)
    }

    /// Every field arrives where it belongs; the time has milliseconds.
    @Test func tokenAnswerIsRead() throws {
        let answer = try Self.read(Self.fields())
        #expect(answer.accessToken.exposed == "00Dx0000000BV7z!AR8AQAxo9UfVkh8A.lV0Gomt9")
        #expect(answer.refreshToken?.exposed == "5Aep861canary")
        #expect(answer.instanceURL.description == "https://na1.salesforce.com")
        #expect(answer.identity.orgID == "00Dx0000000BV7zEAK")
        #expect(answer.identity.userID == "005x00000012Q9PAAU")
        #expect(answer.issuedAt == Date(timeIntervalSince1970: 1_700_000_000.123))
        #expect(answer.scope == "refresh_token api openid")
        #expect(!String(reflecting: answer).contains("canary"))
    }

    /// A refresh without rotation, and fields that we don't know.
    @Test func missingAndUnknownFieldsAreNothingToMind() throws {
        var fields = Self.fields()
        fields["refresh_token"] = nil
        fields["scope"] = nil
        fields["token_type"] = nil
        fields["sfdc_site_url"] = "https://x"
        fields["expires_in"] = "1"
        let answer = try Self.read(fields)
        #expect(answer.refreshToken == nil)
        #expect(answer.scope.isEmpty)
    }

    /// Id, time and secret are all under the signature, and an answer without one is not signed.
    @Test(
        arguments: [
            ("signature", "RiBlz87E9WKQHmNiYhLEVXb9c4nSxzQfiwDH5+x6FQo="), ("signature", ""), ("signature", "!"),
            ("signature", "RiBlz87E9WKQHmNiYhLEVXb9c4nSxzQfiwDH5+x6"), ("signature", nil),
            ("issued_at", "1700000000124"),
            ("id", "https://login.salesforce.com/id/00Dx0000000BV7zEAK/005x00000012Q9PAAV"),
        ] as [(String, String?)])
    func wrongSignatureIsRefused(field: String, value: String?) {
        var fields = Self.fields()
        fields[field] = value
        #expect(throws: SalesforceError(.signatureMismatch, status: 200)) { try Self.read(fields) }
    }

    /// Another secret made the signature; without a secret there is none to check.
    @Test func signatureNeedsTheSecret() throws {
        #expect(throws: SalesforceError(.signatureMismatch, status: 200)) {
            try Self.read(Self.fields(), secret: Secret("another"))
        }
        var unsigned = Self.fields()
        unsigned["signature"] = nil
        #expect(try Self.read(unsigned, secret: nil).identity.orgID == "00Dx0000000BV7zEAK")
    }

    /// A token goes into a header, an id into a query, a URL is called: none may be anything else.
    @Test(
        arguments: [
            ("access_token", "a\r\nX: y"), ("access_token", ""), ("access_token", "a b"), ("access_token", "é"),
            ("access_token", String(repeating: "a", count: 16 * 1024 + 1)), ("access_token", nil),
            ("refresh_token", "a\nb"), ("token_type", "mac"), ("issued_at", "soon"), ("issued_at", "-1"),
            ("issued_at", "17000000000000000"), ("issued_at", nil), ("id", nil), ("id", "x"),
            ("id", "https://login.salesforce.com/id/00Dx0000000BV7z/005x00000012Q9'"),
            ("id", "https://login.salesforce.com/id/005x00000012Q9P/00Dx0000000BV7z"),
            ("id", "https://login.salesforce.com/xx/00Dx0000000BV7z/005x00000012Q9P"),
            ("id", "https://login.salesforce.com/id/00Dx0000000BV7z/005x00000012Q9P/"),
            ("instance_url", nil), ("scope", String(repeating: "a", count: 3000)),
        ] as [(String, String?)])
    func malformedFieldIsRefused(field: String, value: String?) {
        var fields = Self.fields()
        fields[field] = value
        #expect(throws: SalesforceError(.malformedAnswer, status: 200)) { try Self.read(fields, secret: nil) }
    }

    /// A token is sent to Salesforce's hosts alone.
    @Test(arguments: ["https://evil.example", "http://na1.salesforce.com", "https://na1.salesforce.com:1", ""])
    func foreignInstanceIsRefused(url: String) {
        var fields = Self.fields()
        fields["instance_url"] = url
        let error = #expect(throws: SalesforceError.self) { try Self.read(fields) }
        #expect(error?.code == .foreignInstance)
    }

    /// A refresh that names another host keeps its tokens, and the instance of before; what is named is told.
    @Test(arguments: [
        ("https://evil.example", "evil.example"), ("https://na1.salesforce.com:1", "na1.salesforce.com:1"),
        ("https://user:password@evil.example", "malformed"), ("https://evil.example\r\nX: y", "malformed"),
        ("", "malformed"),
    ])
    func foreignInstanceOfARefresh(url: String, host: String) throws {
        let former = try AllowedHosts().instance("https://na1.salesforce.com")
        var fields = Self.fields()
        fields["instance_url"] = url
        let answer = try Self.read(fields, former: former)
        #expect(answer.instanceURL == former)
        #expect(answer.foreignHost == host)
        #expect(try Self.read(Self.fields(), former: former).foreignHost == nil)
    }

    /// Bodies that are not the JSON that they should be.
    @Test(arguments: ["", "null", "[]", "{}", "<html>", "{\"access_token\":1}", "\u{FEFF}", "{\"access_token\":"])
    func otherBodiesAreMalformed(body: String) {
        let reply = BoundedExchange.Reply(status: 200, contentType: "", contentEncoding: "", body: Array(body.utf8))
        #expect(throws: SalesforceError(.malformedAnswer, status: 200)) {
            try TokenAnswer(reply, signers: [], hosts: AllowedHosts())
        }
        #expect(throws: SalesforceError(.malformedAnswer, status: 200)) { try UserInfo(reply) }
        #expect(throws: SalesforceError(.malformedAnswer, status: 200)) { try Profile(reply) }
    }

    /// The token endpoint's error bodies: JSON in any order, forms, and what is neither.
    @Test(
        arguments: [
            (400, #"{"error_description":"expired authorization code","error":"invalid_grant"}"#, .expiredCode),
            (400, #"{"error":"invalid_grant"}"#, .invalidGrant), (401, #"{"error":"invalid_client"}"#, .invalidClient),
            (400, "error=invalid_grant&error_description=expired+access%2Frefresh+token", .expiredToken),
            (400, "<html>error=invalid_grant</html>", .badStatus), (400, "", .badStatus),
            (404, "Not Found", .badStatus),
            (503, #"{"error":"invalid_grant"}"#, .badStatus), (429, #"{"error":"invalid_grant"}"#, .badStatus),
            (500, "", .badStatus), (204, "", .badStatus),
        ] as [(Int, String, SalesforceError.Code)])
    func tokenErrorsAreRead(status: Int, body: String, code: SalesforceError.Code) {
        let reply = BoundedExchange.Reply(status: status, contentType: "", contentEncoding: "", body: Array(body.utf8))
        #expect(reply.oauthError == SalesforceError(code, status: status))
    }

    /// What the API says to a call that asks who somebody is.
    @Test(
        arguments: [
            (401, #"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#, .deadSession),
            (403, "Bad_OAuth_Token", .deadSession), (403, "Wrong_Org", .apiAccessDenied),
            (
                401,
                #"[{"message":"This session is not valid for use with the REST API","errorCode":"INVALID_SESSION_ID"}]"#,
                .apiAccessDenied
            ),
            (403, #"[{"message":"x","errorCode":"API_DISABLED_FOR_ORG"}]"#, .apiAccessDenied),
            (403, #"[{"message":"x","errorCode":"REQUEST_LIMIT_EXCEEDED"}]"#, .rateLimited),
            (400, #"[{"message":"x","errorCode":"MALFORMED_QUERY"}]"#, .badStatus), (503, "", .badStatus),
            (420, "", .badStatus),
        ] as [(Int, String, SalesforceError.Code)])
    func apiErrorsAreRead(status: Int, body: String, code: SalesforceError.Code) {
        let reply = BoundedExchange.Reply(status: status, contentType: "", contentEncoding: "", body: Array(body.utf8))
        #expect(reply.apiError == SalesforceError(code, status: status))
    }
}
