internal import Access
internal import Domain
internal import Foundation
internal import Hummingbird

/// `/settings/config`: admins change it, others read it.
extension Workspace {
    func configPage(_ visit: SettingsVisit) async throws -> Response {
        let config = try await storedConfig(visit.exchange)
        let review = await review(config, for: visit.caller, visit.exchange, seconds: Self.pagePatienceSeconds)
        return page(visit, ConfigContent(config, isEditable: visit.caller.user.isAdmin, review: review))
    }

    /// Stores what was entered, or shows it again with what is wrong.
    func changeConfig(_ visit: SettingsVisit) async throws -> Response {
        try requireConfigRight(visit.caller, visit.exchange)
        let form = try ConfigForm(try await formBody(visit.exchange, bytesMax: ConfigForm.bodyBytesMax))
        switch form.wish {
        case .more: return try await show(form, visit)
        case .save, .restore: break
        }
        let repeated = ConfigProblems(repeatedRows: form.repeatedRows)
        guard repeated.isEmpty else { return try await show(form, problems: repeated, visit) }
        do {
            _ = try await changeConfig(form.patch, by: visit.caller, visit.exchange) { $0.text == form.tag }
            return visit.answer(form.wish == .restore ? .restored : .saved)
        } catch RequestError.invalid(let violations) {
            return try await show(form, problems: ConfigProblems(violations, form), visit)
        } catch RequestError.preconditionFailed {
            return try await showConflict(form, visit)
        }
    }

    private func show(
        _ form: ConfigForm, problems: ConfigProblems = .init(), _ visit: SettingsVisit
    ) async throws -> Response {
        let config = try await storedConfig(visit.exchange)
        let content = ConfigContent(config, isEditable: true, form: form, problems: problems)
        guard !problems.isEmpty else { return page(visit, content) }
        return page(
            visit, content, status: .unprocessableContent,
            trouble: SettingsTrouble(summary: "Nothing was saved", causes: problems.causes))
    }

    /// Somebody else was quicker. What was entered stays, and saving it again is then a choice that is made knowingly.
    private func showConflict(_ form: ConfigForm, _ visit: SettingsVisit) async throws -> Response {
        let config = try await storedConfig(visit.exchange)
        let advice =
            switch form.wish {
            case .restore:
                "Somebody else changed the configuration since you opened this page. It is below as it is now. Restore"
                    + " the defaults again if you still want to."
            case .save, .more:
                "Somebody else changed the configuration since you opened this page. Your entries are below, with what"
                    + " is stored now where it differs. Save them again to put them in its place, or open this page"
                    + " anew to leave it as it is."
            }
        return page(
            visit, ConfigContent(config, isEditable: true, form: form, isConflict: true), status: .conflict,
            trouble: SettingsTrouble(summary: "Nothing was saved", advice: advice))
    }
}
