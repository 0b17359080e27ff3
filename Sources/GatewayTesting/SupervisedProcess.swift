public import Foundation

/// A server of another project that runs beside a test, and never outlives it: a shell ends it as soon as the test
/// process closes the shell's standard input, by ``end()``, with the value, or by its own death.
public final class SupervisedProcess: Sendable {
    private let input: FileHandle

    /// Where an executable is; `nil` where it isn't installed. Servers often stand outside a user's `PATH`.
    public static func find(_ name: String) -> String? {
        let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return (path + ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/bin", "/usr/local/bin"])
            .map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// Starts a server that stays in the foreground; what it says goes to a log file.
    public init(_ executable: String, arguments: [String], log: URL) throws {
        let pipe = Pipe()
        // A process that the tests start must not hold the shell's input open.
        _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        try Data().write(to: log)
        let output = try FileHandle(forWritingTo: log)
        // KILL, since a child inherits the signal mask of the Swift thread that starts it, which holds back the others.
        let script = #"""
            trap '' INT HUP
            "$@" </dev/null 2>&1 &
            pid=$!
            read -r _
            kill -s KILL "$pid" 2>/dev/null
            wait "$pid"
            """#
        _ = try ChildProcess.start(
            "/bin/bash", arguments: ["-c", ChildProcess.prelude + "\n" + script, "supervisor", executable] + arguments,
            environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"],
            stdin: pipe.fileHandleForReading.fileDescriptor, stdout: output.fileDescriptor)
        // The child has its own copies; ours would keep the pipe open after its end.
        try pipe.fileHandleForReading.close()
        try output.close()
        self.input = pipe.fileHandleForWriting
    }

    deinit { end() }

    /// Ends the server, soon.
    public func end() {
        // The shell takes this as the end; a second time there is nothing to close.
        try? input.close()
    }
}
