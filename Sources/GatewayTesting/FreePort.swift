internal import Foundation

/// TCP ports of loopback that are free, and stay so while nobody listens on them.
///
/// They lie below those that the system gives to outgoing connections (from 32768 on Linux, 49152 on macOS): one of
/// these could be taken by any connection of any test between two starts of a server.
public enum FreePort {
    private static let range: Range<UInt16> = 15_000..<32_000
    private static let triesMax = 200

    /// A port on which somebody could listen just now.
    public static func find() throws -> Int {
        for _ in 0..<triesMax {
            let port = UInt16.random(in: range)
            if canListen(on: port) { return Int(port) }
        }
        throw PostgresClusterError(description: "no free port among \(triesMax) that were tried")
    }

    private static func canListen(on port: UInt16) -> Bool {
        #if canImport(Glibc)
            let stream = Int32(SOCK_STREAM.rawValue)
        #else
            let stream = SOCK_STREAM
        #endif
        let descriptor = socket(AF_INET, stream, 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: address) { pointer in
            // SAFETY: bind(2) takes any socket address by its first member; the pointer lives for the call.
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                bind(descriptor, generic, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
