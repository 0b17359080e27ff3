internal import HTTPTypes
internal import Hummingbird
internal import NIOConcurrencyHelpers
public import NIOCore
internal import NIOHTTPTypes

/// The client connections of this process, by number: how a call learns that its client has gone.
///
/// A responder sees neither the connection nor its end. A channel handler numbers the connections, tells each request
/// the number of its own in an internal header, and says when the channel ends.
public final class ClientConnections: Sendable {
    private struct State {
        var last: UInt64 = 0
        var open: [UInt64: ClientConnection] = [:]
    }

    private let state = NIOLockedValueBox(State())

    /// No connection yet.
    public init() {}

    /// The channel handlers that the server's HTTP/1.1 connections need
    /// (`HTTP1Channel.Configuration(additionalChannelHandlers:)`), new ones for each connection.
    ///
    /// Without them calls are forwarded as well, but a client that goes away is only noticed when it is written to,
    /// `Expect: 100-continue` is not answered, `Date` is the server's, and HEAD answers without a length say 0.
    public func handlers() -> [any RemovableChannelHandler] {
        [ClientConnectionHandler(connections: self)]
    }

    func add(_ channel: any Channel) -> ClientConnection {
        state.withLockedValue { state in
            state.last += 1
            let connection = ClientConnection(number: state.last, channel: channel)
            state.open[connection.number] = connection
            return connection
        }
    }

    func remove(_ connection: ClientConnection) {
        state.withLockedValue { $0.open[connection.number] = nil }
    }

    /// The connection of a request; `nil` where the server was set up without ``handlers()``.
    func connection(of headers: HTTPFields) -> ClientConnection? {
        guard let name = HTTPField.Name(InternalHeader.connection), let number = headers[name].flatMap({ UInt64($0) })
        else { return nil }
        return state.withLockedValue { $0.open[number] }
    }
}

/// One client connection.
final class ClientConnection: Sendable {
    let number: UInt64
    private let channel: any Channel
    private let state = NIOLockedValueBox(State())

    private struct State {
        var isGone = false
        var lastWatch = 0
        var watches: [Int: AsyncStream<Void>.Continuation] = [:]
    }

    fileprivate init(number: UInt64, channel: any Channel) {
        self.number = number
        self.channel = channel
    }

    /// Returns `true` when the client has closed its side or the connection broke; `false` when the task is cancelled.
    ///
    /// A client that closes its sending side alone counts as gone too, as with other proxies: the two can't be told
    /// apart before something is written.
    func waitUntilGone() async -> Bool {
        let (stream, continuation) = AsyncStream<Void>.makeStream()
        let watch = state.withLockedValue { state -> Int? in
            guard !state.isGone else { return nil }
            state.lastWatch += 1
            state.watches[state.lastWatch] = continuation
            return state.lastWatch
        }
        guard let watch else { return true }
        for await _ in stream {}
        return state.withLockedValue { state in
            state.watches[watch] = nil
            return state.isGone
        }
    }

    func end() {
        state.withLockedValue { state in
            state.isGone = true
            defer { state.watches = [:] }
            return Array(state.watches.values)
        }.forEach { $0.finish() }
    }

    /// `100 Continue` to a client that waits for it (RFC 9110 §10.1.1).
    func sendContinue() {
        channel.triggerUserOutboundEvent(SendContinue(), promise: nil)
    }
}

private struct SendContinue: Sendable {}

/// Between the HTTP decoder and the server, on each client connection: numbers it, sees it end, and repairs in answers
/// what the server's own layers would get wrong.
final class ClientConnectionHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let connections: ClientConnections
    private var connection: ClientConnection?
    /// Methods of the requests that are not answered yet, oldest first. The server answers one at a time and stops
    /// reading meanwhile, so there are few.
    private var unanswered: CircularBuffer<HTTPRequest.Method> = []
    private var dropsEnd = false

    init(connections: ClientConnections) {
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        connection = connections.add(context.channel)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        end()
    }

    func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A broken connection; what the parser refuses is the server's to answer.
        if error is IOError { connection?.end() }
        context.fireErrorCaught(error)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { connection?.end() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data), let connection,
            let name = HTTPField.Name(InternalHeader.connection)
        else { return context.fireChannelRead(data) }
        unanswered.append(head.method)
        head.headerFields[name] = String(connection.number)
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?) {
        guard event is SendContinue else { return context.triggerUserOutboundEvent(event, promise: promise) }
        context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: promise)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.kind != .informational:
            let method = unanswered.popFirst()
            restoreDate(&head)
            // The encoder frames by status alone: without a length it would end the answer to HEAD with a chunk, which
            // the client would read as the beginning of the next answer.
            dropsEnd = method == .head && !head.headerFields.contains(.contentLength)
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end where dropsEnd:
            dropsEnd = false
            context.write(wrapOutboundOut(.body(ByteBuffer())), promise: promise)
        case .head, .body, .end:
            context.write(data, promise: promise)
        }
    }

    private func restoreDate(_ head: inout HTTPResponse) {
        guard let name = HTTPField.Name(InternalHeader.date), let date = head.headerFields[name] else { return }
        head.headerFields[.date] = date
        head.headerFields[name] = nil
    }

    private func end() {
        guard let connection else { return }
        self.connection = nil
        connections.remove(connection)
        connection.end()
    }
}
