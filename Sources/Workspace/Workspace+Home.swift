internal import Access
internal import Domain
internal import Foundation
internal import HTTPTypes
internal import Hummingbird

/// `GET /`: the sign-in page, or the workspace.
extension Workspace {
    func home(_ exchange: Exchange) async throws -> Response {
        do {
            return workspacePage(try await caller(exchange), exchange)
        } catch GatewayError.notSignedIn {
            return signInPage(exchange)
        }
    }

    /// - Parameters:
    ///   - notice: Why somebody who was signed in sees it.
    ///   - returnTo: Where signing in leads; `nil` for here.
    func signInPage(
        _ exchange: Exchange, status: HTTPResponse.Status = .ok, notice: PageNotice? = nil, returnTo: String? = nil
    ) -> Response {
        let customer = exchange.tenant.customer
        let obstacle = obstacle(exchange)
        return pages.signIn(
            SignInPage(
                frame: pages.frame(heading: "Sign in", company: customer.companyName),
                heading: obstacle == nil ? "Sign in to \(customer.companyName)" : customer.companyName,
                loginHost: Self.host(of: customer.salesforceInstanceURL), obstacle: obstacle, interruption: notice,
                loginPath: SignInPage.loginPath(returnTo: returnTo)), status: status)
    }

    private func workspacePage(_ caller: Caller, _ exchange: Exchange) -> Response {
        let customer = caller.tenant.customer
        let user = caller.user
        let obstacle = obstacle(exchange, for: user)
        return pages.workspace(
            WorkspacePage(
                frame: pages.frame(heading: "Workspace", company: customer.companyName, usesScript: obstacle == nil),
                company: customer.companyName, fullName: user.fullName, email: user.email,
                role: user.role.words, profile: user.salesforceProfile,
                loginHost: Self.host(of: customer.salesforceInstanceURL), orgID: customer.salesforceOrgID?.rawValue,
                obstacle: obstacle, explorer: obstacle == nil ? explorer(user, customer) : nil))
    }

    private func explorer(_ user: User, _ customer: Customer) -> ExplorerSection {
        ExplorerSection(
            queryPath: pages.queryPath, userID: user.id.description,
            recordOrigin: ExplorerSection.recordOrigin(ofLogin: customer.salesforceInstanceURL))
    }

    /// Why Salesforce can't be used through this workspace; `nil` where it can.
    ///
    /// - Parameter user: Who is told; `nil` for somebody who is not signed in.
    func obstacle(_ exchange: Exchange, for user: User? = nil) -> PageNotice? {
        do throws(GatewayError) {
            try directory.admit(exchange.tenant, at: exchange.call.receivedAt)
            return nil
        } catch {
            let problem = Problem(error)
            var notice = PageNotice(title: problem.title, detail: problem.detail)
            if case .subscriptionInactive = error, user?.isAdmin == true {
                notice.link = PageLink(path: SettingsPage.billing.path, label: "See billing")
            }
            return notice
        }
    }

    /// A login URL without its scheme: what a person compares with their browser's address line.
    private static func host(of url: String) -> String {
        url.firstRange(of: "://").map { String(url[$0.upperBound...]) } ?? url
    }
}
