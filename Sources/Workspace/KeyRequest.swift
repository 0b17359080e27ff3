internal import Access
internal import Domain
internal import Foundation

/// The body of `POST /api/keys`, read and checked.
struct KeyRequest: Sendable, Hashable {
    static let bodyBytesMax = 4 * 1024

    let name: String
    /// Read-only unless the request says otherwise.
    let scope: AccessKeyScope
    /// `nil`: the default life of a key.
    let expiresAt: Date?

    /// - Parameter mayEnd: Whether a key may end at a time.
    /// - Throws: ``RequestError/invalid(_:)`` with everything that is wrong.
    init(_ body: JSONValue, mayEnd: (Date) -> Bool) throws(RequestError) {
        guard case .object(let members) = body else {
            throw .invalid([Violation(pointer: "", detail: "must be an object")])
        }
        var violations: [Violation] = []
        var name = ""
        var scope = AccessKeyScope.read
        var expiresAt: Date?
        for member in members.keys where !["name", "scope", "expiresAt"].contains(member) {
            violations.append(
                Violation(pointer: JSONPointer.step(member), detail: "is not known; known are name, scope, expiresAt"))
        }
        switch members["name"] {
        case .string(let text) where SessionKeeper.keyName(text) != nil: name = text
        case _:
            violations.append(
                Violation(
                    pointer: "/name",
                    detail: "must be a string of 1 to \(SessionKeeper.keyNameCharactersMax) characters, none of them a"
                        + " control character"))
        }
        switch members["scope"] {
        case nil: break
        case .string(let text):
            if let value = AccessKeyScope(rawValue: text) { scope = value } else { fallthrough }
        case _: violations.append(Violation(pointer: "/scope", detail: "must be \"read\" or \"full\""))
        }
        switch members["expiresAt"] {
        case nil, .null: break
        case .string(let text):
            guard let time = RFC3339.time(text) else { fallthrough }
            expiresAt = time
            if !mayEnd(time) {
                violations.append(Violation(pointer: "/expiresAt", detail: "must be in the future, and within a year"))
            }
        case _:
            violations.append(
                Violation(pointer: "/expiresAt", detail: "must be a time such as 2027-01-31T12:00:00Z, or null"))
        }
        guard violations.isEmpty else { throw .invalid(violations.sorted { $0.pointer < $1.pointer }) }
        self.name = name
        self.scope = scope
        self.expiresAt = expiresAt
    }
}
