internal import Foundation

/// Writes lines of at most ``LineFormatter/byteCountMax`` bytes at the end of a buffer, field by field.
///
/// Nothing in a value can end the line or look like another field. A field that no longer fits is left out, and the
/// line says that it is cut.
struct LineWriter: Sendable {
    let format: LogFormat
    private(set) var bytes: [UInt8] = []
    /// Where the line begins that is being written.
    private var start = 0
    private var isTruncated = false
    /// Kept for `truncated=true`, the closing brace and the line's end.
    private static let reserve = 32

    init(format: LogFormat) {
        self.format = format
    }

    /// Begins a line.
    mutating func begin() {
        start = bytes.count
        isTruncated = false
        if format == .json { bytes.append(UInt8(ascii: "{")) }
    }

    /// Begins a line as another one of this format began: `prefix`, a time, `suffix`.
    mutating func begin(_ prefix: [UInt8], _ nanoseconds: Int64, _ timestamp: inout Timestamp, _ suffix: [UInt8]) {
        start = bytes.count
        isTruncated = false
        bytes += prefix
        timestamp.append(nanoseconds, to: &bytes)
        bytes += suffix
    }

    /// Ends the line.
    mutating func end() {
        switch format {
        case .json: bytes += (isTruncated ? ",\"truncated\":\"true\"}\n" : "}\n").utf8
        case .logfmt, .text: bytes += (isTruncated ? " truncated=true\n" : "\n").utf8
        }
    }

    /// Gives all lines away, for a buffer to write the next ones to.
    mutating func exchange(_ buffer: inout [UInt8]) {
        swap(&bytes, &buffer)
    }

    // MARK: - Fields

    /// What a line for people begins with.
    mutating func appendHead(_ text: String) {
        let mark = bytes.count
        escape(text, quotes: false)
        close(mark)
    }

    mutating func append(_ name: String, _ value: String) {
        let mark = bytes.count
        separate()
        bytes += name.utf8
        append(value, mark)
    }

    mutating func append(_ name: StaticString, _ value: String) {
        let mark = open(name)
        append(value, mark)
    }

    mutating func append(_ name: StaticString, _ value: Span<UInt8>) {
        let mark = open(name)
        equals()
        let valueStart = bytes.count
        bytes.reserveCapacity(valueStart + value.count)
        for index in value.indices { bytes.append(value[index]) }
        finish(from: valueStart, mark) { String(decoding: $0, as: UTF8.self) }
    }

    mutating func append(_ name: StaticString, _ value: Int) {
        let mark = open(name)
        equals()
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        var (low, rest) = (bytes.count, value.magnitude)
        repeat {
            bytes.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10))
            rest /= 10
        } while rest > 0
        var high = bytes.count - 1
        while low < high {
            bytes.swapAt(low, high)
            low += 1
            high -= 1
        }
        quoteIfJSON()
        close(mark)
    }

    mutating func append(_ name: StaticString, _ value: RequestID) {
        let mark = open(name)
        equals()
        value.append(to: &bytes)
        quoteIfJSON()
        close(mark)
    }

    /// In lower case, as PostgreSQL prints it.
    mutating func append(_ name: StaticString, _ value: UUID) {
        let mark = open(name)
        equals()
        let id = value.uuid
        hex(id.0, id.1, id.2, id.3)
        bytes.append(UInt8(ascii: "-"))
        hex(id.4, id.5)
        bytes.append(UInt8(ascii: "-"))
        hex(id.6, id.7)
        bytes.append(UInt8(ascii: "-"))
        hex(id.8, id.9)
        bytes.append(UInt8(ascii: "-"))
        hex(id.10, id.11, id.12, id.13)
        hex(id.14, id.15)
        quoteIfJSON()
        close(mark)
    }

    private mutating func hex(_ first: UInt8, _ second: UInt8) {
        hex(nibble: first >> 4)
        hex(nibble: first & 0xF)
        hex(nibble: second >> 4)
        hex(nibble: second & 0xF)
    }

    private mutating func hex(nibble: UInt8) {
        bytes.append(nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") - 10 + nibble)
    }

    private mutating func hex(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) {
        hex(first, second)
        hex(third, fourth)
    }

    // MARK: - Parts of a field

    /// Begins a field and writes its name.
    private mutating func open(_ name: StaticString) -> Int {
        let mark = bytes.count
        separate()
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        return mark
    }

    private mutating func separate() {
        switch format {
        case .json:
            if bytes.count - start > 1 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(UInt8(ascii: "\""))
        case .logfmt, .text:
            if bytes.count > start { bytes.append(UInt8(ascii: " ")) }
        }
    }

    private mutating func equals() {
        switch format {
        case .json:
            bytes.append(UInt8(ascii: "\""))
            bytes.append(UInt8(ascii: ":"))
            bytes.append(UInt8(ascii: "\""))
        case .logfmt, .text: bytes.append(UInt8(ascii: "="))
        }
    }

    private mutating func append(_ value: String, _ mark: Int) {
        equals()
        let valueStart = bytes.count
        bytes.append(contentsOf: value.utf8)
        finish(from: valueStart, mark) { _ in value }
    }

    /// Ends a field whose value stands at the buffer's end as it came: escapes it where it is not plain.
    private mutating func finish(from valueStart: Int, _ mark: Int, text: (ArraySlice<UInt8>) -> String) {
        if isPlain(from: valueStart) {
            quoteIfJSON()
        } else {
            let text = text(bytes[valueStart...])
            bytes.removeLast(bytes.count - valueStart)
            if format != .json { bytes.append(UInt8(ascii: "\"")) }
            escape(text, quotes: true)
            bytes.append(UInt8(ascii: "\""))
        }
        close(mark)
    }

    private mutating func quoteIfJSON() {
        if format == .json { bytes.append(UInt8(ascii: "\"")) }
    }

    /// Takes a field back that does not fit.
    private mutating func close(_ mark: Int) {
        guard bytes.count - start + Self.reserve > LineFormatter.byteCountMax else { return }
        bytes.removeLast(bytes.count - mark)
        isTruncated = true
    }

    /// Visible ASCII without quotation marks, equals signs and backslashes.
    private func isPlain(from valueStart: Int) -> Bool {
        guard bytes.count > valueStart, bytes.count - valueStart <= LineFormatter.valueByteCountMax else {
            return false
        }
        let value = bytes.span.extracting(valueStart..<bytes.count)
        // Without branches, so that the compiler looks at many bytes at once.
        var odd: UInt8 = 0
        for index in value.indices {
            let byte = value[index]
            odd |= byte &- 0x21 > 0x5D ? 1 : 0
            odd |= byte == UInt8(ascii: "\"") ? 1 : 0
            odd |= byte == UInt8(ascii: "=") ? 1 : 0
            odd |= byte == UInt8(ascii: "\\") ? 1 : 0
        }
        return odd == 0
    }

    /// JSON's escapes, for all formats; C1 controls and Unicode's line ends too, which some readers break lines at.
    /// Of the result at most 4,000 bytes, cut between characters; an ellipsis says so.
    private mutating func escape(_ text: String, quotes: Bool) {
        let end = bytes.count + LineFormatter.valueByteCountMax
        for scalar in text.unicodeScalars {
            guard bytes.count < end else {
                bytes += "…".utf8
                return
            }
            switch scalar {
            case "\n": bytes += "\\n".utf8
            case "\r": bytes += "\\r".utf8
            case "\t": bytes += "\\t".utf8
            case "\"" where quotes: bytes += "\\\"".utf8
            case "\\": bytes += "\\\\".utf8
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{2028}", "\u{2029}":
                let digits = String(scalar.value, radix: 16)
                bytes += "\\u".utf8
                bytes += String(repeating: "0", count: 4 - digits.count).utf8
                bytes += digits.utf8
            case _: bytes += UTF8.encode(scalar).map(Array.init) ?? []
            }
        }
    }
}
