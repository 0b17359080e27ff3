internal import Access
internal import Domain
internal import Foundation
internal import Hummingbird

/// `/settings/audit`.
extension Workspace {
    func auditPage(_ visit: SettingsVisit) async throws -> Response {
        let position = visit.position
        let behind = try position.timeCursor()
        let events = try await stored(visit.exchange) {
            try await access.repositories.audit.events(
                in: visit.exchange.tenant.id, behind: behind, limit: ListPosition.rows + 1)
        }
        let shown = events.prefix(ListPosition.rows)
        let next = events.count > shown.count ? shown.last.map { TimeCursor(at: $0.at, id: $0.id.rawValue) } : nil
        let people = shown.flatMap { [$0.userID, $0.detail["target"].flatMap(UserID.init)] }.compactMap(\.self)
        let names = try await names(of: people, visit)
        return page(
            visit,
            AuditContent(
                events: shown.map { AuditRow($0, names: names) },
                pager: position.pager(of: .audit, next: next?.text, previousLabel: "Newer", nextLabel: "Older")))
    }
}

/// `audit.mustache`.
struct AuditContent: Sendable, Hashable {
    let events: [AuditRow]
    let pager: Pager
}

/// One event in words.
struct AuditRow: Sendable, Hashable {
    let id: String
    let words: String
    let at: PageTime
    let actor: String
    let facts: [PageFact]
    /// What is too long to stand in the list.
    let values: [PageFact]
    let hasValues: Bool

    /// - Parameter names: The names of the people whom events of the page name.
    init(_ event: AuditEvent, names: [UserID: String]) {
        id = "\(event.id)"
        words = event.action.words
        at = PageTime(event.at)
        actor = event.userID.map { names[$0] ?? "\($0)" } ?? event.action.unnamedActor
        let named = event.detail.sorted { AuditWords.place(of: $0.key) < AuditWords.place(of: $1.key) }.map {
            name, value in
            PageFact(name: AuditWords.name(of: name), value: AuditWords.value(value, of: name, names: names))
        }
        let isLong = { (fact: PageFact) in fact.value.count > AuditWords.shortCharactersMax }
        let request = event.requestID.map { PageFact(name: "Request id", value: $0) }
        facts = named.filter { !isLong($0) } + [request].compactMap(\.self)
        values = named.filter(isLong)
        hasValues = !values.isEmpty
    }
}

/// The audit log's facts in words.
enum AuditWords {
    /// What still stands well in a list.
    static let shortCharactersMax = 120

    /// By name, but what was before stands before what came after.
    static func place(of fact: String) -> String {
        switch fact {
        case "before": "after 1"
        case "after": "after 2"
        case _: fact
        }
    }

    static func name(of fact: String) -> String {
        switch fact {
        case "target": "Person"
        case "before": "Before"
        case "after": "After"
        case "changed": "Changed"
        case "key": "Key id"
        case "session": "Session id"
        case "organization": "Organization id"
        case "salesforce": "Salesforce’s answer"
        case "next": "What followed"
        case _: fact.prefix(1).uppercased() + fact.dropFirst().replacing("_", with: " ")
        }
    }

    static func value(_ value: String, of fact: String, names: [UserID: String]) -> String {
        switch fact {
        case "target": UserID(value).flatMap { names[$0] } ?? value
        case "before", "after", "role": UserRole(rawValue: value)?.words ?? value
        case "scope": AccessKeyScope(rawValue: value)?.words ?? value
        case "changed": value.split(separator: " ").joined(separator: ", ")
        case "reason", "next", "salesforce": value.replacing("_", with: " ")
        case _: value
        }
    }
}

extension AuditAction {
    /// What happened, as people say it.
    var words: String {
        switch self {
        case .customerCreated: "The workspace was created"
        case .customerDeleted: "The workspace was deleted"
        case .customerSuspended: "The workspace was suspended"
        case .customerResumed: "The workspace was resumed"
        case .credentialsChanged: "The Salesforce connection was changed"
        case .clientSecretStaged: "A new client secret was prepared"
        case .clientSecretPromoted: "The prepared client secret took the place of the former one"
        case .clientRejected: "Salesforce refused the client id or secret"
        case .organizationPinned: "The Salesforce organization was fixed"
        case .configChanged: "The configuration was changed"
        case .userCreated: "A person came in for the first time"
        case .userClaimed: "A person who was invited came in for the first time"
        case .userRoleChanged: "A role was changed"
        case .userDisabled: "An account was disabled"
        case .userEnabled: "An account was enabled"
        case .sessionEnded: "A session was ended"
        case .signInSucceeded: "Signed in"
        case .signInFailed: "A sign-in failed"
        case .signedOut: "Signed out"
        case .signedOutEverywhere: "Signed out everywhere"
        case .grantRevoked: "The access to Salesforce was given back"
        case .grantDied: "Salesforce ended the access"
        case .grantRefreshed: "The access to Salesforce was renewed"
        case .grantInDoubt: "It was unclear whether the access to Salesforce still holds"
        case .keyCreated: "An access key was made"
        case .keyEnded: "An access key was revoked"
        case .foreignCredential: "A credential of another workspace was used"
        }
    }

    /// Who did it where the log names nobody.
    fileprivate var unnamedActor: String {
        switch self {
        case .signInFailed, .foreignCredential: "Nobody who is known"
        case .customerCreated, .customerDeleted, .customerSuspended, .customerResumed, .credentialsChanged,
            .clientSecretStaged, .clientSecretPromoted, .clientRejected, .organizationPinned, .configChanged,
            .userCreated, .userClaimed, .userRoleChanged, .userDisabled, .userEnabled, .sessionEnded,
            .signInSucceeded, .signedOut, .signedOutEverywhere, .grantRevoked, .grantDied, .grantRefreshed,
            .grantInDoubt, .keyCreated, .keyEnded:
            "FormationIQ"
        }
    }
}
