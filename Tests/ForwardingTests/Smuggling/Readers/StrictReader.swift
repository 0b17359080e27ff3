/// A request as a reader understood it: what decides who gets which bytes.
struct ReadRequest: Equatable, Sendable {
    enum Framing: Equatable, Sendable {
        case none
        case length(Int)
        case chunked
    }

    var method = ""
    var target = ""
    var hosts: [String] = []
    var credentials: [String] = []
    var framing = Framing.none
    var body: [UInt8] = []
    /// How many lines stand behind the last chunk.
    var trailers = 0
}

/// What a reader understood of the bytes of a connection.
struct Reading: Equatable, Sendable {
    enum Rest: Equatable, Sendable {
        case nothing
        /// More must come.
        case incomplete
        case malformed(String)
    }

    var requests: [ReadRequest] = []
    var rest = Rest.nothing
    /// Up to where the requests go that were understood.
    var consumed = 0
    /// Whether a request is HTTP/1.0.
    var holdsHTTP10 = false
}

/// Why a reader stopped within a request.
enum ReadingStop: Error {
    case incomplete
    case malformed(String)
}

/// Reads requests as RFC 9112 writes them, and takes nothing that it merely tolerates. Written for the test alone: it
/// shares no line with the gateway's parser.
struct StrictReader {
    private let bytes: [UInt8]
    private var at = 0
    private var isHTTP10 = false

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    static func read(_ bytes: [UInt8]) -> Reading {
        var reader = StrictReader(bytes)
        var reading = Reading()
        while reader.at < bytes.count {
            do throws(ReadingStop) {
                reading.requests.append(try reader.request())
                reading.consumed = reader.at
                if reader.isHTTP10 { reading.holdsHTTP10 = true }
            } catch {
                switch error {
                case .incomplete: reading.rest = .incomplete
                case .malformed(let why): reading.rest = .malformed(why)
                }
                return reading
            }
        }
        return reading
    }

    private mutating func line() throws(ReadingStop) -> [UInt8] {
        guard let end = bytes[at...].firstIndex(of: Byte.lf) else { throw .incomplete }
        guard end > at, bytes[end - 1] == Byte.cr else { throw .malformed("bare LF") }
        let line = Array(bytes[at..<(end - 1)])
        guard line.allSatisfy({ $0 == Byte.tab || $0 >= 0x20 && $0 != 0x7F }) else { throw .malformed("control byte") }
        at = end + 1
        return line
    }

    private mutating func take(_ count: Int) throws(ReadingStop) -> [UInt8] {
        guard count <= bytes.count - at else { throw .incomplete }
        defer { at += count }
        return Array(bytes[at..<(at + count)])
    }

    private mutating func request() throws(ReadingStop) -> ReadRequest {
        var request = ReadRequest()
        let words = try line().split(separator: Byte.space, omittingEmptySubsequences: false)
        guard words.count == 3 else { throw .malformed("request line") }
        guard Byte.isToken(words[0]) else { throw .malformed("method") }
        guard !words[1].isEmpty, words[1].allSatisfy({ (0x21...0x7E).contains($0) && $0 != Byte.hash }) else {
            throw .malformed("target")
        }
        isHTTP10 = words[2].elementsEqual("HTTP/1.0".utf8)
        guard isHTTP10 || words[2].elementsEqual("HTTP/1.1".utf8) else { throw .malformed("version") }
        request.method = Byte.text(words[0])
        request.target = Byte.text(words[1])
        request.framing = try fields(into: &request)
        switch request.framing {
        case .none: break
        case .length(let length): request.body = try take(length)
        case .chunked:
            guard !isHTTP10 else { throw .malformed("Transfer-Encoding in HTTP/1.0") }
            request.body = try chunks()
            request.trailers = try trailers()
        }
        return request
    }

    private mutating func fields(into request: inout ReadRequest) throws(ReadingStop) -> ReadRequest.Framing {
        var lengths: [String] = []
        var codings: [String] = []
        while true {
            let line = try line()
            if line.isEmpty { break }
            guard let colon = line.firstIndex(of: Byte.colon), Byte.isToken(line[..<colon]) else {
                throw .malformed("header name")
            }
            let name = Byte.text(line[..<colon]).lowercased()
            let value = Byte.text(Byte.trim(line[(colon + 1)...]))
            switch name {
            case "host": request.hosts.append(value)
            case "authorization": request.credentials.append(value)
            case "content-length": lengths.append(value)
            case "transfer-encoding": codings.append(value)
            default:
                let folded = name.map { "_.".contains($0) ? "-" : $0 }
                if ["host", "content-length", "transfer-encoding", "authorization"].contains(String(folded)) {
                    throw .malformed("alias of \(String(folded))")
                }
            }
        }
        guard request.hosts.count == 1 else { throw .malformed("\(request.hosts.count) Host") }
        switch (lengths.count, codings.count) {
        case (0, 0): return .none
        case (1, 0):
            guard lengths[0].utf8.allSatisfy(Byte.isDigit), let length = Int(lengths[0]) else {
                throw .malformed("Content-Length")
            }
            return .length(length)
        case (0, 1):
            guard codings[0].lowercased() == "chunked" else { throw .malformed("Transfer-Encoding") }
            return .chunked
        case _: throw .malformed("\(lengths.count) Content-Length, \(codings.count) Transfer-Encoding")
        }
    }

    private mutating func chunks() throws(ReadingStop) -> [UInt8] {
        var body: [UInt8] = []
        while true {
            let size = try line()
            guard (1...15).contains(size.count), size.allSatisfy(Byte.isHexDigit),
                let count = Int(Byte.text(size[...]), radix: 16)
            else { throw .malformed("chunk size") }
            if count > 0 { body += try take(count) }
            if count == 0 { return body }
            guard try line().isEmpty else { throw .malformed("chunk end") }
        }
    }

    private mutating func trailers() throws(ReadingStop) -> Int {
        var count = 0
        while true {
            let line = try line()
            if line.isEmpty { return count }
            guard let colon = line.firstIndex(of: Byte.colon), Byte.isToken(line[..<colon]) else {
                throw .malformed("trailer name")
            }
            // RFC 9110 §6.5.1: never what frames, routes or authenticates.
            let name = Byte.text(line[..<colon]).lowercased()
            guard !["content-length", "transfer-encoding", "host", "authorization"].contains(name) else {
                throw .malformed("trailer \(name)")
            }
            count += 1
        }
    }
}

/// What bytes are.
enum Byte {
    static let tab: UInt8 = 0x09
    static let lf: UInt8 = 0x0A
    static let cr: UInt8 = 0x0D
    static let space: UInt8 = 0x20
    static let hash = UInt8(ascii: "#")
    static let colon = UInt8(ascii: ":")

    static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    static func isHexDigit(_ byte: UInt8) -> Bool { hexValue(byte) != nil }

    static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case _: nil
        }
    }

    /// tchar, RFC 9110 §5.6.2.
    static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        case _: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    static func isToken(_ bytes: ArraySlice<UInt8>) -> Bool { !bytes.isEmpty && bytes.allSatisfy(isTokenByte) }

    /// A character for each byte.
    static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }

    static func trim(
        _ bytes: ArraySlice<UInt8>, where isBlank: (UInt8) -> Bool = { $0 == space || $0 == tab }
    ) -> ArraySlice<UInt8> {
        var trimmed = bytes.drop(while: isBlank)
        while let last = trimmed.last, isBlank(last) { trimmed.removeLast() }
        return trimmed
    }
}
