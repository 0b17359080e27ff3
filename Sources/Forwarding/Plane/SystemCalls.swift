internal import NIOCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

// What the plane asks of the system past SwiftNIO: to look at a socket without reading from it, to send one buffer, and
// all addresses of a host (SwiftNIO's `SocketAddress.makeAddressResolvingHost` gives the first one alone, so that a
// host of which one address is down could not be reached). All that is unsafe in this room stands here.

extension Channel {
    /// Whether nothing has come that the event loop has not read: neither bytes nor the end of the connection. One
    /// system call; to be called on the channel's loop.
    var isQuiet: Bool {
        // A channel without a socket, or one whose socket is closed.
        ChannelSocket(self)?.isQuiet ?? isActive
    }

    /// Lets the peer see a reset where the channel is closed: what it was sent is not all (socket(7), SO_LINGER).
    func resetAtClose() {
        guard let options = self as? any SocketOptionProvider else { return }
        _ = options.setSoLinger(linger(l_onoff: 1, l_linger: 0))
    }
}

/// A channel's socket. It knows what the event loop does not yet, and takes one buffer at half the price.
///
/// To be used on the channel's loop, and only while the channel is active: then the number is another one's.
struct ChannelSocket {
    private let handle: NIOBSDSocket.Handle

    /// `nil` where the channel has none (any more).
    init?(_ channel: any Channel) {
        let handle: NIOBSDSocket.Handle? = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable { $0 }
        guard let handle else { return nil }
        self.handle = handle
    }

    fileprivate var isQuiet: Bool {
        var byte: UInt8 = 0
        // One byte's place, for at most one byte.
        return recv(handle, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) < 0
            && (errno == EAGAIN || errno == EWOULDBLOCK)
    }

    /// Sends what the socket takes at once, and takes it from the buffer.
    func send(_ buffer: inout ByteBuffer) {
        #if canImport(Darwin)
            let flags = Int32(MSG_DONTWAIT)
        #else
            let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        #endif
        // SAFETY: the bytes are the buffer's for as long as the call lasts.
        let count = buffer.withUnsafeReadableBytes { bytes in
            #if canImport(Darwin)
                Darwin.send(handle, bytes.baseAddress, bytes.count, flags)
            #elseif canImport(Musl)
                Musl.send(handle, bytes.baseAddress, bytes.count, flags)
            #else
                Glibc.send(handle, bytes.baseAddress, bytes.count, flags)
            #endif
        }
        if count > 0 { buffer.moveReaderIndex(forwardBy: count) }
    }
}

/// The system's resolver: `/etc/hosts`, DNS, and what else the system is told to ask.
enum SystemResolver {
    /// 32 addresses of a host: more could not be tried within the time that a connection may take.
    private static let addressesMax = 32

    /// The addresses of a host, IPv6 and IPv4, in the order in which to try them (RFC 6724 §6), with port 0. Blocks.
    ///
    /// - Throws: ``HostLookupError`` where there is none.
    @Sendable static func addresses(of host: String) throws(HostLookupError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        // Otherwise each address comes once for every kind of socket.
        #if canImport(Glibc)
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        // `host` is a C string for the time of the call; `list` is ours from then on, where there is no error.
        let status = getaddrinfo(host, nil, &hints, &list)
        guard status == 0 else { throw HostLookupError(.notFound(status)) }
        defer { if let list { freeaddrinfo(list) } }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next?.pointee, addresses.count < addressesMax {
            if let address = address(in: entry, of: host) { addresses.append(address) }
            next = entry.ai_next
        }
        guard !addresses.isEmpty else { throw HostLookupError(.notFound(EAI_NONAME)) }
        return addresses
    }

    /// The address in an entry of the list, copied; `nil` where it is of neither family, or shorter than its family's.
    private static func address(in entry: addrinfo, of host: String) -> SocketAddress? {
        guard let pointer = UnsafeRawPointer(entry.ai_addr) else { return nil }
        let length = Int(entry.ai_addrlen)
        // `loadUnaligned` copies just so many bytes as were found to be there, and asks for no alignment.
        if entry.ai_family == AF_INET, length >= MemoryLayout<sockaddr_in>.size {
            return SocketAddress(pointer.loadUnaligned(as: sockaddr_in.self), host: host)
        }
        if entry.ai_family == AF_INET6, length >= MemoryLayout<sockaddr_in6>.size {
            return SocketAddress(pointer.loadUnaligned(as: sockaddr_in6.self), host: host)
        }
        return nil
    }
}
