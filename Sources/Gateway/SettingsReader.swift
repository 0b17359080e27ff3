internal import Configuration
internal import Foundation

/// One wrong variable: its name and what is wrong with it. Never its value.
public struct SettingsProblem: Error, Sendable, Hashable, CustomStringConvertible {
    /// The environment variable.
    public let variable: String
    /// What is wrong, and the cure.
    public let reason: String

    public var description: String { "\(variable): \(reason)" }
}

/// Everything that is wrong with the configuration, at once.
public struct SettingsError: Error, Sendable, CustomStringConvertible {
    /// At least one problem, in the order of the documentation.
    public let problems: [SettingsProblem]

    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

/// Reads variables one by one, tells absent from malformed, and collects every problem.
///
/// `ConfigReader`'s own optional and defaulted reads take a malformed value for an absent one, so everything is read as
/// text and parsed here.
struct SettingsReader {
    private let reader: ConfigReader
    private(set) var problems: [SettingsProblem] = []

    init(_ reader: ConfigReader) {
        self.reader = reader
    }

    /// The variable's text; `nil` where it is absent or empty, as `NAME=` in a `.env` file means.
    func text(_ variable: String) -> String? {
        let key = ConfigKey(variable.lowercased().split(separator: "_").map(String.init))
        guard let value = reader.string(forKey: key, isSecret: true) else { return nil }
        let trimmed = value.trimmingCharacters(in: .whitespacesAndNewlines)
        return trimmed.isEmpty ? nil : trimmed
    }

    mutating func note(_ variable: String, _ reason: String) {
        problems.append(SettingsProblem(variable: variable, reason: reason))
    }

    mutating func integer(_ variable: String, default value: Int, in range: ClosedRange<Int>) -> Int {
        guard let text = text(variable) else { return value }
        guard let number = Int(text), range.contains(number) else {
            note(variable, "must be a whole number from \(range.lowerBound) to \(range.upperBound).")
            return value
        }
        return number
    }

    mutating func boolean(_ variable: String, default value: Bool) -> Bool {
        switch text(variable)?.lowercased() {
        case nil: return value
        case "true", "1", "yes", "on": return true
        case "false", "0", "no", "off": return false
        case .some:
            note(variable, "must be true or false.")
            return value
        }
    }

    mutating func choice<Value: RawRepresentable & CaseIterable>(_ variable: String, default value: Value) -> Value
    where Value.RawValue == String {
        guard let text = text(variable) else { return value }
        guard let choice = Value(rawValue: text.lowercased()) else {
            note(variable, "must be one of: \(Value.allCases.map(\.rawValue).joined(separator: ", ")).")
            return value
        }
        return choice
    }

    /// The items of a comma-separated list, without empty ones.
    func list(_ variable: String) -> [String] {
        (text(variable) ?? "").split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }
    }

    /// What `parse` makes of the text; its error's description becomes the problem.
    mutating func parsed<Value>(_ variable: String, _ parse: (String) throws -> Value) -> Value? {
        guard let text = text(variable) else { return nil }
        return value(variable) { try parse(text) }
    }

    /// What `make` makes; its error's description becomes the problem.
    mutating func value<Value>(_ variable: String, _ make: () throws -> Value) -> Value? {
        do {
            return try make()
        } catch {
            note(variable, "\(error)")
            return nil
        }
    }
}
