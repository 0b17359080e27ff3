internal import Domain
internal import Foundation

/// A settings page: what every page has, what every settings page has, and what is its own.
struct SettingsView<Content: Sendable>: Sendable {
    let frame: PageFrame
    let settings: SettingsFrame
    let content: Content
}

/// What every settings page has around its own content.
struct SettingsFrame: Sendable, Hashable {
    /// One page in the navigation.
    struct Link: Sendable, Hashable {
        let path: String
        let label: String
        let isCurrent: Bool
    }

    let fullName: String
    let links: [Link]
    let heading: String
    let lead: String
    /// What was done just now.
    let done: String?
    /// Why nothing was done.
    let trouble: SettingsTrouble?
    /// Why the workspace can't be used just now, and some things not be changed; `nil` where it can.
    let obstacle: PageNotice?
}

/// Why a form did nothing, above everything else on the page.
struct SettingsTrouble: Sendable, Hashable {
    /// One reason, with the input that it is about.
    struct Cause: Sendable, Hashable {
        let words: String
        /// The input's id.
        let target: String
    }

    let summary: String
    let advice: String?
    var causes: [Cause] = []
    var hasCauses: Bool

    init(summary: String, advice: String? = nil, causes: [Cause] = []) {
        self.summary = summary
        self.advice = advice
        self.causes = causes
        self.hasCauses = !causes.isEmpty
    }
}

/// A moment, for machines and for people.
struct PageTime: Sendable, Hashable {
    let machine: String
    let words: String

    init(_ time: Date) {
        machine = RFC3339.text(of: time)
        words = time.formatted(Self.style)
    }

    /// E.g. `31 Jan 2026, 09:30 UTC`: the same for everybody, whatever the server's language.
    private static let style = Date.VerbatimFormatStyle(
        format: """
            \(day: .defaultDigits) \(month: .abbreviated) \(year: .defaultDigits), \
            \(hour: .twoDigits(clock: .twentyFourHour, hourCycle: .zeroBased)):\(minute: .twoDigits) UTC
            """, locale: Locale(identifier: "en_US"), timeZone: .gmt, calendar: Calendar(identifier: .gregorian))
}

/// One thing to choose.
struct PageOption: Sendable, Hashable {
    let value: String
    let label: String
    let isSelected: Bool
}

/// A name and what is said about it.
struct PageFact: Sendable, Hashable {
    let name: String
    let value: String
}

/// A text input with all that is said about it.
struct PageField: Sendable, Hashable {
    let id: String
    let label: String
    let value: String
    let hint: String?
    /// What somebody else has stored meanwhile; `nil` where that is no other value.
    let stored: String?
    let problem: String?
    let isInvalid: Bool
    /// The ids of the texts that describe it; `nil` where none does.
    let descriptions: String?
    /// The keyboard that a phone shows: `numeric`, `decimal` or `text`.
    let keyboard: String
    /// The longest text that the browser takes.
    let lengthMax: Int

    /// - Parameter groupProblem: The id of a text that says what is wrong with the group.
    init(
        id: String, label: String, value: String, hint: String? = nil, stored: String? = nil, problem: String? = nil,
        keyboard: String = "text", lengthMax: Int = 255, groupProblem: String? = nil
    ) {
        self.id = id
        self.label = label
        self.value = value
        self.hint = hint
        self.stored = stored
        self.problem = problem
        self.isInvalid = problem != nil || groupProblem != nil
        self.keyboard = keyboard
        self.lengthMax = lengthMax
        let ids = [
            problem.map { _ in "\(id)-problem" }, groupProblem, stored.map { _ in "\(id)-stored" },
            hint.map { _ in "\(id)-hint" },
        ].compactMap(\.self)
        self.descriptions = ids.isEmpty ? nil : ids.joined(separator: " ")
    }
}

extension UserRole {
    /// The role as people say it.
    var words: String {
        switch self {
        case .ae: "Account executive"
        case .am: "Account manager"
        case .csm: "Customer success manager"
        case .admin: "Administrator"
        }
    }
}

extension AccessKeyScope {
    /// The scope as people say it.
    var words: String {
        switch self {
        case .read: "Read only"
        case .full: "Full"
        }
    }
}
