import Domain
import Foundation
import HTTPTypes
import Hummingbird

@testable import Workspace

/// What a browser does on the settings pages.
extension Scene {
    /// Opens a page.
    func open(_ path: String, _ cookie: String) async throws -> Response {
        var headers = browserAccept
        headers[.cookie] = cookie
        return try await send(.get, path, headers: headers)
    }

    /// Sends a form from the page itself, or with `origin` from somewhere else.
    func submit(
        _ path: String, _ cookie: String?, _ fields: KeyValuePairs<String, String>, origin: String = Scene.origin
    ) async throws -> Response {
        var headers = browserAccept
        headers[.cookie] = cookie
        headers[.origin] = origin
        headers[.contentType] = "application/x-www-form-urlencoded"
        let body = fields.map { "\(QueryString.encode($0.key))=\(QueryString.encode($0.value))" }
        return try await send(.post, path, headers: headers, body: body.joined(separator: "&"))
    }

    /// The id of whoever is signed in.
    func userID(_ cookie: String) async throws -> UserID {
        let me = try await members(try await send(.get, "/api/me", headers: fetch(cookie)))
        guard case .object(let user)? = me["user"], case .string(let text)? = user["id"], let id = UserID(text) else {
            throw SceneError.notAnObject
        }
        return id
    }
}

extension Substring {
    /// A page's text as a browser reads it, as far as our addresses and tags need it.
    var unescaped: String { replacing("&quot;", with: "\"").replacing("&amp;", with: "&").description }
}
