internal import Foundation
internal import Logging

/// How a log event is written.
public enum LogFormat: String, Sendable, CaseIterable {
    /// `ts=… level=info logger=… msg="…" key=value …`
    case logfmt
    /// One JSON object a line.
    case json
    /// For people: time, level, message, then `key=value`.
    case text
}

/// Writes an event as one line of at most ``byteCountMax`` bytes.
///
/// Nothing in a message or value can end the line or look like another field: control characters and Unicode's line
/// ends are escaped, and names are reduced to plain characters.
struct LineFormatter: Sendable {
    /// 10,000 bytes: Heroku's log router splits longer lines.
    static let byteCountMax = 10_000
    /// 4,000 bytes of one value, escaped; of the message as well.
    static let valueByteCountMax = 4_000
    /// 64 bytes of a name.
    static let nameByteCountMax = 64
    /// Four levels of dictionaries.
    private static let depthMax = 4
    /// Names of ours in a line; metadata of the same name gets a `_` behind it.
    private static let reserved: Set<String> = ["ts", "level", "logger", "msg", "truncated"]

    let format: LogFormat

    func line(
        time: Date, level: Logger.Level, label: String, message: String, metadata: Logger.Metadata
    ) -> [UInt8] {
        var line = Line(format: format)
        let timestamp = time.formatted(.iso8601TimeWithMilliseconds)
        switch format {
        case .logfmt, .json:
            line.append("ts", timestamp)
            line.append("level", level.rawValue)
            line.append("logger", label)
            line.append("msg", message)
        case .text:
            let name = level.rawValue.uppercased().padding(toLength: 8, withPad: " ", startingAt: 0)
            line.appendHead("\(timestamp) \(name) \(message)")
            line.append("logger", label)
        }
        for (name, value) in flatten(metadata) { line.append(name, value) }
        return line.finish()
    }

    /// Name and text pairs, sorted by name; dictionaries become dotted names.
    private func flatten(_ metadata: Logger.Metadata) -> [(String, String)] {
        var pairs: [(String, String)] = []
        for (name, value) in metadata {
            let plain = Self.plain(name)
            collect(Self.reserved.contains(plain) ? plain + "_" : plain, value, depth: 0, into: &pairs)
        }
        return pairs.sorted { $0.0 < $1.0 }
    }

    private func collect(
        _ name: String, _ value: Logger.MetadataValue, depth: Int, into pairs: inout [(String, String)]
    ) {
        switch value {
        case .string(let text): pairs.append((name, text))
        case .stringConvertible(let object): pairs.append((name, object.description))
        case .array(let values): pairs.append((name, values.map(\.description).joined(separator: ",")))
        case .dictionary(let fields):
            guard depth < Self.depthMax else {
                pairs.append((name, fields.description))
                return
            }
            for (inner, value) in fields {
                collect(name + "." + Self.plain(inner), value, depth: depth + 1, into: &pairs)
            }
        }
    }

    private static func plain(_ name: String) -> String {
        let bytes = name.utf8.prefix(nameByteCountMax).map { byte -> UInt8 in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                byte
            case _: UInt8(ascii: "_")
            }
        }
        return bytes.isEmpty ? "_" : String(decoding: bytes, as: UTF8.self)
    }
}

/// A line in the making, which takes fields as long as they fit.
private struct Line {
    private let format: LogFormat
    private var bytes: [UInt8] = []
    private var isTruncated = false
    /// Kept for `truncated=true`, the closing brace and the line's end.
    private static let reserve = 32

    init(format: LogFormat) {
        self.format = format
        if format == .json { bytes.append(UInt8(ascii: "{")) }
    }

    mutating func appendHead(_ text: String) {
        var escaped: [UInt8] = []
        Self.escape(text, quotes: false, into: &escaped)
        add(escaped)
    }

    mutating func append(_ name: String, _ value: String) {
        var field: [UInt8] = []
        switch format {
        case .json:
            field += "\"\(name)\":\"".utf8
            Self.escape(value, quotes: true, into: &field)
            field.append(UInt8(ascii: "\""))
            if bytes.count > 1 { field.insert(UInt8(ascii: ","), at: 0) }
        case .logfmt, .text:
            if !bytes.isEmpty { field.append(UInt8(ascii: " ")) }
            field += "\(name)=".utf8
            if Self.isPlain(value) {
                field += value.utf8
            } else {
                field.append(UInt8(ascii: "\""))
                Self.escape(value, quotes: true, into: &field)
                field.append(UInt8(ascii: "\""))
            }
        }
        add(field)
    }

    mutating func finish() -> [UInt8] {
        switch format {
        case .json: bytes += (isTruncated ? ",\"truncated\":\"true\"}\n" : "}\n").utf8
        case .logfmt, .text: bytes += (isTruncated ? " truncated=true\n" : "\n").utf8
        }
        return bytes
    }

    private mutating func add(_ field: [UInt8]) {
        guard bytes.count + field.count + Self.reserve <= LineFormatter.byteCountMax else {
            isTruncated = true
            return
        }
        bytes += field
    }

    private static func isPlain(_ value: String) -> Bool {
        !value.isEmpty && value.utf8.count <= LineFormatter.valueByteCountMax
            && value.utf8.allSatisfy { byte in
                (0x21...0x7E).contains(byte) && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "=")
                    && byte != UInt8(ascii: "\\")
            }
    }

    /// JSON's escapes, for all formats; C1 controls and Unicode's line ends too, which some readers break lines at.
    /// Of the result at most 4,000 bytes, cut between characters; an ellipsis says so.
    private static func escape(_ text: String, quotes: Bool, into bytes: inout [UInt8]) {
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

extension FormatStyle where Self == Date.ISO8601FormatStyle {
    /// RFC 3339 in UTC with milliseconds.
    fileprivate static var iso8601TimeWithMilliseconds: Date.ISO8601FormatStyle {
        Date.ISO8601FormatStyle(includingFractionalSeconds: true)
    }
}
