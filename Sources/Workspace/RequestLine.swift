public import Foundation
internal import HTTPTypes
public import Hummingbird
public import Logging
internal import Telemetry

/// The log line of a request that was answered here and not forwarded.
public enum RequestLine {
    /// Writes it, at `info`; at `debug` where a page's own files are asked for.
    ///
    /// No id, key or query is in it: the path is a template.
    ///
    /// - Parameters:
    ///   - logger: one that knows the request's id, and the tenant where there is one.
    ///   - seconds: from the request's head to the answer's head.
    ///   - error: the code of an answer that is an error.
    public static func write(
        _ request: Request, status: Int, seconds: TimeInterval, error: String? = nil, to logger: Logger
    ) {
        let route = Route(path: request.uri.path)
        var fields: [LogKey: Logger.MetadataValue] = [
            .method: "\(name(of: request.method))", .path: "\(route.template)", .status: "\(status)",
            .duration: "\(Int((seconds * 1_000).rounded()))",
        ]
        if let error { fields[.error] = "\(error)" }
        logger.log(level: route.isAsset ? .debug : .info, "request", metadata: .fields(fields))
    }

    /// A method can be any token; a log shows those that mean something.
    private static func name(of method: HTTPRequest.Method) -> String {
        switch method {
        case .get, .head, .post, .put, .patch, .delete, .options: method.rawValue
        case _: "other"
        }
    }
}

extension Route {
    /// The path without what stands in it: `/api/keys/{id}`.
    var template: String {
        switch self {
        case .asset: AssetStore.pathPrefix + "{name}"
        case .unknownAPI: "/api/{unknown}"
        // A file of the frontend, or nothing.
        case .unknown: "/{path}"
        case .key, .user, .someSession, .home, .login, .callback, .logout, .session, .me, .config, .configWarnings,
            .keys, .users, .sessions, .audit, .settingsStart, .settings, .openAPI, .docs:
            Self.templates[identity] ?? "/{path}"
        }
    }

    fileprivate var isAsset: Bool {
        if case .asset = self { true } else { false }
    }

    /// The route with the id left out, as ``all`` lists it.
    private var identity: Route {
        switch self {
        case .key: .key("{id}")
        case .user: .user("{id}")
        case .someSession: .someSession("{id}")
        case .asset, .unknownAPI, .unknown, .home, .login, .callback, .logout, .session, .me, .config, .configWarnings,
            .keys, .users, .sessions, .audit, .settingsStart, .settings, .openAPI, .docs:
            self
        }
    }

    private static let templates = Dictionary(all.map { ($0.route, $0.template) }) { first, _ in first }
}
