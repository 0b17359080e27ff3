import Foundation
import GatewayTesting

/// Another proxy, as it comes: our configuration says where it listens and what stands behind it, and changes none of
/// what it takes for a request.
struct Peer: Sendable {
    let name: String
    let executable: String
    /// The configuration for pairs of a port to listen on and the upstream's port.
    let configuration: @Sendable (_ ports: [(own: Int, upstream: Int)], _ directory: String) -> String
    let arguments: @Sendable (_ directory: String) -> [String]

    static let all = [nginx, haproxy]

    static let nginx = Peer(
        name: "nginx", executable: "nginx",
        configuration: { ports, directory in
            let servers = ports.map { own, upstream in
                """
                    upstream u\(own) { server 127.0.0.1:\(upstream) max_fails=0; keepalive 4; }
                    server {
                        listen 127.0.0.1:\(own);
                        location / {
                            proxy_pass http://u\(own);
                            proxy_http_version 1.1;
                            proxy_set_header Connection "";
                        }
                    }

                """
            }
            let stores = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map {
                "\($0)_temp_path \(directory)/\($0);"
            }
            return """
                daemon off;
                master_process off;
                pid \(directory)/nginx.pid;
                error_log stderr;
                events { worker_connections 512; }
                http {
                    access_log off;
                    \(stores.joined(separator: "\n    "))
                \(servers.joined())}

                """
        },
        arguments: { ["-p", $0, "-e", "stderr", "-c", "\($0)/configuration"] })

    static let haproxy = Peer(
        name: "HAProxy", executable: "haproxy",
        configuration: { ports, _ in
            let pairs = ports.map { own, upstream in
                """
                listen l\(own)
                    bind 127.0.0.1:\(own)
                    server s 127.0.0.1:\(upstream)

                """
            }
            return """
                global
                    maxconn 512
                    nbthread 1
                defaults
                    mode http
                    timeout connect 5s
                    timeout client 20s
                    timeout server 20s
                    http-reuse safe

                """ + pairs.joined()
        },
        arguments: { ["-db", "-f", "\($0)/configuration"] })

    /// How it calls itself; `nil` where it isn't installed.
    func version() throws -> String? {
        guard let path = SupervisedProcess.find(executable) else { return nil }
        let process = Process()
        let pipe = Pipe()
        process.executableURL = URL(filePath: path)
        process.arguments = ["-v"]
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let number = text.firstMatch(of: /(\d+\.\d+\.\d+)/).map { String($0.1) }
        return "\(name) \(number ?? "of unknown version")"
    }

    /// Runs it for the time of `body`, which gets the port of each upstream's front; skips it where it isn't installed.
    func run(before upstreams: [RecordingUpstream], _ body: ([Int]) async throws -> Void) async throws {
        guard let path = SupervisedProcess.find(executable) else { return }
        let directory = FileManager.default.temporaryDirectory.appending(path: "formation-peer-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let ports = try upstreams.map { (own: try FreePort.find(), upstream: $0.port) }
        try configuration(ports, directory.path).write(
            to: directory.appending(path: "configuration"), atomically: true, encoding: .utf8)
        let log = directory.appending(path: "log")
        let process = try SupervisedProcess(path, arguments: arguments(directory.path), log: log)
        defer { process.end() }
        for port in ports { try await Self.waitForListener(port.own, log: log) }
        try await body(ports.map(\.own))
    }

    /// A foreign process says only by listening that it listens.
    private static func waitForListener(_ port: Int, log: URL) async throws {
        for _ in 0..<500 {
            if let connection = try? await RawConnection.connect(port: port) {
                await connection.close()
                return
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw PeerError(description: (try? String(contentsOf: log, encoding: .utf8)) ?? "it said nothing")
    }
}

/// A peer did not start; with what it said.
struct PeerError: Error, CustomStringConvertible {
    let description: String
}
