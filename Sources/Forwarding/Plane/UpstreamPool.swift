internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import NIOTLS
internal import Salesforce

/// The connections of one event loop with all Salesforce hosts.
final class UpstreamPool {
    private unowned let state: LoopState
    private var hosts: [InstanceURL: UpstreamHost] = [:]

    init(state: LoopState) {
        self.state = state
    }

    /// The connections with an instance.
    func host(_ instance: InstanceURL) -> UpstreamHost {
        if let host = hosts[instance] { return host }
        let host = UpstreamHost(instance, state: state)
        hosts[instance] = host
        return host
    }

    /// Closes what was idle for too long, and forgets hosts without a connection.
    func expire(at now: NIODeadline) {
        for (instance, host) in hosts where !host.expire(at: now) {
            hosts[instance] = nil
            host.isForgotten = true
        }
    }

    /// Whether there is nothing to look after.
    var isEmpty: Bool { hosts.isEmpty }

    /// Closes what is idle.
    func closeIdle() {
        for host in hosts.values { host.closeIdle() }
    }
}

/// The connections of one event loop with one Salesforce instance.
final class UpstreamHost {
    /// The end of the request line, and `Host`.
    let hostLine: ByteBuffer
    /// Whether the pool looks after it no more: who has kept it must ask the pool again.
    var isForgotten = false
    let isSecure: Bool
    let instance: InstanceURL
    private let state: LoopState
    /// The last used is the next: the others may expire.
    private var idle: [UpstreamConnection] = []
    /// One that is being made before a call needs it.
    private var warming: UpstreamConnection?
    /// All connections, kept alive here.
    private var connections: [ObjectIdentifier: UpstreamConnection] = [:]

    init(_ instance: InstanceURL, state: LoopState) {
        self.instance = instance
        self.hostLine = ByteBuffer(string: " HTTP/1.1\r\nHost: \(instance.authority)\r\n")
        self.isSecure = instance.scheme == .https
        self.state = state
    }

    private var limits: ForwardingLimits { state.limits }

    /// A connection for a call: an idle one, or a new one; `nil` where there are as many as may be.
    ///
    /// - Parameters:
    ///   - isFresh: a new one in any case.
    ///   - isSurelyQuiet: an idle one must be looked at, however short it was idle: the call can't be made again.
    func take(isFresh: Bool, isSurelyQuiet: Bool) -> UpstreamConnection? {
        while !isFresh, let connection = idle.popLast() {
            let isLookedAt = isSurelyQuiet || state.now - connection.idleSince >= state.times.upstreamFresh
            if !isLookedAt || connection.isQuiet { return connection }
            // Its end, or bytes that would become the answer to the call, have come, and the loop will hear of it.
            connection.close()
        }
        if let warming, warming.isConnecting {
            self.warming = nil
            return warming
        }
        if connections.count >= limits.upstreamConnectionsPerHostMax { idle.first?.close() }
        guard connections.count < limits.upstreamConnectionsPerHostMax else { return nil }
        return connect()
    }

    /// A connection that no call uses any more.
    func release(_ connection: UpstreamConnection) {
        guard connection.isActive, !state.plane.isDraining, idle.count < limits.upstreamIdlePerHostMax else {
            return connection.close()
        }
        if warming === connection { warming = nil }
        idle.append(connection)
    }

    func didClose(_ connection: UpstreamConnection) {
        connections[ObjectIdentifier(connection)] = nil
        if warming === connection { warming = nil }
        guard let place = idle.lastIndex(where: { $0 === connection }) else { return }
        idle.remove(at: place)
        if connection.hasServed { keepWarm(since: connection.idleSince) }
    }

    /// Closes what was idle for too long; whether anything is left to look after.
    func expire(at now: NIODeadline) -> Bool {
        let limit = state.times.upstreamKeepAlive
        for connection in idle where now - connection.idleSince >= limit { connection.close() }
        for connection in connections.values where connection.isOverdue(at: now) { connection.close() }
        return !connections.isEmpty
    }

    func closeIdle() {
        for connection in idle { connection.close() }
    }

    /// Salesforce closed the last connection of a host in use: the next call should not wait for a handshake.
    private func keepWarm(since lastUse: NIODeadline) {
        guard connections.isEmpty, isSecure, !state.plane.isDraining,
            state.now - lastUse < state.times.upstreamKeepAlive
        else { return }
        warming = connect()
    }

    private func connect() -> UpstreamConnection {
        let connection = UpstreamConnection(host: self, state: state)
        connections[ObjectIdentifier(connection)] = connection
        guard isSecure else {
            open(connection, security: nil)
            return connection
        }
        let bound = NIOLoopBound(connection, eventLoop: state.loop)
        let host = NIOLoopBound(self, eventLoop: state.loop)
        state.plane.tls.context(on: state.loop).whenComplete { result in
            switch result {
            case .success(let security): host.value.open(bound.value, security: security)
            case .failure: bound.value.didFailToConnect()
            }
        }
        return connection
    }

    private func open(_ connection: UpstreamConnection, security: NIOSSLContext?) {
        let bound = NIOLoopBound(connection, eventLoop: state.loop)
        let serverName = instance.host
        let port = Int(instance.port ?? (isSecure ? 443 : 80))
        ClientBootstrap(group: state.loop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            // The connection asks for itself, which spares the walk through the whole pipeline at each read.
            .channelOption(.autoRead, value: false)
            // From here on: the look-up takes of it too.
            .connectTimeout(TimeAmount(limits.upstreamConnectTimeout))
            .resolver(HostResolver(state.plane.lookups, loop: state.loop))
            .connect(host: state.plane.address(of: instance.host), port: port)
            .whenComplete { result in
                // Not before there is one channel: several addresses of a host are tried side by side.
                do {
                    let pipeline = try result.get().pipeline.syncOperations
                    if let security {
                        try pipeline.addHandler(NIOSSLClientHandler(context: security, serverHostname: serverName))
                        try pipeline.addHandler(HandshakeWatcher(bound.value))
                    }
                    try pipeline.addHandler(bound.value)
                } catch {
                    bound.value.didFailToConnect()
                    (try? result.get())?.close(promise: nil)
                }
            }
    }
}

/// Tells a connection when its TLS handshake is done.
private final class HandshakeWatcher: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private unowned let connection: UpstreamConnection

    init(_ connection: UpstreamConnection) {
        self.connection = connection
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent { connection.becomeActive() }
        context.fireUserInboundEventTriggered(event)
    }
}
