internal import HummingbirdCore
internal import NIOCore
internal import NIOHTTPTypes

/// Adds the control plane's channel handlers to a connection, and begins to handle what comes through them.
protocol ControlSetup: AnyObject, Sendable {
    func setUp(_ channel: any Channel) -> EventLoopFuture<Void>
}

/// The control plane's channel handlers behind a client's connection, made at its first request that is not forwarded.
final class ControlPipeline {
    private let setup: any ControlSetup
    private(set) var isStarted = false
    /// Whether something of the answer to the present request was written.
    private(set) var hasBegunAnswer = false
    /// Whether the present request was answered.
    private(set) var isAnswered = false

    init(setup: any ControlSetup) {
        self.setup = setup
    }

    /// A request for the control plane begins.
    func start(_ context: ChannelHandlerContext, connection: ClientConnection) {
        (hasBegunAnswer, isAnswered) = (false, false)
        guard !isStarted else { return }
        isStarted = true
        let channel = context.channel
        // The framework's handlers don't ask for what they are to read.
        try? channel.syncOptions?.setOption(.autoRead, value: true)
        let bound = NIOLoopBound((connection, self), eventLoop: context.eventLoop)
        setup.setUp(channel).whenComplete { result in
            let (connection, control) = bound.value
            do {
                try result.get()
                let pipeline = channel.pipeline.syncOperations
                let last = try pipeline.context(handlerType: HTTPConnectionStateHandler.self).handler
                guard let position = last as? HTTPConnectionStateHandler else { return }
                try pipeline.addHandler(
                    AnswerEndHandler(connection, control), position: .before(position))
            } catch {
                channel.close(promise: nil)
            }
        }
    }

    fileprivate func didBeginAnswer() {
        hasBegunAnswer = true
    }

    fileprivate func didAnswer() {
        isAnswered = true
    }
}

/// Between the framework's HTTP codec and its request handling: sees where an answer ends.
private final class AnswerEndHandler: ChannelOutboundHandler {
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let connection: ClientConnection
    private let control: ControlPipeline

    init(_ connection: ClientConnection, _ control: ControlPipeline) {
        self.connection = connection
        self.control = control
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        control.didBeginAnswer()
        guard case .end = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
        context.writeAndFlush(data, promise: promise)
        control.didAnswer()
        // Not from within the framework's own call: the next request may be handled at once.
        let bound = NIOLoopBound(connection, eventLoop: context.eventLoop)
        context.eventLoop.execute { bound.value.controlDidAnswer() }
    }
}
