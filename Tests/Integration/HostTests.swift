import Access
import Foundation
import GatewayTesting
import HTTPTypes
import SalesforceSimulator
import Testing

@testable import Gateway

extension WorldTests {
    /// Hosts, probes and what is believed of an edge (contract §1), byte by byte over sockets.
    @Suite(.serialized) struct HostTests {
        /// The tenant comes from `Host` alone, in any case, with any port and one trailing dot.
        @Test func hostNamesTheTenant() async throws {
            try await World.run { world in
                for host in [
                    "axonify.formation.localhost", "AXONIFY.Formation.LOCALHOST:1", "axonify.formation.localhost.",
                ] {
                    let answer = try await Self.get(world, "/", headers: ["Host: \(host)", "Accept: text/html"])
                    #expect(answer.status == 200)
                    #expect(answer.text.contains("Sign in to Axonify"), "\(host)")
                }
                let spoofed = try await Self.get(
                    world, "/",
                    headers: [
                        "Host: axonify.formation.localhost", "X-Forwarded-Host: globex.formation.localhost",
                        "Forwarded: host=globex.formation.localhost", "Accept: text/html",
                    ])
                #expect(spoofed.text.contains("Sign in to Axonify"))
            }
        }

        /// What is answered here has a line in the log, by a template, with the id that the answer carries; probes have
        /// none.
        @Test func ownAnswersAreLogged() async throws {
            try await World.run { world in
                let key = UUID().uuidString
                let requests = [
                    (
                        "axonify.formation.localhost", "/api/keys/\(key)?a=secret",
                        "error=METHOD_NOT_ALLOWED method=GET"
                            + " path=/api/keys/{id}", "status=405 tenant=axonify"
                    ),
                    (
                        "axonify.formation.localhost", "/secret", "error=NOT_FOUND method=GET path=/{path}",
                        "status=404 tenant=axonify"
                    ),
                    ("axonify.formation.localhost", "/", "method=GET path=/", "status=200 tenant=axonify"),
                    ("formation.localhost", "/?workspace=secret", "method=GET path=/", "status=303"),
                    ("nobody.formation.localhost", "/secret", "method=GET path=/{path}", "status=404"),
                ]
                for (host, path, begins, ends) in requests {
                    let answer = try await Self.get(world, path, headers: ["Host: \(host)", "Accept: text/html"])
                    let id = try #require(answer["X-Request-Id"].first)
                    let lines = world.log.text.split(separator: "\n").filter {
                        $0.hasPrefix("info request ") && $0.contains("request_id=\(id)")
                    }
                    #expect(lines.count == 1, "\(host)\(path)")
                    #expect(lines.first?.contains("\(begins) request_id=\(id) \(ends)") == true, "\(lines)")
                    #expect(lines.first?.contains("secret") == false)
                }
                let before = world.log.count(of: "info request ")
                _ = try await Self.get(world, "/healthz", headers: ["Host: formation.localhost"])
                #expect(world.log.count(of: "info request ") == before)
            }
        }

        /// Nothing tells a foreign host, a nested label, a reserved one and an unknown tenant apart.
        @Test func unknownHostsAnswerAlike() async throws {
            try await World.run { world in
                let hosts = [
                    "nobody.formation.localhost", "a.axonify.formation.localhost",
                    "axonify.formation.localhost.evil.example",
                    "evil.example", "api.formation.localhost", "xn--axonify.formation.localhost", "127.0.0.1",
                    "_.formation.localhost", "axonifyformation.localhost",
                ]
                for path in ["/", "/api/me", "/services/data/v62.0/limits", "/auth/login"] {
                    var bodies: Set<String> = []
                    for host in hosts {
                        let answer = try await Self.get(world, path, headers: ["Host: \(host)"])
                        #expect(answer.status == 404, "\(host) \(path)")
                        let id = answer["X-Request-Id"].first ?? ""
                        bodies.insert(answer.text.replacing(id, with: ""))
                    }
                    #expect(bodies.count == 1)
                }
            }
        }

        /// None or several `Host`, or a target whose authority is another: 400.
        @Test func ambiguousHosts() async throws {
            try await World.run { world in
                let own = "axonify.formation.localhost"
                let requests = [
                    "GET / HTTP/1.1\r\n\r\n",
                    "GET / HTTP/1.1\r\nHost: \(own)\r\nHost: \(own)\r\n\r\n",
                    "GET / HTTP/1.1\r\nHost: \(own)@evil.example\r\n\r\n",
                    "GET / HTTP/1.1\r\nHost: \(own)\r\nHost: globex.formation.localhost\r\n\r\n",
                    "GET http://globex.formation.localhost/ HTTP/1.1\r\nHost: \(own)\r\n\r\n",
                    "GET http://evil.example/api/me HTTP/1.1\r\nHost: \(own)\r\n\r\n",
                    "GET http://\(own)@evil.example/ HTTP/1.1\r\nHost: \(own)\r\n\r\n",
                ]
                for request in requests {
                    let answer = try await Self.send(world, request)
                    #expect(answer.status == 400, "\(request)")
                }
                let absolute = try await Self.send(
                    world, "GET http://\(own):\(world.ports[0])/auth/session HTTP/1.1\r\nHost: \(own)\r\n\r\n")
                #expect(absolute.status == 401)
            }
        }

        /// The probes answer on any host, on exact paths alone; metrics need their token.
        @Test func probes() async throws {
            try await World.run(environment: ["METRICS_TOKEN": "sesame"]) { world in
                let anywhere = ["Host: whatever.example"]
                #expect(try await Self.get(world, "/healthz", headers: anywhere).status == 200)
                let ready = try await Self.get(world, "/readyz", headers: anywhere)
                #expect(ready.status == 200)
                #expect(ready.text.contains("\"database\":\"reachable\""))
                for path in ["/healthz/", "/healthzz", "/Healthz", "/readyz/x"] {
                    #expect(try await Self.get(world, path, headers: anywhere).status == 404, "\(path)")
                }
                #expect(try await Self.get(world, "/metrics", headers: anywhere).status == 401)
                #expect(
                    try await Self.get(world, "/metrics", headers: anywhere + ["Authorization: Bearer wrong"]).status
                        == 401)
                let metrics = try await Self.get(
                    world, "/metrics", headers: anywhere + ["Authorization: Bearer sesame"])
                #expect(metrics.status == 200)
            }
        }

        /// Without trusted hops a client's request id is not taken over.
        @Test func requestIDsOfStrangers() async throws {
            try await World.run { world in
                let answer = try await Self.get(
                    world, "/healthz", headers: ["Host: x", "X-Request-Id: from-outside", "X-Forwarded-Proto: http"])
                #expect(answer["X-Request-Id"].count == 1)
                #expect(answer["X-Request-Id"].first != "from-outside")
            }
        }

        private static func get(_ world: World, _ path: String, headers: [String]) async throws -> RawMessage {
            try await send(world, "GET \(path) HTTP/1.1\r\n" + headers.map { $0 + "\r\n" }.joined() + "\r\n")
        }

        private static func send(_ world: World, _ request: String) async throws -> RawMessage {
            let connection = try await RawConnection.connect(port: world.ports[0])
            try await connection.send(request)
            let answer = try await connection.readResponse()
            await connection.close()
            return answer
        }
    }
}

/// What is believed of an edge's headers.
@Suite struct EdgeTrustTests {
    private static let made = UUID()

    /// An id is taken over behind trusted hops alone, and only in its form.
    @Test(arguments: [
        (1, "abc-DEF_1.2", true), (0, "abc", false), (1, "", false), (1, "a b", false), (1, "a\u{e9}", false),
        (1, String(repeating: "x", count: 128), true), (1, String(repeating: "x", count: 129), false),
        (1, "a;b", false),
    ])
    func requestIDs(hops: Int, given: String, isTaken: Bool) {
        let id = EdgeTrust(trustedHops: hops).requestID([.requestID: given]) { Self.made }
        #expect(id == (isTaken ? given : Self.made.uuidString.lowercased()))
    }

    /// The right-most word is our own edge's.
    @Test(arguments: [
        (1, "http", true), (1, "https", false), (1, "https, http", true), (1, "http, https", false), (0, "http", false),
    ])
    func schemes(hops: Int, given: String, isHTTP: Bool) {
        #expect(EdgeTrust(trustedHops: hops).cameByHTTP([.forwardedProto: given]) == isHTTP)
    }
}
