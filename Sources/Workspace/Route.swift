internal import HTTPTypes

/// What a path of a tenant's host names. One list: paths, methods, and who reads the answer.
enum Route: Sendable, Hashable {
    case home
    case asset(String)
    case login, callback, logout, session
    case me, config, keys
    /// One key, by its id as text.
    case key(String)
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
        case "/api/me": self = .me
        case "/api/config": self = .config
        case "/api/keys": self = .keys
        case _ where path.hasPrefix(AssetStore.pathPrefix):
            self = .asset(String(path.dropFirst(AssetStore.pathPrefix.count)))
        case _ where path.hasPrefix("/api/keys/") && !path.dropFirst(10).contains("/"):
            self = .key(String(path.dropFirst(10)))
        case _ where path == "/api" || path.hasPrefix("/api/"): self = .unknownAPI
        case _: self = .unknown
        }
    }

    /// The methods that mean something here; empty where nothing is.
    var methods: [HTTPRequest.Method] {
        switch self {
        case .home, .asset, .login, .callback, .session, .me: [.get, .head, .options]
        case .logout: [.post, .options]
        case .config: [.get, .head, .patch, .options]
        case .keys: [.get, .head, .post, .options]
        case .key: [.delete, .options]
        case .unknownAPI, .unknown: []
        }
    }

    var reader: Reader {
        switch self {
        case .home, .login, .callback: .person
        case .session, .me, .config, .keys, .key, .unknownAPI: .program
        case .asset, .logout, .unknown: .either
        }
    }
}

/// `GET, HEAD, …` as in `Allow`.
extension [HTTPRequest.Method] {
    var allowValue: String { map(\.rawValue).joined(separator: ", ") }
}
