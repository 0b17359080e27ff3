public import HummingbirdCore
public import Logging
internal import NIOConcurrencyHelpers
public import NIOCore

/// The listener's child channel: the data plane's handler at the head of each connection's pipeline, and the control
/// plane's channel behind it, which is set up at the first request that is not forwarded.
///
/// The plane looks after the connections, so it must run: the listener has no task for any of them, of which a client
/// that is idle would need the memory.
public struct DataPlaneChannel<Base: ServerChildChannel>: ServerChildChannel {
    /// A client's connection.
    public struct Value: ServerChildChannelValue {
        public let channel: any Channel
    }

    private let plane: DataPlane
    private let base: Base
    private let tls: ListenerTLS?
    private let setup = NIOLockedValueBox<(any ControlSetup)?>(nil)

    /// Puts a data plane in front of a channel. The channel must have no idle timeout: the plane keeps time.
    ///
    /// - Parameter tls: where https is served, and not http.
    public init(_ plane: DataPlane, base: Base, tls: ListenerTLS? = nil) {
        self.plane = plane
        self.base = base
        self.tls = tls
    }

    public func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let loop = channel.eventLoop
        guard plane.admitConnection() else {
            return loop.makeCompletedFuture {
                try channel.pipeline.syncOperations.addHandler(ClosingHandler())
                return Value(channel: channel)
            }
        }
        channel.closeFuture.whenComplete { [plane] _ in plane.connectionDidEnd() }
        return loop.makeCompletedFuture {
            // The plane's handler asks for itself, which spares the walk through the whole pipeline at each read.
            try channel.syncOptions?.setOption(.autoRead, value: false)
            if let tls { try channel.pipeline.syncOperations.addHandler(tls.makeHandler()) }
            try channel.pipeline.syncOperations.addHandler(
                ClientConnection(
                    state: plane.state(of: loop), control: ControlPipeline(setup: controlSetup(logger: logger)),
                    isSecure: tls != nil))
            return Value(channel: channel)
        }
    }

    /// The one of all connections.
    private func controlSetup(logger: Logger) -> any ControlSetup {
        setup.withLockedValue { setup in
            if let setup { return setup }
            let made = BaseSetup(plane: plane, base: base, logger: logger)
            setup = made
            return made
        }
    }

    /// Nothing: the plane looks after the connection.
    public func handle(value: Value, logger: Logger) async {}
}

/// Sets up the control plane's channel with its handlers, and hands what it is to do with it to the data plane.
private final class BaseSetup<Base: ServerChildChannel>: ControlSetup {
    private let plane: DataPlane
    private let base: Base
    private let logger: Logger

    init(plane: DataPlane, base: Base, logger: Logger) {
        self.plane = plane
        self.base = base
        self.logger = logger
    }

    func setUp(_ channel: any Channel) -> EventLoopFuture<Void> {
        base.setup(channel: channel, logger: logger).map { [plane, base, logger] value in
            plane.run { await base.handle(value: value, logger: logger) }
        }
    }
}

/// Closes a connection at once: there are as many clients as may be.
private final class ClosingHandler: ChannelInboundHandler {
    typealias InboundIn = Never

    func channelActive(context: ChannelHandlerContext) {
        context.close(promise: nil)
    }
}
