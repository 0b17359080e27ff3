import Foundation
import GatewayTesting
import Logging
import Testing

@testable import Postgres

@Suite(.timeLimit(.minutes(5))) struct TLSTests {
    /// Each `sslmode` holds to what it says: encryption, the certificate's issuer, the host's name.
    @Test func modesAreKept() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "formation-tls-\(getpid())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let certificate = directory.appending(path: "server.crt").path
        let key = directory.appending(path: "server.key").path
        try await Self.makeCertificate(certificate: certificate, key: key)
        let cluster = try await PostgresCluster.start(
            .init(authentication: .scram, tls: .init(certificate: certificate, key: key)))
        let database = try await cluster.createDatabase()
        let named = database.url.replacingOccurrences(of: "127.0.0.1", with: "localhost")
        let root = "sslrootcert=\(certificate)"
        let cases: [(String, isEncrypted: Bool?)] = [
            ("\(database.url)?sslmode=disable", false), ("\(database.url)?sslmode=prefer", true),
            ("\(database.url)?sslmode=require", true), ("\(database.url)?sslmode=verify-full", nil),
            ("\(database.url)?sslmode=verify-ca&\(root)", true), ("\(named)?sslmode=verify-full&\(root)", true),
            ("\(database.url)?sslmode=verify-full&\(root)", nil),
        ]
        for (url, isEncrypted) in cases {
            let error = await failure {
                try await PostgresClient.withClient(
                    configuration: patientConfiguration(url: url), logger: Logger(label: "test")
                ) { client in
                    let rows = try await client.query(
                        "select ssl, repeat('x', 300000) as long from pg_stat_ssl where pid = pg_backend_pid()")
                    #expect(try rows[0].decode("ssl", as: Bool.self) == isEncrypted)
                    #expect(try rows[0].decode("long", as: String.self).count == 300_000)
                    try await Self.exercise(client)
                }
            }
            #expect(error?.connectionProblem == (isEncrypted == nil ? .tlsRefused : nil), "\(url)")
        }
        // The client's options win over those of the string.
        var configuration = patientConfiguration(url: "\(database.url)?sslmode=disable")
        configuration.options = ["sslmode": "verify-full", "sslrootcert": certificate]
        let error = await failure {
            try await PostgresClient.withClient(configuration: configuration, logger: Logger(label: "test")) {
                try await $0.query("select 1")
            }
        }
        #expect(error?.connectionProblem == .tlsRefused)
    }

    /// Pipelines and cancellation work through TLS too.
    private static func exercise(_ client: PostgresClient) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<100 {
                group.addTask {
                    let row = try await client.query("select \(number)::int8 as n, repeat('y', 20000) as pad")[0]
                    return try row.decode("n", as: Int.self) == number
                }
            }
            for try await isRight in group { #expect(isRight) }
        }
        let task = Task { try await client.query("select pg_sleep(600)") }
        await Task.yield()
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    /// A self-signed certificate for `localhost`, and not for 127.0.0.1.
    private static func makeCertificate(certificate: String, key: String) async throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate,
        ]
        process.standardError = FileHandle.nullDevice
        let status = try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus) }
            do { try process.run() } catch { continuation.resume(throwing: error) }
        }
        try #require(status == 0)
    }
}
