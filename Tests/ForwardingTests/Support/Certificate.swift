import Foundation
import NIOSSL

/// A certificate made for the tests, with its key and the certificate of whoever signed it.
struct Certificate: Sendable {
    let chain: [UInt8]
    let key: [UInt8]
    let authority: [UInt8]

    /// A server's context with it.
    func serverContext() throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(chain).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: key, format: .pem)))
        configuration.applicationProtocols = ["http/1.1"]
        return try NIOSSLContext(configuration: configuration)
    }

    /// One for a name, signed by an authority that is made with it.
    static func make(name: String, isExpired: Bool = false) throws -> Certificate {
        // Several of one name are made at one time, in a directory each.
        let place = "formation-tls-\(UUID().uuidString)"
        let directory = FileManager.default.temporaryDirectory.appending(path: place)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        func file(_ name: String) -> String { directory.appending(path: name).path }
        func bytes(_ name: String) throws -> [UInt8] { try Array(Data(contentsOf: directory.appending(path: name))) }
        let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        try openssl(
            ["req", "-x509", "-days", "2", "-subj", "/CN=authority", "-keyout", file("ca.key"), "-out", file("ca.crt")]
                + newKey)
        try openssl(
            ["req", "-subj", "/CN=\(name)", "-addext", "subjectAltName=DNS:\(name)", "-keyout", file("key")] + newKey
                + ["-out", file("request")])
        try openssl(
            [
                "x509", "-req", "-in", file("request"), "-CA", file("ca.crt"), "-CAkey", file("ca.key"),
                "-set_serial", "1", "-copy_extensions", "copy", "-days", isExpired ? "-1" : "2", "-out", file("crt"),
            ])
        return try Certificate(chain: bytes("crt"), key: bytes("key"), authority: bytes("ca.crt"))
    }

    private static func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        (process.standardOutput, process.standardError) = (FileHandle.nullDevice, FileHandle.nullDevice)
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(arguments: arguments) }
    }

    private struct Failure: Error {
        let arguments: [String]
    }
}
