internal import Foundation

/// A JSON value, read from a request or written into an answer.
enum JSONValue: Sendable, Hashable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])
}

extension JSONValue {
    /// How deep a request's arrays and objects may nest: twice what our largest body needs.
    static let depthMax = 8

    /// Reads a body. `nil` where it is not JSON, or nested deeper than ``depthMax``.
    init?(_ bytes: [UInt8]) {
        guard Self.isShallow(bytes), let value = try? JSONDecoder().decode(JSONValue.self, from: Data(bytes)) else {
            return nil
        }
        self = value
    }

    /// The value as text, the members of objects in order of their names, so that equal values give equal bytes.
    var encoded: [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // Invariant: only a number that is not finite can't be written, and none gets in: JSON has none to read, and
        // what we write ourselves are settings that were checked, dates and counts.
        return (try? encoder.encode(self)).map(Array.init) ?? Array("null".utf8)
    }

    /// A text, or null.
    static func optional(_ text: String?) -> JSONValue { text.map(JSONValue.string) ?? .null }

    /// A time as RFC 3339, or null.
    static func optional(_ time: Date?) -> JSONValue { time.map(JSONValue.time) ?? .null }

    /// A time as RFC 3339 in UTC, with milliseconds.
    static func time(_ time: Date) -> JSONValue { .string(RFC3339.text(of: time)) }

    /// Counts brackets before the decoder, which calls itself for each of them, sees the body.
    private static func isShallow(_ bytes: [UInt8]) -> Bool {
        var depth = 0
        var isInString = false
        var isEscaped = false
        for byte in bytes {
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
                if depth > depthMax { return false }
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            case _: break
            }
        }
        return true
    }
}

extension JSONValue: Codable {
    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Bool.self) {
            self = .bool(value)
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else {
            self = .object(try container.decode([String: JSONValue].self))
        }
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .bool(let value): try container.encode(value)
        case .number(let value): try container.encode(value)
        case .string(let value): try container.encode(value)
        case .array(let values): try container.encode(values)
        case .object(let members): try container.encode(members)
        }
    }
}

/// Times of the JSON API (RFC 3339, always UTC).
enum RFC3339 {
    /// E.g. `2026-01-31T09:30:00.000Z`.
    static func text(of time: Date) -> String {
        time.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// Reads a time with any offset, with or without a fraction; `nil` where it is none.
    static func time(_ text: String) -> Date? {
        // 35 characters: the longest form, with nanoseconds and an offset.
        guard text.utf8.count <= 35, isDay(text.prefix(10)) else { return nil }
        return (try? Date.ISO8601FormatStyle(includingFractionalSeconds: true).parse(text))
            ?? (try? Date.ISO8601FormatStyle().parse(text))
    }

    /// Whether there is such a day: Foundation takes 30 February for 2 March.
    private static func isDay(_ text: Substring) -> Bool {
        let style = Date.ISO8601FormatStyle().year().month().day()
        guard let day = try? style.parse(String(text)) else { return false }
        return day.formatted(style) == text
    }
}
