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
        var line = LineWriter(format: format)
        line.begin()
        var timestamp: [UInt8] = []
        var clock = Timestamp()
        clock.append(time.unixNanoseconds, to: &timestamp)
        let time = String(decoding: timestamp, as: UTF8.self)
        switch format {
        case .logfmt, .json:
            line.append("ts", time)
            line.append("level", level.rawValue)
            line.append("logger", label)
            line.append("msg", message)
        case .text:
            let name = level.rawValue.uppercased().padding(toLength: 8, withPad: " ", startingAt: 0)
            line.appendHead("\(time) \(name) \(message)")
            line.append("logger", label)
        }
        for (name, value) in flatten(metadata) { line.append(name, value) }
        line.end()
        return line.bytes
    }

    /// What a line of this level, label and message has before its time and behind it, up to its first field.
    func head(level: Logger.Level, label: String, message: String) -> (prefix: [UInt8], suffix: [UInt8]) {
        let line = line(
            time: Date(timeIntervalSince1970: 0), level: level, label: label, message: message, metadata: [:])
        let (prefixCount, endCount) =
            switch format {
            case .logfmt: ("ts=".utf8.count, "\n".utf8.count)
            case .json: ("{\"ts\":\"".utf8.count, "}\n".utf8.count)
            case .text: (0, "\n".utf8.count)
            }
        return (
            Array(line.prefix(prefixCount)),
            Array(line.dropFirst(prefixCount + Timestamp.byteCount).dropLast(endCount))
        )
    }

    /// A name of metadata as it stands in a line.
    static func fieldName(_ name: String) -> String {
        let plain = plain(name)
        return reserved.contains(plain) ? plain + "_" : plain
    }

    /// Name and text pairs, sorted by name; dictionaries become dotted names.
    private func flatten(_ metadata: Logger.Metadata) -> [(String, String)] {
        var pairs: [(String, String)] = []
        for (name, value) in metadata {
            collect(Self.fieldName(name), value, depth: 0, into: &pairs)
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
