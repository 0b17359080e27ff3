/// What a header section says about the message itself, line by line.
struct FieldSection {
    /// A header that says something about the message.
    enum Meaning {
        case connection, contentLength, expect, host, transferEncoding
        /// One that a lenient parser may take for `Content-Length` or `Transfer-Encoding`.
        case ambiguous
        /// Any other.
        case other
    }

    /// Content-Length: 10^15 bytes are a petabyte.
    private static let contentLengthDigitsMax = 15

    private let isHTTP10: Bool
    private let isRequest: Bool
    private var closes = false
    private var asksToKeepAlive = false
    private(set) var framing: BodyFraming?
    private(set) var host: ByteSlice?
    private(set) var expectsContinue = false

    init(isHTTP10: Bool, isRequest: Bool) {
        self.isHTTP10 = isHTTP10
        self.isRequest = isRequest
    }

    /// RFC 9112 §9.3: `close` wins; HTTP/1.0 must ask for more.
    var keepsAlive: Bool { !closes && (!isHTTP10 || asksToKeepAlive) }

    /// Takes a header line. The caller reads a `Connection` line on.
    mutating func add(_ field: FieldLine, _ bytes: RawSpan) throws(HeadStop) -> Meaning {
        let meaning = Meaning(field.name, bytes)
        switch meaning {
        case .other, .connection: break
        case .host where isRequest:
            guard host == nil else { throw .malformed(.hostRepeated) }
            host = field.value
        case .expect where isRequest && !isHTTP10:
            if field.value.count == 12, bytes.word(field.value.startIndex).lowercased == 0x746E_6F63_2D30_3031,
                bytes.word(field.value.startIndex &+ 8).lowercased.prefix(4) == 0x6575_6E69
            {
                expectsContinue = true
            }
        case .host, .expect: break
        case .ambiguous: throw .malformed(.framingNameAmbiguous)
        case .contentLength: try addContentLength(field, bytes)
        case .transferEncoding: try addTransferEncoding(field, bytes)
        }
        return meaning
    }

    /// Takes a connection option. Returns whether it was `close` or `keep-alive`.
    mutating func takeConnectionOption(_ option: ByteSlice, _ bytes: RawSpan) -> Bool {
        let word = bytes.word(option.startIndex).lowercased
        if option.count == 5, word.prefix(5) == 0x65_736F_6C63 {
            closes = true
            return true
        }
        if option.count == 10, word == 0x696C_612D_7065_656B,
            bytes.word(option.startIndex &+ 8).lowercased.prefix(2) == 0x6576
        {
            asksToKeepAlive = true
            return true
        }
        return false
    }

    private mutating func addContentLength(_ field: FieldLine, _ bytes: RawSpan) throws(HeadStop) {
        let value = field.value
        switch framing {
        case nil: break
        case .length: throw .malformed(.contentLengthRepeated)
        case .chunked, .some(.none), .untilClose: throw .malformed(.contentLengthWithTransferEncoding)
        }
        guard value.count > 0, value.count <= Self.contentLengthDigitsMax, bytes.onlySpacesFollow(field) else {
            throw .malformed(.contentLengthMalformed)
        }
        // `010` is eight to a reader that takes it for octal.
        guard value.count == 1 || bytes.byte(value.startIndex) != 0x30 else {
            throw .malformed(.contentLengthMalformed)
        }
        var length = 0
        for position in value.startIndex..<value.end {
            let byte = bytes.byte(position)
            guard byte.isDigit else { throw .malformed(.contentLengthMalformed) }
            length = length &* 10 &+ Int(byte &- 0x30)
        }
        framing = .length(length)
    }

    private mutating func addTransferEncoding(_ field: FieldLine, _ bytes: RawSpan) throws(HeadStop) {
        let value = field.value
        // RFC 9112 §6.1: such a message's framing is faulty.
        guard !isHTTP10 else { throw .malformed(.transferEncodingInHTTP10) }
        switch framing {
        case nil: break
        case .chunked: throw .malformed(.transferEncodingRepeated)
        case .length, .some(.none), .untilClose: throw .malformed(.contentLengthWithTransferEncoding)
        }
        guard value.count == 7, bytes.word(value.startIndex).lowercased.prefix(7) == 0x64_656B_6E75_6863,
            bytes.onlySpacesFollow(field)
        else {
            throw .malformed(.transferEncodingUnsupported)
        }
        framing = .chunked
    }
}

extension FieldSection.Meaning {
    /// Recognises a name, compared without case.
    @inline(__always)
    fileprivate init(_ name: ByteSlice, _ bytes: RawSpan) {
        let start = name.startIndex
        self = .other
        switch name.count {
        case 4:
            if bytes.word(start).lowercased.prefix(4) == 0x7473_6F68 { self = .host }
        case 6:
            if bytes.word(start).lowercased.prefix(6) == 0x7463_6570_7865 { self = .expect }
        case 10:
            if bytes.word(start).lowercased == 0x6974_6365_6E6E_6F63,
                bytes.word(start &+ 8).lowercased.prefix(2) == 0x6E6F
            {
                self = .connection
            }
        case 14:
            if bytes.word(start).lowercased.prefix(7) == 0x74_6E65_746E_6F63,
                bytes.word(start &+ 8).lowercased.prefix(6) == 0x6874_676E_656C
            {
                self = Self.separated(by: bytes.byte(start &+ 7), .contentLength)
            }
        case 17:
            if bytes.word(start).lowercased == 0x7265_6673_6E61_7274,
                bytes.word(start &+ 9).lowercased == 0x676E_6964_6F63_6E65
            {
                self = Self.separated(by: bytes.byte(start &+ 8), .transferEncoding)
            }
        default: break
        }
    }

    private static func separated(by byte: UInt8, _ meaning: Self) -> Self {
        switch byte {
        case UInt8(ascii: "-"): meaning
        case UInt8(ascii: "_"), UInt8(ascii: "."): .ambiguous
        default: .other
        }
    }
}

extension RawSpan {
    /// Whether no HTAB stands behind a value: around a number or a coding, not all parsers take it for white space.
    fileprivate func onlySpacesFollow(_ field: FieldLine) -> Bool {
        for position in field.value.end..<field.line.end &- 2 where byte(position) != .space { return false }
        return true
    }

    /// Where a header's name ends, at its colon.
    @inline(__always)
    func endOfName(_ start: Int) throws(HeadStop) -> Int {
        var position = start
        while true {
            let found = word(position).nonNameBytes
            guard found != 0 else {
                position &+= 8
                continue
            }
            position &+= found.firstByteFound
            guard position < byteCount else { throw .incomplete }
            let byte = byte(position)
            if byte == .colon, position > start { return position }
            guard byte.isToken else { throw .malformed(nameProblem(byte, isFirst: position == start)) }
            position &+= 1
        }
    }

    private func nameProblem(_ byte: UInt8, isFirst: Bool) -> HeadProblem {
        guard isFirst else { return .fieldNameMalformed }
        switch byte {
        case .space, .tab: return .foldedLine
        case .lineFeed: return .bareLineFeed
        default: return .fieldNameMalformed
        }
    }

    /// Where a field's value or a reason ends, at its CRLF.
    @inline(__always)
    func endOfValue(_ start: Int) throws(HeadStop) -> Int {
        var position = start
        while true {
            let found = word(position).controls
            guard found != 0 else {
                position &+= 8
                continue
            }
            position &+= found.firstByteFound
            guard position < byteCount else { throw .incomplete }
            switch byte(position) {
            case .tab: position &+= 1
            case .carriageReturn, .lineFeed:
                _ = try endLine(position)
                return position
            default: throw .malformed(.fieldValueMalformed)
            }
        }
    }
}
