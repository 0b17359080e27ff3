/// JSON as it is written, for documents that are part of the program.
extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .number(Double(value)) }
    init(floatLiteral value: Double) { self = .number(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(arrayLiteral values: JSONValue...) { self = .array(values) }

    /// Of a name that is written twice, the last value counts.
    init(dictionaryLiteral members: (String, JSONValue)...) {
        self = .object(Dictionary(members) { $1 })
    }
}

extension JSONValue {
    /// An object's member; `nil` where there is none, or the value is no object.
    subscript(_ name: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members[name]
    }

    /// A text's characters; `nil` where the value is no text.
    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// This object with further members, which count where both have one.
    func merging(_ members: [String: JSONValue]) -> JSONValue {
        guard case .object(let own) = self else { return .object(members) }
        return .object(own.merging(members) { $1 })
    }
}
