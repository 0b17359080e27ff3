internal import NIOCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

// What a channel's socket knows, and the event loop does not yet.

extension Channel {
    /// Whether nothing has come that the event loop has not read: neither bytes nor the end of the connection. One
    /// system call; to be called on the channel's loop.
    var isQuiet: Bool {
        let isQuiet = try? pipeline.syncOperations.withUnsafeTransportIfAvailable { (socket: NIOBSDSocket.Handle) in
            var byte: UInt8 = 0
            return recv(socket, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) < 0
                && (errno == EAGAIN || errno == EWOULDBLOCK)
        }
        // A channel without a socket, or one whose socket is closed.
        return isQuiet ?? isActive
    }

    /// Lets the peer see a reset where the channel is closed: what it was sent is not all (socket(7), SO_LINGER).
    func resetAtClose() {
        guard let options = self as? any SocketOptionProvider else { return }
        _ = options.setSoLinger(linger(l_onoff: 1, l_linger: 0))
    }
}
