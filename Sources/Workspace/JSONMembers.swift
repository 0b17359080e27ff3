internal import Foundation

/// Looks at what the decoder does not tell of: a member that stands twice in one object. RFC 8259 §4 leaves open which
/// of the two counts, so two readers could understand the same body differently.
struct JSONMembers {
    private struct Nest {
        let isObject: Bool
        var expectsName: Bool
        var names: Set<String> = []
    }

    private var nests: [Nest] = []

    /// The first name that stands twice in an object; `nil` where none does.
    ///
    /// - Parameter json: what the decoder has taken: JSON, and nested no deeper than ``JSONValue/depthMax``.
    static func repeated(in json: [UInt8]) -> String? {
        var members = JSONMembers()
        var index = 0
        while index < json.count {
            let byte = json[index]
            if byte == UInt8(ascii: "\"") {
                let end = endOfString(json, from: index)
                if let name = members.noteString(json[index..<end]) { return name }
                index = end
            } else {
                members.note(byte)
                index += 1
            }
        }
        return nil
    }

    private mutating func note(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "{"): nests.append(Nest(isObject: true, expectsName: true))
        case UInt8(ascii: "["): nests.append(Nest(isObject: false, expectsName: false))
        case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = nests.popLast()
        case UInt8(ascii: ","):
            if let last = nests.indices.last { nests[last].expectsName = nests[last].isObject }
        case _: break
        }
    }

    /// Notes a string with its quotes; the name that it is, where it stands in its object for the second time.
    private mutating func noteString(_ literal: ArraySlice<UInt8>) -> String? {
        guard let last = nests.indices.last, nests[last].expectsName else { return nil }
        nests[last].expectsName = false
        let name =
            literal.contains(UInt8(ascii: "\\"))
            ? (try? JSONDecoder().decode(String.self, from: Data(literal)))
            : String(decoding: literal.dropFirst().dropLast(), as: UTF8.self)
        guard let name, !nests[last].names.insert(name).inserted else { return nil }
        return name
    }

    /// Where a string that begins at a quote ends: behind the other quote.
    private static func endOfString(_ json: [UInt8], from start: Int) -> Int {
        var index = start + 1
        while index < json.count, json[index] != UInt8(ascii: "\"") {
            index += json[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index + 1, json.count)
    }
}
