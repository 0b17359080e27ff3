import Foundation
import GatewayTesting
import NIOCore
import NIOPosix
import Testing

/// The command line as its user meets it: a child process, its output and its exit code (contract §4).
@Suite struct CommandLineTests {
    /// Every command explains itself.
    @Test(arguments: [
        [], ["serve"], ["db"], ["db", "init"], ["db", "migrate"], ["db", "status"], ["db", "dump"], ["customer"],
        ["customer", "create"], ["customer", "list"], ["customer", "show"], ["customer", "credentials"],
        ["customer", "suspend"], ["customer", "resume"], ["customer", "delete"], ["key"], ["key", "generate"],
        ["key", "rotate"], ["doctor"], ["simulator"], ["demo"],
    ])
    func help(command: [String]) async throws {
        let output = try await FormationProcess.run(command + ["--help"])
        #expect(output.status == 0)
        #expect(output.stdout.contains("USAGE: formation"))
    }

    /// Wrong usage exits with 64.
    @Test(arguments: [
        ["nonsense"], ["db", "init", "--nonsense"], ["customer", "show"], ["customer", "create"],
        ["simulator", "--port", "99999"], ["demo", "--simulator-port", "-1"],
    ])
    func wrongUsage(command: [String]) async throws {
        let output = try await FormationProcess.run(command)
        #expect(output.status == 64)
        #expect(output.stderr.contains("Usage") || output.stderr.contains("USAGE"))
    }

    /// A wrong configuration exits with 78 and names every wrong variable at once, without their values.
    @Test(arguments: [["serve"], ["db", "init"], ["customer", "list"], ["key", "rotate"]])
    func wrongConfiguration(command: [String]) async throws {
        let output = try await FormationProcess.run(
            command,
            environment: [
                "DATABASE_URL": "postgres://u:sesame@db.example.com/d?sslmode=disable", "ENCRYPTION_KEY": "sesame",
                "PORT": "sesame",
            ])
        #expect(output.status == 78)
        for variable in ["DATABASE_URL", "ENCRYPTION_KEY", "PORT"] { #expect(output.stderr.contains(variable)) }
        #expect(!output.stderr.contains("sesame"))
        #expect(output.stdout.isEmpty)
    }

    /// A database that can't be used is told with its cure by every command, not by the first alone.
    @Test(arguments: [["db", "status"], ["db", "migrate"], ["customer", "list"], ["key", "rotate"]])
    func noSuchDatabase(command: [String]) async throws {
        let cluster = try await PostgresCluster.shared()
        let output = try await FormationProcess.run(
            command,
            environment: [
                "DATABASE_URL": cluster.superuserURL(database: "formation_nowhere"),
                "ENCRYPTION_KEY": String(repeating: "1", count: 64),
            ])
        #expect(output.status == 1)
        #expect(output.stderr.contains("createdb formation_nowhere"), "\(output.stderr)")
    }

    /// A port that is taken is said in words, with what to do.
    @Test func portInUse() async throws {
        let other = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = try #require(other.localAddress?.port)
        let output = try await FormationProcess.run(["simulator", "--port", "\(port)"])
        try await other.close()
        #expect(output.status == 1)
        #expect(output.stderr.contains("The port is in use. Stop what listens there, or choose another one"))
        #expect(!output.stderr.contains("errno"))
    }

    /// A key is 64 hexadecimal digits, and another one each time.
    @Test func keyGenerate() async throws {
        let first = try await FormationProcess.run(["key", "generate"])
        let second = try await FormationProcess.run(["key", "generate"])
        #expect(first.status == 0)
        #expect(first.stdout.wholeMatch(of: /[0-9a-f]{64}\n/) != nil)
        #expect(first.stdout != second.stdout)
    }
}
