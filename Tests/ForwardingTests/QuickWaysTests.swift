import HTTPTypes
import NIOCore
import Testing
import Wire

@testable import Access
@testable import Forwarding

/// The quick ways of the warm path never differ from the full ones behind them.
@Suite struct QuickWaysTests {
    private static let rounds = 30_000

    /// Pieces that paths are made of: plain ones, and all that readers have ever read differently.
    private static let pieces = [
        "/", "/", "/", "services", "services", "Services", "SERVICES", "data", "apexrest", "async", "cometd", "CometD",
        "oauth2/userinfo", "v62.0", "sobjects", ".", "..", "...", "%2e", "%2E%2e", "%2f", "%5c", "\\", ";", ";x=y",
        "%73ervices", "%2573ervices", "s", "c", "x", "api", "static", "%", "%zz", "%00", "%c0%af", "//", "/./", "/../",
        "services/", "/services/data/", "/services/apexrest/", "/services/async/", "~", "*", "@", ":", ",", "!",
        ".json",
    ]

    private static let queries = [
        "q=SELECT+Id", "_HttpMethod=PATCH", "_httpmethod=x", "%5fHttpMethod=x", "oauth_token=x", "OAuth_Token=x",
        "%6fauth_token=x", "+oauth_token=x", "a=b", "a", "=", "&", "&&", ";", ";_HttpMethod=DELETE", "x;oauth_token=y",
        "order=1", "?", "/", "%", "a=%26", "a=_HttpMethod=x", "&_HttpMethod", "&o=1",
    ]

    private static func target(_ random: inout SeededGenerator) -> String {
        var text = Bool.random(using: &random) ? "/" : "/services/data/"
        for _ in 0..<Int.random(in: 0..<6, using: &random) { text += pieces.randomElement(using: &random) ?? "" }
        for _ in 0..<Int.random(in: 0..<4, using: &random) where Bool.random(using: &random) {
            text += (text.contains("?") ? "" : "?") + (queries.randomElement(using: &random) ?? "")
        }
        return text
    }

    private static func head(_ method: String, _ target: String) -> (RequestHead, ByteBuffer)? {
        let buffer = ByteBuffer(string: "\(method) \(target) HTTP/1.1\r\nHost: x\r\n\r\n")
        var scanner = HeadScanner()
        guard case .complete(let head) = scanner.scanRequest(buffer) else { return nil }
        return (head, buffer)
    }

    /// Whose a path is.
    @Test func claims() throws {
        var random = SeededGenerator(seed: 1)
        for _ in 0..<Self.rounds {
            let target = Self.target(&random)
            guard let (head, buffer) = Self.head("GET", target) else { continue }
            let isClaimed =
                switch RequestTarget.read(head, in: buffer) {
                case .forwarded: true
                case .control: false
                case .ambiguous, .malformed, .hostless, .hostMalformed: Bool?.none
                }
            let path = String(target.prefix { $0 != "?" })
            #expect(isClaimed == PathAdmission.claims(path), "\(target)")
        }
    }

    /// What is plainly forwarded is admitted, as it stands, for the same method; and neither a credential nor another
    /// method is in its query.
    @Test func plainlyForwarded() {
        var random = SeededGenerator(seed: 2)
        var plainCount = 0
        let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "FOO", "get"]
        for _ in 0..<Self.rounds {
            let (name, target) = (methods.randomElement(using: &random) ?? "GET", Self.target(&random))
            guard let (head, _) = Self.head(name, target) else { continue }
            guard PathAdmission.isPlainlyForwarded(Array(target.utf8).span, method: head.kind) else { continue }
            plainCount += 1
            guard let method = HTTPRequest.Method(name),
                let admitted = try? PathAdmission.admit(method: method, target: target, limits: ForwardingLimits())
            else {
                Issue.record("\(name) \(target) is not admitted")
                continue
            }
            #expect(admitted.raw == target)
            #expect(HTTPRequest.Method(head.kind) == method)
            let credential = try? PresentedCredential(
                headers: [:], query: admitted.query.map(String.init), cookieName: "x")
            #expect(credential != nil, "\(target)")
        }
        #expect(plainCount > Self.rounds / 20)
    }

    /// A cookie that the quick way finds is the only one that the full reader finds.
    @Test func cookies() {
        var random = SeededGenerator(seed: 3)
        var foundCount = 0
        let pieces = [
            "session=abc", "session=", "session", "Session=abc", "session =x", "xsession=1", "session=a=b", "=", ";",
            "; ", ";;", " ", "\t", "session=\"q\"", "other=1", "sessionx=1", "session=abc ", "\u{7F}", ",",
        ]
        for _ in 0..<Self.rounds {
            let value = (0..<Int.random(in: 1..<7, using: &random)).map { _ in
                pieces.randomElement(using: &random) ?? ""
            }
            .joined(separator: ["; ", ";", "", ";\t"].randomElement(using: &random) ?? "")
            let bytes = Array(value.utf8)
            guard let range = CookieScan.only(Array("session".utf8), in: bytes.span) else { continue }
            foundCount += 1
            var found = String(decoding: bytes[range], as: UTF8.self)
            // No session has blanks at its end; the full reader takes them away.
            while found.last == " " || found.last == "\t" { found.removeLast() }
            #expect(CookieHeader([value]).values(of: "session", max: 9) == [found], "\(value)")
        }
        #expect(foundCount > Self.rounds / 20)
        let many = Array(String(repeating: "x=1; ", count: 200).utf8) + Array("session=abc".utf8)
        #expect(CookieScan.only(Array("session".utf8), in: many.span) == nil)
    }

    /// Names are found in each spelling that a lax reader takes for them, and no others.
    @Test func headerNames() {
        var random = SeededGenerator(seed: 4)
        let table = HeaderTable()
        for name in Self.requestNames {
            let role = table.requests.role(of: Array(name.utf8).span)
            #expect(role != .passes, "\(name)")
            for _ in 0..<50 {
                let odd = Self.oddly(name, &random)
                #expect(table.requests.role(of: Array(odd.utf8).span) == role, "\(odd)")
            }
            for other in Self.oneOff(name, &random) {
                #expect(table.requests.role(of: Array(other.utf8).span) == Self.expected(other), "\(other)")
            }
        }
        for name in Self.answerNames {
            let role = table.answers.role(of: Array(name.utf8).span)
            #expect(role != .passes, "\(name)")
            for _ in 0..<50 {
                #expect(table.answers.role(of: Array(Self.oddly(name, &random).utf8).span) == role)
            }
            for other in Self.oneOff(name, &random) where !Self.answerNames.contains(other) {
                let isPrefixed = ["proxy-", "access-control-", "x-formation-"].contains { other.hasPrefix($0) }
                #expect((table.answers.role(of: Array(other.utf8).span) != .passes) == isPrefixed, "\(other)")
            }
        }
    }

    private static let requestNames = [
        "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "authorization",
        "x-sfdc-session", "cookie", "cookie2", "origin", "referer", "sec-fetch-site", "sec-fetch-mode", "forwarded",
        "x-forwarded-proto", "x-forwarded-for", "x-forwarded-host", "x-request-start", "via", "content-length",
        "x-request-id", "access-control-request-method", "expect", "proxy-authorization", "x-formation-tenant",
        "x-http-method-override", "x-http-method", "x-method-override",
    ]

    private static let answerNames = [
        "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "alt-svc", "clear-site-data",
        "content-security-policy", "nel", "report-to", "reporting-endpoints", "server-timing", "service-worker-allowed",
        "set-cookie",
        "set-cookie2", "strict-transport-security", "x-content-type-options", "x-request-id", "content-length",
        "location", "date", "content-type", "content-encoding", "vary", "access-control-allow-origin", "proxy-status",
    ]

    private static func oddly(_ name: String, _ random: inout SeededGenerator) -> String {
        String(
            name.map { character in
                if character == "-" { return ["-", "_", "."].randomElement(using: &random) ?? "-" }
                return Bool.random(using: &random) ? Character(character.uppercased()) : character
            })
    }

    /// Names with a byte more, less, or another one.
    private static func oneOff(_ name: String, _ random: inout SeededGenerator) -> [String] {
        var names = [name + "x", "x" + name, String(name.dropLast()), String(name.dropFirst())]
        for place in name.indices {
            var other = name
            other.replaceSubrange(place...place, with: ["q", "9", "~", "!"].randomElement(using: &random) ?? "q")
            if other != name { names.append(other) }
        }
        return names.filter { !$0.isEmpty }
    }

    private static func expected(_ name: String) -> HeaderTable.RequestRole {
        if ["proxy-", "sec-fetch-", "x-forwarded-", "x-formation-"].contains(where: { name.hasPrefix($0) }) {
            return .dropped
        }
        return name == "cookie2" || name == "cookie" ? HeaderTable().requests.role(of: Array(name.utf8).span) : .passes
    }
}
