import AsyncHTTPClient
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Salesforce

/// A server on a free loopback port that answers as the test says and keeps what it received.
struct TestServer: Sendable {
    struct Received: Sendable {
        let method: String
        let target: String
        let headers: HTTPFields
        let body: String
    }

    let port: Int
    let http: HTTPClient
    let hosts: AllowedHosts
    private let received: AsyncStream<Received>

    var base: String { "http://127.0.0.1:\(port)" }

    /// The next request that arrived; to be called once for each.
    func nextRequest() async -> Received? {
        var iterator = received.makeAsyncIterator()
        return await iterator.next()
    }

    func client(
        limits: SalesforceOAuthClient.Limits = .init()
    ) -> SalesforceOAuthClient {
        SalesforceOAuthClient(http: http, hosts: hosts, limits: limits)
    }

    /// Runs a server while the body runs.
    static func run(
        _ respond: @escaping @Sendable (Request) async throws -> Response,
        _ body: @escaping @Sendable (TestServer) async throws -> Void
    ) async throws {
        let (ports, portFound) = AsyncStream<Int>.makeStream()
        let (received, receive) = AsyncStream<Received>.makeStream()
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let application = Application(
            responder: CallbackResponder { (request: Request, _: BasicRequestContext) in
                var request = request
                let bytes = try await request.collectBody(upTo: 1 << 20)
                receive.yield(
                    Received(
                        method: request.method.rawValue, target: request.uri.description, headers: request.headers,
                        body: String(buffer: bytes)))
                return try await respond(request)
            },
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { portFound.yield($0.localAddress?.port ?? 0) }, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            var iterator = ports.makeAsyncIterator()
            let port = await iterator.next() ?? 0
            try await HTTPClient.withHTTPClient(configuration: SalesforceOAuthClient.configuration()) { http in
                try await body(
                    TestServer(
                        port: port, http: http, hosts: AllowedHosts(extra: ["127.0.0.1:\(port)"]), received: received))
            }
            group.cancelAll()
        }
    }
}

extension Response {
    /// A JSON answer.
    static func json(_ body: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json;charset=UTF-8"],
            body: .init(byteBuffer: ByteBuffer(string: body)))
    }
}
