internal import Access
internal import Domain
internal import Foundation
internal import Hummingbird

/// `/settings/people`.
extension Workspace {
    func peoplePage(_ visit: SettingsVisit) async throws -> Response {
        page(visit, try await peopleContent(visit))
    }

    /// A role, or whether somebody may sign in.
    func changePerson(_ visit: SettingsVisit) async throws -> Response {
        try requireChangeable(.people, visit.exchange)
        let form = try await smallForm(visit)
        guard let id = form["user"].flatMap(UserID.init), let wish = PersonWish(form) else {
            throw RequestError.bodyNotForm
        }
        switch try await people.change(
            id, wish.change, by: visit.caller, requestID: visit.exchange.call.requestID)
        {
        case .changed(_, let user):
            // Who gave their own role away may not see this page any more.
            let isStillAdmin = user.id != visit.caller.userID || user.isAdmin
            return isStillAdmin
                ? visit.answer(wish.done)
                : .seeOther("\(SettingsPage.first.path)?\(SettingsDone.parameter)=\(wish.done.rawValue)")
        case .missing: throw GatewayError.notFound
        case .lastAdmin:
            let problem = Problem(RequestError.lastAdmin)
            return page(
                visit, try await peopleContent(visit), status: problem.status,
                trouble: SettingsTrouble(
                    summary: "Nothing was changed",
                    advice: "This is the last administrator who may sign in, and a workspace needs one. Make somebody"
                        + " else an administrator first."))
        }
    }

    private func peopleContent(_ visit: SettingsVisit) async throws -> PeopleContent {
        let position = visit.position
        let users = try await people.list(
            in: visit.exchange.tenant, behind: position.cursor, limit: ListPosition.rows + 1)
        let shown = users.prefix(ListPosition.rows)
        let next = users.count > shown.count ? shown.last?.email.lowercased() : nil
        return PeopleContent(
            people: shown.map { PersonRow($0, isYou: $0.id == visit.caller.userID) },
            pager: position.pager(of: .people, next: next, previousLabel: "Previous", nextLabel: "Next"))
    }
}

/// What a form on the page asks for.
private enum PersonWish {
    case role(UserRole)
    case disable, enable

    init?(_ form: FormBody) {
        switch form["action"] {
        case "role":
            guard let role = form["role"].flatMap(UserRole.init(rawValue:)) else { return nil }
            self = .role(role)
        case "disable": self = .disable
        case "enable": self = .enable
        case _: return nil
        }
    }

    var change: UserChange {
        switch self {
        case .role(let role): UserChange(role: role)
        case .disable: UserChange(isDisabled: true)
        case .enable: UserChange(isDisabled: false)
        }
    }

    var done: SettingsDone {
        switch self {
        case .role: .roleChanged
        case .disable: .disabled
        case .enable: .enabled
        }
    }
}

/// `people.mustache`.
struct PeopleContent: Sendable, Hashable {
    let people: [PersonRow]
    let pager: Pager
}

/// Somebody of the workspace.
struct PersonRow: Sendable, Hashable {
    let id: String
    let personName: String
    let email: String
    let roleWords: String
    let roles: [PageOption]
    let lastSignIn: PageTime?
    let disabledSince: PageTime?
    let isYou: Bool

    init(_ user: User, isYou: Bool) {
        id = "\(user.id)"
        personName = user.fullName
        email = user.email
        roleWords = user.role.words
        roles = UserRole.allCases.map {
            PageOption(value: $0.rawValue, label: $0.words, isSelected: $0 == user.role)
        }
        lastSignIn = user.lastLoginAt.map(PageTime.init)
        disabledSince = user.disabledAt.map(PageTime.init)
        self.isYou = isYou
    }
}
