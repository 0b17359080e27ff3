internal import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import Secrets

/// `/settings/keys`: one's own, for an admin everybody's.
extension Workspace {
    func keysPage(_ visit: SettingsVisit) async throws -> Response {
        page(visit, try await keysContent(visit, KeyWish()))
    }

    func changeKeys(_ visit: SettingsVisit) async throws -> Response {
        let form = try await smallForm(visit)
        switch form["action"] {
        case "create", nil: return try await createKey(KeyWish(form), visit)
        case "revoke":
            guard let id = form["key"].flatMap(AccessKeyID.init) else { throw RequestError.bodyNotForm }
            try await endKey(id, by: visit.caller, visit.exchange)
            return visit.answer(.keyRevoked)
        case _: throw RequestError.bodyNotForm
        }
    }

    /// The key is on the very page that answers the form, since nobody has it afterwards.
    private func createKey(_ wish: KeyWish, _ visit: SettingsVisit) async throws -> Response {
        try requireChangeable(.newKey, visit.exchange)
        guard let scope = wish.scope, let days = wish.days else { throw RequestError.bodyNotForm }
        guard !wish.name.isEmpty else { return try await refuse(wish, "Enter a name.", visit) }
        do {
            let (key, record) = try await sessions.createKey(
                name: wish.name, scope: scope,
                expiresAt: access.now().addingTimeInterval(TimeInterval(days) * 24 * 60 * 60), for: visit.caller,
                requestID: visit.exchange.call.requestID)
            let made = MadeKey(name: record.name, key: key.exposed, expires: PageTime(record.expiresAt))
            return page(visit, try await keysContent(visit, KeyWish(), made: made), status: .created, usesScript: true)
        } catch GatewayError.badRequest(let how) {
            return try await refuse(wish, how, visit)
        } catch GatewayError.tooManyKeys {
            return try await refuse(wish, GatewayError.tooManyKeys.message, visit)
        }
    }

    private func refuse(_ wish: KeyWish, _ how: String, _ visit: SettingsVisit) async throws -> Response {
        let trouble = SettingsTrouble(
            summary: "No key was made", causes: [SettingsTrouble.Cause(words: how, target: "name")])
        return page(
            visit, try await keysContent(visit, wish, problem: how), status: .unprocessableContent, trouble: trouble)
    }

    private func keysContent(
        _ visit: SettingsVisit, _ wish: KeyWish, problem: String? = nil, made: MadeKey? = nil
    ) async throws -> KeysContent {
        let keys = try await sessions.keys(for: visit.caller)
        let strangers = keys.map(\.userID).filter { $0 != visit.caller.userID }
        let names = try await names(of: strangers, visit)
        return KeysContent(
            made: made,
            nameField: PageField(
                id: "name", label: "Name", value: wish.name,
                hint: "What it is for, so that you know it again. For example “Nightly report”.", problem: problem,
                lengthMax: SessionKeeper.keyNameCharactersMax),
            scopes: AccessKeyScope.allCases.map {
                ScopeOption($0, isSelected: $0 == wish.scope)
            },
            lifetimes: KeyWish.lifetimes.map {
                PageOption(value: "\($0)", label: $0 == 365 ? "1 year" : "\($0) days", isSelected: $0 == wish.days)
            },
            keys: keys.map { KeyRow($0, ownerName: $0.userID == visit.caller.userID ? nil : names[$0.userID]) },
            isEverybodys: visit.caller.user.isAdmin)
    }
}

/// What the form for a new key asks for.
private struct KeyWish: Sendable {
    /// Days.
    static let lifetimes = [7, 30, 90, 365]

    var name = ""
    /// `nil`: none that there is.
    var scope: AccessKeyScope? = .read
    /// One of ``lifetimes``; `nil`: none of them.
    var days: Int? = 90

    init() {}

    init(_ form: FormBody) {
        name = (form["name"] ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
        scope = form["scope"].flatMap(AccessKeyScope.init(rawValue:))
        days = form["days"].flatMap(Int.init).flatMap { Self.lifetimes.contains($0) ? $0 : nil }
    }
}

/// `keys.mustache`.
struct KeysContent: Sendable, Hashable {
    let made: MadeKey?
    let nameField: PageField
    let scopes: [ScopeOption]
    let lifetimes: [PageOption]
    let keys: [KeyRow]
    let isEverybodys: Bool
}

/// A new key, shown once.
struct MadeKey: Sendable, Hashable {
    let name: String
    let key: String
    let expires: PageTime
}

/// One of the scopes to choose from.
struct ScopeOption: Sendable, Hashable {
    let value: String
    let label: String
    let hint: String
    let isSelected: Bool

    init(_ scope: AccessKeyScope, isSelected: Bool) {
        value = scope.rawValue
        label = scope.words
        hint =
            switch scope {
            case .read: "Queries, searches and records, nothing that changes data or runs code."
            case .full: "Everything that you may do at Salesforce."
            }
        self.isSelected = isSelected
    }
}

/// A key as a list shows it.
struct KeyRow: Sendable, Hashable {
    let id: String
    let keyName: String
    /// Whose it is; `nil` for one's own.
    let ownerName: String?
    let scopeWords: String
    let expires: PageTime
    let lastUsed: PageTime?

    init(_ key: AccessKey, ownerName: String?) {
        id = "\(key.id)"
        keyName = key.name
        self.ownerName = ownerName
        scopeWords = key.scope.words
        expires = PageTime(key.expiresAt)
        lastUsed = key.lastUsedAt.map(PageTime.init)
    }
}
