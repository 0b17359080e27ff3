internal import HTTPTypes

/// What a path of a tenant's host names. One list: paths, methods, and who reads the answer.
enum Route: Sendable, Hashable {
    case home
    case asset(String)
    case login, callback, logout, session
    case me, config, keys, users, sessions, audit
    /// `/settings`, which leads to the first of its pages, and these.
    case settingsStart, settings(SettingsPage)
    /// One key, user or session, by its id as text.
    case key(String), user(String), someSession(String)
    /// Nothing under `/api/`.
    case unknownAPI
    case unknown

    /// Who reads the answer, errors included.
    enum Reader: Sendable, Hashable {
        case person, program
        /// `Accept` says it.
        case either
    }

    /// Paths are taken as they stand: an escaped spelling of one of ours is nothing of ours.
    init(path: String) {
        switch path {
        case "/": self = .home
        case "/auth/login": self = .login
        case "/auth/callback": self = .callback
        case "/auth/logout": self = .logout
        case "/auth/session": self = .session
        case "/settings": self = .settingsStart
        case "/api/me": self = .me
        case "/api/config": self = .config
        case "/api/keys": self = .keys
        case "/api/users": self = .users
        case "/api/sessions": self = .sessions
        case "/api/audit": self = .audit
        case _ where path.hasPrefix(AssetStore.pathPrefix):
            self = .asset(String(path.dropFirst(AssetStore.pathPrefix.count)))
        case _ where path.hasPrefix("/api/"): self = Self.item(path.dropFirst("/api/".count)) ?? .unknownAPI
        case "/api": self = .unknownAPI
        case _ where path.hasPrefix(SettingsPage.pathPrefix):
            self = SettingsPage(path: path).map(Route.settings) ?? .unknown
        case _: self = .unknown
        }
    }

    /// `keys/{id}` and its like.
    private static func item(_ path: Substring) -> Route? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty else { return nil }
        let id = String(parts[1])
        return switch parts[0] {
        case "keys": .key(id)
        case "users": .user(id)
        case "sessions": .someSession(id)
        case _: nil
        }
    }

    /// The methods that mean something here; empty where nothing is.
    var methods: [HTTPRequest.Method] {
        switch self {
        case .home, .asset, .login, .callback, .session, .me, .users, .sessions, .audit, .settingsStart:
            [.get, .head, .options]
        case .settings(let page): page.hasForms ? [.get, .head, .post, .options] : [.get, .head, .options]
        case .logout: [.post, .options]
        case .config: [.get, .head, .patch, .options]
        case .keys: [.get, .head, .post, .options]
        case .key, .someSession: [.delete, .options]
        case .user: [.get, .head, .patch, .options]
        case .unknownAPI, .unknown: []
        }
    }

    var reader: Reader {
        switch self {
        case .home, .login, .callback, .settingsStart, .settings: .person
        case .session, .me, .config, .keys, .key, .users, .user, .sessions, .someSession, .audit, .unknownAPI: .program
        case .asset, .logout, .unknown: .either
        }
    }
}

/// `GET, HEAD, …` as in `Allow`.
extension [HTTPRequest.Method] {
    var allowValue: String { map(\.rawValue).joined(separator: ", ") }
}
