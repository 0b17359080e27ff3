/// How a lax reader departs from RFC 9112. What each does has been done by a server of some name.
struct Personality: Sendable {
    enum Fold { case joins, startsHeader, skips }
    enum LengthPick { case first, last }
    enum LengthRule {
        /// Digits and nothing else; any other value counts as none.
        case digits
        /// As strtol(3) reads it in base 10: blanks, a sign, as many digits as there are, then whatever.
        case leading
        /// As strtol(3) reads it in base 0: also `0x10` and, in octal, `010`.
        case anyBase
        /// As `leading`, in 32 bits.
        case wraps
    }
    enum CodingRule { case lastToken, firstToken, anyMention, exactCase }

    var name: String
    var endsLinesAtCR = false
    var fold = Fold.joins
    /// Blanks and control bytes around a name don't count; otherwise such a name is another name.
    var trimsNames = false
    /// `_` and `.` are `-`, as CGI makes them.
    var foldsNames = false
    /// Bytes that no name may hold don't count.
    var dropsNonTokens = false
    /// Control bytes around a value don't count.
    var trimsControls = false
    var cutsAtNUL = false
    var lengthPick = LengthPick.last
    var lengthRule = LengthRule.digits
    var coding = CodingRule.lastToken
    var prefersLength = false
    /// What `Connection` names is removed before anything else looks at it.
    var removesNamed = false
    /// Words of the request line are parted by any blanks.
    var splitsOnBlanks = false
    /// Chunk sizes wrap at 32 bits, and the line end after a chunk's data may be missing.
    var laxChunks = false

    static let all: [Personality] = [
        Personality(name: "bare LF"),
        Personality(name: "bare CR", endsLinesAtCR: true),
        Personality(name: "folded line is a header", fold: .startsHeader),
        Personality(name: "folded line is skipped", fold: .skips),
        Personality(name: "blanks in names", trimsNames: true, trimsControls: true),
        Personality(name: "CGI names", foldsNames: true),
        Personality(name: "odd bytes in names dropped", foldsNames: true, dropsNonTokens: true),
        Personality(name: "first length, leading digits", lengthPick: .first, lengthRule: .leading),
        Personality(name: "last length, leading digits", lengthRule: .leading),
        Personality(name: "length in any base", lengthRule: .anyBase),
        Personality(name: "length in 32 bits", lengthRule: .wraps, laxChunks: true),
        Personality(name: "length before coding", lengthRule: .leading, prefersLength: true),
        Personality(name: "first coding", coding: .firstToken),
        Personality(name: "chunked in any mention", trimsControls: true, coding: .anyMention),
        Personality(name: "chunked in lower case", coding: .exactCase),
        Personality(name: "C strings", cutsAtNUL: true),
        Personality(name: "Connection strips first", removesNamed: true),
        Personality(name: "blanks in the request line", splitsOnBlanks: true),
        Personality(
            name: "takes all", endsLinesAtCR: true, fold: .startsHeader, trimsNames: true, foldsNames: true,
            dropsNonTokens: true, trimsControls: true, cutsAtNUL: true, lengthPick: .first, lengthRule: .anyBase,
            coding: .anyMention, removesNamed: true, splitsOnBlanks: true, laxChunks: true),
    ]
}

/// Reads requests as one ``Personality`` does.
struct LenientReader {
    private let bytes: [UInt8]
    private let who: Personality
    private var at = 0

    private init(_ bytes: [UInt8], as who: Personality) {
        self.bytes = bytes
        self.who = who
    }

    static func read(_ bytes: [UInt8], as who: Personality) -> Reading {
        var reader = LenientReader(bytes, as: who)
        var reading = Reading()
        while reader.at < bytes.count {
            do throws(ReadingStop) {
                guard let request = try reader.request() else { break }
                reading.requests.append(request)
                reading.consumed = reader.at
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

    // MARK: Lines

    private mutating func line() throws(ReadingStop) -> ArraySlice<UInt8> {
        let isEnd: (UInt8) -> Bool = who.endsLinesAtCR ? { $0 == Byte.lf || $0 == Byte.cr } : { $0 == Byte.lf }
        guard let end = bytes[at...].firstIndex(where: isEnd) else { throw .incomplete }
        var line = bytes[at..<end]
        at = end + 1
        if bytes[end] == Byte.cr {
            // CR LF is one end; whether LF follows can't be known before the next byte is there.
            guard at < bytes.count else { throw .incomplete }
            if bytes[at] == Byte.lf { at += 1 }
        } else if line.last == Byte.cr {
            line.removeLast()
        }
        return line
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte <= 0x20 || byte == 0x7F }

    private func trimValue(_ value: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let whole = who.cutsAtNUL ? value.prefix { $0 != 0 } : value
        return who.trimsControls ? Byte.trim(whole, where: Self.isBlank) : Byte.trim(whole)
    }

    private func readName(_ name: ArraySlice<UInt8>) -> String {
        var name = who.trimsNames ? Array(Byte.trim(name, where: Self.isBlank)) : Array(name)
        if who.dropsNonTokens { name.removeAll { !Byte.isTokenByte($0) } }
        if who.foldsNames { name = name.map { "_.".utf8.contains($0) ? UInt8(ascii: "-") : $0 } }
        return Byte.text(name[...]).lowercased()
    }

    // MARK: Heads

    /// The next request; `nil` where nothing but empty lines is left.
    private mutating func request() throws(ReadingStop) -> ReadRequest? {
        var line: ArraySlice<UInt8> = []
        repeat {
            if at == bytes.count { return nil }
            line = try self.line()
        } while line.isEmpty
        var request = ReadRequest()
        let words: [ArraySlice<UInt8>]
        if who.splitsOnBlanks {
            words = line.split(whereSeparator: Self.isBlank)
        } else {
            words = line.split(separator: Byte.space, maxSplits: 1)
        }
        guard words.count > 1 else { throw .malformed("request line") }
        request.method = Byte.text(words[0])
        if who.splitsOnBlanks {
            request.target = Byte.text(words[1])
        } else {
            // The version is after the last space, the target whatever stands between.
            let end = words[1].lastIndex(of: Byte.space) ?? words[1].endIndex
            request.target = Byte.text(words[1][..<end])
        }
        let fields = try fields()
        request.hosts = fields.filter { $0.name == "host" }.map(\.value)
        request.credentials = fields.filter { $0.name == "authorization" }.map(\.value)
        request.framing = framing(
            codings: fields.filter { $0.name == "transfer-encoding" }.map(\.value),
            lengths: fields.filter { $0.name == "content-length" }.map(\.value))
        switch request.framing {
        case .none: break
        case .length(let length): request.body = try take(length)
        case .chunked: (request.body, request.trailers) = try chunks()
        }
        return request
    }

    private mutating func fields() throws(ReadingStop) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        while true {
            var line = try line()
            if line.isEmpty { break }
            if let first = line.first, first == Byte.space || first == Byte.tab {
                switch who.fold {
                case .joins where !fields.isEmpty:
                    fields[fields.count - 1].value += " " + Byte.text(trimValue(line))
                    continue
                case .skips: continue
                case .joins, .startsHeader: line = Byte.trim(line)
                }
            }
            guard let colon = line.firstIndex(of: Byte.colon) else { continue }
            fields.append((readName(line[..<colon]), Byte.text(trimValue(line[(colon + 1)...]))))
        }
        guard who.removesNamed else { return fields }
        let named = fields.filter { $0.name == "connection" }.flatMap { field in
            field.value.lowercased().split { ", \t".contains($0) }.map(String.init)
        }
        return fields.filter { !named.contains($0.name) }
    }

    // MARK: Bodies

    private func framing(codings: [String], lengths: [String]) -> ReadRequest.Framing {
        let readable = lengths.compactMap(length)
        let length = who.lengthPick == .first ? readable.first : readable.last
        if who.prefersLength, let length { return .length(length) }
        if isChunked(codings) { return .chunked }
        return length.map { .length($0) } ?? .none
    }

    private func isChunked(_ codings: [String]) -> Bool {
        let all = codings.joined(separator: ",")
        let tokens = all.lowercased().split(separator: ",").map { $0.filter { !" \t".contains($0) } }
        return switch who.coding {
        case .lastToken: tokens.last == "chunked"
        case .firstToken: tokens.first == "chunked"
        case .anyMention: all.lowercased().contains("chunked")
        case .exactCase: codings.last == "chunked"
        }
    }

    private func length(_ value: String) -> Int? {
        switch who.lengthRule {
        case .digits:
            guard !value.isEmpty, value.utf8.allSatisfy(Byte.isDigit) else { return nil }
            return Int(value) ?? Int.max
        case .leading, .anyBase, .wraps:
            var rest = Substring(value).drop { $0.unicodeScalars.allSatisfy { $0.value <= 0x20 } }
            let isNegative = rest.hasPrefix("-")
            if isNegative || rest.hasPrefix("+") { rest = rest.dropFirst() }
            var base = 10
            if who.lengthRule == .anyBase, rest.hasPrefix("0") {
                base = rest.lowercased().hasPrefix("0x") ? 16 : 8
                if base == 16 { rest = rest.dropFirst(2) }
            }
            let digits = rest.utf8.prefix { (Byte.hexValue($0) ?? 99) < base }
            if digits.isEmpty { return nil }
            let number = Self.wrapping(Array(digits), base: UInt64(base))
            if isNegative { return 0 }
            return who.lengthRule == .wraps ? Int(UInt32(truncatingIfNeeded: number)) : Int(clamping: number)
        }
    }

    private static func wrapping(_ digits: [UInt8], base: UInt64) -> UInt64 {
        digits.reduce(0) { $0 &* base &+ UInt64(Byte.hexValue($1) ?? 0) }
    }

    private mutating func take(_ count: Int) throws(ReadingStop) -> [UInt8] {
        guard count <= bytes.count - at else { throw .incomplete }
        defer { at += count }
        return Array(bytes[at..<(at + count)])
    }

    private mutating func chunks() throws(ReadingStop) -> (body: [UInt8], trailers: Int) {
        var body: [UInt8] = []
        while true {
            var size = Byte.trim(try line(), where: Self.isBlank)
            if size.first == UInt8(ascii: "+") { size = size.dropFirst() }
            if size.starts(with: "0x".utf8) || size.starts(with: "0X".utf8) { size = size.dropFirst(2) }
            let digits = size.prefix(while: Byte.isHexDigit)
            guard !digits.isEmpty else { throw .malformed("chunk size") }
            let number = Self.wrapping(Array(digits), base: 16)
            let count = who.laxChunks ? Int(UInt32(truncatingIfNeeded: number)) : Int(clamping: number)
            if count == 0 { break }
            body += try take(count)
            try skipChunkEnd()
        }
        var trailers = 0
        while !(try line()).isEmpty { trailers += 1 }
        return (body, trailers)
    }

    private mutating func skipChunkEnd() throws(ReadingStop) {
        guard at < bytes.count else { throw .incomplete }
        if bytes[at] == Byte.cr || bytes[at] == Byte.lf {
            let end = try line()
            if !end.isEmpty { throw .malformed("chunk end") }
        } else if !who.laxChunks {
            throw .malformed("chunk end")
        }
    }
}
