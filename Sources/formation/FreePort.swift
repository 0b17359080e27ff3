internal import NIOCore
internal import NIOPosix

/// A TCP port of loopback that is free just now.
enum FreePort {
    static func find() throws -> Int {
        let channel = try ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0).wait()
        defer { try? channel.close().wait() }
        return channel.localAddress?.port ?? 0
    }
}
