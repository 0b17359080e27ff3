internal import Foundation

/// Starts children and learns of their end from `waitpid`, in a thread for each.
///
/// `Foundation.Process` learns of it by a socket that closes with the child. Where several are started at the same
/// time, one can inherit the socket of another and keep its end a secret, and the test that waits for it never ends.
public enum ChildProcess {
    /// What the bash script of a long-lived child begins with: it leaves the caller's directory, and lets go of what it
    /// inherited.
    static let prelude = """
        cd /
        for path in /dev/fd/*; do
            descriptor=${path##*/}
            if [ "$descriptor" -gt 2 ]; then eval "exec $descriptor>&-"; fi
        done
        """

    /// Starts an executable; returns its process id.
    ///
    /// - Parameters:
    ///   - stderr: `nil` throws it away.
    ///   - ended: called once, in a thread of its own: the exit code, or 128 and the signal's number.
    public static func start(
        _ executable: String, arguments: [String], environment: [String: String], stdin: Int32, stdout: Int32,
        stderr: Int32? = nil, ended: @escaping @Sendable (Int32) -> Void = { _ in }
    ) throws -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, stdin, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, stdout, STDOUT_FILENO)
        if let stderr {
            posix_spawn_file_actions_adddup2(&actions, stderr, STDERR_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        }
        var arguments: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0)=\($1)") } + [nil]
        // SAFETY: strdup's copies live until here; posix_spawn has copied them when it returns.
        defer { for pointer in arguments + variables { free(pointer) } }
        var child = pid_t()
        let status = posix_spawn(&child, executable, &actions, nil, &arguments, &variables)
        guard status == 0 else {
            throw PostgresClusterError(description: "\(executable) can't be started (error \(status))")
        }
        let started = child
        Thread {
            var status: Int32 = 0
            while waitpid(started, &status, 0) == -1, errno == EINTR {}
            let signal = status & 0x7f
            ended(signal == 0 ? (status >> 8) & 0xff : 128 + signal)
        }.start()
        return child
    }
}
