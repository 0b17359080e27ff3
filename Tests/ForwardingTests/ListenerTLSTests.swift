import Foundation
import GatewayTesting
import Logging
import NIOCore
import NIOSSL
import Testing

@testable import Forwarding

/// https, served by the gateway itself.
@Suite(.timeLimit(.minutes(5))) struct ListenerTLSTests {
    private static let path = "/services/data/v62.0/x"
    private static let name = "axonify.formation.localhost"

    /// Certificate and key as files, which can be replaced.
    private struct Files {
        let directory: URL
        var certificatePath: String { directory.appending(path: "certificate.pem").path }
        var keyPath: String { directory.appending(path: "key.pem").path }

        init() throws {
            directory = FileManager.default.temporaryDirectory.appending(
                path: "formation-listener-\(UUID().uuidString)")
            try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        }

        func write(_ certificate: Certificate) throws {
            try write(certificate: certificate.chain)
            try write(key: certificate.key)
        }

        /// In the place of the former file, as renewers do.
        func write(certificate bytes: [UInt8]) throws {
            try Data(bytes).write(to: URL(fileURLWithPath: certificatePath), options: .atomic)
        }

        func write(key bytes: [UInt8]) throws {
            try Data(bytes).write(to: URL(fileURLWithPath: keyPath), options: .atomic)
        }

        func remove() {
            try? FileManager.default.removeItem(at: directory)
        }
    }

    private static func withListener(
        _ certificate: Certificate, _ body: (ListenerTLS, Files, CapturedLog) async throws -> Void
    ) async throws {
        let files = try Files()
        defer { files.remove() }
        try files.write(certificate)
        let log = CapturedLog()
        let tls = try ListenerTLS(
            certificatePath: files.certificatePath, keyPath: files.keyPath, logger: log.logger, now: { Date() })
        try await body(tls, files, log)
    }

    private static func connect(_ world: World, trusting certificate: Certificate) async throws -> RawConnection {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(certificate.authority))
        configuration.applicationProtocols = ["http/1.1"]
        let context = try NIOSSLContext(configuration: configuration)
        return try await RawConnection.connect(port: world.port, isReadAlways: true) { channel in
            try channel.pipeline.syncOperations.addHandler(
                NIOSSLClientHandler(context: context, serverHostname: name), name: "TLS")
        }
    }

    /// A gateway that serves https, and a client that trusts it.
    private static func withClient(
        _ body: @escaping @Sendable (RawConnection, World) async throws -> Void
    ) async throws {
        let certificate = try Certificate.make(name: name)
        try await withListener(certificate) { tls, _, _ in
            var options = WorldOptions()
            options.listenerTLS = tls
            try await withWorld(options) { world in
                try await body(try await connect(world, trusting: certificate), world)
            }
        }
    }

    /// Calls are forwarded, the other plane is reached, and both again on one connection; large bodies both ways.
    @Test func callsOverTLS() async throws {
        try await Self.withClient { client, world in
            try await client.send(world.request("POST", Self.path, ["Content-Length: 4"], body: "body"))
            let salesforce = try await world.upstream.accept()
            #expect(try await salesforce.readRequest().text == "body")
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            #expect(try await client.readResponse().text == "ok")
            let large = String(repeating: "l", count: 400_000)
            try await client.send(
                world.request("PUT", Self.path, ["Content-Length: \(large.utf8.count)"], body: large))
            #expect(try await salesforce.readRequest().text == large)
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: \(large.utf8.count)\r\n\r\n" + large)
            #expect(try await client.readResponse().text == large)
            try await client.send(world.bare("POST", "/other", ["Content-Length: 5"], body: "hello"))
            let other = try await client.readResponse()
            #expect(other.status == 418)
            #expect(other.text == "hello")
            try await client.send(world.request("GET", Self.path, ["Connection: close"]))
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            #expect(try await client.readResponse().text == "ok")
            #expect(try await client.readToEnd() == [])
        }
    }

    /// A client that sends its request and then says that it sends no more is answered.
    @Test func halfClosed() async throws {
        try await Self.withClient { client, world in
            try await client.send(world.request("GET", Self.path))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await client.finishSending()
            try await salesforce.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            // How it is found out whether the client is there still.
            #expect(try await client.readHead().status == 100)
            #expect(try await client.readResponse().text == "ok")
            #expect(try await client.readToEnd() == [])
        }
    }

    /// An answer of which the end of the connection is the end, and which is cut off, does not end as a whole one would.
    @Test func aCutAnswerIsNoWholeOne() async throws {
        try await Self.withClient { client, world in
            try await client.send(world.request("GET", Self.path).replacing("HTTP/1.1", with: "HTTP/1.0"))
            let salesforce = try await world.upstream.accept()
            _ = try await salesforce.readRequest()
            try await salesforce.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nbegun\r\n")
            #expect(try await client.readHead().status == 200)
            #expect(try await client.read(count: 5) == Array("begun".utf8))
            await salesforce.reset()
            #expect(try await client.waitForEnd())
        }
    }

    /// Who speaks plain http, or garbage, gets no answer, and no call is made.
    @Test(arguments: ["GET /services/data HTTP/1.1\r\nHost: x\r\n\r\n", "\u{16}\u{3}\u{1}garbage"])
    func plainText(text: String) async throws {
        try await Self.withListener(try Certificate.make(name: Self.name)) { tls, _, _ in
            var options = WorldOptions()
            options.listenerTLS = tls
            try await withWorld(options) { world in
                let client = try await world.connect()
                try await client.send(text)
                try await client.finishSending()
                let answer = String(decoding: try await client.readToEnd(), as: UTF8.self)
                #expect(!answer.contains("HTTP/1.1"))
                #expect(world.upstream.acceptedCount == 0)
            }
        }
    }

    /// A renewed certificate is used for new connections; one that can't be used changes nothing, and is told of once.
    @Test func theCertificateIsRenewed() async throws {
        let (first, second) = (try Certificate.make(name: Self.name), try Certificate.make(name: Self.name))
        try await Self.withListener(first) { tls, files, log in
            var options = WorldOptions()
            options.listenerTLS = tls
            try await withWorld(options) { world in
                func isServed(_ certificate: Certificate) async throws -> Bool {
                    let client = try await Self.connect(world, trusting: certificate)
                    guard (try? await client.send(world.bare("GET", "/other"))) != nil else { return false }
                    return try await client.readToEnd(orThrough: "\r\n\r\n")
                }
                #expect(try await isServed(first))
                // The key is still the former one's.
                try files.write(certificate: second.chain)
                tls.reload()
                tls.reload()
                #expect(log.lines.count { $0.level == .error } == 1)
                #expect(try await isServed(first))
                try files.write(key: second.key)
                tls.reload()
                #expect(try await isServed(second))
                #expect(try await !isServed(first))
                try files.write(certificate: Array("nonsense".utf8))
                tls.reload()
                try FileManager.default.removeItem(atPath: files.keyPath)
                tls.reload()
                #expect(try await isServed(second))
            }
        }
    }

    /// A certificate that ends is told of once when that comes near and once when it has come, and never while it is
    /// good; so is a file that stays away.
    @Test func endsAndLossesAreTold() throws {
        let files = try Files()
        defer { files.remove() }
        try files.write(try Certificate.make(name: Self.name))
        let log = CapturedLog()
        let clock = TestClock()
        let tls = try ListenerTLS(
            certificatePath: files.certificatePath, keyPath: files.keyPath, logger: log.logger, now: clock.reading)
        func told(at time: Date) -> [String] {
            clock.advance(by: time.timeIntervalSince(clock.now))
            let before = log.lines.count
            for _ in 0..<3 { tls.examine() }
            return log.lines.dropFirst(before).map { "\($0.level) \($0.message)" }
        }
        let validity = tls.validity
        let nearness = ListenerTLS.renewalSeconds
        #expect(
            told(at: validity.start.addingTimeInterval(-1)) == [
                "error The TLS certificate is not valid yet: clients refuse it"
            ])
        #expect(
            told(at: validity.end.addingTimeInterval(-60)) == ["warning The TLS certificate ends soon: renew it"])
        #expect(
            told(at: validity.end) == ["error The TLS certificate has ended: clients refuse it. Renew it"])
        #expect(told(at: validity.end.addingTimeInterval(nearness)).isEmpty)
        try FileManager.default.removeItem(atPath: files.keyPath)
        let before = log.lines.count
        for _ in 0..<100 { tls.reload() }
        #expect(
            log.lines.dropFirst(before).map(\.message) == [
                "A TLS file is gone: the certificate is used on, and a restart would fail"
            ])
    }

    /// Files that can't be used are refused when the process starts, in words that say which and why.
    @Test func filesThatCannotBeUsed() throws {
        let files = try Files()
        defer { files.remove() }
        let (one, other) = (try Certificate.make(name: Self.name), try Certificate.make(name: "other.localhost"))
        func error() -> ListenerTLSError? {
            do throws(ListenerTLSError) {
                _ = try ListenerTLS(
                    certificatePath: files.certificatePath, keyPath: files.keyPath, logger: CapturedLog().logger,
                    now: { Date() })
                return nil
            } catch {
                return error
            }
        }
        #expect(error() == .unreadable("TLS_CERTIFICATE"))
        try files.write(certificate: one.key)
        #expect(error() == .unreadable("TLS_KEY"))
        try files.write(key: one.chain)
        #expect(error() == .noCertificate)
        try files.write(certificate: one.chain)
        #expect(error() == .noKey)
        try files.write(key: other.key)
        #expect(error() == .keyOfAnother)
        try files.write(key: one.key)
        #expect(error() == nil)
    }
}

extension RawConnection {
    /// Reads up to a marker; `false` where the peer ends before.
    fileprivate func readToEnd(orThrough marker: String) async throws -> Bool {
        (try? await read(through: marker)) != nil
    }
}
