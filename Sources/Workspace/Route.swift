internal import HTTPTypes

/// What a path of a tenant's host names. One list: paths, methods, and who reads the answer.
enum Route: Sendable, Hashable {
    case home
    case asset(String)
    case login, callback, logout, session
    case me, config, configWarnings, keys, users, sessions, audit
    /// `/settings`, which leads to the first of its pages, and these.
    case settingsStart, settings(SettingsPage)
    /// The description of the API: for programs, and as a page.
    case openAPI, docs
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

    /// The routes with a path of their own.
    private static let fixed: [String: Route] = [
        "/": .home,
        "/auth/login": .login, "/auth/callback": .callback, "/auth/logout": .logout, "/auth/session": .session,
        "/api/me": .me, "/api/config": .config, "/api/config/warnings": .configWarnings, "/api/keys": .keys,
        "/api/users": .users, "/api/sessions": .sessions, "/api/audit": .audit, "/api/openapi.json": .openAPI,
        "/api/docs": .docs, "/settings": .settingsStart,
    ].merging(SettingsPage.allCases.map { ($0.path, .settings($0)) }) { first, _ in first }

    /// One thing out of many, `/api/{collection}/{id}`: the collections.
    private static let items: [Substring: @Sendable (String) -> Route] = [
        "keys": { .key($0) }, "users": { .user($0) }, "sessions": { .someSession($0) },
    ]

    /// Every path that is ours but for files, with `{id}` for an id. It is made from what ``init(path:)`` reads, so
    /// none is missing here.
    static let all: [(template: String, route: Route)] =
        (fixed.map { ($0.key, $0.value) } + items.map { ("/api/\($0.key)/{id}", $0.value("{id}")) })
        .sorted { $0.0 < $1.0 }

    /// Those of the JSON API.
    static let documented = all.filter { !$0.route.operations.isEmpty }

    /// Paths are taken as they stand: an escaped spelling of one of ours is nothing of ours.
    init(path: String) {
        if let route = Self.fixed[path] {
            self = route
        } else if path.hasPrefix(AssetStore.pathPrefix) {
            self = .asset(String(path.dropFirst(AssetStore.pathPrefix.count)))
        } else if path.hasPrefix("/api/") {
            self = Self.item(path.dropFirst("/api/".count)) ?? .unknownAPI
        } else {
            self = path == "/api" ? .unknownAPI : .unknown
        }
    }

    /// `keys/{id}` and its like.
    private static func item(_ path: Substring) -> Route? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty else { return nil }
        return items[parts[0]]?(String(parts[1]))
    }

    /// The methods that mean something here; empty where nothing is.
    var methods: [HTTPRequest.Method] {
        switch self {
        case .home, .asset, .login, .callback, .session, .me, .configWarnings, .users, .sessions, .audit, .openAPI,
            .docs, .settingsStart:
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

    /// Whether a frontend's files may stand here: everywhere but where the gateway's own names are.
    var isOpenToFrontend: Bool {
        switch self {
        case .home, .asset, .unknown: true
        case .login, .callback, .logout, .session, .me, .config, .configWarnings, .keys, .key, .users, .user, .sessions,
            .someSession, .audit, .openAPI, .docs, .settingsStart, .settings, .unknownAPI:
            false
        }
    }

    var reader: Reader {
        switch self {
        case .home, .login, .callback, .settingsStart, .settings: .person
        case .session, .me, .config, .configWarnings, .keys, .key, .users, .user, .sessions, .someSession, .audit,
            .openAPI, .docs, .unknownAPI:
            .program
        case .asset, .logout, .unknown: .either
        }
    }
}

/// `GET, HEAD, …` as in `Allow`.
extension [HTTPRequest.Method] {
    var allowValue: String { map(\.rawValue).joined(separator: ", ") }
}
