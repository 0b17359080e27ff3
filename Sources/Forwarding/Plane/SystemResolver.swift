internal import NIOCore

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

// The C binding of getaddrinfo(3). SwiftNIO's own, `SocketAddress.makeAddressResolvingHost`, gives the first address
// alone, so that a host of which one address is down could not be reached.

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
