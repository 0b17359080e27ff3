import AsyncHTTPClient
import Crypto
import Foundation
import NIOHTTP1
import Testing

@testable import SalesforceSimulator

@Suite struct FaultTests {
    private static let limits = "/services/data/v60.0/limits"

    /// A fault concerns as many requests as it says, and only those that match.
    @Test func answersAreCountedAndMatched() async throws {
        try await Harness.run { harness in
            let tokens = try await harness.signIn()
            let globex = try await harness.signInToGlobex()
            harness.simulator.add(
                SimulatedFault(
                    .answer(status: 503, contentType: "application/json", body: "[]"), pathPrefix: Self.limits,
                    org: "Axonify", app: Harness.axonifyClient, count: 1))
            let host = "globex.instance.salesforce.localhost"
            #expect(try await harness.api(.GET, Self.limits, token: globex.access, host: host).status == 200)
            #expect(try await harness.query("SELECT Id FROM Profile", token: tokens.access).status == 200)
            #expect(try await harness.api(.GET, Self.limits, token: tokens.access).status == 503)
            #expect(try await harness.api(.GET, Self.limits, token: tokens.access).status == 200)
        }
    }

    /// Every row of the token endpoint's errors can be had, as 400 and without touching the grant.
    @Test func everyTokenError() async throws {
        try await Harness.run { harness in
            let tokens = try await harness.signIn()
            for error in TokenError.allCases {
                harness.simulator.add(
                    SimulatedFault(.tokenError(error), pathPrefix: "/services/oauth2/token", count: 1))
                let reply = try await harness.refresh(tokens.refresh)
                #expect(reply.status == 400)
                #expect(try reply.json() == ["error": .string(error.code), "error_description": .string(error.text)])
            }
            #expect(try await harness.refresh(tokens.refresh).status == 200)
            #expect(harness.simulator.counters.refreshAttempts == 1)
        }
    }

    /// A dropped request has no effect; a dropped answer has had one.
    @Test func dropBeforeAndAfter() async throws {
        try await Harness.run { harness in
            let first = try await harness.signIn()
            harness.simulator.add(SimulatedFault(.drop, pathPrefix: "/services/oauth2/token", count: 1))
            await #expect(throws: (any Error).self) { try await harness.refresh(first.refresh) }
            #expect(harness.simulator.counters.refreshes == 0)
            #expect(harness.simulator.journal.last?.status == nil)
            #expect(harness.simulator.journal.last?.faults == ["drop"])
            harness.simulator.add(
                SimulatedFault(.drop, moment: .after, pathPrefix: "/services/oauth2/token", count: 1))
            await #expect(throws: (any Error).self) { try await harness.refresh(first.refresh) }
            #expect(harness.simulator.counters.refreshes == 1)
            // The token was spent, though nobody learned its successor.
            #expect(try await harness.refresh(first.refresh).status == 400)
            #expect(harness.simulator.counters.refreshTokenReuses == 1)
        }
    }

    /// A truncated answer ends the connection in the middle of its body.
    @Test func truncation() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            harness.simulator.add(SimulatedFault(.truncate(bytes: 20), pathPrefix: Self.limits, count: 1))
            await #expect(throws: (any Error).self) { try await harness.api(.GET, Self.limits, token: token) }
            #expect(try await harness.api(.GET, Self.limits, token: token).status == 200)
        }
    }

    /// A held request waits until its fault is cleared; a delayed one comes all the same.
    @Test func holdAndDelay() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            let hold = harness.simulator.add(SimulatedFault(.hold, pathPrefix: Self.limits, count: 2))
            async let first = harness.api(.GET, Self.limits, token: token)
            async let second = harness.api(.GET, Self.limits, token: token)
            await harness.simulator.waitUntilHeld(2, by: hold)
            // The count is used up, so a third one passes while the two wait.
            #expect(try await harness.api(.GET, Self.limits, token: token).status == 200)
            harness.simulator.clear(hold)
            #expect(try await first.status == 200)
            #expect(try await second.status == 200)
            harness.simulator.add(SimulatedFault(.delay(.milliseconds(1)), count: 1))
            #expect(try await harness.api(.GET, Self.limits, token: token).status == 200)
            #expect(harness.simulator.journal.last?.faults == ["delay"])
        }
    }

    /// Token answers can lie about signature, instance and identity.
    @Test func spoiledTokenAnswers() async throws {
        try await Harness.run { harness in
            func signatureFits(_ body: JSON) -> Bool {
                let message = (body["id"]?.stringValue ?? "") + (body["issued_at"]?.stringValue ?? "")
                let code = HMAC<SHA256>.authenticationCode(
                    for: Data(message.utf8), using: SymmetricKey(data: Data(Harness.axonifySecret.utf8)))
                return body["signature"] == .string(Data(code).base64EncodedString())
            }
            let code = try await harness.code()
            harness.simulator.add(SimulatedFault(.wrongSignature, pathPrefix: "/services/oauth2/token", count: 1))
            #expect(!signatureFits(try await harness.exchange(code).json()))
            var tokens = try await harness.signIn()
            #expect(signatureFits(tokens.body))
            harness.simulator.add(
                SimulatedFault(
                    .foreignInstanceURL("https://evil.example"), pathPrefix: "/services/oauth2/token", count: 1))
            tokens = try Harness.tokens(try await harness.refresh(tokens.refresh))
            #expect(tokens.body["instance_url"] == "https://evil.example")
            #expect(signatureFits(tokens.body))
            let id = "https://login.salesforce.com/id/00DGx000002Tq4LMAS/005000000000001AAA"
            harness.simulator.add(
                SimulatedFault(.foreignIdentity(id), pathPrefix: "/services/oauth2/token", count: 1))
            tokens = try Harness.tokens(try await harness.refresh(tokens.refresh))
            #expect(tokens.body["id"] == .string(id))
            #expect(signatureFits(tokens.body))
        }
    }

    /// An org that moves is named by the next refresh; its old host answers as it was told to.
    @Test(arguments: [(FormerInstance.dead, 420), (.redirects, 301), (.sessionExpired, 401)])
    func movedInstance(former: FormerInstance, status: Int) async throws {
        try await Harness.run { harness in
            let tokens = try await harness.signIn()
            let host = "axonify.eu7.salesforce.localhost"
            try harness.simulator.moveInstance(of: "Axonify", to: host, leaving: former)
            let old = try await harness.api(.GET, Self.limits, token: tokens.access)
            #expect(old.status == status)
            if former == .redirects {
                #expect(old.headers.first(name: "Location") == "http://\(host):\(harness.port)\(Self.limits)")
            }
            let next = try Harness.tokens(try await harness.refresh(tokens.refresh))
            #expect(next.body["instance_url"] == .string("http://\(host):\(harness.port)"))
            #expect(try await harness.api(.GET, Self.limits, token: next.access, host: host).status == 200)
            #expect(try await harness.simulator.instanceURL(of: "Axonify") == "http://\(host):\(harness.port)")
        }
    }

    /// Access tokens end one by one, for one person, or all; refresh tokens live on unless grants are revoked.
    @Test func expiring() async throws {
        try await Harness.run { harness in
            let susan = try await harness.signIn()
            let alex = try await harness.signIn(Harness.alex)
            func statuses() async throws -> [Int] {
                [
                    try await harness.api(.GET, Self.limits, token: susan.access).status,
                    try await harness.api(.GET, Self.limits, token: alex.access).status,
                ]
            }
            try harness.simulator.expireAccessTokens(username: Harness.susan)
            #expect(try await statuses() == [401, 200])
            try harness.simulator.expireAccessTokens()
            #expect(try await statuses() == [401, 401])
            #expect(try await harness.refresh(susan.refresh).status == 200)
            try harness.simulator.revokeGrants(of: "Axonify")
            #expect(try await harness.refresh(alex.refresh).status == 400)
            #expect(throws: SimulatorError.self) { try harness.simulator.revokeGrants(of: "Nobody") }
        }
    }

    /// A locked org answers 403 to calls.
    @Test func lockedOrg() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            try harness.simulator.setLocked(true, org: "Axonify")
            let reply = try await harness.api(.GET, Self.limits, token: token)
            #expect(reply.status == 403)
            #expect(reply.text.contains("ORG_LOCKED"))
        }
    }

    /// A host that nobody has is 420, whatever the path.
    @Test func unknownHost() async throws {
        try await Harness.run { harness in
            let reply = try await harness.send(.GET, "nobody.salesforce.localhost", "/services/data")
            #expect(reply.status == 420)
        }
    }
}

@Suite struct JournalTests {
    /// The journal has the target as sent, headers as written, and the body with its digest.
    @Test func entriesAreWhatWasSent() async throws {
        try await Harness.run { harness in
            let token = try await harness.signIn().access
            harness.simulator.clearJournal()
            let body = String(repeating: "x", count: JournalEntry.bodyBytesMax + 1)
            _ = try await harness.send(
                .POST, Harness.instance, "/services/apexrest/a%2fb?q=a+b%20c%27&empty=",
                headers: [("Authorization", "OAuth \(token)"), ("X-MiXed", "1"), ("X-MiXed", "2")], body: body)
            let entry = try #require(harness.simulator.journal.first)
            #expect(harness.simulator.journal.count == 1)
            #expect(entry.method == "POST")
            #expect(entry.host == "\(Harness.instance):\(harness.port)")
            #expect(entry.target == "/services/apexrest/a%2fb?q=a+b%20c%27&empty=")
            #expect(entry.headers.filter { $0.name == "X-MiXed" }.map(\.value) == ["1", "2"])
            #expect(entry.header("authorization") == "OAuth \(token)")
            #expect(entry.bodySize == JournalEntry.bodyBytesMax + 1)
            #expect(entry.body.count == JournalEntry.bodyBytesMax)
            #expect(entry.bodySHA256 == SHA256.hash(data: Data(body.utf8)).map(hexDigits).joined())
            #expect(entry.status == 200)
            #expect(entry.orgID == "00DHp000001Fk7R")
            #expect(entry.clientID == Harness.axonifyClient)
        }
    }

    /// Old entries go first, and updates still find theirs.
    @Test func oldEntriesGo() {
        var journal = Journal(entriesMax: 8)
        let blank = JournalEntry(
            id: 0, receivedAt: Date(timeIntervalSince1970: 0), method: "GET", host: "", target: "", headers: [],
            bodySize: 0, bodySHA256: "", body: [], orgID: nil, clientID: nil, status: nil)
        for _ in 0..<100 {
            let id = journal.append(blank)
            journal.update(id) { $0.status = id }
        }
        #expect(journal.entries.count <= 11 && journal.entries.count >= 8)
        #expect(journal.entries.allSatisfy { $0.status == $0.id })
        #expect(journal.entries.last?.id == 100)
        journal.update(1) { $0.status = -1 }
        #expect(journal.entries.allSatisfy { $0.status == $0.id })
    }
}

@Suite struct AdminTests {
    private func admin(
        _ harness: Harness, _ method: HTTPMethod, _ path: String, _ json: JSON? = nil, host: String = "127.0.0.1"
    ) async throws -> Harness.Reply {
        try await harness.send(
            method, host, "/_simulator\(path)", headers: json == nil ? [] : [("Content-Type", "application/json")],
            body: json?.text)
    }

    /// Everything that tests do in process can be done over HTTP.
    @Test func switches() async throws {
        try await Harness.run { harness in
            let tokens = try await harness.signIn()
            let limits = "/services/data/v60.0/limits"
            let state = try await admin(harness, .GET, "").json()
            #expect(state["orgs"]?.arrayValue?.compactMap { $0["name"]?.stringValue } == ["Axonify", "Globex"])
            #expect(try await admin(harness, .GET, "/counters").json()["logins"] == 1)

            let fault: JSON = ["action": "answer", "status": 500, "body": ["a": 1], "pathPrefix": .string(limits)]
            let id = try #require(try await admin(harness, .POST, "/faults", fault).json()["id"]?.intValue)
            let failed = try await harness.api(.GET, limits, token: tokens.access)
            #expect(failed.status == 500 && failed.text == #"{"a":1}"#)
            #expect(try await admin(harness, .GET, "/faults").json().arrayValue?.count == 1)
            _ = try await admin(harness, .DELETE, "/faults/\(id)")
            #expect(try await harness.api(.GET, limits, token: tokens.access).status == 200)

            let clock = try await admin(harness, .POST, "/clock", ["advanceSeconds": 7_200]).json()
            #expect(clock["offsetSeconds"]?.doubleValue == 7_200)
            #expect(try await harness.api(.GET, limits, token: tokens.access).status == 401)
            _ = try await admin(
                harness, .PATCH, "/orgs/Axonify/apps/\(Harness.axonifyClient)", ["rotatesRefreshTokens": false])
            let next = try Harness.tokens(try await harness.refresh(tokens.refresh))
            #expect(next.refresh.isEmpty)
            _ = try await admin(harness, .POST, "/tokens/expire", ["org": "Axonify"])
            #expect(try await harness.api(.GET, limits, token: next.access).status == 401)
            _ = try await admin(harness, .PATCH, "/users/\(Harness.susan)", ["isActive": false])
            #expect(try await harness.refresh(tokens.refresh).status == 400)
            _ = try await admin(harness, .PATCH, "/orgs/Axonify", ["instanceHost": "new.salesforce.localhost"])
            #expect(try await harness.simulator.instanceURL(of: "Axonify").contains("new.salesforce.localhost"))
            let journal = try await admin(harness, .GET, "/journal?since=1").json()
            #expect(journal.arrayValue?.first?["id"] == 2)
        }
    }

    /// Nonsense is refused by name, strangers by Host and by content type.
    @Test func refusals() async throws {
        try await Harness.run { harness in
            for (path, body) in [
                ("/faults", ["action": "explode"]), ("/faults", ["action": "drop", "count": 0]),
                ("/faults", ["action": "drop", "moment": "never"]), ("/faults", ["action": "drop", "cuont": 1]),
                ("/clock", ["advanceSeconds": "1"]),
            ] as [(String, JSON)] {
                #expect(try await admin(harness, .POST, path, body).status == 400)
            }
            #expect(try await admin(harness, .PATCH, "/orgs/Nobody", ["isLocked": true]).status == 404)
            #expect(try await admin(harness, .GET, "", host: "evil.example").status == 403)
            let form = try await harness.send(
                .POST, "127.0.0.1", "/_simulator/clock", headers: [("Content-Type", "text/plain")],
                body: #"{"advanceSeconds":1}"#)
            #expect(form.status == 403)
        }
    }
}
