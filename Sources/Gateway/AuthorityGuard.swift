internal import Access
internal import Foundation
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// Holds the authority of an absolute-form target against `Host` (RFC 9112 §3.2.2; contract §1: they must be equal).
///
/// The parsed request keeps only the path of an absolute-form target, so this is the last place that sees both. Where
/// they differ, `Host` is taken away: the request is then answered as every one without a `Host`, with 400.
final class AuthorityGuard: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(var head):
            if !Self.targetAgrees(head) { head.headers.remove(name: "host") }
            context.fireChannelRead(wrapInboundOut(.head(head)))
        case .body, .end:
            context.fireChannelRead(data)
        }
    }

    static func targetAgrees(_ head: HTTPRequestHead) -> Bool {
        guard !head.uri.hasPrefix("/"), head.uri != "*" else { return true }
        guard let scheme = head.uri.range(of: "://") else { return false }
        let authority = head.uri[scheme.upperBound...].prefix { !"/?#".contains($0) }
        guard let named = PublicOrigin.name(ofAuthority: String(authority)) else { return false }
        return head.headers["host"].first.flatMap(PublicOrigin.name(ofAuthority:)) == named
    }
}

/// Hummingbird's HTTP/1.1 channel with our guards between its decoder and its request handling.
struct GatewayChannel: ServerChildChannel {
    typealias Value = HTTP1Channel.Value

    let base: HTTP1Channel

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        base.setup(channel: channel, logger: logger).flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let decoder = try pipeline.handler(type: ByteToMessageHandler<HTTPRequestDecoder>.self)
            try pipeline.addHandler(AuthorityGuard(), position: .after(decoder))
            return value
        }
    }

    func handle(value: Value, logger: Logger) async {
        await base.handle(value: value, logger: logger)
    }
}
