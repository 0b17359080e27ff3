internal import Domain

/// The pages of the settings, in the order of their navigation. Their raw values name path and template.
enum SettingsPage: String, Sendable, Hashable, CaseIterable {
    case config, people, keys, sessions, audit, billing

    /// Where `/settings` leads: a page that everybody may see.
    static let first = SettingsPage.config

    var path: String { "/settings/" + rawValue }

    /// Its name in the navigation and its heading.
    var title: String {
        switch self {
        case .config: "Configuration"
        case .people: "People"
        case .keys: "Access keys"
        case .sessions: "Sessions"
        case .audit: "Audit log"
        case .billing: "Billing"
        }
    }

    /// What it is for.
    var lead: String {
        switch self {
        case .config: "How FormationIQ reads your company's Salesforce data, and what it calls a risk."
        case .people: "Everybody who has signed in to this workspace, or was invited to."
        case .keys: "An access key lets a script or a Salesforce client library work as you, without a browser."
        case .sessions: "Where you are signed in."
        case .audit: "What happened in this workspace, newest first."
        case .billing: "What this workspace pays for."
        }
    }

    /// Whether only admins see it.
    var isForAdmins: Bool {
        switch self {
        case .people, .audit, .billing: true
        case .config, .keys, .sessions: false
        }
    }

    /// Whether anything is sent to it.
    var hasForms: Bool {
        switch self {
        case .config, .people, .keys, .sessions: true
        case .audit, .billing: false
        }
    }

    /// Whether a workspace that can't be used says so here: where something may be refused for it. Billing says it in
    /// its own words.
    var showsObstacle: Bool {
        switch self {
        case .config, .people, .keys: true
        case .sessions, .audit, .billing: false
        }
    }

    var template: [UInt8] {
        switch self {
        case .config: PackageResources.config_mustache
        case .people: PackageResources.people_mustache
        case .keys: PackageResources.keys_mustache
        case .sessions: PackageResources.sessions_mustache
        case .audit: PackageResources.audit_mustache
        case .billing: PackageResources.billing_mustache
        }
    }

    /// The pages that concern somebody.
    static func pages(for user: User) -> [SettingsPage] {
        allCases.filter { user.isAdmin || !$0.isForAdmins }
    }
}

/// What a form did, as the page says it that comes after: one of these words and nothing else from the address.
enum SettingsDone: String, Sendable, CaseIterable {
    case saved, restored
    case roleChanged = "role-changed"
    case disabled, enabled
    case keyRevoked = "key-revoked"
    case signedOut = "signed-out"

    /// The query's name for it.
    static let parameter = "done"

    var words: String {
        switch self {
        case .saved: "Your changes are saved."
        case .restored: "The defaults are restored."
        case .roleChanged: "The role is changed."
        case .disabled: "The account is disabled. Its sessions and access keys do not work."
        case .enabled: "The account is enabled again."
        case .keyRevoked: "The access key is revoked."
        case .signedOut: "That browser is signed out."
        }
    }
}
