import Foundation

@testable import Workspace

/// Holds values against the schemas of a document: the part of JSON Schema 2020-12 that is used in it.
///
/// A keyword that is not known here is a fault, so that none goes unchecked.
struct SchemaValidator {
    /// Where `$ref` points into.
    let document: JSONValue

    private static let annotations: Set<String> = ["default", "description"]

    /// What is wrong with a value, each with its place.
    func faults(of value: JSONValue, against schema: JSONValue, at place: String = "") -> [String] {
        guard case .object(let keywords) = schema else { return ["\(place): the schema is no object"] }
        return keywords.sorted { $0.key < $1.key }.flatMap { keyword, rule in
            Self.annotations.contains(keyword)
                ? [] : faults(of: value, keyword: keyword, rule: rule, beside: keywords, at: place)
        }
    }

    private func faults(
        of value: JSONValue, keyword: String, rule: JSONValue, beside: [String: JSONValue], at place: String
    ) -> [String] {
        switch keyword {
        case "$ref":
            guard let target = resolve(rule.text ?? "") else { return ["\(place): \(rule) leads nowhere"] }
            return faults(of: value, against: target, at: place)
        case "anyOf", "oneOf":
            guard case .array(let schemas) = rule else { return ["\(place): \(keyword) is no array"] }
            let count = schemas.filter { faults(of: value, against: $0, at: place).isEmpty }.count
            let isGood = keyword == "anyOf" ? count > 0 : count == 1
            return isGood ? [] : ["\(place): fits \(count) of \(keyword)"]
        case "properties", "required", "additionalProperties", "propertyNames", "maxProperties":
            guard case .object(let members) = value else { return [] }
            return faults(of: members, keyword: keyword, rule: rule, beside: beside, at: place)
        case "items":
            guard case .array(let values) = value else { return [] }
            return values.enumerated().flatMap { faults(of: $0.element, against: rule, at: "\(place)/\($0.offset)") }
        case _:
            guard let isGood = isGood(value, keyword: keyword, rule: rule) else {
                return ["\(place): the keyword \(keyword) is not known"]
            }
            return isGood ? [] : ["\(place): \(value) is not of \(keyword) \(rule)"]
        }
    }

    // MARK: Objects

    private func faults(
        of members: [String: JSONValue], keyword: String, rule: JSONValue, beside: [String: JSONValue], at place: String
    ) -> [String] {
        var known: [String: JSONValue] = [:]
        if case .object(let properties)? = beside["properties"] { known = properties }
        switch (keyword, rule) {
        case ("properties", .object(let properties)):
            return properties.flatMap { name, schema in
                members[name].map { faults(of: $0, against: schema, at: "\(place)/\(name)") } ?? []
            }
        case ("required", .array(let names)):
            return names.compactMap(\.text).filter { members[$0] == nil }.map { "\(place)/\($0): is missing" }
        case ("additionalProperties", .bool(let isAllowed)):
            return isAllowed ? [] : members.keys.filter { known[$0] == nil }.map { "\(place)/\($0): is not known" }
        case ("additionalProperties", _):
            return members.filter { known[$0.key] == nil }.flatMap { name, value in
                faults(of: value, against: rule, at: "\(place)/\(name)")
            }
        case ("propertyNames", _):
            return members.keys.flatMap { faults(of: .string($0), against: rule, at: "\(place)/\($0)") }
        case ("maxProperties", .number(let most)):
            return members.count <= Int(most) ? [] : ["\(place): has too many members"]
        case _: return ["\(place): \(keyword) can't be read"]
        }
    }

    // MARK: Values

    /// `nil` where the keyword is not known.
    private func isGood(_ value: JSONValue, keyword: String, rule: JSONValue) -> Bool? {
        switch (keyword, rule) {
        case ("const", _): value == rule
        case ("enum", .array(let values)): values.contains(value)
        case ("type", .string(let type)): isOf(type, value)
        case ("type", .array(let types)): types.compactMap(\.text).contains { isOf($0, value) }
        case ("minimum", .number(let least)): number(value).map { $0 >= least } ?? true
        case ("maximum", .number(let most)): number(value).map { $0 <= most } ?? true
        case ("minLength", .number(let least)): length(value).map { $0 >= Int(least) } ?? true
        case ("maxLength", .number(let most)): length(value).map { $0 <= Int(most) } ?? true
        case ("maxItems", .number(let most)): items(value).map { $0.count <= Int(most) } ?? true
        case ("pattern", .string(let pattern)): value.text.map { fits($0, pattern) } ?? true
        case ("format", .string("date-time")): value.text.map { RFC3339.time($0) != nil } ?? true
        case ("format", .string("uuid")): value.text.map { UUID(uuidString: $0) != nil } ?? true
        case _: nil
        }
    }

    private func isOf(_ type: String, _ value: JSONValue) -> Bool {
        switch value {
        case .null: type == "null"
        case .bool: type == "boolean"
        case .number(let number): type == "number" || (type == "integer" && number.rounded() == number)
        case .string: type == "string"
        case .array: type == "array"
        case .object: type == "object"
        }
    }

    private func number(_ value: JSONValue) -> Double? {
        guard case .number(let number) = value else { return nil }
        return number
    }

    /// In code points, as JSON Schema counts.
    private func length(_ value: JSONValue) -> Int? { value.text?.unicodeScalars.count }

    private func items(_ value: JSONValue) -> [JSONValue]? {
        guard case .array(let values) = value else { return nil }
        return values
    }

    private func fits(_ text: String, _ pattern: String) -> Bool {
        guard let expression = try? NSRegularExpression(pattern: pattern) else { return false }
        return expression.firstMatch(in: text, range: NSRange(text.startIndex..., in: text)) != nil
    }

    private func resolve(_ reference: String) -> JSONValue? {
        guard reference.hasPrefix("#/") else { return nil }
        var found: JSONValue? = document
        for step in reference.dropFirst(2).split(separator: "/") { found = found?[String(step)] }
        return found
    }
}
