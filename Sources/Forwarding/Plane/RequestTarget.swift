internal import Access
internal import Foundation
internal import NIOCore
internal import Wire

/// Whose a request is, by its target's bytes.
enum RequestTarget {
    /// Path and query of the data plane's.
    case forwarded(ByteSlice)
    case control
    /// An absolute-form target whose authority is not that of `Host` (RFC 9112 §3.2.2; contract §1).
    case ambiguous
    /// No target that an origin server answers (RFC 9112 §3.2): the authority of `CONNECT`, a path without its slash.
    case malformed
    /// HTTP/1.1 without `Host` (RFC 9112 §3.2).
    case hostless
    /// A `Host` that can be no host and port (RFC 9112 §3.2).
    case hostMalformed

    /// Reads the target of a head that begins at the buffer's reader index.
    static func read(_ head: RequestHead, in buffer: ByteBuffer) -> RequestTarget {
        let bytes = buffer.readableBytesUInt8Span
        let target = head.target
        guard head.host != nil || head.isHTTP10 else { return .hostless }
        if let host = head.host, !isHost(host, in: bytes) { return .hostMalformed }
        if bytes[target.startIndex] == slash {
            return claims(target, in: bytes) ? .forwarded(target) : .control
        }
        let text = target.text(in: buffer)
        guard let separator = text.range(of: "://"), head.kind != .connect,
            ["http", "https"].contains(text[..<separator.lowerBound].lowercased())
        else {
            return text == "*" && head.kind == .options ? .control : .malformed
        }
        let authority = text[separator.upperBound...].prefix { !"/?#".contains($0) }
        let path = text[authority.endIndex...]
        guard PathAdmission.claims(path) else { return .control }
        guard let named = PublicOrigin.name(ofAuthority: String(authority)),
            head.host.flatMap({ PublicOrigin.name(ofAuthority: $0.text(in: buffer)) }) == named
        else { return .ambiguous }
        let offset = text.utf8.distance(from: text.startIndex, to: path.startIndex)
        return .forwarded(ByteSlice(from: target.startIndex + offset, to: target.end))
    }

    /// Whether bytes can be a host with or without a port: by their characters, and nothing more.
    private static func isHost(_ host: ByteSlice, in bytes: Span<UInt8>) -> Bool {
        var isPort = false
        var isLiteral = false
        for index in host.range {
            let byte = bytes[index]
            if isPort {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return false }
            } else if isLiteral {
                // An IPv6 address.
                isLiteral = byte != UInt8(ascii: "]")
            } else if byte == UInt8(ascii: ":") {
                isPort = true
            } else if byte == UInt8(ascii: "[") {
                guard index == host.startIndex else { return false }
                isLiteral = true
            } else {
                guard ByteSet.registeredName.contains(byte) else { return false }
            }
        }
        return !isLiteral
    }

    /// As `PathAdmission.claims`, with a quick way to `true` and to `false` for what is plainly spelled.
    private static func claims(_ target: ByteSlice, in bytes: Span<UInt8>) -> Bool {
        if begins(target, with: "/services/", in: bytes) { return true }
        var isPlain = true
        var end = target.startIndex
        while end < target.end, bytes[end] != questionMark {
            if isOdd(bytes[end]) { isPlain = false }
            end += 1
        }
        if isPlain, target.count > 1 {
            let first = bytes[target.startIndex + 1] | 0x20
            // Empty and dot segments are not plain either.
            if first != UInt8(ascii: "s"), first != UInt8(ascii: "c"), first != slash, first != UInt8(ascii: "."),
                !holdsDots(target.startIndex, end, in: bytes)
            {
                return false
            }
        } else if isPlain {
            return false
        }
        return PathAdmission.claims(
            String(decoding: (target.startIndex..<end).map { bytes[$0] }, as: UTF8.self))
    }

    private static func begins(_ target: ByteSlice, with prefix: StaticString, in bytes: Span<UInt8>) -> Bool {
        guard target.count >= prefix.utf8CodeUnitCount else { return false }
        var index = target.startIndex
        for byte in prefix.description.utf8 {
            guard bytes[index] == byte else { return false }
            index += 1
        }
        return true
    }

    private static func holdsDots(_ start: Int, _ end: Int, in bytes: Span<UInt8>) -> Bool {
        var index = start
        while index + 1 < end {
            if bytes[index] == slash, bytes[index + 1] == UInt8(ascii: ".") || bytes[index + 1] == slash { return true }
            index += 1
        }
        return false
    }

    private static func isOdd(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "%"), UInt8(ascii: "\\"), UInt8(ascii: ";"), UInt8(ascii: "#"): true
        case _: false
        }
    }

    private static let slash = UInt8(ascii: "/")
    private static let questionMark = UInt8(ascii: "?")
}

extension ByteSlice {
    /// The bytes as text; what is not UTF-8 is replaced.
    func text(in buffer: ByteBuffer) -> String {
        buffer.getString(at: buffer.readerIndex + startIndex, length: count) ?? ""
    }
}
