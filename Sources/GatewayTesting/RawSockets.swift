internal import Foundation
internal import NIOConcurrencyHelpers
public import NIOCore
internal import NIOPosix

/// A loopback listener whose every byte the test sees and sends: an upstream that does what it is told.
///
/// Nothing happens by itself: a connection is read when the test reads, so a test can hold back.
public final class RawListener: Sendable {
    /// The loopback port that it listens on.
    public let port: Int
    private let channel: any Channel
    private let accepted: Accepted

    /// Listens on a free loopback port; with `bufferBytes` the kernel's own buffers are about that small.
    ///
    /// - Parameters:
    ///   - isReadAlways: Whether connections are read before the test reads, as TLS must.
    ///   - prepare: Puts handlers in front of the test.
    public init(
        bufferBytes: Int? = nil, isReadAlways: Bool = false,
        prepare: @escaping @Sendable (any Channel) throws -> Void = { _ in }
    ) async throws {
        let accepted = Accepted()
        self.accepted = accepted
        var bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.autoRead, value: isReadAlways)
            // Over TLS the end of what the peer sends ends the connection.
            .childChannelOption(.allowRemoteHalfClosure, value: !isReadAlways)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let inbox = RawInbox()
                    try prepare(channel)
                    // Not before it is active: what asks to be read earlier is forgotten.
                    let handler = RawInboxHandler(inbox) {
                        accepted.add(RawConnection(channel: channel, inbox: inbox))
                    }
                    try channel.pipeline.syncOperations.addHandler(handler)
                }
            }
        if let bufferBytes {
            // Before the connection is accepted: its windows are scaled in the handshake.
            bootstrap =
                bootstrap
                .serverChannelOption(.socketOption(.so_rcvbuf), value: numericCast(bufferBytes))
                .serverChannelOption(.socketOption(.so_sndbuf), value: numericCast(bufferBytes))
        }
        self.channel = try await bootstrap.bind(host: "127.0.0.1", port: 0).get()
        self.port = channel.localAddress?.port ?? 0
    }

    /// The next connection, in the order of their coming.
    public func accept() async throws -> RawConnection {
        try await accepted.next()
    }

    /// How many connections have come in so far.
    public var acceptedCount: Int { accepted.count }

    /// Listens no more: who connects from now on is refused. Accepted connections go on.
    public func close() async throws {
        try await channel.close()
    }
}

/// One connection, byte by byte. One task at a time reads.
public final class RawConnection: Sendable {
    private let channel: any Channel
    private let inbox: RawInbox

    fileprivate init(channel: any Channel, inbox: RawInbox) {
        self.channel = channel
        self.inbox = inbox
    }

    /// Connects to a loopback port.
    ///
    /// - Parameters:
    ///   - bufferBytes: with it the kernel's own buffers are about that small.
    ///   - isReadAlways: Whether it is read before the test reads, as TLS must.
    ///   - prepare: adds handlers below.
    public static func connect(
        port: Int, bufferBytes: Int? = nil, isReadAlways: Bool = false,
        _ prepare: @escaping @Sendable (any Channel) throws -> Void = { _ in }
    ) async throws -> RawConnection {
        let inbox = RawInbox()
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.autoRead, value: isReadAlways)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try prepare(channel)
                    try channel.pipeline.syncOperations.addHandler(RawInboxHandler(inbox))
                }
            }
        if let bufferBytes {
            bootstrap =
                bootstrap
                .channelOption(.socketOption(.so_rcvbuf), value: numericCast(bufferBytes))
                .channelOption(.socketOption(.so_sndbuf), value: numericCast(bufferBytes))
        }
        return RawConnection(
            channel: try await bootstrap.connect(host: "127.0.0.1", port: port).get(), inbox: inbox)
    }

    /// Sends bytes; returns when the kernel has taken them all.
    public func send(_ bytes: [UInt8]) async throws {
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    /// Sends text; returns when the kernel has taken it all.
    public func send(_ text: String) async throws {
        try await send(Array(text.utf8))
    }

    /// Reads until the bytes end with a marker somewhere; the marker is part of them, and what follows it stays.
    ///
    /// - Throws: ``RawSocketError/ended(_:)`` where the peer ends before.
    public func read(through marker: String) async throws -> [UInt8] {
        let marker = Array(marker.utf8)
        return try await read { buffer in
            let view = buffer.readableBytesView
            guard let range = view.firstRange(of: marker) else { return nil }
            return view.distance(from: view.startIndex, to: range.upperBound)
        }
    }

    /// Reads so many bytes.
    ///
    /// - Throws: ``RawSocketError/ended(_:)`` where the peer ends before.
    public func read(count: Int) async throws -> [UInt8] {
        try await read { $0.readableBytes >= count ? count : nil }
    }

    /// Reads what has come, at least one byte; empty at the end of what the peer sends, be it orderly or a reset.
    public func readAvailable() async throws -> [UInt8] {
        try await inbox.wait(on: channel) { $0.readableBytes > 0 }
        return inbox.take { $0.readableBytes } ?? []
    }

    /// Reads to the end of what the peer sends, be it orderly or a reset.
    public func readToEnd() async throws -> [UInt8] {
        try await inbox.wait(on: channel) { _ in false }
        return inbox.take { $0.readableBytes } ?? []
    }

    /// Waits until the peer has ended, whatever it sends before; `true` where it was a reset.
    @discardableResult
    public func waitForEnd() async throws -> Bool {
        try await inbox.wait(on: channel) { _ in false }
        return inbox.wasReset
    }

    /// Ends what we send; reading goes on.
    public func finishSending() async throws {
        try await channel.close(mode: .output)
    }

    /// Closes in order.
    public func close() async {
        // A connection that the peer has closed already is closed all the same.
        try? await channel.close()
    }

    /// Closes the socket under handlers that would say farewell: TLS ends without its `close_notify`.
    ///
    /// - Parameter name: the handler's name.
    public func close(below name: String) async throws {
        try await channel.eventLoop.submit { [channel] in
            try channel.pipeline.syncOperations.context(name: name).close(mode: .output, promise: nil)
        }.get()
    }

    /// Breaks the connection: the peer sees a reset.
    public func reset() async {
        // Closing with a linger time of zero discards what is unsent and sends RST (SO_LINGER, socket(7)).
        let options = channel as? any SocketOptionProvider
        try? await options?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        await close()
    }

    private func read(_ length: @escaping @Sendable (ByteBuffer) -> Int?) async throws -> [UInt8] {
        try await inbox.wait(on: channel) { length($0) != nil }
        guard let bytes = inbox.take(length) else { throw RawSocketError.ended(inbox.preview) }
        return bytes
    }
}

/// What can go wrong on a raw connection.
public enum RawSocketError: Error, CustomStringConvertible {
    /// The peer ended before what was waited for; with the beginning of what it had sent.
    case ended(String)
    /// What came is no HTTP message.
    case notHTTP(String)

    public var description: String {
        switch self {
        case .ended(let text): "the connection ended after: \(text.debugDescription)"
        case .notHTTP(let text): "not HTTP: \(text.debugDescription)"
        }
    }
}

// MARK: - Inside

/// Connections that were accepted and not yet asked for.
private final class Accepted: Sendable {
    private struct State {
        var count = 0
        var ready: CircularBuffer<RawConnection> = []
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state = NIOLockedValueBox(State())

    var count: Int { state.withLockedValue { $0.count } }

    func add(_ connection: RawConnection) {
        state.withLockedValue { state in
            state.count += 1
            state.ready.append(connection)
            defer { state.waiting = nil }
            return state.waiting
        }?.resume()
    }

    func next() async throws -> RawConnection {
        while true {
            if let connection = state.withLockedValue({ $0.ready.popFirst() }) { return connection }
            try Task.checkCancellation()
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLockedValue { state in
                        if !state.ready.isEmpty || Task.isCancelled { return true }
                        state.waiting = continuation
                        return false
                    }
                    if isReady { continuation.resume() }
                }
            } onCancel: {
                state.withLockedValue { state in
                    defer { state.waiting = nil }
                    return state.waiting
                }?.resume()
            }
        }
    }
}

/// What came in on a connection and was not taken yet.
private final class RawInbox: Sendable {
    private struct State {
        var buffer = ByteBuffer()
        var isOver = false
        var wasReset = false
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state = NIOLockedValueBox(State())

    var wasReset: Bool { state.withLockedValue { $0.wasReset } }
    var preview: String {
        state.withLockedValue {
            String(
                buffer: $0.buffer.getSlice(at: $0.buffer.readerIndex, length: min(200, $0.buffer.readableBytes))
                    ?? ByteBuffer())
        }
    }

    /// Reads on until the buffer is enough or the peer has ended.
    func wait(on channel: any Channel, until isEnough: @Sendable (ByteBuffer) -> Bool) async throws {
        // At one look: what comes after it is more than was looked at.
        while let before = state.withLockedValue({ $0.isOver || isEnough($0.buffer) ? nil : $0.buffer.writerIndex }) {
            try Task.checkCancellation()
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLockedValue { state in
                        if state.isOver || state.buffer.writerIndex != before || Task.isCancelled { return true }
                        state.waiting = continuation
                        return false
                    }
                    if isReady { continuation.resume() } else { channel.read() }
                }
            } onCancel: {
                wake { _ in }
            }
        }
    }

    func take(_ length: (ByteBuffer) -> Int?) -> [UInt8]? {
        state.withLockedValue { state in
            guard let length = length(state.buffer) else { return nil }
            let bytes = state.buffer.readBytes(length: length)
            state.buffer.discardReadBytes()
            return bytes
        }
    }

    func append(_ bytes: ByteBuffer) { wake { $0.buffer.writeImmutableBuffer(bytes) } }

    func end(wasReset: Bool) {
        wake { state in
            state.isOver = true
            if wasReset { state.wasReset = true }
        }
    }

    private func wake(_ change: (inout State) -> Void) {
        state.withLockedValue { state in
            change(&state)
            defer { state.waiting = nil }
            return state.waiting
        }?.resume()
    }
}

private final class RawInboxHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let inbox: RawInbox
    private let onActive: () -> Void

    init(_ inbox: RawInbox, onActive: @escaping () -> Void = {}) {
        self.inbox = inbox
        self.onActive = onActive
    }

    func channelActive(context: ChannelHandlerContext) {
        onActive()
        context.fireChannelActive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        inbox.append(unwrapInboundIn(data))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { inbox.end(wasReset: false) }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        inbox.end(wasReset: false)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        inbox.end(wasReset: true)
        context.close(promise: nil)
    }
}
