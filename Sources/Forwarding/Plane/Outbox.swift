internal import NIOCore

/// What is on its way out of a connection. Most requests and answers are one buffer: such a one is sent straight to the
/// socket, which costs half of the way through the channel's queue of writes. Everything else, and what the socket does
/// not take at once, is the channel's.
///
/// Not a value: writing to a channel can lead back here.
final class Outbox {
    /// `nil` where all goes through the channel: over TLS, or where others write too.
    private var socket: ChannelSocket?
    /// Whether the channel has nothing to send, as far as is known here.
    private var isChannelEmpty = true
    /// A buffer that waits for ``flush(_:)``, alone.
    private var single: ByteBuffer?
    private var hasUnflushed = false

    /// To be called once the connection stands and its handler is the only one.
    func open(_ channel: any Channel) {
        socket = ChannelSocket(channel)
    }

    /// From now on others write to the channel too.
    func share(_ context: ChannelHandlerContext) {
        socket = nil
        pass(context)
    }

    /// A call begins: what the channel had to send of an earlier one may be sent.
    func begin(_ context: ChannelHandlerContext) {
        guard !isChannelEmpty, socket != nil else { return }
        isChannelEmpty = (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) == 0
    }

    /// Puts a buffer behind the others.
    func write(_ buffer: ByteBuffer, _ context: ChannelHandlerContext) {
        guard single != nil || hasUnflushed || !isChannelEmpty || socket == nil else {
            single = buffer
            return
        }
        pass(context)
        context.write(NIOAny(buffer), promise: nil)
        hasUnflushed = true
        isChannelEmpty = false
    }

    /// Sends what was written since the last time.
    func flush(_ context: ChannelHandlerContext) {
        if var buffer = single {
            single = nil
            send(&buffer, context)
            guard buffer.readableBytes > 0 else { return }
            context.write(NIOAny(buffer), promise: nil)
            (hasUnflushed, isChannelEmpty) = (true, false)
        }
        guard hasUnflushed else { return }
        hasUnflushed = false
        context.flush()
    }

    /// Gives the channel what waits here.
    func pass(_ context: ChannelHandlerContext) {
        guard let buffer = single else { return }
        single = nil
        context.write(NIOAny(buffer), promise: nil)
        (hasUnflushed, isChannelEmpty) = (true, false)
    }

    /// Sends what the socket takes at once. Where it fails, the channel finds out why.
    private func send(_ buffer: inout ByteBuffer, _ context: ChannelHandlerContext) {
        // The number of a closed socket can be another one's.
        guard let socket, context.channel.isActive else { return }
        socket.send(&buffer)
    }
}
