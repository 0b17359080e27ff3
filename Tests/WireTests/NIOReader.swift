import NIOCore
import NIOEmbedded
import NIOHTTP1
import Wire

/// Reads messages with NIO's parser, which is another one altogether: llhttp.
enum NIOReader {
    static func read(_ bytes: [UInt8], _ direction: Direction) -> Reading {
        switch direction {
        case .requests: requests(bytes)
        case .answers: answers(bytes)
        }
    }

    private static func requests(_ bytes: [UInt8]) -> Reading {
        let channel = EmbeddedChannel()
        defer { _ = try? channel.finish() }
        var reading = Reading()
        do {
            try channel.pipeline.syncOperations.addHandler(
                ByteToMessageHandler(HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes)))
            try channel.writeInbound(ByteBuffer(bytes: bytes))
        } catch {
            reading.refusal = "\(error)"
        }
        while let part = try? channel.readInbound(as: HTTPServerRequestPart.self) {
            switch part {
            case .head(let head):
                // llhttp's name of it has no hyphen.
                let method = head.method.rawValue == "MSEARCH" ? "M-SEARCH" : head.method.rawValue
                let line = "\(method) \(head.uri)"
                reading.add(line, head.version, head.headers, keepsAlive: head.isKeepAlive)
            case .body(let body): reading.addBody(body)
            case .end: reading.endMessage()
            }
        }
        return reading
    }

    /// Answers to GET requests.
    private static func answers(_ bytes: [UInt8]) -> Reading {
        let channel = EmbeddedChannel()
        defer { _ = try? channel.finish() }
        var reading = Reading()
        do {
            let decoder = HTTPResponseDecoder(
                leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .forward)
            try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(decoder))
            let request = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
            for _ in 0..<(bytes.count / 16 + 1) {
                channel.write(HTTPClientRequestPart.head(request), promise: nil)
            }
            try channel.writeInbound(ByteBuffer(bytes: bytes))
        } catch {
            reading.refusal = "\(error)"
        }
        while let part = try? channel.readInbound(as: HTTPClientResponsePart.self) {
            switch part {
            case .head(let head):
                let line = "\(head.status.code)"
                reading.add(line, head.version, head.headers, keepsAlive: head.isKeepAlive)
                // NIO says nothing of an interim answer's end: it is the head's.
                if head.status.code < 200 { reading.endMessage() }
            case .body(let body): reading.addBody(body)
            case .end: reading.endMessage()
            }
        }
        return reading
    }
}

extension Reading {
    fileprivate mutating func add(
        _ startLine: String, _ version: HTTPVersion, _ headers: HTTPHeaders, keepsAlive: Bool
    ) {
        // NIO leaves white space behind a value, which is no part of it (RFC 9112 §5.1).
        let fields = headers.map { header in
            let end = header.value.utf8.lastIndex { $0 != 0x20 && $0 != 0x09 }
            return "\(header.name): " + (end.map { String(header.value[...$0]) } ?? "")
        }
        messages.append(
            Message(startLine: startLine, isHTTP10: version == .http1_0, fields: fields, keepsAlive: keepsAlive))
    }

    fileprivate mutating func addBody(_ body: ByteBuffer) {
        messages[messages.count - 1].body += body.readableBytesView
    }

    fileprivate mutating func endMessage() {
        messages[messages.count - 1].isComplete = true
    }
}
