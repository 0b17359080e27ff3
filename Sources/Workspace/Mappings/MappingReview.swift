internal import Foundation

/// What was found when field mappings were held against the org: warnings, and nothing that is refused.
struct MappingReview: Sendable, Hashable {
    /// One thing to look at.
    struct Warning: Sendable, Hashable {
        /// Its kind, for programs.
        enum Code: String, Sendable, Hashable, CaseIterable {
            /// There is no such field, or none that the person may see.
            case unknownField = "UNKNOWN_FIELD"
            /// It could not be checked.
            case notChecked = "NOT_CHECKED"
        }

        let code: Code
        /// The product's field; `nil` where it is about all of the mappings.
        let field: String?
        /// What was found, for a person.
        let detail: String
        /// What may be meant, the likeliest first.
        var suggestions: [String] = []

        /// Where: a JSON pointer into the configuration.
        var pointer: String { "/fieldMappings" + (field.map(JSONPointer.step) ?? "") }
    }

    /// In the order of their fields.
    var warnings: [Warning] = []
    /// When the oldest of Salesforce's answers was given; `nil` where there was none.
    var checkedAt: Date?

    /// Nothing could be checked.
    static func notChecked(_ why: String) -> MappingReview {
        MappingReview(warnings: [
            Warning(code: .notChecked, field: nil, detail: "The field mappings were not checked. \(why)")
        ])
    }
}

extension JSONValue {
    static func review(_ review: MappingReview) -> JSONValue {
        .object([
            "warnings": .array(
                review.warnings.map { warning in
                    .object([
                        "code": .string(warning.code.rawValue), "pointer": .string(warning.pointer),
                        "detail": .string(warning.detail),
                        "suggestions": .array(warning.suggestions.map(JSONValue.string)),
                    ])
                }),
            "checkedAt": .optional(review.checkedAt),
        ])
    }
}
