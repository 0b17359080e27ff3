/// One line of `formation doctor`: what was looked at, what was found, and the cure.
public struct Finding: Sendable, Hashable, CustomStringConvertible {
    /// How it stands.
    public enum Grade: String, Sendable, Hashable, CaseIterable {
        /// As it should be.
        case sound = "✓"
        /// It works, or could not be looked at; somebody should know.
        case doubtful = "!"
        /// Something does not work.
        case faulty = "✗"
    }

    /// How it stands.
    public let grade: Grade
    /// What was looked at, in a word or two.
    public let subject: String
    /// What was found, in a sentence. Never a secret.
    public let text: String
    /// What to do about it; `nil` where nothing is to be done.
    public let cure: String?

    public var description: String {
        "\(grade.rawValue) \(subject): \(text)\(cure.map { $0.isEmpty ? "" : " \($0)" } ?? "")"
    }

    init(_ grade: Grade, _ subject: String, _ text: String, cure: String? = nil) {
        self.grade = grade
        self.subject = subject
        self.text = text
        self.cure = cure
    }

    /// What is wrong with the configuration, a line a variable.
    public static func findings(of error: SettingsError) -> [Finding] {
        error.problems.map { Finding(.faulty, "configuration", $0.description) }
            + [
                Finding(
                    .doubtful, "the rest", "was not looked at.",
                    cure: "Put the configuration right, then run formation doctor again.")
            ]
    }
}
