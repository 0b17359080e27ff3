/// One word of a query.
struct SOQLToken: Sendable, Hashable {
    enum Kind: Sendable, Hashable {
        /// A name or keyword, dots included.
        case word(String)
        case string(String)
        /// A number, date or time as it was written.
        case number(String)
        case symbol(String)
        case end
    }

    var kind: Kind
    /// Bytes from the start of the query.
    var offset: Int

    /// How an error names it.
    var shown: String {
        switch kind {
        case .word(let text), .number(let text), .symbol(let text): "'\(text)'"
        case .string(let text): "'\(text)'"
        case .end: "'<EOF>'"
        }
    }
}

/// Splits a query into tokens.
struct SOQLLexer {
    private let query: String
    private let bytes: [UInt8]
    private var position = 0

    private init(_ query: String) {
        self.query = query
        bytes = Array(query.utf8)
    }

    /// The tokens of a query with ``SOQLToken/Kind/end`` as the last one; throws ``SOQLError``.
    static func tokens(of query: String) throws -> [SOQLToken] {
        var lexer = SOQLLexer(query)
        var tokens: [SOQLToken] = []
        while let token = try lexer.next() { tokens.append(token) }
        tokens.append(SOQLToken(kind: .end, offset: lexer.bytes.count))
        return tokens
    }

    private mutating func next() throws -> SOQLToken? {
        while position < bytes.count, Self.isSpace(bytes[position]) { position += 1 }
        guard position < bytes.count else { return nil }
        let start = position
        let byte = bytes[position]
        if byte == UInt8(ascii: "'") { return SOQLToken(kind: .string(try string()), offset: start) }
        if Self.isLetter(byte) { return SOQLToken(kind: .word(run(Self.isWordPart)), offset: start) }
        let signed =
            (byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")) && position + 1 < bytes.count
            && Self.isDigit(bytes[position + 1])
        if Self.isDigit(byte) || signed { return SOQLToken(kind: .number(number()), offset: start) }
        position += 1
        if position < bytes.count, bytes[position] == UInt8(ascii: "=") || (byte == 0x3C && bytes[position] == 0x3E) {
            let pair = String(decoding: [byte, bytes[position]], as: UTF8.self)
            if ["!=", "<=", ">=", "<>"].contains(pair) {
                position += 1
                return SOQLToken(kind: .symbol(pair == "<>" ? "!=" : pair), offset: start)
            }
        }
        let symbol = String(decoding: [byte], as: UTF8.self)
        guard ["=", "<", ">", "(", ")", ",", ":"].contains(symbol) else {
            throw SOQLError(.malformedQuery, "unexpected token: '\(symbol)'", at: start, in: query)
        }
        return SOQLToken(kind: .symbol(symbol), offset: start)
    }

    private mutating func run(_ isPart: (UInt8) -> Bool) -> String {
        let start = position
        while position < bytes.count, isPart(bytes[position]) { position += 1 }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    /// A number, or a date with its time and offset: `-1.5`, `2026-01-31`, `2026-01-31T00:00:00+01:00`.
    private mutating func number() -> String {
        run {
            Self.isDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: ".")
                || $0 == UInt8(ascii: ":") || $0 == UInt8(ascii: "T") || $0 == UInt8(ascii: "Z")
                || $0 == UInt8(ascii: "t") || $0 == UInt8(ascii: "z") || $0 == UInt8(ascii: "e")
                || $0 == UInt8(ascii: "E")
        }
    }

    private mutating func string() throws -> String {
        let start = position
        position += 1
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == UInt8(ascii: "'") { return String(decoding: text, as: UTF8.self) }
            guard byte == UInt8(ascii: "\\") else {
                text.append(byte)
                continue
            }
            guard position < bytes.count else { break }
            try escape(bytes[position], into: &text)
            position += 1
        }
        throw SOQLError(.malformedQuery, "string literal is not closed", at: start, in: query)
    }

    private func escape(_ byte: UInt8, into text: inout [UInt8]) throws {
        switch byte {
        case UInt8(ascii: "n"), UInt8(ascii: "N"): text.append(0x0A)
        case UInt8(ascii: "r"), UInt8(ascii: "R"): text.append(0x0D)
        case UInt8(ascii: "t"), UInt8(ascii: "T"): text.append(0x09)
        case UInt8(ascii: "b"), UInt8(ascii: "B"): text.append(0x08)
        case UInt8(ascii: "f"), UInt8(ascii: "F"): text.append(0x0C)
        case UInt8(ascii: "'"), UInt8(ascii: "\""), UInt8(ascii: "\\"): text.append(byte)
        case UInt8(ascii: "_"): text.append(contentsOf: EscapedWildcard.underscore.utf8)
        case UInt8(ascii: "%"): text.append(contentsOf: EscapedWildcard.percent.utf8)
        case _:
            throw SOQLError(.malformedQuery, "Illegal escape sequence in string literal", at: position - 1, in: query)
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
    }

    private static func isWordPart(_ byte: UInt8) -> Bool {
        isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
    }
}
