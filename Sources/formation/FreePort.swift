internal import ArgumentParser
internal import NIOCore
internal import NIOPosix

/// A TCP port of loopback that is free just now.
enum FreePort {
    static func find() async throws -> Int {
        // Not the process's shared event loops: the settings have yet to say how many those are.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let channel = try await ServerBootstrap(group: group).bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port ?? 0
        try await channel.close()
        try await group.shutdownGracefully()
        return port
    }
}

/// Ports as they are given on the command line.
enum Ports {
    /// - Throws: `ValidationError` where there is no such port.
    static func check(_ port: Int) throws {
        guard (0...65_535).contains(port) else {
            throw ValidationError("A port is a number from 0 to 65535; \(port) is none.")
        }
    }
}
