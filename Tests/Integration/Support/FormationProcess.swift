import Foundation
import GatewayTesting
import NIOConcurrencyHelpers
import Testing

/// The built `formation` command as a child process, with an environment of its own.
final class FormationProcess: Sendable {
    struct Output: Sendable {
        let status: Int32
        let stdout: String
        let stderr: String
    }

    private let process = NIOLockedValueBox<Int32>(0)
    private let stdout = Collector()
    private let stderr = Collector()
    private let input = Pipe()
    private let ended: AsyncStream<Int32>

    /// Starts `formation` with these arguments; nothing of the caller's settings reaches it.
    init(_ arguments: [String], environment: [String: String] = [:]) throws {
        input.keepFromOtherChildren()
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.ended = stream
        // In a directory without a .env of the developer's.
        let shell = ["-c", "cd / && exec \"$@\"", "sh", try Self.executable().path]
        let child = try ChildProcess.start(
            "/bin/sh", arguments: shell + arguments,
            environment: ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? ""].merging(environment) { $1 },
            stdin: input.fileHandleForReading.fileDescriptor,
            stdout: stdout.pipe.fileHandleForWriting.fileDescriptor,
            stderr: stderr.pipe.fileHandleForWriting.fileDescriptor
        ) { status in
            continuation.yield(status)
            continuation.finish()
        }
        process.withLockedValue { $0 = child }
        // The child has its own copies; ours would keep the pipes open after its end.
        try input.fileHandleForReading.close()
        stdout.start()
        stderr.start()
    }

    /// Runs a command to its end.
    static func run(
        _ arguments: [String], environment: [String: String] = [:], stdin: String = ""
    ) async throws -> Output {
        let process = try FormationProcess(arguments, environment: environment)
        return try await process.finish(stdin: stdin)
    }

    func finish(stdin: String = "") async throws -> Output {
        // The child may end without reading: that is no error of the test.
        try? input.fileHandleForWriting.write(contentsOf: Data(stdin.utf8))
        try? input.fileHandleForWriting.close()
        var status: Int32 = -1
        for await value in ended { status = value }
        return await Output(status: status, stdout: stdout.text(), stderr: stderr.text())
    }

    func signal(_ signal: Int32) {
        _ = process.withLockedValue { kill($0, signal) }
    }

    /// Waits until stdout or stderr holds a text; fails when the process ends first.
    func waitFor(_ text: String) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.stdout.waitFor(text) }
            group.addTask { try await self.stderr.waitFor(text) }
            var failures = 0
            while failures < 2 {
                do {
                    try await group.next()
                    group.cancelAll()
                    return
                } catch {
                    failures += 1
                }
            }
            throw Collector.EndedFirst(output: await stdout.text() + stderr.text())
        }
    }

    /// Everything said so far.
    func said() async -> String {
        stdout.soFar + stderr.soFar
    }

    private static func executable() throws -> URL {
        // The test bundle stands beside the products.
        let beside =
            Bundle.allBundles.map { $0.bundleURL.deletingLastPathComponent() } + [
                URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent(),
                URL(fileURLWithPath: FileManager.default.currentDirectoryPath).appending(path: ".build/debug"),
            ]
        let found = beside.map { $0.appending(path: "formation") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        return try #require(found, "swift build makes the formation command")
    }
}

/// Collects what a pipe says, and tells who waits for a text.
final class Collector: Sendable {
    struct EndedFirst: Error, CustomStringConvertible {
        let output: String
        var description: String { "The process ended, or said nothing of it. It said:\n\(output)" }
    }

    private struct State {
        var data = Data()
        var isOver = false
        var waiters: [UUID: AsyncStream<Void>.Continuation] = [:]
    }

    let pipe = Pipe()
    private let state = NIOLockedValueBox(State())

    init() {
        pipe.keepFromOtherChildren()
    }

    /// Lets go of the writing end, which the child has by now, and reads the other until it closes.
    func start() {
        try? pipe.fileHandleForWriting.close()
        let descriptor = pipe.fileHandleForReading.fileDescriptor
        Thread {
            var buffer = [UInt8](repeating: 0, count: 16 * 1024)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                self.take(Data(buffer.prefix(max(0, count))))
                if count <= 0 { return }
            }
        }.start()
    }

    var soFar: String { state.withLockedValue { String(decoding: $0.data, as: UTF8.self) } }

    /// Everything, once the other end has closed.
    func text() async -> String {
        for await _ in changes() where state.withLockedValue({ $0.isOver }) { break }
        return soFar
    }

    func waitFor(_ text: String) async throws {
        for await _ in changes() {
            if soFar.contains(text) { return }
            if state.withLockedValue({ $0.isOver }) { break }
        }
        try Task.checkCancellation()
        if !soFar.contains(text) { throw EndedFirst(output: soFar) }
    }

    private func take(_ data: Data) {
        let waiters = state.withLockedValue { state in
            state.data.append(data)
            if data.isEmpty { state.isOver = true }
            return Array(state.waiters.values)
        }
        for waiter in waiters { waiter.yield() }
    }

    /// A first element at once, then one with each piece of output.
    private func changes() -> AsyncStream<Void> {
        AsyncStream { continuation in
            let id = UUID()
            state.withLockedValue { $0.waiters[id] = continuation }
            continuation.onTermination = { _ in _ = self.state.withLockedValue { $0.waiters.removeValue(forKey: id) } }
            continuation.yield()
        }
    }
}

extension Pipe {
    /// Other children that start meanwhile must not inherit the ends: a server that does keeps the pipe from ever closing.
    func keepFromOtherChildren() {
        for handle in [fileHandleForReading, fileHandleForWriting] {
            _ = fcntl(handle.fileDescriptor, F_SETFD, FD_CLOEXEC)
        }
    }
}
