import Foundation
import NIOConcurrencyHelpers

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A shell process that runs `initdb` and `postgres` on command, and ends and removes all of it when its standard input
/// closes: so no server outlives its test process, not even one that was killed.
///
/// `postgres` itself runs in the foreground, as the supervisor's child: `pg_ctl` would leave a daemon.
final class PostgresSupervisor: Sendable {
    let port: Int
    let socketDirectory: String
    private let input: FileHandle
    private let output: FileHandle

    init(options: PostgresCluster.Options) throws {
        let binaries = try Self.findBinaries()
        let directory = try Self.makeDirectory()
        self.port = try FreePort.find()
        self.socketDirectory = directory
        try Self.write(options, port: self.port, to: directory)

        let inputPipe = Pipe()
        let outputPipe = Pipe()
        // A process that the tests start must not hold the supervisor's input open.
        _ = fcntl(inputPipe.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        _ = fcntl(outputPipe.fileHandleForReading.fileDescriptor, F_SETFD, FD_CLOEXEC)
        let arguments = [
            "-c", ChildProcess.prelude + "\n" + Self.script, "postgres-supervisor", binaries, directory,
            String(self.port),
        ]
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PG") }
        environment["LC_ALL"] = "C.UTF-8"
        environment["PGTZ"] = "UTC"
        // PostgreSQL refuses to run as root.
        let privileges = ["--reuid=postgres", "--regid=postgres", "--init-groups", "/bin/bash"]
        _ = try ChildProcess.start(
            geteuid() == 0 ? Self.find("setpriv", in: Self.path) : "/bin/bash",
            arguments: geteuid() == 0 ? privileges + arguments : arguments, environment: environment,
            stdin: inputPipe.fileHandleForReading.fileDescriptor,
            stdout: outputPipe.fileHandleForWriting.fileDescriptor)
        // The child has its own copies; ours would keep the pipes open after its end.
        try inputPipe.fileHandleForReading.close()
        try outputPipe.fileHandleForWriting.close()
        self.input = inputPipe.fileHandleForWriting
        self.output = outputPipe.fileHandleForReading
    }

    deinit {
        // The supervisor takes this as the end.
        try? self.input.close()
    }

    /// Gives a command and waits until it is done.
    func command(_ command: String) async throws {
        try self.input.write(contentsOf: Data("\(command)\n".utf8))
        let answer = await self.readLine()
        guard answer == "ok" else {
            throw PostgresClusterError(description: "PostgreSQL: \(command) failed: \(answer)")
        }
    }

    private func readLine() async -> String {
        let descriptor = self.output.fileDescriptor
        return await withCheckedContinuation { continuation in
            let thread = Thread {
                var line: [UInt8] = []
                var byte: UInt8 = 0
                while read(descriptor, &byte, 1) == 1, byte != UInt8(ascii: "\n") { line.append(byte) }
                continuation.resume(returning: String(decoding: line, as: UTF8.self))
            }
            thread.start()
        }
    }

    // MARK: The script

    /// Reads commands, one a line, with socket directory and port of another server where they need them, and answers
    /// each with one line. `$1` binaries, `$2` directory, `$3` port.
    private static let script = #"""
        trap '' INT HUP
        bin=$1; dir=$2; port=$3; pid=
        log="$dir/log"
        tail_of_log() { tail -n 3 "$log" 2>/dev/null | tr '\n' ' '; echo; }
        stop() {
            [ -n "$pid" ] || return 0
            kill -s "$1" "$pid" 2>/dev/null
            wait "$pid" 2>/dev/null
            pid=
        }
        start() {
            "$bin/postgres" -D "$dir/data" </dev/null >>"$log" 2>&1 &
            pid=$!
            for attempt in $(seq 1 600); do
                kill -0 "$pid" 2>/dev/null || return 1
                "$bin/pg_isready" -q -h "$dir" -p "$port" && return 0
                sleep 0.05
            done
            return 1
        }
        initialise() {
            "$bin/initdb" -D "$dir/data" -U postgres -A trust --no-sync --encoding=UTF8 --locale=C.UTF-8 \
                </dev/null >>"$log" 2>&1 || return 1
            cat "$dir/settings.conf" >>"$dir/data/postgresql.conf" || return 1
            cp "$dir/hba.conf" "$dir/data/pg_hba.conf" || return 1
            if [ -f "$dir/server.key" ]; then chmod 600 "$dir/server.key" || return 1; fi
        }
        copy() {
            "$bin/pg_basebackup" -h "$1" -p "$2" -U postgres -D "$dir/data" -R -X stream -c fast --no-sync \
                </dev/null >>"$log" 2>&1 || return 1
            cat "$dir/settings.conf" >>"$dir/data/postgresql.conf" || return 1
        }
        follow() {
            echo "primary_conninfo = 'host=$1 port=$2 user=postgres'" >>"$dir/data/postgresql.auto.conf" &&
                touch "$dir/data/standby.signal"
        }
        while read -r command host other; do
            case $command in
                init) initialise && echo ok || tail_of_log ;;
                copy) copy "$host" "$other" && echo ok || tail_of_log ;;
                follow) follow "$host" "$other" && echo ok || tail_of_log ;;
                start) start && echo ok || tail_of_log ;;
                stop) stop INT && echo ok ;;
            esac
        done
        stop QUIT
        rm -rf "$dir"
        """#

    private static func write(_ options: PostgresCluster.Options, port: Int, to directory: String) throws {
        var settings = [
            "port": "\(port)", "listen_addresses": "'127.0.0.1'", "unix_socket_directories": "'\(directory)'",
            "fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "'32MB'",
            "max_connections": "200", "timezone": "'UTC'", "log_timezone": "'UTC'", "autovacuum": "off",
        ]
        if let tls = options.tls {
            settings["ssl"] = "on"
            settings["ssl_cert_file"] = "'\(directory)/server.crt'"
            settings["ssl_key_file"] = "'\(directory)/server.key'"
            try Self.give(try Data(contentsOf: URL(fileURLWithPath: tls.certificate)), to: "\(directory)/server.crt")
            try Self.give(try Data(contentsOf: URL(fileURLWithPath: tls.key)), to: "\(directory)/server.key")
        }
        settings.merge(options.settings) { _, own in own }
        let lines = settings.sorted { $0.key < $1.key }.map { "\($0.key) = \($0.value)\n" }.joined()
        try Self.give(Data(lines.utf8), to: "\(directory)/settings.conf")
        let access = """
            local all all trust
            local replication postgres trust
            host all all 127.0.0.1/32 \(options.authentication.rawValue)

            """
        try Self.give(Data(access.utf8), to: "\(directory)/hba.conf")
    }

    // MARK: The system

    private static let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)

    private static func find(_ name: String, in directories: [String]) throws -> String {
        let found = directories.map { "\($0)/\(name)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
        guard let found else { throw PostgresClusterError(description: "there is no \(name) in \(directories)") }
        return found
    }

    /// The directory of the newest PostgreSQL.
    private static func findBinaries() throws -> String {
        let debian = "/usr/lib/postgresql"
        let versions = (try? FileManager.default.contentsOfDirectory(atPath: debian)) ?? []
        let newestFirst = versions.sorted { (Int($0) ?? 0) > (Int($1) ?? 0) }.map { "\(debian)/\($0)/bin" }
        let others = ["/opt/homebrew/opt/postgresql/bin", "/usr/local/pgsql/bin"]
        let initdb = try Self.find("initdb", in: newestFirst + Self.path + others)
        return String(initdb.dropLast("/initdb".count))
    }

    /// A directory of the server's user, short enough for a socket's path (107 bytes).
    private static func makeDirectory() throws -> String {
        var template = Array("/tmp/formation-pg-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw PostgresClusterError(description: "no temporary directory: errno \(errno)")
        }
        let directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try Self.chownToServer(directory)
        return directory
    }

    private static func give(_ data: Data, to path: String) throws {
        try data.write(to: URL(fileURLWithPath: path))
        try Self.chownToServer(path)
    }

    private static func chownToServer(_ path: String) throws {
        guard geteuid() == 0 else { return }
        guard let user = getpwnam("postgres"), chown(path, user.pointee.pw_uid, user.pointee.pw_gid) == 0 else {
            throw PostgresClusterError(description: "there is no user postgres to run PostgreSQL as")
        }
    }
}
