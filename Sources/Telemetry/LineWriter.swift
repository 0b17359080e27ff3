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
    /// 80 KiB: what a batch takes, and the lines that come before it is written.
    private static let roomMin = 80 * 1024

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
        // Grows in steps that double: what is appended below reserves no more than it needs.
        if bytes.capacity - start < LineFormatter.byteCountMax { bytes.reserveCapacity(max(start * 2, Self.roomMin)) }
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
        bytes.append(addingCapacity: Self.separatorsByteCountMax) { $0.appendEquals(format) }
        append(value, mark)
    }

    mutating func append(_ name: StaticString, _ value: String) {
        let mark = open(name)
        append(value, mark)
    }

    mutating func append(_ name: StaticString, _ value: Span<UInt8>) {
        let mark = open(name)
        let valueStart = bytes.count
        bytes.append(addingCapacity: value.count) { output in
            for index in value.indices { output.append(value[index]) }
        }
        finish(from: valueStart, mark) { String(decoding: $0, as: UTF8.self) }
    }

    mutating func append(_ name: StaticString, _ value: Int) {
        appendPlain(name, byteCountMax: Self.numberByteCountMax) { output in
            if value < 0 { output.append(UInt8(ascii: "-")) }
            var (low, rest) = (output.count, value.magnitude)
            repeat {
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                output.append(UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit))
                rest = quotient
            } while rest > 0
            var high = output.count - 1
            while low < high {
                output.swapAt(low, high)
                low += 1
                high -= 1
            }
        }
    }

    mutating func append(_ name: StaticString, _ value: RequestID) {
        appendPlain(name, byteCountMax: RequestID.byteCount) { value.append(to: &$0) }
    }

    /// A text of ours that is plain.
    mutating func append(_ name: StaticString, plain value: StaticString) {
        appendPlain(name, byteCountMax: value.utf8CodeUnitCount) { $0.append(value) }
    }

    /// In lower case, as PostgreSQL prints it.
    mutating func append(_ name: StaticString, _ value: UUID) {
        appendPlain(name, byteCountMax: Self.idByteCount) { output in
            let id = value.uuid
            output.appendHex(id.0, id.1)
            output.appendHex(id.2, id.3)
            output.append(UInt8(ascii: "-"))
            output.appendHex(id.4, id.5)
            output.append(UInt8(ascii: "-"))
            output.appendHex(id.6, id.7)
            output.append(UInt8(ascii: "-"))
            output.appendHex(id.8, id.9)
            output.append(UInt8(ascii: "-"))
            output.appendHex(id.10, id.11)
            output.appendHex(id.12, id.13)
            output.appendHex(id.14, id.15)
        }
    }

    /// A sign and 19 digits.
    private static let numberByteCountMax = 20
    private static let idByteCount = 36

    // MARK: - Parts of a field

    /// Begins a field, up to its value.
    private mutating func open(_ name: StaticString) -> Int {
        let mark = bytes.count
        let isFirst = isFirst
        bytes.append(addingCapacity: name.utf8CodeUnitCount + Self.separatorsByteCountMax) { output in
            output.appendOpening(name, format, isFirst: isFirst)
        }
        return mark
    }

    /// Appends a field whose value needs no escapes.
    private mutating func appendPlain(
        _ name: StaticString, byteCountMax: Int, _ value: (inout OutputSpan<UInt8>) -> Void
    ) {
        let mark = bytes.count
        let isFirst = isFirst
        bytes.append(addingCapacity: name.utf8CodeUnitCount + Self.separatorsByteCountMax + byteCountMax + 1) {
            output in
            output.appendOpening(name, format, isFirst: isFirst)
            value(&output)
            if format == .json { output.append(UInt8(ascii: "\"")) }
        }
        close(mark)
    }

    /// Whether the line has no field yet.
    private var isFirst: Bool { bytes.count - start <= (format == .json ? 1 : 0) }

    /// `,"` before a name and `":"` behind it.
    private static let separatorsByteCountMax = 5

    private mutating func separate() {
        switch format {
        case .json:
            if bytes.count - start > 1 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(UInt8(ascii: "\""))
        case .logfmt, .text:
            if bytes.count > start { bytes.append(UInt8(ascii: " ")) }
        }
    }

    private mutating func append(_ value: String, _ mark: Int) {
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
        // In each step the highest bit says whether it is odd. Without branches, the compiler looks at many at once.
        var odd: UInt8 = 0
        for index in value.indices {
            let byte = value[index]
            let place = byte &- 0x21
            odd |= place | (place &+ (0x7F - (0x7E - 0x21)))
            odd |= Self.highBitIfZero(byte ^ UInt8(ascii: "\""))
            odd |= Self.highBitIfZero(byte ^ UInt8(ascii: "="))
            odd |= Self.highBitIfZero(byte ^ UInt8(ascii: "\\"))
        }
        return odd < 0x80
    }

    private static func highBitIfZero(_ byte: UInt8) -> UInt8 { (byte &- 1) & ~byte }

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

extension OutputSpan<UInt8> {
    fileprivate mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { for byte in $0 { append(byte) } }
    }

    /// What stands before a field's value.
    fileprivate mutating func appendOpening(_ name: StaticString, _ format: LogFormat, isFirst: Bool) {
        if format == .json {
            if !isFirst { append(UInt8(ascii: ",")) }
            append(UInt8(ascii: "\""))
        } else if !isFirst {
            append(UInt8(ascii: " "))
        }
        append(name)
        appendEquals(format)
    }

    /// What stands between a name and its value.
    fileprivate mutating func appendEquals(_ format: LogFormat) {
        switch format {
        case .json:
            append(UInt8(ascii: "\""))
            append(UInt8(ascii: ":"))
            append(UInt8(ascii: "\""))
        case .logfmt, .text: append(UInt8(ascii: "="))
        }
    }

    fileprivate mutating func appendHex(_ first: UInt8, _ second: UInt8) {
        append(hexDigit(first >> 4))
        append(hexDigit(first & 0xF))
        append(hexDigit(second >> 4))
        append(hexDigit(second & 0xF))
    }
}

/// 39 lie between the digits and the letters.
private func hexDigit(_ nibble: UInt8) -> UInt8 {
    nibble &+ UInt8(ascii: "0") &+ 39 &* ((nibble &+ 6) >> 4)
}
