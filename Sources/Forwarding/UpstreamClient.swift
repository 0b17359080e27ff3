public import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1

extension Forwarder {
    /// How the client towards Salesforce must be made. Nothing is followed, decompressed or traced, and request targets
    /// leave as they came.
    ///
    /// HTTP/1.1 alone: a connection has one call at a time, so no tenant's call waits behind another's.
    ///
    /// - Parameter loopbackNames: Names under `localhost` (RFC 6761 §6.3) that the system's resolver may not know.
    public static func clientConfiguration(
        loopbackNames: [String], limits: ForwardingLimits = ForwardingLimits()
    ) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow, decompression: .disabled)
        configuration.httpVersion = .http1Only
        configuration.tracing.tracer = nil
        configuration.timeout = HTTPClient.Configuration.Timeout(
            connect: TimeAmount(limits.upstreamConnectTimeout), read: TimeAmount(limits.upstreamReadTimeout),
            write: TimeAmount(limits.upstreamWriteTimeout))
        configuration.connectionPool.idleTimeout = TimeAmount(limits.upstreamKeepAlive)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = limits.upstreamConnectionsPerHostMax
        // A refused connection is told at once; what may be tried again, `Exchange` decides.
        configuration.connectionPool.retryConnectionEstablishment = false
        for name in loopbackNames { configuration.dnsOverride[name] = "127.0.0.1" }
        configuration.http1_1ConnectionDebugInitializer = { channel in
            channel.eventLoop.submit {
                let pipeline = channel.pipeline.syncOperations
                let encoder = try pipeline.handler(type: HTTPRequestEncoder.self)
                try pipeline.addHandler(RequestTargetHandler(), position: .after(encoder))
            }
        }
        return configuration
    }
}

/// Puts the request target of ``InternalHeader/target`` into the request line, byte for byte.
///
/// The client takes URLs, and its URL reader re-encodes or refuses what browsers send as it is (`|`, `^`, `{`).
final class RequestTargetHandler: ChannelOutboundHandler {
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .head(var head) = unwrapOutboundIn(data),
            let target = head.headers.first(name: InternalHeader.target)
        else { return context.write(data, promise: promise) }
        head.uri = target
        head.headers.remove(name: InternalHeader.target)
        context.write(wrapOutboundOut(.head(head)), promise: promise)
    }
}
