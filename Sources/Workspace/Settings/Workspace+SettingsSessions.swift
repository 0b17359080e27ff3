internal import Access
internal import Domain
internal import Foundation
internal import Hummingbird

/// `/settings/sessions`: one's own, an admin's too.
extension Workspace {
    func sessionsPage(_ visit: SettingsVisit) async throws -> Response {
        let position = visit.position
        let found = try await sessions.sessions(
            of: visit.caller.userID, in: visit.exchange.tenant, behind: try position.timeCursor(),
            limit: ListPosition.rows + 1)
        let shown = found.prefix(ListPosition.rows)
        let next = found.count > shown.count ? shown.last.map { TimeCursor(at: $0.createdAt, id: $0.id.rawValue) } : nil
        let rows = shown.map {
            SessionRow($0, endsAt: sessions.endsAt($0), isCurrent: visit.caller.isOf($0))
        }
        return page(
            visit,
            SessionsContent(
                sessions: rows,
                pager: position.pager(of: .sessions, next: next?.text, previousLabel: "Newer", nextLabel: "Older")))
    }

    func endSession(_ visit: SettingsVisit) async throws -> Response {
        let form = try await smallForm(visit)
        guard form["action"] == "end", let id = form["session"].flatMap(SessionID.init) else {
            throw RequestError.bodyNotForm
        }
        try await people.endSession(id, by: visit.caller, requestID: visit.exchange.call.requestID)
        return visit.answer(.signedOut)
    }
}

/// `sessions.mustache`.
struct SessionsContent: Sendable, Hashable {
    let sessions: [SessionRow]
    let pager: Pager
}

/// A browser where somebody is signed in.
struct SessionRow: Sendable, Hashable {
    let id: String
    /// What people call the browser.
    let browser: String
    let begun: PageTime
    let lastSeen: PageTime
    let ends: PageTime
    /// Whether using it puts off the end: not where its absolute limit is near.
    let isExtensible: Bool
    let isCurrent: Bool

    init(_ session: Session, endsAt: Date, isCurrent: Bool) {
        id = "\(session.id)"
        browser = session.userAgent.map(BrowserName.words) ?? "Unknown browser"
        begun = PageTime(session.createdAt)
        lastSeen = PageTime(session.lastSeenAt)
        ends = PageTime(endsAt)
        isExtensible = endsAt < session.expiresAt
        self.isCurrent = isCurrent
    }
}
