/// What each page shows. Mustache finds stored properties by their names, so these are the templates' whole vocabulary.

/// What every page has around it.
struct PageFrame: Sendable, Hashable {
    static let product = "FormationIQ"

    let title: String
    let styleSheet: String
    /// `nil` on pages that run nothing.
    let script: String?
    let icon: String
    /// Whose workspace it is; `nil` on the front door and where there is no workspace.
    let company: String?
}

/// A tenant's start page for somebody who is not signed in.
struct SignInPage: Sendable, Hashable {
    let frame: PageFrame
    let heading: String
    /// The host at which Salesforce asks for the password.
    let loginHost: String
    /// Why nobody can sign in just now; `nil` where they can.
    let obstacle: PageNotice?
    /// Why somebody who was signed in has to do it again; `nil` where nothing was interrupted.
    var interruption: PageNotice?
    /// Where the way to Salesforce begins.
    var loginPath = SignInPage.loginPath(returnTo: nil)

    /// - Parameter returnTo: Where signing in leads; `nil` for the start page.
    static func loginPath(returnTo: String?) -> String {
        "/auth/login" + (returnTo.map { "?return_to=" + QueryString.encode($0) } ?? "")
    }
}

/// A tenant's start page for somebody who is signed in.
struct WorkspacePage: Sendable, Hashable {
    let frame: PageFrame
    let company: String
    let fullName: String
    let email: String
    let role: String
    let profile: String?
    let loginHost: String
    let orgID: String?
    /// Why Salesforce can't be used just now; `nil` where it can.
    let obstacle: PageNotice?
    /// The explorer; `nil` where there is an obstacle.
    let explorer: ExplorerSection?
}

/// The SOQL explorer.
struct ExplorerSection: Sendable, Hashable {
    /// Where its script asks, on this host.
    let queryPath: String
    /// Whose saved queries the browser shows.
    let userID: String
    /// Where the org shows its records in a browser; `nil` where that is not known.
    let recordOrigin: String?

    /// The origin of a login host that is the org's own: a My Domain host. A generic one or a site shows no records.
    static func recordOrigin(ofLogin url: String) -> String? {
        let myDomain = /https:\/\/[a-z0-9.\-]+\.my\.(salesforce\.com|salesforce\.mil|sfcrmproducts\.cn)/
        return url.wholeMatch(of: myDomain) == nil ? nil : url
    }
}

/// A message in a box.
struct PageNotice: Sendable, Hashable {
    let title: String
    let detail: String
    /// Where one can do something about it.
    var link: PageLink?
}

/// A way to another page of this host.
struct PageLink: Sendable, Hashable {
    let path: String
    let label: String
}

/// An error.
struct ProblemPage: Sendable, Hashable {
    let frame: PageFrame
    let heading: String
    let detail: String
    let status: Int
    let requestID: String
    let tryAgainPath: String?
    /// `nil` where there is no start page to go to.
    let homeLabel: String?
    let hasActions: Bool
}

/// The base domain's page: find your workspace.
struct FrontDoorPage: Sendable, Hashable {
    let frame: PageFrame
    /// What follows the label in a workspace's address, e.g. `.formation.pikesquare.co`.
    let suffix: String
    /// What was entered before.
    let entered: String
    /// What was wrong with it.
    let message: String?
}
