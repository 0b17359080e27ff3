/// How the values and lines of a CSV text are set apart.
struct CSVFormat: Sendable, Hashable {
    /// The names that Bulk API 2.0 has for the characters between two values.
    enum Delimiter: String, Sendable, CaseIterable {
        case backquote = "BACKQUOTE"
        case caret = "CARET"
        case comma = "COMMA"
        case pipe = "PIPE"
        case semicolon = "SEMICOLON"
        case tab = "TAB"

        var byte: UInt8 {
            switch self {
            case .backquote: UInt8(ascii: "`")
            case .caret: UInt8(ascii: "^")
            case .comma: UInt8(ascii: ",")
            case .pipe: UInt8(ascii: "|")
            case .semicolon: UInt8(ascii: ";")
            case .tab: UInt8(ascii: "\t")
            }
        }
    }

    enum LineEnding: String, Sendable, CaseIterable {
        case lf = "LF"
        case crlf = "CRLF"

        var text: String {
            switch self {
            case .lf: "\n"
            case .crlf: "\r\n"
            }
        }
    }

    var delimiter = Delimiter.comma
    var lineEnding = LineEnding.lf
}

/// Why a text is no CSV.
struct CSVError: Error, Sendable, Hashable {
    var message: String
}

/// CSV text (RFC 4180) with its first line as the names of the columns.
struct CSVTable: Sendable, Hashable {
    var columns: [String] = []
    /// The lines after the first; a line may have fewer values than there are columns.
    var rows: [[String]] = []
    /// How the first line ends; `nil` where nothing follows it.
    var lineEnding: CSVFormat.LineEnding?

    /// Reads lines with either ending and passes over empty ones; throws ``CSVError``.
    init(parsing bytes: some Sequence<UInt8>, delimiter: CSVFormat.Delimiter = .comma) throws {
        var reader = CSVReader(Array(bytes), delimiter: delimiter.byte)
        guard let header = try reader.line() else { throw CSVError(message: "No header") }
        columns = header
        lineEnding = reader.lineEnding
        while let row = try reader.line() {
            guard row.count <= columns.count else {
                throw CSVError(message: "Line \(rows.count + 2) has more values than there are columns")
            }
            rows.append(row)
        }
    }

    /// Every value in quotes, as Salesforce writes them.
    static func text(_ lines: some Sequence<[String]>, _ format: CSVFormat = CSVFormat()) -> String {
        let delimiter = String(UnicodeScalar(format.delimiter.byte))
        var text = ""
        for line in lines {
            text += line.map { "\"\($0.replacing("\"", with: "\"\""))\"" }.joined(separator: delimiter)
            text += format.lineEnding.text
        }
        return text
    }
}

/// Takes CSV apart, line by line.
private struct CSVReader {
    private let bytes: [UInt8]
    private let delimiter: UInt8
    private var position = 0
    /// How the last line ended; `nil` at the end of the text.
    private(set) var lineEnding: CSVFormat.LineEnding?

    private static let quote = UInt8(ascii: "\"")
    private static let (lf, cr) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"))

    init(_ bytes: [UInt8], delimiter: UInt8) {
        self.bytes = bytes
        self.delimiter = delimiter
        // A byte order mark is no part of the first name.
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// The next line that is not empty; `nil` at the end.
    mutating func line() throws -> [String]? {
        while current != nil, skipLineEnding() {}
        guard current != nil else { return nil }
        var values = [try value()]
        while current == delimiter {
            position += 1
            values.append(try value())
        }
        guard current == nil || skipLineEnding() else {
            throw CSVError(message: "A quoted value must end before a delimiter or the end of its line")
        }
        if position == bytes.count, bytes.last != Self.lf, bytes.last != Self.cr { lineEnding = nil }
        return values
    }

    /// Passes over one line ending: LF, CRLF, or CR alone.
    private mutating func skipLineEnding() -> Bool {
        switch current {
        case Self.lf: lineEnding = .lf
        case Self.cr:
            lineEnding = .crlf
            if position + 1 < bytes.count, bytes[position + 1] == Self.lf { position += 1 }
        case _: return false
        }
        position += 1
        return true
    }

    private mutating func value() throws -> String {
        guard current == Self.quote else {
            let start = position
            while let byte = current, byte != delimiter, byte != Self.lf, byte != Self.cr { position += 1 }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }
        position += 1
        var value: [UInt8] = []
        while let byte = current {
            position += 1
            guard byte == Self.quote else {
                value.append(byte)
                continue
            }
            // Two quotes stand for one.
            guard current == Self.quote else { return String(decoding: value, as: UTF8.self) }
            value.append(byte)
            position += 1
        }
        throw CSVError(message: "A quoted value does not end")
    }
}
