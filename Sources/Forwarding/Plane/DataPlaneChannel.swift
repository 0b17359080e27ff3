public import HummingbirdCore
public import Logging
public import NIOCore

/// The listener's child channel: the data plane's handler at the head of each connection's pipeline, and the control
/// plane's channel behind it, which is set up at the first request that is not forwarded.
public struct DataPlaneChannel<Base: ServerChildChannel>: ServerChildChannel {
    /// A client's connection, and what it becomes to the control plane; `nil` where it never had a request for it.
    public struct Value: ServerChildChannelValue {
        public let channel: any Channel
        let control: EventLoopFuture<Base.Value?>
    }

    private let plane: DataPlane
    private let base: Base

    /// Puts a data plane in front of a channel. The channel must have no idle timeout: the plane keeps time.
    public init(_ plane: DataPlane, base: Base) {
        self.plane = plane
        self.base = base
    }

    public func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let loop = channel.eventLoop
        guard plane.admitConnection() else {
            return loop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(ClosingHandler())
                return Value(channel: channel, control: loop.makeSucceededFuture(nil))
            }
        }
        channel.closeFuture.whenComplete { [plane] _ in plane.connectionDidEnd() }
        return loop.makeCompletedFuture {
            // The channel is registered once this future is done, so it can't wait for the first request.
            let control = loop.makePromise(of: Base.Value?.self)
            let pipeline = ControlPipeline(
                build: { [base] channel in
                    let setup = base.setup(channel: channel, logger: logger)
                    setup.map { Optional($0) }.cascade(to: control)
                    return setup.map { _ in () }
                }, giveUp: { control.succeed(nil) })
            // The plane's handler asks for itself, which spares the walk through the whole pipeline at each read.
            try channel.syncOptions?.setOption(.autoRead, value: false)
            try channel.pipeline.syncOperations.addHandler(
                ClientConnection(state: plane.state(of: loop), control: pipeline))
            return Value(channel: channel, control: control.futureResult)
        }
    }

    public func handle(value: Value, logger: Logger) async {
        let control = await withTaskCancellationHandler {
            try? await value.control.get()
        } onCancel: {
            value.channel.close(promise: nil)
        }
        guard let control else { return }
        await base.handle(value: control, logger: logger)
    }
}

/// Closes a connection at once: there are as many clients as may be.
private final class ClosingHandler: ChannelInboundHandler {
    typealias InboundIn = Never

    func channelActive(context: ChannelHandlerContext) {
        context.close(promise: nil)
    }
}
