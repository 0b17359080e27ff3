internal import HTTPTypes

extension Route {
    /// What the JSON API does here, in the order in which it is shown; nothing where the route is a page's or nobody's.
    var operations: [APIOperation] {
        switch self {
        case .me: [.me]
        case .session: [.session]
        case .logout: [.logout]
        case .config: [.config, .patchConfig]
        case .configWarnings: [.configWarnings]
        case .keys: [.keys, .createKey]
        case .key: [.endKey]
        case .users: [.users]
        case .user: [.user, .changeUser]
        case .sessions: [.sessions]
        case .someSession: [.endSession]
        case .audit: [.audit]
        case .openAPI: [.openAPI]
        case .docs: [.docs]
        case .home, .asset, .login, .callback, .settingsStart, .settings, .unknownAPI, .unknown: []
        }
    }
}

/// Under which heading the page shows a route's operations.
enum APIGroup: String, Sendable, CaseIterable {
    case caller = "Who is calling"
    case config = "Configuration"
    case keys = "Access keys"
    case people = "People"
    case sessions = "Sessions"
    case audit = "Audit log"
    case description = "This description"

    /// `nil` where there is nothing to show.
    init?(_ route: Route) {
        switch route {
        case .me, .session, .logout: self = .caller
        case .config, .configWarnings: self = .config
        case .keys, .key: self = .keys
        case .users, .user: self = .people
        case .sessions, .someSession: self = .sessions
        case .audit: self = .audit
        case .openAPI, .docs: self = .description
        case .home, .asset, .login, .callback, .settingsStart, .settings, .unknownAPI, .unknown: return nil
        }
    }
}
