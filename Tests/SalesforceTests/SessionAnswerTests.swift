import Foundation
import Testing

@testable import Salesforce

/// A dead session is told from everything else, whatever it is wrapped in.
@Suite struct SessionAnswerTests {
    private static let dead = #"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#

    private static func verdict(_ status: Int, _ body: String, encoding: String = "") -> SessionAnswer.Verdict {
        SessionAnswer.verdict(status: status, contentType: "", contentEncoding: encoding, body: Array(body.utf8))
    }

    private static let deadAnswers: [(Int, String)] = [
        (401, dead), (401, "\u{FEFF} \n" + dead),
        (401, #"{"errorCode":"INVALID_SESSION_ID","message":"Session expired or invalid"}"#),
        (401, #"[{"errorCode":"INVALID_SESSION_ID"}]"#),
        (
            401,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Errors><Error><errorCode>INVALID_SESSION_ID</errorCode>"
                + "<message>Session expired or invalid</message></Error></Errors>"
        ),
        (
            400,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><error"
                + " xmlns=\"http://www.force.com/2009/06/asyncapi/dataload\"><exceptionCode>InvalidSessionId"
                + "</exceptionCode><exceptionMessage>Invalid session id</exceptionMessage></error>"
        ),
        (400, #"{"exceptionCode":"InvalidSessionId","exceptionMessage":"Invalid session id"}"#),
        (403, "Bad_OAuth_Token"), (403, "Bad_OAuth_Token\r\n"), (401, "Bad_OAuth_Token"),
    ]

    /// The forms that Salesforce gives it.
    @Test(arguments: deadAnswers)
    func deadSessionIsSeen(status: Int, body: String) {
        #expect(Self.verdict(status, body) == .dead)
    }

    private static let aliveAnswers: [(Int, String)] = [
        (200, dead), (500, dead), (400, dead), (403, dead), (404, dead),
        (401, #"[{"message":"This session is not valid for use with the REST API","errorCode":"INVALID_SESSION_ID"}]"#),
        (401, #"[{"message":"Connected app is not attached to Agent","errorCode":"INVALID_SESSION_ID"}]"#),
        (401, #"[{"message":"BlackTab users cannot perform API operations","errorCode":"INVALID_SESSION_ID"}]"#),
        (
            401,
            "<Errors><Error><errorCode>INVALID_SESSION_ID</errorCode><message>This session is not valid for use with"
                + " the REST API</message></Error></Errors>"
        ),
        (401, #"[{"message":"INVALID_SESSION_ID","errorCode":"INVALID_AUTH_HEADER"}]"#), (401, "[]"), (401, "{}"),
        (401, "<html>INVALID_SESSION_ID</html>"), (401, "INVALID_SESSION_ID"),
        (403, #"[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]"#),
        (403, "Missing_OAuth_Token"), (403, "Wrong_Org"), (403, "Bad_OAuth_Token and more"), (403, ""), (400, ""),
        (400, #"[{"message":"unexpected token","errorCode":"MALFORMED_QUERY"}]"#), (400, "Bad_OAuth_Token"),
        (400, #"{"exceptionCode":"InvalidBatch","exceptionMessage":"InvalidSessionId"}"#), (400, "{"),
    ]

    /// Answers about something else, and those that a fresh token would meet again.
    @Test(arguments: aliveAnswers)
    func otherAnswersAreAlive(status: Int, body: String) {
        #expect(Self.verdict(status, body) == .alive)
    }

    /// What can't be read could be either.
    @Test func unreadableIsSaid() {
        #expect(Self.verdict(401, "") == .unreadable)
        #expect(Self.verdict(401, "[{") == .unreadable)
        #expect(Self.verdict(401, "anything", encoding: "br") == .unreadable)
        #expect(Self.verdict(401, "anything", encoding: "gzip") == .unreadable)
        #expect(Self.verdict(401, "anything", encoding: "gzip, gzip") == .unreadable)
        #expect(Self.verdict(401, Self.dead + String(repeating: " ", count: 64 * 1024)) == .unreadable)
        let exact = Self.dead + String(repeating: " ", count: SessionAnswer.byteCountMax - Self.dead.utf8.count)
        #expect(Self.verdict(401, exact) == .dead)
    }

    /// Made with Python's gzip and zlib: the same body in the three forms that `Content-Encoding` has for it.
    @Test(arguments: [
        (
            "gzip",
            "H4sIAAAAAAACA4uuVspNLS5OTE9VslIKBrIy8/MUUisKMotSUxTyixQy88oSczJTlHSUUouK8ouc81NACj39whx9PF3ig12Dgz39/eI9XZRqYwE+lWnrSwAAAA=="
        ),
        (
            "x-gzip",
            "H4sIAAAAAAACA4uuVspNLS5OTE9VslIKBrIy8/MUUisKMotSUxTyixQy88oSczJTlHSUUouK8ouc81NACj39whx9PF3ig12Dgz39/eI9XZRqYwE+lWnrSwAAAA=="
        ),
        (
            "deflate",
            "eJyLrlbKTS0uTkxPVbJSCgayMvPzFFIrCjKLUlMU8osUMvPKEnMyU5R0lFKLivKLnPNTQAo9/cIcfTxd4oNdg4M9/f3iPV2UamMB6PUZXg=="
        ),
        (
            "Deflate ",
            "i65Wyk0tLk5MT1WyUgoGsjLz8xRSKwoyi1JTFPKLFDLzyhJzMlOUdJRSi4ryi5zzU0AKPf3CHH08XeKDXYODPf394j1dlGpjAQ=="
        ),
    ])
    func compressedAnswersAreInflated(encoding: String, base64: String) throws {
        let body = Array(try #require(Data(base64Encoded: base64)))
        func verdict(_ body: [UInt8]) -> SessionAnswer.Verdict {
            SessionAnswer.verdict(status: 401, contentType: "", contentEncoding: encoding, body: body)
        }
        #expect(verdict(body) == .dead)
        #expect(verdict(body.dropLast()) == .unreadable)
        #expect(verdict(body + [0]) == .unreadable)
        // The first bytes of a damaged stream may happen to read as another; nothing of it may crash or be dead.
        for index in body.indices {
            var damaged = body
            damaged[index] ^= 0x40
            _ = verdict(damaged)
        }
    }

    /// 64 KiB and no byte more: small compressed bodies can grow a thousandfold.
    @Test func inflatedCopiesAreBounded() throws {
        let exact = try #require(
            Data(
                base64Encoded: "H4sIAAAAAAACA+3BgQAAAACAIJX9KRepCgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                    + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAGqUGSy0AAABAA=="))
        let beyond = try #require(
            Data(
                base64Encoded: "H4sIAAAAAAACA+3BgQAAAADDIJX5U/4gVQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                    + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAMANAbS6HgEAAQA="))
        #expect(Inflate.whole(Array(exact), byteCountMax: 65_536).map(Set.init) == [0x20])
        #expect(Inflate.whole(Array(exact), byteCountMax: 65_536)?.count == 65_536)
        #expect(Inflate.whole(Array(beyond), byteCountMax: 65_536) == nil)
        #expect(Inflate.whole(Array(beyond), byteCountMax: 65_537)?.count == 65_537)
        #expect(Inflate.whole([], byteCountMax: 10) == nil)
    }

    /// Only answers that can be a dead session are kept at all.
    @Test func candidatesAreFew() {
        #expect(SessionAnswer.isCandidate(status: 401, path: "/services/data/v60.0/query"))
        #expect(SessionAnswer.isCandidate(status: 403, path: "/services/oauth2/userinfo"))
        #expect(SessionAnswer.isCandidate(status: 400, path: "/services/async/60.0/job"))
        #expect(!SessionAnswer.isCandidate(status: 400, path: "/services/data/v60.0/query"))
        #expect(!SessionAnswer.isCandidate(status: 200, path: "/services/async/60.0/job"))
        #expect(!SessionAnswer.isCandidate(status: 500, path: "/services/async/60.0/job"))
    }
}
