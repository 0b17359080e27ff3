import AsyncHTTPClient
import Crypto
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Testing

@testable import SalesforceSimulator

/// A running simulator and a client that talks to it by 127.0.0.1, naming hosts in `Host` alone.
struct Harness: Sendable {
    let simulator: SalesforceSimulator
    let client: HTTPClient
    let port: Int

    static let callback = "http://axonify.formation.localhost:8080/auth/callback"
    static let login = "axonify.my.salesforce.localhost"
    static let instance = "axonify.instance.salesforce.localhost"
    static let susan = "smcgovern@axonify.com.fullcpy"
    static let alex = "arivera@axonify.com.fullcpy"
    static let hank = "hscorpio@globex.example"
    static let axonifyClient = "3MVG9simulated.axonify.consumer.key"
    static let axonifySecret = "simulated-axonify-consumer-secret"
    static let globexClient = "3MVG9simulated.globex.consumer.key"
    static let globexSecret = "simulated-globex-consumer-secret"

    struct Reply: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var body: [UInt8]

        var text: String { String(decoding: body, as: UTF8.self) }

        func json() throws -> JSON { try JSONParser.parse(body) }

        /// The fields of the query of the `Location` header.
        var locationFields: FormFields {
            FormFields(parsing: (headers.first(name: "Location") ?? "").split(separator: "?", maxSplits: 1).last ?? "")
        }
    }

    /// Runs a simulator around the body, on a free port.
    static func run(
        _ change: (inout SimulatorConfiguration) -> Void = { _ in },
        _ body: @escaping @Sendable (Harness) async throws -> Void
    ) async throws {
        var configuration = SimulatorConfiguration.demo(redirectURIs: [callback])
        // Small orgs start fast; paging has a test of its own.
        for index in configuration.orgs.indices {
            configuration.orgs[index].accountCount = 12
            configuration.orgs[index].contactCount = 30
            configuration.orgs[index].opportunityCount = 21
        }
        change(&configuration)
        let simulator = SalesforceSimulator(
            configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let client = HTTPClient.Configuration(redirectConfiguration: .disallow)
        try await HTTPClient.withHTTPClient(configuration: client) { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try? await simulator.run() }
                let port = try await simulator.listeningPort()
                do {
                    try await body(Harness(simulator: simulator, client: client, port: port))
                } catch {
                    group.cancelAll()
                    throw error
                }
                group.cancelAll()
            }
        }
    }

    func send(
        _ method: HTTPMethod, _ host: String, _ target: String, headers: [(String, String)] = [],
        body: String? = nil, address: String = "127.0.0.1"
    ) async throws -> Reply {
        var request = HTTPClientRequest(url: "http://\(address):\(port)\(target)")
        request.method = method
        request.headers.add(name: "Host", value: "\(host):\(port)")
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await client.execute(request, timeout: .seconds(30))
        let bytes = try await response.body.collect(upTo: 64 * 1024 * 1024)
        return Reply(status: Int(response.status.code), headers: response.headers, body: Array(buffer: bytes))
    }

    func post(_ host: String, _ target: String, form: [(String, String)], headers: [(String, String)] = [])
        async throws -> Reply
    {
        try await send(
            .POST, host, target, headers: [("Content-Type", "application/x-www-form-urlencoded")] + headers,
            body: FormFields(form).encoded)
    }

    // MARK: Signing in

    static let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    static var challenge: String { base64URL(SHA256.hash(data: Data(verifier.utf8))) }

    static func authorize(
        _ changes: [String: String?] = [:], clientID: String = axonifyClient
    ) -> String {
        var fields: [(String, String)] = []
        let defaults: [(String, String)] = [
            ("response_type", "code"), ("client_id", clientID), ("redirect_uri", callback),
            ("scope", "api refresh_token openid"), ("state", "s t&te"), ("code_challenge", challenge),
            ("code_challenge_method", "S256"),
        ]
        for (name, value) in defaults {
            switch changes[name] {
            case .some(.some(let changed)): fields.append((name, changed))
            case .some(.none): break
            case .none: fields.append((name, value))
            }
        }
        for (name, value) in changes where !defaults.contains(where: { $0.0 == name }) {
            if let value { fields.append((name, value)) }
        }
        return "/services/oauth2/authorize?\(FormFields(fields).encoded)"
    }

    /// A browser's cookie after signing in on a login host.
    func logIn(_ username: String, host: String = login) async throws -> String {
        let reply = try await post(
            host, "/",
            form: [("un", username), ("pw", SimulatorConfiguration.demoPassword), ("startURL", "/home/home.jsp")])
        let cookie = try #require(reply.headers["Set-Cookie"].first { $0.hasPrefix("sid=") })
        return String(cookie.prefix { $0 != ";" })
    }

    /// The redirect to the callback, after login and consent.
    func approve(
        _ target: String, username: String = susan, host: String = login, button: String = "save"
    ) async throws -> Reply {
        let cookie = try await logIn(username, host: host)
        let first = try await send(.GET, host, target, headers: [("Cookie", cookie)])
        let location = try #require(first.headers.first(name: "Location"))
        guard location.hasPrefix("/") else { return first }
        let consent = try await send(.GET, host, location, headers: [("Cookie", cookie)])
        let source = try #require(consent.text.firstMatch(of: /name="source" value="([^"]+)"/))
        let token = try #require(consent.text.firstMatch(of: /name="token" value="([^"]+)"/))
        return try await post(
            host, SignInEndpoints.consentPath,
            form: [("source", String(source.1)), ("token", String(token.1)), (button, "1")],
            headers: [("Cookie", cookie)])
    }

    func code(_ target: String = authorize(), username: String = susan, host: String = login) async throws -> String {
        try #require(try await approve(target, username: username, host: host).locationFields["code"])
    }

    func exchange(_ code: String, _ changes: [String: String?] = [:], host: String = login) async throws -> Reply {
        var fields = [
            "grant_type": "authorization_code", "code": code, "redirect_uri": Self.callback,
            "client_id": Self.axonifyClient, "client_secret": Self.axonifySecret, "code_verifier": Self.verifier,
        ]
        for (name, value) in changes { fields[name] = value }
        return try await post(host, "/services/oauth2/token", form: fields.map { ($0.key, $0.value) })
    }

    struct Tokens: Sendable {
        var access: String
        var refresh: String
        var body: JSON
    }

    static func tokens(_ reply: Reply) throws -> Tokens {
        #expect(reply.status == 200, "\(reply.text)")
        let body = try reply.json()
        return Tokens(
            access: try #require(body["access_token"]?.stringValue), refresh: body["refresh_token"]?.stringValue ?? "",
            body: body)
    }

    func signIn(_ username: String = susan) async throws -> Tokens {
        try Self.tokens(try await exchange(try await code(username: username)))
    }

    func signInToGlobex() async throws -> Tokens {
        let host = "globex.my.salesforce.localhost"
        let target = Self.authorize(clientID: Self.globexClient)
        return try Self.tokens(
            try await exchange(
                try await code(target, username: Self.hank, host: host),
                ["client_id": Self.globexClient, "client_secret": Self.globexSecret], host: host))
    }

    func refresh(_ token: String, _ changes: [String: String?] = [:]) async throws -> Reply {
        var fields = [
            "grant_type": "refresh_token", "refresh_token": token, "client_id": Self.axonifyClient,
            "client_secret": Self.axonifySecret,
        ]
        for (name, value) in changes { fields[name] = value }
        return try await post(Self.login, "/services/oauth2/token", form: fields.map { ($0.key, $0.value) })
    }

    // MARK: API

    func api(
        _ method: HTTPMethod = .GET, _ target: String, token: String, headers: [(String, String)] = [],
        json: JSON? = nil, host: String = instance
    ) async throws -> Reply {
        var headers = headers
        headers.append(("Authorization", "Bearer \(token)"))
        if json != nil { headers.append(("Content-Type", "application/json")) }
        return try await send(method, host, target, headers: headers, body: json?.text)
    }

    func query(_ soql: String, token: String, headers: [(String, String)] = []) async throws -> Reply {
        try await api(.GET, "/services/data/v60.0/query?q=\(percentEncoded(soql))", token: token, headers: headers)
    }
}
