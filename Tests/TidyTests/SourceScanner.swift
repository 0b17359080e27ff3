/// Takes Swift source apart into code, with comments and the insides of string literals blanked, and comments.
///
/// It knows comments, nested comments, strings with interpolation, multi-line and raw strings. It does not know regex
/// literals; a quotation mark in one is forgotten at the end of its line.
struct SourceScanner {
    /// As long as the source, line by line and column by column.
    private(set) var code: [UInt8] = []
    /// The comments of each line, joined.
    private(set) var comments: [String] = []

    private let source: [UInt8]
    private var position = 0
    private var comment: [UInt8] = []

    init(_ text: String) {
        source = Array(text.utf8)
        code.reserveCapacity(source.count)
        scanCode(untilParenthesis: false)
        endLine()
    }

    private func byte(at offset: Int) -> UInt8? {
        position + offset < source.count ? source[position + offset] : nil
    }

    private func looksAt(_ text: StaticString) -> Bool {
        let length = text.utf8CodeUnitCount
        guard position + length <= source.count else { return false }
        return text.withUTF8Buffer { $0.elementsEqual(source[position..<position + length]) }
    }

    private mutating func endLine() {
        comments.append(String(decoding: comment, as: UTF8.self))
        comment = []
    }

    /// Takes one byte over as it is, blanked, or blanked and kept as a comment.
    private mutating func take(blank: Bool, asComment: Bool = false) {
        let byte = source[position]
        position += 1
        if byte == UInt8(ascii: "\n") {
            code.append(byte)
            endLine()
            return
        }
        if asComment { comment.append(byte) }
        code.append(blank ? UInt8(ascii: " ") : byte)
    }

    private mutating func take(_ count: Int, blank: Bool, asComment: Bool = false) {
        for _ in 0..<count { take(blank: blank, asComment: asComment) }
    }

    private mutating func scanCode(untilParenthesis: Bool) {
        var depth = 0
        while let next = byte(at: 0) {
            if looksAt("//") {
                while let next = byte(at: 0), next != UInt8(ascii: "\n") { take(blank: true, asComment: true) }
            } else if looksAt("/*") {
                scanBlockComment()
            } else if let hashes = hashesBeforeString() {
                scanString(hashes: hashes)
            } else {
                if next == UInt8(ascii: "(") { depth += 1 }
                if next == UInt8(ascii: ")") {
                    if depth == 0, untilParenthesis { return }
                    depth -= 1
                }
                take(blank: false)
            }
        }
    }

    private mutating func scanBlockComment() {
        var depth = 0
        while position < source.count {
            if looksAt("/*") {
                depth += 1
                take(2, blank: true, asComment: true)
            } else if looksAt("*/") {
                depth -= 1
                take(2, blank: true, asComment: true)
                if depth == 0 { return }
            } else {
                take(blank: true, asComment: true)
            }
        }
    }

    /// How many `#` stand before the string literal that begins here; `nil` where none begins.
    private func hashesBeforeString() -> Int? {
        var hashes = 0
        while byte(at: hashes) == UInt8(ascii: "#") { hashes += 1 }
        return byte(at: hashes) == UInt8(ascii: "\"") ? hashes : nil
    }

    private func areHashes(_ count: Int, at offset: Int) -> Bool {
        (0..<count).allSatisfy { byte(at: offset + $0) == UInt8(ascii: "#") }
    }

    private mutating func scanString(hashes: Int) {
        take(hashes, blank: false)
        let quotes = looksAt("\"\"\"") ? 3 : 1
        take(quotes, blank: false)
        while let next = byte(at: 0) {
            if next == UInt8(ascii: "\n"), quotes == 1 { return }
            if next == UInt8(ascii: "\\"), areHashes(hashes, at: 1) {
                if byte(at: 1 + hashes) == UInt8(ascii: "(") {
                    take(2 + hashes, blank: true)
                    scanCode(untilParenthesis: true)
                    if position < source.count { take(blank: true) }
                } else {
                    take(min(2 + hashes, source.count - position), blank: true)
                }
            } else if quotes == 3 ? looksAt("\"\"\"") : next == UInt8(ascii: "\""), areHashes(hashes, at: quotes) {
                take(quotes + hashes, blank: false)
                return
            } else {
                take(blank: true)
            }
        }
    }
}
