import Access
import Domain
import Forwarding
import Foundation
import GatewayTesting
import Salesforce
import Testing

/// A session that is dead at Salesforce is answered by one refresh and one replay.
@Suite(.timeLimit(.minutes(5))) struct DeadSessionTests {
    static let json = #"[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]"#
    static let xml =
        #"<?xml version="1.0"?><Errors><Error><errorCode>INVALID_SESSION_ID</errorCode><message>Session expired or invalid</message></Error></Errors>"#
    static let bulk =
        #"<?xml version="1.0"?><error xmlns="http://www.force.com/2009/06/asyncapi/dataload"><exceptionCode>InvalidSessionId</exceptionCode><exceptionMessage>Invalid session id</exceptionMessage></error>"#
    private static let path = "/services/data/v62.0/x"
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    /// An answer after which Salesforce closes, so that the next call comes on another connection.
    private static func answer(_ status: String, _ body: [UInt8], _ headers: [String] = []) -> [UInt8] {
        let head = ["HTTP/1.1 \(status)"] + headers + ["Content-Length: \(body.count)", "Connection: close"]
        return Array((head.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }

    private static func answer(_ status: String, _ body: String, _ headers: [String] = []) -> [UInt8] {
        answer(status, Array(body.utf8), headers)
    }

    /// `json`, compressed by gzip.
    private static let zipped =
        Data(
            base64Encoded:
                "H4sIAAAAAAACA4uuVspNLS5OTE9VslIKBrIy8/MUUisKMotSUxTyixQy88oSczJTlHSUUouK8ouc81NACj39whx9PF3ig12Dgz39/eI9XZRqYwE+lWnrSwAAAA=="
        ).map { Array($0) } ?? []

    struct Case: Sendable, CustomTestStringConvertible {
        let name: String
        let target: String
        let answer: [UInt8]
        var testDescription: String { name }
    }

    static let dead = [
        Case(name: "JSON", target: path, answer: answer("401 Unauthorized", json)),
        Case(name: "XML", target: path, answer: answer("401 Unauthorized", xml, ["Content-Type: application/xml"])),
        Case(name: "gzip", target: path, answer: answer("401 Unauthorized", zipped, ["Content-Encoding: gzip"])),
        Case(name: "Bulk v1", target: "/services/async/62.0/job", answer: answer("400 Bad Request", bulk)),
        Case(name: "userinfo", target: "/services/oauth2/userinfo", answer: answer("403 Forbidden", "Bad_OAuth_Token")),
        Case(name: "unreadable", target: path, answer: answer("401 Unauthorized", "\u{1}x", ["Content-Encoding: br"])),
        Case(name: "large", target: path, answer: answer("401 Unauthorized", String(repeating: "x", count: 100_000))),
        Case(name: "empty", target: path, answer: answer("401 Unauthorized", "")),
    ]

    /// However Salesforce says it, the caller sees only the answer to the replay.
    @Test(arguments: dead) func aDeadSessionIsReplayed(dead: Case) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", dead.target))
            let first = try await world.upstream.accept()
            let before = try await first.readRequest()
            #expect(before["Authorization"] == ["Bearer \(World.firstToken)"])
            try await first.send(dead.answer)
            let second = try await world.upstream.accept()
            let after = try await second.readRequest()
            #expect(after["Authorization"] == ["Bearer \(ScriptedOAuth.token(1))"])
            #expect(after.head == before.head.replacing(World.firstToken, with: ScriptedOAuth.token(1)))
            try await second.send(Self.ok)
            #expect(try await client.readResponse().text == "ok")
            #expect(world.oauth.refreshes == 1)
        }
    }

    static let alive = [
        Case(
            name: "not for REST", target: path,
            answer: answer(
                "401 Unauthorized",
                json.replacing(
                    "Session expired or invalid", with: "This session is not valid for use with the REST API"))),
        Case(
            name: "other code", target: path,
            answer: answer("401 Unauthorized", json.replacing("INVALID_SESSION_ID", with: "INVALID_AUTH_HEADER"))),
        Case(
            name: "limit", target: path,
            answer: answer("403 Forbidden", json.replacing("INVALID_SESSION_ID", with: "REQUEST_LIMIT_EXCEEDED"))),
        Case(name: "403 with the code", target: path, answer: answer("403 Forbidden", json)),
        Case(name: "403 unreadable", target: path, answer: answer("403 Forbidden", "\u{1}x", ["Content-Encoding: br"])),
        Case(name: "400 elsewhere", target: path, answer: answer("400 Bad Request", bulk)),
        Case(name: "500", target: path, answer: answer("500 Error", json)),
        Case(name: "200", target: path, answer: answer("200 OK", json)),
        Case(name: "404", target: path, answer: answer("404 Not Found", json)),
    ]

    /// Every other answer passes through, byte for byte, and starts no refresh.
    @Test(arguments: alive) func otherAnswersPass(alive: Case) async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", alive.target))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send(alive.answer)
            let answered = try await client.readResponse()
            #expect(alive.answer.suffix(answered.body.count) == answered.body[...])
            #expect(!answered.body.isEmpty)
            #expect(answered["Proxy-Status"] == [])
            #expect(world.oauth.refreshes == 0)
            #expect(world.upstream.acceptedCount == 1)
        }
    }

    /// A body goes out again as it was, whatever the method: what was answered by 401 was not executed.
    @Test(arguments: [
        ["Content-Length: 11"], ["Transfer-Encoding: chunked"], ["Content-Length: 11", "Content-Encoding: gzip"],
    ])
    func aPostIsReplayed(headers: [String]) async throws {
        try await withWorld { world in
            let isChunked = headers == ["Transfer-Encoding: chunked"]
            let client = try await world.connect()
            try await client.send(
                world.bare(
                    "POST", Self.path, ["Authorization: OAuth \(world.key)", "Sforce-Auto-Assign: FALSE"] + headers,
                    body: isChunked ? "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n" : "hello world"))
            let first = try await world.upstream.accept()
            let before = try await first.readRequest()
            #expect(before.text == "hello world")
            try await first.send(Self.answer("401 Unauthorized", Self.json))
            let second = try await world.upstream.accept()
            let after = try await second.readRequest()
            #expect(after.text == "hello world")
            #expect(after["Authorization"] == ["OAuth \(ScriptedOAuth.token(1))"])
            #expect(after.head == before.head.replacing(World.firstToken, with: ScriptedOAuth.token(1)))
            try await second.send("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n")
            #expect(try await client.readResponse().status == 201)
        }
    }

    /// HEAD has no body to read; a 401 on the current token counts.
    @Test func headIsReplayed() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("HEAD", Self.path))
            let first = try await world.upstream.accept()
            _ = try await first.readRequest()
            try await first.send("HTTP/1.1 401 Unauthorized\r\nContent-Length: 70\r\nConnection: close\r\n\r\n")
            let second = try await world.upstream.accept()
            _ = try await second.readRequest()
            try await second.send("HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n")
            #expect(try await client.readResponse(toHead: true).status == 200)
        }
    }

    /// A dead session's answer on the fresh token passes through: there is one replay.
    @Test func theSecond401Passes() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            for _ in 0..<2 {
                let salesforce = try await world.upstream.accept()
                _ = try await salesforce.readRequest()
                try await salesforce.send(Self.answer("401 Unauthorized", Self.json))
            }
            let answered = try await client.readResponse()
            #expect(answered.status == 401)
            #expect(answered.text == Self.json)
            #expect(world.oauth.refreshes == 1)
            #expect(world.upstream.acceptedCount == 2)
        }
    }

    /// A token that died again before the call came with it: that is no end, but a further expiry.
    @Test func aTokenThatDiesAgainIsRenewedAgain() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            for number in 0..<3 {
                let salesforce = try await world.upstream.accept()
                let token = number == 0 ? World.firstToken : ScriptedOAuth.token(number)
                #expect(try await salesforce.readRequest()["Authorization"] == ["Bearer \(token)"])
                world.clock.advance(by: 2)
                try await salesforce.send(Self.answer("401 Unauthorized", Self.json))
            }
            let last = try await world.upstream.accept()
            _ = try await last.readRequest()
            try await last.send(Self.ok)
            #expect(try await client.readResponse().text == "ok")
            #expect(world.oauth.refreshes == 3)
        }
    }

    /// However often tokens die, a call ends.
    @Test func replaysAreBounded() async throws {
        try await withWorld { world in
            let answered = try await replay(Self.path, times: 4, world) {}
            #expect(answered.text == Self.json)
            #expect(world.oauth.refreshes == 3)
            #expect(world.upstream.acceptedCount == 4)
        }
    }

    /// A call that is answered so whatever the token costs a refresh now and then, and not one each time; others are
    /// refreshed as ever.
    @Test func anIncurable401CostsFewRefreshes() async throws {
        try await withWorld { world in
            func call(_ path: String, answers: Int) async throws {
                let client = try await world.connect()
                try await client.send(world.bare("GET", path, ["X-SFDC-Session: \(world.key)"]))
                for _ in 0..<answers {
                    let salesforce = try await world.upstream.accept()
                    _ = try await salesforce.readRequest()
                    try await salesforce.send(Self.answer("401 Unauthorized", Self.json))
                }
                #expect(try await client.readResponse().text == Self.json)
                await client.close()
            }
            // The first may have been bad luck.
            for _ in 0..<2 { try await call(Self.path, answers: 2) }
            for _ in 0..<5 { try await call(Self.path, answers: 1) }
            #expect(world.oauth.refreshes == 2)
            try await call("/services/data/v62.0/limits", answers: 2)
            #expect(world.oauth.refreshes == 3)
            world.clock.advance(by: 1)
            try await call(Self.path, answers: 2)
            world.clock.advance(by: 1)
            try await call(Self.path, answers: 1)
            #expect(world.oauth.refreshes == 4)
        }
    }

    /// The same of one that answers so slowly that its tokens are not fresh any more: it is known by tokens that nobody
    /// could use, or that others go on using.
    @Test(arguments: [true, false]) func aSlowIncurable401CostsFewRefreshes(hasOthers: Bool) async throws {
        try await withWorld { world in
            func others() async throws {
                guard hasOthers else { return }
                let other = try await world.exchange(
                    world.request("GET", "/services/data/v62.0/limits"), answer: Self.ok)
                #expect(other.answered.status == 200)
            }
            for _ in 0..<2 {
                #expect(try await replay(Self.path, times: 4, world, meanwhile: others).text == Self.json)
            }
            #expect(world.oauth.refreshes == 6)
            for _ in 0..<5 { _ = try await replay(Self.path, times: 1, world, seconds: 0) {} }
            #expect(world.oauth.refreshes == 6)
        }
    }

    /// Tokens that die while calls are under way are no reason to withhold refreshes, however long that goes on.
    @Test func dyingTokensAreNotIncurable() async throws {
        try await withWorld { world in
            for _ in 0..<4 {
                let answered = try await replay(Self.path, times: 4, world) {}
                #expect(answered.text == Self.json)
                // The newest one works: for this call, which comes too late.
                let next = try await world.exchange(world.request("GET", Self.path), answer: Self.ok)
                #expect(next.answered.status == 200)
            }
            #expect(world.oauth.refreshes == 12)
        }
    }

    /// Makes a call that is answered as if its session were dead, however often, some time after it comes.
    private func replay(
        _ path: String, times: Int, _ world: World, seconds: TimeInterval = 2, meanwhile: () async throws -> Void
    ) async throws -> RawMessage {
        let client = try await world.connect()
        try await client.send(world.request("GET", path))
        for _ in 0..<times {
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await meanwhile()
            world.clock.advance(by: seconds)
            try await salesforce.send(Self.answer("401 Unauthorized", Self.json))
        }
        return try await client.readResponse()
    }

    // MARK: - An org that has moved

    /// How the host that an org has left answers: Salesforce's edge without a route, or a redirect to the new one.
    static let movedAnswers = ["420 Enhance Your Calm", "301 Moved Permanently", "308 Permanent Redirect"]

    /// A token answer names the new instance, and the call is made again there.
    @Test(arguments: movedAnswers) func aCallFollowsItsOrg(status: String) async throws {
        var options = WorldOptions()
        options.neighbours = ["moved"]
        try await withWorld(options) { world in
            let authority = "\(World.instanceName(of: "moved")):\(world.upstream.port)"
            world.oauth.move(to: try AllowedHosts(extra: [authority]).instance("http://\(authority)"))
            let client = try await world.connect()
            try await client.send(world.request("POST", Self.path, ["Content-Length: 4"], body: "body"))
            let former = try await world.upstream.accept()
            #expect(try await former.readRequest()["Host"] == [world.instance])
            try await former.send(Self.answer(status, "gone", ["Location: http://\(authority)\(Self.path)"]))
            let salesforce = try await world.upstream.accept()
            let received = try await salesforce.readRequest()
            #expect(received["Host"] == [authority])
            #expect(received["Authorization"] == ["Bearer \(ScriptedOAuth.token(1))"])
            #expect(received.text == "body")
            try await salesforce.send(Self.ok)
            #expect(try await client.readResponse().text == "ok")
        }
    }

    /// An org that is where it was: such answers pass through, and cost a refresh now and then.
    @Test func anOrgThatHasNotMoved() async throws {
        try await withWorld { world in
            for _ in 0..<4 {
                let client = try await world.connect()
                try await client.send(world.request("GET", Self.path))
                let salesforce = try await world.upstream.accept()
                _ = try await salesforce.readRequest()
                try await salesforce.send(Self.answer("420 Enhance Your Calm", "gone"))
                let answered = try await client.readResponse()
                #expect(answered.status == 420)
                #expect(answered.text == "gone")
                await client.close()
            }
            #expect(world.oauth.refreshes == 1)
            #expect(world.upstream.acceptedCount == 4)
        }
    }

    /// A redirect within the instance, or to a host that is no instance, is the client's to follow.
    @Test(arguments: ["/elsewhere", "https://cdn.example/file", "http://axonify.my.localhost:1/x"])
    func otherRedirectsPass(location: String) async throws {
        try await withWorld { world in
            let (_, answered) = try await world.exchange(
                world.request("GET", Self.path),
                answer: "HTTP/1.1 302 Found\r\nLocation: \(location)\r\nContent-Length: 0\r\n\r\n")
            #expect(answered.status == 302)
            #expect(answered["Location"] == [location])
            #expect(world.oauth.refreshes == 0)
        }
    }

    /// A body that is too large to keep: the token is renewed for the next call, and the 401 passes through.
    @Test(arguments: ["Content-Length: 2000", "Transfer-Encoding: chunked"])
    func aLargeBodyIsNotReplayed(framing: String) async throws {
        var options = WorldOptions()
        options.limits.replayBodyBytesMax = 1999
        try await withWorld(options) { world in
            let body = String(repeating: "x", count: 2000)
            let client = try await world.connect()
            try await client.send(
                world.request(
                    "POST", Self.path, [framing], body: framing.hasPrefix("T") ? "7d0\r\n\(body)\r\n0\r\n\r\n" : body))
            let first = try await world.upstream.accept()
            #expect(try await first.readRequest().text == body)
            try await first.send(Self.answer("401 Unauthorized", Self.json))
            let answered = try await client.readResponse()
            #expect(answered.status == 401)
            #expect(answered.text == Self.json)
            #expect(world.oauth.refreshes == 1)
            try await client.send(world.request("GET", Self.path))
            let second = try await world.upstream.accept()
            #expect(try await second.readRequest()["Authorization"] == ["Bearer \(ScriptedOAuth.token(1))"])
            try await second.send(Self.ok)
            _ = try await client.readResponse()
        }
    }

    /// A body of exactly the limit is kept.
    @Test func aBodyOfTheLimitIsReplayed() async throws {
        var options = WorldOptions()
        options.limits.replayBodyBytesMax = 2000
        try await withWorld(options) { world in
            let body = String(repeating: "x", count: 2000)
            let client = try await world.connect()
            try await client.send(world.request("POST", Self.path, ["Content-Length: 2000"], body: body))
            let first = try await world.upstream.accept()
            _ = try await first.readRequest()
            try await first.send(Self.answer("401 Unauthorized", Self.json))
            let second = try await world.upstream.accept()
            #expect(try await second.readRequest().text == body)
            try await second.send(Self.ok)
            #expect(try await client.readResponse().text == "ok")
        }
    }

    /// An answer that came before the end of the upload: there is no whole body to send again, so it passes through.
    @Test func anUnfinishedUploadIsNotReplayed() async throws {
        try await withWorld { world in
            let client = try await world.connect()
            try await client.send(world.request("POST", Self.path, ["Content-Length: 1000"], body: "begun"))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readHead()
            _ = try await salesforce.read(count: 5)
            try await salesforce.send(Self.answer("401 Unauthorized", Self.json))
            let answered = try await client.readResponse()
            #expect(answered.status == 401)
            #expect(answered.text == Self.json)
            #expect(world.upstream.acceptedCount == 1)
        }
    }

    /// A large answer that was looked at and is passed on after all is whole.
    @Test func whatWasLookedAtIsWhole() async throws {
        var options = WorldOptions()
        options.limits.replayBodyBytesMax = 0
        try await withWorld(options) { world in
            let body = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
            let client = try await world.connect()
            try await client.send(world.request("POST", Self.path, ["Content-Length: 1"], body: "x"))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            async let sending: Void = salesforce.send(Self.answer("401 Unauthorized", body))
            #expect(try await client.readResponse().body == body)
            try await sending
        }
    }

    /// Calls that met the dead token together share one refresh; a late one needs none.
    @Test func oneRefreshForAll() async throws {
        try await withWorld { world in
            let clients = try await withThrowingTaskGroup(of: RawConnection.self) { group in
                for _ in 0..<10 {
                    group.addTask {
                        let client = try await world.connect()
                        try await client.send(world.request("GET", Self.path))
                        return client
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            var firsts: [RawConnection] = []
            for _ in clients {
                let salesforce = try await world.upstream.accept()
                #expect(try await salesforce.readRequest()["Authorization"] == ["Bearer \(World.firstToken)"])
                firsts.append(salesforce)
            }
            let late = firsts.removeLast()
            for salesforce in firsts { try await salesforce.send(Self.answer("401 Unauthorized", Self.json)) }
            for _ in firsts {
                let salesforce = try await world.upstream.accept()
                #expect(try await salesforce.readRequest()["Authorization"] == ["Bearer \(ScriptedOAuth.token(1))"])
                try await salesforce.send(Self.answer("200 OK", "ok"))
            }
            try await late.send(Self.answer("401 Unauthorized", Self.json))
            let salesforce = try await world.upstream.accept()
            #expect(try await salesforce.readRequest()["Authorization"] == ["Bearer \(ScriptedOAuth.token(1))"])
            try await salesforce.send(Self.answer("200 OK", "ok"))
            for client in clients { #expect(try await client.readResponse().text == "ok") }
            #expect(world.oauth.refreshes == 1)
        }
    }

    /// An answer that can't be read, to a token that was renewed meanwhile, says nothing of the new one.
    @Test func anUnreadableAnswerToAnOldTokenPasses() async throws {
        try await withWorld { world in
            let (one, two) = (try await world.connect(), try await world.connect())
            try await one.send(world.request("GET", Self.path))
            let first = try await world.upstream.accept()
            _ = try await first.readRequest()
            try await two.send(world.request("GET", Self.path))
            let second = try await world.upstream.accept()
            _ = try await second.readRequest()
            try await first.send(Self.answer("401 Unauthorized", Self.json))
            let third = try await world.upstream.accept()
            _ = try await third.readRequest()
            try await third.send(Self.ok)
            _ = try await one.readResponse()
            try await second.send(Self.answer("401 Unauthorized", "\u{1}x", ["Content-Encoding: br"]))
            let answered = try await two.readResponse()
            #expect(answered.status == 401)
            #expect(answered.text == "\u{1}x")
            #expect(world.oauth.refreshes == 1)
        }
    }

    /// A grant that is dead as well: the caller must sign in again, and the session is over.
    @Test func aDeadGrantEndsTheSession() async throws {
        try await withWorld { world in
            world.clock.advance(by: 20)
            world.oauth.fail(with: SalesforceError(.expiredToken, status: 400))
            let client = try await world.connect()
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send(Self.answer("401 Unauthorized", Self.json))
            let answered = try await client.readResponse()
            #expect(answered.status == 401)
            #expect(answered.text.contains("\"errorCode\":\"INVALID_SESSION_ID\""))
            #expect(answered["Proxy-Status"] == ["formation; error=http_request_denied"])
            try await client.send(world.request("GET", Self.path))
            let next = try await client.readResponse()
            #expect(next.status == 401)
            #expect(world.upstream.acceptedCount == 1)
            #expect(try await world.store.repositories.sessions.sessions(of: world.admin.id, in: world.tenant.id) == [])
        }
    }
}
