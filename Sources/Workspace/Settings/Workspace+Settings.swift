internal import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import Hummingbird

/// `/settings/*`: what people manage themselves, on pages that need no script.
///
/// A form is sent to the page that it stands on, with the page's own query: so the answer leads back to the same part
/// of a list. What a form does is what the JSON API does, by the same calls.
extension Workspace {
    /// A form that names one thing and what to do with it: 8 KiB.
    private static let smallFormBytesMax = 8 * 1024

    func settings(_ page: SettingsPage, _ exchange: Exchange) async throws -> Response {
        let isForm = exchange.request.method == .post
        let caller: Caller
        do {
            caller = try await self.caller(exchange)
        } catch GatewayError.notSignedIn {
            return isForm ? signInAgain(page, exchange) : .seeOther(loginPath(exchange))
        }
        try requireSession(caller)
        if page.isForAdmins { try requireAdmin(caller) }
        let visit = SettingsVisit(
            page: page, exchange: exchange, caller: caller,
            position: try ListPosition(query: exchange.request.uri.query))
        switch page {
        case .config: return try await isForm ? changeConfig(visit) : configPage(visit)
        case .people: return try await isForm ? changePerson(visit) : peoplePage(visit)
        case .keys: return try await isForm ? changeKeys(visit) : keysPage(visit)
        case .sessions: return try await isForm ? endSession(visit) : sessionsPage(visit)
        case .audit: return try await auditPage(visit)
        case .billing: return billingPage(visit)
        }
    }

    /// A form's answer can't lead to Salesforce: browsers hold redirects to the page's policy. So it is a page.
    private func signInAgain(_ page: SettingsPage, _ exchange: Exchange) -> Response {
        let notice = PageNotice(
            title: "You are no longer signed in", detail: "Nothing was changed. Sign in, then do it again.")
        var response = signInPage(exchange, status: .unauthorized, notice: notice, returnTo: page.path)
        // As with every 401 (see `Problem`).
        response.headers[.wwwAuthenticate] = "Bearer"
        return response
    }

    private func loginPath(_ exchange: Exchange) -> String {
        let uri = exchange.request.uri
        return SignInPage.loginPath(returnTo: uri.path + (uri.query.map { "?\($0)" } ?? ""))
    }

    /// The fields of a form that names one thing and what to do with it.
    func smallForm(_ visit: SettingsVisit) async throws -> FormBody {
        try await formBody(visit.exchange, bytesMax: Self.smallFormBytesMax)
    }

    /// A settings page.
    func page(
        _ visit: SettingsVisit, _ content: some Sendable, status: HTTPResponse.Status = .ok,
        trouble: SettingsTrouble? = nil, usesScript: Bool = false
    ) -> Response {
        let title = visit.page.title
        let done = trouble == nil && !visit.isForm ? visit.done : nil
        let settings = SettingsFrame(
            fullName: visit.caller.user.fullName,
            links: SettingsPage.pages(for: visit.caller.user).map {
                SettingsFrame.Link(path: $0.path, label: $0.title, isCurrent: $0 == visit.page)
            },
            heading: title, lead: visit.page.lead, done: done?.words, trouble: trouble,
            obstacle: visit.page.showsObstacle ? obstacle(visit.exchange, for: visit.caller.user) : nil)
        let frame = pages.frame(
            heading: trouble == nil ? title : "Error: \(title)",
            company: visit.exchange.tenant.customer.companyName, usesScript: usesScript)
        return pages.settings(
            visit.page, SettingsView(frame: frame, settings: settings, content: content), status: status)
    }

    /// The names of some of the tenant's people. One look-up each: a page names few.
    func names(of ids: some Sequence<UserID>, _ visit: SettingsVisit) async throws -> [UserID: String] {
        var names: [UserID: String] = [:]
        for id in Set(ids) {
            let user = try await stored(visit.exchange) {
                try await access.repositories.users.user(id: id, in: visit.exchange.tenant.id)
            }
            names[id] = user?.fullName
        }
        return names
    }
}

/// One request for a settings page by somebody who may see it.
struct SettingsVisit: Sendable {
    let page: SettingsPage
    let exchange: Exchange
    let caller: Caller
    let position: ListPosition

    /// Whether something was sent to the page.
    var isForm: Bool { exchange.request.method == .post }

    /// What was done just before, as the address says.
    var done: SettingsDone? {
        QueryString(exchange.request.uri.query)[SettingsDone.parameter].flatMap(SettingsDone.init(rawValue:))
    }

    /// The answer to a form that did something: the same part of the same page, read anew.
    func answer(_ done: SettingsDone) -> Response {
        .seeOther(position.path(of: page, done: done))
    }
}
