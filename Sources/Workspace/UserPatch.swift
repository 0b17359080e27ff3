internal import Domain

/// The body of `PATCH /api/users/{id}`: a JSON merge patch of role and disabled, read and checked.
struct UserPatch: Sendable, Hashable {
    static let bodyBytesMax = 4 * 1024

    private(set) var change = UserChange()

    /// - Throws: ``RequestError/invalid(_:)`` with everything that is wrong.
    init(_ body: JSONValue) throws(RequestError) {
        guard case .object(let members) = body else {
            throw .invalid([Violation(pointer: "", detail: "must be an object")])
        }
        var violations: [Violation] = []
        for (name, value) in members {
            switch (name, value) {
            case ("role", .string(let text)) where UserRole(rawValue: text) != nil:
                change.role = UserRole(rawValue: text)
            case ("role", _):
                let roles = UserRole.allCases.map(\.rawValue).joined(separator: ", ")
                violations.append(Violation(pointer: "/role", detail: "must be one of \(roles)"))
            case ("disabled", .bool(let isDisabled)):
                change.isDisabled = isDisabled
            case ("disabled", _):
                violations.append(Violation(pointer: "/disabled", detail: "must be true or false"))
            case _:
                violations.append(
                    Violation(pointer: JSONPointer.step(name), detail: "is not known; known are role, disabled"))
            }
        }
        guard violations.isEmpty else { throw .invalid(violations.sorted { $0.pointer < $1.pointer }) }
    }
}
